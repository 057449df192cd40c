//! SageMaker's own SDK deploys an image of ours on this machine, as people do before they
//! pay for it.

use std::process::Command;

use crate::beside;
use crate::harness::{free_port, skip};
use crate::stand_in::Image;

#[test]
fn the_sagemaker_sdk_deploys_the_example_in_local_mode() {
    let python = std::env::var("SAGEMAKER_PYTHON").ok().filter(|path| !path.is_empty());
    let Some(python) = python else {
        return skip("SAGEMAKER_PYTHON names no Python with SageMaker's SDK", "REQUIRE_PYTHON");
    };
    let Some(image) = Image::of("vllm") else { return };
    let folder = std::env::temp_dir().join(format!("field-sagemaker-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new("timeout")
        .args(["120", &python])
        .arg(beside("deploy.py"))
        .args([image.name(), &free_port().to_string(), folder.to_str().unwrap()])
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    let expected = [
        "ping: 200",
        "command: [serve]",
        "model: weights",
        "exit: 0",
        "stand-in: vllm serve /opt/ml/model --host 0.0.0.0 --port 8080",
        "drained",
    ];
    for line in expected {
        assert!(told.contains(line), "no {line:?} in:\n{told}\n{errors}");
    }
}
