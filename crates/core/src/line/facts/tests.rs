use std::collections::BTreeSet;

use super::*;
use crate::signal::Signal;

#[test]
fn every_event_is_in_the_reference() {
    let page = include_str!("../../../../../docs/reference/log-events.md");
    let told: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" |").next())
        .flat_map(|names| names.split(['`', ' ']))
        .filter(|name| !name.is_empty() && *name != "event")
        .collect();
    let code = include_str!("../facts.rs").split("#[cfg(test)]").next().unwrap();
    let here = code.split(" of(\"").skip(1).filter_map(|rest| rest.split('"').next());
    // Crash reports also appear in JSON logs, with an event of their own.
    let here: BTreeSet<&str> = here.chain([NOTE, "crash"]).collect();
    assert_eq!(told, here);
}

#[test]
fn each_failure_has_a_keyword() {
    use SpawnErrorKind as K;
    let kinds = [K::NotFound, K::NotExecutable, K::Transient].map(kind_of);
    assert_eq!(kinds, ["not_found", "not_executable", "transient"]);
    let unreached =
        GaveUp::TargetUnreached { target: String::new(), within: Duration::from_secs(1) };
    let reasons = [
        GaveUp::TooManyRetries,
        GaveUp::CannotStart,
        GaveUp::Unkillable,
        GaveUp::Unhealthy,
        GaveUp::Repeated,
        GaveUp::DependencyLost("app:ready".to_owned()),
        unreached,
    ];
    assert_eq!(
        reasons.each_ref().map(reason),
        [
            "too_many_retries",
            "cannot_start",
            "unkillable",
            "unhealthy",
            "repeated",
            "dependency",
            "unreachable"
        ]
    );
}

#[test]
fn an_exit_is_logged_with_its_numbers() {
    let exit = Exit::Code(3);
    let line = Line::Exited { name: "app".to_owned(), pid: Pid(7), run: 2, exit, expected: false };
    let Facts { event, fields } = line.facts();
    assert_eq!(event, "exited");
    assert_eq!(
        fields,
        [
            ("program", Value::Text("app".to_owned())),
            ("pid", Value::Number(7)),
            ("run", Value::Count(2)),
            ("exit_code", Value::Count(3)),
            ("expected", Value::Flag(false)),
        ]
    );
}

#[test]
fn an_exit_by_a_signal_is_logged_with_the_signals_name() {
    let exit = Exit::Signal { signal: Signal::KILL, core_dumped: true };
    let facts = Line::ReapedUnknown { pid: Pid(9), exit }.facts();
    assert!(facts.fields.contains(&("exit_signal", Value::Text("SIGKILL".to_owned()))));
    assert!(facts.fields.contains(&("core_dumped", Value::Flag(true))));
}

#[test]
fn an_unhealthy_program_is_logged_with_the_measured_values() {
    let unhealthy = Unhealthy::Check { failure: CheckFailure::Status(503), times: 3 };
    let facts = Line::Unhealthy { name: "app".to_owned(), unhealthy, observe: false }.facts();
    let texts = [("reason", "check"), ("failure", "status")];
    for (name, text) in texts {
        assert!(facts.fields.contains(&(name, Value::Text(text.to_owned()))), "{facts:?}");
    }
    assert!(facts.fields.contains(&("status", Value::Count(503))));
}
