//! Starts a process.
//!
//! `clone(CLONE_VM | CLONE_VFORK)` creates the child: it uses the supervisor's memory until it has
//! executed the program, so nothing is copied, and a failed exec is reported as a number in that
//! memory. In return, the child may only make system calls with prepared values between `clone` and
//! `execve`: see `child`.

use std::cell::Cell;
use std::ffi::{CString, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use supervisor_core::ids::Pid;
use supervisor_core::spec::{Limit, User};

use super::limits;
use crate::process::reap;

/// Everything the child needs, in the form that system calls take.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The file to execute.
    pub path: &'a CString,
    /// Its arguments; the first is the name under which it was called.
    pub argv: &'a [CString],
    /// Its environment, `NAME=value`.
    pub environment: &'a [CString],
    /// The files for its stdin, stdout and stderr.
    pub stdio: Streams,
    /// Its working directory.
    pub directory: Option<&'a CString>,
    /// Its file mode creation mask.
    pub umask: Option<u32>,
    /// Its limits.
    pub limits: &'a [Limit],
    /// The user as which it runs.
    pub user: Option<&'a User>,
    /// The kernel sends it SIGKILL when the supervisor exits.
    pub die_with_us: bool,
    /// A `cgroup.procs` file to join through.
    pub cgroup: Option<BorrowedFd<'a>>,
}

/// The standard streams of the child.
#[derive(Clone, Copy, Debug)]
pub enum Streams {
    /// The supervisor's streams, and the terminal's foreground if the supervisor has it. A
    /// supervisor in the background does not take the terminal. Other descriptors also stay open.
    Inherited,
    /// The descriptors with these numbers, which are open and not standard streams. All others are
    /// closed.
    Given([RawFd; 3]),
}

/// How a child gets its descriptor table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    /// A copy of the supervisor's table. Copying takes longer the more descriptors are open.
    Copied,
    /// The supervisor's table, until the child copies the descriptors that it needs.
    Shared,
}

/// The step at which a start failed, and the error.
#[derive(Debug)]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// The error of the kernel.
    pub error: io::Error,
}

/// The steps that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creating the process.
    Clone,
    /// Separating its descriptors.
    Descriptors,
    /// Setting the limit with this index.
    Limit(usize),
    /// Changing the user.
    User,
    /// Changing the directory.
    Directory,
    /// Executing the program.
    Execute,
}

/// The stack size for a few system calls and their libc wrappers.
const STACK_BYTES: usize = 64 * 1024;

/// Starts processes in the fastest way that the system allows, and remembers that way.
#[derive(Debug, Default)]
pub struct Spawner {
    restrictions: Cell<Restrictions>,
}

/// How the system restricts the start of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// The step that failed with the shared descriptor table, and its error number. Each start then
    /// copies the table, which takes longer. Linux before 5.9, sandboxes and qemu-user cause this.
    pub copied_table: Option<(Step, i32)>,
    /// The new process had a copy of our memory in spite of `CLONE_VM`. Such a process cannot
    /// report a failure, so it exits with 127. qemu-user causes this.
    pub copied_memory: bool,
}

impl Spawner {
    /// Starts the process and returns its pid once the program has been executed.
    ///
    /// # Errors
    ///
    /// The step that failed, with its error.
    pub fn spawn(&self, plan: &Plan<'_>) -> Result<Pid, Failure> {
        let mut restrictions = self.restrictions.get();
        // Valgrind, which checks the rest of this function, does not support such a clone.
        if let (Streams::Given(_), None, false) =
            (plan.stdio, restrictions.copied_table, cfg!(valgrind))
        {
            match spawn_with(plan, Table::Shared) {
                Err(failure) if failure.is_of_shared_table() => {
                    let errno = failure.error.raw_os_error().unwrap_or(0);
                    restrictions.copied_table = Some((failure.step, errno));
                    self.restrictions.set(restrictions);
                }
                result => return result.map(|started| started.pid),
            }
        }
        let Started { pid, shares_memory } = spawn_with(plan, Table::Copied)?;
        if !shares_memory {
            self.restrictions.set(Restrictions { copied_memory: true, ..restrictions });
        }
        Ok(pid)
    }

    /// The restrictions found so far.
    #[must_use]
    pub const fn restrictions(&self) -> Restrictions {
        self.restrictions.get()
    }
}

impl Failure {
    /// Whether the failure may come from the shared descriptor table. qemu-user rejects the clone;
    /// Linux before 5.9 and sandboxes reject the step that separates the tables.
    fn is_of_shared_table(&self) -> bool {
        let refusals = [libc::EINVAL, libc::ENOSYS, libc::EPERM];
        match self.step {
            Step::Descriptors => true,
            Step::Clone => self.error.raw_os_error().is_some_and(|errno| refusals.contains(&errno)),
            Step::Limit(_) | Step::User | Step::Directory | Step::Execute => false,
        }
    }
}

/// A process that [`spawn_with`] started.
#[derive(Debug)]
struct Started {
    pid: Pid,
    /// Whether it shared the supervisor's memory as intended.
    shares_memory: bool,
}

fn spawn_with(plan: &Plan<'_>, table: Table) -> Result<Started, Failure> {
    let argv = pointers(plan.argv);
    let environment = pointers(plan.environment);
    let mut errand = Errand {
        plan,
        table,
        argv: &argv,
        environment: &environment,
        parent: std::process::id().cast_signed(),
        began: false,
        failed: None,
    };
    let mut stack = Vec::<u128>::with_capacity(STACK_BYTES / size_of::<u128>());
    let files = if table == Table::Shared { libc::CLONE_FILES } else { 0 };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | files;
    // SAFETY: the child runs `child` on a stack of its own, which outlives it: with
    // CLONE_VFORK we don't continue before it has executed the program or ended.
    // `errand` and all it points to outlive the call for the same reason. The end
    // of the stack is aligned as u128 is, to 16 bytes.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.capacity());
        libc::clone(child, top.cast(), flags, (&raw mut errand).cast())
    };
    if pid < 0 {
        return Err(Failure { step: Step::Clone, error: io::Error::last_os_error() });
    }
    // SAFETY: the child wrote to `errand` behind the compiler's back; a volatile
    // read of our own variable sees it.
    let (shares_memory, failed) = unsafe {
        ((&raw const errand.began).read_volatile(), (&raw const errand.failed).read_volatile())
    };
    match failed {
        None => Ok(Started { pid: Pid(pid), shares_memory }),
        Some((step, errno)) => {
            reap::failed_start(pid);
            Err(Failure { step, error: io::Error::from_raw_os_error(errno) })
        }
    }
}

struct Errand<'a> {
    plan: &'a Plan<'a>,
    table: Table,
    argv: &'a [*const libc::c_char],
    environment: &'a [*const libc::c_char],
    parent: i32,
    /// Set by the child when it runs; visible only if the child shares the supervisor's memory.
    began: bool,
    failed: Option<(Step, c_int)>,
}

/// Runs in the child. The child shares the supervisor's memory, so it may only make system calls:
/// no allocation, no lock, no panic, and no libc function with state.
extern "C" fn child(errand: *mut c_void) -> c_int {
    // SAFETY: `spawn` passes a pointer to its errand, and does not use it while this runs.
    let errand = unsafe { &mut *errand.cast::<Errand<'_>>() };
    errand.began = true;
    errand.failed = match prepare(errand.plan, errand.table, errand.parent) {
        Err(step) => Some((step, errno())),
        Ok(()) => {
            let path = errand.plan.path.as_ptr();
            // SAFETY: all pointers come from C strings in arrays that end with null.
            unsafe { libc::execve(path, errand.argv.as_ptr(), errand.environment.as_ptr()) };
            Some((Step::Execute, errno()))
        }
    };
    127
}

/// Carries out all steps between `clone` and `execve`, in supervisord's order.
fn prepare(plan: &Plan<'_>, table: Table, parent: i32) -> Result<(), Step> {
    // SAFETY: plain system calls with numbers and with pointers into `plan`.
    unsafe {
        if let Some(procs) = plan.cgroup {
            // "0" means "the writer". Without its own cgroup it still runs.
            libc::write(procs.as_raw_fd(), c"0".as_ptr().cast(), 1);
        }
        // To be asked while it is still in our group.
        let in_foreground = libc::tcgetpgrp(0) == libc::getpgrp();
        libc::setpgid(0, 0);
        match plan.stdio {
            Streams::Inherited if in_foreground => {
                libc::tcsetpgrp(0, libc::getpid());
            }
            Streams::Inherited => {}
            Streams::Given(streams) => {
                if table == Table::Shared {
                    stop_sharing_descriptors(streams)?;
                }
                for (number, stream) in (0..).zip(streams) {
                    libc::dup2(stream, number);
                }
                close_from(3);
            }
        }
        for (index, limit) in plan.limits.iter().enumerate() {
            limits::set_in_child(*limit).map_err(|()| Step::Limit(index))?;
        }
        if let Some(user) = plan.user {
            become_user(user)?;
        }
        if let Some(directory) = plan.directory
            && libc::chdir(directory.as_ptr()) != 0
        {
            return Err(Step::Directory);
        }
        if let Some(umask) = plan.umask {
            libc::umask(umask);
        }
        if plan.die_with_us {
            // After the change of user, which would undo it.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != parent {
                libc::_exit(127);
            }
        }
        reset_signals();
    }
    Ok(())
}

/// Changes groups first and the user last, because the new user may not change groups. If the
/// process already has that user, nothing changes, as in supervisord: groups that were given to a
/// container (`docker run --group-add`) are in no file.
fn become_user(user: &User) -> Result<(), Step> {
    // The raw calls, because libc's wrappers tell the other threads of the process,
    // and those would be our parent's.
    // SAFETY: the list of groups is valid for the length given.
    unsafe {
        if libc::getuid() != user.uid
            && (libc::syscall(libc::SYS_setgroups, user.groups.len(), user.groups.as_ptr()) != 0
                || libc::syscall(libc::SYS_setgid, user.gid) != 0
                || libc::syscall(libc::SYS_setuid, user.uid) != 0)
        {
            return Err(Step::User);
        }
    }
    Ok(())
}

/// Gives the child its own descriptor table with only these and lower numbers.
fn stop_sharing_descriptors(needed: [RawFd; 3]) -> Result<(), Step> {
    let first = needed.into_iter().fold(0, RawFd::max).unsigned_abs().saturating_add(1);
    // SAFETY: a plain system call; what it closes, it closes in the new table.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_UNSHARE) };
    if done == 0 { Ok(()) } else { Err(Step::Descriptors) }
}

fn close_from(first: u32) {
    // SAFETY: a plain system call; our own descriptors are not affected, the child
    // has a table of its own.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) != 0 {
            // Linux before 5.9 doesn't know it; what we opened ourselves closes on exec.
            for fd in 3..1024 {
                libc::close(fd);
            }
        }
    }
}

/// Resets the child's signals to the state that every program expects.
fn reset_signals() {
    // SAFETY: dispositions are not shared with the parent (no CLONE_SIGHAND), the
    // mask is per thread, and the set is initialised before it is used.
    unsafe {
        // The kernel's own structure, all zero: the default, no flags, no mask. The
        // library's call would refuse the two signals that it keeps for itself.
        let default = [0_u64; 4];
        for number in 1..=64 {
            libc::syscall(
                libc::SYS_rt_sigaction,
                number,
                default.as_ptr(),
                std::ptr::null::<u64>(),
                8,
            );
        }
        let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

/// Makes `command` start with the usual signal dispositions instead of the supervisor's.
pub fn with_usual_signals(command: &mut Command) -> &mut Command {
    // SAFETY: only system calls on local values, which may be made between fork and exec.
    unsafe {
        command.pre_exec(|| {
            reset_signals();
            Ok(())
        })
    }
}

fn errno() -> c_int {
    // SAFETY: always a valid pointer.
    unsafe { *libc::__errno_location() }
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// `text` as a C string. Text from the command line, the environment or a path never contains a
/// zero byte; otherwise it would end there.
pub fn c_string(text: &std::ffi::OsStr) -> CString {
    let bytes = text.as_bytes().split(|byte| *byte == 0).next().unwrap_or_default();
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;

    use rustix::process::{WaitOptions, waitpid};

    use super::*;
    use crate::process::start::landing::Landing;

    #[test]
    fn a_child_has_only_its_three_streams() {
        let landing = Landing::new().unwrap();
        for table in [Table::Copied, Table::Shared] {
            let (mut reader, writer) = io::pipe().unwrap();
            // One that would stay open at the exec.
            let stray = rustix::io::dup(&writer).unwrap();
            let nothing = std::fs::File::open("/dev/null").unwrap();
            let words =
                ["sh", "-c", "cd /proc/self/fd; echo *"].map(|word| c_string(word.as_ref()));
            let streams = [nothing.as_fd(), writer.as_fd(), writer.as_fd()];
            let started = landing.with(streams, |numbers| {
                let plan = Plan {
                    path: &c"/bin/sh".to_owned(),
                    argv: &words,
                    environment: &[],
                    stdio: Streams::Given(numbers),
                    directory: None,
                    umask: None,
                    limits: &[],
                    user: None,
                    die_with_us: false,
                    cgroup: None,
                };
                spawn_with(&plan, table)
            });
            let Started { pid, shares_memory } = started.unwrap().unwrap();
            assert!(shares_memory);
            waitpid(rustix::process::Pid::from_raw(pid.0), WaitOptions::empty()).unwrap();
            drop((writer, stray));
            let mut said = String::new();
            reader.read_to_string(&mut said).unwrap();
            // The last one is the folder that is read.
            assert_eq!(said.trim_end(), "0 1 2 3", "{table:?}");
        }
    }
}
