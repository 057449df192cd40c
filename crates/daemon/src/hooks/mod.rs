//! Delivers notifications: to the standard input of a command, or in a POST request. The core
//! decides which are sent, and when.

mod body;
mod post;

use std::cell::Cell;
use std::ffi::OsString;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::hook::{About, Alert};
use supervisor_core::ids::{Delivery, Pid};
use supervisor_core::input::{Exit, Input};
use supervisor_core::level::Level;
use supervisor_core::spec::hook::{HookSpec, HookTarget};
use supervisor_core::spec::{Command, Launch, User};
use tokio::time::timeout;

use crate::capture::journal::Journal;
use crate::crash::report::CrashReport;
use crate::helpers::Helpers;
use crate::inbox::Inbox;
use crate::launch::Environment;
use body::Message;
use post::post;

/// Prefixes of variables with the supervisor's own settings, which include passwords and the URLs
/// of hooks. A hook's command gets none of these variables.
const OWN_SETTINGS: [&str; 2] = ["SUPERVISOR_", "PROCESS_"];

/// All hooks, and the parts that start their commands.
#[derive(Debug)]
pub(crate) struct Hooks {
    hooks: Vec<Hook>,
    helpers: Rc<Helpers>,
    journal: Rc<Journal>,
    inbox: Rc<Inbox>,
    /// The environment of commands.
    environment: Environment,
}

#[derive(Debug)]
struct Hook {
    spec: Rc<HookSpec>,
    /// Its command that was started last.
    last: Cell<Option<Pid>>,
}

/// One notification on its way.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) delivery: Delivery,
    pub(crate) alert: Rc<Alert>,
    /// Notifications that were dropped before it.
    pub(crate) dropped: u64,
    pub(crate) within: Duration,
    /// The report of the run that it is about, if it is about one.
    pub(crate) report: Option<Rc<CrashReport>>,
    /// The user of the program that it is about.
    pub(crate) user: Option<User>,
}

impl Hooks {
    pub(crate) fn new(
        specs: &[Rc<HookSpec>],
        helpers: Rc<Helpers>,
        journal: Rc<Journal>,
        inbox: Rc<Inbox>,
        environment: &Environment,
    ) -> Rc<Self> {
        let own = |name: &OsString| {
            let name = name.as_encoded_bytes();
            OWN_SETTINGS.iter().any(|beginning| name.starts_with(beginning.as_bytes()))
        };
        let hooks = specs.iter().map(|spec| Hook { spec: Rc::clone(spec), last: Cell::default() });
        Rc::new(Self {
            hooks: hooks.collect(),
            helpers,
            journal,
            inbox,
            environment: environment.iter().filter(|(name, _)| !own(name)).cloned().collect(),
        })
    }

    /// Delivers a notification, and reports to the core whether it was delivered.
    pub(crate) async fn deliver(self: Rc<Self>, errand: Errand) {
        let Errand { delivery, within, .. } = errand;
        let event = errand.alert.about.event().name();
        let Some(hook) = self.hooks.get(delivery.hook) else { return };
        let sent = timeout(within, self.attempt(hook, errand)).await;
        let sent = sent.unwrap_or_else(|_| {
            Err(format!("it was not delivered within {} seconds", within.as_secs_f64()))
        });
        let name = &hook.spec.name;
        match &sent {
            Ok(()) => self.journal.say(Level::Debug, &format!("hook: {name}: delivered {event}")),
            Err(why) => {
                let note = format!("hook: {name}: cannot deliver {event}: {why}");
                self.journal.say(Level::Warn, &note);
            }
        }
        self.inbox.push(Input::Delivered { delivery, sent: sent.is_ok() });
    }

    async fn attempt(&self, hook: &Hook, errand: Errand) -> Result<(), String> {
        let Errand { alert, dropped, within, report, user, .. } = errand;
        let message = Message { spec: &hook.spec, alert: &alert, dropped, report };
        let text = message.text();
        match &hook.spec.target {
            HookTarget::Url(url) => match post(url, text).await {
                Ok(status) if (200..300).contains(&status) => Ok(()),
                Ok(status) => Err(format!("the receiver answered with status {status}")),
                Err(why) => Err(why),
            },
            HookTarget::Command(argv) => {
                // One that SIGKILL doesn't end is enough.
                if hook.last.get().is_some_and(|pid| self.helpers.has(pid)) {
                    return Err("its command of an earlier notification does not end".to_owned());
                }
                let what = Launch {
                    command: Command::Argv(argv.clone()),
                    environment: user.as_ref().map(identity).unwrap_or_default(),
                    user,
                    ..Launch::as_supervisor(Vec::new())
                };
                let name = format!("hook {}", hook.spec.name);
                let environment = self.environment.clone();
                let helper = self
                    .helpers
                    .start_with_input(&name, &what, environment, text.as_bytes())
                    .map_err(|error| error.to_string())?;
                hook.last.set(Some(helper.pid()));
                match helper.exit(within).await {
                    Some(Exit::Code(0)) => Ok(()),
                    Some(exit) => Err(format!("its command ended: {exit}")),
                    None => Err(format!("its command took {} seconds", within.as_secs_f64())),
                }
            }
        }
    }
}

/// Whether a notification is about the run of this report.
pub(crate) fn is_about(alert: &Alert, report: &CrashReport) -> bool {
    matches!(&alert.about, About::Run(run)
        if (run.process.proc, run.run) == (report.run.process.proc, report.run.run))
}

fn identity(user: &User) -> Vec<(OsString, OsString)> {
    let name = OsString::from(&user.name);
    let variables = [("HOME", user.home.clone().into()), ("USER", name.clone()), ("LOGNAME", name)];
    variables.map(|(name, value)| (name.into(), value)).into()
}
