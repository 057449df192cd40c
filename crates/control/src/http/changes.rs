//! Who follows a log is told when something happens to it: by the kernel, through one
//! descriptor for all of them.

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

/// What may happen to a file: it grows, shrinks or goes.
const OF_FILE: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE_SELF);

/// What may happen in a folder: another file takes a name.
const OF_FOLDER: WatchFlags = WatchFlags::CREATE.union(WatchFlags::MOVED_TO);

/// Bytes of events that are read at once.
const EVENTS: usize = 4096;

/// Everything that is watched.
#[derive(Debug)]
pub(crate) struct Changes {
    kernel: Rc<OwnedFd>,
    /// Whom to tell, by the kernel's number for what is watched.
    watchers: RefCell<BTreeMap<i32, Vec<Rc<Notify>>>>,
}

/// One file or folder that is watched, as long as this lives.
#[derive(Debug)]
pub(super) struct Watch {
    changes: Rc<Changes>,
    number: i32,
    watcher: Rc<Notify>,
}

impl Changes {
    /// Begins to listen to the kernel, from within the event loop.
    pub(super) fn new() -> io::Result<Rc<Self>> {
        let kernel = Rc::new(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?);
        let watched = Watched::for_reading(Rc::clone(&kernel))?;
        let changes = Rc::new(Self { kernel, watchers: RefCell::default() });
        spawn_local(pass_on(watched, Rc::downgrade(&changes)));
        Ok(changes)
    }

    /// Tells `watcher` when something happens to a file.
    pub(super) fn of_file(self: &Rc<Self>, path: &Path, watcher: &Rc<Notify>) -> io::Result<Watch> {
        self.watch(path, OF_FILE, watcher)
    }

    /// Tells `watcher` when a name in a folder is taken.
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
        // The same for all who watch the same.
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
            // Of what has gone the kernel knows nothing any more.
            let _ = inotify::remove_watch(&self.changes.kernel, self.number);
        }
    }
}

/// Until nobody is interested any more.
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
