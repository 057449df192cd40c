//! All metrics as a page of OpenMetrics.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use supervisor_core::ids::ProcId;

use super::metrics::{Kind, METRICS, Metric};
use super::readings::{Reading, Sample, Value, buckets};
use crate::http::ServerState;
use crate::web::tree_usage::TreeUsage;

/// The page as it is now.
pub(super) fn text(server: &ServerState, usages: &BTreeMap<ProcId, TreeUsage>) -> String {
    let control = &server.control;
    let reading = Reading {
        core: &control.core(),
        tally: &control.tally(),
        traffic: &server.traffic,
        usages,
        io_counters: &control.io_counters(),
        began: control.began(),
        lines_lost: control.lines_lost(),
        missed: control.missed(),
    };
    let samples = METRICS.iter().map(|metric| (metric.read)(&reading)).collect();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(samples)));
    let mut page = String::new();
    // A string takes everything.
    let _ = text::encode(&mut page, &registry);
    page
}

/// The values of each of the metrics.
#[derive(Debug)]
struct Page(Vec<Vec<Sample>>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (metric, samples) in METRICS.iter().zip(&self.0) {
            let (name, unit) = without_unit(metric.name.trim_end_matches("_total"));
            let mut encoder =
                encoder.encode_descriptor(name, metric.help, unit.as_ref(), kind(metric.kind))?;
            for sample in samples {
                let labels: Vec<_> =
                    metric.all_labels().zip(sample.labels.iter().map(String::as_str)).collect();
                if labels.is_empty() {
                    write(&mut encoder, metric, &sample.value)?;
                } else {
                    write(&mut encoder.encode_family(&labels)?, metric, &sample.value)?;
                }
            }
        }
        Ok(())
    }
}

fn write(encoder: &mut MetricEncoder<'_>, metric: &Metric, value: &Value) -> fmt::Result {
    match (metric.kind, value) {
        (Kind::Counter, Value::Count(count)) => {
            encoder.encode_counter::<NoLabelSet, _, u64>(count, None)
        }
        (Kind::Counter, Value::Number(number)) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(number, None)
        }
        (Kind::Gauge, Value::Count(count)) => encoder.encode_gauge(count),
        (Kind::Gauge, Value::Number(number)) => encoder.encode_gauge(number),
        (Kind::Histogram, Value::Times { counts, sum }) => {
            let all = counts.iter().sum();
            encoder.encode_histogram::<NoLabelSet>(*sum, all, &buckets(counts), None)
        }
        // The table's mistake: a series less, and the test of all series sees it.
        (Kind::Counter | Kind::Gauge, Value::Times { .. })
        | (Kind::Histogram, Value::Count(_) | Value::Number(_)) => Ok(()),
    }
}

const fn kind(kind: Kind) -> MetricType {
    match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    }
}

/// The unit at the end of a name is put there by whoever writes the page.
fn without_unit(name: &str) -> (&str, Option<Unit>) {
    for unit in [Unit::Seconds, Unit::Bytes] {
        let rest = name.strip_suffix(unit.as_str()).and_then(|rest| rest.strip_suffix('_'));
        if let Some(rest) = rest {
            return (rest, Some(unit));
        }
    }
    (name, None)
}
