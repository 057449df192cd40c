//! A check by connecting.

use supervisor_core::health::CheckFailure;

use super::connect::connect;

/// Connects, and leaves again.
pub(super) async fn connects(host: &str, port: u16) -> Result<(), CheckFailure> {
    connect(host, port).await.map(drop)
}
