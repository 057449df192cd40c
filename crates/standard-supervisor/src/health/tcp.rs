//! A check by connecting.

use supervisor_core::health::CheckFailure;

use super::place;

/// Connects, and leaves again.
pub(super) async fn connects(host: &str, port: u16) -> Result<(), CheckFailure> {
    place::connect(host, port).await.map(drop)
}
