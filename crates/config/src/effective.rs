//! What `--check` prints.

use crate::generated::render;
use crate::ini::{Entry, Origin, Sections};
use crate::options::{Kind, Setting};

/// All sections with every option's value or default, as text that reads back the
/// same. Options that are unset and have no default are left out.
pub(crate) fn text(sections: &Sections, heading: &str, lossy_command: bool) -> String {
    let mut filled = sections.clone();
    for (section, source) in filled.all.iter_mut().zip(&sections.all) {
        let Some(kind) = Kind::of(&section.name) else { continue };
        for row in kind.settings().map(Setting::row) {
            let said = sections.entry(source, row.key).cloned();
            let default = row.default.map(|value| Entry {
                key: row.key.to_owned(),
                value: value.to_owned(),
                origin: Origin::BuiltIn,
            });
            if let Some(entry) = said.or(default) {
                section.set(entry);
            }
        }
    }
    filled.defaults.clear();
    render(heading, &filled, |_| true, lossy_command).text
}
