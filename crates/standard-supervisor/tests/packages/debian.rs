//! The Debian package, by dpkg into a file system in which nothing is.
//!
//! `scripts/check-packages` does it in a whole Debian of 2021.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Running, skip};
use crate::{ARCH, dist, empty, file, run};

/// A root with an empty package database and busybox.
fn empty_root(name: &str) -> PathBuf {
    let root = empty(name);
    for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "bin", "tmp", "proc"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let busybox = run(Command::new("sh").args(["-c", "command -v busybox"]));
    fs::copy(busybox.trim(), root.join("bin/busybox")).unwrap();
    std::os::unix::fs::symlink("busybox", root.join("bin/sh")).unwrap();
    root
}

fn dpkg(root: &Path) -> Command {
    let mut command = Command::new("dpkg");
    command.arg(format!("--root={}", root.display())).arg("--force-script-chrootless");
    command
}

/// A command that sees nothing but `root`.
fn inside(root: &Path, words: &[&str]) -> Command {
    // Found by our own PATH, before the command gets one.
    let chroot = run(Command::new("sh").args(["-c", "command -v chroot"]));
    let mut command = Command::new(chroot.trim());
    command.arg(root).args(words).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("PROCESS_MAX_START_RETRIES", "0");
    command
}

#[test]
fn the_debian_package_installs_runs_and_is_removed_completely() {
    let Some(dist) = dist() else { return };
    if !rustix::process::getuid().is_root() {
        return skip("only root may install packages", "REQUIRE_DOCKER");
    }
    let root = empty_root("debian");
    run(dpkg(&root).arg("--install").arg(file(&dist, &format!("_{ARCH}.deb"))));
    assert!(run(dpkg(&root).args(["--verify", "standard-supervisor"])).is_empty());

    let mut command =
        inside(&root, &["/usr/bin/standard-supervisor", "sh", "-c", "echo run; exit 3"]);
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1, "{:?}", running.stderr.rest());
    assert_eq!(running.stdout.rest(), ["run"]);
    for program in ["supervisord", "generate-supervisor-config"] {
        let version = inside(&root, &[program, "--version"]).output();
        assert!(version.unwrap().status.success(), "{program}");
    }

    run(dpkg(&root).args(["--purge", "standard-supervisor"]));
    assert!(!root.join("usr/bin/standard-supervisor").exists());
    assert!(!root.join("usr/share/doc/standard-supervisor").exists());
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn every_program_has_a_manual_page_and_completions() {
    let Some(dist) = dist() else { return };
    let listing =
        run(Command::new("dpkg-deb").arg("--contents").arg(file(&dist, &format!("_{ARCH}.deb"))));
    let paths = listing.lines().filter_map(|line| line.split(" ./").nth(1));
    // A link is listed with what it leads to.
    let paths: Vec<_> = paths.map(|path| path.split(" -> ").next().unwrap()).collect();
    let programs: Vec<_> = paths.iter().filter_map(|path| path.strip_prefix("usr/bin/")).collect();
    let programs: Vec<_> = programs.into_iter().filter(|name| !name.is_empty()).collect();
    assert!(programs.contains(&"standard-supervisor"), "{paths:?}");
    for program in programs {
        let page = |path: &&str| {
            path.starts_with("usr/share/man/") && path.contains(&format!("/{program}."))
        };
        assert!(paths.iter().any(page), "{program} has no manual page");
        let completion = format!("usr/share/bash-completion/completions/{program}");
        assert!(paths.contains(&&*completion), "{program} has no completion");
    }
}
