//! Images of the examples, on a base that has stand-ins for the servers.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::example;
use crate::harness::skip;

pub const BASE: &str = "standard-supervisor-stand-in";

/// Says how it was called, answers at the port that it was given, and drains for as long as
/// `DRAIN_SECS` says.
const SERVER: &str = r#"#!/bin/sh
echo "stand-in: ${0##*/} $*"
for word; do
    case $word in --port=* | --http-port=*) port=${word#*=} ;; esac
    [ "$last" != --port ] || port=$word
    last=$word
done
trap 'echo draining; sleep ${DRAIN_SECS:-0}; echo drained; kill $httpd; exit 0' TERM
httpd -f -p "$port" -h /www &
httpd=$!
wait $httpd
"#;

/// As much of curl as probes need.
const CURL: &str = r#"#!/bin/sh
for url; do :; done
exec wget -q -O - "$url"
"#;

/// An image of an example, removed when dropped.
pub struct Image(String);

impl Image {
    /// Builds `examples/NAME/Dockerfile` as its first lines say, on the stand-in.
    pub fn of(name: &str) -> Option<Self> {
        let dist = std::env::var_os("STANDARD_SUPERVISOR_DIST").map(PathBuf::from);
        let dist = dist.filter(|dist| dist.join("SHA256SUMS").is_file());
        let (Some(dist), true) = (dist, base_is_there()) else {
            skip(
                "there is no container engine, or nothing that `make dist` made",
                "REQUIRE_DOCKER",
            );
            return None;
        };
        let tag = format!("standard-supervisor-example-{name}-{}", unique());
        let mut build = Command::new("docker");
        // Without the cache: a test that ends removes the layers another would take from it.
        build.args(["build", "--quiet", "--no-cache", "--tag", &tag]);
        build.args(["--build-arg", &format!("BASE={BASE}")]);
        build.arg("--file").arg(example(name).join("Dockerfile")).arg(dist);
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Self(tag))
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "--force", &self.0]).output();
    }
}

/// Makes the base once; whether that is possible.
pub fn base_is_there() -> bool {
    static BASE_IS_THERE: OnceLock<bool> = OnceLock::new();
    *BASE_IS_THERE.get_or_init(make_base)
}

fn make_base() -> bool {
    if !Command::new("docker").arg("version").output().is_ok_and(|out| out.status.success()) {
        return false;
    }
    let root = std::env::temp_dir().join(format!("stand-in-{}", std::process::id()));
    for folder in ["bin", "tmp", "usr/local/bin", "www/v2/health"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("www/health"), "fine\n").unwrap();
    fs::write(root.join("www/ping"), "fine\n").unwrap();
    fs::write(root.join("www/v2/health/ready"), "fine\n").unwrap();
    let found = Command::new("sh").args(["-c", "command -v busybox"]).output().unwrap();
    let busybox = String::from_utf8(found.stdout).unwrap();
    fs::copy(busybox.trim(), root.join("bin/busybox")).unwrap();
    for applet in ["sh", "cat", "httpd", "wget", "kill", "killall", "mkdir", "sleep"] {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    let servers = ["vllm", "python3", "trtllm-serve", "tritonserver"];
    // Podman turns probes into calls of curl.
    for (name, script) in servers.map(|server| (server, SERVER)).into_iter().chain([("curl", CURL)])
    {
        let path = root.join("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = "ENV PATH=/usr/local/bin:/bin";
    let script =
        format!("tar -C {} -c . | docker import --change '{path}' - {BASE}", root.display());
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_dir_all(root).unwrap();
    true
}

fn unique() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
