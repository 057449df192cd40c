//! Notifies clients that follow a log of changes to it. The kernel reports the changes through one
//! inotify descriptor that all of them share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::{Rc, Weak};

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use tokio::sync::Notify;
use tokio::task::spawn_local;

use supervisor_sys::io::watch::Watched;

/// Events of a file: it grows, shrinks, or is moved or removed.
const OF_FILE: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE_SELF);

/// Events of a directory: another file takes a name in it.
const OF_FOLDER: WatchFlags = WatchFlags::CREATE.union(WatchFlags::MOVED_TO);

/// Size of the buffer for events, in bytes.
const EVENTS: usize = 4096;

/// All watched files and directories.
#[derive(Debug)]
pub(crate) struct Changes {
    kernel: Rc<OwnedFd>,
    /// Watchers to notify, by the kernel's watch descriptor.
    watchers: RefCell<BTreeMap<i32, Vec<Rc<Notify>>>>,
}

/// A watch on one file or directory. Dropping it ends the watch.
#[derive(Debug)]
pub(super) struct Watch {
    changes: Rc<Changes>,
    number: i32,
    watcher: Rc<Notify>,
}

impl Changes {
    /// Opens the inotify descriptor. Call it from within the event loop.
    pub(super) fn new() -> io::Result<Rc<Self>> {
        let kernel = Rc::new(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?);
        let watched = Watched::for_reading(Rc::clone(&kernel))?;
        let changes = Rc::new(Self { kernel, watchers: RefCell::default() });
        spawn_local(pass_on(watched, Rc::downgrade(&changes)));
        Ok(changes)
    }

    /// Notifies `watcher` when a file changes.
    pub(super) fn of_file(self: &Rc<Self>, path: &Path, watcher: &Rc<Notify>) -> io::Result<Watch> {
        self.watch(path, OF_FILE, watcher)
    }

    /// Notifies `watcher` when a file in a directory is created or moved to a name.
    pub(super) fn of_folder(
        self: &Rc<Self>,
        path: &Path,
        watcher: &Rc<Notify>,
    ) -> io::Result<Watch> {
        self.watch(path, OF_FOLDER, watcher)
    }

    fn watch(
        self: &Rc<Self>,
        path: &Path,
        what: WatchFlags,
        watcher: &Rc<Notify>,
    ) -> io::Result<Watch> {
        // The kernel returns the same number to all watchers of the same file.
        let number = inotify::add_watch(&self.kernel, path, what)?;
        self.watchers.borrow_mut().entry(number).or_default().push(Rc::clone(watcher));
        Ok(Watch { changes: Rc::clone(self), number, watcher: Rc::clone(watcher) })
    }

    fn tell(&self, number: i32, events: inotify::ReadFlags) {
        let watchers = self.watchers.borrow();
        if events.contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
            watchers.values().flatten().for_each(|watcher| watcher.notify_one());
        }
        watchers.get(&number).into_iter().flatten().for_each(|watcher| watcher.notify_one());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watchers = self.changes.watchers.borrow_mut();
        let Some(same) = watchers.get_mut(&self.number) else { return };
        if let Some(at) = same.iter().position(|other| Rc::ptr_eq(other, &self.watcher)) {
            same.swap_remove(at);
        }
        if same.is_empty() {
            watchers.remove(&self.number);
            // This fails if the file was removed, because the kernel has already dropped the
            // watch.
            let _ = inotify::remove_watch(&self.changes.kernel, self.number);
        }
    }
}

/// Passes events on until the last watcher is dropped.
async fn pass_on(watched: Watched<Rc<OwnedFd>>, changes: Weak<Changes>) {
    let mut buffer = [const { MaybeUninit::uninit() }; EVENTS];
    while let Some(ready) = watched.readable().await {
        let Some(changes) = changes.upgrade() else { return };
        let mut events = Reader::new(&changes.kernel, &mut buffer);
        while let Ok(event) = events.next() {
            changes.tell(event.wd(), event.events());
        }
        ready.spend();
    }
}
