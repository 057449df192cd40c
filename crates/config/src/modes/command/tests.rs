use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use supervisor_core::event::EventType;
use supervisor_core::signal::{Signal, SignalMap};
use supervisor_core::spec::{
    Autorestart, Backoff, HealthSpec, Launch, LogFile, PoolSpec, ProcessSpec, RemoveLeftovers,
    ResultHandler, RetryRule, Sink, StartSpec, Stdio, StopTarget, TidySpec,
};

use super::*;
use crate::env::VARIABLES;
use crate::settings::server::Listen;
use crate::settings::supervisord::{Crash, LogFormat};
use crate::testing::{FakeHost, sources};

mod effective;
mod failures;
mod files;
mod mistakes;
mod once;
mod secrets;
mod starts;
mod variables;

fn configured(env: &[(&str, &str)], host: &FakeHost) -> Result<Config, Errors> {
    command_mode(vec!["vllm".into(), "serve".into(), "a ; %b".into()], &sources(env), host)
}

fn config(env: &[(&str, &str)]) -> Config {
    configured(env, &FakeHost::default()).unwrap()
}

fn errors(env: &[(&str, &str)]) -> String {
    configured(env, &FakeHost::default()).unwrap_err().to_string()
}

fn process<'a>(config: &'a Config, name: &str) -> &'a ProcessSpec {
    let mut all = config.spec.groups.iter().flat_map(|group| &group.processes);
    all.find(|process| process.name == name).unwrap()
}

fn names(config: &Config) -> Vec<String> {
    let groups = config.spec.groups.iter();
    groups.flat_map(|g| g.processes.iter().map(|p| format!("{}:{}", g.name, p.name))).collect()
}

/// A command that runs once with the default settings.
fn run_once_spec(command: Vec<OsString>) -> ProcessSpec {
    let shown = shlex::shown(&command);
    ProcessSpec {
        name: APP.to_owned(),
        program: APP.to_owned(),
        priority: 999,
        autostart: true,
        startsecs: Duration::ZERO,
        startretries: 0,
        autorestart: Autorestart::Never,
        exitcodes: Vec::new(),
        stopsignal: Signal::TERM,
        signal_map: SignalMap::default(),
        stopwaitsecs: Duration::from_secs(30),
        stop_target: StopTarget::Main,
        kill_target: StopTarget::Group,
        leftover_grace: Duration::from_secs(2),
        health_stop: Duration::from_secs(10),
        retry: RetryRule::Once,
        backoff: Backoff::Linear,
        main: true,
        essential: true,
        killtree: true,
        tidy: None,
        start: StartSpec::default(),
        health: HealthSpec::default(),
        failure: supervisor_core::spec::FailureSpec::default(),
        launch: Launch { shown, ..Launch::as_supervisor(command) },
        settings: Rc::default(),
    }
}

#[test]
fn without_autostart_the_supervisor_stays_only_if_it_has_a_control_server() {
    let never = ("SUPERVISOR_PROGRAM__APP_AUTOSTART", "false");
    let server = ("SUPERVISOR_UNIX_HTTP_SERVER_FILE", "/tmp/s.sock");
    let when_done = |pairs: &[(&str, &str)]| config(pairs).spec.when_done;
    assert_eq!(when_done(&[never]), WhenDone::Exit);
    assert_eq!(when_done(&[server]), WhenDone::Exit);
    assert_eq!(when_done(&[never, server]), WhenDone::Stay);
}

#[test]
fn a_command_gives_one_supervised_program() {
    let config = config(&[]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.spec.signals, SignalRule::StopOrForward);
    assert_eq!(config.spec.when_done, WhenDone::Exit);
    assert_eq!(names(&config), ["app:app"]);
    let app = process(&config, "app").clone();
    let expected = ProcessSpec {
        startsecs: Duration::from_secs(1),
        startretries: 3,
        autorestart: Autorestart::Always,
        exitcodes: vec![255],
        retry: RetryRule::Consecutive { reset_after: Duration::from_secs(600) },
        tidy: Some(TidySpec {
            remove_leftovers: RemoveLeftovers::OnEvidence,
            ..TidySpec::default()
        }),
        launch: Launch {
            stdio: Stdio::Captured { stdout: Sink::Stdout.into(), stderr: None },
            ..app.launch.clone()
        },
        ..run_once_spec(Vec::new())
    };
    let (launch, settings) = (app.launch.clone(), Rc::clone(&app.settings));
    assert_eq!(app, ProcessSpec { launch, settings, ..expected });
    assert!(app.launch.die_with_supervisor && app.essential && app.killtree);
    assert_eq!(app.launch.stdio, Stdio::Captured { stdout: Sink::Stdout.into(), stderr: None });
}

#[test]
fn arguments_are_passed_as_bytes() {
    let argv = vec!["x".into(), OsString::from_vec(b"\xff ; %s \n # \r".to_vec())];
    let config = command_mode(argv.clone(), &sources(&[]), &FakeHost::default()).unwrap();
    assert_eq!(process(&config, "app").launch.command, Command::Argv(argv));
    let record = config.record.unwrap();
    assert!(record.text().contains(
        "; not reproducible from this file: command contains bytes that are not \
             UTF-8"
    ));
}

#[test]
fn the_effective_configuration_file_has_the_python_tools_keys_in_order() {
    let record =
        config(&[("PROCESS_MAX_START_RETRIES", "7"), ("LOG_LEVEL", "warning")]).record.unwrap();
    assert_eq!(record.path, PathBuf::from("/tmp/supervisord.conf"));
    assert!(!record.chosen_by_user);
    let text = record.text();
    let body = text.split_once('\n').unwrap().1;
    assert_eq!(
        body,
        "\n[supervisord]\nnodaemon = true\nloglevel = warn\nlogfile = /dev/null\n\
         pidfile = /tmp/supervisord-app.pid\n\n[program:app]\n\
         command = vllm serve 'a ''; %%b'\n\
         autostart = true\nautorestart = true\nstartretries = 7\n\
         stdout_logfile = /dev/stdout\nstdout_logfile_maxbytes = 0\nstderr_logfile = /dev/stderr\n\
         stderr_logfile_maxbytes = 0\nredirect_stderr = true\nexitcodes = 255\nstartsecs = 1\n\
         stopsignal = TERM\nstopwaitsecs = 30\nstopasgroup = true\nkillasgroup = true\nstop_target = main\n"
    );
}

#[test]
fn the_path_of_the_effective_configuration_file_can_be_set() {
    let record = config(&[("SUPERVISOR_CONFIG_PATH", "conf/x.conf")]).record.unwrap();
    assert_eq!((record.path, record.chosen_by_user), (PathBuf::from("/srv/conf/x.conf"), true));
}

#[test]
fn a_variable_reaches_the_spec_and_the_effective_configuration_file() {
    let config = config(&[
        ("SUPERVISOR_PROGRAM__APP_STARTSECS", " 10 "),
        ("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE", "/var/log/app.log"),
        ("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE_MAXBYTES", "1MB"),
        ("SUPERVISOR_PROGRAM__APP_REDIRECT_STDERR", "false"),
        ("SUPERVISOR_PROGRAM__APP_AUTORESTART", "unexpected"),
    ]);
    let app = process(&config, "app");
    assert_eq!(app.startsecs, Duration::from_secs(10));
    assert_eq!(app.autorestart, Autorestart::Unexpected);
    let file = LogFile { path: "/var/log/app.log".into(), maxbytes: 1 << 20, backups: 10 };
    let stdio =
        Stdio::Captured { stdout: Sink::File(file).into(), stderr: Some(Sink::Stderr.into()) };
    assert_eq!(app.launch.stdio, stdio);
    let text = config.record.unwrap().text();
    assert!(
        text.contains("\nstartsecs = 10\n")
            && text.contains("\nstdout_logfile = /var/log/app.log\n")
    );
}

#[test]
fn the_only_expected_exit_code_is_255_by_default() {
    assert_eq!(process(&config(&[]), "app").exitcodes, [255]);
    let config = config(&[("SUPERVISOR_PROGRAM__APP_EXITCODES", "0, 2")]);
    assert_eq!(process(&config, "app").exitcodes, [0, 2]);
}

#[test]
fn program_names_in_variables_ignore_case() {
    let host = FakeHost::with(&[(
        "/srv/etc/my.conf",
        "[program:MyApp]\ncommand=%(here)s/run --x\nautorestart=false\nstartsecs=2\n[include]\nfiles=x\n",
    )]);
    let env =
        [("SUPERVISOR_INCLUDE_FILES", "etc/*.conf"), ("SUPERVISOR_PROGRAM__MYAPP_STARTSECS", "7")];
    let config = configured(&env, &host).unwrap();
    assert_eq!(names(&config), ["MyApp:MyApp", "app:app"]);
    assert_eq!(config.included, [PathBuf::from("/srv/etc/my.conf")]);
    let mine = process(&config, "MyApp");
    assert_eq!(mine.startsecs, Duration::from_secs(7));
    assert_eq!(mine.autorestart, Autorestart::Never);
    assert_eq!(mine.launch.command, Command::Argv(vec!["/srv/etc/run".into(), "--x".into()]));
    let text = config.record.as_ref().unwrap().text();
    assert!(text.contains("[program:MyApp]\ncommand = /srv/etc/run --x\n"), "{text}");
    assert!(!text.contains("[include]") && !text.contains("essential"), "{text}");
}

#[test]
fn an_added_program_has_the_defaults_of_command_mode() {
    let config = config(&[
        ("SUPERVISOR_PROGRAM__NGINX_COMMAND", "nginx -g 'daemon off ;' # x"),
        ("SUPERVISOR_PROGRAM__NGINX_PRIORITY", "1"),
        ("PROCESS_MAX_START_RETRIES", "5"),
    ]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(names(&config), ["nginx:nginx", "app:app"]);
    let nginx = process(&config, "nginx");
    let words = ["nginx", "-g", "daemon off ;", "#", "x"].map(OsString::from);
    assert_eq!(nginx.launch.command, Command::Argv(words.to_vec()));
    assert_eq!(
        nginx.launch.stdio,
        Stdio::Captured { stdout: Sink::Stdout.into(), stderr: Some(Sink::Stderr.into()) }
    );
    assert_eq!((nginx.startretries, nginx.stopwaitsecs.as_secs()), (5, 30));
    assert!(nginx.essential && nginx.killtree);
    assert_eq!((nginx.stop_target, nginx.kill_target), (StopTarget::Main, StopTarget::Group));
    assert_eq!(nginx.autorestart, Autorestart::Always);
    assert!(matches!(nginx.retry, RetryRule::Consecutive { .. }));
    let text = config.record.unwrap().text();
    assert!(
        text.contains("[program:nginx]\ncommand = nginx -g 'daemon off '';' ''# x\n"),
        "{text}"
    );
}

#[test]
fn values_of_variables_expand_and_have_no_comments() {
    let config = config(&[
        ("WHO", "me;you"),
        (
            "SUPERVISOR_PROGRAM__X_COMMAND",
            "echo %(ENV_WHO)s 100%% ; # %(process_num)02d %(here)s %(ENV_K)s",
        ),
        ("SUPERVISOR_PROGRAM__X_ENVIRONMENT", "K=\"a b\",WHO=you"),
        ("SUPERVISOR_SUPERVISORD_ENVIRONMENT", "G=1,WHO=all"),
        ("SUPERVISOR_PROGRAM__X_PROCESS_NAME", "%(program_name)s_%(process_num)d"),
        ("SUPERVISOR_PROGRAM__X_NUMPROCS", "2"),
    ]);
    assert_eq!(names(&config), ["app:app", "x:x_0", "x:x_1"]);
    let x = process(&config, "x_1");
    let words = ["echo", "you", "100%", ";", "#", "01", "/srv", "a", "b"].map(OsString::from);
    assert_eq!(x.launch.command, Command::Argv(words.to_vec()));
    let environment = [("G", "1"), ("K", "a b"), ("WHO", "you")].map(|(k, v)| (k.into(), v.into()));
    assert_eq!(x.launch.environment, environment);
    let app = [("G", "1"), ("WHO", "all")].map(|(k, v)| (k.into(), v.into()));
    assert_eq!(process(&config, "app").launch.environment, app);
}

#[test]
fn a_command_from_the_environment_overrides_the_arguments_with_a_warning() {
    let config = config(&[("SUPERVISOR_PROGRAM__APP_COMMAND", "other 'x y'")]);
    let words = ["other", "x y"].map(OsString::from).to_vec();
    assert_eq!(process(&config, "app").launch.command, Command::Argv(words));
    assert!(config.warnings[0].starts_with("SUPERVISOR_PROGRAM__APP_COMMAND sets the command"));
}

#[test]
fn a_group_keeps_the_order_of_its_program_list() {
    let config = config(&[
        ("SUPERVISOR_PROGRAM__B_COMMAND", "b"),
        ("SUPERVISOR_PROGRAM__B_PRIORITY", "1"),
        ("SUPERVISOR_GROUP__G_PROGRAMS", "app, b"),
        ("SUPERVISOR_GROUP__G_PRIORITY", "5"),
        ("SUPERVISOR_PROGRAM__C_COMMAND", "c"),
        ("SUPERVISOR_PROGRAM__C_PRIORITY", "6"),
    ]);
    assert_eq!(names(&config), ["g:app", "g:b", "c:c"]);
}

#[test]
fn settings_without_effect_cause_one_warning_only_if_they_differ() {
    let config = config(&[
        ("SUPERVISOR_SUPERVISORD_NODAEMON", "on"),
        ("SUPERVISOR_SUPERVISORD_SILENT", "on"),
        ("SUPERVISOR_SUPERVISORD_MINFDS", "2048"),
    ]);
    let mut warnings = config.warnings.clone();
    warnings.sort();
    assert_eq!(warnings, ["[supervisord] silent=on has no effect with a command line",]);
}

#[test]
fn one_variable_enables_a_control_server_and_event_listeners_work() {
    let config = config(&[
        ("SUPERVISOR_UNIX_HTTP_SERVER_FILE", "/tmp/s.sock"),
        ("SUPERVISOR_PROGRAM__APP_STDOUT_EVENTS_ENABLED", "true"),
        ("SUPERVISOR_EVENTLISTENER__L_COMMAND", "listen"),
        ("SUPERVISOR_EVENTLISTENER__L_EVENTS", "tick_5"),
    ]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(names(&config), ["l:l", "app:app"]);
    let pool = PoolSpec {
        events: [EventType::Tick5].into(),
        buffer_size: 10,
        handler: ResultHandler::Verdict,
    };
    assert_eq!(config.spec.groups[0].pool, Some(pool));
    let url = ("SUPERVISOR_SERVER_URL".into(), "unix:///tmp/s.sock".into());
    assert!(process(&config, "app").launch.environment.contains(&url));
    let Stdio::Captured { stdout, .. } = &process(&config, "app").launch.stdio else { panic!() };
    assert!(stdout.events_enabled);
    assert_eq!(config.namespaces, ["supervisor"]);
    assert_eq!(config.servers[0].listen.url(), "unix:///tmp/s.sock");
}

#[test]
fn a_port_without_a_password_must_be_on_loopback_unless_allowed() {
    let open = [("SUPERVISOR_INET_HTTP_SERVER_PORT", "*:9001")];
    let message = errors(&open);
    assert!(message.contains("port=127.0.0.1:9001, or allow_unauthenticated=true"), "{message}");
    for more in [
        ("SUPERVISOR_INET_HTTP_SERVER_ALLOW_UNAUTHENTICATED", "true"),
        ("SUPERVISOR_INET_HTTP_SERVER_PORT", "127.0.0.1:9001"),
        ("SUPERVISOR_INET_HTTP_SERVER_PORT", "localhost:9001"),
    ] {
        // If a variable occurs twice, the first one counts.
        assert_eq!(config(&[more, open[0]]).servers.len(), 1, "{more:?}");
    }
}

#[test]
fn negative_numbers_count_as_zero_with_a_warning() {
    let config = config(&[("SUPERVISOR_PROGRAM__APP_STARTSECS", "-5")]);
    assert_eq!(process(&config, "app").startsecs, Duration::ZERO);
    assert_eq!(config.warnings, ["[program:app] startsecs=-5 is negative; using 0"]);
}

#[test]
fn an_ignored_stderr_logfile_causes_a_warning_only_if_it_was_set() {
    let config = config(&[("SUPERVISOR_PROGRAM__APP_STDERR_LOGFILE", "/var/log/e")]);
    assert!(
        config.warnings[0]
            .starts_with("For [program:app], redirect_stderr=true but stderr_logfile")
    );
}

/// Programs of one group that depend on each other stop one after the other.
#[test]
fn a_stop_budget_counts_programs_that_stop_one_after_the_other() {
    let config = config(&[
        ("PROCESS_STOP_BUDGET_SECS", "50"),
        ("SUPERVISOR_PROGRAM__B_COMMAND", "b"),
        ("SUPERVISOR_PROGRAM__B_DEPENDS_ON", "app"),
        ("SUPERVISOR_GROUP__G_PROGRAMS", "app,b"),
    ]);
    assert_eq!(
        config.warnings,
        ["PROCESS_STOP_BUDGET_SECS: a shutdown may take 61 s (b 30, app 30, reserve 1), more \
         than the budget of 50 s; reducing grace periods to fit"]
    );
}

/// If the delay uses up the budget, the server has no time to finish its requests.
#[test]
fn a_delay_that_uses_up_the_budget_is_reduced_with_a_warning() {
    for (budget, delay, reduced) in [
        ("5", "5", "the prestop delay to 4 s and the grace period of app to 0 s, which leaves"),
        ("6", "5", "the grace period of app to 0 s, which leaves no time to finish: SIGKILL"),
        ("7", "5", "grace periods to fit"),
    ] {
        let config =
            config(&[("PROCESS_STOP_BUDGET_SECS", budget), ("PROCESS_PRESTOP_DELAY_SECS", delay)]);
        let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
        assert!(warning.contains(&format!("; reducing {reduced}")), "{warning}");
    }
}

#[test]
fn a_generated_file_has_the_requested_name_and_level() {
    let generated = generate(&["a b".into(), "".into()], "web%1", Level::Debug).unwrap();
    assert!(generated.warnings.is_empty());
    for line in [
        "loglevel = debug",
        "pidfile = /tmp/supervisord-web%%1.pid",
        "[program:web%1]",
        "command = 'a b' ''",
        "startretries = 3",
    ] {
        assert!(generated.text.lines().any(|l| l == line), "{line}\n{}", generated.text);
    }
    for name in ["", "a b", "a:b", "a/b", "x\ny", "x\t;y"] {
        assert!(generate(&["x".into()], name, Level::Error).is_err(), "{name:?}");
    }
    let generated = generate(&["a\rb".into()], "app", Level::Error).unwrap();
    assert_eq!(generated.warnings.len(), 1);
}

mod never_panics {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_override_is_read_without_a_panic(
            key in "(STARTSECS|EXITCODES|STOPSIGNAL|ENVIRONMENT|COMMAND|NUMPROCS|USER|UMASK|STDOUT_LOGFILE|STDOUT_LOGFILE_MAXBYTES|PROCESS_NAME|PRIORITY|AUTORESTART)",
            value in "([0-9 ,=%()+-]|[a-zA-Z'\"\\\\;#_~/\n]|\\PC)*",
        ) {
            // Many processes make the test slow without testing more.
            prop_assume!(!(key == "NUMPROCS" && value.len() > 3));
            let name = format!("SUPERVISOR_PROGRAM__APP_{key}");
            if let Ok(config) = configured(&[(name.as_str(), value.as_str())], &FakeHost::default()) {
                let _ = config.effective();
            }
        }

        #[test]
        fn any_included_file_is_read_without_a_panic(text in "(\\[|\\]|program:|x|=|%\\(|\\)s|\n| |\\PC)*") {
            let host = FakeHost::with(&[("/srv/x.conf", text.as_str())]);
            let _ = configured(&[("SUPERVISOR_INCLUDE_FILES", "x.conf")], &host);
        }

        #[test]
        fn any_listen_address_is_read_without_a_panic(value in "(unix://|tcp://|:|\\*|[0-9]|[a-z]|/|\\PC)*") {
            let env = [("SUPERVISOR_INET_HTTP_SERVER_PORT", value.as_str()), ("SUPERVISOR_FCGI_PROGRAM__F_SOCKET", value.as_str())];
            let _ = configured(&env, &FakeHost::default());
        }
    }
}

#[test]
fn options_override_the_variables_of_the_status_port() {
    let config = config(&[
        ("PROCESS_STATUS_PORT", "9100\n"),
        ("PROCESS_PRESTOP_DELAY_SECS", "2.5"),
        ("LOG_FORMAT", "JSON"),
    ]);
    assert_eq!(config.supervisord.status, Some(Listen::at_all(None, 9100)));
    assert_eq!(config.spec.prestop_delay, Duration::from_millis(2500));
    assert_eq!(config.supervisord.log_format, LogFormat::Json);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let text = config.effective();
    for (option, variable) in [
        ("status_port = 9100 ", "PROCESS_STATUS_PORT"),
        ("prestop_delay_secs = 2.5 ", "PROCESS_PRESTOP_DELAY_SECS"),
        ("log_format = json ", "LOG_FORMAT"),
    ] {
        let line = text.lines().find(|line| line.starts_with(option)).unwrap();
        assert!(line.ends_with(&format!(" ; {variable}")), "{line}");
    }
    let config = self::config(&[
        ("PROCESS_STATUS_PORT", "9100"),
        ("SUPERVISOR_SUPERVISORD_STATUS_PORT", "127.0.0.1:9200"),
        ("SUPERVISOR_SUPERVISORD_PRESTOP_DELAY_SECS", "7"),
    ]);
    let local = Listen::Inet { host: Some("127.0.0.1".to_owned()), port: 9200 };
    assert_eq!(config.supervisord.status, Some(local));
    assert_eq!(config.spec.prestop_delay, Duration::from_secs(7));
    let config = self::config(&[("PROCESS_STATUS_PORT", "off"), ("LOG_FORMAT", "")]);
    assert_eq!((config.supervisord.status, config.supervisord.log_format), (None, LogFormat::Text));
}
