//! Maps request paths to handlers. No other module knows all handlers.

use std::future::Future;

use hyper::body::Bytes;
use hyper::{Request, Response, StatusCode};
use supervisor_wire::http::form;
use tokio::task::spawn_local;

use crate::http::{Body, Door, ServerState, Serves, Site, logtail, origin, other_origin, rpc};
use crate::machine::Later;
use crate::status::{self, Status};
use crate::tree_usage::look_at_checks;
use crate::{Control, api, http, web};

/// Prefix of the paths that accept XML-RPC calls.
const RPC: &str = "/RPC2";

/// Prefix of the paths of process logs. A process name follows, and optionally a channel.
const LOGTAIL: &str = "/logtail/";

/// Prefix of the paths of the supervisor's own log.
const MAIN_LOGTAIL: &str = "/mainlogtail";

/// Prefix of the paths of the JSON API.
const API: &str = "/api/v1/";

/// The site with all handlers.
#[derive(Debug, Default)]
struct Pages {
    status: Status,
}

impl Site for Pages {
    fn answer<'a>(
        &'a self,
        server: &'a ServerState,
        serves: Serves,
        request: Request<Bytes>,
    ) -> Later<'a, Response<Body>> {
        Box::pin(async move {
            match serves {
                Serves::Operators => answer(server, request).await,
                Serves::Status => status::answer(&self.status, server, &request).await,
            }
        })
    }

    fn probe(&self, server: &ServerState, path: &str) -> Option<(StatusCode, String)> {
        status::probe(&self.status, server, path)
    }
}

/// Creates the site with all handlers.
pub(crate) fn pages() -> Box<dyn Site> {
    Box::<Pages>::default()
}

/// Serves the clients of these listeners. Call it from within the event loop. At shutdown, await
/// the returned future: it finishes the responses that are in progress.
pub fn serve(doors: Vec<Door>, control: Control) -> impl Future<Output = ()> {
    spawn_local(look_at_checks(control.clone()));
    http::serve(doors, control, pages())
}

/// Answers an authenticated request on an operators' listener.
async fn answer(server: &ServerState, request: Request<Bytes>) -> Response<Body> {
    let path = form::path(request.uri().path());
    // A call may change something, and a followed log occupies a slot. Pages of other sites may do
    // neither.
    let guarded = [RPC, LOGTAIL, MAIN_LOGTAIL].iter().any(|beginning| path.starts_with(beginning));
    if guarded && !origin::is_own(request.headers()) {
        return other_origin();
    }
    if path.starts_with(RPC) {
        rpc::answer(server, &request).await
    } else if let Some(wanted) = path.strip_prefix(LOGTAIL) {
        logtail::of_process(server, request.method(), wanted)
    } else if path.starts_with(MAIN_LOGTAIL) {
        logtail::of_supervisor(server, request.method())
    } else if let Some(rest) = request.uri().path().strip_prefix(API) {
        api::answer(server, rest, &request).await
    } else {
        web::answer(server, request).await
    }
}
