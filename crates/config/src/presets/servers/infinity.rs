//! [Infinity](https://michaelfeil.eu/infinity/): `infinity_emb v2`.

use crate::presets::{Listens, Named, Preset, preset};

/// Options and their variables: [CLI](https://michaelfeil.eu/infinity/latest/cli_v2/). The metrics
/// only count HTTP requests.
pub(in crate::presets) const INFINITY: Preset = Preset {
    programs: &["infinity_emb"],
    listens: Listens {
        host: Named::either(&["--host"], &["INFINITY_HOST"]),
        port: Named::either(&["--port"], &["INFINITY_PORT"]),
        ..Listens::at(7997)
    },
    notes: &["`/health` always returns 200: it shows that the server answers. `--url-prefix` and \
              `--api-key` do not affect it."],
    ..preset("infinity", "Infinity", "/health")
};
