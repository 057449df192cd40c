//! Value types of users, and of the owners and modes of sockets.

use crate::sources::Context;
use supervisor_core::spec::User;
use supervisor_wire::supervisord::python;

use super::{OCTAL, ValueType, octal};

/// A `user[:group]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) user: User,
    pub(crate) group: Option<u32>,
}

pub(crate) static USER: ValueType<User> =
    ValueType { what: "the name or id of an existing user", parse: user };

pub(crate) static SOCKET_MODE: ValueType<u32> = ValueType {
    what: OCTAL.what,
    parse: |text, _| octal(text).map_err(|_| format!("Invalid socket_mode value {text}")),
};

pub(crate) static SOCKET_OWNER: ValueType<Owner> = ValueType {
    what: "user or user:group, both existing",
    parse: |text, context| {
        owner(text, context).map_err(|_| format!("Invalid socket_owner value {text}"))
    },
};

pub(crate) static CHMOD: ValueType<u32> = ValueType {
    what: OCTAL.what,
    parse: |text, _| octal(text).map_err(|_| format!("Invalid chmod value {text}")),
};

pub(crate) static CHOWN: ValueType<Owner> = ValueType {
    what: "user or user:group, both existing",
    parse: |text, context| {
        owner(text, context).map_err(|_| format!("Invalid sockchown value {text}"))
    },
};

fn user(text: &str, context: &Context<'_>) -> Result<User, String> {
    match python::int(text) {
        Ok(uid) => {
            let known = u32::try_from(uid).ok().and_then(|uid| context.host.user_by_id(uid));
            known.ok_or_else(|| format!("Invalid user id {text}"))
        }
        Err(_) => {
            context.host.user_by_name(text).ok_or_else(|| format!("Invalid user name {text}"))
        }
    }
}

fn owner(text: &str, context: &Context<'_>) -> Result<Owner, String> {
    let (name, group) = text.split_once(':').map_or((text, None), |(u, g)| (u, Some(g)));
    let invalid = || format!("Invalid user:group definition {text}");
    let user = user(name, context).map_err(|_| invalid())?;
    let group = match group {
        None => None,
        Some(group) => Some(group_id(group, context).ok_or_else(invalid)?),
    };
    Ok(Owner { user, group })
}

fn group_id(text: &str, context: &Context<'_>) -> Option<u32> {
    match python::int(text) {
        Ok(gid) => u32::try_from(gid).ok().filter(|gid| context.host.group_exists(*gid)),
        Err(_) => context.host.group_by_name(text),
    }
}
