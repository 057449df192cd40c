//! Installation of the model's Python packages before the server starts.
//!
//! The behavior is that of the model-hosting-container-standards Python package: it installs
//! `requirements.txt` in the model's directory, or `STANDARD_PIP_ARGS` instead, and prefers `uv`
//! to `pip`. This module adds a time limit, and the interpreter of a command that is a Python
//! script.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::sources::Context;
use supervisor_core::signal::{Signal, SignalMap};
use supervisor_core::spec::{
    Autorestart, Backoff, FailureSpec, GroupSpec, HealthSpec, Launch, ProcessSpec, RetryRule,
    SignalRule, Sink, Spec, StartSpec, Stdio, StopTarget, WhenDone,
};

use crate::env::{AUTO_INSTALL, AutoInstall, Install, PIP_ARGS, PIP_TIMEOUT};
use crate::error::Report;
use crate::modes::search::Search;
use crate::options::{self, Key};
use crate::text::shlex;

/// The name of the installation in the log.
const NAME: &str = "requirements";

/// The requirements file in the model's directory.
const FILE: &str = "requirements.txt";

/// The directory of the model's code in a
/// [SageMaker](https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)
/// model archive.
const CODE: &str = "code";

/// The directory of packages next to the requirements file, for hosts without a network.
const PACKAGES: &str = "requirements";

/// Grace period of an installation that is stopped.
const STOPWAIT: Duration = Duration::from_secs(5);

/// The installation before `command`, if there is something to install. Otherwise this costs only a
/// check whether a file exists.
pub(crate) fn installation(
    install: &Install,
    command: &[OsString],
    signals: SignalRule,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Spec> {
    let (source, packages, words) = wanted(install, context, report)?;
    let search = Search { context };
    let Some(python) = search.python(command) else {
        report.error(format!(
            "cannot install {source}: Python not found: the command names none, and neither \
             python3 nor python is in {}; set {}=false to start without installing it",
            search.path(),
            AUTO_INSTALL.name
        ));
        return None;
    };
    let (tool, mut argv) = search.installer(python);
    argv.extend(words);
    if let Some(packages) = packages {
        argv.extend(["--find-links".into(), packages.into()]);
    }
    report.warn(format!(
        "installing {source} with {tool} before starting the server; these packages can run \
         arbitrary code (set {}=false to disable; timeout {} s, {})",
        AUTO_INSTALL.name,
        install.within.as_secs(),
        PIP_TIMEOUT.name
    ));
    Some(spec(argv, install.within, signals, context))
}

/// The packages to install, in words; the directory of packages, and the arguments.
fn wanted(
    install: &Install,
    context: Context<'_>,
    report: &mut Report,
) -> Option<(String, Option<PathBuf>, Vec<OsString>)> {
    if install.asked == AutoInstall::Off {
        return None;
    }
    if let Some(args) = &install.pip_args {
        // The arguments may hold the password of a package index, so the message does not contain
        // them.
        match shlex::split(args) {
            Ok(words) => {
                let words = words.into_iter().map(OsString::from).collect();
                return Some((format!("what {} says", PIP_ARGS.name), None, words));
            }
            Err(why) => {
                let why = format!("{}: {why}; quotes must be paired", PIP_ARGS.name);
                PIP_ARGS.reject(report, &why);
            }
        }
    }
    let folder = folder(install, context, report)?;
    let file = folder.join(FILE);
    let packages = Some(folder.join(PACKAGES)).filter(|path| context.host.is_dir(path));
    let beside = packages.as_ref().map_or("", |_| ", with the packages beside it,");
    let source = format!("{}{beside}", file.display());
    Some((source, packages, vec!["-r".into(), file.into()]))
}

/// The directory with the requirements. The requirements of an archive's code are installed only if
/// the user requests it, because existing archives start without them.
fn folder(install: &Install, context: Context<'_>, report: &mut Report) -> Option<PathBuf> {
    let has_file = |folder: &PathBuf| context.host.is_file(&folder.join(FILE));
    if has_file(&install.model) {
        return Some(install.model.clone());
    }
    let code = Some(install.model.join(CODE)).filter(has_file)?;
    if install.asked == AutoInstall::On {
        return Some(code);
    }
    let (file, name) = (code.join(FILE), AUTO_INSTALL.name);
    report.warn(format!(
        "{} is not installed: without {name} the supervisor installs {} only; set {name}=true to \
         install this file before the server starts, or {name}=false to silence this warning",
        file.display(),
        install.model.join(FILE).display()
    ));
    None
}

impl Search<'_> {
    /// The tool's name, and the part of its command line that all installations share.
    fn installer(&self, python: PathBuf) -> (&'static str, Vec<OsString>) {
        match self.find("uv".as_ref()) {
            Some(uv) => {
                let words = ["pip", "install", "--python"].map(OsString::from);
                ("uv", [vec![uv.into()], words.to_vec(), vec![python.into()]].concat())
            }
            None => {
                let words = ["-m", "pip", "install"].map(OsString::from);
                ("pip", [vec![python.into()], words.to_vec()].concat())
            }
        }
    }

    /// The interpreter that will run the server, or otherwise the default one.
    fn python(&self, command: &[OsString]) -> Option<PathBuf> {
        let first = command.first().map(OsString::as_os_str).unwrap_or_default();
        let found = self.find(first);
        let named = is_python(Path::new(first)).then(|| found.clone()).flatten();
        named
            .or_else(|| self.of_script(&found?))
            .or_else(|| self.find("python3".as_ref()))
            .or_else(|| self.find("python".as_ref()))
    }

    /// The interpreter in the first line of a script such as `vllm`, which pip installed into a
    /// virtual environment.
    fn of_script(&self, script: &Path) -> Option<PathBuf> {
        let start = self.context.host.beginning(script);
        let text = String::from_utf8_lossy(&start).into_owned();
        let mut lines = text.strip_prefix("#!")?.lines();
        let mut words = shlex::split(lines.next()?).ok()?;
        if words.first().is_some_and(|word| word == "/bin/sh") {
            // Installers use this form if the path is too long for the first line.
            words = shlex::split(lines.next()?.strip_prefix("'''exec' ")?).ok()?;
        }
        if words.first().is_some_and(|word| Path::new(word).file_name() == Some("env".as_ref())) {
            words.retain(|word| !word.starts_with('-') && !word.contains('='));
            words.remove(0);
        }
        let interpreter = words.first().filter(|word| is_python(Path::new(word)))?;
        self.find(interpreter.as_ref())
    }
}

/// `python`, `python3`, `python3.12`.
fn is_python(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    name.is_some_and(|name| name == "python" || name.starts_with("python3"))
}

fn spec(argv: Vec<OsString>, within: Duration, signals: SignalRule, context: Context<'_>) -> Spec {
    let process = ProcessSpec {
        name: NAME.to_owned(),
        program: NAME.to_owned(),
        priority: 999,
        autostart: true,
        startsecs: Duration::ZERO,
        startretries: 0,
        autorestart: Autorestart::Never,
        exitcodes: vec![0],
        stopsignal: Signal::TERM,
        signal_map: SignalMap::default(),
        stopwaitsecs: STOPWAIT,
        // The installer's child processes handle no requests, so all processes are stopped at once.
        stop_target: StopTarget::Group,
        kill_target: StopTarget::Group,
        leftover_grace: default_of(&options::LEFTOVER_GRACE, context),
        // An installation has no health check.
        health_stop: STOPWAIT,
        retry: RetryRule::Once,
        backoff: Backoff::Linear,
        main: false,
        essential: false,
        killtree: true,
        tidy: None,
        start: StartSpec::default(),
        health: HealthSpec::default(),
        failure: FailureSpec::default(),
        launch: launch(argv, context),
        settings: Rc::default(),
    };
    let group = GroupSpec {
        name: NAME.to_owned(),
        priority: 999,
        processes: vec![Rc::new(process)],
        pool: None,
    };
    Spec {
        groups: vec![group],
        signals,
        when_done: WhenDone::Proceed { within },
        prestop_delay: Duration::ZERO,
        prestop_idle: None,
        stop_budget: None,
        hooks: Vec::new(),
    }
}

/// The default of an option in command mode; no source sets the option for an installation.
fn default_of<T: Default>(option: &Key<T>, context: Context<'_>) -> T {
    let text = option.def.default.command.unwrap_or_default();
    (option.value_type.parse)(text, &context).unwrap_or_default()
}

fn launch(argv: Vec<OsString>, context: Context<'_>) -> Launch {
    // No user can enter a password for a package index.
    let no_input = ("PIP_NO_INPUT", "1");
    let is_set = context.sources.variable(no_input.0).is_some();
    let environment = [no_input].into_iter().filter(|_| !is_set);
    Launch {
        environment: environment.map(|(name, value)| (name.into(), value.into())).collect(),
        // The output is about the start, so it does not go to the server's output. The command is
        // not shown, because its arguments may contain a password.
        stdio: Stdio::Captured { stdout: Sink::Stderr.into(), stderr: None },
        ..Launch::as_supervisor(argv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errors;
    use crate::command_mode;
    use crate::testing::{FakeHost, sources};

    const MODEL: &str = "/opt/ml/model/requirements.txt";

    /// The command line of the installation, and its warnings and notes.
    fn installation(
        env: &[(&str, &str)],
        files: &[(&str, &str)],
        command: &[&str],
    ) -> Result<Option<(String, Vec<String>)>, Errors> {
        let command = command.iter().map(OsString::from).collect();
        let config = command_mode(command, &sources(env), &FakeHost::with(files))?;
        Ok(config.preparation.map(|spec| {
            let supervisor_core::spec::Command::Argv(argv) =
                &spec.groups[0].processes[0].launch.command
            else {
                panic!("{spec:?}")
            };
            let words = argv.iter().map(|word| word.to_str().unwrap());
            (shlex::join(words), config.warnings)
        }))
    }

    fn installs(env: &[(&str, &str)], files: &[(&str, &str)], command: &[&str]) -> String {
        installation(env, files, command).unwrap().unwrap().0
    }

    #[test]
    fn no_requirements_are_installed_without_a_file_or_when_turned_off() {
        let python = ("/bin/python3", "");
        assert_eq!(installation(&[], &[python], &["python3"]), Ok(None));
        for off in ["false", "0", "no", "OFF", "maybe", ""] {
            let env = [("STANDARD_AUTO_INSTALL_REQ", off), ("STANDARD_PIP_ARGS", "x")];
            assert_eq!(installation(&env, &[python, (MODEL, "")], &["python3"]), Ok(None), "{off}");
        }
    }

    #[test]
    fn requirements_are_installed_by_pip_or_uv_with_a_warning() {
        let files = [("/bin/python3", ""), (MODEL, ""), ("/bin/x", "")];
        let (words, sources) = installation(&[], &files, &["x"]).unwrap().unwrap();
        assert_eq!(words, format!("/bin/python3 -m pip install -r {MODEL}"));
        let text = "installing /opt/ml/model/requirements.txt with pip before starting the server";
        assert!(sources[0].starts_with(text), "{sources:?}");
        let packages = "/opt/ml/model/requirements/a.whl";
        let files = [&files[..], &[("/bin/uv", ""), (packages, "")]].concat();
        assert_eq!(
            installs(&[("STANDARD_AUTO_INSTALL_REQ", "Yes")], &files, &["x"]),
            format!(
                "/bin/uv pip install --python /bin/python3 -r {MODEL} --find-links /opt/ml/model/requirements"
            )
        );
    }

    #[test]
    fn the_model_directory_can_be_set_and_an_empty_path_means_the_default() {
        let files = [("/bin/python3", ""), ("/srv/m/requirements.txt", ""), (MODEL, "")];
        let at = |path| installs(&[("SAGEMAKER_MODEL_PATH", path)], &files, &["x"]);
        assert!(at("m").ends_with("-r /srv/m/requirements.txt"));
        assert!(at("").ends_with(&format!("-r {MODEL}")));
    }

    #[test]
    fn pip_arguments_replace_the_file_and_are_not_logged() {
        let args = "-r '/my file' --index-url https://me:secret@host/";
        let env = [("STANDARD_PIP_ARGS", args)];
        let files = [("/bin/python3", ""), (MODEL, "")];
        let (words, told) = installation(&env, &files, &["x"]).unwrap().unwrap();
        assert_eq!(words, format!("/bin/python3 -m pip install {args}"));
        assert!(!told.join("").contains("secret"), "{told:?}");
        // The variable belongs to the Python tool, so an error in it does not prevent the start of
        // the server.
        let bad = sources(&[("STANDARD_PIP_ARGS", "'a")]);
        let config = command_mode(vec!["x".into()], &bad, &FakeHost::with(&files)).unwrap();
        let warning = "STANDARD_PIP_ARGS: No closing quotation; quotes must be paired; ignoring \
         it";
        assert_eq!((config.preparation.is_some(), &*config.warnings[0]), (true, warning));
    }

    #[test]
    fn requirements_go_to_the_python_that_runs_the_server() {
        let env = [("PATH", "/venv/bin:/usr/bin")];
        for (script, command, python) in [
            ("", "/opt/py/python3.12", "/opt/py/python3.12"),
            ("", "python", "/venv/bin/python"),
            ("#!/opt/py/python3.12\n", "vllm", "/opt/py/python3.12"),
            ("#! /opt/py/python3.12 -s\n", "vllm", "/opt/py/python3.12"),
            ("#!/usr/bin/env python\n", "vllm", "/venv/bin/python"),
            ("#!/usr/bin/env -S python3 -u\n", "vllm", "/usr/bin/python3"),
            (
                "#!/bin/sh\n'''exec' '/opt/py/python3.12' \"$0\" \"$@\"\n",
                "vllm",
                "/opt/py/python3.12",
            ),
            ("#!/bin/sh\nexec something\n", "vllm", "/usr/bin/python3"),
            ("\u{7f}ELF", "vllm", "/usr/bin/python3"),
            ("#!/gone/python3\n", "vllm", "/usr/bin/python3"),
        ] {
            let files = [
                ("/venv/bin/vllm", script),
                ("/venv/bin/python", ""),
                ("/usr/bin/python3", ""),
                ("/opt/py/python3.12", ""),
                (MODEL, ""),
            ];
            let words = installs(&env, &files, &[command, "serve"]);
            assert!(words.starts_with(&format!("{python} -m pip")), "{script:?}: {words}");
        }
    }

    #[test]
    fn a_missing_python_is_reported_with_a_remedy() {
        let errors = installation(&[], &[(MODEL, "")], &["x"]).unwrap_err().to_string();
        assert!(errors.contains("neither python3 nor python is in the usual PATH"), "{errors}");
        assert!(errors.contains("STANDARD_AUTO_INSTALL_REQ=false"), "{errors}");
    }

    #[test]
    fn an_installation_has_a_time_limit_and_stops_its_process_tree() {
        let files = [("/bin/python3", ""), (MODEL, "")];
        let env = sources(&[("STANDARD_PIP_TIMEOUT_SECS", "60")]);
        let config = command_mode(vec!["x".into()], &env, &FakeHost::with(&files)).unwrap();
        let spec = config.preparation.unwrap();
        assert_eq!(spec.when_done, WhenDone::Proceed { within: Duration::from_secs(60) });
        let process = &spec.groups[0].processes[0];
        assert!(
            process.killtree
                && process.stop_target == StopTarget::Group
                && process.launch.die_with_supervisor
        );
        assert_eq!(process.launch.environment, [("PIP_NO_INPUT".into(), "1".into())]);
        let none = sources(&[("STANDARD_PIP_TIMEOUT_SECS", "0")]);
        let config = command_mode(vec!["x".into()], &none, &FakeHost::with(&files)).unwrap();
        let warning = "STANDARD_PIP_TIMEOUT_SECS must be between 1 and 86400, got 0; using the \
                       default, 1800";
        assert_eq!(config.warnings[0], warning);
    }

    #[test]
    fn requirements_of_the_code_directory_are_installed_if_configured() {
        const IN_CODE: &str = "/opt/ml/model/code/requirements.txt";
        let files =
            [("/bin/python3", ""), (IN_CODE, ""), ("/opt/ml/model/code/requirements/a", "")];
        let unsaid =
            command_mode(vec!["x".into()], &sources(&[]), &FakeHost::with(&files)).unwrap();
        let [warning] = &unsaid.warnings[..] else { panic!("{:?}", unsaid.warnings) };
        assert!(warning.starts_with(&format!("{IN_CODE} is not installed: ")), "{warning}");
        assert_eq!(unsaid.preparation, None);
        let off = sources(&[("STANDARD_AUTO_INSTALL_REQ", "false")]);
        let off = command_mode(vec!["x".into()], &off, &FakeHost::with(&files)).unwrap();
        assert_eq!((off.preparation, off.warnings), (None, vec![]));
        let on = [("STANDARD_AUTO_INSTALL_REQ", "true")];
        let words = installs(&on, &files, &["x"]);
        let beside = "--find-links /opt/ml/model/code/requirements";
        assert!(words.ends_with(&format!("-r {IN_CODE} {beside}")), "{words}");
        // The file at the root takes precedence.
        let both = [&files[..], &[(MODEL, "")]].concat();
        let words = installs(&on, &both, &["x"]);
        assert!(words.ends_with(&format!("-r {MODEL}")), "{words}");
    }
}
