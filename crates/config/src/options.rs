//! The table of all options: one row each.
//!
//! A row defines the option's key, accepted values, default in each mode, the names that its value
//! may use, and its description. The parser, environment variables, warnings, `--check` and the
//! reference use these rows. Most sections and options are those of supervisord's [configuration
//! reference](https://supervisord.org/configuration.html); the others are extensions.

pub(crate) mod failure_options;
pub(crate) mod health_options;
pub(crate) mod hook_options;
pub(crate) mod limit_options;
pub(crate) mod output_options;
pub(crate) mod rule_options;
mod table;
pub(crate) mod without_effect;

use self::failure_options::FAILURE;
use self::health_options::HEALTH;
use self::hook_options::HOOK;
use self::limit_options::LIMITS;
use self::output_options::OUTPUT;
use self::rule_options::RULE;
pub(crate) use self::table::*;
use crate::sources::Context;
use crate::values::ValueType;

/// The names that an option's value may use in addition to `here`, `host_node_name` and `ENV_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No other names.
    Global,
    /// `program_name` and `group_name`.
    Program,
    /// Also `process_num`, `numprocs` and the program's own environment.
    Process,
}

impl Reach {
    /// The names as text for the reference.
    #[must_use]
    pub fn names(self) -> &'static str {
        match self {
            Self::Global => "",
            Self::Program => "`program_name`, `group_name`",
            Self::Process => "`program_name`, `group_name`, `process_num`, `numprocs`",
        }
    }
}

/// An option, without the type of its value.
#[derive(Clone, Copy, Debug)]
pub struct OptionDef {
    /// The key in a configuration file.
    pub key: &'static str,
    /// The value that applies if it is not set.
    pub default: PerMode,
    /// The names that its value may use.
    pub reach: Reach,
    /// Description of the accepted values.
    pub what: &'static str,
    /// Description of the option.
    pub doc: &'static str,
    /// Whether supervisord does not have it.
    pub extension: bool,
    /// When a change takes effect while the program runs.
    pub change: Takes,
}

/// When a change of an option takes effect while its program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Immediately.
    Live,
    /// At the next start.
    NextStart,
    /// After a restart of the program, or of the supervisor for its own options.
    Restart,
}

impl Takes {
    /// The name for documents and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::NextStart => "next start",
            Self::Restart => "restart",
        }
    }
}

/// When a change of a program's option takes effect; `None` if there is no such option.
#[must_use]
pub fn takes_of(key: &str) -> Option<Takes> {
    let kinds = [SectionKind::Program, SectionKind::FcgiProgram, SectionKind::EventListener];
    let mut options = kinds.into_iter().flat_map(SectionKind::options);
    options.find(|def| def.key == key).map(|def| def.change)
}

/// The default of an option in each mode; `None`: unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMode {
    /// A configuration file, as in supervisord.
    pub file: Option<&'static str>,
    /// The supervisor in command mode, and its additional programs.
    pub command: Option<&'static str>,
    /// The command itself.
    pub app: Option<&'static str>,
    /// A command that runs once.
    pub once: Option<&'static str>,
}

impl PerMode {
    /// The same default in all modes.
    pub(crate) const fn all(value: Option<&'static str>) -> Self {
        Self { file: value, command: value, app: value, once: value }
    }

    /// Sets another default for command mode.
    pub(crate) const fn command(self, value: Option<&'static str>) -> Self {
        Self { command: value, ..self }.app(value)
    }

    /// Sets another default for the command's own program.
    pub(crate) const fn app(self, value: Option<&'static str>) -> Self {
        Self { app: value, ..self }.once(value)
    }

    /// Sets another default for a command that runs once.
    pub(crate) const fn once(self, value: Option<&'static str>) -> Self {
        Self { once: value, ..self }
    }
}

/// Whether values of this option must not be logged: passwords, health check headers, hook URLs,
/// and environments, which may contain API keys.
pub(crate) fn is_secret(key: &str) -> bool {
    [
        PASSWORD.def.key,
        PROGRAM_ENVIRONMENT.def.key,
        health_options::HEADERS.def.key,
        hook_options::HOOK_URL.def.key,
    ]
    .contains(&key)
}

/// An option with the type of its value.
pub(crate) struct Key<T: 'static> {
    pub(crate) def: OptionDef,
    pub(crate) value_type: &'static ValueType<T>,
}

/// An option with any type of value.
pub(crate) trait Setting: Sync {
    fn def(&self) -> &OptionDef;
    /// Checks a value. Returns the reason if it is invalid.
    fn check(&self, value: &str, context: &Context<'_>) -> Result<(), String>;
}

impl std::fmt::Debug for dyn Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.def().key)
    }
}

impl<T: 'static> Setting for Key<T> {
    fn def(&self) -> &OptionDef {
        &self.def
    }

    fn check(&self, value: &str, context: &Context<'_>) -> Result<(), String> {
        (self.value_type.parse)(value, context).map(drop)
    }
}

/// Maximum number of option tables of one kind of section.
const MOST_TABLES: usize = 9;

/// Returns `tables`, padded with empty ones to the maximum number.
fn padded<const N: usize>(
    tables: [&'static [&'static dyn Setting]; N],
) -> [&'static [&'static dyn Setting]; MOST_TABLES] {
    std::array::from_fn(|at| tables.get(at).copied().unwrap_or_default())
}

/// The kinds of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionKind {
    /// `[supervisord]`.
    Supervisord,
    /// `[program:NAME]`.
    Program,
    /// `[eventlistener:NAME]`.
    EventListener,
    /// `[fcgi-program:NAME]`.
    FcgiProgram,
    /// `[group:NAME]`.
    Group,
    /// `[unix_http_server]`.
    UnixHttpServer,
    /// `[inet_http_server]`.
    InetHttpServer,
    /// `[rpcinterface:NAME]`.
    RpcInterface,
    /// `[supervisorctl]`.
    Supervisorctl,
    /// `[ctlplugin:NAME]`.
    CtlPlugin,
    /// `[include]`.
    Include,
    /// `[hook:NAME]`.
    Hook,
    /// `[rule:NAME]`.
    Rule,
}

/// Section names or their prefixes, and their kinds.
pub const KINDS: [(&str, SectionKind); 13] = [
    ("supervisord", SectionKind::Supervisord),
    ("program:", SectionKind::Program),
    ("eventlistener:", SectionKind::EventListener),
    ("fcgi-program:", SectionKind::FcgiProgram),
    ("group:", SectionKind::Group),
    ("unix_http_server", SectionKind::UnixHttpServer),
    ("inet_http_server", SectionKind::InetHttpServer),
    ("rpcinterface:", SectionKind::RpcInterface),
    ("supervisorctl", SectionKind::Supervisorctl),
    ("ctlplugin:", SectionKind::CtlPlugin),
    ("include", SectionKind::Include),
    ("hook:", SectionKind::Hook),
    ("rule:", SectionKind::Rule),
];

impl SectionKind {
    /// The kind of the section with this name.
    pub(crate) fn of(section: &str) -> Option<Self> {
        KINDS.iter().find(|(name, kind)| kind.fits(name, section)).map(|(_, kind)| *kind)
    }

    /// The definitions of this kind's options.
    pub fn options(self) -> impl Iterator<Item = &'static OptionDef> {
        self.settings().map(Setting::def)
    }

    /// This kind's options.
    pub(crate) fn settings(self) -> impl Iterator<Item = &'static dyn Setting> {
        let tables: [&[&'static dyn Setting]; MOST_TABLES] = match self {
            Self::Supervisord => padded([SUPERVISORD, SUPERVISORD_POLICIES, CRASH]),
            Self::Program => {
                padded([PROGRAM, PROGRAM_POLICIES, LIMITS, SERVER, START, HEALTH, FAILURE, OUTPUT])
            }
            Self::EventListener => padded([PROGRAM, PROGRAM_POLICIES, LIMITS, EVENTLISTENER]),
            Self::FcgiProgram => [
                PROGRAM,
                PROGRAM_POLICIES,
                LIMITS,
                SERVER,
                START,
                HEALTH,
                FAILURE,
                OUTPUT,
                FCGI_PROGRAM,
            ],
            Self::Group => padded([GROUP]),
            Self::UnixHttpServer => padded([UNIX_HTTP_SERVER, AUTHENTICATION, PASSWORD_POLICIES]),
            Self::InetHttpServer => {
                padded([INET_HTTP_SERVER, INET_POLICIES, AUTHENTICATION, PASSWORD_POLICIES])
            }
            Self::RpcInterface => padded([RPCINTERFACE]),
            Self::Supervisorctl => padded([SUPERVISORCTL, AUTHENTICATION, PASSWORD_POLICIES]),
            Self::CtlPlugin => padded([CTLPLUGIN]),
            Self::Include => padded([INCLUDE]),
            Self::Hook => padded([HOOK]),
            Self::Rule => padded([RULE]),
        };
        tables.into_iter().flat_map(|table| table.iter().copied())
    }

    fn fits(self, name: &str, section: &str) -> bool {
        match self {
            // supervisord accepts every section name with this prefix.
            Self::UnixHttpServer | Self::InetHttpServer => section.starts_with(name),
            Self::Supervisord | Self::Supervisorctl | Self::Include => section == name,
            Self::Program
            | Self::EventListener
            | Self::FcgiProgram
            | Self::Group
            | Self::RpcInterface
            | Self::CtlPlugin
            | Self::Rule
            | Self::Hook => section.starts_with(name),
        }
    }
}

/// The options that supervisord does not have, by section. FastCGI programs have those of programs.
pub fn extensions() -> impl Iterator<Item = (&'static str, &'static OptionDef)> {
    let kinds = [
        ("program", SectionKind::Program),
        ("supervisord", SectionKind::Supervisord),
        ("inet_http_server", SectionKind::InetHttpServer),
        ("unix_http_server", SectionKind::UnixHttpServer),
        ("supervisorctl", SectionKind::Supervisorctl),
    ];
    let all = kinds.into_iter().flat_map(|(name, kind)| kind.options().map(move |def| (name, def)));
    all.filter(|(_, def)| def.extension)
}

/// `"x"` becomes `Some("x")`; `unset` becomes `None`.
macro_rules! default {
    (unset) => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}

/// Each line defines a typed key and its row in the table of its section. After the default of
/// config-file mode, a line lists the defaults that differ: for command mode, for the command's
/// own program, and for a command that runs once. The last entry says when a change takes effect,
/// unless it needs a restart.
macro_rules! options {
    (extensions $table:ident: $($rows:tt)+) => { options! { @ true, $table: $($rows)+ } };
    ($table:ident: $($rows:tt)+) => { options! { @ false, $table: $($rows)+ } };
    (@ $extension:literal, $table:ident: $($(#[doc = $doc:literal])+ $name:ident: $type:ty = $takes:ident($key:literal,
        $reach:ident) default $file:tt $(, command $command:tt)? $(, app $app:tt)?
        $(, once $once:tt)? $(, change $change:ident)?;)+) => {
        $(
            $(#[doc = $doc])+
            pub(crate) static $name: Key<$type> = Key {
                def: OptionDef {
                    key: $key,
                    default: $crate::options::PerMode::all(default!($file))
                        $(.command(default!($command)))?
                        $(.app(default!($app)))?
                        $(.once(default!($once)))?,
                    reach: Reach::$reach,
                    what: values::$takes.what,
                    doc: concat!($($doc),+),
                    extension: $extension,
                    change: $crate::options::takes!($($change)?),
                },
                value_type: &values::$takes,
            };
        )+
        /// The options of these sections.
        pub(crate) static $table: &[&'static dyn Setting] = &[$(&$name),+];
    };
}

/// When a change takes effect; a restart is needed unless the table says otherwise.
macro_rules! takes {
    () => {
        $crate::options::Takes::Restart
    };
    ($change:ident) => {
        $crate::options::Takes::$change
    };
}

pub(crate) use {default, options, takes};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_each_section_have_unique_keys() {
        for (name, kind) in KINDS {
            let mut keys: Vec<&str> = kind.settings().map(|s| s.def().key).collect();
            assert!(!keys.is_empty() && SectionKind::of(name) == Some(kind), "{name}");
            assert!(keys.iter().all(|key| *key == key.to_lowercase()), "{name}");
            let all = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), all, "{name}");
        }
    }
}
