//! HTTP servers, RPC interfaces, and the client's own sections.

use super::{Lowering, client, password};
use crate::error::in_short;
use crate::options::{self as o, OptionDef, SectionKind};
use crate::settings::server::{Credentials, Listen, Server};
use crate::sources::Mode;
use crate::text::expand::Names;
use crate::text::ini::Section;
use crate::values::InetAddress;
use supervisor_wire::supervisord::python;

/// The factory of supervisord's XML-RPC interface. Others are Python modules, which cannot be
/// loaded.
const MAIN_INTERFACE: &str = "supervisor.rpcinterface:make_main_rpcinterface";

/// The namespace that supervisord's clients use.
const MAIN_NAMESPACE: &str = "supervisor";

/// The listeners and namespaces for operators.
#[derive(Debug)]
pub(crate) struct Control {
    /// Servers in the order in which supervisord creates them.
    pub(crate) servers: Vec<Server>,
    /// Prefixes of the XML-RPC method names.
    pub(crate) namespaces: Vec<String>,
}

impl Control {
    /// The URL of the server in the programs' environment.
    pub(crate) fn url(&self) -> Option<String> {
        let unix = |server: &&Server| matches!(server.listen, Listen::Unix { .. });
        let first = self.servers.iter().find(unix).or_else(|| self.servers.first());
        first.map(|server| server.listen.url())
    }
}

/// Reads all sections of servers, interfaces and the client.
pub(super) fn read(lowering: &mut Lowering<'_>, names: &Names<'_>) -> Option<Control> {
    let mut servers = Vec::new();
    let mut complete = true;
    for section in lowering.of_kind(SectionKind::InetHttpServer) {
        let server = inet(lowering, section, names);
        complete &= server.is_some();
        servers.extend(server);
    }
    for section in lowering.of_kind(SectionKind::UnixHttpServer) {
        let server = unix(lowering, section, names);
        complete &= server.is_some();
        servers.extend(server);
    }
    let mut namespaces = Vec::new();
    for section in lowering.of_kind(SectionKind::RpcInterface) {
        interface(lowering, section, names);
        namespaces.push(section.label().to_owned());
    }
    if namespaces.is_empty() && matches!(lowering.mode, Mode::Command(_)) {
        // In command mode, a server always gets the main interface, because it is useless without
        // one.
        namespaces.push(MAIN_NAMESPACE.to_owned());
    }
    for section in lowering.of_kind(SectionKind::Supervisorctl) {
        let _ = client::read(lowering, section, names);
    }
    complete.then_some(Control { servers, namespaces })
}

fn inet<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Server> {
    let missing = format!("section [{}] has no port value", section.name);
    let address = lowering.require(section, &o::PORT, names, &missing);
    let open = lowering.get(section, &o::ALLOW_UNAUTHENTICATED, names);
    let credentials = credentials(lowering, section, names);
    let (address, credentials) = (address?, credentials?);
    let address = lowering.reachable(section, &o::PORT.def, address)?;
    let InetAddress { host, port } = address;
    let listen = match lowering.mode {
        Mode::Command(_) | Mode::Once(_) => Listen::at_all(host, port),
        // As in supervisord, a port without a host is an IPv4 port.
        Mode::File => Listen::Inet { host, port },
    };
    if credentials.is_none() && !listen.is_local() && !open? {
        let why = format!(
            "section [{}] accepts commands on port {port} from any host without a password: set \
             username and password, or port=127.0.0.1:{port}, or {}=true",
            section.name,
            o::ALLOW_UNAUTHENTICATED.def.key
        );
        let origin = lowering.entry(section, o::PORT.def.key).map(|entry| &entry.origin);
        lowering.complain(section, origin.unwrap_or(&section.origin), &why);
        return None;
    }
    Some(Server { section: section.name.clone(), listen, credentials })
}

fn unix<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Server> {
    let missing = format!("section [{}] has no file value", section.name);
    let path = lowering.require(section, &o::FILE, names, &missing);
    let mode = lowering.get(section, &o::CHMOD, names);
    let owner = lowering.try_get(section, &o::CHOWN, names);
    let credentials = credentials(lowering, section, names);
    let owner = owner.ok()?.map(|owner| (owner.user.uid, owner.group));
    let listen = Listen::Unix { path: path?, mode: mode?, owner };
    Some(Server { section: section.name.clone(), listen, credentials: credentials? })
}

/// Number of hexadecimal digits of a SHA-1 hash.
const SHA1_DIGITS: usize = 40;

/// Reads the user name and the password. One without the other would admit no client, or any
/// client. An empty value counts as unset, because the variable for it was probably empty.
fn credentials<'a>(
    lowering: &mut Lowering<'a>,
    section: &'a Section,
    names: &Names<'_>,
) -> Option<Option<Credentials>> {
    let username = lowering.try_get(section, &o::USERNAME, names);
    let password = password::read(lowering, section, names);
    let filled = |text: Option<String>| text.filter(|text| !python::strip(text).is_empty());
    let (username, password) = (filled(username.ok()?), filled(password.ok()?));
    let lacks = match (username, password) {
        (Some(username), Some(password)) => {
            let credentials = Credentials { username, password };
            let Some((option, why)) = never_matches(&credentials) else {
                return Some(Some(credentials));
            };
            let entry = lowering.entry(section, option.key);
            let origin = entry.map_or(&section.origin, |entry| &entry.origin);
            lowering.complain(section, origin, &format!("[{}] {why}", section.name));
            return None;
        }
        (None, None) => return Some(None),
        (Some(_), None) => &o::PASSWORD.def,
        (None, Some(_)) => &o::USERNAME.def,
    };
    let mut why = format!(
        "Section [{}] contains incomplete authentication: If a username or a password is \
         specified, both the username and password must be specified",
        section.name
    );
    let empty = lowering.entry(section, lacks.key);
    if empty.is_some() {
        why += &format!(", and {} is empty", lacks.key);
    }
    lowering.complain(section, empty.map_or(&section.origin, |entry| &entry.origin), &why);
    None
}

/// The reason why no client can send these credentials. It does not contain the password.
fn never_matches(credentials: &Credentials) -> Option<(&'static OptionDef, String)> {
    let Credentials { username, password } = credentials;
    if username.contains(':') {
        let why = format!(
            "username: no client can send a user name with a colon, got '{username}'; \
             use one without"
        );
        return Some((&o::USERNAME.def, why));
    }
    let sum = password.strip_prefix("{SHA}")?;
    let is_sum = sum.len() == SHA1_DIGITS && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    let why = format!(
        "password: expected {{SHA}} and the {SHA1_DIGITS} hexadecimal digits of a SHA-1 sum, got \
         {} characters behind {{SHA}}; printf %s PASSWORD | sha1sum prints the sum",
        sum.chars().count()
    );
    (!is_sum).then_some((&o::PASSWORD.def, why))
}

fn interface<'a>(lowering: &mut Lowering<'a>, section: &'a Section, names: &Names<'_>) {
    let missing =
        format!("section [{}] does not specify a supervisor.rpcinterface_factory", section.name);
    let factory = lowering.require(section, &o::RPCINTERFACE_FACTORY, names, &missing);
    if let Some(factory) = factory.filter(|factory| factory != MAIN_INTERFACE) {
        let factory = in_short(&factory);
        let why = format!("{factory} cannot be resolved within [{}]", section.name);
        let key = o::RPCINTERFACE_FACTORY.def.key;
        let origin = lowering.entry(section, key).map_or(&section.origin, |entry| &entry.origin);
        lowering.complain(section, origin, &format!("{why}; {key}: expected {MAIN_INTERFACE}"));
    }
}
