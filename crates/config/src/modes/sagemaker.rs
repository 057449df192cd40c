//! Replaces the argument `serve`, with which SageMaker starts an image, with the image's command.

use std::ffi::OsString;

use crate::env::COMMAND;
use crate::error::{Report, in_short};
use crate::modes::search::Search;
use crate::sources::Context;
use crate::text::shlex;
use supervisor_wire::supervisord::python::repr;

/// See <https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html>.
const SERVE: &str = "serve";

/// The command to run. If the given command is SageMaker's `serve` and no such program exists, this
/// is the command that the image names.
pub(crate) fn command(
    command: Vec<OsString>,
    of_image: Option<&str>,
    context: Context<'_>,
    report: &mut Report,
) -> Vec<OsString> {
    let search = Search { context };
    if command != [SERVE] || search.find(SERVE.as_ref()).is_some() {
        return command;
    }
    let name = COMMAND.name;
    let why = format!(
        "the command is `{SERVE}`, as SageMaker sets it, and no such program exists in {}",
        search.path()
    );
    let example = format!("{name}=\"vllm serve /opt/ml/model --port 8080\"");
    match of_image.map(shlex::split) {
        Some(Ok(words)) if !words.is_empty() => {
            return words.into_iter().map(OsString::from).collect();
        }
        Some(Err(reason)) => {
            let value = repr(&in_short(of_image.unwrap_or_default()));
            report.error(format!("{name}: {reason}, got {value}; it is split like shell words"));
        }
        Some(Ok(_)) | None => report
            .error(format!("{why}: set {name} to the command of the server, such as {example}")),
    }
    command
}

#[cfg(test)]
mod tests {
    use crate::Config;
    use crate::Errors;
    use crate::command_mode;
    use crate::testing::{FakeHost, sources};
    use supervisor_core::spec::Command;

    const WANTED: (&str, &str) = ("PROCESS_COMMAND", "vllm serve '/opt/ml/my model' --x %d");

    fn configured(words: &[&str], env: &[(&str, &str)], file: &str) -> Result<Config, Errors> {
        let host = FakeHost::with(&[(file, "")]);
        command_mode(words.iter().map(Into::into).collect(), &sources(env), &host)
    }

    fn argv(words: &[&str], env: &[(&str, &str)], file: &str) -> Vec<String> {
        let config = configured(words, env, file).unwrap();
        let Command::Argv(argv) = &config.spec.groups[0].processes[0].launch.command else {
            panic!("{:?}", config.spec)
        };
        argv.iter().map(|word| word.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_single_word_serve_runs_the_images_own_command() {
        let vllm = ["vllm", "serve", "/opt/ml/my model", "--x", "%d"];
        assert_eq!(argv(&["serve"], &[WANTED], "/x"), vllm);
        let once = ("PROCESS_AUTO_RECOVERY", "false");
        assert_eq!(argv(&["serve"], &[WANTED, once], "/x"), vllm);
        // A program of that name, and any other command, runs as given.
        assert_eq!(argv(&["serve"], &[WANTED], "/bin/serve"), ["serve"]);
        assert_eq!(argv(&["serve", "x"], &[WANTED], "/x"), ["serve", "x"]);
        assert_eq!(argv(&["vllm"], &[WANTED], "/x"), ["vllm"]);
    }

    #[test]
    fn a_missing_image_command_is_reported_with_a_remedy() {
        for env in [&[][..], &[("PROCESS_COMMAND", " ")]] {
            let errors = configured(&["serve"], env, "/x").unwrap_err().to_string();
            assert!(errors.contains("no such program exists in the usual PATH"), "{errors}");
            assert!(errors.contains("PROCESS_COMMAND=\"vllm serve"), "{errors}");
        }
        let bad = [("PROCESS_COMMAND", "vllm 'serve")];
        let errors = configured(&["serve"], &bad, "/x").unwrap_err().to_string();
        assert!(errors.contains("PROCESS_COMMAND: No closing quotation"), "{errors}");
    }
}
