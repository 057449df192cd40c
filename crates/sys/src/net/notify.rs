//! A socket for datagrams that tell who sent them.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use supervisor_core::ids::Pid;

/// The longest message that is taken as a whole; of a longer one the rest is lost.
const LONGEST: usize = 4096;

/// Room for credentials and for some descriptors that a sender may add.
const ANCILLARY: usize = 512;

/// One that is bound to a name of the machine's network, not to a path.
#[derive(Debug)]
pub struct Mailbox(OwnedFd);

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Aligned as the kernel's headers are.
#[repr(C, align(8))]
struct Ancillary([u8; ANCILLARY]);

impl Mailbox {
    /// Makes it.
    pub fn bind(name: &[u8]) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        sockopt::set_socket_passcred(&socket, true)?;
        rustix::net::bind(&socket, &SocketAddrUnix::new_abstract_name(name)?)?;
        Ok(Self(socket))
    }

    /// The next message and who sent it. `None`: there is none at present. Descriptors that
    /// came with it are closed: that tells a sender who waits that it was taken.
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
                (libc::recvmsg(self.0.as_raw_fd(), header, libc::MSG_CMSG_CLOEXEC), header)
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

/// Who sent it; 0, who nobody is, if he can't be seen from here.
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
