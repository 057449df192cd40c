//! Programs of the documents' commands, as far as the supervisor has to find and run them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::harness::programs;

/// Servers: two workers, and a process that answers at the port, which is ready at once.
const SERVER: &str = r#"#!/bin/sh
for word; do
    case $word in --port=* | --http-port=*) port=${word#*=} ;; esac
    [ "$last" != --port ] || port=$word
    last=$word
done
sleep 1000 & sleep 1000 &
exec python3 -m http.server --bind 127.0.0.1 --directory PAGES "${port:-8000}" 2>/dev/null
"#;

/// The stub for programs that only have to exist.
const IDLE: &str = "#!/bin/sh\nexec sleep 1000\n";

/// A page of vLLM's metrics, with all that its preset reads.
const METRICS: &str = "vllm:num_requests_running 0\nvllm:num_requests_waiting 0\n\
                       vllm:generation_tokens_total 1\nvllm:prompt_tokens_total 1\n";

/// A directory for `PATH` with all stubs.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(make)
}

fn make() -> PathBuf {
    let process = std::process::id();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stubs-{process}"));
    let pages = folder.join("pages");
    fs::create_dir_all(&pages).unwrap();
    fs::write(pages.join("health"), "fine\n").unwrap();
    fs::write(pages.join("metrics"), METRICS).unwrap();
    fs::create_dir_all(folder.join("secrets")).unwrap();
    let secrets = [
        ("app.env", "A=1\n"),
        ("more.env", "B=1\n"),
        ("nginx.env", "C=1\n"),
        ("password", "secret\n"),
        ("headers", "Authorization: Bearer key\n"),
    ];
    for (name, text) in secrets {
        let path = folder.join("secrets").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let idle = ["nginx", "aws", "fetch-model", "httpd", "ray", "uvicorn", "ollama"];
    let servers =
        ["vllm", "trtllm-serve", "tritonserver", "text-generation-launcher", "llama-server"];
    let server = SERVER.replace("PAGES", &pages.display().to_string());
    let scripts = idle.map(|name| (name, IDLE)).into_iter();
    for (name, script) in scripts.chain(servers.map(|name| (name, &*server))) {
        let path = folder.join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// `PATH`, preceded by that directory and the directory of the supervisor's programs.
pub fn path() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{}:{}:{}", folder().display(), programs().display(), path.display())
}
