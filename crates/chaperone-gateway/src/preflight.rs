//! CORS preflights between targets: browsers send them without any cookie, so nobody can be identified.
//!
//! A preflight asks and changes nothing. It goes on to the application, without body and without identity, when it
//! comes from another target's page; from anywhere else nobody is there. The application does not know the header
//! in which a recorded page proves its evidence: it is not asked about it, and its answer is extended by it.

use std::sync::Arc;

use bytes::Bytes;
use chaperone_domain::target::Target;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_LENGTH, HeaderMap, HeaderValue, ORIGIN,
};
use http::{Method, Request, Response, request};
use http_body_util::{BodyExt as _, Limited};

use crate::body::{Body, empty, full};
use crate::errors::Refused;
use crate::forward::{self, TargetProblem};
use crate::headers::{self, CameBy, Host, PROOF_HEADER};
use crate::limits::PREFLIGHT_ANSWER_MAX_BYTES;
use crate::{Gateway, Peer};

/// Whether this is a preflight from another target's page.
pub(crate) fn is_from_a_target(gateway: &Gateway, parts: &request::Parts) -> bool {
    let origin = parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = origin.and_then(|origin| url::Url::parse(origin).ok()?.host_str().map(str::to_owned));
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && host.is_some_and(|host| gateway.app.gate().target(&host).is_some())
}

/// Asks the application.
pub(crate) async fn ask(
    gateway: &Arc<Gateway>,
    parts: &mut request::Parts,
    peer: &Peer,
    target: &Target,
    host: &Host,
) -> Result<Response<Body>, Refused> {
    let proves = take_proof_header(&mut parts.headers);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let client = peer.forwarded_for();
    headers::to_target(
        &mut parts.headers,
        CameBy { authority: &host.authority, scheme: peer.scheme(), client: &client },
    );
    let mut request = Request::new(empty());
    *request.method_mut() = Method::OPTIONS;
    *request.uri_mut() = forward::address(&target.upstream, path)?;
    *request.headers_mut() = std::mem::take(&mut parts.headers);
    request.headers_mut().remove(CONTENT_LENGTH);
    let (mut answer, body) = gateway.targets.send(request).await?.into_parts();
    headers::to_client(&mut answer.headers);
    let body = tokio::time::timeout(
        crate::limits::CONNECT_TIMEOUT,
        Limited::new(body, PREFLIGHT_ANSWER_MAX_BYTES).collect(),
    );
    let body: Bytes = match body.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Err(TargetProblem::Broken.into()),
        Err(_) => return Err(TargetProblem::Slow.into()),
    };
    if proves && answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        answer.headers.append(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(PROOF_HEADER));
    }
    Ok(Response::from_parts(answer, full(body)))
}

/// Takes our header out of those that are asked for; answers whether it was among them.
fn take_proof_header(headers: &mut HeaderMap) -> bool {
    let Some(asked) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let names = || asked.split(',').map(str::trim).filter(|name| !name.is_empty());
    let proves = names().any(|name| name.eq_ignore_ascii_case(PROOF_HEADER));
    let others =
        names().filter(|name| !name.eq_ignore_ascii_case(PROOF_HEADER)).collect::<Vec<_>>().join(",");
    match HeaderValue::from_str(&others) {
        Ok(others) if !others.is_empty() => headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, others),
        _ => headers.remove(ACCESS_CONTROL_REQUEST_HEADERS),
    };
    proves
}
