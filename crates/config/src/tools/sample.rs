//! The output of `echo_supervisord_conf`: a sample configuration, generated from the table of
//! options.

use crate::options::{OptionDef, SectionKind, Setting};

const HEAD: &str = "\
; Sample supervisor config file.
;
; Every section and every option, with its default. A line that begins with \";\" is a
; comment: remove the \";\" to set the option. Text after a space and a \";\" is also a
; comment, even inside quotes.
;
; Values may use %(here)s, the directory of this file, %(host_node_name)s, and %(ENV_NAME)s
; for the environment variable NAME. Write a literal percent sign as %%.
";

/// One section of the sample.
struct Part {
    header: &'static str,
    kind: SectionKind,
    /// Options that are set; all others are comments. If there are any, the section is active.
    set: &'static [(&'static str, &'static str)],
}

const fn part(
    header: &'static str,
    kind: SectionKind,
    set: &'static [(&'static str, &'static str)],
) -> Part {
    Part { header, kind, set }
}

const PARTS: [Part; 13] = [
    part(
        "supervisord",
        SectionKind::Supervisord,
        &[("logfile", "/tmp/supervisord.log"), ("pidfile", "/tmp/supervisord.pid")],
    ),
    part("unix_http_server", SectionKind::UnixHttpServer, &[("file", "/tmp/supervisor.sock")]),
    part("inet_http_server", SectionKind::InetHttpServer, &[]),
    part(
        "rpcinterface:supervisor",
        SectionKind::RpcInterface,
        &[("supervisor.rpcinterface_factory", "supervisor.rpcinterface:make_main_rpcinterface")],
    ),
    part(
        "supervisorctl",
        SectionKind::Supervisorctl,
        &[("serverurl", "unix:///tmp/supervisor.sock")],
    ),
    part("program:NAME", SectionKind::Program, &[]),
    part("fcgi-program:NAME", SectionKind::FcgiProgram, &[]),
    part("eventlistener:NAME", SectionKind::EventListener, &[]),
    part("group:NAME", SectionKind::Group, &[]),
    part("ctlplugin:NAME", SectionKind::CtlPlugin, &[]),
    part("include", SectionKind::Include, &[]),
    part("hook:NAME", SectionKind::Hook, &[]),
    part("rule:NAME", SectionKind::Rule, &[]),
];

/// A configuration file with all options, a few of which are active. supervisord can also read it.
#[must_use]
pub fn sample() -> String {
    let mut out = HEAD.to_owned();
    for Part { header, kind, set } in PARTS {
        let comment = if set.is_empty() { ";" } else { "" };
        out.push_str(&format!("\n{comment}[{header}]\n"));
        for def in kind.settings().map(Setting::def) {
            let value = set.iter().find(|(key, _)| *key == def.key).map(|(_, value)| *value);
            out.push_str(&line(def, value));
        }
    }
    out
}

fn line(def: &OptionDef, set: Option<&str>) -> String {
    let comment = if set.is_some() { "" } else { ";" };
    let value = set.or(def.default.file).unwrap_or("...");
    let option = format!("{comment}{}={value}", def.key);
    let note = if def.extension { " Not in supervisord." } else { "" };
    format!("{option:<40} ; {} Accepts {}.{note}\n", def.doc.trim(), def.what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Report;
    use crate::text::ini::Sections;

    #[test]
    fn the_sample_configuration_has_no_unknown_options() {
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
