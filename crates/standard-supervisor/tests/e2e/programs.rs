//! All programs accept the same options for help and for the version, reject an unknown option, and
//! print the same kind of output.

use crate::harness::{PROGRAMS, Running, clean, program};

/// The width of a terminal, in columns.
const COLUMNS: usize = 80;

/// Exit code, stdout and stderr.
fn run(name: &str, words: &[&str]) -> (i32, Vec<String>, Vec<String>) {
    let mut running = Running::start(&mut clean(program(name), words));
    (running.exit_code(), running.stdout.rest().to_vec(), running.stderr.rest().to_vec())
}

#[test]
fn the_help_of_every_program_fits_80_columns() {
    for name in PROGRAMS {
        let (code, help, errors) = run(name, &["--help"]);
        assert_eq!((code, errors.len()), (0, 0), "{name}: {errors:?}");
        for word in ["-h", "-?"] {
            assert_eq!(run(name, &[word]), (0, help.clone(), Vec::new()), "{name} {word}");
        }
        let wide: Vec<_> = help.iter().filter(|line| line.chars().count() > COLUMNS).collect();
        assert!(wide.is_empty(), "{name}: {wide:?}");
        assert!(help[0].starts_with(&format!("{name} -- ")), "{name}: {}", help[0]);
        assert!(help[2].starts_with(&format!("usage: {name} ")), "{name}: {}", help[2]);
        let examples = help.iter().position(|line| line == "examples:").unwrap();
        let examples: Vec<_> =
            help[examples + 1..].iter().take_while(|line| !line.is_empty()).collect();
        assert!(examples.len() == 2 && examples.iter().all(|line| line.contains(name)), "{name}");
        let last = help.last().unwrap();
        assert!(last.contains("; see: man ") && last.ends_with(&format!(" {name}")), "{last}");
        assert!(!help.join("\n").contains('`'), "{name}: Markdown");
    }
    for (name, line) in [
        ("supervisord", "-l/--logfile FILENAME -- use FILENAME as the log file [supervisord.log]"),
        ("standard-supervisor", "PROCESS_MAX_START_RETRIES [3]"),
        ("generate-supervisor-config", "-p, --program-name NAME  the program's name [app]"),
    ] {
        let help = run(name, &["-h"]).1;
        assert!(help.iter().any(|known| known.trim() == line), "{name}: {line}\n{help:#?}");
    }
}

#[test]
fn every_program_prints_its_version_and_package() {
    let version = env!("CARGO_PKG_VERSION");
    for name in PROGRAMS {
        let (code, said, errors) = run(name, &["--version"]);
        assert_eq!((code, said.len(), errors.len()), (0, 1, 0), "{name}: {said:?} {errors:?}");
        match name {
            // Clients compare it.
            "supervisord" => assert_eq!(said[0], "4.3.0"),
            // The commit and the target follow the version.
            "standard-supervisor" => {
                let start = format!("{name} {version} (");
                assert!(said[0].starts_with(&start) && said[0].contains("linux"), "{}", said[0]);
            }
            _ => assert_eq!(said[0], format!("{name} {version} (standard-supervisor)")),
        }
    }
}

#[test]
fn every_program_rejects_an_unknown_option_with_the_same_message() {
    for name in PROGRAMS {
        for (word, said) in [
            ("--hlep", "option --hlep not recognized; did you mean --help?"),
            ("--colour", "option --colour not recognized"),
            ("-x", "option -x not recognized"),
        ] {
            let (code, out, errors) = run(name, &[word]);
            let supervisors = ["supervisord", "supervisorctl"].contains(&name);
            let (wanted, lead) = if supervisors { (2, "Error") } else { (1, "ERROR") };
            assert_eq!((code, out.len()), (wanted, 0), "{name} {word}");
            assert_eq!(errors[0], format!("{lead}: {said}"), "{name} {word}");
        }
    }
}
