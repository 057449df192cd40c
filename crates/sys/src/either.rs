//! Waits for one of two futures.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Waits for the future that completes first. Returns the value of `a`, or `None` if `b` was first.
pub async fn either<A: Future, B: Future>(a: A, b: B) -> Option<A::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| {
        if let Poll::Ready(value) = a.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        b.as_mut().poll(context).map(|_| None)
    })
    .await
}
