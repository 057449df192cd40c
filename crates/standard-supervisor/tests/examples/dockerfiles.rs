//! Each Dockerfile: start, health, crash, recovery, stop.

use crate::docker::Container;
use crate::stand_in::Image;

const VLLM: &str = "vllm serve /opt/ml/model --host 0.0.0.0 --port 8080";
const SGLANG: &str = "python3 -m sglang.launch_server --model-path /opt/ml/model \
                      --host 0.0.0.0 --port 8080 --enable-metrics";
const TRTLLM: &str = "trtllm-serve /opt/ml/model --host 0.0.0.0 --port 8080";
const TRITON: &str =
    "tritonserver --model-repository=/models --http-port=8000 --exit-timeout-secs=25";

#[test]
fn every_server_starts_recovers_and_stops() {
    for (name, command, health) in [
        ("vllm", VLLM, "8080/health"),
        ("sglang", SGLANG, "8080/health"),
        ("tensorrt-llm", TRTLLM, "8080/health"),
        ("triton", TRITON, "8000/v2/health/ready"),
    ] {
        let Some(image) = Image::of(name) else { return };
        let mut container = Container::run(&[image.name()]);
        let started = format!("stand-in: {command}");
        assert_eq!(container.stdout().wait_for("stand-in"), started);
        let server = container.stderr().number_after("spawned: 'app' with pid ");
        container.stderr().wait_for("success: app entered RUNNING state");
        let url = format!("http://127.0.0.1:{health}");
        assert_eq!(container.exec(&["wget", "-q", "-O", "-", &url]), "fine\n");
        // As the image's HEALTHCHECK does.
        assert_eq!(container.exec(&["standard-supervisor", "--probe", "ready"]), "ready\n");
        container.exec(&["kill", "-9", &server.to_string()]);
        assert_eq!(container.stdout().wait_for("stand-in"), started);
        container.stop();
        assert_eq!(container.exit_code(), 0, "{name}");
    }
}

#[test]
fn sagemaker_starts_the_images_own_command() {
    for (name, command) in [("vllm", VLLM), ("sglang", SGLANG), ("tensorrt-llm", TRTLLM)] {
        let Some(image) = Image::of(name) else { return };
        let mut container = Container::run(&[image.name(), "serve"]);
        assert_eq!(container.stdout().wait_for("stand-in"), format!("stand-in: {command}"));
        container.stop();
        assert_eq!(container.exit_code(), 0, "{name}");
    }
}
