//! HTTP servers, RPC interfaces, and the client's own sections.

use super::Lowering;
use super::listener::warn_not_yet;
use crate::expand::Names;
use crate::ini::Section;
use crate::options::{self as o, Kind};

/// What answers supervisord's XML-RPC; a module of Python's can't be loaded.
const MAIN_INTERFACE: &str = "supervisor.rpcinterface:make_main_rpcinterface";

/// Checks all these sections.
pub(super) fn check(lowering: &mut Lowering<'_>, names: &Names<'_>) {
    for section in lowering.of_kind(Kind::InetHttpServer) {
        warn_not_yet(lowering, section);
        let missing = format!("section [{}] has no port value", section.name);
        let _ = lowering.require(section, &o::PORT, names, &missing);
        authentication(lowering, section, names);
    }
    for section in lowering.of_kind(Kind::UnixHttpServer) {
        warn_not_yet(lowering, section);
        let missing = format!("section [{}] has no file value", section.name);
        let _ = lowering.require(section, &o::FILE, names, &missing);
        let _ = lowering.get(section, &o::CHMOD, names);
        let _ = lowering.get(section, &o::CHOWN, names);
        authentication(lowering, section, names);
    }
    for section in lowering.of_kind(Kind::RpcInterface) {
        warn_not_yet(lowering, section);
        interface(lowering, section, names);
    }
    for section in lowering.of_kind(Kind::Supervisorctl) {
        let _ = lowering.get(section, &o::CTL_SERVERURL, names);
        let _ = lowering.get(section, &o::PROMPT, names);
        let _ = lowering.get(section, &o::HISTORY_FILE, names);
        let _ = lowering.get(section, &o::USERNAME, names);
        let _ = lowering.get(section, &o::PASSWORD, names);
    }
}

/// A user name or a password alone would let nobody, or anybody, in.
fn authentication<'a>(lowering: &mut Lowering<'a>, section: &'a Section, names: &Names<'_>) {
    let username = lowering.try_get(section, &o::USERNAME, names);
    let password = lowering.try_get(section, &o::PASSWORD, names);
    if let (Ok(username), Ok(password)) = (username, password)
        && username.is_some() != password.is_some()
    {
        let why = format!(
            "Section [{}] contains incomplete authentication: If a username or a password is \
             specified, both the username and password must be specified",
            section.name
        );
        lowering.complain(section, &section.origin, &why);
    }
}

fn interface<'a>(lowering: &mut Lowering<'a>, section: &'a Section, names: &Names<'_>) {
    let missing =
        format!("section [{}] does not specify a supervisor.rpcinterface_factory", section.name);
    let factory = lowering.require(section, &o::RPCINTERFACE_FACTORY, names, &missing);
    if let Some(factory) = factory.filter(|factory| factory != MAIN_INTERFACE) {
        let why = format!("{factory} cannot be resolved within [{}]", section.name);
        lowering.complain(section, &section.origin, &format!("{why}; only {MAIN_INTERFACE} can"));
    }
}
