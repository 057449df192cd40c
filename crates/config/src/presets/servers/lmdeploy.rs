//! [LMDeploy](https://lmdeploy.readthedocs.io/en/latest/llm/api_server.html):
//! `lmdeploy serve api_server`.

use supervisor_core::spec::health::Scheme;

use crate::presets::command::Command;
use crate::presets::plan::{Asks, Plan};
use crate::presets::{Listens, Named, Preset, preset};

/// Options:
/// [`serve.py`](https://github.com/InternLM/lmdeploy/blob/main/lmdeploy/cli/serve.py).
///
/// `/health` queries the engine and detects whether the scheduler makes progress
/// ([`async_engine.py`](https://github.com/InternLM/lmdeploy/blob/main/lmdeploy/serve/core/async_engine.py)).
/// The preset does not use the gauges: in some versions they do not drop to 0 when the server is
/// idle.
pub(in crate::presets) const LMDEPLOY: Preset = Preset {
    programs: &["lmdeploy"],
    listens: Listens {
        host: Named::option(&["--server-name"]),
        port: Named::option(&["--server-port"]),
        abbreviates: true,
        ..Listens::at(23333)
    },
    adapt,
    notes: &[
        "`/health` needs no key from `--api-keys`, and in newer versions it notices a stalled \
         scheduler. The supervisor reads no counters.",
        "With `--ssl` the health check uses TLS.",
        "With `--dp` and `--proxy-url` the ranks take free ports, and the supervisor runs \
         no health check.",
    ],
    ..preset("lmdeploy", "LMDeploy", "/health")
};

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    if let (Some(flag), Asks::Page(page)) = (command.flag(&["--ssl"]), &mut plan.asks) {
        page.scheme = Scheme::Https;
        plan.from.push(flag);
    }
    let parallel = command.number(&["--dp"]).is_some_and(|ranks| ranks > 1);
    if let (true, Some(proxy)) = (parallel, command.option(&["--proxy-url"])) {
        plan.asks_nothing(format!("with --dp and {} each rank takes a free port", proxy.by));
    }
}
