//! Measures the CPU usage of a program's tree while a check waits.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use supervisor_core::health::{CheckAnswer, CheckFailure, Load};
use supervisor_core::ids::Pid;
use tokio::time::{Instant, timeout};

use supervisor_sys::process::process_table::{self, Family};

/// Waits for the response. From half of the time limit on, the tree below `root` is measured, so
/// that a quick response costs nothing.
pub(crate) async fn with_load(
    answer: impl Future<Output = Result<CheckAnswer, CheckFailure>>,
    limit: Duration,
    root: Option<Pid>,
) -> (Result<CheckAnswer, CheckFailure>, Option<Load>) {
    let mut answer = pin!(answer);
    if let Ok(result) = timeout(limit / 2, &mut answer).await {
        return (result, None);
    }
    let (before, since) = (root.and_then(used), Instant::now());
    let result = answer.await;
    let late = result == Err(CheckFailure::TimedOut);
    let now = root.filter(|_| late).and_then(used);
    let load = before
        .zip(now)
        .map(|(before, now)| Load { cpu: now.saturating_sub(before), over: since.elapsed() });
    (result, load)
}

/// The CPU time of a tree, including reaped children.
fn used(root: Pid) -> Option<Duration> {
    let members = Family::now().ok()?.descendants(root).ok()?;
    let pids = members.into_iter().map(|member| member.pid).chain([root]);
    Some(pids.filter_map(process_table::usage).map(|usage| usage.cpu).sum())
}
