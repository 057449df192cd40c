//! One check, from the question to what came of it.

use std::time::Duration;

use supervisor_core::health::CheckFailure;
use supervisor_core::spec::health::{HttpUrl, Probe};
use tokio::time::timeout;

use super::command::{self, Runner};
use super::{http, tcp};

/// As much of an answer as is looked at.
const BODY_LIMIT: usize = 1024 * 1024;

/// What counts as a good status if nobody says.
const GOOD: std::ops::RangeInclusive<u16> = 200..=399;

/// Asks once. There is an answer within `limit`, whatever the other side does.
pub(crate) async fn check(
    probe: Probe,
    limit: Duration,
    runner: Runner,
) -> Result<(), CheckFailure> {
    match probe {
        // It sees to its end itself: who runs out of time is ended, too.
        Probe::Command(words) => command::succeeds(words, limit, runner).await,
        Probe::Http { url, status, body } => {
            let asked = timeout(limit, answers(&url, status.as_deref(), body.as_deref()));
            asked.await.unwrap_or(Err(CheckFailure::TimedOut))
        }
        Probe::Tcp { host, port } => {
            let connected = timeout(limit, tcp::connects(&host, port));
            connected.await.unwrap_or(Err(CheckFailure::TimedOut))
        }
    }
}

async fn answers(
    url: &HttpUrl,
    status: Option<&[u16]>,
    body: Option<&str>,
) -> Result<(), CheckFailure> {
    let answer = http::get(url, BODY_LIMIT).await?;
    let good = status.map_or_else(|| GOOD.contains(&answer.status), |s| s.contains(&answer.status));
    if !good {
        return Err(CheckFailure::Status(answer.status));
    }
    let held = |text: &str| holds(&answer.body, text.as_bytes());
    if body.is_none_or(held) { Ok(()) } else { Err(CheckFailure::Body) }
}

/// Whether `text` stands somewhere in `bytes`.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text)
}
