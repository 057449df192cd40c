//! Commands that consist of several steps, and the names of rejections.

use std::io;

use supervisor_core::command::{Command, Difference, Rejection, Which};

use crate::control::{CannotReread, Control};

/// Clears the logs of these processes.
pub(crate) fn clear(control: &Control, which: &Which) -> io::Result<()> {
    let meant: Vec<_> = {
        let core = control.core();
        let members = core.members(which).unwrap_or_default();
        members.iter().map(|info| info.named.proc).collect()
    };
    meant.into_iter().try_for_each(|proc| control.clear_logs(proc))
}

/// The reason why a reread configuration could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CannotUpdate {
    /// It could not be read.
    Read(CannotReread),
    /// This group could not be changed; the groups before it were.
    Group(String, Rejection),
}

/// Reads the configuration again and applies it: removes groups, restarts groups whose execution
/// changed, changes the rules of others, and adds new ones. An update that has started
/// continues if the client disconnects.
pub(crate) async fn update(control: &Control) -> Result<Difference, CannotUpdate> {
    let control = control.clone();
    let done = tokio::task::spawn_local(async move {
        let difference = control.reread().await.map_err(CannotUpdate::Read)?;
        let Difference { added, changed, removed } = &difference;
        for group in removed.iter().chain(changed).chain(added) {
            ask(&control, group, Command::UpdateGroup(group.clone())).await?;
        }
        Ok(difference)
    });
    let ended = CannotUpdate::Read(CannotReread::Refused(Rejection::ShuttingDown));
    done.await.unwrap_or(Err(ended))
}

async fn ask(control: &Control, group: &str, command: Command) -> Result<(), CannotUpdate> {
    match control.ask(command).await {
        // Another client may have been faster.
        Ok(_) | Err(Rejection::BadName) => Ok(()),
        Err(refusal) => Err(CannotUpdate::Group(group.to_owned(), refusal)),
    }
}
