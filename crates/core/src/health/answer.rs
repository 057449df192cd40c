//! The results of a health check.

use std::fmt;

use crate::ids::Pid;
use crate::spec::health::ListenerRule;
use crate::spec::start::HostPort;

/// A check that reached the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckAnswer {
    /// The process that listens at the address.
    pub from: Listener,
    /// How much of the server the check reached.
    pub depth: Depth,
}

impl CheckAnswer {
    /// Applies the rule about the process that may answer.
    pub(super) const fn judge(self, rule: ListenerRule) -> Result<Depth, CheckFailure> {
        match (self.from, rule) {
            (Listener::Stranger(stranger), ListenerRule::Own) => {
                Err(CheckFailure::Stranger(stranger))
            }
            (Listener::Stranger(_) | Listener::Unseen | Listener::Tree | Listener::Ours, _) => {
                Ok(self.depth)
            }
        }
    }
}

/// How much of a server a check reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// A complete answer.
    #[default]
    Whole,
    /// Only a connection: the server requires a client certificate, and the supervisor has none.
    Connection,
}

/// The process that listens at an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listener {
    /// The supervisor did not look for it, it is on another host, or another container hides it.
    #[default]
    Unseen,
    /// A process of the program's tree.
    Tree,
    /// The supervisor, or a process of another program.
    Ours,
    /// Any other process.
    Stranger(Stranger),
}

/// A process that the supervisor did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// Its pid.
    pub pid: Pid,
    /// Its name in the kernel.
    pub name: Comm,
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({})", self.pid, self.name)
    }
}

/// A process name as in
/// [`/proc/PID/comm`](https://man7.org/linux/man-pages/man5/proc_pid_comm.5.html): at most 15
/// bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comm([u8; 15]);

impl Comm {
    /// Keeps the first 15 bytes. A question mark replaces each unprintable character.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut bytes = [0; 15];
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = if from.is_ascii_graphic() || *from == b' ' { *from } else { b'?' };
        }
        Self(bytes)
    }
}

impl fmt::Display for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        self.0[..end].iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

/// The reason for a failed check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFailure {
    /// No server accepted the connection.
    Refused,
    /// The host name has no address, or no name server answers.
    Unresolved,
    /// The complete answer did not arrive in time.
    TimedOut,
    /// The answer had this status.
    Status(u16),
    /// The answer lacked the expected text.
    Body,
    /// The command exited with this status.
    Command(u8),
    /// The command could not be started.
    NotStarted,
    /// The check used plain HTTP, and the server answered with TLS.
    SpeaksTls,
    /// The check used TLS, and the server answered without it.
    LacksTls,
    /// The server's certificate could not be verified.
    Certificate(BadCertificate),
    /// The headers were not sent, because a process elsewhere could have read them.
    Withheld,
    /// The file with the headers could not be read, or its content is invalid.
    NoHeaders,
    /// A process outside of the program's tree listens at the address.
    Stranger(Stranger),
    /// The request could not be sent, or the answer was invalid.
    Broken,
}

/// The reason for which a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCertificate {
    /// No trusted certificate signed it.
    Untrusted,
    /// It was issued for other names.
    WrongName,
    /// It has expired, or is not valid yet.
    Expired,
    /// Any other reason.
    Other,
    /// There are no trusted certificates: the file could not be read, or contains none.
    NothingToTrust,
}

impl CheckFailure {
    /// The label values of the metric.
    pub const KINDS: [&str; 11] = [
        "refused",
        "unresolved",
        "timed_out",
        "status",
        "body",
        "command",
        "not_started",
        "tls",
        "headers",
        "stranger",
        "broken",
    ];

    /// The label value of this failure.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unresolved => "unresolved",
            Self::TimedOut => "timed_out",
            Self::Status(_) => "status",
            Self::Body => "body",
            Self::Command(_) => "command",
            Self::NotStarted => "not_started",
            Self::SpeaksTls | Self::LacksTls | Self::Certificate(_) => "tls",
            Self::Withheld | Self::NoHeaders => "headers",
            Self::Stranger(_) => "stranger",
            Self::Broken => "broken",
        }
    }

    /// Whether the failure shows that the check itself is configured wrongly.
    #[must_use]
    pub const fn is_of_the_check(self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 401 | 403 | 404),
            Self::SpeaksTls
            | Self::LacksTls
            | Self::Certificate(_)
            | Self::Withheld
            | Self::NoHeaders => true,
            Self::Refused
            | Self::Unresolved
            | Self::TimedOut
            | Self::Body
            | Self::Command(_)
            | Self::NotStarted
            | Self::Stranger(_)
            | Self::Broken => false,
        }
    }

    /// Whether a starting server normally fails its first checks in this way.
    pub(super) const fn is_usual_at_first(self) -> bool {
        !self.is_of_the_check() && !matches!(self, Self::Stranger(_))
    }

    /// How to fix the failure, if the cause is known.
    #[must_use]
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Status(401 | 403) => {
                Some("the check is wrong: set health_headers (PROCESS_HEALTH_HEADERS)")
            }
            Self::Status(404) => Some("the check is wrong: correct the path of its URL"),
            Self::SpeaksTls => Some("the check is wrong: use https://"),
            Self::LacksTls => Some("the check is wrong: use http://"),
            Self::Certificate(BadCertificate::Untrusted | BadCertificate::NothingToTrust) => {
                Some("set health_tls_ca_file (PROCESS_HEALTH_TLS_CA_FILE)")
            }
            Self::Certificate(BadCertificate::WrongName) => {
                Some("set health_tls_name (PROCESS_HEALTH_TLS_NAME)")
            }
            Self::Withheld => Some("use https://, or an address of this host"),
            Self::NoHeaders => Some("correct health_headers_file"),
            Self::Stranger(_) => {
                Some("stop that process, or set health_listener=any (PROCESS_HEALTH_LISTENER)")
            }
            Self::Certificate(BadCertificate::Expired | BadCertificate::Other)
            | Self::Refused
            | Self::Unresolved
            | Self::TimedOut
            | Self::Status(_)
            | Self::Body
            | Self::Command(_)
            | Self::NotStarted
            | Self::Broken => None,
        }
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Unresolved => f.write_str("the host name cannot be resolved"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Body => f.write_str("the response lacks the expected text"),
            Self::Command(status) => write!(f, "the command exited with status {status}"),
            Self::NotStarted => f.write_str("the command could not be started"),
            Self::SpeaksTls => f.write_str("the server speaks TLS"),
            Self::LacksTls => f.write_str("the server does not speak TLS"),
            Self::Certificate(bad) => f.write_str(match bad {
                BadCertificate::Untrusted => "the server's certificate is not trusted",
                BadCertificate::WrongName => {
                    "the server's certificate does not match the host \
                 name"
                }
                BadCertificate::Expired => {
                    "the server's certificate has expired or is not valid yet"
                }
                BadCertificate::Other => "the server's certificate cannot be verified",
                BadCertificate::NothingToTrust => "no certificates to trust were found",
            }),
            Self::Withheld => f.write_str(
                "the headers were not sent, because the server is on another host and not \
                 verified by TLS",
            ),
            Self::NoHeaders => f.write_str("the headers file cannot be read"),
            Self::Stranger(stranger) => {
                write!(f, "{stranger} listens there and does not belong to this program")
            }
            Self::Broken => f.write_str("connection or protocol error"),
        }
    }
}

/// A server that did not accept a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// Its address.
    pub target: HostPort,
    /// The reason.
    pub failure: CheckFailure,
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.target, self.failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_another_listener_has_no_control_characters() {
        let stranger = Stranger { pid: Pid(7), name: Comm::new(b"a\x1b[2J-long-name-of-it") };
        assert_eq!(stranger.to_string(), "pid 7 (a?[2J-long-name)");
        assert_eq!(Comm::new(b"nginx").to_string(), "nginx");
    }

    #[test]
    fn the_listener_rule_decides_which_process_may_answer() {
        let stranger = Stranger { pid: Pid(7), name: Comm::default() };
        let answer = |from| CheckAnswer { from, depth: Depth::Whole };
        let strange = answer(Listener::Stranger(stranger));
        assert_eq!(strange.judge(ListenerRule::Own), Err(CheckFailure::Stranger(stranger)));
        assert_eq!(strange.judge(ListenerRule::Any), Ok(Depth::Whole));
        for from in [Listener::Unseen, Listener::Tree, Listener::Ours] {
            assert_eq!(answer(from).judge(ListenerRule::Own), Ok(Depth::Whole));
        }
    }
}
