//! A command that runs once, as under a plain init process, without supervision.

use std::ffi::OsString;
use std::rc::Rc;

use supervisor_core::spec::{SignalRule, Spec, WhenDone};

use crate::Config;
use crate::env::overlay;
use crate::env::{self, EnvSettings};
use crate::error::Report;
use crate::lower::lower;
use crate::modes::command::as_text;
use crate::modes::template::{self, Run};
use crate::sources::{APP, Context, Mode, Sources};

/// Builds the configuration of a `command` that runs once. Uses only options of the environment for
/// which `acts` returns true.
pub(crate) fn run_once(
    command: &[OsString],
    settings: &EnvSettings,
    acts: fn(&str) -> bool,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Config> {
    let (text, lossy) = as_text(command);
    let mut sections = template::base(APP, &text, Run::Once);
    let mut overrides = overlay::read_once(context.sources);
    overrides.retain(|o| acts(&o.key));
    overlay::apply(&mut sections, overrides, context.sources, report);
    let mut settings = settings.clone();
    settings.options.retain(|option| acts(&option.entry.key));
    template::complete(&mut sections, &settings, Run::Once);
    let lowered = lower(&sections, Mode::Once(command), &context.sources.cwd, context, report)?;
    let spec = Spec {
        groups: lowered.groups,
        signals: SignalRule::ForwardAll,
        when_done: WhenDone::Exit,
        prestop_delay: lowered.supervisord.prestop_delay,
        prestop_idle: lowered.supervisord.prestop_idle,
        stop_budget: lowered.supervisord.stop_budget,
        hooks: lowered.hooks,
    };
    let sections = (Rc::new(sections), lossy);
    Some(Config::new(spec, lowered.supervisord, lowered.control, None, sections))
}

/// Warns about variables that have no effect on a command that runs once.
pub(crate) fn warn_of_settings(sources: &Sources, report: &mut Report) {
    let ignored: Vec<String> = env::set_without_effect(sources).collect();
    if !ignored.is_empty() {
        report.warn(format!(
            "{} no effect: {} is off, so the command runs once and is not supervised",
            if let [name] = &ignored[..] {
                format!("{name} has")
            } else {
                format!("{} have", ignored.join(", "))
            },
            env::AUTO_RECOVERY.name
        ));
    }
}
