//! Warns about unknown names. As in supervisord they have no effect, but most of them are typing
//! errors.

use super::Lowering;
use crate::error::in_short;
use crate::options::{KINDS, SectionKind};
use crate::sources::Context;
use crate::text::ini::{Entry, Origin, Section};
use crate::text::nearest::{has_words_of, nearest};

/// Warns about unknown sections and keys of files, and suggests similar names.
pub(super) fn warn(lowering: &mut Lowering<'_>) {
    for section in &lowering.sections.all {
        match SectionKind::of(&section.name) {
            None if matches!(section.origin, Origin::File { .. }) => {
                lowering.report.warn(unknown_section(&section.name, &section.origin));
            }
            // Any key of these sections may be meant for Python code.
            None | Some(SectionKind::RpcInterface | SectionKind::CtlPlugin) => {}
            Some(kind) => unknown_keys(lowering, section, kind),
        }
    }
}

/// Warns about the unknown keys of a section. A key that is similar to a known one is a typing
/// error; any other key may belong to a plug-in that reads the same file.
fn unknown_keys(lowering: &mut Lowering<'_>, section: &Section, kind: SectionKind) {
    let known = |key: &str| kind.settings().any(|setting| setting.def().key == key);
    let mut others: Vec<&Entry> = Vec::new();
    for entry in &section.entries {
        if known(&entry.key) || entry.origin.file().is_none() {
            continue;
        }
        match meant(entry, kind, &lowering.context) {
            Some(near) => lowering.report.warn(format!(
                "{}: {} of [{}] is ignored: unknown option; did you mean {near}?",
                entry.origin, entry.key, section.name
            )),
            None => others.push(entry),
        }
    }
    if let Some(first) = others.first() {
        let names: Vec<&str> = others.iter().map(|entry| entry.key.as_str()).collect();
        lowering.report.warn(format!(
            "{}: [{}]: ignoring options of other programs: {}",
            first.origin,
            section.name,
            in_short(&names.join(", "))
        ));
    }
}

/// The known key that an unknown one probably means. Of a similar key and one with the same words,
/// it is the one that accepts the value: `exit_codes=oom:137` means `failure_exit_codes`, and
/// `exit_codes=0,2` means `exitcodes`.
fn meant(entry: &Entry, kind: SectionKind, context: &Context<'_>) -> Option<&'static str> {
    let keys = || kind.settings().map(|setting| setting.def().key);
    let similar = nearest(&entry.key, keys()).map(|(_, near)| near);
    let longer = keys().filter(|key| has_words_of(key, &entry.key)).min_by_key(|key| key.len());
    let accepts = |key: &&str| {
        let mut settings = kind.settings();
        let setting = settings.find(|setting| setting.def().key == *key);
        setting.is_some_and(|setting| setting.check(&entry.value, context).is_ok())
    };
    let candidates = [similar, longer];
    candidates.into_iter().flatten().find(accepts).or(similar).or(longer)
}

fn unknown_section(name: &str, origin: &Origin) -> String {
    let word = name.split(':').next().unwrap_or(name);
    let kinds = KINDS.iter().map(|(name, _)| name.trim_end_matches(':'));
    let hint = nearest(word, kinds)
        .map_or_else(String::new, |(_, near)| format!("; did you mean [{near}]?"));
    format!("{origin}: [{name}] is ignored: unknown section{hint}")
}
