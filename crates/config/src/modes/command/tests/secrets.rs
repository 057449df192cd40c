//! Tests of variables and passwords in files.

use supervisor_core::spec::EnvFile;

use super::*;

fn with(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Config, String> {
    configured(env, &FakeHost::with(files)).map_err(|errors| errors.to_string())
}

#[test]
fn env_files_are_read_at_each_start_in_run_once_mode_as_well() {
    for recovery in ["true", "false"] {
        let files = [("/run/a.env", "A=1"), ("/srv/b.env", "")];
        let env = [
            ("PROCESS_ENV_FILE", "/run/a.env, b.env,-/run/none"),
            ("PROCESS_AUTO_RECOVERY", recovery),
        ];
        let config = with(&files, &env).unwrap();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let file = |path: &str, optional| EnvFile { path: path.into(), optional };
        assert_eq!(
            process(&config, "app").launch.env_files,
            [file("/run/a.env", false), file("/srv/b.env", false), file("/run/none", true)]
        );
    }
}

#[test]
fn an_unusable_env_file_is_an_error_that_does_not_repeat_its_text() {
    let large = "A=".to_owned() + &"x".repeat(1024 * 1024);
    let files = [("/f/bad", "A=1\ns3cret\n"), ("/f/large", &large)];
    for (path, why) in [
        ("/f/none", "file not found; write '-' before the path to make it optional"),
        ("-/f/bad", "line 2: expected KEY=VALUE"),
        ("/f/large", "it is too large"),
        ("/tmp", "it is not a regular file"),
    ] {
        let text = with(&files, &[("PROCESS_ENV_FILE", path)]).unwrap_err();
        let path = path.trim_start_matches('-');
        let start = format!("ERROR: PROCESS_ENV_FILE: env_file {path}: {why}");
        assert!(text.starts_with(&start) && !text.contains("s3cret"), "{text}");
    }
    let text = with(&files, &[("PROCESS_ENV_FILE", "-,/f/none")]).unwrap_err();
    assert!(text.contains("PROCESS_ENV_FILE: an empty path"), "{text}");
}

#[test]
fn an_env_file_that_others_may_write_causes_a_warning() {
    let config = with(&[("/f/x.open", "A=1")], &[("PROCESS_ENV_FILE", "/f/x.open")]).unwrap();
    let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(warning.starts_with("PROCESS_ENV_FILE: env_file /f/x.open: any user may"), "{warning}");
}

#[test]
fn an_env_file_does_not_configure_the_supervisor_and_check_hides_it() {
    let files = [("/f/x", "PROCESS_MAX_START_RETRIES=7\nTOKEN=s3cret\n")];
    let config = with(&files, &[("PROCESS_ENV_FILE", "/f/x")]).unwrap();
    assert_eq!(process(&config, "app").startretries, 3);
    let text = config.effective();
    assert!(text.contains("env_file = /f/x") && !text.contains("s3cret"), "{text}");
}

#[test]
fn a_password_can_be_read_from_a_file() {
    let server = [
        ("SUPERVISOR_INET_HTTP_SERVER_PORT", "9001"),
        ("SUPERVISOR_INET_HTTP_SERVER_USERNAME", "u"),
        ("SUPERVISOR_INET_HTTP_SERVER_PASSWORD_FILE", "/run/secrets/password"),
    ];
    let config = with(&[("/run/secrets/password", "s3cret\n")], &server).unwrap();
    let credentials = config.servers[0].credentials.as_ref().unwrap();
    assert_eq!((credentials.username.as_str(), credentials.password.as_str()), ("u", "s3cret"));
    assert!(!config.effective().contains("s3cret"));
    let text = with(&[], &server).unwrap_err();
    assert!(
        text.contains(
            "SUPERVISOR_INET_HTTP_SERVER_PASSWORD_FILE: password_file '/run/secrets/password': \
             file not found"
        ),
        "{text}"
    );
    let both = [&server[..], &[("SUPERVISOR_INET_HTTP_SERVER_PASSWORD", "s3cret")]].concat();
    let text = with(&[], &both).unwrap_err();
    assert!(text.contains("both password and password_file are set"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}
