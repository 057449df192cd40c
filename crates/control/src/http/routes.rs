//! Who answers what.

use hyper::body::Bytes;
use hyper::{Request, Response};
use supervisor_wire::form;

use super::serve::ServerState;
use super::{Body, logtail, rpc};
use crate::web::{self, origin};

/// What begins so is a call, whatever follows.
const RPC: &str = "/RPC2";

/// What follows names a process, and perhaps a channel.
const LOGTAIL: &str = "/logtail/";

/// What begins so asks for the supervisor's own log.
const MAIN_LOGTAIL: &str = "/mainlogtail";

/// Answers a request whose sender may enter.
pub(super) async fn answer(server: &ServerState, request: Request<Bytes>) -> Response<Body> {
    let path = form::path(request.uri().path());
    // A call may change something, and a log that is followed keeps a place: neither is for
    // pages of other sites.
    let guarded = [RPC, LOGTAIL, MAIN_LOGTAIL].iter().any(|beginning| path.starts_with(beginning));
    if guarded && !origin::is_own(request.headers()) {
        return web::other_origin();
    }
    if path.starts_with(RPC) {
        rpc::answer(server, &request).await
    } else if let Some(wanted) = path.strip_prefix(LOGTAIL) {
        logtail::of_process(server, request.method(), wanted)
    } else if path.starts_with(MAIN_LOGTAIL) {
        logtail::of_supervisor(server, request.method())
    } else {
        web::answer(server, request).await
    }
}
