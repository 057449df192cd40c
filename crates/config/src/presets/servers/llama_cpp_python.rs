//! [llama-cpp-python](https://llama-cpp-python.readthedocs.io/en/latest/server/):
//! `python -m llama_cpp.server`, or `uvicorn --factory llama_cpp.server.app:create_app`.

use crate::presets::command::Command;
use crate::presets::plan::Plan;
use crate::presets::{Listens, Named, Preset, preset};

/// Settings are options and variables, and the variables override the options:
/// [`settings.py`](https://github.com/abetlen/llama-cpp-python/blob/main/llama_cpp/server/settings.py).
///
/// The server has no health endpoint. `/v1/models` waits for the lock of a running completion, so
/// it would time out whenever the server is busy
/// ([`app.py`](https://github.com/abetlen/llama-cpp-python/blob/main/llama_cpp/server/app.py)).
/// `/openapi.json` needs neither the lock nor a key.
pub(in crate::presets) const LLAMA_CPP_PYTHON: Preset = Preset {
    programs: &["llama_cpp.server", "uvicorn"],
    listens: Listens {
        host: Named::either(&["--host"], &["HOST"]),
        port: Named::either(&["--port"], &["PORT"]),
        variables_win: &["llama_cpp.server"],
        tls: &[
            Named::either(&["--ssl_keyfile"], &["SSL_KEYFILE"]),
            Named::either(&["--ssl_certfile"], &["SSL_CERTFILE"]),
        ],
        abbreviates: true,
        ..Listens::at(8000)
    },
    adapt,
    notes: &[
        "`/openapi.json` shows that the server answers, not that the model works. `/v1/models` \
         waits for the lock that a completion holds, so it is not a health check.",
        "The supervisor does not read a configuration file (`--config_file`, `CONFIG_FILE`): set \
         `PROCESS_HEALTH_PORT`.",
    ],
    ..preset("llama-cpp-python", "llama-cpp-python", "/openapi.json")
};

fn adapt(command: &Command<'_>, plan: &mut Plan) {
    let file = command.named(&Named::either(&["--config_file"], &["CONFIG_FILE"]));
    if let Some(file) = file {
        plan.is_guess = plan.from.is_empty();
        plan.remarks.push(format!("{} may set another address", file.shown()));
    }
}
