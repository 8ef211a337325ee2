//! The way of a request, from top to bottom, in one function.
//!
//! Each step is a file of its own; here they stand in their order, each with the reason why it stands there. A step
//! that refuses ends the way with a [`Refused`], and the caller makes the page.

use std::sync::Arc;

use chaperone_app::gate::LiveSignIn;
use chaperone_app::secrets;
use chaperone_domain::ids::{DocumentId, ExchangeId, TargetId};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::Target;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE,
};
use http::{Method, Request, Response, StatusCode, Version, request, response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::barrier::{self, Change, EvidenceMissing, Sender};
use crate::body::{AtEnd, Body, Guard, Guarded, Observed, Tally, empty, full};
use crate::documents::{DocumentKind, Evidence, RecordedSignIn};
use crate::errors::Refused;
use crate::exchange::{self, Opened, Reading};
use crate::forward::{self, TargetProblem};
use crate::headers::{self, CameBy, Host, PROOF_HEADER};
use crate::limits::{BODY_BEFORE_SIGN_IN_MAX_BYTES, LOADING_WAIT};
use crate::rewrite::Kind;
use crate::witness::{self, Asked, OpenedKind};
use crate::{
    Gateway, Peer, admit, assets, entry, identify, identity, preflight, redact, rewrite, served, socket,
};

/// What is known of a request when it is refused, for the page.
#[derive(Default)]
pub(crate) struct Traces {
    /// Where it was going.
    pub target: Option<Arc<Target>>,
    /// Its body, as long as nobody has taken it.
    pub body: Option<Incoming>,
}

/// Leads a request to its target and the answer back.
pub(crate) async fn way(
    gateway: &Arc<Gateway>,
    parts: &mut request::Parts,
    peer: &Peer,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
    traces: &mut Traces,
) -> Result<Response<Body>, Refused> {
    let app = &gateway.app;

    // The request must mean one thing, to us and to everybody behind us.
    let host = headers::check(parts)?;

    // Which application is it for? A host that is no target's is nobody's.
    let target = app.gate().target(&host.name).ok_or(Refused::UnknownHost)?;
    traces.target = Some(target.clone());

    // Our own paths are answered here and never reach the application.
    if parts.uri.path().starts_with(entry::OWN_PATHS) {
        let body = traces.body.take().ok_or(Refused::UnknownPath)?;
        return entry::answer(gateway, parts, body, &target, &host, peer).await;
    }

    // Identify: who is there? Nothing of a body is read before that is known.
    let Some(live) = identify::identify(app, &target, &parts.headers, peer).await? else {
        if preflight::is_from_a_target(gateway, parts) {
            return preflight::ask(gateway, parts, peer, &target, &host).await;
        }
        return nobody(gateway, parts, &target);
    };

    // Admit: may they, here, now? Decided from memory, so that an end counts from the next request on.
    let (now, client) = (app.now(), || identify::client(&parts.headers, peer));
    admit::admit(app, &live, &target, now, client).await?;
    live.seen(now, target.id);

    // The first access of an interval is recorded; inside the interval this is a look into memory.
    app.note_target_access(&live, &target, now, client).await;

    // Is it recorded? Only then is there a barrier, a witness and an injection.
    let recorded = gateway.recorded(&live);
    let asked_path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let requested = rewrite::document_request(&parts.headers);
    if let Some(recorded) = &recorded
        && live.channel == Channel::Web
        && let Some(answer) = only_with_recorder(gateway, recorded, parts, requested).await?
    {
        return Ok(answer);
    }

    // A WebSocket is a change that goes on: it needs evidence to open, and each of its messages has its own.
    if headers::is_websocket(parts) {
        let upgrade = upgrade.ok_or(Refused::BadRequest(headers::BadRequest::Method))?;
        return socket::open(gateway, parts, peer, &target, &host, &live, recorded, upgrade).await;
    }

    let body = traces.body.take();
    let Some(recorded) = recorded else {
        // Nothing is recorded: forward, and keep an eye on the sign-in while the bytes pass.
        let guarded = body.filter(|body| !body.is_end_stream());
        let guarded = guarded.map(|body| Guarded::new(body, Guard::new(app, &live)).boxed_unsync());
        let request = to_target(
            gateway,
            parts,
            peer,
            &target,
            &host,
            &live,
            &asked_path,
            guarded.unwrap_or_else(empty),
        )?;
        let (mut parts, body) = send(gateway, &live, request).await?;
        headers::to_client(&mut parts.headers);
        let body = Guarded::answer(body, Guard::new(app, &live), gateway);
        return Ok(Response::from_parts(parts, body.boxed_unsync()));
    };

    // Barrier: a change waits until the evidence before it is durable, or does not leave.
    let proof = parts.headers.get(PROOF_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let sender = Sender::of(&parts.headers);
    let change = Change {
        method: parts.method.as_str(),
        path_and_query: &asked_path,
        proof: proof.as_deref(),
        sender,
    };
    let changes = headers::is_change(&parts.method, &parts.headers);
    let evidence = if changes && live.channel == Channel::Web {
        match barrier::evidence(app, &recorded, change).await {
            Ok(evidence) => Some(evidence),
            Err(why) => {
                traces.body = body;
                return Err(refuse_change(gateway, &recorded, &target, change, why).await);
            }
        }
    } else {
        None
    };
    let asked = Asked {
        exchange: ExchangeId::new(secrets::new_uuid(app.now())),
        target: target.id,
        method: parts.method.as_str().to_owned(),
        url: redact::url(&format!("{}://{}{asked_path}", peer.scheme(), host.authority)).into_owned(),
        at: app.now(),
    };

    // Open: the opening frame is durable before the first byte leaves; a read only takes its place in the queue.
    let (witnessed, body) = if changes {
        let (opened, body) = exchange::open(
            &recorded,
            app,
            asked.clone(),
            OpenedKind::Change,
            evidence.as_ref(),
            &parts.headers,
            body,
        )
        .await?;
        (Witnessed::Change(opened), body)
    } else {
        let place = recorded.frames.place().await.ok_or(Refused::CannotStore)?;
        let named = proof.as_deref().and_then(|proof| barrier::proven(&recorded, change, proof).ok());
        let document = named.map(|(document, _)| document.id);
        let body = body.filter(|body| !body.is_end_stream());
        let body = body.map(|body| Guarded::new(body, Guard::new(app, &live)).boxed_unsync());
        let reading = Reading::new(asked.clone(), document, place, app);
        (Witnessed::Read(reading), body.unwrap_or_else(empty))
    };

    // Forward, with what would make a document come from a cache or in pieces taken out.
    if requested.is_some() && live.channel == Channel::Web {
        fresh_and_whole(&mut parts.headers);
    }
    let method = parts.method.clone();
    let use_of_answer = UseOfAnswer::of(&parts.headers);
    let request = to_target(gateway, parts, peer, &target, &host, &live, &asked_path, body)?;
    let (mut answer, body) = match send(gateway, &live, request).await {
        Ok(answer) => answer,
        Err(problem) => {
            witnessed.failed(problem, app);
            return Err(problem.into());
        }
    };
    headers::to_client(&mut answer.headers);
    if live.channel == Channel::Web {
        follow_redirect(&recorded, &answer, &asked, &method, &asked_path, evidence.as_ref(), app.now());
    }

    // Something that is taken away needs evidence like a change; only the answer's head says that it is one.
    let witnessed = if is_download(use_of_answer, &answer, &witnessed) && live.channel == Channel::Web {
        let change =
            Change { method: method.as_str(), path_and_query: &asked_path, proof: proof.as_deref(), sender };
        let evidence = match barrier::evidence(app, &recorded, change).await {
            Ok(evidence) => evidence,
            Err(why) => {
                witnessed.failed(TargetProblem::NotRecorded, app);
                return Err(refuse_change(gateway, &recorded, &target, change, why).await);
            }
        };
        let (opened, _) = exchange::open(
            &recorded,
            app,
            asked.clone(),
            OpenedKind::Download,
            Some(&evidence),
            &answer.headers,
            None,
        )
        .await?;
        witnessed.replaced();
        Witnessed::Change(opened)
    } else {
        witnessed
    };

    // Rewrite and inject: a document gets its recorder, or is not delivered.
    let guarded = Guarded::answer(body, Guard::new(app, &live), gateway);
    let kind = rewrite::kind(requested, answer.status, &answer.headers);
    let has_body =
        method != Method::HEAD && !guarded.is_end_stream() && answer.status != StatusCode::NOT_MODIFIED;
    let body = match kind {
        _ if live.channel != Channel::Web => guarded.boxed_unsync(),
        Kind::Document(markup) if has_body => {
            let document = Issue {
                gateway,
                recorded: &recorded,
                requested,
                target: target.id,
                url: &asked.url,
                peer,
                host: &host,
            };
            match document.deliver(answer, guarded, markup).await {
                Ok((parts, body)) => {
                    answer = parts;
                    body
                }
                Err(refused) => {
                    witnessed.failed(TargetProblem::Broken, app);
                    return Err(refused);
                }
            }
        }
        Kind::Refused(why) => {
            witnessed.failed(TargetProblem::Broken, app);
            return Err(Refused::NotRecordable(why));
        }
        kind => {
            rewrite::tighten(kind, requested, &mut answer.headers);
            guarded.boxed_unsync()
        }
    };

    // Close: how it ended is written behind the answer, in the place that was taken for it.
    let body = witnessed.closing(&recorded, app, &asked.url, &answer, body);
    Ok(Response::from_parts(answer, body))
}

/// What will be written when the exchange is over.
enum Witnessed {
    Change(Opened),
    Read(Reading),
}

impl Witnessed {
    /// Another frame stands for it.
    fn replaced(self) {
        if let Self::Read(reading) = self {
            reading.replaced();
        }
    }

    fn failed(self, problem: TargetProblem, app: &chaperone_app::App) {
        match self {
            Self::Change(opened) => opened.failed(problem, app),
            Self::Read(reading) => reading.failed(Refused::Target(problem).answer().status.as_u16()),
        }
    }

    fn closing(
        self,
        recorded: &Arc<RecordedSignIn>,
        app: &Arc<chaperone_app::App>,
        url: &str,
        answer: &response::Parts,
        body: Body,
    ) -> Body {
        match self {
            Self::Change(opened) => opened.closing(answer, body, app),
            Self::Read(reading) => {
                let at_end: AtEnd = reading.at_end(answer.status.as_u16(), &answer.headers);
                match served::passing(recorded, app, url, answer.status, &answer.headers) {
                    Some(asset) => {
                        let at_piece = asset.at_piece();
                        let observed = Observed::new(body, Tally::counting(), asset.at_end(at_end));
                        observed.each(at_piece).boxed_unsync()
                    }
                    None => Observed::new(body, Tally::counting(), at_end).boxed_unsync(),
                }
            }
        }
    }
}

/// Nobody is there: a navigation is led through the console, anything else is told so.
fn nobody(gateway: &Gateway, parts: &request::Parts, target: &Target) -> Result<Response<Body>, Refused> {
    let announced =
        parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BEFORE_SIGN_IN_MAX_BYTES) {
        return Err(Refused::BodyTooLarge);
    }
    let navigates = parts.method == Method::GET
        && crate::pages::wants_page(&parts.headers)
        && rewrite::document_request(&parts.headers) == Some(DocumentKind::Page);
    if !navigates {
        return Err(Refused::NotSignedIn);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    Ok(entry::to_console(gateway, target, &parts.headers, entry::host_relative(path).unwrap_or("/"), None))
}

/// What goes through in a recorded browser only with a recorder, or not at all.
async fn only_with_recorder(
    gateway: &Gateway,
    recorded: &Arc<RecordedSignIn>,
    parts: &request::Parts,
    requested: Option<DocumentKind>,
) -> Result<Option<Response<Body>>, Refused> {
    let says = |name: &str, word: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains(word))
    };
    // A page that was loaded in advance has run before anybody saw it.
    if says("sec-purpose", "prefetch") || says("purpose", "prefetch") {
        return Err(Refused::Prefetch);
    }
    if says("service-worker", "script") {
        let mut response = Response::new(full(assets::SELF_REMOVING_WORKER));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("service-worker-allowed", HeaderValue::from_static("/"));
        return Ok(Some(response));
    }
    if requested.is_none() {
        return Ok(None);
    }
    if gateway.recorder.is_none() {
        return Err(Refused::RecorderMissing);
    }
    if recorded.recorder_is_blocked(gateway.app.now()) {
        return Err(Refused::RecorderBlocked);
    }
    let deadline = tokio::time::Instant::now() + LOADING_WAIT;
    loop {
        let changed = recorded.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if recorded.may_load(gateway.app.now()) {
            return Ok(None);
        }
        if tokio::time::timeout_at(deadline, changed).await.is_err() {
            return Err(Refused::TooManyLoading);
        }
    }
}

/// Tells the recording and the trail of a refused change.
pub(crate) async fn refuse_change(
    gateway: &Gateway,
    recorded: &Arc<RecordedSignIn>,
    target: &Target,
    change: Change<'_>,
    why: EvidenceMissing,
) -> Refused {
    let document = change.proof.and_then(crate::batch::Proof::parse).map(|proof| proof.document);
    let path = redact::url(change.path_and_query).into_owned();
    let frame = witness::change_refused(document, change.method, &path, why.name(), gateway.app.now());
    // A recording that cannot be written must not keep the refusal from being told.
    if let Some(place) = recorded.frames.try_place() {
        place.send(frame);
    }
    if why == EvidenceMissing::BrowserReport {
        // Nobody did anything: the recording says that it was refused, and the trail is for what people do.
        return why.into();
    }
    gateway.app.change_refused(target, &recorded.live, document, change.method, &path, why.name()).await;
    why.into()
}

/// The request for the target: its headers without anybody's claims, with ours.
#[expect(clippy::too_many_arguments, reason = "the parts of one request, each used once")]
pub(crate) fn to_target(
    gateway: &Gateway,
    parts: &mut request::Parts,
    peer: &Peer,
    target: &Target,
    host: &Host,
    live: &LiveSignIn,
    path_and_query: &str,
    body: Body,
) -> Result<Request<Body>, Refused> {
    let client = peer.forwarded_for();
    let came = CameBy { authority: &host.authority, scheme: peer.scheme(), client: &client };
    headers::to_target(&mut parts.headers, came);
    identity::tell(gateway, target, live, &host.authority, &mut parts.headers)?;
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = forward::address(&target.upstream, path_and_query)?;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = std::mem::take(&mut parts.headers);
    Ok(request)
}

/// Sends it and waits for the head of the answer, unless the sign-in ends first.
async fn send(
    gateway: &Gateway,
    live: &Arc<LiveSignIn>,
    request: Request<Body>,
) -> Result<(response::Parts, Incoming), TargetProblem> {
    let mut guard = Guard::new(&gateway.app, live);
    // It may have ended while the evidence was waited for: then nothing leaves.
    if guard.is_over() {
        return Err(TargetProblem::Over);
    }
    tokio::select! {
        biased;
        answer = gateway.targets.send(request) => {
            let (parts, body) = answer?.into_parts();
            // A target that changes the protocol unasked would speak past us.
            if parts.status == StatusCode::SWITCHING_PROTOCOLS { Err(TargetProblem::Broken) } else { Ok((parts, body)) }
        }
        () = guard.over() => Err(TargetProblem::Cut),
    }
}

/// A document comes whole, from the application and not from any cache, in a coding that we can rewrite.
fn fresh_and_whole(headers: &mut HeaderMap) {
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
        headers.remove(name);
    }
    headers.remove("available-dictionary");
    headers.remove("dictionary-id");
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    if let Ok(narrowed) = HeaderValue::from_str(&crate::encoding::narrowed(accepted)) {
        headers.insert(ACCEPT_ENCODING, narrowed);
    }
}

/// Whether the answer is saved instead of shown. Pictures, scripts and the like are used where they stand, whatever
/// they say; what a script fetches it may save.
fn is_download(use_of_answer: UseOfAnswer, answer: &response::Parts, witnessed: &Witnessed) -> bool {
    let is_read = matches!(witnessed, Witnessed::Read(_));
    let may_be_saved = use_of_answer == UseOfAnswer::MayBeSaved;
    is_read && may_be_saved && answer.status.is_success() && rewrite::is_attachment(&answer.headers)
}

/// What the browser does with an answer, as far as downloads go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UseOfAnswer {
    MayBeSaved,
    PartOfAPage,
}

impl UseOfAnswer {
    fn of(headers: &HeaderMap) -> Self {
        const SAVED: [&str; 7] = ["document", "iframe", "frame", "fencedframe", "object", "embed", "empty"];
        match headers.get("sec-fetch-dest").and_then(|dest| dest.to_str().ok()) {
            Some(dest) if !SAVED.contains(&dest) => Self::PartOfAPage,
            _ => Self::MayBeSaved,
        }
    }
}

/// A redirect leads the browser on without asking the page, so the evidence for this request goes along.
fn follow_redirect(
    recorded: &RecordedSignIn,
    answer: &response::Parts,
    asked: &Asked,
    method: &Method,
    path_and_query: &str,
    evidence: Option<&Evidence>,
    now: chaperone_domain::Instant,
) {
    if !answer.status.is_redirection() {
        return;
    }
    let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let base = url::Url::parse(&asked.url).ok();
    let (Some(base), Some(location)) = (base, location) else { return };
    let Ok(next) = base.join(location) else { return };
    if next.origin() != base.origin() {
        return;
    }
    let next_path = &next[url::Position::BeforePath..url::Position::AfterQuery];
    let keeps_method =
        matches!(answer.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let next_method = if keeps_method { method.as_str() } else { "GET" };
    let taken = evidence.cloned().or_else(|| recorded.take_intent(method.as_str(), path_and_query, now));
    if let Some(evidence) = taken {
        recorded.follow(&evidence, next_method, next_path, now);
    }
}

/// What a document needs to be issued.
struct Issue<'a> {
    gateway: &'a Arc<Gateway>,
    recorded: &'a Arc<RecordedSignIn>,
    requested: Option<DocumentKind>,
    target: TargetId,
    url: &'a str,
    peer: &'a Peer,
    host: &'a Host,
}

impl Issue<'_> {
    async fn deliver(
        self,
        parts: response::Parts,
        body: Guarded<Incoming>,
        markup: crate::charset::Markup,
    ) -> Result<(response::Parts, Body), Refused> {
        let app = &self.gateway.app;
        let recorder = self.gateway.recorder.as_ref().ok_or(Refused::RecorderMissing)?;
        let id = DocumentId::new(secrets::new_uuid(app.now()));
        let key = self.recorded.key(id);
        let token = key.token(id);
        let plan = rewrite::plan(recorder.path(), token, self.peer.scheme(), &self.host.authority);
        let ready = rewrite::document(parts, body, markup, &plan).await?;
        if !ready.injected {
            return Ok((ready.parts, ready.body));
        }
        let kind = self.requested.unwrap_or(DocumentKind::Page);
        let document = self.gateway.documents.issue(self.recorded, id, key, kind, app.now());
        let place = self.recorded.frames.place().await.ok_or(Refused::CannotStore)?;
        place.send(witness::document_issued(id, kind, self.target, self.url, app.now()));
        let (app, recorded) = (app.clone(), self.recorded.clone());
        let at_end: AtEnd = Box::new(move |ending| {
            if ending.whole {
                document.delivered(app.now())
            } else {
                document.aborted()
            }
            // Another page may be waiting for this one to be out of the way.
            recorded.changed.notify_waiters();
        });
        Ok((ready.parts, Observed::new(ready.body, Tally::counting(), at_end).boxed_unsync()))
    }
}
