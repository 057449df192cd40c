//! Operations that change programs.

use serde_json::{Value, json};
use supervisor_core::Reply;
use supervisor_core::command::{Command, Which};
use supervisor_core::signal::Signal;

use super::fields::{DIFFERENCE, OUTCOME, object};
use super::problem::Problem;
use super::routes::{Scope, Verb};
use super::{Asked, process, show};
use crate::control::Control;
use crate::operate;

/// Carries out an operation on one or several programs.
pub(super) async fn order(
    control: &Control,
    scope: Scope,
    verb: Verb,
    asked: &Asked,
) -> Result<Value, Problem> {
    let (which, whom) = match scope {
        Scope::Program => {
            let name = asked.text("name");
            (Which::Process(process(control, name)?), name)
        }
        Scope::Group => (Which::Group(asked.text("group").to_owned()), asked.text("group")),
        Scope::All => (Which::All, "all programs"),
    };
    let wait = asked.flag("wait")?.unwrap_or(true);
    let answer = match verb {
        Verb::Start => control.start(which, wait).await,
        Verb::Stop => control.ask(Command::Stop { which, wait }).await,
        Verb::Restart => control.restart(which, wait).await,
        Verb::RestartRolling => control.restart_rolling(which).await,
        Verb::Signal => {
            let signal = signal(asked)?;
            control.ask(Command::Signal { which, signal }).await
        }
        Verb::Clear => {
            known(control, &which)?;
            operate::clear(control, &which).map_err(|error| cannot_clear(whom, &error))?;
            Ok(Reply::Done)
        }
    };
    let reply = answer.map_err(|refusal| Problem::refused(whom, &refusal))?;
    match (scope, reply) {
        (Scope::Program, _) => show(control, asked.text("name")).await,
        (Scope::Group | Scope::All, Reply::Outcomes(outcomes)) => {
            let outcomes: Vec<_> = outcomes.iter().map(|one| object(OUTCOME, one)).collect();
            Ok(json!({"outcomes": outcomes}))
        }
        (Scope::Group | Scope::All, Reply::Done | Reply::Difference(_) | Reply::Updated(_)) => {
            Ok(done())
        }
    }
}

pub(super) async fn add_group(control: &Control, group: &str) -> Result<Value, Problem> {
    simple(control, group, Command::AddGroup(group.to_owned())).await
}

pub(super) async fn remove_group(control: &Control, group: &str) -> Result<Value, Problem> {
    simple(control, group, Command::RemoveGroup(group.to_owned())).await
}

pub(super) async fn reread(control: &Control) -> Result<Value, Problem> {
    Ok(object(DIFFERENCE, &control.reread().await?))
}

pub(super) async fn update(control: &Control) -> Result<Value, Problem> {
    Ok(object(DIFFERENCE, &operate::update(control).await?))
}

pub(super) async fn restart(control: &Control) -> Result<Value, Problem> {
    simple(control, "the supervisor", Command::Restart).await
}

pub(super) async fn shutdown(control: &Control) -> Result<Value, Problem> {
    simple(control, "the supervisor", Command::Shutdown).await
}

async fn simple(control: &Control, whom: &str, command: Command) -> Result<Value, Problem> {
    let answer = control.ask(command).await;
    answer.map(|_| done()).map_err(|refusal| Problem::refused(whom, &refusal))
}

fn done() -> Value {
    json!({"done": true})
}

fn known(control: &Control, which: &Which) -> Result<(), Problem> {
    match which {
        Which::Group(group) if control.core().members(which).is_err() => {
            Err(Problem::bad_name("group", group))
        }
        Which::Group(_) | Which::Process(_) | Which::All => Ok(()),
    }
}

fn signal(asked: &Asked) -> Result<Signal, Problem> {
    let Some(said) = asked.get("signal") else {
        return Err(Problem::bad_argument("signal is missing; add ?signal=HUP, for example"));
    };
    supervisor_config::signal(said).map_err(|_| {
        let detail = format!(
            "unknown signal '{said}'; expected a name or number, such as TERM, \
         SIGTERM or 15"
        );
        Problem::new(hyper::StatusCode::BAD_REQUEST, "BAD_SIGNAL", detail)
    })
}

fn cannot_clear(whom: &str, error: &std::io::Error) -> Problem {
    let detail = format!("cannot clear the logs of {whom}: {error}");
    Problem::new(hyper::StatusCode::INTERNAL_SERVER_ERROR, "FAILED", detail)
}
