//! Finds out what the core asks of a program's health: one task for each question, which
//! ends in time and whose answer is an input like any other.

mod check;
mod command;
pub(crate) mod connect;
mod headers;
pub(crate) mod http;
mod listener;
mod load;
mod notify;
mod progress;
mod strays;
mod targets;
pub(crate) mod tls;
mod tree;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use supervisor_core::Input;
use supervisor_core::ids::ProcId;
use supervisor_sys::either::either;
use tokio::sync::oneshot;

use crate::inbox::Inbox;

pub(crate) use check::{Asked, check};
pub(crate) use command::{Checker, Runner};
pub(crate) use load::with_load;
pub(crate) use notify::{Notify, Told};
pub(crate) use progress::look;
pub(crate) use strays::Strays;
pub(crate) use targets::reach;
pub(crate) use tree::{Meant, count, meant};

/// Something to do in the event loop, once there is one.
pub(crate) type Job = Pin<Box<dyn Future<Output = ()>>>;

/// The kinds of questions. Of each, one is under way for a process at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Check,
    Progress,
    Load,
    Tree,
    Memory,
    Census,
    Files,
    Tidy,
    Port,
    Devices,
    /// The end of those that a census found.
    Ends,
    /// Not asked: the ends of its descendants.
    Descendants,
    /// Before it is started.
    Targets,
    /// Not asked, but told.
    Notify,
}

/// The questions that are under way.
#[derive(Default)]
pub(crate) struct Questions {
    jobs: Vec<Job>,
    /// Dropping one ends its question without an answer.
    under_way: BTreeMap<(ProcId, Kind), oneshot::Sender<()>>,
    numbers: u64,
}

impl fmt::Debug for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Questions").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl Questions {
    /// Asks; the answer goes to `inbox`. An earlier question of the kind has no answer any
    /// more.
    pub(crate) fn ask(
        &mut self,
        proc: ProcId,
        kind: Kind,
        inbox: Rc<Inbox>,
        answer: impl Future<Output = Input> + 'static,
    ) {
        self.start(proc, kind, async move { inbox.push(answer.await) });
    }

    /// Hears what a process tells of itself, as long as it runs.
    pub(crate) fn listen(&mut self, proc: ProcId, job: impl Future<Output = ()> + 'static) {
        self.start(proc, Kind::Notify, job);
    }

    /// A number that it hasn't given before.
    pub(crate) const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Does what ends with pushing an answer, in place of an earlier question of the kind.
    pub(crate) fn start(
        &mut self,
        proc: ProcId,
        kind: Kind,
        job: impl Future<Output = ()> + 'static,
    ) {
        let (keep, dropped) = oneshot::channel();
        self.under_way.insert((proc, kind), keep);
        self.jobs.push(Box::pin(async move {
            either(job, dropped).await;
        }));
    }

    /// Runs a job that belongs to no question and that no later job replaces.
    pub(crate) fn do_beside(&mut self, job: impl Future<Output = ()> + 'static) {
        self.jobs.push(Box::pin(job));
    }

    /// Cancels this question about a process.
    pub(crate) fn withdraw(&mut self, proc: ProcId, kind: Kind) {
        self.under_way.remove(&(proc, kind));
    }

    /// Cancels all questions about a process.
    pub(crate) fn forget(&mut self, proc: ProcId) {
        self.under_way.retain(|(of, _), _| *of != proc);
    }

    /// What has to be done from now on.
    pub(crate) fn take_jobs(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.jobs)
    }
}
