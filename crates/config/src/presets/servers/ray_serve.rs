//! [Ray Serve](https://docs.ray.io/en/latest/serve/): `serve run`.

use crate::presets::command::Command;
use crate::presets::plan::Plan;
use crate::presets::{Listens, Named, Preset, preset};

/// The application's own configuration sets the address (`http_options`), and the preset does not
/// read it ([config files](https://docs.ray.io/en/latest/serve/production-guide/config.html)). The
/// health URL is the one for load balancers
/// ([API](https://docs.ray.io/en/latest/serve/api/index.html)).
pub(in crate::presets) const RAY_SERVE: Preset = Preset {
    programs: &["serve"],
    listens: Listens { host: Named::NOTHING, port: Named::NOTHING, ..Listens::at(8000) },
    adapt,
    notes: &[
        "`http_options` of the application set the port, and the supervisor does not read them: \
         set `PROCESS_HEALTH_PORT`. Without it, a server that never answers is not restarted.",
        "The supervisor reads no counters, because Ray exports them per node.",
    ],
    ..preset("ray-serve", "Ray Serve", "/-/healthz")
};

fn adapt(_: &Command<'_>, plan: &mut Plan) {
    plan.is_guess = !plan.port_is_set;
}
