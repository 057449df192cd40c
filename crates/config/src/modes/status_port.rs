//! Finds the status port of a supervisor that was started with this environment.

use crate::env;
use crate::env::overlay;
use crate::error::{Errors, Report};
use crate::modes::command::include_files;
use crate::modes::template::{self, Run};
use crate::options::STATUS_PORT_KEY;
use crate::settings::server::Listen;
use crate::sources::{APP, Context, Host, Sources};
use crate::text::expand::{Names, Shared, expand};
use crate::values::{self, InetAddress};

/// The status port of that supervisor; `None` if it has none. Ignores errors in other variables,
/// because that supervisor reports them.
///
/// # Errors
///
/// The environment names an invalid port.
pub fn status_port(sources: &Sources, host: &dyn Host) -> Result<Option<Listen>, Errors> {
    let (context, mut others) = (Context { sources, host }, Report::default());
    let settings = env::read(&context, &mut others);
    let run = if settings.supervise { Run::Supervised } else { Run::Once };
    let mut sections = template::base(APP, "", run);
    if run == Run::Supervised {
        let overrides = overlay::read(sources, &mut others);
        let (overrides, _) = include_files(&mut sections, overrides, context, &mut others);
        overlay::apply(&mut sections, overrides, sources, &mut others);
    } else {
        overlay::apply(&mut sections, overlay::read_once(sources), sources, &mut others);
    }
    template::complete(&mut sections, &settings, run);
    let section = sections.section("supervisord");
    let entry = section.and_then(|section| sections.entry(section, STATUS_PORT_KEY.def.key));
    let mut report = Report::default();
    let text = entry.map_or_else(String::new, |entry| entry.value.clone());
    let shared = Shared::new(sources, &sources.cwd);
    let address = match text.as_str() {
        "" => Ok(None),
        text => expand(text, &Names::new(&shared), STATUS_PORT_KEY.def.key)
            .and_then(|text| (values::STATUS_PORT.parse)(&text, &context)),
    };
    let address = address.map_err(|why| {
        let origin = entry.map(|entry| format!("{}: ", entry.origin)).unwrap_or_default();
        report.error(format!("{origin}{why}"));
    });
    let (address, _) = report.finish(address.ok())?;
    Ok(address.map(listen))
}

/// Parses an address like the value of the status port's variable.
///
/// # Errors
///
/// The address is invalid.
pub fn status_address(text: &str, sources: &Sources, host: &dyn Host) -> Result<Listen, String> {
    let address = (values::STATUS_PORT.parse)(text, &Context { sources, host })?;
    address.map(listen).ok_or_else(|| format!("{text} is not a port"))
}

fn listen(InetAddress { host, port }: InetAddress) -> Listen {
    Listen::Inet { host, port }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, sources};

    fn port(pairs: &[(&str, &str)]) -> Option<String> {
        let host = FakeHost::with(&[("/srv/x.conf", "[supervisord]\nstatus_port=9300\n")]);
        let listen = status_port(&sources(pairs), &host).unwrap();
        listen.map(|listen| match listen {
            Listen::Inet { host, port } => format!("{} {port}", host.unwrap_or_default()),
            Listen::Unix { .. } => panic!(),
        })
    }

    #[test]
    fn the_status_port_is_found_in_every_variable_that_sets_it() {
        let own = ("PROCESS_STATUS_PORT", "127.0.0.1:9100");
        let option = ("SUPERVISOR_SUPERVISORD_STATUS_PORT", "localhost:%(ENV_P)s");
        let once = ("PROCESS_AUTO_RECOVERY", "false");
        let file = ("SUPERVISOR_INCLUDE_FILES", "x.conf");
        assert_eq!(port(&[]), None);
        assert_eq!(port(&[("PROCESS_STATUS_PORT", "off")]), None);
        assert_eq!(port(&[("PROCESS_STATUS_PORT", "tcp://1.2.3.4:80")]), None);
        assert_eq!(port(&[own]).as_deref(), Some("127.0.0.1 9100"));
        assert_eq!(port(&[own, option, ("P", "9200")]).as_deref(), Some("localhost 9200"));
        assert_eq!(port(&[own, option, ("P", "9200"), once]).as_deref(), Some("localhost 9200"));
        assert!(port(&[file]).is_some_and(|port| port.ends_with(" 9300")));
        // The supervisor itself reports other errors.
        assert!(port(&[own, ("PROCESS_MAX_START_RETRIES", "x")]).is_some());
    }

    #[test]
    fn an_invalid_status_address_is_rejected() {
        let wrong = sources(&[("SUPERVISOR_SUPERVISORD_STATUS_PORT", "x")]);
        let text = status_port(&wrong, &FakeHost::default()).unwrap_err().to_string();
        assert!(text.starts_with("ERROR: SUPERVISOR_SUPERVISORD_STATUS_PORT: "), "{text}");
    }
}
