//! All metrics as a page of [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/).
//!
//! A library would write the page in one step. For thousands of processes that takes too long, so
//! this module writes it and yields in between.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

use supervisor_core::ids::ProcId;
use tokio::task::yield_now;

use super::metrics::{Kind, METRICS, Metric};
use super::readings::{Reading, Sample, Value, buckets};
use crate::http::ServerState;
use crate::tree_usage::TreeUsage;

/// Units with which a name may end.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// Number of samples that are written before other tasks have their turn. A metric by failure class
/// has 15 samples for each process.
const SAMPLES_AT_ONCE: usize = 2000;

/// Writes the page, and yields to other tasks in between. All values of one metric are from the same
/// moment.
pub(super) async fn text(server: &ServerState, usages: &BTreeMap<ProcId, TreeUsage>) -> String {
    let control = &server.control;
    let (tally, io_counters) = (control.tally(), control.io_counters());
    let mut page = String::new();
    for metric in METRICS {
        let samples = (metric.read)(&Reading {
            core: &control.core(),
            tally: &tally,
            traffic: &server.traffic,
            usages,
            io_counters: &io_counters,
            began: control.began(),
            lines_lost: control.lines_lost(),
            missed: control.missed(),
        });
        // Writing to a string does not fail.
        let _ = head(&mut page, metric);
        yield_now().await;
        for some in samples.chunks(SAMPLES_AT_ONCE) {
            let _ = values(&mut page, metric, some);
            yield_now().await;
        }
    }
    page.push_str("# EOF\n");
    page
}

/// The name of a metric without the suffix of its samples.
fn family(metric: &Metric) -> &'static str {
    metric.name.trim_end_matches("_total")
}

/// Writes the lines that describe a metric.
fn head(page: &mut String, metric: &Metric) -> fmt::Result {
    let name = family(metric);
    writeln!(page, "# HELP {name} {}\n# TYPE {name} {}", metric.help, metric.kind.name())?;
    if let Some(unit) = UNITS.into_iter().find(|unit| name.ends_with(&format!("_{unit}"))) {
        writeln!(page, "# UNIT {name} {unit}")?;
    }
    Ok(())
}

/// Writes values of a metric.
fn values(page: &mut String, metric: &Metric, samples: &[Sample]) -> fmt::Result {
    let name = family(metric);
    for Sample { labels, value } in samples {
        let labels = Labels { le: None, metric, values: labels };
        match (metric.kind, value) {
            (Kind::Counter, Value::Count(count)) => writeln!(page, "{name}_total{labels} {count}")?,
            (Kind::Counter, Value::Number(number)) => {
                writeln!(page, "{name}_total{labels} {}", Number(*number))?;
            }
            (Kind::Gauge, Value::Count(count)) => writeln!(page, "{name}{labels} {count}")?,
            (Kind::Gauge, Value::Number(number)) => {
                writeln!(page, "{name}{labels} {}", Number(*number))?;
            }
            (Kind::Histogram, Value::Times { counts, sum }) => {
                writeln!(page, "{name}_sum{labels} {}", Number(*sum))?;
                writeln!(page, "{name}_count{labels} {}", counts.iter().sum::<u64>())?;
                let mut below = 0;
                for (end, count) in buckets(counts) {
                    below += count;
                    writeln!(page, "{name}_bucket{} {below}", Labels { le: Some(end), ..labels })?;
                }
            }
            // An error in the table loses a series; the test of all series detects it.
            (Kind::Counter | Kind::Gauge, Value::Times { .. })
            | (Kind::Histogram, Value::Count(_) | Value::Number(_)) => {}
        }
    }
    Ok(())
}

/// The labels of a sample.
#[derive(Clone, Copy)]
struct Labels<'a> {
    /// Upper bound of a bucket.
    le: Option<f64>,
    metric: &'a Metric,
    values: &'a [String],
}

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '{';
        if let Some(end) = self.le {
            write!(f, "{{le=\"{}\"", Number(end))?;
            separator = ',';
        }
        for (name, value) in self.metric.all_labels().zip(self.values) {
            write!(f, "{separator}{name}=\"{}\"", Escaped(value))?;
            separator = ',';
        }
        if separator == ',' { f.write_char('}') } else { Ok(()) }
    }
}

/// A label value, escaped.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' | '"' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                character => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// A number, written so that it is recognized as a float.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            number if number.is_nan() => f.write_str("NaN"),
            number => write!(f, "{number:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_labels_follow_the_exposition_format() {
        for (number, text) in [
            (0.0, "0.0"),
            (0.001, "0.001"),
            (2.5, "2.5"),
            (1_795_641_706.25, "1795641706.25"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Number(number).to_string(), text);
        }
        assert_eq!(Escaped("a\"b\\c\nd").to_string(), r#"a\"b\\c\nd"#);
    }

    #[test]
    fn a_histogram_counts_the_values_up_to_each_bound() {
        let metric = METRICS.iter().find(|metric| metric.kind == Kind::Histogram).unwrap();
        let mut counts = vec![0; buckets(&[0; 64]).len()];
        (counts[1], counts[11]) = (2, 1);
        let labels = vec!["web".to_owned(), "web\n".to_owned()];
        let mut page = String::new();
        let value = Value::Times { counts, sum: 3.5 };
        values(&mut page, metric, &[Sample { labels, value }]).unwrap();
        for line in [
            "_seconds_sum{group=\"web\",process=\"web\\n\"} 3.5\n",
            "_seconds_count{group=\"web\",process=\"web\\n\"} 3\n",
            "_seconds_bucket{le=\"0.001\",group=\"web\",process=\"web\\n\"} 0\n",
            "_seconds_bucket{le=\"0.0025\",group=\"web\",process=\"web\\n\"} 2\n",
            "_seconds_bucket{le=\"+Inf\",group=\"web\",process=\"web\\n\"} 3\n",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
    }
}
