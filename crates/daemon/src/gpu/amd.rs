//! Memory of AMD's devices, from
//! [sysfs](https://docs.kernel.org/gpu/amdgpu/driver-misc.html): `amd-smi` and `rocm-smi` fail in
//! containers with drivers that work.

use std::fs;
use std::path::Path;
use std::time::Duration;

use supervisor_sys::deadline::run_with_deadline;
use supervisor_wire::system::nvidia_smi::{Answer, Device};

/// Time limit for reading sysfs: a driver that hangs may block it.
const LOOK_TIME: Duration = Duration::from_secs(5);

const MEBIBYTE: u64 = 1024 * 1024;

/// All devices that report their memory; `None`: there is none, or the read timed out. sysfs shows
/// the host's devices; this container may use one only if it has the driver's device.
pub(super) async fn ask() -> Option<Answer> {
    let look = run_with_deadline(LOOK_TIME, |_| {
        let may_use = Path::new("/dev/kfd").exists();
        if may_use { read(Path::new("/sys/class/drm")) } else { Vec::new() }
    });
    let devices = look.await?;
    (!devices.is_empty()).then(|| Answer { devices, ..Answer::default() })
}

fn read(folder: &Path) -> Vec<Device> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut devices: Vec<_> = names.filter_map(|name| device(folder, &name)).collect();
    devices.sort_by_key(|device| device.index);
    devices
}

/// Reads a device: `card0`, and not `card0-DP-1`, which is a connector.
fn device(folder: &Path, name: &str) -> Option<Device> {
    let index = name.strip_prefix("card")?.parse().ok()?;
    let bytes = |file: &str| {
        let text = fs::read_to_string(folder.join(name).join("device").join(file)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let total = bytes("mem_info_vram_total")? / MEBIBYTE;
    let used = bytes("mem_info_vram_used").map(|used| used / MEBIBYTE);
    Some(Device { index, uuid: name.to_owned(), total: Some(total), used, needs: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amd_cards_with_their_own_memory_are_read() {
        let folder = std::env::temp_dir().join(format!("drm-{}", std::process::id()));
        for (name, files) in [
            (
                "card1",
                &[("mem_info_vram_total", "68702699520\n"), ("mem_info_vram_used", "11030528\n")][..],
            ),
            ("card0", &[("mem_info_vram_total", "68702699520\n")]),
            ("card2", &[]),
            ("card1-DP-1", &[("mem_info_vram_total", "1\n")]),
            ("renderD128", &[("mem_info_vram_total", "1\n")]),
        ] {
            let device = folder.join(name).join("device");
            fs::create_dir_all(&device).unwrap();
            for (file, text) in files {
                fs::write(device.join(file), text).unwrap();
            }
        }
        let found = read(&folder);
        fs::remove_dir_all(&folder).unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.index, one.total, one.used)).collect();
        assert_eq!(told, [(0, Some(65_520), None), (1, Some(65_520), Some(10))]);
    }
}
