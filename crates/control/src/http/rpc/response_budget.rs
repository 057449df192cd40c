//! What the answer to one request takes while it is made: of the room that all share, and
//! of the time of the one thread.

use tokio::sync::MutexGuard;
use tokio::task::yield_now;

use super::fault::{Fault, Kind};
use crate::http::Refused;
use crate::http::limits::held::BodyReservation;
use crate::http::serve::ServerState;

/// Bytes of an answer; of those that are longer one is made at a time.
const LONG_ANSWER: u64 = 1 << 20;

/// What one answer takes, until it is made.
#[derive(Debug)]
pub(super) struct ResponseBudget<'a> {
    server: &'a ServerState,
    reservation: BodyReservation,
    bytes: u64,
    turn: Option<MutexGuard<'a, ()>>,
}

impl<'a> ResponseBudget<'a> {
    /// Nothing yet.
    pub(super) fn new(server: &'a ServerState) -> Self {
        Self { server, reservation: server.held.begin(), bytes: 0, turn: None }
    }

    /// Takes room for results of so many bytes, before they are made if that is known.
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

    /// Waits until nobody else makes a long answer, if this one is long with so many bytes
    /// more.
    pub(super) async fn wait_for_turn(&mut self, more: u64) {
        if self.bytes + more > LONG_ANSWER && self.turn.is_none() {
            self.turn = Some(self.server.held.turn().await);
            // The one before may have ended just now: two are not made without a break.
            yield_now().await;
        }
    }

    /// Lets others have their turn.
    pub(super) fn pass(&mut self) {
        self.turn = None;
    }
}
