//! A look at how far a server has got, on its page of metrics.

use supervisor_core::health::Progress;
use supervisor_core::spec::health::ProgressSpec;
use supervisor_wire::prometheus::{self, Selector};
use tokio::time::timeout;

use super::http;

/// As much of a page as is read; half of one tells nothing.
const PAGE_LIMIT: usize = 8 * 1024 * 1024;

/// Looks once. `None`: there was no page in time, or it has no such metrics.
pub(crate) async fn look(spec: ProgressSpec) -> Option<Progress> {
    let page = timeout(spec.timeout, http::get(&spec.url, PAGE_LIMIT)).await.ok()?.ok()?;
    if page.status != 200 || page.cut {
        return None;
    }
    let sum = |names: &[String]| {
        let selectors: Vec<Selector> =
            names.iter().filter_map(|name| Selector::parse(name)).collect();
        prometheus::sum(&page.body, &selectors)
    };
    Some(Progress {
        // Half a request is one.
        running: prometheus::whole(sum(&spec.running)?.ceil()),
        done: prometheus::whole(sum(&spec.done)?),
    })
}
