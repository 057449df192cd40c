//! Compares the descriptions of processes.

use proptest::strategy::Strategy;
use supervisor_wire::date::CalendarTime;
use supervisor_wire::supervisord::process_text::{ended, running, split_namespec};
use supervisor_wire::supervisord::python::repr;

use crate::{generated, oracle};

#[test]
fn uptimes_are_formatted_as_by_supervisord() {
    let asked = (0..40_000_i32, -10..300_000_i64);
    compare(
        "running",
        asked,
        |(pid, uptime)| format!("{pid} {uptime}"),
        |(pid, uptime)| running(*pid, *uptime),
    );
}

#[test]
fn exit_times_are_formatted_as_by_supervisord() {
    compare(
        "ended",
        (1..13_u8, 1..29_u8, 0..24_u8, 0..60_u8),
        |(month, day, hour, minute)| format!("{month} {day} {hour} {minute}"),
        |(month, day, hour, minute)| {
            ended(Some(CalendarTime {
                year: 2026,
                month: *month,
                day: *day,
                hour: *hour,
                minute: *minute,
                second: 30,
                millisecond: 0,
            }))
        },
    );
}

#[test]
fn names_are_split_as_by_supervisord() {
    compare("names", "[a:*]{0,5}", String::clone, |spec| {
        let (group, name) = split_namespec(spec);
        format!("({}, {})", repr(group), name.map_or_else(|| "None".to_owned(), repr))
    });
}

fn compare<T: std::fmt::Debug>(
    mode: &str,
    asked: impl Strategy<Value = T>,
    question: impl Fn(&T) -> String,
    ours: impl Fn(&T) -> String,
) {
    let Some(oracle) = oracle("process_oracle.py") else { return };
    let asked = generated(&asked);
    let answers = oracle(mode, &asked.iter().map(question).collect::<Vec<_>>());
    assert_eq!(answers.len(), asked.len());
    for (asked, answer) in asked.iter().zip(answers) {
        assert_eq!(ours(asked), answer, "{asked:?}");
    }
}
