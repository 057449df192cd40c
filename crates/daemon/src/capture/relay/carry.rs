//! Moves bytes through a relay: decides when to look at a pipe and how to move its content.

use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use supervisor_sys::clock::moment;
use supervisor_sys::either::either;

use super::super::sink::Moved;
use super::super::wakeups::{Share, Wakeups, Watch};
use super::pace::{self, Next, Pace, Seen};
use super::source::Source;
use super::{Relay, add};

/// The number of bytes after which other tasks run.
const TURN: u64 = 1024 * 1024;

/// The least space that a reader frees at once, unless it is slow.
const SLOWLY: u64 = 16 * 1024;

/// The maximum time for the parts of one write of a listener, if its output is logged.
const ONE_GO: Duration = Duration::from_millis(2);

/// The reason why a relay paused.
pub(super) enum Pause {
    /// Another relay must go first.
    Behind(Rc<Relay>),
    SourceEmpty,
    SinkFull,
    /// The content was moved. There may be more.
    TurnOver,
    End,
}

/// The state of looking at one source.
struct Looks {
    watch: Watch<Rc<Source>>,
    pace: Pace,
    /// The capacity of the pipe, which the program may change.
    room: u64,
    /// Bytes that were moved since other tasks ran.
    since_others: u64,
    /// Set once the pipe has been enlarged, or needed no enlargement.
    enlarged: Option<Option<Share>>,
}

impl Looks {
    fn before_rest(&mut self, source: &Rc<Source>, wakeups: &Rc<Wakeups>) {
        self.watch.disarm();
        self.enlarged.get_or_insert_with(|| wakeups.enlarge(source));
        self.room = source.room();
        self.since_others = 0;
    }
}

impl Relay {
    /// Carries output until the relay is closed.
    pub(crate) async fn run(self: Rc<Self>, wakeups: Rc<Wakeups>) {
        loop {
            match self.front() {
                Some(source) => {
                    self.carry_all(&source, &wakeups).await;
                    self.done_with(&source);
                }
                None if self.closing.get() => return,
                None => self.changed.notified().await,
            }
        }
    }

    async fn carry_all(&self, source: &Rc<Source>, wakeups: &Rc<Wakeups>) {
        let mut looks = Looks {
            watch: wakeups.watch(source),
            pace: Pace::new(),
            room: source.room(),
            since_others: 0,
            enlarged: None,
        };
        while self.is_front(source) {
            let (at, is_armed) = (moment(), looks.watch.is_armed());
            let before = self.carried.get();
            let pause = self.carry_some(source);
            let moved = self.carried.get() - before;
            let is_empty = match pause {
                Pause::Behind(other) => {
                    other.progress.notified().await;
                    continue;
                }
                Pause::End if self.finish(source) => continue,
                Pause::SourceEmpty if source.is_last() && self.finish(source) => continue,
                Pause::End => return,
                Pause::SourceEmpty if source.is_last() => return,
                Pause::SinkFull => {
                    // Bytes stay where they are, so arrivals are of no interest.
                    looks.watch.disarm();
                    // Waits that few relays ever make don't take room in each of them.
                    Box::pin(self.await_room(moved, wakeups)).await;
                    continue;
                }
                Pause::SourceEmpty => true,
                Pause::TurnOver => false,
            };
            let seen = Seen { at, moved, is_empty, is_armed, room: looks.room };
            let next = looks.pace.next(seen);
            match next {
                Next::Rest(time) if wakeups.can_rest() => {
                    looks.before_rest(source, wakeups);
                    either(pin!(wakeups.rest(time)), pin!(self.changed.notified())).await;
                }
                Next::Wait => {
                    either(pin!(looks.watch.arrival()), pin!(self.changed.notified())).await;
                    looks.since_others = 0;
                    if self.filter.as_ref().is_some_and(|filter| filter.borrow().is_patient()) {
                        Box::pin(tokio::time::sleep(ONE_GO)).await;
                    }
                }
                Next::Rest(_) | Next::Look | Next::Arm => {
                    if next == Next::Arm
                        && let Err(error) = looks.watch.arm()
                    {
                        return self.complain(&error);
                    }
                    looks.since_others += moved;
                    if looks.since_others >= TURN {
                        looks.since_others = 0;
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    /// Waits until the sink accepts more after it has taken `moved` bytes. A reader that takes
    /// little at a time would wake the relay for each page, so the relay pauses instead. The
    /// notification may also have gone to another relay.
    async fn await_room(&self, moved: u64, wakeups: &Wakeups) {
        match (1..SLOWLY).contains(&moved) && wakeups.can_rest() {
            true => wakeups.rest(pace::LONGEST).await,
            false => self.sink.writable().await,
        }
    }

    /// Moves the present content, and leaves later output for the next look: following each line of
    /// a program would cost more than the line itself.
    pub(super) fn carry_some(&self, source: &Source) -> Pause {
        if let Some(other) = self.ahead() {
            return Pause::Behind(other);
        }
        let pause = loop {
            if source.left.get() == Some(0) && self.held() == 0 && !self.sink.is_within_line() {
                break Pause::End;
            }
            match self.draw(source) {
                Moved::Bytes(0) => {}
                Moved::Bytes(bytes) => {
                    add(&self.carried, bytes);
                    break Pause::TurnOver;
                }
                Moved::Dropped(bytes) => {
                    self.lose(bytes);
                    break Pause::TurnOver;
                }
                Moved::SourceEmpty => break Pause::SourceEmpty,
                Moved::Filled(bytes) => {
                    add(&self.carried, bytes);
                    self.still_since.set(None);
                    return self.full();
                }
                Moved::SinkFull => return self.full(),
                Moved::End => break Pause::End,
                Moved::Lost(bytes, error) => {
                    self.lose(bytes);
                    self.complain(&error);
                }
            }
        };
        self.still_since.set(None);
        self.paused(pause)
    }

    fn full(&self) -> Pause {
        add(&self.stalls, 1);
        if self.still_since.get().is_none() {
            self.still_since.set(Some(tokio::time::Instant::now()));
        }
        self.paused(Pause::SinkFull)
    }

    fn paused(&self, pause: Pause) -> Pause {
        self.progress.notify_waiters();
        pause
    }

    fn draw(&self, source: &Source) -> Moved {
        let held = &mut self.held.borrow_mut();
        let tail = &mut *source.tail.borrow_mut();
        match (&self.filter, source.pid) {
            (None, _) | (_, None) => {
                let moved = self.sink.draw(source.pipe.as_fd(), held, tail.as_mut());
                source.gave(moved.bytes());
                moved
            }
            (Some(filter), Some(pid)) => {
                let mut read = 0;
                let pass = |bytes: &[u8]| {
                    read = bytes.len();
                    source.gave(read);
                    if let Some(tail) = tail {
                        tail.add(bytes);
                    }
                    filter.borrow_mut().pass(pid, bytes)
                };
                let moved = self.sink.draw_through(source.pipe.as_fd(), held, pass);
                self.in_source_bytes(moved, read, held.is_empty())
            }
        }
    }

    /// Converts `moved` to bytes of the program's output, because a filter changes the number of
    /// bytes. These bytes count once their filtered output has been delivered completely.
    fn in_source_bytes(&self, moved: Moved, read: usize, all_out: bool) -> Moved {
        let owed = self.owed.get() + read;
        let out = if all_out { owed } else { 0 };
        self.owed.set(owed - out);
        match moved {
            Moved::Bytes(_) => Moved::Bytes(out),
            Moved::Filled(_) => Moved::Filled(out),
            Moved::Dropped(_) => Moved::Dropped(out),
            Moved::Lost(_, error) => Moved::Lost(out, error),
            Moved::SourceEmpty | Moved::SinkFull | Moved::End => moved,
        }
    }

    /// Passes on the bytes that the filter held back. Returns whether there were any.
    pub(super) fn finish(&self, source: &Source) -> bool {
        let rest = self.filter.as_ref().zip(source.pid);
        let rest = rest.map(|(filter, pid)| filter.borrow_mut().finish(pid)).unwrap_or_default();
        self.held.borrow_mut().extend_from_slice(&rest);
        self.owed.set(self.owed.get() + rest.len());
        !rest.is_empty()
    }
}
