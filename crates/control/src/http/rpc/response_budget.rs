//! Limits the memory of a response while it is built, and the time of the event loop.

use tokio::sync::MutexGuard;
use tokio::task::yield_now;

use super::fault::{Fault, Kind};
use crate::http::Refused;
use crate::http::limits::held::BodyReservation;
use crate::http::serve::ServerState;

/// The size from which a response is long. Only one long response is built at a time.
const LONG_ANSWER: u64 = 1 << 20;

/// The resources of a response, until it is built.
#[derive(Debug)]
pub(super) struct ResponseBudget<'a> {
    server: &'a ServerState,
    reservation: BodyReservation,
    bytes: u64,
    turn: Option<MutexGuard<'a, ()>>,
}

impl<'a> ResponseBudget<'a> {
    /// A budget without memory.
    pub(super) fn new(server: &'a ServerState) -> Self {
        Self { server, reservation: server.held.begin(), bytes: 0, turn: None }
    }

    /// Reserves memory for results of this size, before they are built if the size is known.
    pub(super) async fn take(&mut self, bytes: u64) -> Result<(), Fault> {
        self.wait_for_turn(bytes).await;
        if !self.reservation.grow(usize::try_from(bytes).unwrap_or(usize::MAX)) {
            self.server.traffic.refuse(Refused::TooMuchHeld);
            let why = "too many unread responses; try again later";
            return Err(Fault::new(Kind::Failed, why));
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Waits until no other long response is being built, if this one is long with `more` bytes.
    pub(super) async fn wait_for_turn(&mut self, more: u64) {
        if self.bytes + more > LONG_ANSWER && self.turn.is_none() {
            self.turn = Some(self.server.held.turn().await);
            // The one before may have ended just now: two are not made without a break.
            yield_now().await;
        }
    }

    /// Lets other responses be built.
    pub(super) fn pass(&mut self) {
        self.turn = None;
    }
}
