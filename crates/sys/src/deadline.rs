//! Runs work that may block in the kernel: reading about a process that hangs can hang as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// Whether the result of work is still wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted(Arc<AtomicBool>);

/// Marks the result as no longer wanted when it is dropped.
struct Withdrawal(Wanted);

impl Wanted {
    /// Whether the result is still wanted. Work with side effects asks before each one.
    pub fn still(&self) -> bool {
        !self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// Runs `work` in its own thread and waits for at most `limit`. `None`: the limit was too short, or
/// no thread could be created. A thread that hangs is abandoned until the supervisor exits.
pub async fn run_with_deadline<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce(&Wanted) -> T + Send + 'static,
) -> Option<T> {
    let wanted = Wanted::default();
    let _withdrawal = Withdrawal(wanted.clone());
    let (done, result) = oneshot::channel();
    let started = thread::Builder::new().name("deadline".to_owned()).spawn(move || {
        // The receiver may be gone.
        let _ = done.send(work(&wanted));
    });
    started.ok()?;
    tokio::time::timeout(limit, result).await.ok()?.ok()
}
