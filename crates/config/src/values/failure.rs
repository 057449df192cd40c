//! The value types of options for failures.

use std::collections::BTreeMap;

use supervisor_core::failure::{Class, Preset};
use supervisor_wire::supervisord::python::repr;

use super::{ValueType, list};
use crate::text::nearest::nearest;

/// The known failure texts to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailurePreset {
    /// Those of the health preset.
    Auto,
    /// None.
    Off,
    /// Those of this preset.
    Of(Preset),
}

pub(crate) static FAILURE_PRESET: ValueType<FailurePreset> = ValueType {
    what: "auto, cuda, rocm, neuron or off",
    parse: |text, _| match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(FailurePreset::Auto),
        "off" => Ok(FailurePreset::Off),
        name => {
            let preset = Preset::of(name).map(FailurePreset::Of);
            preset.ok_or_else(|| format!("invalid value {}", repr(text)))
        }
    },
};

/// Whether to check the GPUs before a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AwaitGpu {
    /// If the failure texts are those of NVIDIA devices.
    Auto,
    Yes,
    No,
}

pub(crate) static AWAIT_GPU: ValueType<AwaitGpu> = ValueType {
    what: "auto, true or false",
    parse: |text, context| {
        if text.eq_ignore_ascii_case("auto") {
            return Ok(AwaitGpu::Auto);
        }
        let yes = (super::BOOLEAN.parse)(text, context)?;
        Ok(if yes { AwaitGpu::Yes } else { AwaitGpu::No })
    },
};

/// The action after a failure of one of several ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RankPolicy {
    /// As after any failure.
    Restart,
    /// Give up, so that the platform recreates the whole group.
    Exit,
}

pub(crate) static RANK_POLICY: ValueType<RankPolicy> = ValueType {
    what: "restart or exit",
    parse: |text, _| match text.to_ascii_lowercase().as_str() {
        "restart" => Ok(RankPolicy::Restart),
        "exit" => Ok(RankPolicy::Exit),
        _ => Err(format!("invalid value {}", repr(text))),
    },
};

pub(crate) static CLASS_EXIT_CODES: ValueType<BTreeMap<Class, u8>> = ValueType {
    what: "comma-separated pairs of a failure class and an exit code from 1 to 255, such as \
     gpu_lost:71,config:78",
    parse: |text, _| list(text).map(class_and_code).collect(),
};

fn class_and_code(word: &str) -> Result<(Class, u8), String> {
    let Some((name, code)) = word.split_once(':') else {
        return Err(format!("{} is not CLASS:CODE", repr(word)));
    };
    let (name, code) = (name.trim().to_ascii_lowercase(), code.trim());
    let class = Class::of(&name).ok_or_else(|| {
        let known = || Class::ALL.into_iter().map(Class::name);
        let hint = match nearest(&name, known()) {
            Some((_, near)) => format!("did you mean {near}?"),
            None => format!("classes: {}", known().collect::<Vec<_>>().join(", ")),
        };
        format!("{} is not a failure class ({hint})", repr(&name))
    })?;
    let valid = code.parse().ok().filter(|code| *code > 0);
    valid
        .map(|code| (class, code))
        .ok_or_else(|| format!("{} is not an exit code from 1 to 255", repr(code)))
}
