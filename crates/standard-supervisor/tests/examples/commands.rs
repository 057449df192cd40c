//! Commands, Dockerfiles and settings in the documents: the supervisor must accept all of its
//! settings and arguments there.

use std::collections::BTreeSet;
use std::fs;

use crate::harness::{clean, program};
use crate::pages::{Block, blocks, pages, root};
use crate::stubs;

/// Commands of other programs, and the reason why these tests do not run them.
const OTHERS: &[(&str, &str)] = &[
    ("docker build", "needs the base images"),
    ("docker cp", "needs a container of the reader's"),
    ("docker exec", "needs a container of the reader's"),
    ("docker inspect", "needs a container of the reader's"),
    ("docker logs", "needs a container of the reader's"),
    ("docker rm", "a part of the tutorial"),
    ("docker rmi", "a part of the tutorial"),
    ("docker stop", "needs a container of the reader's"),
    ("kubectl", "needs a cluster"),
    ("curl", "needs what the lines before started"),
    ("kill", "needs what the lines before started"),
    ("(cd dist && sha256sum", "`make check-packages` does it"),
    ("mkdir", "a part of the tutorial"),
    ("cp ", "a part of the tutorial"),
    ("cat >", "a part of the tutorial"),
    ("cd ..", "a part of the tutorial"),
    ("echo $?", "a part of the tutorial"),
    ("api=", "a variable of the lines that follow"),
    ("VERSION=", "a variable of the lines that follow"),
    ("ARCH=", "a variable of the lines that follow"),
    ("pip install", "`make check-packages` does it"),
    ("sha256sum --check", "`make check-packages` does it"),
    ("gh attestation", "needs a release"),
    ("python3 -m venv", "`make llm` does it"),
    ("SUPERVISOR=", "`make llm` does it"),
    ("sleep", "time for what the lines before started"),
];

/// Commands that are to fail, and show how that looks.
const FAILS: &[&str] = &["PROCESS_LOG_LEVEL=loud"];

/// The input of the supervisor: variables and a command.
#[derive(Debug, Default)]
struct Told {
    settings: Vec<(String, String)>,
    words: Vec<String>,
}

#[test]
fn every_command_in_the_documents_is_accepted() {
    let (mut tried, mut wrong) = (0, Vec::new());
    let blocks = blocks();
    for block in blocks.iter().filter(|block| block.language == "sh") {
        // The page's Dockerfile describes the image.
        let same_page = |other: &&Block| other.page == block.page;
        let image = blocks.iter().filter(same_page).find(|other| other.language == "dockerfile");
        let image = image.map(dockerfile).unwrap_or_default();
        let mut exported = image.settings;
        for command in block.commands() {
            if OTHERS.iter().any(|(start, _)| command.starts_with(start)) {
                continue;
            }
            let found = match words(&command) {
                words if words[0] == "export" => {
                    exported.extend(words[1..].iter().filter_map(|word| setting(word)));
                    continue;
                }
                words => match tool(&words) {
                    Some(exists) => exists.then(Told::default),
                    None => parsed(&words, &exported),
                },
            };
            let Some(told) = found else {
                wrong.push(format!("{}: what is {command}?", block.place()));
                continue;
            };
            tried += 1;
            let fails = FAILS.iter().any(|part| command.contains(part));
            if let Some(why) = rejected(&told).filter(|_| !fails) {
                wrong.push(format!("{}: {command}\n{why}", block.place()));
            }
        }
    }
    assert!(tried > 30, "only {tried} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dockerfile_and_manifest_in_the_documents_is_accepted() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for block in blocks() {
        let told = match &*block.language {
            "dockerfile" => dockerfile(&block),
            "yaml" => manifest(&block),
            _ => continue,
        };
        tried += 1;
        wrong.extend(rejected(&told).map(|why| format!("{}: {why}", block.place())));
    }
    assert!(tried > 8, "only {tried} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// In the text of a page: `NAME=VALUE`.
#[test]
fn every_setting_in_the_documents_is_accepted() {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for code in text.split('`').skip(1).step_by(2) {
            let Some((name, value)) = setting(code).filter(|(_, value)| is_value(value)) else {
                continue;
            };
            if !seen.insert((name.clone(), value.clone())) {
                continue;
            }
            let needed = needs(&name);
            let mut settings = vec![(name, value.trim_matches('"').to_owned())];
            settings.extend(needed);
            let told = Told { settings, words: vec!["sleep".to_owned(), "1".to_owned()] };
            wrong.extend(rejected(&told).map(|why| format!("{page}: {code}: {why}")));
        }
    }
    assert!(seen.len() > 30, "only {} settings", seen.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Not one that stands for others: `…`, `N`, `NAME`, a variable of a shell.
fn is_value(value: &str) -> bool {
    !value.contains(['…', '$']) && !value.contains("NAME") && !value.ends_with('N')
}

/// The other settings that a setting requires.
fn needs(name: &str) -> impl Iterator<Item = (String, String)> + use<> {
    let nginx = ("SUPERVISOR_PROGRAM__NGINX_COMMAND", "sleep 1");
    let fetch = ("SUPERVISOR_PROGRAM__FETCH_COMMAND", "sleep 1");
    let check = ("PROCESS_HEALTH_URL", "http://127.0.0.1:8000/");
    let user = ("SUPERVISOR_INET_HTTP_SERVER_USERNAME", "x");
    let port = ("SUPERVISOR_INET_HTTP_SERVER_PORT", "127.0.0.1:9001");
    let needs = match name {
        "SUPERVISOR_INET_HTTP_SERVER_PASSWORD_FILE" => vec![user, port],
        "SUPERVISOR_PROGRAM__APP_DEPENDS_ON" => vec![fetch],
        "PROCESS_RETRIES_BEFORE_READY" => vec![check],
        name if name.starts_with("SUPERVISOR_PROGRAM__NGINX") => vec![nginx],
        name if name.starts_with("SUPERVISOR_PROGRAM__FETCH") => vec![fetch],
        name if name.starts_with("PROCESS_HEALTH_") => vec![check],
        _ => Vec::new(),
    };
    needs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Why the supervisor would not start, or warns of a name that it doesn't know.
fn rejected(told: &Told) -> Option<String> {
    let words = match &told.words[..] {
        [] if told.settings.is_empty() => return None,
        [] => vec!["sleep".to_owned(), "1".to_owned()],
        words => words.to_vec(),
    };
    let (name, words) = match &*words[0] {
        "supervisord" | "supervisorctl" => return None,
        "standard-supervisor" => (program("standard-supervisor"), &words[1..]),
        _ => (program("standard-supervisor"), &words[..]),
    };
    if words.first().is_some_and(|word| matches!(&**word, "--as" | "--probe" | "--version")) {
        return None;
    }
    let check = words.first().is_none_or(|word| word != "--check").then(|| "--check".to_owned());
    let mut command = clean(name, check.iter().chain(words));
    // These paths differ from those in the image.
    command.env("PATH", stubs::path()).env("PROCESS_CRASH_DIR", "off");
    let secrets = format!("{}/", stubs::folder().join("secrets").display());
    let volume = format!("{}/", stubs::folder().display());
    let settings = told.settings.iter().map(|(name, value)| {
        (name, value.replace("/run/secrets/", &secrets).replace("/logs/", &volume))
    });
    command.envs(settings);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let unknown = said.lines().find(|line| line.contains("is ignored"));
    // Accept errors about limits that `docker run` would have raised.
    let fits = |line: &str| !line.starts_with("ERROR: ") || line.contains("is not possible here");
    if output.status.success() || said.lines().all(fits) {
        unknown.map(str::to_owned)
    } else {
        Some(said.into_owned())
    }
}

/// The variables and the command in a call of `docker run` or of our programs.
fn parsed(words: &[String], exported: &[(String, String)]) -> Option<Told> {
    let mut words = words.to_vec();
    let mut settings = exported.to_vec();
    while let Some(found) = words.first().and_then(|word| setting(word)) {
        settings.push(found);
        words.remove(0);
    }
    match words.first().map(String::as_str) {
        Some("standard-supervisor" | "supervisord" | "supervisorctl") => {
            Some(Told { settings, words })
        }
        Some(name) if name.ends_with("/standard-supervisor") => {
            words[0] = "standard-supervisor".to_owned();
            Some(Told { settings, words })
        }
        None => Some(Told { settings, words }),
        Some("docker") if words.get(1).is_some_and(|word| word == "run") => {
            let mut rest = words[2..].iter().peekable();
            let mut image = false;
            let mut command = Vec::new();
            while let Some(word) = rest.next() {
                match word.as_str() {
                    _ if image => command.push(word.clone()),
                    "--env" | "-e" => settings.extend(rest.next().and_then(|word| setting(word))),
                    "-p" | "-v" | "--gpus" | "--mount" | "--volume" | "--publish" | "--name"
                    | "--user" | "--cap-drop" | "--cap-add" | "--security-opt" | "--shm-size"
                    | "--ipc" | "--tmpfs" | "--entrypoint" | "--ulimit" | "--memory"
                    | "--stop-signal" | "--network" | "--pid" | "--device" => {
                        let value = rest.next()?;
                        // A shell of the reader's, in place of the supervisor.
                        if word == "--entrypoint" && value == "sh" {
                            return Some(Told::default());
                        }
                    }
                    "--rm" | "--detach" | "--interactive" | "--tty" | "--read-only" => {}
                    option if option.starts_with('-') => return None,
                    _ => image = true,
                }
            }
            // The rest of the line is for the shell.
            if let Some(end) = command.iter().position(|word| word == ";" || word == "2>&1") {
                command.truncate(end);
            }
            image.then_some(Told { settings, words: command })
        }
        _ => None,
    }
}

/// The variables and the command that an image sets.
fn dockerfile(block: &Block) -> Told {
    let mut told = Told::default();
    for line in block.text.lines() {
        let (instruction, rest) = line.split_once(' ').unwrap_or((line, ""));
        match instruction {
            "ENV" => told.settings.extend(words(rest).iter().filter_map(|word| setting(word))),
            "CMD" => {
                let list = rest.trim_matches(['[', ']']);
                let list = list.split(", ").map(|word| word.trim_matches('"').to_owned());
                // These paths differ from those in the image.
                told.words = list.map(|word| word.replace("/app/", "")).collect();
            }
            "FROM" | "ARG" | "COPY" | "ADD" | "RUN" | "WORKDIR" | "USER" | "EXPOSE" | "VOLUME"
            | "ENTRYPOINT" | "HEALTHCHECK" | "STOPSIGNAL" => {}
            other => panic!("{}: {other}", block.place()),
        }
    }
    told
}

/// The variables of a manifest: `{name: NAME, value: VALUE}`.
fn manifest(block: &Block) -> Told {
    let rows = block.text.split("{name: ").skip(1).filter_map(|rest| rest.split('}').next());
    let pairs = rows.filter_map(|row| row.split_once(", value: "));
    let settings = pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()));
    Told { settings: settings.collect(), words: Vec::new() }
}

/// Whether a tool of the repository has what a command names; `None`: it is another command.
fn tool(words: &[String]) -> Option<bool> {
    let words = words.iter().map(String::as_str).skip_while(|word| word.contains('='));
    let words: Vec<&str> = words.collect();
    let after = |option: &str| words.iter().skip_while(|word| **word != option).nth(1);
    match *words.first()? {
        script if script.starts_with("scripts/") => Some(root().join(script).is_file()),
        "make" => Some(is_target(words[1])),
        "cargo" => {
            let package = after("-p").or_else(|| after("--package"));
            let package = package.map_or("standard-supervisor", |name| {
                name.strip_prefix("supervisor-").unwrap_or(name)
            });
            let folder = root().join("crates").join(package);
            let parts = [("--test", "tests"), ("--bench", "benches")];
            Some(parts.iter().filter_map(|(option, part)| Some((after(option)?, part))).all(
                |(name, part)| {
                    let file = folder.join(part).join(name);
                    file.join("main.rs").is_file() || file.with_extension("rs").is_file()
                },
            ))
        }
        _ => None,
    }
}

/// `cargo test -p PACKAGE --test NAME` in the text of a page, and the scripts and targets there.
#[test]
fn every_tool_in_the_documents_exists() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for page in pages() {
        let text = fs::read_to_string(root().join(&page)).unwrap().replace('\n', " ");
        for code in text.split('`').skip(1).step_by(2) {
            let words: Vec<String> = code.split_whitespace().map(str::to_owned).collect();
            let Some(exists) = tool(&words).filter(|_| words.len() > 1 || code.contains('/'))
            else {
                continue;
            };
            tried += 1;
            if !exists {
                wrong.push(format!("{page}: {code}"));
            }
        }
    }
    assert!(tried > 20, "only {tried} tools");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_target(name: &str) -> bool {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    makefile.lines().any(|line| line.starts_with(&format!("{name}:")))
}

/// `NAME=VALUE` of a variable that the supervisor reads.
fn setting(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let ours = ["PROCESS_", "SUPERVISOR_", "STANDARD_", "LOG_", "SAGEMAKER_"];
    let is_ours = ours.iter().any(|start| name.starts_with(start))
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    is_ours.then(|| (name.to_owned(), value.to_owned()))
}

/// Splits a command into words; supports only the shell syntax that the documents use.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (None, ';') => {
                words.push(std::mem::take(&mut word));
                word.push(';');
            }
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}
