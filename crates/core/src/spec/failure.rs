//! What is made of a program's failures. None of this is supervisord's.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::exit::Exit;
use crate::failure::{Class, Preset};
use crate::signal::Signal;

/// What is looked for, and what follows. The default looks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureSpec {
    /// The signs that its output is searched for.
    pub preset: Option<Preset>,
    /// Before a restart its devices are looked at, and their memory is awaited. Needs `killtree`.
    pub await_devices: bool,
    /// Exit codes of the supervisor when it gives up after a failure of this class; 1 for
    /// those that are not in it.
    pub exit_codes: BTreeMap<Class, u8>,
    /// Users' own rules. The first that fits a run counts.
    pub rules: Vec<Rc<RuleSpec>>,
}

/// A user's own rule. All conditions that it has must hold of a run that exited by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSpec {
    /// Its name; unique.
    pub name: String,
    /// A text in the end of the run's output; `None`: whatever that is.
    pub output: Option<String>,
    /// Exit codes and signals of the main process; both empty: whatever its exit is.
    pub exitcodes: Vec<u8>,
    /// Signals that ended the main process.
    pub signals: Vec<Signal>,
    /// What follows.
    pub action: RuleAction,
}

/// What follows a run that fits a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// It is started again, whatever `autorestart` says, as often as its retry rule has it.
    Restart,
    /// The supervisor gives up on it.
    Stop,
    /// Everything stops, and the supervisor exits with this code.
    Exit(u8),
}

impl RuleSpec {
    /// Whether the program is not started again.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.action != RuleAction::Restart
    }

    /// Whether it fits a run; `texts`: names of the rules whose text was found.
    pub(crate) fn fits(&self, exit: Exit, texts: &BTreeSet<String>) -> bool {
        let exits = match exit {
            _ if self.exitcodes.is_empty() && self.signals.is_empty() => true,
            Exit::Code(code) => self.exitcodes.contains(&code),
            Exit::Signal { signal, .. } => self.signals.contains(&signal),
        };
        exits && (self.output.is_none() || texts.contains(&self.name))
    }

    /// Whether its text stands in one of these lines.
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
