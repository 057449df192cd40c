//! `--check`: what the start would say and refuse, without starting anything.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use supervisor_config::{Config, Sources};
use supervisor_core::input::SpawnError;
use supervisor_core::spec::health::Probe;
use supervisor_core::spec::{GroupSpec, ProcessSpec};

use supervisor_sys::process::start::env_file;
use supervisor_sys::process::start::interpreter;
use supervisor_sys::process::start::lookup;

/// Commands of the configuration that could not be started here, one sentence each.
pub(crate) fn obstacles(config: &Config, sources: &Sources) -> BTreeSet<String> {
    let groups = config.spec.groups.iter();
    let processes = groups.flat_map(|group| group.processes.iter().map(move |own| (group, own)));
    processes.flat_map(|(group, process)| of(group, process, &sources.environment)).collect()
}

fn of(
    group: &GroupSpec,
    process: &ProcessSpec,
    environment: &[(OsString, OsString)],
) -> Vec<String> {
    let name = &process.name;
    let name = if *name == group.name { name.clone() } else { format!("{}:{name}", group.name) };
    let launch = &process.launch;
    let directory = launch.directory.as_deref();
    let environment = match env_file::with_files(environment.to_vec(), &launch.env_files) {
        Ok(environment) => environment,
        Err(error) => return vec![format!("{name}: {}", error)],
    };
    let main = lookup::command(launch, &environment).map(|(argv, file)| (argv.first(), file));
    let main = obstacle(main, directory).map(|why| format!("{name}: {why}"));
    let check = match process.health.check.as_ref().map(|check| &check.probe) {
        Some(Probe::Command(words)) => {
            let word = words.first();
            let path = lookup::path(launch, &environment);
            let file =
                lookup::find(word.map(OsString::as_os_str).unwrap_or_default(), path, directory);
            let why = obstacle(file.map(|file| (word, file)), directory);
            why.map(|why| format!("{name}: health_command: {why}"))
        }
        Some(Probe::Http { .. } | Probe::Tcp { .. }) | None => None,
    };
    main.into_iter().chain(check).collect()
}

/// Why what was found, or not, can't be executed.
fn obstacle(
    found: Result<(Option<&OsString>, PathBuf), SpawnError>,
    directory: Option<&Path>,
) -> Option<String> {
    match found {
        Err(error) => Some(error.to_string()),
        Ok((word, file)) => {
            let why = interpreter::obstacle(&file, directory)?;
            let word = word.map(|word| word.display().to_string()).unwrap_or_default();
            Some(format!("couldn't exec {word}: {why}"))
        }
    }
}
