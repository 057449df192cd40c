//! Wakes relays: when bytes arrive in an idle pipe, and after a timer while the pipe is busy.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use supervisor_core::Input;
use supervisor_core::signal::Signal;
use supervisor_sys::clock::moment;
use supervisor_sys::either::either;
use supervisor_sys::io::arrivals::Arrivals;
use supervisor_sys::io::watch::Watched;
use tokio::sync::Notify;

use super::{between, peek};
use crate::inbox::Inbox;

/// The number of streams that use SIGIO; epoll watches the others. The signal does not identify the
/// stream, so each signal causes a look at all of them.
const SIGNALLED: usize = 8;

/// The maximum number of enlarged pipes. The kernel allows an unprivileged user 512 of this size.
/// After that, all pipes of the user get two pages, even in other programs.
const ENLARGED: usize = 64;

/// The size of an enlarged pipe, twice the usual size: space for output during a pause.
const ENLARGED_SIZE: usize = 128 * 1024;

/// The timer and SIGIO, shared by all relays.
#[derive(Debug)]
pub(crate) struct Wakeups {
    arrivals: Option<Watched<Arrivals>>,
    arrived: Notify,
    timer: Option<Watched<OwnedFd>>,
    /// Relays that pause, by the end of the pause and the order of its start.
    resting: RefCell<BTreeMap<(Instant, u64), Waker>>,
    rests: Cell<u64>,
    /// The number of streams that use SIGIO, and of enlarged pipes.
    signalled: Cell<usize>,
    enlarged: Cell<usize>,
}

impl Wakeups {
    /// Opens the timer and SIGIO. Without descriptors, relays work without a timer or without
    /// SIGIO. Call it within the event loop, in the thread of all relays.
    pub(crate) fn open() -> Self {
        let arrivals = Arrivals::open().and_then(Watched::for_reading).ok();
        Self {
            arrivals,
            arrived: Notify::new(),
            timer: timer().ok(),
            resting: RefCell::default(),
            rests: Cell::new(0),
            signalled: Cell::new(0),
            enlarged: Cell::new(0),
        }
    }

    #[cfg(test)]
    pub(crate) fn without_signals() -> Self {
        Self { arrivals: None, ..Self::open() }
    }

    /// Wakes relays for as long as the event loop runs.
    pub(crate) async fn run(self: Rc<Self>, inbox: Rc<Inbox>) {
        either(self.wake_idle(&inbox), self.wake_resting()).await;
    }

    async fn wake_idle(&self, inbox: &Inbox) {
        let Some(arrivals) = &self.arrivals else { return std::future::pending().await };
        while let Some(ready) = arrivals.readable().await {
            let taken = arrivals.get().take();
            ready.spend();
            if taken.arrived {
                self.arrived.notify_waiters();
            }
            if taken.sent {
                inbox.push(Input::Signalled(Signal::IO));
            }
        }
    }

    async fn wake_resting(&self) {
        let Some(timer) = &self.timer else { return std::future::pending().await };
        while let Some(ready) = timer.readable().await {
            // It need not be read: setting it again is enough.
            ready.spend();
            let now = moment();
            let mut resting = self.resting.borrow_mut();
            while let Some(first) = resting.first_entry()
                && first.key().0 <= now
            {
                first.remove().wake();
            }
            if let Some((next, _)) = resting.first_key_value() {
                set(timer.get(), next.0.saturating_duration_since(now));
            }
        }
    }

    /// Whether relays can pause.
    pub(crate) const fn can_rest(&self) -> bool {
        self.timer.is_some()
    }

    /// Waits for this time, more precisely than the event loop's timers.
    pub(crate) async fn rest(&self, time: Duration) {
        let Some(timer) = &self.timer else { return };
        let now = moment();
        let number = self.rests.replace(self.rests.get() + 1);
        let place = Place { resting: &self.resting, key: (now + time, number) };
        let mut is_set = false;
        poll_fn(|context| {
            let mut resting = self.resting.borrow_mut();
            if std::mem::replace(&mut is_set, true) && !resting.contains_key(&place.key) {
                return Poll::Ready(());
            }
            let is_first = resting.first_key_value().is_none_or(|(first, _)| place.key <= *first);
            if resting.insert(place.key, context.waker().clone()).is_none() && is_first {
                set(timer.get(), time);
            }
            Poll::Pending
        })
        .await;
    }

    /// Creates the watch of a new stream.
    pub(crate) fn watch<T: AsFd + Clone>(self: &Rc<Self>, pipe: &T) -> Watch<T> {
        if let Some(arrivals) = self.arrivals.as_ref().map(Watched::get)
            && arrivals.works()
            && self.signalled.get() < SIGNALLED
            && arrivals.own(pipe.as_fd()).is_ok()
        {
            self.signalled.set(self.signalled.get() + 1);
            let share = Share(Rc::clone(self), |wakeups| &wakeups.signalled);
            return Watch::BySignal { pipe: pipe.clone(), armed: false, share };
        }
        Watch::ByEpoll { pipe: pipe.clone(), watched: None }
    }

    /// Enlarges a pipe of a busy program. It keeps a pipe whose size is not the usual one (because
    /// the program or the kernel's limit chose it), and does nothing if too many pipes are enlarged
    /// or the kernel rejects it.
    pub(crate) fn enlarge(self: &Rc<Self>, pipe: impl AsFd) -> Option<Share> {
        let size = rustix::pipe::fcntl_getpipe_size(&pipe).ok()?;
        if size != peek::MOST || self.enlarged.get() >= ENLARGED {
            return None;
        }
        rustix::pipe::fcntl_setpipe_size(&pipe, ENLARGED_SIZE).ok()?;
        self.enlarged.set(self.enlarged.get() + 1);
        Some(Share(Rc::clone(self), |wakeups| &wakeups.enlarged))
    }
}

/// A share of a limited resource, returned when it is dropped.
#[derive(Debug)]
pub(crate) struct Share(Rc<Wakeups>, fn(&Wakeups) -> &Cell<usize>);

impl Drop for Share {
    fn drop(&mut self) {
        let count = (self.1)(&self.0);
        count.set(count.get() - 1);
    }
}

/// The entry of a relay that pauses. Dropping it prevents the wake-up.
struct Place<'a> {
    resting: &'a RefCell<BTreeMap<(Instant, u64), Waker>>,
    key: (Instant, u64),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.resting.borrow_mut().remove(&self.key);
    }
}

/// A watch on an idle pipe. While it is disarmed, it costs the writer nothing.
#[derive(Debug)]
pub(crate) enum Watch<T: AsFd> {
    BySignal { pipe: T, armed: bool, share: Share },
    ByEpoll { pipe: T, watched: Option<Watched<T>> },
}

impl<T: AsFd + Clone> Watch<T> {
    pub(crate) const fn is_armed(&self) -> bool {
        match self {
            Self::BySignal { armed, .. } => *armed,
            Self::ByEpoll { watched, .. } => watched.is_some(),
        }
    }

    /// Enables wake-ups. Earlier output may not cause one, so the caller looks once more.
    pub(crate) fn arm(&mut self) -> io::Result<()> {
        between::calls();
        match self {
            Self::BySignal { pipe, armed, share } => {
                let Some(arrivals) = &share.0.arrivals else { return Ok(()) };
                arrivals.get().announce(pipe.as_fd())?;
                *armed = true;
            }
            Self::ByEpoll { pipe, watched } => *watched = Some(Watched::for_reading(pipe.clone())?),
        }
        Ok(())
    }

    pub(crate) fn disarm(&mut self) {
        match self {
            Self::BySignal { pipe, armed, share } => {
                if std::mem::take(armed)
                    && let Some(arrivals) = &share.0.arrivals
                {
                    // Otherwise there are signals that nothing waits for.
                    let _ = arrivals.get().silence(pipe.as_fd());
                }
            }
            Self::ByEpoll { watched, .. } => drop(watched.take()),
        }
    }

    /// Waits until output may have arrived since the watch was armed, or since the pipe was found
    /// empty after that.
    pub(crate) async fn arrival(&self) {
        match self {
            Self::BySignal { share, .. } => share.0.arrived.notified().await,
            Self::ByEpoll { watched: Some(watched), .. } => {
                if let Some(ready) = watched.readable_by_one().await {
                    ready.spend();
                }
            }
            Self::ByEpoll { watched: None, .. } => {}
        }
    }
}

fn timer() -> io::Result<Watched<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    Watched::for_reading(timerfd_create(TimerfdClockId::Monotonic, flags)?)
}

fn set(timer: &OwnedFd, time: Duration) {
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    // Zero would mean never.
    let it_value = Timespec::try_from(time.max(Duration::from_nanos(1))).unwrap_or(none);
    let once = Itimerspec { it_interval: none, it_value };
    let _ = timerfd_settime(timer, TimerfdTimerFlags::empty(), &once);
}

#[cfg(test)]
mod tests {
    use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn in_a_loop<T>(act: impl AsyncFnOnce() -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, act())
    }

    fn pipe() -> (Rc<OwnedFd>, OwnedFd) {
        let (read, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        (Rc::new(read), write)
    }

    #[test]
    fn no_more_than_64_pipes_are_enlarged_at_a_time() {
        in_a_loop(async || {
            let wakeups = Rc::new(Wakeups::open());
            let pipes = [(); ENLARGED + 1].map(|()| pipe());
            let mut shares: Vec<_> = pipes.iter().map(|(read, _)| wakeups.enlarge(read)).collect();
            let size = |at: usize| fcntl_getpipe_size(&pipes[at].0).unwrap();

            assert!(shares.pop().unwrap().is_none());
            assert_eq!(size(ENLARGED), peek::MOST);
            assert!(shares.iter().all(Option::is_some));
            assert!((0..ENLARGED).all(|at| size(at) == ENLARGED_SIZE));
            // A stream that ends makes room for another.
            shares.pop();
            assert!(wakeups.enlarge(&pipes[ENLARGED].0).is_some());
            assert_eq!(size(ENLARGED), ENLARGED_SIZE);
        });
    }

    #[test]
    fn a_pipe_size_that_the_program_chose_is_kept() {
        in_a_loop(async || {
            let wakeups = Rc::new(Wakeups::open());
            let page = rustix::param::page_size();
            for chosen in [page, 32 * 1024, 256 * 1024, 1024 * 1024] {
                let (read, write) = pipe();
                let size = fcntl_setpipe_size(&write, chosen).unwrap();
                assert!(wakeups.enlarge(&read).is_none());
                assert_eq!(fcntl_getpipe_size(&read).unwrap(), size);
            }
            assert_eq!(wakeups.enlarged.get(), 0);
        });
    }

    #[test]
    fn epoll_watches_the_streams_that_sigio_does_not() {
        in_a_loop(async || {
            let wakeups = Rc::new(Wakeups::open());
            let by_signal = |watch: &Watch<Rc<OwnedFd>>| matches!(watch, Watch::BySignal { .. });
            let watch = || wakeups.watch(&pipe().0);
            let mut watches: Vec<_> = std::iter::repeat_with(watch).take(SIGNALLED + 1).collect();
            assert!(!by_signal(&watches.pop().unwrap()));
            assert!(watches.iter().all(by_signal));
            watches.pop();
            assert!(by_signal(&watch()));
            assert!(!by_signal(&Rc::new(Wakeups::without_signals()).watch(&pipe().0)));
        });
    }

    #[test]
    fn output_and_its_end_wake_a_relay_with_and_without_sigio() {
        in_a_loop(async || {
            for wakeups in [Wakeups::open(), Wakeups::without_signals()] {
                let wakeups = Rc::new(wakeups);
                let runs = tokio::task::spawn_local(Rc::clone(&wakeups).run(Rc::default()));
                let (read, write) = pipe();
                let mut watch = wakeups.watch(&read);
                watch.arm().unwrap();
                let arrival = async |act: &mut dyn FnMut()| {
                    let waits = tokio::time::timeout(PATIENCE, watch.arrival());
                    let acts = async {
                        tokio::task::yield_now().await;
                        act();
                        std::future::pending::<()>().await;
                    };
                    either(waits, acts).await.expect("it waits").expect("the relay is woken");
                };
                arrival(&mut || assert_eq!(rustix::io::write(&write, b"word"), Ok(4))).await;
                rustix::io::read(&read, &mut [0; 9]).unwrap();
                let mut write = Some(write);
                arrival(&mut || drop(write.take())).await;
                runs.abort();
            }
        });
    }
}
