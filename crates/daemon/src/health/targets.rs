//! Whether the servers that a start waits for accept connections.

use supervisor_core::health::CheckFailure;
use supervisor_core::spec::start::HostPort;
use supervisor_core::{CONNECT_LIMIT, Unreached};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connect::connect;

/// Connects to all of them at once and closes the connections. Returns the first, in their order,
/// that did not accept.
pub(crate) async fn reach(targets: Vec<HostPort>) -> Result<(), Unreached> {
    let mut attempts = JoinSet::new();
    for (place, target) in targets.into_iter().enumerate() {
        attempts.spawn_local(async move {
            let connected = timeout(CONNECT_LIMIT, connect(&target.host, target.port));
            let connected = connected.await.unwrap_or(Err(CheckFailure::TimedOut));
            (place, connected.map(drop).map_err(|failure| Unreached { target, failure }))
        });
    }
    let mut first: Option<(usize, Unreached)> = None;
    while let Some(attempt) = attempts.join_next().await {
        // One that panicked is the only kind that there is no result of.
        if let Ok((place, Err(unreached))) = attempt
            && first.as_ref().is_none_or(|(known, _)| place < *known)
        {
            first = Some((place, unreached));
        }
    }
    first.map_or(Ok(()), |(_, unreached)| Err(unreached))
}
