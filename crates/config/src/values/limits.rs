//! The value types of limits. The parser also checks that the system allows the limit.

use supervisor_core::spec::Limit;
use supervisor_core::spec::limits::Resource;
use supervisor_wire::supervisord::python::{self, repr};

use super::{ValueType, byte_size, written};
use crate::sources::Context;

pub(crate) static NICE: ValueType<Limit> = ValueType {
    what: "a whole number from -20, which comes first, to 19",
    parse: |text, context| allowed(text, Limit::Nice(between(text, -20, 19)?), context),
};

pub(crate) static OOM_SCORE_ADJ: ValueType<Limit> = ValueType {
    what: "a whole number from -1000 (never killed) to 1000 (killed first)",
    parse: |text, context| allowed(text, Limit::OomScoreAdj(between(text, -1000, 1000)?), context),
};

pub(crate) static LIMIT_NOFILE: ValueType<Limit> = ValueType {
    what: COUNT,
    parse: |text, context| resource(text, Resource::Nofile, whole, context),
};

pub(crate) static LIMIT_NPROC: ValueType<Limit> = ValueType {
    what: COUNT,
    parse: |text, context| resource(text, Resource::Nproc, whole, context),
};

pub(crate) static LIMIT_CORE: ValueType<Limit> = ValueType {
    what: SIZE,
    parse: |text, context| resource(text, Resource::Core, byte_size, context),
};

pub(crate) static LIMIT_MEMLOCK: ValueType<Limit> = ValueType {
    what: SIZE,
    parse: |text, context| resource(text, Resource::Memlock, byte_size, context),
};

pub(crate) static LIMIT_STACK: ValueType<Limit> = ValueType {
    what: SIZE,
    parse: |text, context| resource(text, Resource::Stack, byte_size, context),
};

const COUNT: &str = "a whole number or unlimited, or soft:hard, such as 65536 or 1024:65536";

const SIZE: &str = "a number of bytes, or one followed by KB, MB or GB, or unlimited, or soft:hard";

fn between(text: &str, least: i32, most: i32) -> Result<i32, String> {
    let number = python::int(text)?;
    let fits = i32::try_from(number).ok().filter(|number| (least..=most).contains(number));
    fits.ok_or_else(|| format!("{} is not between {least} and {most}", written(number, text)))
}

type Amount = fn(&str, &Context<'_>) -> Result<i64, String>;

fn whole(text: &str, _: &Context<'_>) -> Result<i64, String> {
    python::int(text)
}

/// A single value sets both limits, as with Docker and systemd.
fn resource(
    text: &str,
    resource: Resource,
    read: Amount,
    context: &Context<'_>,
) -> Result<Limit, String> {
    let amount = |text: &str| match text.trim() {
        text if text.eq_ignore_ascii_case("unlimited") => Ok(None),
        text => {
            let number = u64::try_from(read(text, context)?).ok();
            number.map(Some).ok_or_else(|| format!("{} is below 0", repr(text)))
        }
    };
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let (soft, hard) = (amount(soft)?, amount(hard)?);
    if hard.is_some_and(|hard| soft.is_none_or(|soft| soft > hard)) {
        return Err(format!("{}: the soft limit is above the hard one", repr(text)));
    }
    allowed(text, Limit::Resource { resource, soft, hard }, context)
}

fn allowed(text: &str, limit: Limit, context: &Context<'_>) -> Result<Limit, String> {
    let checked = context.host.check_limit(limit);
    checked.map(|()| limit).map_err(|why| format!("{} is not possible here: {why}", repr(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, sources};

    fn read(value_type: &ValueType<Limit>, text: &str) -> String {
        let sources = sources(&[]);
        let context = Context { sources: &sources, host: &FakeHost::default() };
        (value_type.parse)(text, &context).map_or_else(|why| why, |limit| limit.to_string())
    }

    #[test]
    fn one_number_sets_both_limits_and_two_set_soft_and_hard() {
        for (value_type, text, limit) in [
            (&LIMIT_NOFILE, "1024", "limit_nofile=1024"),
            (&LIMIT_NOFILE, "1024:4096", "limit_nofile=1024:4096"),
            (&LIMIT_NPROC, " 0 : 7 ", "limit_nproc=0:7"),
            (&LIMIT_CORE, "0", "limit_core=0"),
            (&LIMIT_MEMLOCK, "1KB:4KB", "limit_memlock=1024:4096"),
            (&NICE, "19", "nice=19"),
            (&OOM_SCORE_ADJ, "-100", "oom_score_adj=-100"),
        ] {
            assert_eq!(read(value_type, text), limit);
        }
    }

    #[test]
    fn a_limit_that_the_system_rejects_is_reported_with_the_allowed_value() {
        for (value_type, text, why) in [
            (
                &NICE,
                "-1",
                "'-1' is not possible here: the lowest value that the system allows is 0",
            ),
            (&OOM_SCORE_ADJ, "-101", "the lowest value that the system allows is -100"),
            (&LIMIT_NOFILE, "1:4097", "the highest value that the system allows is 4096"),
            (&LIMIT_STACK, "unlimited", "the highest value that the system allows is 4096"),
            (&NICE, "20", "20 is not between -20 and 19"),
            (&OOM_SCORE_ADJ, "1001", "1001 is not between -1000 and 1000"),
            (&LIMIT_NOFILE, "4096:1024", "'4096:1024': the soft limit is above the hard one"),
            (&LIMIT_NOFILE, "unlimited:4096", "the soft limit is above the hard one"),
            (&LIMIT_NOFILE, "-1", "'-1' is below 0"),
            (&LIMIT_NOFILE, "1KB", "not a whole number"),
            (&LIMIT_CORE, "", "number"),
        ] {
            let said = read(value_type, text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
