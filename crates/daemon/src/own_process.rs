//! Settings of `[supervisord]` for the supervisor's own process: user, limits, umask, background.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use supervisor_config::Supervisord;
use supervisor_core::level::Level;
use supervisor_core::spec::User;
use supervisor_sys::process::own::{self, BecomeUserError, Foreground};

use crate::capture::journal::Journal;

/// The default umask of a supervisor in the background.
const USUAL_UMASK: u32 = 0o022;

/// Changes the user and ensures the configured limits. Returns lines to log; fails with
/// supervisord's messages.
pub fn settle_in(supervisord: &Supervisord) -> Result<Vec<(Level, String)>, String> {
    let mut notes = Vec::new();
    // Limits that only the administrator may raise come first, unlike in supervisord,
    // where they fail once the user has changed.
    let limits = [(&FILES, supervisord.minfds), (&PROCESSES, supervisord.minprocs)];
    for (kind, wanted) in limits {
        if let Some(wanted) = wanted
            && kind.raise_to(wanted)?
        {
            notes.push((Level::Info, format!("Increased {} limit to {wanted}", kind.name)));
        }
    }
    if let Some(user) = &supervisord.user {
        if user.uid != rustix::process::getuid().as_raw() {
            become_user(user)?;
        }
        notes.push((Level::Info, format!("Set uid to user {} succeeded", user.uid)));
    }
    Ok(notes)
}

/// Sets the configured umask. Files that were opened before, such as the supervisor's own log, are
/// not affected.
pub fn take_umask(supervisord: &Supervisord) {
    if let Some(umask) = supervisord.umask {
        rustix::process::umask(umask.into());
    }
}

/// Goes into the background like supervisord, except that the original process waits until it is
/// released: a service manager may look for the pidfile and the sockets as soon as it has exited.
pub fn leave_foreground(
    supervisord: &Supervisord,
    journal: &Journal,
) -> Result<Foreground, String> {
    let foreground =
        own::go_on_in_the_background().map_err(|error| format!("cannot daemonize: {error}"))?;
    journal.say(Level::Info, "daemonizing the supervisord process");
    if let Some(directory) = &supervisord.directory {
        let shown = directory.display();
        match std::env::set_current_dir(directory) {
            Ok(()) => journal.say(Level::Info, &format!("set current directory: '{shown}'")),
            Err(error) => {
                journal.say(Level::Critical, &format!("can't chdir into '{shown}': {error}"));
            }
        }
    }
    if let Err(error) = own::leave_terminal() {
        journal.say(Level::Critical, &format!("cannot detach from the terminal: {error}"));
    }
    rustix::process::umask(supervisord.umask.unwrap_or(USUAL_UMASK).into());
    Ok(foreground)
}

fn become_user(user: &User) -> Result<(), String> {
    if !rustix::process::getuid().is_root() {
        let own = rustix::process::getuid().as_raw();
        return Err(format!(
            "Can't drop privilege as nonroot user: running as user {own}, cannot switch to {}",
            user.uid
        ));
    }
    own::become_user(user).map_err(|error| match error {
        BecomeUserError::Groups(why) => {
            format!("Could not set groups of effective user: {why}")
        }
        BecomeUserError::Group(why) => {
            format!("Could not set group id of effective user: {why}")
        }
        BecomeUserError::User(why) => format!("Could not set user id {}: {why}", user.uid),
    })
}

/// A limited resource of which a minimum is required.
struct Limited {
    resource: Resource,
    name: &'static str,
    key: &'static str,
    what: &'static str,
    uses: &'static str,
}

const FILES: Limited = Limited {
    resource: Resource::Nofile,
    name: "RLIMIT_NOFILE",
    key: "minfds",
    what: "file descriptors",
    uses: "open",
};

const PROCESSES: Limited = Limited {
    resource: Resource::Nproc,
    name: "RLIMIT_NPROC",
    key: "minprocs",
    what: "available processes",
    uses: "use",
};

impl Limited {
    /// Raises the limit if necessary. Returns whether it was.
    fn raise_to(&self, wanted: u64) -> Result<bool, String> {
        let Rlimit { current, maximum } = getrlimit(self.resource);
        if current.is_none_or(|current| current >= wanted) {
            return Ok(false);
        }
        let maximum = maximum.map(|maximum| maximum.max(wanted));
        let raised = setrlimit(self.resource, Rlimit { current: Some(wanted), maximum });
        raised.map(|()| true).map_err(|error| {
            let Self { key, what, uses, .. } = self;
            format!(
                "The minimum number of {what} required to run this process is {wanted} as per the \
                 \"{key}\" command-line argument or config file setting. The current environment \
                 will only allow you to {uses} {} {what} ({error}).  Either raise the number of \
                 usable {what} in your environment or lower the {key} setting to allow the process \
                 to start.",
                current.unwrap_or_default()
            )
        })
    }
}
