use supervisor_core::spec::{
    Autorestart, Command, LogFile, Output, ProcessSpec, RetryRule, Sink, Socket, SocketAddress,
    Stdio, StopTarget,
};

use super::*;
use crate::Crash;
use crate::flags::{Request, supervisord_flags};
use crate::testing::{FakeHost, sources};
use supervisor_core::spec::{RemoveLeftovers, TidySpec};

/// The configuration for `files`, the first of which is the argument of `-c`, and further
/// arguments.
fn configured(files: &[(&str, &str)], words: &str) -> Result<Config, Errors> {
    let line = format!("-c {} {words}", files[0].0);
    let words: Vec<_> = line.split_whitespace().map(Into::into).collect();
    let Ok(Request::Run(flags)) = supervisord_flags(&words) else { panic!("{line}") };
    let sources = sources(&[("HOME", "/home/me"), ("COLOUR", "50% red")]);
    file_mode(&flags, Path::new("/usr/bin/supervisord"), &sources, &FakeHost::with(files))
}

fn config(text: &str) -> Config {
    configured(&[("/srv/t.conf", text)], "").unwrap()
}

fn errors(text: &str) -> String {
    configured(&[("/srv/t.conf", text)], "").unwrap_err().to_string()
}

fn processes(config: &Config) -> Vec<&ProcessSpec> {
    config.spec.groups.iter().flat_map(|group| &group.processes).map(AsRef::as_ref).collect()
}

fn argv(process: &ProcessSpec) -> String {
    let Command::Argv(words) = &process.launch.command else { panic!("{process:?}") };
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join("|")
}

#[test]
fn a_program_has_supervisords_defaults() {
    let config = config("[supervisord]\n[program:cat]\ncommand=/bin/cat\n");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.spec.signals, SignalRule::Supervisord);
    assert_eq!(config.spec.when_done, WhenDone::Stay);
    assert!(config.record.is_none());
    let [cat] = processes(&config)[..] else { panic!() };
    assert_eq!((cat.name.as_str(), cat.priority, cat.autostart), ("cat", 999, true));
    assert_eq!((cat.startsecs.as_secs(), cat.startretries), (1, 3));
    assert_eq!((cat.autorestart, &cat.exitcodes[..]), (Autorestart::Unexpected, &[0][..]));
    assert_eq!(cat.stopwaitsecs.as_secs(), 10);
    assert_eq!((cat.stop_target, cat.kill_target), (StopTarget::Main, StopTarget::Main));
    assert!(!cat.essential && !cat.killtree);
    assert_eq!(cat.retry, RetryRule::FailedStarts);
    let auto = Output::from(Sink::Auto { maxbytes: 50 << 20, backups: 10 });
    let stdio = Stdio::Captured { stdout: auto.clone(), stderr: Some(auto) };
    assert_eq!(cat.launch.stdio, stdio);
    let supervisord = config.supervisord;
    assert_eq!((supervisord.minfds, supervisord.minprocs), (Some(1024), Some(200)));
    assert_eq!((supervisord.umask, supervisord.nodaemon), (None, false));
    assert_eq!(supervisord.pidfile, Some("/srv/supervisord.pid".into()));
    assert_eq!(
        supervisord.logfile.sink,
        Sink::File(LogFile {
            path: "/srv/supervisord.log".into(),
            maxbytes: 50 << 20,
            backups: 10
        })
    );
}

#[test]
fn extensions_are_off_by_default_in_config_file_mode() {
    let plain = config(
        "[supervisord]\n[program:a]\ncommand=a\nessential=true\nkilltree=on\nretryresetsecs=60\n",
    );
    let [a] = processes(&plain)[..] else { panic!() };
    assert!(a.essential && a.killtree);
    assert!(
        matches!(a.retry, RetryRule::Consecutive { reset_after } if reset_after.as_secs() == 60)
    );
    assert_eq!((&a.tidy, &plain.supervisord.crash), (&None, &Crash::default()));
    let config = config(
        "[supervisord]\ncrash_line=on\ncrash_dir=crashes\ntermination_log=/t\n\
         [program:a]\ncommand=a\nkilltree=on\nremove_leftovers=on\nawait_port=80\n",
    );
    let [a] = processes(&config)[..] else { panic!() };
    assert_eq!(
        a.tidy,
        Some(TidySpec {
            remove_leftovers: RemoveLeftovers::OnEvidence,
            sockets: Vec::new(),
            shared_memory: &[],
            port: Some(80)
        })
    );
    let crash = &config.supervisord.crash;
    assert!(crash.line && crash.termination_log.as_ref().is_some_and(|log| log.asked_for));
    assert!(
        crash.files.as_ref().is_some_and(|files| files.directory.is_absolute() && files.asked_for)
    );
}

#[test]
fn the_command_line_of_supervisord_overrides_the_file() {
    let file = "[supervisord]\nloglevel=warn\nlogfile=/tmp/%(host_node_name)s.log\nidentifier=file\numask=077\n";
    let config =
        configured(&[("/srv/t.conf", file)], "-n -e debug -i 50% -j /tmp/p.pid -m 027").unwrap();
    let supervisord = config.supervisord;
    assert_eq!(supervisord.loglevel, supervisor_core::level::Level::Debug);
    assert_eq!(supervisord.identifier, "50%");
    assert_eq!(supervisord.pidfile, Some("/tmp/p.pid".into()));
    assert_eq!((supervisord.umask, supervisord.nodaemon), (Some(0o027), true));
    assert!(
        matches!(supervisord.logfile.sink, Sink::File(f) if f.path == Path::new("/tmp/box.log"))
    );
}

#[test]
fn variables_do_not_configure_config_file_mode() {
    let files = [("/srv/t.conf", "[supervisord]\n[program:a]\ncommand=a\n")];
    let Ok(Request::Run(flags)) = supervisord_flags(&["-c".into(), "t.conf".into()]) else {
        panic!()
    };
    let sources = sources(&[("SUPERVISOR_PROGRAM__A_STARTSECS", "7"), ("LOG_LEVEL", "debug")]);
    let config = file_mode(&flags, Path::new("x"), &sources, &FakeHost::with(&files)).unwrap();
    assert_eq!(processes(&config)[0].startsecs.as_secs(), 1);
    assert_eq!(config.supervisord.loglevel, supervisor_core::level::Level::Info);
}

#[test]
fn invalid_values_on_the_command_line_name_their_option() {
    let files = [("/srv/t.conf", "[supervisord]\nminfds=x\n[program:a]\n")];
    let text = configured(&files, "-y abc --loglevel loud").unwrap_err().to_string();
    for message in [
        "invalid value for -y 'abc': not a whole number: 'abc'",
        "invalid value for --loglevel 'loud': bad logging level name 'loud'",
        "/srv/t.conf:2: not a whole number: 'x' in section 'supervisord'; minfds: expected",
        "/srv/t.conf:3: program section program:a does not specify a command in section 'program:a'",
    ] {
        assert!(text.contains(message), "{message}\n{text}");
    }
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn options_of_pythons_profiler_are_accepted_without_effect() {
    let files = [("/srv/t.conf", "[supervisord]\n")];
    let config = configured(&files, "--profile_options=cumulative,calls").unwrap();
    let warning = "--profile_options has no effect: it controls Python's profiler";
    assert_eq!(config.warnings, [warning]);
}

#[test]
fn missing_and_foreign_files_are_named() {
    assert_eq!(
        configured(&[("/srv/t.conf", "")], "").unwrap_err().to_string(),
        "ERROR: .ini file does not include supervisord section"
    );
    let words = ["-c".into(), "gone.conf".into()];
    let Ok(Request::Run(flags)) = supervisord_flags(&words) else { panic!() };
    let host = FakeHost::default();
    let error = file_mode(&flags, Path::new("x"), &sources(&[]), &host).unwrap_err();
    assert_eq!(error.to_string(), "ERROR: could not find config file gone.conf");
    let error = file_mode(&Flags::default(), Path::new("/opt/s/bin/x"), &sources(&[]), &host);
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("No config file found at default paths (/opt/s/etc/supervisord.conf, /opt/s/supervisord.conf, supervisord.conf, etc/supervisord.conf,"),
        "{error}"
    );
}

#[test]
fn a_file_is_searched_in_supervisords_order() {
    let host = FakeHost::with(&[
        ("/etc/supervisord.conf", "[supervisord]\nidentifier=etc\n"),
        ("/srv/supervisord.conf", "[supervisord]\nidentifier=%(here)s\n"),
    ]);
    let found =
        file_mode(&Flags::default(), Path::new("/usr/bin/x"), &sources(&[]), &host).unwrap();
    assert_eq!(found.supervisord.identifier, "/srv");
    let source = Source { path: "/srv/supervisord.conf".into(), searched: true };
    assert_eq!(found.source, Some(source));
}

#[test]
fn invalid_lines_of_all_files_are_reported_together() {
    let files = [
        ("/srv/t.conf", "[supervisord]\nbad\n[include]\nfiles=/srv/d/*.conf\n[program:a]\n"),
        ("/srv/d/1.conf", "worse\n"),
    ];
    let text = configured(&files, "").unwrap_err().to_string();
    assert!(text.contains("/srv/t.conf:2: Source contains parsing errors: expected"), "{text}");
    assert!(text.contains("/srv/d/1.conf:1: File contains no section headers: expected"));
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn included_files_are_read_in_order_with_their_own_here() {
    let files = [
        (
            "/srv/t.conf",
            "[supervisord]\n[include]\nfiles = d/*.conf\n  /tmp/none*.conf\n[program:a]\ncommand=%(here)s/a\n",
        ),
        ("/srv/d/1.conf", "[program:b]\ncommand=%(here)s/b\n[include]\nfiles=/srv/d/*.conf\n"),
        ("/srv/d/2.conf", "[program:a]\nstartsecs=5\n"),
    ];
    let config = configured(&files, "").unwrap();
    let commands: Vec<_> = processes(&config).into_iter().map(argv).collect();
    assert_eq!(commands, ["/srv/a", "/srv/d/b"]);
    assert_eq!(processes(&config)[0].startsecs.as_secs(), 5);
    assert_eq!(config.warnings, ["No file matches via include \"/tmp/none*.conf\""]);
    assert_eq!(config.included.len(), 2);
    assert!(
        errors("[supervisord]\n[include]\n")
            .contains("/srv/t.conf:2: .ini file has [include] section, but no files setting")
    );
}

#[test]
fn unknown_options_are_reported_once_with_the_nearest_name() {
    let config = config(
        "[supervisord]\nlogfiles=x\n[progam:a]\ncommand=a\n[program:b]\ncommand=b\nnumprocs=2\nprocess_name=%(process_num)d\nstartsec=5\nzzz=1\ndependent_startup=true\ndependent_startup_wait_for=a:running\n[rpcinterface:x]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\nother=1\n",
    );
    let all = config.warnings.join("\n");
    for warning in [
        "/srv/t.conf:2: logfiles of [supervisord] is ignored: unknown option; did you mean \
         logfile?",
        "/srv/t.conf:3: [progam:a] is ignored: unknown section; did you mean [program]?",
        "/srv/t.conf:9: startsec of [program:b] is ignored: unknown option; did you mean \
         startsecs?",
        "/srv/t.conf:10: [program:b]: ignoring options of other programs: zzz, \
         dependent_startup, dependent_startup_wait_for",
    ] {
        assert_eq!(all.matches(warning).count(), 1, "{warning}\n{all}");
    }
    assert!(!all.contains("other=") && config.warnings.len() == 4, "{all}");
}

#[test]
fn an_unknown_option_suggests_a_similar_one_that_accepts_its_value() {
    for (written, meant) in [
        ("exit_codes=oom:137,gpu_lost:71", "failure_exit_codes"),
        ("exit_codes=0,2", "exitcodes"),
        ("exit_codes=some", "exitcodes"),
        ("await_memory=true", "await_gpu_memory"),
    ] {
        let config = config(&format!("[supervisord]\n[program:a]\ncommand=a\n{written}\n"));
        let [warning] = &config.warnings[..] else { panic!("{written}: {:?}", config.warnings) };
        assert!(warning.ends_with(&format!("did you mean {meant}?")), "{written}: {warning}");
    }
}

#[test]
fn settings_of_output_streams_are_kept() {
    let config = config(
        "[supervisord]\n[program:a]\ncommand=a\nstdout_logfile=syslog\nstderr_syslog=true\nstderr_logfile=NONE\nstdout_capture_maxbytes=1KB\n[program:b]\ncommand=b\nstdout_logfile_maxbytes=0\nredirect_stderr=true\nstderr_logfile=AUTO\n",
    );
    let [a, b] = processes(&config)[..] else { panic!() };
    let Stdio::Captured { stdout, stderr: Some(stderr) } = &a.launch.stdio else { panic!() };
    let syslog = Output { syslog: true, ..Sink::Discard.into() };
    assert_eq!(stdout, &Output { capture_maxbytes: 1024, ..syslog.clone() });
    assert_eq!(stderr, &syslog);
    assert!(matches!(b.launch.stdio, Stdio::Captured { stderr: None, .. }));
    assert_eq!(
        config.warnings,
        [
            "For [program:a], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead.",
            "For [program:b], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally",
        ]
    );
}

#[test]
fn an_invalid_command_does_not_affect_other_programs() {
    let config = config(
        "[supervisord]\n[inet_http_server]\nport=nosuch:1\nusername=u\npassword=p\n\
         [program:a]\ncommand=\n[program:b]\ncommand=sh -c \"x\n[program:c]\ncommand=c\n",
    );
    let commands = processes(&config).into_iter().map(|process| &process.launch.command);
    let unparsable = |message: &str| Command::Unparsable(message.to_owned());
    assert_eq!(
        commands.collect::<Vec<_>>(),
        [
            &unparsable("command is empty"),
            &unparsable("can't parse command 'sh …': No closing quotation for \" at character 7"),
            &Command::Argv(vec!["c".into()]),
        ]
    );
}

#[test]
fn an_empty_password_is_rejected() {
    let with = |server: &str, username: &str, password: &str| {
        let text = format!("[supervisord]\n[{server}\nusername={username}\npassword={password}\n");
        configured(&[("/srv/t.conf", &text)], "").map_err(|errors| errors.to_string())
    };
    let inet = "inet_http_server]\nport=*:9001";
    let open = with(inet, "", "").unwrap_err();
    assert!(open.contains("t.conf:3: section [inet_http_server] accepts commands"), "{open}");
    for server in [inet, "unix_http_server]\nfile=/tmp/s.sock"] {
        let half = with(server, "u", "").unwrap_err();
        assert!(half.contains("t.conf:5: Section ["), "{half}");
        assert!(half.contains("contains incomplete authentication"), "{half}");
        let half = with(server, "", "p").unwrap_err();
        assert!(half.contains("t.conf:4: Section ["), "{half}");
    }
    let unix = with("unix_http_server]\nfile=/tmp/s.sock", "", "").unwrap();
    assert_eq!(unix.servers[0].credentials, None);
}

#[test]
fn a_user_name_or_password_that_clients_cannot_send_is_rejected() {
    let with = |username: &str, password: &str| {
        let text = format!(
            "[supervisord]\n[unix_http_server]\nfile=/tmp/s.sock\nusername={username}\n\
             password={password}\n"
        );
        configured(&[("/srv/t.conf", &text)], "").map_err(|errors| errors.to_string())
    };
    let sum = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";
    for password in ["p:w".to_owned(), format!("{{SHA}}{sum}"), sum.to_uppercase()] {
        assert!(with("u", &password).is_ok(), "{password}");
    }
    let colon = with("a:b", "p").unwrap_err();
    assert!(colon.contains("t.conf:4: ") && colon.contains("got 'a:b'"), "{colon}");
    for sum in ["", "secret", &sum[1..], &sum.replace('5', "g")] {
        let error = with("u", &format!("{{SHA}}{sum}")).unwrap_err();
        assert!(error.contains("t.conf:5: ") && error.contains("40 hexadecimal digits"), "{error}");
        assert!(sum.is_empty() || !error.contains(sum), "{error}");
    }
}

#[test]
fn environment_overrides_serverurl() {
    let config = config(
        "[supervisord]\nenvironment=A=1\n[program:a]\ncommand=a\nserverurl=http://h:1\nenvironment=A=2\n[program:b]\ncommand=b\nserverurl=auto\nenvironment=SUPERVISOR_SERVER_URL=x\n",
    );
    let [a, b] = processes(&config)[..] else { panic!() };
    let pair = |a: &str, b: &str| (a.into(), b.into());
    assert_eq!(a.launch.environment, [pair("SUPERVISOR_SERVER_URL", "http://h:1"), pair("A", "2")]);
    assert_eq!(b.launch.environment, [pair("A", "1"), pair("SUPERVISOR_SERVER_URL", "x")]);
}

#[test]
fn a_fastcgi_program_in_a_group_keeps_its_socket() {
    let config = config(
        "[supervisord]\n[fcgi-program:a]\ncommand=a\nsocket=unix:///tmp/%(program_name)s.sock\nuser=me\nsocket_mode=0770\nsocket_backlog=5\n[fcgi-program:b]\ncommand=b\nsocket=tcp://localhost:9002\n[group:g]\nprograms=a\n",
    );
    let socket = |process: &ProcessSpec| process.launch.socket.clone().unwrap();
    let [b, a] = processes(&config)[..] else { panic!() };
    assert_eq!(a.name, "a");
    let address = SocketAddress::Unix {
        path: "/tmp/a.sock".into(),
        mode: 0o770,
        owner: Some((1000, Some(1000))),
    };
    assert_eq!(socket(a), Socket { address, backlog: Some(5) });
    let address = SocketAddress::Tcp { host: Some("localhost".to_owned()), port: 9002 };
    assert_eq!(socket(b), Socket { address, backlog: None });
}

#[test]
fn the_effective_configuration_reads_back_the_same() {
    let text = "[supervisord]\nenvironment=A=\"%%\",B=\"%(here)s\"\n[program:a]\ncommand=sh -c 'echo %%s'\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\n";
    let first = config(text);
    let second = configured(&[("/tmp/other.conf", &first.effective())], "").unwrap();
    // The effective configuration sets every option.
    let mut spec = first.spec.clone();
    let ours = spec.groups.iter_mut().flat_map(|group| &mut group.processes);
    for (process, other) in ours.zip(processes(&second)) {
        Rc::make_mut(process).settings = Rc::clone(&other.settings);
    }
    assert_eq!(spec, second.spec);
    assert_eq!(first.supervisord.environment, second.supervisord.environment);
    // The origins of the options differ.
    let options = |config: &Config| {
        let text = config.effective();
        let options = text.lines().map(|line| line.split(" ; ").next().unwrap().trim_end());
        options.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(options(&second), options(&first));
}

/// A log file with an automatic name matches a configured one, but not the reverse, as in
/// supervisord.
#[test]
fn a_reread_finds_the_changes_that_supervisord_finds() {
    let same = |before: &str, after: &str| {
        let group = |options: &str| {
            let text = format!("[supervisord]\n[program:x]\ncommand=/bin/cat\n{options}");
            config(&text).spec.groups[0].clone()
        };
        group(before).is_same_as(&group(after))
    };
    assert!(same("", "stdout_logfile=AUTO"));
    assert!(same("stdout_logfile=/tmp/l", ""));
    assert!(!same("", "stdout_logfile=/tmp/l"));
    assert!(!same("", "stderr_logfile=none"));
    assert!(!same("", "stdout_logfile_maxbytes=1MB"));
    assert!(!same("stdout_logfile=/tmp/l", "stdout_logfile_maxbytes=1MB"));
    assert!(same("environment=A=1,B=2", "environment=B=2,A=1"));
    assert!(!same("environment=A=1,B=2", "environment=A=1,B=3"));
}

#[test]
fn a_wrong_separator_in_environment_causes_a_warning() {
    let config = config(
        "[supervisord]\nenvironment=A=1;B=2\n[program:a]\ncommand=c\n\
         environment=C=\"3\".\n  D=\"4\"\n",
    );
    let environment = &processes(&config)[0].launch.environment;
    let names = environment.iter().map(|(name, value)| format!("{name:?}={value:?}"));
    let names: Vec<String> = names.collect();
    assert_eq!(names.join(" ").replace('"', ""), "A=1 B=2 C=3 D=4");
    assert_eq!(
        config.warnings,
        [
            "/srv/t.conf:2: environment of [supervisord] has ';' between two pairs; it is read as a comma",
            "/srv/t.conf:5: environment of [program:a] has '.' between two pairs; it is read as a comma",
        ]
    );
}

#[test]
fn a_command_cut_by_a_comment_is_reported_without_secrets() {
    let config =
        config("[supervisord]\n[program:a]\ncommand=\n  bash -c 'k=s3cret;while : ; do :; done'\n");
    let Command::Unparsable(why) = &processes(&config)[0].launch.command else { panic!() };
    assert_eq!(
        why,
        "can't parse command 'bash …': No closing quotation for ' at character 10; the value ends \
         before ' ;' in line 4, where a comment begins"
    );
}

#[test]
fn in_config_file_mode_only_an_awaited_helper_has_startsecs_0() {
    let text = "[supervisord]\n[program:fetch]\ncommand=f\n[program:other]\ncommand=o\n\
                [program:app]\ncommand=a\ndepends_on=fetch:completed,other\n";
    let config = config(text);
    let startsecs = |name: &str| {
        let mut all = processes(&config).into_iter();
        all.find(|process| process.name == name).unwrap().startsecs.as_secs()
    };
    assert_eq!([startsecs("fetch"), startsecs("other"), startsecs("app")], [0, 1, 1]);
    let sources = self::config(&text.replace("command=f", "command=f\nstartsecs=7"));
    assert!(processes(&sources).iter().any(|process| process.startsecs.as_secs() == 7));
}

#[test]
fn process_numbers_may_reach_the_largest_integer() {
    let text = "[supervisord]\n[program:a]\ncommand=a\nnumprocs=2\n\
                process_name=a%(process_num)s\nnumprocs_start=";
    let last = i64::MAX - 1;
    let config = config(&format!("{text}{last}\n"));
    let names: Vec<_> = processes(&config).iter().map(|process| process.name.clone()).collect();
    assert_eq!(names, [format!("a{last}"), format!("a{}", i64::MAX)]);
    let text = errors(&format!("{text}{}\n", i64::MAX));
    assert!(
        text.contains("numprocs_start=9223372036854775807 leaves no room for 2 processes"),
        "{text}"
    );
}

/// supervisord reads the file without a warning, and a stop signals the main process, as in command
/// mode.
#[test]
fn a_generated_file_behaves_like_command_mode() {
    let text =
        crate::generate(&["a".into()], "web", supervisor_core::level::Level::Info).unwrap().text;
    let config = config(&text);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let [web] = processes(&config)[..] else { panic!() };
    assert_eq!((web.stop_target, web.kill_target), (StopTarget::Main, StopTarget::Group));
}

#[test]
fn a_program_has_at_most_a_hundred_thousand_processes() {
    let text = errors("[supervisord]\n[program:a]\ncommand=a\nnumprocs=100001\n");
    assert!(text.contains("100001 is above upper bound (100000)"), "{text}");
    assert!(text.contains("numprocs: expected a whole number up to 100000"), "{text}");
}
