//! The actions of supervisord's page, with its URLs and messages.

use supervisor_core::Reply;
use supervisor_core::command::{Command, Rejection, Which};
use supervisor_sys::wall::local_time;
use supervisor_wire::date::ctime;

use crate::control::Control;
use crate::http::Fault;
use crate::operate::clear;

/// The action does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

/// Carries out the action of a URL, waits until it is done, and returns its message.
pub(super) async fn act(
    control: &Control,
    action: &str,
    spec: Option<&str>,
) -> Result<String, Unknown> {
    match (action, spec) {
        ("refresh", _) => Ok(format!("Page refreshed at {}", ctime(local_time()))),
        ("stopall", _) => {
            let stopped = stop(control, Which::All).await;
            Ok(said(stopped, || format!("All stopped at {}", ctime(local_time())), fault("")))
        }
        ("restartall", _) => {
            let started = control.restart(Which::All, true).await;
            Ok(said(started, || format!("All restarted at {}", ctime(local_time())), fault("")))
        }
        ("start" | "stop" | "restart" | "clearlog", Some(spec)) => {
            let which = control.core().resolve(spec);
            match which {
                Ok(which) => act_on(control, action, spec, which).await,
                Err(_) => Ok(format!("No such process named {spec}")),
            }
        }
        (_, Some(_) | None) => Err(Unknown),
    }
}

async fn act_on(
    control: &Control,
    action: &str,
    spec: &str,
    which: Which,
) -> Result<String, Unknown> {
    let name = match &which {
        Which::Process(_) => format!("Process {spec}"),
        Which::Group(group) => format!("Group {group}"),
        Which::All => "All".to_owned(),
    };
    Ok(match action {
        "start" => {
            let started = control.start(which, true).await;
            said(started, || format!("{name} started"), |refusal| unstarted(&name, spec, refusal))
        }
        "stop" => said(stop(control, which).await, || format!("{name} stopped"), fault(spec)),
        "restart" => {
            // supervisord's page does not report errors of a restart; this one does.
            let started = control.restart(which, true).await;
            said(started, || format!("{name} restarted"), |refusal| unstarted(&name, spec, refusal))
        }
        "clearlog" => match clear(control, &which) {
            Ok(()) => format!("Log for {spec} cleared"),
            Err(error) => format!("unexpected rpc fault [30] FAILED: {spec}: {error}"),
        },
        _ => return Err(Unknown),
    })
}

async fn stop(control: &Control, which: Which) -> Result<Reply, Rejection> {
    control.ask(Command::Stop { which, wait: true }).await
}

/// Returns `done`, or the message of the first error.
fn said(
    answer: Result<Reply, Rejection>,
    done: impl FnOnce() -> String,
    refused: impl FnOnce(&Rejection) -> String,
) -> String {
    match answer {
        Ok(Reply::Outcomes(outcomes)) => {
            match outcomes.iter().find_map(|outcome| outcome.result.as_ref().err()) {
                Some(refusal) => refused(refusal),
                None => done(),
            }
        }
        Ok(Reply::Done | Reply::Difference(_) | Reply::Updated(_)) => done(),
        Err(refusal) => refused(&refusal),
    }
}

fn unstarted(name: &str, spec: &str, refusal: &Rejection) -> String {
    let why = match refusal {
        Rejection::NoFile(_) => "no such file",
        Rejection::NotExecutable(_) => "file not executable",
        Rejection::AlreadyStarted => "already started",
        Rejection::SpawnError => "spawn error",
        Rejection::AbnormalTermination => "abnormal termination",
        Rejection::BadName
        | Rejection::NotRunning
        | Rejection::AlreadyAdded
        | Rejection::StillRunning
        | Rejection::Unkillable
        | Rejection::ShuttingDown => return format!("ERROR: {name}: {}", fault(spec)(refusal)),
    };
    format!("ERROR: {name}: {why}")
}

/// Message for a rejection for which supervisord's page has no text.
fn fault(spec: &str) -> impl FnOnce(&Rejection) -> String {
    move |refusal| {
        let fault = Fault::of(refusal.clone(), spec);
        format!("unexpected rpc fault [{}] {}", fault.code(), fault.text())
    }
}
