//! [Ray](https://docs.ray.io/en/latest/cluster/cli.html): `ray start --block`.

use std::ffi::OsString;
use std::time::Duration;

use crate::presets::command::Command;
use crate::presets::plan::{Asks, Plan};
use crate::presets::{Listens, Named, Preset, preset};

/// A node prints a text when it is ready; a worker that waits for its head does not. A head is
/// checked with [`ray health-check`](https://docs.ray.io/en/latest/cluster/cli.html). This uses a
/// processor for almost a second, so the interval is long. A worker exits by itself when its head
/// is gone.
pub(in crate::presets) const RAY: Preset = Preset {
    programs: &["ray"],
    listens: Listens { host: Named::NOTHING, port: Named::NOTHING, ..Listens::at(6379) },
    timeout: Duration::from_secs(30),
    interval: Duration::from_secs(60),
    ready: Some("Ray runtime started"),
    adapt,
    notes: &[
        "A worker that waits for its head is not ready. See [several nodes](../how-to/several-nodes.md).",
        "On the head the supervisor runs `ray health-check` once a minute. It does not ask a \
         worker, which exits by itself when its head is gone.",
        "`ray start` needs `--block`: without it the command exits at once.",
        "Ray gives its own processes 30 seconds to stop: set `stopwaitsecs` to 40.",
    ],
    ..preset("ray", "Ray", "")
};

/// The seconds that a stop takes: Ray gives its processes 30 seconds and then exits.
const STOP: u64 = 40;

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    (plan.metrics, plan.is_guess) = (None, false);
    plan.asks = if command.flag(&["--head"]).is_some() {
        let port = command.option(&["--port"]).map(|port| port.value);
        let address = port.map(|port| format!("127.0.0.1:{port}"));
        let address = address.iter().flat_map(|address| ["--address", address.as_str()]);
        let ray = command.program_path.as_deref().unwrap_or("ray");
        let words = [ray, "health-check"].into_iter().chain(address);
        Asks::Command(words.map(OsString::from).collect())
    } else {
        Asks::Nothing("a Ray worker exits by itself when its head is gone".to_owned())
    };
    if command.word(0) == Some("start") {
        if command.flag(&["--block"]).is_none() {
            plan.warnings.push("ray start exits immediately without --block".to_owned());
        }
        plan.stop = Some((STOP, "Ray gives its own processes 30 seconds".to_owned()));
    }
}
