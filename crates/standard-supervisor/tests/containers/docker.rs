//! Images and containers of the tests, removed when they are done with.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::harness::{Lines, PATIENCE, Running, skip};

/// Makes the image once; `None`: there is no engine, or no static binary to put in.
pub fn image() -> Option<&'static str> {
    static IMAGE: OnceLock<Option<String>> = OnceLock::new();
    let image = IMAGE.get_or_init(build).as_deref();
    if image.is_none() {
        skip("there is no container engine, or no static binary", "REQUIRE_DOCKER");
    }
    image
}

fn build() -> Option<String> {
    let folder = PathBuf::from(std::env::var_os("STANDARD_SUPERVISOR_STATIC")?);
    let binary = folder.join("standard-supervisor");
    let engine = Command::new("docker").arg("version").output().ok()?.status.success();
    if !engine || !binary.is_file() {
        return None;
    }
    let root = std::env::temp_dir().join(format!("image-{}", std::process::id()));
    std::fs::create_dir_all(root.join("bin")).unwrap();
    std::fs::create_dir_all(root.join("tmp")).unwrap();
    std::fs::copy(binary, root.join("bin/standard-supervisor")).unwrap();
    std::fs::copy(busybox(), root.join("bin/busybox")).unwrap();
    for applet in
        ["sh", "sleep", "cat", "ps", "seq", "yes", "head", "setsid", "kill", "mkfifo", "id", "dd"]
    {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    // One name for all runs: there is never more than one of these images.
    let tag = "standard-supervisor-test".to_owned();
    let _ = Command::new("docker").args(["rmi", "--force", &tag]).output();
    let root_path = root.display();
    let script =
        format!("tar -C {root_path} -c . | docker import --change 'ENV PATH=/bin' - {tag}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(root).unwrap();
    Some(tag)
}

fn busybox() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|dir| dir.join("busybox")).find(|path| path.is_file());
    found.expect("busybox is installed by scripts/setup-tests")
}

/// Makes an image from lines of a Dockerfile on top of the tests' own, and removes it
/// when dropped.
pub struct Derived(String);

impl Derived {
    pub fn from(lines: &str) -> Option<Self> {
        let base = image()?;
        let name = format!("{base}-{}", unique());
        let script = format!("printf '%s\\n' \"$1\" | docker build --quiet --tag {name} -");
        let dockerfile = format!("FROM {base}\n{lines}");
        let output = Command::new("sh").args(["-c", &script, "sh", &dockerfile]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(Self(name))
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Derived {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "--force", &self.0]).output();
    }
}

/// A container that runs in the background, and its output as it comes.
pub struct Container {
    name: String,
    logs: Option<Running>,
}

impl Container {
    /// `docker run` with these options and words, the image's name among them.
    pub fn run(words: &[&str]) -> Self {
        let name = format!("standard-supervisor-test-{}-{}", std::process::id(), unique());
        docker(&[&["run", "--detach", "--name", &name][..], words].concat());
        let mut container = Self { name, logs: None };
        container.follow();
        container
    }

    /// Reads the output from the beginning, from now on.
    fn follow(&mut self) {
        self.logs =
            Some(Running::start(Command::new("docker").args(["logs", "--follow", &self.name])));
    }

    pub fn stdout(&mut self) -> &mut Lines {
        &mut self.logs.as_mut().unwrap().stdout
    }

    /// The supervisor's own lines.
    pub fn stderr(&mut self) -> &mut Lines {
        &mut self.logs.as_mut().unwrap().stderr
    }

    /// Runs a command in it and returns what it prints.
    pub fn exec(&self, words: &[&str]) -> String {
        docker(&[&["exec", &self.name][..], words].concat())
    }

    pub fn signal(&self, name: &str) {
        docker(&["kill", "--signal", name, &self.name]);
    }

    pub fn stop(&self) {
        docker(&["stop", "--time", "50", &self.name]);
    }

    /// Waits for its end and returns the exit code.
    pub fn exit_code(&self) -> i32 {
        docker(&["wait", &self.name]).trim().parse().unwrap()
    }

    /// A field of what the engine knows about it.
    pub fn inspect(&self, field: &str) -> String {
        docker(&["inspect", "--format", &format!("{{{{{field}}}}}"), &self.name]).trim().to_owned()
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.name]).output();
    }
}

/// Runs the engine's client; what it prints.
#[track_caller]
pub fn docker(words: &[&str]) -> String {
    let output = bounded().args(words).output().unwrap();
    assert!(
        output.status.success(),
        "docker {words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a container in the foreground; its exit code and what it printed.
pub fn foreground(words: &[&str]) -> (i32, String) {
    let output = bounded().args(["run", "--rm"]).args(words).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
}

/// The client, ended when it takes longer than anything here may.
fn bounded() -> Command {
    let mut command = Command::new("timeout");
    command.arg(PATIENCE.as_secs().to_string()).arg("docker");
    command
}

fn unique() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
