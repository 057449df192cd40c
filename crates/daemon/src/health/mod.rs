//! Carries out the health queries of the core: one task per query, which ends within its time limit
//! and whose answer is an input of the core.

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

/// A task for the event loop, once it runs.
pub(crate) type Job = Pin<Box<dyn Future<Output = ()>>>;

/// The kinds of queries. For each process, one of each kind is in progress at most.
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
    /// Waits for the exits of processes that a census found.
    Ends,
    /// Not a query: watches the exits of descendants.
    Descendants,
    /// Connects to servers before the start.
    Targets,
    /// Not a query: receives notifications.
    Notify,
}

/// The queries in progress.
#[derive(Default)]
pub(crate) struct Questions {
    jobs: Vec<Job>,
    /// Dropping a sender cancels its query without an answer.
    under_way: BTreeMap<(ProcId, Kind), oneshot::Sender<()>>,
    numbers: u64,
}

impl fmt::Debug for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Questions").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl Questions {
    /// Starts a query; the answer goes to `inbox`. An earlier query of the kind gets no answer.
    pub(crate) fn ask(
        &mut self,
        proc: ProcId,
        kind: Kind,
        inbox: Rc<Inbox>,
        answer: impl Future<Output = Input> + 'static,
    ) {
        self.start(proc, kind, async move { inbox.push(answer.await) });
    }

    /// Receives the notifications of a process while it runs.
    pub(crate) fn listen(&mut self, proc: ProcId, job: impl Future<Output = ()> + 'static) {
        self.start(proc, Kind::Notify, job);
    }

    /// A number that was not used before.
    pub(crate) const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Starts a job that ends with an answer, and cancels an earlier query of the kind.
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

    /// Takes the new jobs.
    pub(crate) fn take_jobs(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.jobs)
    }
}
