//! What `--check` prints.

use crate::generated::render;
use crate::ini::{Entry, Origin, Section, Sections};
use crate::named::Named;
use crate::options::{Kind, Row, Setting};

/// All sections with every option's value or default, in the order of the table, as
/// text that reads back the same. Options that are unset and have no default are left
/// out; keys that nothing reads come last.
pub(crate) fn text(sections: &Sections, heading: &str, lossy_command: bool) -> String {
    let all = sections.all.iter().map(|section| filled(sections, section)).collect();
    let filled = Sections { all, ..Sections::default() };
    render(heading, &filled, |_| true, lossy_command).text
}

fn filled(sections: &Sections, section: &Section) -> Section {
    let mut filled = Section { entries: Named::default(), ..section.clone() };
    for row in Kind::of(&section.name).into_iter().flat_map(Kind::settings).map(Setting::row) {
        let said = sections.entry(section, row.key).cloned();
        said.or_else(|| default(row)).into_iter().for_each(|entry| filled.set(entry));
    }
    for entry in &section.entries {
        filled.set(entry.clone());
    }
    filled
}

fn default(row: &Row) -> Option<Entry> {
    let value = row.default?.to_owned();
    Some(Entry { key: row.key.to_owned(), value, origin: Origin::BuiltIn })
}
