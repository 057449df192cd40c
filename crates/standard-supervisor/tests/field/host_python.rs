//! An image that borrows Python, shells and their libraries from this machine: what is
//! tested is the container, not the distribution in it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::docker::docker;
use crate::harness::{python, skip};

const IMAGE: &str = "standard-supervisor-field";

/// What to give to `docker run` before the command.
#[derive(Debug)]
pub struct HostPython {
    /// Volumes, the host's network, and the image.
    words: Vec<String>,
    /// The interpreter inside, the same path as outside.
    pub python: String,
}

impl HostPython {
    /// `None`: there is no engine, no static binary to put in, or no Python environment.
    pub fn get() -> Option<&'static Self> {
        static MADE: OnceLock<Option<HostPython>> = OnceLock::new();
        let made = MADE.get_or_init(Self::make).as_ref();
        if made.is_none() {
            skip("no container engine, static binary or Python environment", "REQUIRE_DOCKER");
        }
        made
    }

    fn make() -> Option<Self> {
        let binary = PathBuf::from(std::env::var_os("STANDARD_SUPERVISOR_STATIC")?)
            .join("standard-supervisor");
        let python = python()?;
        let engine = Command::new("docker").arg("version").output().ok()?.status.success();
        if !engine || !binary.is_file() {
            return None;
        }
        import(&binary);
        let where_it_is = "import sys; print(sys.prefix); print(sys.base_prefix)";
        let output = Command::new(&python).args(["-c", where_it_is]).output().unwrap();
        let folders = String::from_utf8(output.stdout).unwrap();
        let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let mut words = vec!["--network".to_owned(), "host".to_owned()];
        // A folder below /usr comes with it.
        for folder in ["/usr", repository].into_iter().chain(folders.lines()) {
            if folder == "/usr" || !folder.starts_with("/usr") {
                words.extend(["--volume".to_owned(), format!("{folder}:{folder}:ro")]);
            }
        }
        Some(Self { words, python })
    }

    /// Words for `Container::run`: options, the image, and the command.
    pub fn run<'a>(&'a self, options: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
        let own = self.words.iter().map(String::as_str);
        let command = command.iter().copied();
        own.chain(options.iter().copied()).chain([IMAGE]).chain(command).collect()
    }
}

/// Makes the image: our binary, and links to where the host's programs and libraries come.
fn import(binary: &std::path::Path) {
    let root = std::env::temp_dir().join(format!("field-{}", std::process::id()));
    for folder in ["usr", "tmp", "opt/bin"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    for link in ["bin", "lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{link}"), root.join(link)).unwrap();
    }
    std::fs::copy(binary, root.join("opt/bin/standard-supervisor")).unwrap();
    let script = format!(
        "tar -C {} -c . | docker import --change 'ENV PATH=/opt/bin:/usr/bin:/bin' - {IMAGE}",
        root.display()
    );
    let _ = Command::new("docker").args(["rmi", "--force", IMAGE]).output();
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_dir_all(root).unwrap();
    docker(&["image", "inspect", IMAGE]);
}
