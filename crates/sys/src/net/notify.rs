//! A datagram socket that reports the sender of each message.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use supervisor_core::ids::Pid;

use super::listening::Pinned;

/// The maximum length of a message; the rest of a longer message is lost.
const LONGEST: usize = 4096;

/// Space for credentials, and for descriptors that a sender may add.
const ANCILLARY: usize = 512;

/// Directories for sockets; the first writable one is used. In the second, only the owner of a file
/// can remove it.
const DIRECTORIES: [&str; 2] = ["/run", "/tmp"];

/// A socket that only one user can write to, because of the permissions of its file.
#[derive(Debug)]
pub struct Mailbox {
    socket: OwnedFd,
    /// The file; `None` if no directory is writable.
    path: Option<PathBuf>,
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A buffer with the alignment of the kernel's headers.
#[repr(C, align(8))]
struct Ancillary([u8; ANCILLARY]);

impl Mailbox {
    /// Creates a socket that only `user`, or this user, may write to. If no file can be created, it
    /// has an abstract name, which every process in the network namespace can reach.
    pub fn bind(name: &str, user: Option<u32>) -> io::Result<Self> {
        for directory in DIRECTORIES {
            if let Ok(mailbox) = Self::in_directory(Path::new(directory), name, user) {
                return Ok(mailbox);
            }
        }
        let socket = new()?;
        rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
        Ok(Self { socket, path: None })
    }

    fn in_directory(directory: &Path, name: &str, user: Option<u32>) -> io::Result<Self> {
        let (socket, path) = (new()?, directory.join(name));
        // The file has this mode from the start, because a process that connects before the change
        // could continue to write.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new(&path)?)?;
        let mailbox = Self { socket, path: Some(path.clone()) };
        if user.is_some_and(|user| user != rustix::process::geteuid().as_raw()) {
            Pinned::at(&path)?.set_owner(user.unwrap_or_default(), None)?;
        }
        Ok(mailbox)
    }

    /// The address for `NOTIFY_SOCKET`.
    pub fn address(&self, name: &str) -> OsString {
        self.path.as_ref().map_or_else(|| format!("@{name}").into(), |path| path.clone().into())
    }

    /// The next message and its sender. `None`: there is none now. Descriptors in the message are
    /// closed, which tells a waiting sender that the message was received.
    pub fn receive(&self) -> io::Result<Option<(Pid, Vec<u8>)>> {
        let mut bytes = vec![0_u8; LONGEST];
        let mut ancillary = Ancillary([0; ANCILLARY]);
        loop {
            let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: LONGEST };
            let mut header = MaybeUninit::<libc::msghdr>::zeroed();
            // SAFETY: a header of zeroes is one without buffers; they are set before it is
            // used, live until the call returns and have the lengths that are given.
            let (length, header) = unsafe {
                let header = header.assume_init_mut();
                header.msg_iov = &raw mut part;
                header.msg_iovlen = 1;
                header.msg_control = ancillary.0.as_mut_ptr().cast();
                header.msg_controllen = ANCILLARY;
                (libc::recvmsg(self.socket.as_raw_fd(), header, libc::MSG_CMSG_CLOEXEC), header)
            };
            let Ok(length) = usize::try_from(length) else {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                let none = error.kind() == io::ErrorKind::WouldBlock;
                return if none { Ok(None) } else { Err(error) };
            };
            bytes.truncate(length);
            return Ok(Some((sender(header), bytes)));
        }
    }
}

fn new() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    sockopt::set_socket_passcred(&socket, true)?;
    Ok(socket)
}

/// The sender's pid; 0, which is no process, if it is invisible from here.
fn sender(header: &libc::msghdr) -> Pid {
    let mut sender = Pid(0);
    // SAFETY: the kernel has filled in the header and its buffer; the macros stay within
    // it, and each kind of message has the content that is read here, perhaps unaligned.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while !at.is_null() {
            let data = libc::CMSG_DATA(at);
            match ((*at).cmsg_level, (*at).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                    sender = Pid(data.cast::<libc::ucred>().read_unaligned().pid);
                }
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    let empty = libc::CMSG_LEN(0) as usize;
                    let count = ((*at).cmsg_len - empty) / size_of::<libc::c_int>();
                    for index in 0..count {
                        let fd = data.cast::<libc::c_int>().add(index).read_unaligned();
                        drop(OwnedFd::from_raw_fd(fd));
                    }
                }
                _ => {}
            }
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    sender
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn only_its_user_may_write_to_a_notification_socket() {
        let name = format!("mailbox-{}", std::process::id());
        let root = rustix::process::geteuid().is_root();
        let user = if root { Some(65534) } else { None };
        let mailbox = Mailbox::in_directory(Path::new("/tmp"), &name, user).unwrap();
        let path = mailbox.path.clone().unwrap();
        assert_eq!(mailbox.address(&name), path.as_os_str());
        let there = fs::metadata(&path).unwrap();
        assert_eq!(there.permissions().mode() & 0o777, 0o600);
        assert_eq!(there.uid(), user.unwrap_or_else(|| rustix::process::geteuid().as_raw()));
        UnixDatagram::unbound().unwrap().send_to(b"READY=1", &path).unwrap();
        let (sender, message) = mailbox.receive().unwrap().unwrap();
        assert_eq!((sender.0, message), (std::process::id().cast_signed(), b"READY=1".to_vec()));
        drop(mailbox);
        assert!(!path.exists());
    }
}
