//! `reread`, `update`, `add`, `remove` and `avail`.

use std::collections::{BTreeMap, BTreeSet};

use supervisor_wire::xmlrpc::Value;

use super::status::json;
use super::{Done, help};
use crate::answer::{self, Changes};
use crate::command_line;
use crate::error::CtlError;
use crate::fault;
use crate::render;
use crate::session::{GENERIC, Session};

/// The argument that selects JSON.
const JSON: &str = "--json";

/// The method that applies the changes of one group; only our own daemon has it.
const UPDATE_GROUP: &str = "standard.updateGroup";

pub(super) fn reread(session: &mut Session<'_>, words: &str) -> Done {
    if words == JSON {
        return reread_as_json(session);
    }
    if !words.is_empty() {
        return help::no_arguments(session, "reread");
    }
    let Some(changes) = reload(session, "ERROR: supervisor shutting down")? else { return Ok(()) };
    let lists = [
        (changes.added, "available"),
        (changes.changed, "changed"),
        (changes.removed, "disappeared"),
    ];
    let what = |(names, what): (Vec<String>, &'static str)| {
        names.into_iter().map(move |name| (name, what))
    };
    let all: BTreeMap<_, _> = lists.into_iter().flat_map(what).collect();
    if all.is_empty() {
        return session.say("No config updates to processes");
    }
    all.iter().try_for_each(|(name, what)| session.say(&format!("{name}: {what}")))
}

/// Prints the changes that an update would apply, by group, program and option.
fn reread_as_json(session: &mut Session<'_>) -> Done {
    let changes = match session.call("standard.getChanges", &[]) {
        Ok(changes) => json(&changes),
        Err(trouble) if trouble.is_fault(fault::UNKNOWN_METHOD) => {
            let Some(changes) = reload(session, "ERROR: supervisor shutting down")? else {
                return Ok(());
            };
            let lists =
                [(changes.added, "add"), (changes.changed, "restart"), (changes.removed, "remove")];
            let group = |(groups, change): (Vec<String>, &'static str)| {
                groups.into_iter().map(move |group| {
                    serde_json::json!({"group": group, "change": change, "programs": []})
                })
            };
            lists.into_iter().flat_map(group).collect()
        }
        Err(trouble) => match trouble.fault() {
            Some(fault) if fault.code == fault::CANT_REREAD => {
                return session.fail(GENERIC, &format!("ERROR: {}", fault.text));
            }
            Some(_) | None => return Err(trouble),
        },
    };
    session.print_json(&changes)
}

/// Makes the daemon read its configuration. `None`: that failed, and the error was printed.
fn reload(session: &mut Session<'_>, ending: &str) -> Result<Option<Changes>, CtlError> {
    match session.call("reloadConfig", &[]) {
        Ok(changes) => answer::changes(&changes).map(Some),
        Err(trouble) if trouble.is_fault(fault::SHUTDOWN_STATE) => {
            session.fail(GENERIC, ending).map(|()| None)
        }
        Err(trouble) => match trouble.fault() {
            Some(fault) if fault.code == fault::CANT_REREAD => {
                session.fail(GENERIC, &format!("ERROR: {}", fault.text)).map(|()| None)
            }
            Some(_) | None => Err(trouble),
        },
    }
}

pub(super) fn update(session: &mut Session<'_>, words: &str) -> Done {
    let Some(changes) = reload(session, "ERROR: already shutting down")? else { return Ok(()) };
    let mut wanted = command_line::words(words);
    if wanted.contains(&"all") {
        wanted.clear();
    }
    if !wanted.is_empty() {
        name_unknown(session, &changes, &wanted)?;
    }
    let wanted = |group: &&String| wanted.is_empty() || wanted.contains(&group.as_str());
    for group in changes.removed.iter().filter(wanted) {
        let results = session.call("stopProcessGroup", &named(group))?;
        session.say(&format!("{group}: stopped"))?;
        let failed = |outcome: &answer::Outcome| outcome.status == fault::FAILED;
        if answer::outcomes(&results)?.iter().any(failed) {
            session.fail(GENERIC, &format!("{group}: has problems; not removing"))?;
            continue;
        }
        session.call("removeProcessGroup", &named(group))?;
        session.say(&format!("{group}: removed process group"))?;
    }
    let mut can_update = true;
    for group in changes.changed.iter().filter(wanted) {
        if can_update {
            can_update = update_group(session, group)?;
            if can_update {
                continue;
            }
        }
        session.call("stopProcessGroup", &named(group))?;
        session.say(&format!("{group}: stopped"))?;
        session.call("removeProcessGroup", &named(group))?;
        session.call("addProcessGroup", &named(group))?;
        session.say(&format!("{group}: updated process group"))?;
    }
    for group in changes.added.iter().filter(wanted) {
        session.call("addProcessGroup", &named(group))?;
        session.say(&format!("{group}: added process group"))?;
    }
    Ok(())
}

/// Updates a group with one request; `false`: the daemon does not have this method.
fn update_group(session: &mut Session<'_>, group: &str) -> Result<bool, CtlError> {
    match session.call(UPDATE_GROUP, &named(group)) {
        Ok(change) => match answer::text(&change)?.as_str() {
            "live" => session.say(&format!("{group}: updated without a restart"))?,
            "scale" => {
                session
                    .say(&format!("{group}: added or removed processes; the others continue"))?;
            }
            _ => {
                session.say(&format!("{group}: stopped"))?;
                session.say(&format!("{group}: updated process group"))?;
            }
        },
        Err(trouble) if trouble.is_fault(fault::UNKNOWN_METHOD) => return Ok(false),
        Err(trouble) if trouble.is_fault(fault::FAILED) => {
            session.fail(GENERIC, &format!("{group}: has problems; not updated"))?;
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(true)
}

/// Prints which of these groups exist neither in the old nor in the new configuration.
fn name_unknown(session: &mut Session<'_>, changes: &Changes, wanted: &[&str]) -> Done {
    let infos = answer::infos(session.call("getAllProcessInfo", &[])?)?;
    let known: BTreeSet<_> = infos.iter().map(|info| &info.group).chain(&changes.added).collect();
    for group in wanted.iter().filter(|group| !known.iter().any(|known| known == *group)) {
        session.fail(GENERIC, &format!("ERROR: no such group: {group}"))?;
    }
    Ok(())
}

pub(super) fn add(session: &mut Session<'_>, words: &str) -> Done {
    for name in command_line::words(words) {
        match session.call("addProcessGroup", &named(name)) {
            Ok(_) => session.say(&format!("{name}: added process group"))?,
            Err(trouble) => match trouble.fault().map(|fault| fault.code) {
                Some(fault::SHUTDOWN_STATE) => session.fail(GENERIC, "ERROR: shutting down")?,
                Some(fault::ALREADY_ADDED) => {
                    session.say("ERROR: process group already active")?;
                }
                Some(fault::BAD_NAME) => unknown(session, name)?,
                Some(_) | None => return Err(trouble),
            },
        }
    }
    Ok(())
}

pub(super) fn remove(session: &mut Session<'_>, words: &str) -> Done {
    for name in command_line::words(words) {
        match session.call("removeProcessGroup", &named(name)) {
            Ok(_) => session.say(&format!("{name}: removed process group"))?,
            Err(trouble) => match trouble.fault().map(|fault| fault.code) {
                Some(fault::STILL_RUNNING) => {
                    session
                        .fail(GENERIC, &format!("ERROR: process/group still running: {name}"))?;
                }
                Some(fault::BAD_NAME) => unknown(session, name)?,
                Some(_) | None => return Err(trouble),
            },
        }
    }
    Ok(())
}

fn unknown(session: &mut Session<'_>, name: &str) -> Done {
    session.fail(GENERIC, &format!("ERROR: no such process/group: {name}"))
}

pub(super) fn avail(session: &mut Session<'_>, words: &str) -> Done {
    if !words.is_empty() {
        return help::no_arguments(session, "avail");
    }
    match session.call("getAllConfigInfo", &[]) {
        Ok(all) => {
            let all = answer::configured(&all)?;
            all.iter().try_for_each(|process| session.say(&render::available(process)))
        }
        Err(trouble) if trouble.is_fault(fault::SHUTDOWN_STATE) => {
            session.fail(GENERIC, "ERROR: supervisor shutting down")
        }
        Err(trouble) => Err(trouble),
    }
}

fn named(name: &str) -> [Value; 1] {
    [Value::String(name.to_owned())]
}
