//! XML-RPC: calls to answers.

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, Request, Response, StatusCode};
use supervisor_core::level::Level;
use supervisor_wire::python;
use supervisor_wire::xmlrpc::{self, Fault, Value};

use super::serve::House;
use super::{Body, error_page};

/// Answers a request to the RPC's path.
pub(super) async fn answer(house: &House, request: &Request<Bytes>) -> Response<Body> {
    if request.method() != Method::POST {
        return error_page(StatusCode::BAD_REQUEST);
    }
    let headers = request.headers();
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        return error_page(StatusCode::LENGTH_REQUIRED);
    }
    let call = match xmlrpc::read_call(request.body()) {
        Ok(call) => call,
        Err(error) => {
            let data = python::bytes_repr(request.body());
            let message = format!("XML-RPC request data {data} is invalid: {error}");
            house.journal.say(Level::Error, &message);
            return error_page(StatusCode::BAD_REQUEST);
        }
    };
    let result = match call.method.as_str() {
        "supervisor.getAPIVersion" => Ok(Value::String("3.0".to_owned())),
        _ => Err(Fault { code: 1, text: "UNKNOWN_METHOD".to_owned() }),
    };
    let mut response = Response::new(Body::from(xmlrpc::write_response(&result)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}
