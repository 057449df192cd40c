//! Memory of AWS's Neuron devices, from
//! [sysfs](https://awsdocs-neuron.readthedocs-hosted.com/en/latest/tools/neuron-sys-tools/neuron-sysfs-user-guide.html).
//!
//! Each core of a device has a folder `device_mem` with the file `present`: the bytes in use. The
//! driver has moved such folders between its versions, so they are searched for.

use std::fs;
use std::path::Path;
use std::time::Duration;

use supervisor_sys::deadline::run_with_deadline;
use supervisor_wire::system::nvidia_smi::{Answer, Device};

/// Time for such a look: a driver that hangs may hold it up.
const LOOK_TIME: Duration = Duration::from_secs(5);

/// The folders that are entered below a device's own, one in another.
const DEPTH: u32 = 5;

const MEBIBYTE: u64 = 1024 * 1024;

/// All devices of this container; `None`: there is none, or no answer.
pub(super) async fn ask() -> Option<Answer> {
    let look = run_with_deadline(LOOK_TIME, |_| {
        read(Path::new("/sys/devices/virtual/neuron_device"), Path::new("/dev"))
    });
    let devices = look.await?;
    (!devices.is_empty()).then(|| Answer { devices, ..Answer::default() })
}

/// sysfs shows the host's devices; this container may use those that it has in `/dev`.
fn read(folder: &Path, dev: &Path) -> Vec<Device> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names = names.filter(|name| dev.join(name).exists());
    let mut devices: Vec<_> = names.filter_map(|name| device(folder, name)).collect();
    devices.sort_by_key(|device| device.index);
    devices
}

fn device(folder: &Path, name: String) -> Option<Device> {
    let index = name.strip_prefix("neuron")?.parse().ok()?;
    let used = in_use(&folder.join(&name), DEPTH).map(|bytes| bytes / MEBIBYTE);
    Some(Device { index, uuid: name, total: None, used, needs: None })
}

/// The bytes in use below a folder; `None`: nothing tells.
fn in_use(folder: &Path, depth: u32) -> Option<u64> {
    if folder.ends_with("device_mem") {
        return fs::read_to_string(folder.join("present")).ok()?.trim().parse().ok();
    }
    let depth = depth.checked_sub(1)?;
    let entries = fs::read_dir(folder).ok()?.flatten();
    // A link may lead in a circle.
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.filter_map(|entry| in_use(&entry.path(), depth)).reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_all_cores_of_a_device_is_added_up() {
        let root = std::env::temp_dir().join(format!("neuron-{}", std::process::id()));
        let (sysfs, dev) = (root.join("sys"), root.join("dev"));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let memory = "stats/memory_usage/device_mem";
        write(&format!("sys/neuron0/neuron_core0/{memory}/present"), "104857600\n");
        write(&format!("sys/neuron0/neuron_core0/{memory}/peak"), "904857600\n");
        write(&format!("sys/neuron0/neuron_core0/{memory}/tensors/present"), "4857600\n");
        write(&format!("sys/neuron0/neuron_core1/{memory}/present"), "104857600\n");
        write("sys/neuron0/neuron_core1/stats/memory_usage/host_mem/present", "7340032000\n");
        // One folder less, as another version of the driver may have it; unreadable; not ours.
        write("sys/neuron1/neuron_core0/memory_usage/device_mem/present", "1048576\n");
        write("sys/neuron2/info/serial_number", "1\n");
        write(&format!("sys/neuron3/neuron_core0/{memory}/present"), "1048576\n");
        for name in ["neuron0", "neuron1", "neuron2", "neuron_other"] {
            write(&format!("dev/{name}"), "");
        }
        let found = read(&sysfs, &dev);
        fs::remove_dir_all(&root).unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.index, &*one.uuid, one.used)).collect();
        assert_eq!(
            found,
            [(0, "neuron0", Some(200)), (1, "neuron1", Some(1)), (2, "neuron2", None)]
        );
    }
}
