//! Headers of a check's requests.

use std::path::Path;
use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use supervisor_config::Host;
use supervisor_core::health::CheckFailure;
use supervisor_core::spec::health::Headers;
use supervisor_wire::http::header;

use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::host::ThisHost;

/// The maximum size of a file with headers.
const LARGEST_FILE: usize = 64 * 1024;

/// Time limit for reading it: it may be on a network file system.
const READ_TIME: Duration = Duration::from_secs(5);

/// The configured headers, and those in the file as it is now.
pub(super) async fn read(headers: &Headers) -> Result<HeaderMap, CheckFailure> {
    let mut map = HeaderMap::new();
    for header in &headers.set {
        append(&mut map, &header.name, &header.value)?;
    }
    let Some(path) = headers.file.clone() else { return Ok(map) };
    let file = run_with_deadline(READ_TIME, move |_| file(&path)).await.flatten();
    for line in file.ok_or(CheckFailure::NoHeaders)?.lines().map(str::trim) {
        // As in files of `curl --header @FILE`.
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = header::parse(line).ok_or(CheckFailure::NoHeaders)?;
        append(&mut map, name, value)?;
    }
    Ok(map)
}

fn file(path: &Path) -> Option<String> {
    let bytes = ThisHost::Running.read(path).ok().filter(|bytes| bytes.len() <= LARGEST_FILE)?;
    String::from_utf8(bytes).ok()
}

fn append(map: &mut HeaderMap, name: &str, value: &str) -> Result<(), CheckFailure> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| CheckFailure::NoHeaders)?;
    let mut value = HeaderValue::from_str(value).map_err(|_| CheckFailure::NoHeaders)?;
    value.set_sensitive(true);
    map.append(name, value);
    Ok(())
}
