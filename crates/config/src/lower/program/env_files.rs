//! Files with environment variables. Programs read them at each start. A problem that would prevent
//! the first start is a configuration error.

use supervisor_core::spec::EnvFile;
use supervisor_wire::env_file::{self, LARGEST};

use super::super::{Lowering, place};
use super::origin;
use crate::options as o;
use crate::text::expand::Names;
use crate::text::ini::Section;

/// Reads the paths and checks each file.
pub(super) fn read<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Vec<EnvFile>> {
    let files = lowering.get(section, &o::ENV_FILE, names)?;
    let mut complete = true;
    for file in &files {
        if let Err(why) = check(lowering, section, file) {
            let why = format!("{} {}: {why}", o::ENV_FILE.def.key, file.path.display());
            lowering.complain(section, origin(lowering, section, o::ENV_FILE.def.key), &why);
            complete = false;
        }
    }
    complete.then_some(files)
}

fn check(lowering: &mut Lowering<'_>, section: &Section, file: &EnvFile) -> Result<(), String> {
    let EnvFile { path, optional } = file;
    let Some(content) = lowering.context.host.regular_file(path, LARGEST)? else {
        let missing = "file not found; write '-' before the path to make it optional";
        return if *optional { Ok(()) } else { Err(missing.to_owned()) };
    };
    env_file::parse(&content.content).map_err(|why| why.to_string())?;
    if content.others_may_write {
        let (key, path) = (o::ENV_FILE.def.key, path.display());
        let place = place(origin(lowering, section, key));
        lowering.report.warn(format!(
            "{place}{key} {path}: any user may write to this file, and so choose what [{}] runs \
             with; chmod o-w removes that",
            section.name
        ));
    }
    Ok(())
}
