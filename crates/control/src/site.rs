//! What answers which path: the only place that knows everything that answers.

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

/// What begins so is a call, whatever follows.
const RPC: &str = "/RPC2";

/// What follows names a process, and perhaps a channel.
const LOGTAIL: &str = "/logtail/";

/// What begins so asks for the supervisor's own log.
const MAIN_LOGTAIL: &str = "/mainlogtail";

/// What begins so is for programs that read JSON.
const API: &str = "/api/v1/";

/// Everything that answers here.
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

/// Everything that answers.
pub(crate) fn pages() -> Box<dyn Site> {
    Box::<Pages>::default()
}

/// Answers whoever comes through these doors, from within the event loop. The result is to
/// be waited for at the end of it all: the answers that are being given.
pub fn serve(doors: Vec<Door>, control: Control) -> impl Future<Output = ()> {
    spawn_local(look_at_checks(control.clone()));
    http::serve(doors, control, pages())
}

/// Answers a request of an operator who may enter.
async fn answer(server: &ServerState, request: Request<Bytes>) -> Response<Body> {
    let path = form::path(request.uri().path());
    // A call may change something, and a log that is followed keeps a place: neither is for
    // pages of other sites.
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
