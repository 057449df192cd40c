//! Listening sockets. They are opened before any program is started, so that the supervisor does
//! not start if it would be unreachable.

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

/// Number of attempts to replace a stale socket file. Other supervisors may be replacing it at the
/// same time.
const TRIES: usize = 3;

/// Time limit for locking a directory that another process has locked. A supervisor that replaces
/// a socket holds the lock for less than a millisecond.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Idle time of a TCP connection after which the kernel probes whether the client's machine is
/// reachable.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Interval between two such probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Number of unanswered probes after which the connection is closed.
const KEEPALIVE_PROBES: u32 = 4;

/// Time limit for a client's machine to acknowledge sent data, and for a client to read it. It
/// applies only to the status port: a log that is followed through a pager may stand still for
/// hours. On other connections the kernel gives up on an unreachable client after 15 minutes.
const UNREAD_TIME: Duration = Duration::from_secs(120);

/// A listener. Dropping it removes the file of a unix socket.
#[derive(Debug)]
pub struct Door {
    pub(crate) serves: Serves,
    /// The listening socket, in non-blocking mode.
    pub(crate) socket: OwnedFd,
    pub(crate) credentials: Option<Credentials>,
    file: Option<SocketFile>,
}

/// Kind of clients that a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    /// Operators, which can read everything and send commands.
    Operators,
    /// Probes and monitoring, which read the status.
    Status,
}

impl Serves {
    /// Number of connections that are accepted before other tasks run. It is lower for operators,
    /// because their requests take longer.
    pub(super) const fn at_once(self) -> u32 {
        match self {
            Self::Operators => 16,
            Self::Status => 64,
        }
    }
}

/// The file of a socket that this process created. A file that another process has put in its
/// place is left alone.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode number.
    identity: (u64, u64),
    mode: u32,
    owner: Option<(u32, Option<u32>)>,
}

/// Opens all listeners, or returns an error in supervisord's words that names the one which
/// failed. `status` is the address of the status port, which any client may use.
pub fn open(servers: &[Server], status: Option<&Listen>) -> Result<Vec<Door>, String> {
    let opened = |server| door(server).map_err(|error| refusal(server, &error));
    servers.iter().map(opened).chain(status.map(open_status)).collect()
}

/// Logs the XML-RPC interfaces, a warning for each server without authentication, and the status
/// port.
pub fn announce(
    servers: &[Server],
    namespaces: &[String],
    status: Option<&Listen>,
    say: impl Fn(Level, &str),
) {
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
    if let Some(listen) = status {
        let paths = "/livez, /readyz, /startupz, /ping and /metrics";
        say(Level::Info, &format!("status port: {paths} on {listen}"));
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

/// Detects clients that are no longer reachable. Accepted connections inherit these options from
/// their listener.
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
            // The listener works without these options.
            let _ = notice_vanished_clients(&socket);
            // Responses are written in one piece, so a delay gains nothing.
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

/// The socket gets its name only after it has its mode and owner and listens. A client never
/// connects to a half-made socket and is never rejected by one.
fn unix(
    path: &Path,
    mode: u32,
    owner: Option<(u32, Option<u32>)>,
) -> io::Result<(OwnedFd, SocketFile)> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(draft_suffix());
    let draft = PathBuf::from(draft);
    // A previous process with our pid was killed and left this draft.
    if listening::is_stale(&draft) {
        let _ = fs::remove_file(&draft);
    }
    let socket = listening::unix(&draft)?;
    let placed = prepare(&socket, &draft, mode, owner).and_then(|()| place(&draft, path));
    let file = placed.and_then(|()| SocketFile::of(path, &draft, mode, owner));
    let _ = fs::remove_file(&draft);
    Ok((socket, file?))
}

/// Suffix of the temporary name under which a socket is created.
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

/// Moves the socket to its path. A file of a socket without a listener is replaced.
fn place(draft: &Path, path: &Path) -> io::Result<()> {
    let mut lock: Option<File> = None;
    for _ in 0..TRIES {
        match fs::hard_link(draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
        // Only the holder of the lock removes a stale socket. Without the lock, another process
        // could put its own socket there between the check and the removal, and would lose it.
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

/// Locks a directory as long as the file is open, so that no other supervisor replaces a socket in
/// it. `None`: the directory cannot be locked, or another process keeps the lock. The supervisor
/// starts in both cases.
fn lock_folder_of(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or_else(|| Path::new("."))).ok()?;
    let (locked, waiting) = mpsc::channel();
    // The kernel has no such wait with a time limit. If the caller has given up, the thread drops
    // the lock at once.
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

    /// Whether the file was removed. Another file in its place may belong to another supervisor.
    fn is_missing(&self) -> bool {
        let there = fs::symlink_metadata(&self.path);
        there.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

impl Door {
    /// Waits until no client can reach the socket because its file was removed, for example by a
    /// cleaner of temporary directories. It polls, because an inotify watch would permanently use
    /// one of the few that a user may have.
    pub(super) async fn is_lost(&self, every: Duration) {
        let Some(file) = &self.file else { return pending().await };
        while !file.is_missing() {
            sleep(every).await;
        }
    }

    /// Opens the socket again if its file was removed, and returns its path in that case.
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

/// The supervisor has no permission to change the owner of the socket.
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

/// Maximum length of a socket's path, in bytes: `sun_path` of
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
    fn one_of_many_processes_takes_over_a_stale_socket() {
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
    fn a_file_with_the_name_of_the_draft_is_kept_unless_it_is_a_stale_socket() {
        let folder = std::env::temp_dir().join(format!("drafts-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("s.sock");
        let draft = folder.join(format!("s.sock{}", draft_suffix()));
        fs::write(&draft, "precious").unwrap();
        assert!(unix(&path, 0o600, None).is_err());
        assert_eq!(fs::read(&draft).unwrap(), b"precious");
        fs::remove_file(&draft).unwrap();
        let other = listening::unix(&draft).unwrap();
        rustix::net::listen(&other, 1).unwrap();
        assert!(unix(&path, 0o600, None).is_err());
        assert!(listening::is_listened_to(&draft).unwrap());
        drop(other);
        let (_socket, _file) = unix(&path, 0o600, None).unwrap();
        assert!(listening::is_listened_to(&path).unwrap() && !draft.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_removed_socket_file_is_created_again() {
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
