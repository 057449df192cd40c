//! What `echo_supervisord_conf` prints: a configuration to begin with, made from the table
//! of options.

use crate::options::{Kind, Row, Setting};

const HEAD: &str = "\
; Sample supervisor config file.
;
; Every section and every option, with its default where it has one. A line that begins
; with \";\" is a comment: take the \";\" away to have it count. What stands behind a blank
; and a \";\" is a comment, too, also inside quotes.
;
; Values may use %(here)s, the folder of this file, %(host_node_name)s, and %(ENV_NAME)s
; for the environment variable NAME. A percent sign is written %%.
";

/// One section of the sample.
struct Part {
    header: &'static str,
    kind: Kind,
    /// Options that count as they stand here; if there are any, so does the section.
    said: &'static [(&'static str, &'static str)],
}

const fn part(
    header: &'static str,
    kind: Kind,
    said: &'static [(&'static str, &'static str)],
) -> Part {
    Part { header, kind, said }
}

const PARTS: [Part; 11] = [
    part(
        "supervisord",
        Kind::Supervisord,
        &[("logfile", "/tmp/supervisord.log"), ("pidfile", "/tmp/supervisord.pid")],
    ),
    part("unix_http_server", Kind::UnixHttpServer, &[("file", "/tmp/supervisor.sock")]),
    part("inet_http_server", Kind::InetHttpServer, &[]),
    part(
        "rpcinterface:supervisor",
        Kind::RpcInterface,
        &[("supervisor.rpcinterface_factory", "supervisor.rpcinterface:make_main_rpcinterface")],
    ),
    part("supervisorctl", Kind::Supervisorctl, &[("serverurl", "unix:///tmp/supervisor.sock")]),
    part("program:NAME", Kind::Program, &[]),
    part("fcgi-program:NAME", Kind::FcgiProgram, &[]),
    part("eventlistener:NAME", Kind::EventListener, &[]),
    part("group:NAME", Kind::Group, &[]),
    part("ctlplugin:NAME", Kind::CtlPlugin, &[]),
    part("include", Kind::Include, &[]),
];

/// A configuration file with all options, few of which are set. supervisord reads it, too.
#[must_use]
pub fn sample() -> String {
    let mut out = HEAD.to_owned();
    for Part { header, kind, said } in PARTS {
        let comment = if said.is_empty() { ";" } else { "" };
        out.push_str(&format!("\n{comment}[{header}]\n"));
        for row in kind.settings().map(Setting::row) {
            let value = said.iter().find(|(key, _)| *key == row.key).map(|(_, value)| *value);
            out.push_str(&line(row, value));
        }
    }
    out
}

fn line(row: &Row, said: Option<&str>) -> String {
    let comment = if said.is_some() { "" } else { ";" };
    let value = said.or(row.default).unwrap_or("...");
    let option = format!("{comment}{}={value}", row.key);
    format!("{option:<40} ; {} Takes {}.\n", row.doc.trim(), row.what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Report;
    use crate::ini::Sections;

    #[test]
    fn it_is_a_configuration_in_which_nothing_is_unknown() {
        let (mut sections, mut report) = (Sections::default(), Report::default());
        let all = sample().replace("\n;[", "\n[");
        sections.read(std::path::Path::new("x"), all.as_bytes(), &mut report);
        assert!(report.is_clean());
        assert!(PARTS.iter().all(|part| sections.section(part.header).is_some()));
        let keys = sections.all.iter().flat_map(|section| &section.entries);
        let keys: Vec<&str> = keys.map(|entry| entry.key.as_str()).collect();
        assert_eq!(
            keys,
            ["logfile", "pidfile", "file", "supervisor.rpcinterface_factory", "serverurl"]
        );
    }
}
