//! The handling of a program's failures. supervisord does not have these settings.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::exit::Exit;
use crate::failure::{Class, Preset};
use crate::signal::Signal;

/// The failure texts to look for, and the actions. The default looks for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureSpec {
    /// The set of failure texts to look for in the output.
    pub preset: Option<Preset>,
    /// Whether to check the GPUs and wait for free GPU memory before a restart. Needs `killtree`.
    pub await_devices: bool,
    /// Exit codes of the supervisor when it gives up after a failure of a class. The default is 1.
    pub exit_codes: BTreeMap<Class, u8>,
    /// The user's own rules. The first rule that matches a run applies.
    pub rules: Vec<Rc<RuleSpec>>,
}

/// A user's own rule. It matches a run that exited by itself if all its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSpec {
    /// Its unique name.
    pub name: String,
    /// A text in the last lines of output; `None`: any output matches.
    pub output: Option<String>,
    /// Exit codes of the main process. Without `exitcodes` and `signals`, any exit matches.
    pub exitcodes: Vec<u8>,
    /// Signals that killed the main process.
    pub signals: Vec<Signal>,
    /// The action after a matching run.
    pub action: RuleAction,
}

/// The action after a run that matches a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// Restart the program, whatever `autorestart` says, as often as its retry rule allows.
    Restart,
    /// Give up on the program.
    Stop,
    /// Stop everything and exit with this code.
    Exit(u8),
}

impl RuleSpec {
    /// Whether the rule prevents a restart of the program.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.action != RuleAction::Restart
    }

    /// Whether the rule matches a run. `texts`: the rules whose text is in the last lines of
    /// output.
    pub(crate) fn fits(&self, exit: Exit, texts: &BTreeSet<String>) -> bool {
        let exits = match exit {
            _ if self.exitcodes.is_empty() && self.signals.is_empty() => true,
            Exit::Code(code) => self.exitcodes.contains(&code),
            Exit::Signal { signal, .. } => self.signals.contains(&signal),
        };
        exits && (self.output.is_none() || texts.contains(&self.name))
    }

    /// Whether one of these lines contains the rule's text.
    #[must_use]
    pub fn is_in(&self, lines: &[String]) -> bool {
        self.output.as_ref().is_some_and(|text| lines.iter().any(|line| line.contains(text)))
    }
}

impl FailureSpec {
    /// The supervisor's exit code when it gives up after a failure of this class.
    #[must_use]
    pub fn exit_code(&self, class: Class) -> u8 {
        self.exit_codes.get(&class).copied().unwrap_or(1)
    }
}
