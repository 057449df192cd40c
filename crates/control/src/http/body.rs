//! Response bodies: bytes that are complete, or a stream of pieces.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

use super::limits::connections::{Activity, Phase};
use super::limits::held::BodyReservation;

/// The body of a response.
#[derive(Debug)]
pub(crate) struct Body {
    content: Content,
    /// Activity of the connection that sends the body.
    activity: Option<Rc<Activity>>,
    /// The body's share of the memory that all connections have.
    reservation: Option<BodyReservation>,
}

/// Number of bytes that a connection receives at once. While it sends them, the rest of the body
/// still counts against the limit.
const SLICE: usize = 64 * 1024;

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

/// The producer's end of a streamed body.
#[derive(Debug)]
pub(crate) struct Feed(mpsc::Sender<Bytes>);

impl Body {
    /// A body of unknown length. It ends when its feed is dropped or the supervisor exits.
    pub(crate) fn stream() -> (Feed, Self) {
        // One piece is sent while the next is produced.
        let (feed, pieces) = mpsc::channel(1);
        (Feed(feed), Self { content: Content::Stream(pieces), activity: None, reservation: None })
    }

    /// Length of the body in bytes, if it is known.
    pub(super) fn len(&self) -> Option<usize> {
        match &self.content {
            Content::Whole(bytes) => Some(bytes.as_ref().map_or(0, Bytes::len)),
            Content::Stream(_) => None,
        }
    }

    /// Counts the body against the memory limit until it is sent.
    pub(super) fn held_by(mut self, reservation: BodyReservation) -> Self {
        self.reservation = Some(reservation);
        self
    }

    /// Attaches the body to the connection that sends it.
    pub(super) fn on(mut self, activity: Rc<Activity>) -> Self {
        activity.enter(match self.content {
            Content::Whole(_) => Phase::Transfer,
            Content::Stream(_) => Phase::Streaming,
        });
        self.activity = Some(activity);
        self
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self { content: Content::Whole(Some(bytes.into())), activity: None, reservation: None }
    }
}

impl Feed {
    /// Sends the next piece after the previous one was taken. Returns false if the client has
    /// disconnected.
    pub(crate) async fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.send(piece.into()).await.is_ok()
    }

    /// Waits until the client has disconnected.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let ending = self.activity.as_ref().is_some_and(|activity| activity.is_ending());
        match &mut self.content {
            Content::Whole(bytes) => {
                let slice = match bytes {
                    Some(bytes) if bytes.len() > SLICE => Some(bytes.split_to(SLICE)),
                    Some(_) | None => bytes.take(),
                };
                Poll::Ready(slice.map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Stream(pieces) => match pieces.poll_recv(context) {
                Poll::Ready(piece) => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
                Poll::Pending if ending => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.len().map_or_else(SizeHint::default, |length| SizeHint::with_exact(length as u64))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(activity) = &self.activity {
            activity.enter(Phase::Transfer);
        }
    }
}
