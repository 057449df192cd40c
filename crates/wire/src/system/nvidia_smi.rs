//! Parses the output of a memory query of
//! [`nvidia-smi`](https://docs.nvidia.com/deploy/nvidia-smi/index.html), without drawing
//! conclusions from it.
//!
//! The exit code is a return code of NVML, and errors go to stdout, so both are read. Code 0 does
//! not mean that all devices work: fields that a driver cannot read are in brackets, and a lost
//! device can be missing. Code 14 means a damaged infoROM, with which devices work.

/// The queried fields, in the order of [`Device`]'s fields.
pub const FIELDS: &str = "index,uuid,memory.total,memory.used";

/// A field that drivers before 570 do not know.
pub const RECOVERY_FIELD: &str = "gpu_recovery_action";

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Index of the device.
    pub index: u32,
    /// Its identifier, `GPU-…`.
    pub uuid: String,
    /// Total memory in MiB, if it can be read.
    pub total: Option<u64>,
    /// Used memory in MiB, if it can be read.
    pub used: Option<u64>,
    /// Action that is required before the device can be used again, such as `Reset`.
    pub needs: Option<String>,
}

/// The parsed output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Devices that could be read.
    pub devices: Vec<Device>,
    /// The error, if it is about devices.
    pub trouble: Option<Trouble>,
    /// Whether the driver does not know a queried field.
    pub unknown_field: bool,
}

/// An error about devices, as the tool prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A device is lost.
    Lost(String),
    /// No device or no matching driver is available.
    Gone(String),
}

/// Parses the list that `nvidia-smi -L` prints: the identifiers of MIG devices, each with the one of
/// its GPU.
#[must_use]
pub fn parts(list: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut gpu = None;
    for line in list.lines() {
        let uuid = line.split_once("(UUID: ").and_then(|(_, rest)| rest.split(')').next());
        match (uuid, gpu) {
            (Some(uuid), _) if uuid.starts_with("GPU-") => gpu = Some(uuid),
            (Some(uuid), Some(gpu)) if uuid.starts_with("MIG-") => {
                parts.push((gpu.to_owned(), uuid.to_owned()));
            }
            _ => {}
        }
    }
    parts
}

/// Parses the output. `code` is the exit code.
#[must_use]
pub fn read(code: u8, output: &str) -> Answer {
    let lines = || output.lines().map(str::trim).filter(|line| !line.is_empty());
    let unknown_field = output.contains("is not a valid field to query");
    if unknown_field {
        return Answer { unknown_field, ..Answer::default() };
    }
    Answer {
        devices: lines().filter_map(device).collect(),
        trouble: lines().find_map(trouble).or_else(|| by_code(code, lines().next())),
        unknown_field,
    }
}

/// The actions that a device can require, from the
/// [manual](https://docs.nvidia.com/deploy/nvidia-smi/index.html).
const NEEDS: [&str; 4] = ["Reset", "Reboot", "Drain P2P", "Drain and Reset"];

fn device(line: &str) -> Option<Device> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [index, uuid, total, used, needs @ ..] = &fields[..] else { return None };
    // A field that cannot be read is in brackets or `ERR!`, so an unknown action counts as none.
    let needs = needs.first().filter(|needs| NEEDS.contains(needs));
    Some(Device {
        index: index.parse().ok()?,
        uuid: uuid.starts_with("GPU-").then(|| (*uuid).to_owned())?,
        total: total.parse().ok(),
        used: used.parse().ok(),
        needs: needs.map(|needs| (*needs).to_owned()),
    })
}

fn trouble(line: &str) -> Option<Trouble> {
    let handle = line.contains("Unable to determine the device handle");
    if line.contains("GPU is lost") || handle && line.contains("Unknown Error") {
        return Some(Trouble::Lost(line.to_owned()));
    }
    let gone = [
        "Failed to initialize NVML: Driver/library version mismatch",
        "Failed to initialize NVML: Unknown Error",
        "No devices were found",
        "couldn't communicate with the NVIDIA driver",
    ];
    let is_gone = gone.iter().any(|text| line.contains(text));
    is_gone.then(|| Trouble::Gone(line.to_owned()))
}

/// NVML's codes for these errors, in case a later version prints another text.
fn by_code(code: u8, line: Option<&str>) -> Option<Trouble> {
    let says = |what: &str| match line {
        Some(line) => line.to_owned(),
        None => format!("nvidia-smi exited with {code}: {what}"),
    };
    match code {
        6 => Some(Trouble::Gone(says("no device was found"))),
        9 => Some(Trouble::Gone(says("the driver is not loaded"))),
        15 => Some(Trouble::Lost(says("a GPU is lost"))),
        17 => Some(Trouble::Gone(says("access to the devices is blocked"))),
        18 => Some(Trouble::Gone(says("driver and library have different versions"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "GPU-7b1f5a3c-0000-4000-8000-000000000000";

    fn row(rest: &str) -> String {
        format!("0, {UUID}, {rest}\n")
    }

    fn one(total: Option<u64>, used: Option<u64>, needs: Option<&str>) -> Vec<Device> {
        let needs = needs.map(str::to_owned);
        vec![Device { index: 0, uuid: UUID.to_owned(), total, used, needs }]
    }

    #[test]
    fn a_device_is_read_field_by_field() {
        for (rest, expected) in [
            ("143771, 612, None", one(Some(143_771), Some(612), None)),
            ("143771, 612", one(Some(143_771), Some(612), None)),
            ("143771, 612, Reset", one(Some(143_771), Some(612), Some("Reset"))),
            ("143771, 612, Drain P2P", one(Some(143_771), Some(612), Some("Drain P2P"))),
            ("ERR!, ERR!, ERR!", one(None, None, None)),
            ("143771, 612, [GPU requires reset]", one(Some(143_771), Some(612), None)),
            // GB10, and the parent device in a container with a MIG slice.
            ("[N/A], [N/A], [N/A]", one(None, None, None)),
            ("[Insufficient Permissions], [Insufficient Permissions]", one(None, None, None)),
        ] {
            assert_eq!(read(0, &row(rest)).devices, expected, "{rest}");
        }
    }

    #[test]
    fn a_damaged_inforom_is_not_an_error() {
        let output = format!("{}WARNING: infoROM is corrupted at gpu 0000:00:1E.0\n", row("9, 1"));
        let answer = read(14, &output);
        assert_eq!((answer.devices.len(), answer.trouble), (1, None));
    }

    #[test]
    fn gpu_errors_are_recognized_by_text_or_exit_code() {
        let lost = |line: &str| Some(Trouble::Lost(line.to_owned()));
        let gone = |line: &str| Some(Trouble::Gone(line.to_owned()));
        for (code, line, expected) in [
            (
                15,
                "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost. Reboot the system to recover this GPU",
                lost as fn(&str) -> Option<Trouble>,
            ),
            (255, "Unable to determine the device handle for GPU0000:CB:00.0: Unknown Error", lost),
            (255, "Failed to initialize NVML: Unknown Error", gone),
            (18, "Failed to initialize NVML: Driver/library version mismatch", gone),
            (6, "No devices were found", gone),
            (
                9,
                "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
                gone,
            ),
            (15, "another text", lost),
            (1, "another text", |_| None),
            (12, "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.", |_| None),
            (4, "Insufficient Permissions", |_| None),
        ] {
            assert_eq!(read(code, line).trouble, expected(line), "{code} {line}");
        }
    }

    #[test]
    fn devices_that_can_be_read_are_listed_beside_a_failed_one() {
        let output = format!(
            "Unable to determine the device handle for GPU0000:CB:00.0: Unknown Error\n{}",
            row("143771, 612")
        );
        let answer = read(255, &output);
        assert!(answer.devices.len() == 1 && matches!(answer.trouble, Some(Trouble::Lost(_))));
    }

    #[test]
    fn a_field_that_an_old_driver_does_not_know_is_recognized() {
        let answer = read(2, "Field \"gpu_recovery_action\" is not a valid field to query.\n");
        assert!(answer.unknown_field && answer.trouble.is_none());
    }

    #[test]
    fn mig_devices_are_listed_below_their_gpu() {
        let list = "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6)\n\
                    \x20 MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef)\n\
                    \x20 MIG 3g.20gb     Device  1: (UUID: MIG-cba663e8)\n\
                    GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-69cfa2f3)\n\
                    GPU 2: A100-SXM4-40GB (UUID: GPU-e86cb44c)\n\
                    \x20 MIG 1g.5gb Device 0: (UUID: MIG-GPU-e86cb44c/7/0)\n";
        let pair = |gpu: &str, part: &str| (gpu.to_owned(), part.to_owned());
        let expected = [
            pair("GPU-5d5ba0d6", "MIG-c6d4f1ef"),
            pair("GPU-5d5ba0d6", "MIG-cba663e8"),
            pair("GPU-e86cb44c", "MIG-GPU-e86cb44c/7/0"),
        ];
        assert_eq!(parts(list), expected);
        assert_eq!(parts("No devices found.\n  MIG 1g.5gb Device 0: (UUID: MIG-1)"), []);
    }

    #[test]
    fn other_text_is_not_a_device() {
        for text in ["", "+-----+\n| NVIDIA-SMI 580 |", "a, b, c, d", "0, MIG-1, 1, 1"] {
            assert_eq!(read(0, text), Answer::default(), "{text}");
        }
    }
}
