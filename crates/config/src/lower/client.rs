//! `[supervisorctl]`: the settings of the client.

use std::path::{Path, PathBuf};

use super::{Lowering, password};
use crate::error::Report;
use crate::options::{self as o, SectionKind};
use crate::sources::{Context, Mode};
use crate::text::expand::{Names, Shared};
use crate::text::ini::{Section, Sections};
use crate::values::NORMAL_PATH;

/// The section's options; `None`: unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) serverurl: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) prompt: Option<String>,
    pub(crate) history_file: Option<PathBuf>,
}

/// Reads a file that only the client uses. `None` if the file has no settings for a client.
pub(crate) fn client(
    sections: &Sections,
    here: &Path,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Client> {
    let shared = Shared::new(context.sources, here);
    let mut lowering = Lowering::new(sections, Mode::File, context, report);
    for plugin in lowering.of_kind(SectionKind::CtlPlugin) {
        let name = &plugin.name;
        lowering.report.warn(format!("[{name}] is ignored, because it needs Python"));
    }
    let section = lowering.of_kind(SectionKind::Supervisorctl).next()?;
    Some(read(&mut lowering, section, &Names::new(&shared)))
}

/// Reads the section.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Client {
    let context = lowering.context;
    let normal = |url: String| match url.strip_prefix(UNIX) {
        Some(path) => (NORMAL_PATH.parse)(path, &context)
            .map_or_else(|_| url.clone(), |path| format!("{UNIX}{}", path.display())),
        None => url,
    };
    Client {
        serverurl: lowering.get(section, &o::CTL_SERVERURL, names).map(normal),
        username: lowering.get(section, &o::USERNAME, names),
        password: password::read(lowering, section, names).ok().flatten(),
        prompt: lowering.get(section, &o::PROMPT, names),
        history_file: lowering
            .get(section, &o::HISTORY_FILE, names)
            // An empty value disables the history.
            .filter(|path| *path != context.sources.cwd),
    }
}

/// Prefix of the URL of a unix socket; a path follows.
const UNIX: &str = "unix://";
