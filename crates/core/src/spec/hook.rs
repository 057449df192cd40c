//! Hooks: commands and URLs that get notifications about programs. supervisord has no hooks; its
//! users write event listeners instead.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::health::HttpUrl;

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSpec {
    /// Its unique name.
    pub name: String,
    /// The events. Never empty.
    pub events: BTreeSet<HookEvent>,
    /// The destination of notifications. The core passes it on unread.
    pub target: HookTarget,
    /// The format of a notification.
    pub format: HookFormat,
    /// Number of last output lines in a notification about a run. 0: none.
    pub output_lines: usize,
}

/// The events that a hook can be notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookEvent {
    /// A run exited by itself, and the supervisor did not give up on the program.
    Crash,
    /// The supervisor gave up on a program.
    GaveUp,
    /// A program is unhealthy.
    Unhealthy,
    /// A program is up, or healthy again.
    Ready,
    /// The supervisor was asked to stop everything.
    Stopping,
}

/// The destination of notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookTarget {
    /// A command that reads the notification from its standard input. Never empty.
    Command(Vec<OsString>),
    /// A POST request to this URL, with the notification in its body. The URL may be a secret.
    Url(HttpUrl),
}

/// The format of a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HookFormat {
    /// The supervisor's own format.
    #[default]
    Json,
    /// The body of a Slack [incoming webhook](https://api.slack.com/messaging/webhooks).
    Slack,
    /// The body that Alertmanager sends to a
    /// [webhook receiver](https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
    Alertmanager,
}

impl HookEvent {
    /// All events.
    pub const ALL: [Self; 5] =
        [Self::Crash, Self::GaveUp, Self::Unhealthy, Self::Ready, Self::Stopping];

    /// The name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::GaveUp => "gave_up",
            Self::Unhealthy => "unhealthy",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
        }
    }

    /// The event with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Whether the supervisor may be about to exit. The rate limit does not delay such an event.
    #[must_use]
    pub const fn is_urgent(self) -> bool {
        match self {
            Self::GaveUp | Self::Stopping => true,
            Self::Crash | Self::Unhealthy | Self::Ready => false,
        }
    }
}

impl HookFormat {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Json, Self::Slack, Self::Alertmanager];

    /// The name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Alertmanager => "alertmanager",
        }
    }
}
