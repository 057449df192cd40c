//! `pid`, `version`, `open`, `shutdown` and `reload`.

use supervisor_wire::xmlrpc::Value;

use super::{Done, help, status};
use crate::answer;
use crate::command_line;
use crate::fault;
use crate::session::{GENERIC, Session};

/// The exit status if a process has no pid.
const NOT_RUNNING: u8 = 7;

pub(super) fn pid(session: &mut Session<'_>, words: &str) -> Done {
    if !session.is_up()? {
        return Ok(());
    }
    let names = command_line::words(words);
    if names.is_empty() {
        let pid = answer::number(&session.call("getPID", &[])?)?;
        return session.say(&pid.to_string());
    }
    if names.contains(&"all") {
        let infos = answer::infos(session.call("getAllProcessInfo", &[])?)?;
        return infos.iter().try_for_each(|info| session.say(&info.pid.to_string()));
    }
    for name in names {
        match session.call("getProcessInfo", &[Value::String(name.to_owned())]) {
            Ok(info) => {
                let pid = answer::info(info)?.pid;
                session.say(&pid.to_string())?;
                if pid == 0 {
                    session.status = NOT_RUNNING;
                }
            }
            Err(trouble) if trouble.is_fault(fault::BAD_NAME) => {
                session.fail(GENERIC, &format!("No such process {name}"))?;
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(())
}

pub(super) fn version(session: &mut Session<'_>, words: &str) -> Done {
    if !words.is_empty() {
        return help::no_arguments(session, "version");
    }
    if !session.is_up()? {
        return Ok(());
    }
    let version = answer::text(&session.call("getSupervisorVersion", &[])?)?;
    session.say(&version)
}

pub(super) fn open(session: &mut Session<'_>, words: &str) -> Done {
    if !["http://", "unix://"].iter().any(|scheme| words.starts_with(scheme)) {
        return session.fail(GENERIC, "ERROR: url must be http:// or unix://");
    }
    session.remote.set_url(words);
    // How things are there is no outcome of having gone there.
    let before = session.status;
    status::status(session, "")?;
    session.status = before;
    Ok(())
}

pub(super) fn shutdown(session: &mut Session<'_>, words: &str) -> Done {
    if !words.is_empty() {
        return help::no_arguments(session, "shutdown");
    }
    if !session.confirm("Really shut the remote supervisord process down y/N? ")? {
        return Ok(());
    }
    let url = session.remote.url().to_owned();
    let what = match session.call("shutdown", &[]) {
        Ok(_) => return session.say("Shut down"),
        Err(trouble) if trouble.is_fault(fault::SHUTDOWN_STATE) => {
            "ERROR: already shutting down".to_owned()
        }
        Err(trouble) if trouble.is_refused_connection() => {
            format!("ERROR: {url} refused connection (already shut down?)")
        }
        Err(trouble) if trouble.is_missing_socket() => {
            format!("ERROR: {url} no such file (already shut down?)")
        }
        Err(trouble) => return Err(trouble),
    };
    session.fail(GENERIC, &what)
}

pub(super) fn reload(session: &mut Session<'_>, words: &str) -> Done {
    if !words.is_empty() {
        return help::no_arguments(session, "reload");
    }
    if !session.confirm("Really restart the remote supervisord process y/N? ")? {
        return Ok(());
    }
    match session.call("restart", &[]) {
        Ok(_) => session.say("Restarted supervisord"),
        Err(trouble) if trouble.is_fault(fault::SHUTDOWN_STATE) => {
            session.fail(GENERIC, "ERROR: already shutting down")
        }
        Err(trouble) => Err(trouble),
    }
}
