//! The sockets on which operators are listened to. They are there before any program is
//! started, so that a supervisor that nobody could reach doesn't begin.

use std::fs::{self, File};
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::net::sockopt;
use supervisor_config::{Credentials, Listen, Server};
use supervisor_core::level::Level;
use supervisor_sys::io::errno;
use supervisor_sys::io::stderr::to_stderr;
use supervisor_sys::net::listening::{self, MOST_WAITING, Pinned};
use tokio::time::sleep;

/// How often a path is tried whose file was stale; others may be doing the same.
const TRIES: usize = 3;

/// How long the lock of a folder is waited for that somebody else has. Who takes over a
/// socket there has it for less than a millisecond.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// How long nothing comes over TCP before it is asked whether the client's machine is still
/// there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// How long until that is asked again.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// How often it is asked before the connection is closed.
const KEEPALIVE_PROBES: u32 = 4;

/// How long the client's machine may leave unanswered what it was sent; where it answers
/// but its program reads nothing, how long that may last. Only for the status port: a log
/// that is followed through a pager may stand still for hours, and the kernel gives up on
/// who has vanished meanwhile after a quarter of an hour.
const UNREAD_TIME: Duration = Duration::from_secs(120);

/// A place where operators may enter. A socket's file goes with it.
#[derive(Debug)]
pub struct Door {
    pub(crate) serves: Serves,
    /// It listens, and never makes us wait.
    pub(crate) socket: OwnedFd,
    pub(crate) credentials: Option<Credentials>,
    file: Option<SocketFile>,
}

/// Who is expected at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    /// Those who look at everything and give orders.
    Operators,
    /// Whoever asks how it is.
    Status,
}

impl Serves {
    /// How many connections are accepted before others have their turn. What operators ask
    /// for takes longer.
    pub(super) const fn at_once(self) -> u32 {
        match self {
            Self::Operators => 16,
            Self::Status => 64,
        }
    }
}

/// The file of a socket of ours. What others have put in its place is left alone.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and number.
    identity: (u64, u64),
    mode: u32,
    owner: Option<(u32, Option<u32>)>,
}

/// Opens all of them, or says in supervisord's words which one can't be.
/// `status` is where anybody may ask how it is.
pub fn open(servers: &[Server], status: Option<&Listen>) -> Result<Vec<Door>, String> {
    let opened = |server| door(server).map_err(|error| refusal(server, &error));
    servers.iter().map(opened).chain(status.map(open_status)).collect()
}

/// Says who may enter where.
pub fn announce(servers: &[Server], namespaces: &[String], say: impl Fn(Level, &str)) {
    for Server { section, credentials, .. } in servers {
        for namespace in namespaces {
            say(Level::Info, &format!("RPC interface '{namespace}' initialized"));
        }
        if credentials.is_none() {
            let message =
                format!("Server '{section}' running without any HTTP authentication checking");
            say(Level::Critical, &message);
        }
    }
}

fn open_status(listen: &Listen) -> Result<Door, String> {
    let section = "supervisord".to_owned();
    let server = Server { section, listen: listen.clone(), credentials: None };
    let opened = door(&server).map(|door| {
        let milliseconds = u32::try_from(UNREAD_TIME.as_millis()).unwrap_or(u32::MAX);
        let _ = sockopt::set_tcp_user_timeout(&door.socket, milliseconds);
        Door { serves: Serves::Status, ..door }
    });
    opened.map_err(|error| format!("status port: {}", refusal(&server, &error)))
}

/// Finds out about clients whose machine, or whose way here, has gone. Connections have what
/// their listener has.
fn notice_vanished_clients(listener: &OwnedFd) -> io::Result<()> {
    sockopt::set_tcp_keepidle(listener, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(listener, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(listener, KEEPALIVE_PROBES)?;
    Ok(sockopt::set_socket_keepalive(listener, true)?)
}

fn door(server: &Server) -> io::Result<Door> {
    let (serves, credentials) = (Serves::Operators, server.credentials.clone());
    match &server.listen {
        Listen::Inet { host, port } => {
            let socket = listening::tcp(host.as_deref(), *port)?;
            // Without these it is answered all the same.
            let _ = notice_vanished_clients(&socket);
            // Answers are written whole: there is nothing to wait for.
            let _ = sockopt::set_tcp_nodelay(&socket, true);
            rustix::net::listen(&socket, MOST_WAITING)?;
            rustix::io::ioctl_fionbio(&socket, true)?;
            Ok(Door { serves, socket, credentials, file: None })
        }
        Listen::Unix { path, mode, owner } => {
            let (socket, file) = unix(path, *mode, *owner)?;
            rustix::io::ioctl_fionbio(&socket, true)?;
            Ok(Door { serves, socket, credentials, file: Some(file) })
        }
    }
}

/// It appears under its name when it has its mode and owner and listens: nobody is let in,
/// or sent away, by one that is half made.
fn unix(
    path: &Path,
    mode: u32,
    owner: Option<(u32, Option<u32>)>,
) -> io::Result<(OwnedFd, SocketFile)> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(draft_suffix());
    let draft = PathBuf::from(draft);
    // Left by a predecessor with our pid that was killed meanwhile.
    if listening::is_stale(&draft) {
        let _ = fs::remove_file(&draft);
    }
    let socket = listening::unix(&draft)?;
    let placed = prepare(&socket, &draft, mode, owner).and_then(|()| place(&draft, path));
    let file = placed.and_then(|()| SocketFile::of(path, &draft, mode, owner));
    let _ = fs::remove_file(&draft);
    Ok((socket, file?))
}

/// Of the name under which a socket is made.
fn draft_suffix() -> String {
    format!(".{}", std::process::id())
}

fn prepare(
    socket: &OwnedFd,
    draft: &Path,
    mode: u32,
    owner: Option<(u32, Option<u32>)>,
) -> io::Result<()> {
    let file = Pinned::at(draft)?;
    file.set_mode(mode)?;
    if let Some((uid, gid)) = owner {
        let denied = |error: io::Error| io::Error::other(NotOurs { uid, gid, error });
        file.set_owner(uid, gid).map_err(denied)?;
    }
    rustix::net::listen(socket, MOST_WAITING)?;
    Ok(())
}

/// A socket to which nobody listens any more is taken over.
fn place(draft: &Path, path: &Path) -> io::Result<()> {
    let mut lock: Option<File> = None;
    for _ in 0..TRIES {
        match fs::hard_link(draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
        // Only who has the lock removes what is stale: between the look and the removal
        // another would put his own there, and that would be removed.
        if lock.is_none() {
            lock = lock_folder_of(path);
        }
        match fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => return Err(listening::not_a_socket()),
            Ok(_) | Err(_) => {}
        }
        if listening::is_listened_to(path)? {
            return Err(Errno::ADDRINUSE.into());
        }
        to_stderr(&format!("Unlinking stale socket {}\n", path.display()));
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Err(Errno::ADDRINUSE.into())
}

/// Keeps others like us from taking over a socket in that folder as long as it is open.
/// `None`: that is not possible, or somebody has the lock for good; both are no reason not
/// to begin.
fn lock_folder_of(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or_else(|| Path::new("."))).ok()?;
    let (locked, waiting) = mpsc::channel();
    // The kernel knows no such wait that ends. If nobody waits any more, the lock goes at once.
    let thread = move || {
        if rustix::fs::flock(&folder, FlockOperation::LockExclusive).is_ok() {
            let _ = locked.send(folder);
        }
    };
    std::thread::Builder::new().spawn(thread).ok()?;
    waiting.recv_timeout(LOCK_PATIENCE).ok()
}

impl SocketFile {
    fn of(
        path: &Path,
        draft: &Path,
        mode: u32,
        owner: Option<(u32, Option<u32>)>,
    ) -> io::Result<Self> {
        let there = fs::symlink_metadata(draft)?;
        Ok(Self { path: path.to_owned(), identity: (there.dev(), there.ino()), mode, owner })
    }

    /// Whether it has been removed. Another one in its place may be another supervisor's.
    fn is_missing(&self) -> bool {
        let there = fs::symlink_metadata(&self.path);
        there.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

impl Door {
    /// Waits until no client can reach this any more, because its file has been removed, as
    /// cleaners of temporary directories do. Nothing tells of that but a look: to be told, one
    /// of the few watches that a user may have would be taken for good.
    pub(super) async fn is_lost(&self, every: Duration) {
        let Some(file) = &self.file else { return pending().await };
        while !file.is_missing() {
            sleep(every).await;
        }
    }

    /// Opens it again where its file has been removed; the path of that.
    pub(super) fn reopen(&mut self) -> io::Result<Option<&Path>> {
        let Some(file) = &self.file else { return Ok(None) };
        let (socket, file) = unix(&file.path, file.mode, file.owner)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        self.socket = socket;
        Ok(Some(&self.file.insert(file).path))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path).map(|there| (there.dev(), there.ino()));
        if there.is_ok_and(|there| there == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// We may not give the socket to its owner.
#[derive(Debug)]
struct NotOurs {
    uid: u32,
    gid: Option<u32>,
    error: io::Error,
}

impl std::fmt::Display for NotOurs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gid = self.gid.map_or_else(|| "unchanged".to_owned(), |gid| gid.to_string());
        write!(f, "to uid/gid ({}, {gid}): {}", self.uid, errno::words(&self.error))
    }
}

impl std::error::Error for NotOurs {}

/// How long a socket's path may be: `sun_path` of
/// [unix(7)](https://man7.org/linux/man-pages/man7/unix.7.html), less the zero byte.
const LONGEST_PATH: usize = 107;

fn refusal(server: &Server, error: &io::Error) -> String {
    let place = match &server.listen {
        Listen::Inet { .. } => format!("port {}", server.listen),
        Listen::Unix { .. } => server.listen.to_string(),
    };
    let section = &server.section;
    if let Some(denied) = error.get_ref().and_then(|inner| inner.downcast_ref::<NotOurs>()) {
        return format!(
            "Not permitted to chown {place} {denied}; set chown of [{section}] to a user and \
             group that the supervisor may give the socket to"
        );
    }
    if let (Some(libc::ENAMETOOLONG), Listen::Unix { path, .. }) =
        (error.raw_os_error(), &server.listen)
    {
        let (length, most) = (path.as_os_str().len(), LONGEST_PATH - draft_suffix().len());
        return format!(
            "Cannot open an HTTP server: the path of the socket is too long, got {length} bytes; \
             expected at most {most} ([{section}], {place})"
        );
    }
    if error.kind() == io::ErrorKind::AddrInUse {
        return format!(
            "Another program is already listening on a port that one of our HTTP servers is \
             configured to use.  Shut this program down first before starting supervisord. \
             ([{section}], {place})"
        );
    }
    let reason = match error.raw_os_error() {
        Some(number) => {
            format!("socket.error reported errno.{} ({number})", errno::name(error))
        }
        None => error.to_string(),
    };
    format!("Cannot open an HTTP server: {reason} ([{section}], {place})")
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn of_many_who_find_a_stale_socket_one_has_it_in_the_end() {
        const MANY: usize = 8;
        let folder = std::env::temp_dir().join(format!("listen-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("s.sock");
        for _ in 0..100 {
            let _ = fs::remove_file(&path);
            drop(listening::unix(&path).unwrap());
            let all_there = Barrier::new(MANY);
            let one = |number: usize| {
                let draft = folder.join(format!("draft.{number}"));
                let _ = fs::remove_file(&draft);
                let socket = listening::unix(&draft).unwrap();
                prepare(&socket, &draft, 0o600, None).unwrap();
                all_there.wait();
                place(&draft, &path).is_ok().then_some(socket)
            };
            let one = &one;
            let taken: Vec<OwnedFd> = std::thread::scope(|scope| {
                let all: Vec<_> = (0..MANY).map(|n| scope.spawn(move || one(n))).collect();
                all.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(taken.len(), 1);
            assert!(listening::is_listened_to(&path).unwrap());
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_was_removed_is_made_again() {
        let folder = std::env::temp_dir().join(format!("lost-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("s.sock");
        let listen = Listen::Unix { path: path.clone(), mode: 0o640, owner: None };
        let mut door = door(&Server { section: String::new(), listen, credentials: None }).unwrap();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let every = Duration::from_secs(60);
        let is_lost = |door: &Door| {
            let looking = async { tokio::time::timeout(10 * every, door.is_lost(every)).await };
            runtime.block_on(looking)
        };
        assert!(is_lost(&door).is_err());
        fs::remove_file(&path).unwrap();
        assert!(is_lost(&door).is_ok());
        assert_eq!(door.reopen().unwrap(), Some(&*path));
        assert!(listening::is_listened_to(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert!(is_lost(&door).is_err());
        drop(door);
        assert!(!path.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
