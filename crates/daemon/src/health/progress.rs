//! Reads the progress of a server from its metrics page.

use supervisor_core::health::{CheckFailure, Progress, ProgressSample};
use supervisor_core::spec::health::ProgressSpec;
use supervisor_wire::prometheus::{self, Selector};
use tokio::time::timeout;

use super::http::{self, Reached};

/// The maximum size of a page. A partial page cannot be evaluated.
const PAGE_LIMIT: usize = 8 * 1024 * 1024;

/// Reads the page once.
pub(crate) async fn look(spec: ProgressSpec) -> ProgressSample {
    match timeout(spec.timeout, http::get(&spec.page, PAGE_LIMIT)).await {
        Err(_) | Ok(Err(CheckFailure::TimedOut)) => ProgressSample::Late,
        Ok(Ok((Reached::Page(page), _))) if page.status != 200 => {
            ProgressSample::Failed(CheckFailure::Status(page.status))
        }
        Ok(Ok((Reached::Page(page), _))) if !page.cut => {
            read(&spec, &page.body).map_or(ProgressSample::Nothing, ProgressSample::Seen)
        }
        Ok(Ok((Reached::Page(_) | Reached::Connection, _))) => ProgressSample::Nothing,
        Ok(Err(failure)) => ProgressSample::Failed(failure),
    }
}

fn read(spec: &ProgressSpec, page: &[u8]) -> Option<Progress> {
    let sum = |names: &[String]| {
        let selectors: Vec<Selector> =
            names.iter().filter_map(|name| Selector::parse(name)).collect();
        prometheus::sum(page, &selectors)
    };
    Some(Progress {
        // Half a request is one.
        running: prometheus::whole(sum(&spec.running)?.ceil()),
        waiting: prometheus::whole(sum(&spec.waiting).unwrap_or(0.0).ceil()),
        done: prometheus::whole(sum(&spec.done)?),
    })
}
