//! `[hook:NAME]`: commands and URLs that get notifications.

use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;

use supervisor_core::spec::health::Scheme;
use supervisor_core::spec::hook::{HookSpec, HookTarget};

use super::Lowering;
use crate::options::hook_options as o;
use crate::options::{OptionDef, SectionKind};
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::text::shlex;

/// Certificate files of the system, unless [`CERT_FILE`] is set: the paths on Debian and Alpine,
/// Fedora, SUSE, and the BSDs.
pub const CERTIFICATE_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The variable with the path of a certificate file, as in OpenSSL.
pub const CERT_FILE: &str = "SSL_CERT_FILE";

/// Reads all hooks in the order of their sections.
pub(super) fn read(lowering: &mut Lowering<'_>, names: &Names<'_>) -> Option<Vec<Rc<HookSpec>>> {
    let mut hooks = Vec::new();
    let mut complete = true;
    for section in lowering.of_kind(SectionKind::Hook) {
        let hook = hook(lowering, section, names);
        complete &= hook.is_some();
        hooks.extend(hook.map(Rc::new));
    }
    complete.then_some(hooks)
}

fn hook<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<HookSpec> {
    let events = lowering.get(section, &o::HOOK_EVENTS, names);
    let format = lowering.get(section, &o::HOOK_FORMAT, names);
    let output_lines = lowering.get(section, &o::HOOK_OUTPUT, names);
    let command = lowering.try_get(section, &o::HOOK_COMMAND, names);
    let url = lowering.try_get(section, &o::HOOK_URL, names);
    let target = match (command.ok()?, url.ok()?) {
        (Some(command), None) => HookTarget::Command(words(lowering, section, &command)?),
        (None, Some(url)) => {
            if url.scheme == Scheme::Https {
                check_certificates(lowering, section)?;
            }
            HookTarget::Url(url)
        }
        (both, _) => {
            let got = if both.is_some() { "both" } else { "neither" };
            let why = format!("expected either command or url, got {got}");
            lowering.complain(section, &section.origin, &why);
            return None;
        }
    };
    Some(HookSpec {
        name: section.label().to_owned(),
        events: events?,
        target,
        format: format?,
        output_lines: output_lines?,
    })
}

fn words<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    command: &str,
) -> Option<Vec<OsString>> {
    let why = match shlex::split(command) {
        Ok(words) if words.is_empty() => "command is empty".to_owned(),
        Ok(words) => return Some(words.into_iter().map(OsString::from).collect()),
        Err(why) => format!("can't parse command: {why}"),
    };
    complain(lowering, section, &o::HOOK_COMMAND.def, &why);
    None
}

/// Rejects a hook that cannot verify any certificate, because its notifications would fail.
fn check_certificates<'a>(lowering: &mut Lowering<'a>, section: &'a Section) -> Option<()> {
    let set = lowering.context.sources.variable(CERT_FILE).filter(|path| !path.is_empty());
    let places = match set {
        Some(path) => vec![Path::new(path)],
        None => CERTIFICATE_BUNDLES.map(Path::new).to_vec(),
    };
    let host = lowering.context.host;
    if places.iter().any(|place| host.read(place).is_ok_and(|file| !file.is_empty())) {
        return Some(());
    }
    let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    let why = format!(
        "url: found no certificates to verify the server with, tried {}; install ca-certificates \
         or set {CERT_FILE},",
        places.join(", ")
    );
    complain(lowering, section, &o::HOOK_URL.def, &why);
    None
}

fn complain<'a>(lowering: &mut Lowering<'a>, section: &'a Section, def: &OptionDef, why: &str) {
    let entry = lowering.entry(section, def.key);
    let origin = entry.map_or(&section.origin, |entry| &entry.origin);
    lowering.complain(section, origin, why);
}
