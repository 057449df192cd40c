//! Orders that consist of several, and what refusals are called.

use std::io;

use supervisor_core::Reply;
use supervisor_core::command::{Command, Difference, Rejection, Which};

use crate::control::{CannotReread, Control};

/// Clears the logs of all that are meant.
pub(crate) fn clear(control: &Control, which: &Which) -> io::Result<()> {
    let meant: Vec<_> = {
        let core = control.core();
        let members = core.members(which).unwrap_or_default();
        members.iter().map(|info| info.named.proc).collect()
    };
    meant.into_iter().try_for_each(|proc| control.clear_logs(proc))
}

/// Why a configuration that was read again could not take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CannotUpdate {
    /// It could not be read.
    Read(CannotReread),
    /// This group could not be changed; those before it were.
    Group(String, Rejection),
}

/// Reads the configuration again and lets it take effect: stops and forgets groups that
/// it has no more, begins anew with those that have changed, adds new ones. Begun, it is
/// done.
pub(crate) async fn update(control: &Control) -> Result<Difference, CannotUpdate> {
    let control = control.clone();
    let done = tokio::task::spawn_local(async move {
        let difference = control.reread().await.map_err(CannotUpdate::Read)?;
        for group in difference.removed.iter().chain(&difference.changed) {
            let which = Which::Group(group.clone());
            ask(&control, group, Command::Stop { which, wait: true }).await?;
            ask(&control, group, Command::RemoveGroup(group.clone())).await?;
        }
        for group in difference.changed.iter().chain(&difference.added) {
            ask(&control, group, Command::AddGroup(group.clone())).await?;
        }
        Ok(difference)
    });
    let ended = CannotUpdate::Read(CannotReread::Refused(Rejection::ShuttingDown));
    done.await.unwrap_or(Err(ended))
}

async fn ask(control: &Control, group: &str, command: Command) -> Result<Reply, CannotUpdate> {
    let answer = control.ask(command).await;
    answer.map_err(|refusal| CannotUpdate::Group(group.to_owned(), refusal))
}
