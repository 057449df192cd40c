//! Commands and URLs that are told of what happens to programs. supervisord has none; its users
//! write event listeners for this.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::health::HttpUrl;

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSpec {
    /// Its name; unique.
    pub name: String,
    /// What it is told of. Never empty.
    pub events: BTreeSet<HookEvent>,
    /// Where a notification goes. The core carries this and never looks inside.
    pub target: HookTarget,
    /// The form of a notification.
    pub format: HookFormat,
    /// Last lines of output that a notification about a run may hold. 0: none.
    pub output_lines: usize,
}

/// What hooks can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookEvent {
    /// A run exited by itself, and the supervisor goes on.
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

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookTarget {
    /// To the standard input of this command. Never empty.
    Command(Vec<OsString>),
    /// In the body of a POST request. The URL may be a secret.
    Url(HttpUrl),
}

/// The form of a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HookFormat {
    /// The supervisor's own.
    #[default]
    Json,
    /// The body of a Slack
    /// [incoming webhook](https://api.slack.com/messaging/webhooks).
    Slack,
    /// The body that Alertmanager sends to a
    /// [webhook receiver](https://prometheus.io/docs/alerting/latest/configuration/#webhook_config).
    Alertmanager,
}

impl HookEvent {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Crash, Self::GaveUp, Self::Unhealthy, Self::Ready, Self::Stopping];

    /// Its name.
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

    /// The one with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Whether the supervisor may be about to exit: no limit of rate holds it back.
    #[must_use]
    pub const fn is_urgent(self) -> bool {
        match self {
            Self::GaveUp | Self::Stopping => true,
            Self::Crash | Self::Unhealthy | Self::Ready => false,
        }
    }
}

impl HookFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Json, Self::Slack, Self::Alertmanager];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Alertmanager => "alertmanager",
        }
    }
}
