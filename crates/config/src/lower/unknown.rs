//! Names that mean nothing. supervisord ignores them, and so do we, but not in silence:
//! most are slips of the pen.

use super::Lowering;
use crate::ini::Origin;
use crate::nearest::nearest;
use crate::options::{KINDS, Kind};

/// Says which sections and keys of files nothing reads, and what may have been meant.
pub(super) fn warn(lowering: &mut Lowering<'_>) {
    for section in &lowering.sections.all {
        match Kind::of(&section.name) {
            None if matches!(section.origin, Origin::File { .. }) => {
                lowering.report.warn(unknown_section(&section.name, &section.origin));
            }
            // Whatever stands there goes to Python code.
            None | Some(Kind::RpcInterface | Kind::CtlPlugin) => {}
            Some(kind) => {
                for entry in &section.entries {
                    let known = kind.settings().any(|setting| setting.row().key == entry.key);
                    if !known && matches!(entry.origin, Origin::File { .. }) {
                        let message = unknown_key(&entry.key, kind, &section.name, &entry.origin);
                        lowering.report.warn(message);
                    }
                }
            }
        }
    }
}

fn unknown_section(name: &str, origin: &Origin) -> String {
    let word = name.split(':').next().unwrap_or(name);
    let kinds = KINDS.iter().map(|(name, _)| name.trim_end_matches(':'));
    let hint = nearest(word, kinds)
        .map_or_else(String::new, |(_, near)| format!("; the nearest is [{near}]"));
    format!("{origin}: [{name}] is ignored: there is no such section{hint}")
}

fn unknown_key(key: &str, kind: Kind, section: &str, origin: &Origin) -> String {
    let hint = nearest(key, kind.settings().map(|setting| setting.row().key))
        .map_or_else(String::new, |(_, near)| format!("; the nearest is {near}"));
    format!("{origin}: {key} of [{section}] is ignored: there is no such option{hint}")
}
