//! Users' own rules for runs that exited by themselves.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::{Fatal, Live, Process, State, Transition};
use crate::exit::Exit;
use crate::line::{GaveUp, Line};
use crate::report::{Cause, Next};
use crate::retry::Failures;
use crate::spec::failure::{RuleAction, RuleSpec};

impl Process {
    /// The first rule that matches. `texts`: the rules whose text is in the last lines of output.
    pub(super) fn rule_for(&self, exit: Exit, texts: &BTreeSet<String>) -> Option<Rc<RuleSpec>> {
        let mut rules = self.spec.failure.rules.iter();
        rules.find(|rule| rule.fits(exit, texts)).map(Rc::clone)
    }

    /// Handles the exit of a process that a rule does not restart.
    pub(super) fn end_by_rule(
        &mut self,
        (live, exit): (Live, Exit),
        cause: Cause,
        rule: &RuleSpec,
        cx: &mut Transition<'_>,
    ) {
        let (status, ends) = match rule.action {
            RuleAction::Exit(code) => (code, true),
            RuleAction::Stop | RuleAction::Restart => {
                (self.spec.failure.exit_code(cause.class()), false)
            }
        };
        let because = self.file_report(Some((live, exit)), cause, Next::GiveUp, cx);
        self.back_off(Duration::ZERO, cx);
        self.enter(State::Fatal { why: Fatal::ByAction { status, ends } }, cx);
        (self.failures, self.hopeless) = (Failures::default(), None);
        let why = GaveUp::Rule(rule.name.clone());
        self.notice_given_up(&why, because.as_ref(), cx);
        let ends_all = ends || self.takes_all_along();
        cx.log(Line::GaveUp { name: self.name(), why, because: because.clone(), ends_all });
        self.tell_last_run(live, exit, because, cx);
    }
}
