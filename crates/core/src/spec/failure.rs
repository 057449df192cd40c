//! The handling of a program's failures. supervisord does not have these settings.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::exit::Exit;
use crate::failure::{Class, Preset};
use crate::signal::Signal;

/// The failure texts to search for, and the actions. The default searches for no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureSpec {
    /// The failure texts that are searched for in its output.
    pub preset: Option<Preset>,
    /// Before a restart, check its devices and wait until their memory is free. Needs `killtree`.
    pub await_devices: bool,
    /// Exit codes of the supervisor when it gives up after a failure of this class; 1 for a class
    /// without an entry.
    pub exit_codes: BTreeMap<Class, u8>,
    /// The user's own rules. The first rule that matches a run applies.
    pub rules: Vec<Rc<RuleSpec>>,
}

/// A user's own rule. It matches a run that exited by itself if all its conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSpec {
    /// Its name; unique.
    pub name: String,
    /// A text at the end of the run's output; `None`: any output.
    pub output: Option<String>,
    /// Exit codes of the main process. If `exitcodes` and `signals` are empty, any exit matches.
    pub exitcodes: Vec<u8>,
    /// Signals that ended the main process.
    pub signals: Vec<Signal>,
    /// The action for a run that matches.
    pub action: RuleAction,
}

/// The action after a run that matches a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// The program restarts, even if `autorestart` says otherwise, as often as its retry rule
    /// allows.
    Restart,
    /// The supervisor gives up on the program.
    Stop,
    /// Everything stops, and the supervisor exits with this code.
    Exit(u8),
}

impl RuleSpec {
    /// Whether the rule prevents a restart of the program.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.action != RuleAction::Restart
    }

    /// Whether the rule matches a run; `texts`: names of the rules whose text was found.
    pub(crate) fn fits(&self, exit: Exit, texts: &BTreeSet<String>) -> bool {
        let exits = match exit {
            _ if self.exitcodes.is_empty() && self.signals.is_empty() => true,
            Exit::Code(code) => self.exitcodes.contains(&code),
            Exit::Signal { signal, .. } => self.signals.contains(&signal),
        };
        exits && (self.output.is_none() || texts.contains(&self.name))
    }

    /// Whether one of these lines contains its text.
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
