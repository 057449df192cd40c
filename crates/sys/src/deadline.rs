//! Work that the kernel may hold up: reading about a process that hangs can hang as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// Whether the result of work is still wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted(Arc<AtomicBool>);

/// Takes back the wish when it is dropped.
struct Withdrawal(Wanted);

impl Wanted {
    /// Whether it is. Work that changes anything asks before each change.
    pub fn still(&self) -> bool {
        !self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// Does `work` in a thread of its own and waits for it, but no longer than `limit`. `None`:
/// that was too short, or there can be no thread. What hangs is left to end with us.
pub async fn run_with_deadline<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce(&Wanted) -> T + Send + 'static,
) -> Option<T> {
    let wanted = Wanted::default();
    let _withdrawal = Withdrawal(wanted.clone());
    let (done, result) = oneshot::channel();
    let started = thread::Builder::new().name("deadline".to_owned()).spawn(move || {
        // Nobody may wait any more.
        let _ = done.send(work(&wanted));
    });
    started.ok()?;
    tokio::time::timeout(limit, result).await.ok()?.ok()
}
