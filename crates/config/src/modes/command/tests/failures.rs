//! Tests of the environment's settings for failures.

use supervisor_core::failure::{Class, Preset};
use supervisor_core::spec::Autorestart;

use super::*;

fn preset(pairs: &[(&str, &str)]) -> Option<Preset> {
    process(&config(pairs), "app").failure.preset
}

#[test]
fn a_health_preset_sets_the_failure_preset_unless_it_is_set() {
    let vllm = ("PROCESS_HEALTH_PRESET", "vllm");
    assert_eq!(preset(&[]), None);
    assert_eq!(preset(&[vllm]), Some(Preset::Cuda));
    assert_eq!(preset(&[vllm, ("PROCESS_FAILURE_PRESET", "off")]), None);
    assert_eq!(preset(&[vllm, ("PROCESS_FAILURE_PRESET", "ROCm")]), Some(Preset::Rocm));
    assert_eq!(preset(&[("PROCESS_FAILURE_PRESET", "neuron")]), Some(Preset::Neuron));
    assert!(
        errors(&[("PROCESS_FAILURE_PRESET", "tpu")]).contains("auto, cuda, rocm, neuron or off")
    );
}

#[test]
fn exit_codes_can_be_set_by_failure_class() {
    let codes = |text| process(&config(&[("PROCESS_EXIT_CODES", text)]), "app").failure.clone();
    let failure = codes("gpu_lost:71, config:78");
    let class_codes = [(Class::GpuLost, 71), (Class::Config, 78)];
    assert_eq!(failure.exit_codes, class_codes.into());
    assert_eq!((failure.exit_code(Class::Config), failure.exit_code(Class::Exit)), (78, 1));
}

#[test]
fn an_unknown_failure_class_or_code_is_reported_with_the_valid_ones() {
    for (text, why) in [
        ("gpu_los:71", "'gpu_los' is not a failure class (did you mean gpu_lost?)"),
        ("x:71", "'x' is not a failure class (classes: spawn, exit, signal, oom"),
        ("config:0", "'0' is not an exit code from 1 to 255"),
        ("config:256", "'256' is not an exit code from 1 to 255"),
        ("config", "'config' is not CLASS:CODE"),
    ] {
        let told = errors(&[("PROCESS_EXIT_CODES", text)]);
        assert!(told.contains("PROCESS_EXIT_CODES") && told.contains(why), "{told}");
    }
}

#[test]
fn an_exit_code_with_another_meaning_causes_a_warning() {
    for (code, warned) in [("71", false), ("2", true), ("93", true), ("137", true), ("255", true)] {
        let codes = format!("oom:{code}");
        let told = config(&[("PROCESS_EXIT_CODES", &codes)]).warnings.join("\n");
        assert_eq!(told.contains("another meaning"), warned, "{code}: {told}");
    }
}

#[test]
fn devices_are_checked_with_each_failure_preset() {
    let asks = |pairs: &[_]| process(&config(pairs), "app").failure.await_devices;
    let cuda = ("PROCESS_FAILURE_PRESET", "cuda");
    let no_tree = ("SUPERVISOR_PROGRAM__APP_KILLTREE", "false");
    assert!(!asks(&[]) && asks(&[cuda]));
    assert!(!asks(&[cuda, ("PROCESS_AWAIT_GPU_MEMORY", "false")]));
    assert!(asks(&[("PROCESS_AWAIT_GPU_MEMORY", "true")]));
    assert!(asks(&[("PROCESS_FAILURE_PRESET", "rocm")]));
    assert!(asks(&[("PROCESS_FAILURE_PRESET", "neuron")]));
    assert!(!asks(&[("PROCESS_FAILURE_PRESET", "off")]));
    assert!(!asks(&[cuda, no_tree]));
}

#[test]
fn a_failed_rank_stops_everything_without_a_restart() {
    let rank = ("PROCESS_RANK_POLICY", "exit");
    let spec = |pairs: &[_]| process(&config(pairs), "app").clone();
    assert_eq!(spec(&[]).startretries, 3);
    let app = spec(&[rank, ("SUPERVISOR_PROGRAM__APP_AUTORESTART", "unexpected")]);
    assert_eq!((app.startretries, app.essential), (0, true));
    assert_eq!(app.autorestart, Autorestart::Always);
    let retries = ("SUPERVISOR_PROGRAM__APP_STARTRETRIES", "5");
    let told = config(&[rank, retries]).warnings.join("\n");
    assert!(told.contains("startretries has no effect with rank_policy=exit"), "{told}");
    assert!(errors(&[("PROCESS_RANK_POLICY", "stop")]).contains("restart or exit"));
}
