//! Opens a WebSocket: a change that goes on. It needs evidence to open, and then carries each message for itself.

use std::sync::Arc;

use chaperone_app::gate::LiveSignIn;
use chaperone_app::secrets;
use chaperone_domain::ids::ExchangeId;
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::Target;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Response, StatusCode, request};
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;

use crate::barrier::{self, Change, Sender};
use crate::body::{Body, Guard, Guarded, empty};
use crate::documents::RecordedSignIn;
use crate::errors::Refused;
use crate::forward::TargetProblem;
use crate::headers::{self, Host};
use crate::way::{refuse_change, to_target};
use crate::witness::{Asked, OpenedKind};
use crate::{Gateway, Peer, exchange, redact, websocket};

/// Opens a socket at the target and, once both ends stand, carries it.
#[expect(clippy::too_many_arguments, reason = "the parts of one request, each used once")]
pub(crate) async fn open(
    gateway: &Arc<Gateway>,
    parts: &mut request::Parts,
    peer: &Peer,
    target: &Target,
    host: &Host,
    live: &Arc<LiveSignIn>,
    recorded: Option<Arc<RecordedSignIn>>,
    upgrade: OnUpgrade,
) -> Result<Response<Body>, Refused> {
    let app = &gateway.app;
    let asked_path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let protocol = parts.headers.get(UPGRADE).cloned();
    let (path, proof) = websocket::strip_proof(&asked_path);
    let mut opened = None;
    let mut witnessed = None;
    if let Some(recorded) = recorded {
        let mut evidence = None;
        if live.channel == Channel::Web {
            // A socket carries its proof in the address, and only there: no intent opens one.
            let change = Change {
                method: "WEBSOCKET",
                path_and_query: path,
                proof: Some(proof.unwrap_or("")),
                sender: Sender::Page,
            };
            evidence = match barrier::evidence(app, &recorded, change).await {
                Ok(evidence) => Some(evidence),
                Err(why) => return Err(refuse_change(gateway, &recorded, target, change, why).await),
            };
        }
        let asked = Asked {
            exchange: ExchangeId::new(secrets::new_uuid(app.now())),
            target: target.id,
            method: "WEBSOCKET".to_owned(),
            url: redact::url(&format!("{}://{}{path}", peer.scheme(), host.authority)).into_owned(),
            at: app.now(),
        };
        let document = evidence.as_ref().and_then(|evidence| recorded.document(evidence.document));
        let exchange = asked.exchange;
        let (change, _) = exchange::open(
            &recorded,
            app,
            asked,
            OpenedKind::Websocket,
            evidence.as_ref(),
            &parts.headers,
            None,
        )
        .await?;
        opened = Some(change);
        // Packed messages could not be read, so packing is not offered.
        parts.headers.remove("sec-websocket-extensions");
        witnessed = Some(websocket::Witnessed { recorded, target: target.id, document, exchange });
    }

    let path = if witnessed.is_some() { path } else { &asked_path };
    let mut request = to_target(gateway, parts, peer, target, host, live, path, empty())?;
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol.clone() {
        request.headers_mut().insert(UPGRADE, protocol);
    }
    let guard = Guard::new(app, live);
    let answer = tokio::select! {
        biased;
        () = guard.over() => Err(TargetProblem::Cut),
        answer = gateway.targets.send(request) => answer,
    };
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(problem) => {
            if let Some(opened) = opened {
                opened.failed(problem, app);
            }
            return Err(problem.into());
        }
    };
    let switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let target_end = hyper::upgrade::on(&mut answer);
    let (mut answer, body) = answer.into_parts();
    headers::to_client(&mut answer.headers);
    if !switched {
        let body = Guarded::answer(body, Guard::new(app, live), gateway).boxed_unsync();
        let body = match opened {
            Some(opened) => opened.closing(&answer, body, app),
            None => body,
        };
        return Ok(Response::from_parts(answer, body));
    }
    answer.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        answer.headers.insert(UPGRADE, protocol);
    }
    let answered = answer.clone();
    let ends = websocket::Ends { page: upgrade, target: target_end };
    let carried = websocket::carry(app.clone(), ends, guard, witnessed);
    let app = app.clone();
    tokio::spawn(async move {
        carried.await;
        if let Some(opened) = opened {
            // The socket is over when both ends are.
            drop(opened.closing(&answered, empty(), &app));
        }
    });
    Ok(Response::from_parts(answer, empty()))
}
