//! Compares a look at the devices with the first start: is one lost, is memory held?

use super::{Device, Trouble};
use crate::failure::DeviceState;

/// Memory in MiB that a device may use more than before: NVIDIA's resiliency extension tolerates
/// as much.
const TOLERANCE: u64 = 512;

/// The part of a device's memory that it may use more, if that is more: one of so many.
const PART: u64 = 50;

/// Which devices a program sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visible {
    /// All, as far as is known.
    All,
    /// Those with these numbers or beginnings of identifiers.
    Only(Vec<String>),
}

/// Whether memory is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    Free,
    /// These use so many MiB more than they should.
    Held(Vec<(String, u64)>),
}

impl Visible {
    /// Reads `CUDA_VISIBLE_DEVICES`. A MIG device stands for the one of `devices` that it is a part
    /// of; if that is unknown, all count.
    pub(super) fn read(variable: Option<&str>, devices: &[Device]) -> Self {
        let words = variable.unwrap_or_default().split(',').map(str::trim);
        let words = words.filter(|word| !word.is_empty());
        let known: Option<Vec<_>> = words.map(|word| whole(word, devices)).collect();
        known.filter(|words| !words.is_empty()).map_or(Self::All, Self::Only)
    }

    fn has(&self, device: &Device) -> bool {
        match self {
            Self::All => true,
            Self::Only(words) => words.iter().any(|word| {
                word.parse() == Ok(device.index)
                    || word.starts_with("GPU-") && device.id.starts_with(word)
            }),
        }
    }
}

/// The number or the beginning of the identifier of the device that a word of
/// `CUDA_VISIBLE_DEVICES` means. Before driver 470, `MIG-GPU-…/1/0` named the device itself.
fn whole(word: &str, devices: &[Device]) -> Option<String> {
    if word.parse::<u32>().is_ok() || word.starts_with("GPU-") {
        return Some(word.to_owned());
    }
    let part = word.strip_prefix("MIG-")?;
    if part.starts_with("GPU-") {
        return part.split('/').next().map(str::to_owned);
    }
    let has_part = |device: &&Device| device.parts.iter().any(|known| known.starts_with(word));
    devices.iter().find(has_part).map(|device| device.id.clone())
}

/// Whether the devices that the program sees are all there `now`. One that needed a reset before
/// the first start was used all the same, so that says nothing.
pub(super) fn state(
    first: &[Device],
    visible: &Visible,
    now: &[Device],
    trouble: Option<&Trouble>,
) -> DeviceState {
    if let Some(Trouble::Gone(line)) = trouble {
        return DeviceState::Gone(line.clone());
    }
    for device in first.iter().filter(|device| visible.has(device)) {
        match (now.iter().find(|now| now.id == device.id), trouble) {
            (None, Some(Trouble::Lost(line) | Trouble::Gone(line))) => {
                return DeviceState::Lost(line.clone());
            }
            (None, None) => {
                let what = format!("{} existed at the first start and is missing", device.id);
                return DeviceState::Lost(what);
            }
            (Some(now), _) => {
                if let (Some(needs), None) = (&now.needs, &device.needs) {
                    return DeviceState::Lost(format!("{} needs: {needs}", device.id));
                }
            }
        }
    }
    DeviceState::Fine
}

/// Whether other programs that see these devices share one with the program.
pub(super) fn is_shared(others: &[Visible], visible: &Visible, now: &[Device]) -> bool {
    now.iter().any(|device| visible.has(device) && others.iter().any(|other| other.has(device)))
}

/// Whether the memory of the devices that the program sees is free: as much as at the first
/// start is used, or, if that is not known or another program uses the device, no less than at the
/// look before.
pub(super) fn memory(
    baseline: Option<&[Device]>,
    before: Option<&[Device]>,
    (visible, others): (&Visible, &[Visible]),
    now: &[Device],
) -> Memory {
    let used_in = |devices: Option<&[Device]>, device: &Device| {
        let known = devices?.iter().find(|known| known.id == device.id)?;
        known.used
    };
    let more = |device: &Device| {
        let used = device.used?;
        let is_shared = others.iter().any(|other| other.has(device));
        let may = match baseline.filter(|_| !is_shared) {
            Some(_) => {
                let part = device.total.unwrap_or_default() / PART;
                used_in(baseline, device)?.saturating_add(TOLERANCE.max(part))
            }
            // It falls as long as it is less than it was.
            None => match used_in(before, device) {
                Some(before) if used >= before => return None,
                _ if used <= TOLERANCE => return None,
                _ => 0,
            },
        };
        used.checked_sub(may).filter(|more| *more > 0)
    };
    let seen = now.iter().filter(|device| visible.has(device));
    let held: Vec<_> = seen.filter_map(|device| Some((device.id.clone(), more(device)?))).collect();
    if held.is_empty() { Memory::Free } else { Memory::Held(held) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(index: u32, used: Option<u64>, needs: Option<&str>) -> Device {
        let id = format!("GPU-{index}aaa");
        let parts = vec![format!("MIG-{index}bbb"), format!("MIG-{index}ccc")];
        let needs = needs.map(str::to_owned);
        Device { index, id, total: Some(80_000), used, needs, parts }
    }

    #[test]
    fn a_missing_device_is_lost_if_the_program_can_see_it() {
        let first = [device(0, Some(1), None), device(1, Some(1), None)];
        let lost = Trouble::Lost("GPU is lost".to_owned());
        let all = Visible::All;
        let only = |words: &str| Visible::read(Some(words), &first);
        let there = |state| state == DeviceState::Fine;
        assert!(there(state(&first, &all, &first, None)));
        assert!(!there(state(&first, &all, &first[..1], None)));
        assert!(!there(state(&first, &all, &first[..1], Some(&lost))));
        // Another one is.
        assert!(there(state(&first, &only("0"), &first[..1], Some(&lost))));
        assert!(there(state(&first, &only("GPU-0a"), &first[..1], Some(&lost))));
        assert!(!there(state(&first, &only("MIG-7"), &first[..1], None)));
        // A MIG device is a part of one.
        for (word, expected) in [
            ("MIG-0ccc", true),
            ("MIG-1b", false),
            ("MIG-0bbb,MIG-1ccc", false),
            ("MIG-GPU-0aaa/1/0", true),
            ("MIG-GPU-1aaa/1/0", false),
        ] {
            assert_eq!(there(state(&first, &only(word), &first[..1], None)), expected, "{word}");
        }
    }

    #[test]
    fn a_device_that_newly_needs_a_reset_is_lost() {
        let fine = [device(0, Some(1), None)];
        let needs = [device(0, Some(1), Some("Reset"))];
        let lost = DeviceState::Lost("GPU-0aaa needs: Reset".to_owned());
        assert_eq!(state(&fine, &Visible::All, &needs, None), lost);
        assert_eq!(state(&needs, &Visible::All, &needs, None), DeviceState::Fine);
    }

    #[test]
    fn no_devices_found_means_that_all_are_gone() {
        let gone = Trouble::Gone("No devices were found".to_owned());
        let expected = DeviceState::Gone("No devices were found".to_owned());
        let first = [device(0, Some(1), None)];
        assert_eq!(state(&first, &Visible::All, &[], Some(&gone)), expected);
    }

    #[test]
    fn gpu_memory_is_free_when_its_use_is_near_the_baseline() {
        let baseline = [device(0, Some(600), None)];
        let held = |used| {
            let now = [device(0, used, None)];
            match memory(Some(&baseline), None, (&Visible::All, &[]), &now) {
                Memory::Free => 0,
                Memory::Held(held) => held[0].1,
            }
        };
        // 2 % of 80,000 MiB are more than 512 MiB.
        assert_eq!((held(Some(2200)), held(Some(2201)), held(Some(60_000))), (0, 1, 57_800));
        assert_eq!(held(None), 0);
    }

    #[test]
    fn without_a_baseline_gpu_memory_is_free_when_its_use_stops_decreasing() {
        let at = |used| [device(0, Some(used), None)];
        let free = |before: Option<u64>, now: u64| {
            let before = before.map(at);
            let now = at(now);
            let before = before.as_ref().map(|one| &one[..]);
            memory(None, before, (&Visible::All, &[]), &now) == Memory::Free
        };
        assert!(!free(None, 60_000));
        assert!(!free(Some(60_000), 30_000));
        assert!(free(Some(30_000), 30_000));
        assert!(free(None, 100));
    }

    #[test]
    fn the_gpu_baseline_counts_only_without_memory_of_other_programs() {
        let at = |used: [u64; 2]| {
            [device(0, Some(used[0]), None), device(1, Some(used[1]), None)].to_vec()
        };
        let (baseline, before) = (at([600, 600]), at([60_000, 60_000]));
        let held = |visible, others: &[&str]| {
            let others: Vec<_> =
                others.iter().map(|words| Visible::read(Some(words), &[])).collect();
            let visible = Visible::read(visible, &[]);
            match memory(Some(&baseline), Some(&before), (&visible, &others), &before) {
                Memory::Free => vec![],
                Memory::Held(held) => held.into_iter().map(|(id, _)| id).collect(),
            }
        };
        assert_eq!(held(None, &[]), ["GPU-0aaa", "GPU-1aaa"]);
        assert_eq!(held(None, &["1"]), ["GPU-0aaa"]);
        assert_eq!(held(None, &["1", "GPU-0a"]), [""; 0]);
        assert_eq!(held(Some("1"), &["0"]), ["GPU-1aaa"]);
        // A program that sees all may use any.
        assert_eq!(held(Some("1"), &["0", ""]), [""; 0]);
        let shared = |visible, other| {
            let [other, visible] = [other, visible].map(|words| Visible::read(Some(words), &[]));
            is_shared(&[other], &visible, &before)
        };
        assert!(shared("0,1", "1") && !shared("0", "1"));
    }
}
