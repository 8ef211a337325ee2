//! Takes the recorder's batches: verified, in order, durable, then acknowledged.
//!
//! A batch again with the same bytes is acknowledged again. One that overtook its predecessor (the tail may) waits
//! a moment for it. What breaks the chain locks the document. When nothing can be stored the recorder is told to
//! try again with the same bytes, and nothing is released meanwhile.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use chaperone_domain::document::{DocumentState, LostReason, Verdict};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, ORIGIN,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::Gateway;
use crate::batch::{Batch, BatchError, Content, DocumentKey};
use crate::body::{Body, full};
use crate::documents::{Declarations, RecordedSignIn, Tracked};
use crate::limits::{BATCH_MAX_BYTES, BATCH_READ_TIMEOUT, BATCHES_IN_MEMORY, EARLY_BATCH_WAIT};
use crate::witness;
use chaperone_app::gate::Cut;

/// Batches that are in memory at once, of all sign-ins.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(BATCHES_IN_MEMORY));

/// The header that proves an acknowledgement.
const ACKNOWLEDGEMENT_HEADER: &str = "x-chaperone-mac";

/// Why a batch is not acknowledged as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotTaken {
    Malformed,
    TooLarge,
    /// The sign-in has ended, or was never there.
    SignInOver,
    /// It is not from the document that it names.
    Forged,
    /// The chain is broken.
    Locked,
    /// It cannot be stored now, or there is no room for it.
    NotNow,
}

/// Answers a batch; `sign_in` is whom the cookie names, if anybody.
pub(crate) async fn answer(
    gateway: &Arc<Gateway>,
    sign_in: Option<Arc<RecordedSignIn>>,
    origin_is_opaque: bool,
    body: Incoming,
    authority: &str,
) -> Response<Body> {
    let mut response = taken(gateway, sign_in, body, authority).await;
    if origin_is_opaque {
        // A page in a sandbox has no origin and no cookie; the MAC is what it has. It reads the answer by name.
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("null"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ACKNOWLEDGEMENT_HEADER));
        headers.append(http::header::VARY, HeaderValue::from_name(ORIGIN));
    }
    response
}

async fn taken(
    gateway: &Arc<Gateway>,
    sign_in: Option<Arc<RecordedSignIn>>,
    body: Incoming,
    authority: &str,
) -> Response<Body> {
    let Ok(room) = ROOM.try_acquire() else { return plain(NotTaken::NotNow) };
    let bytes = match read(body).await {
        Ok(bytes) => bytes,
        Err(why) => return plain(why),
    };
    // A page that goes away cuts its requests off and sends what they held again. From here on a batch is taken whole,
    // whoever still listens: one whose frames are on their way to the disk must be known when it comes again.
    let (gateway, authority) = (gateway.clone(), authority.to_owned());
    let whole = tokio::spawn(async move {
        let _room = room;
        take(&gateway, sign_in, &bytes, &authority).await
    });
    whole.await.unwrap_or_else(|_| plain(NotTaken::NotNow))
}

async fn take(
    gateway: &Gateway,
    sign_in: Option<Arc<RecordedSignIn>>,
    bytes: &[u8],
    authority: &str,
) -> Response<Body> {
    let batch = match Batch::parse(bytes) {
        Ok(batch) => batch,
        Err(BatchError::TooLarge) => return plain(NotTaken::TooLarge),
        Err(_) => return plain(NotTaken::Malformed),
    };
    let Some((owner, document)) = gateway.documents.find(batch.document) else {
        // A page from before our restart is told so in a way that it can believe.
        let Some(sign_in) = sign_in else { return plain(NotTaken::SignInOver) };
        let key = sign_in.key(batch.document);
        return match batch.verify(&key) {
            Ok(()) => signed(&key, StatusCode::OK, &commands(&batch, None, &["reload"])),
            Err(_) => plain(NotTaken::Forged),
        };
    };
    // After the end of a sign-in, and in a sandbox, there is no cookie: then the MAC alone speaks for the page.
    let somebody_elses = sign_in.as_ref().is_some_and(|sign_in| sign_in.live.id != owner.live.id);
    let its_own = sign_in.is_some() && !somebody_elses;
    if batch.verify(&document.key).is_err() {
        // Only somebody with the sign-in's own cookie can break its documents.
        if its_own {
            lose(gateway, &owner, &document, LostReason::Forged).await;
        }
        return plain(NotTaken::Forged);
    }
    if somebody_elses {
        return plain(NotTaken::Forged);
    }
    match store(gateway, &owner, &document, &batch).await {
        Ok(()) => {
            signed(&document.key, StatusCode::OK, &acknowledgement(gateway, &owner, &document, authority))
        }
        Err(NotTaken::Locked) => {
            let locked = commands(&batch, document.durable_sequence(), &["lock"]);
            signed(&document.key, StatusCode::CONFLICT, &locked)
        }
        Err(why) => plain(why),
    }
}

async fn read(body: Incoming) -> Result<Bytes, NotTaken> {
    let whole = Limited::new(body, BATCH_MAX_BYTES).collect();
    match timeout(BATCH_READ_TIMEOUT, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(NotTaken::TooLarge),
        _ => Err(NotTaken::Malformed),
    }
}

async fn store(
    gateway: &Gateway,
    owner: &Arc<RecordedSignIn>,
    document: &Arc<Tracked>,
    batch: &Batch<'_>,
) -> Result<(), NotTaken> {
    let unpacked = batch.unpack().map_err(not_taken)?;
    let content = Content::parse(batch, &unpacked).map_err(not_taken)?;
    let arrival = batch.arrival(&content);
    let deadline = tokio::time::Instant::now() + EARLY_BATCH_WAIT;
    loop {
        let changed = document.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let turn = document.ingesting.lock().await;
        match document.judge(batch, &arrival, gateway.app.now()) {
            Verdict::Repeat => return Ok(()),
            Verdict::Broken(reason) => {
                drop(turn);
                lose(gateway, owner, document, reason).await;
                return Err(NotTaken::Locked);
            }
            Verdict::Early => {
                drop(turn);
                let late = tokio::time::timeout_at(deadline, changed).await.is_err();
                if late && batch.is_tail() {
                    // The page has gone; if it comes back from the history, it sends everything again in order.
                    return Err(NotTaken::NotNow);
                }
                if late {
                    lose(gateway, owner, document, LostReason::Gap).await;
                    return Err(NotTaken::Locked);
                }
            }
            Verdict::Next => {
                let now = gateway.app.now();
                let frames = witness::batch(batch, &unpacked, now).ok_or(NotTaken::Malformed)?;
                if let Err(error) = owner.writer.append(frames).await {
                    tracing::warn!(document = %document.id, %error, "a batch could not be stored");
                    return Err(NotTaken::NotNow);
                }
                let declared = Declarations { intents: content.intents, last_step: content.last_step };
                document.stored(batch, &arrival, declared, gateway.app.now());
                drop(turn);
                owner.changed.notify_waiters();
                tell(gateway, owner, document).await;
                return Ok(());
            }
        }
    }
}

fn not_taken(error: BatchError) -> NotTaken {
    match error {
        BatchError::Malformed => NotTaken::Malformed,
        BatchError::TooLarge => NotTaken::TooLarge,
        BatchError::Forged => NotTaken::Forged,
    }
}

/// Locks a document for good.
async fn lose(gateway: &Gateway, owner: &Arc<RecordedSignIn>, document: &Arc<Tracked>, reason: LostReason) {
    document.lose(reason);
    tell(gateway, owner, document).await;
}

/// Tells the recording of a document's new state, if it has one; and the trail, if it is lost.
pub(crate) async fn tell(gateway: &Gateway, owner: &Arc<RecordedSignIn>, document: &Arc<Tracked>) {
    let now = gateway.app.now();
    // Without a place now, the next look in a second tells it.
    let Some(place) = owner.frames.try_place() else { return };
    let Some(state) = document.news(now) else { return };
    owner.changed.notify_waiters();
    let reason = document.lost_reason(now);
    place.send(witness::document_state(document.id, state, reason, now));
    if let Some(reason) = reason {
        gateway.app.document_locked(&owner.live, document.id, reason.name()).await;
    }
}

fn acknowledgement(gateway: &Gateway, owner: &RecordedSignIn, document: &Tracked, authority: &str) -> Value {
    let now = gateway.app.now();
    let facts = owner.live.facts();
    let state = document.state(now);
    let commands: &[&str] = if state == DocumentState::Lost { &["lock"] } else { &[] };
    // The tail of a page whose sign-in is over is taken; its banner says that it is.
    let over = owner.live.is_cut() == Some(Cut::Ended) || owner.live.deadline() <= now;
    let banner = json!({
        "recording": true,
        "account": facts.account.name,
        "user": facts.user.user_name,
        "reason": facts.session.as_ref().map_or("", |session| session.reason.as_str()),
        "ends_at": owner.live.deadline().to_string(),
        "now": now.to_string(),
        "console_url": format!("{}/my-access", gateway.app.addresses().console),
    });
    json!({
        "document": document.id.to_string(),
        "durable_sequence": document.durable_sequence().map_or(-1, i64::from),
        "lease_ms": i64::try_from(document.lease_ms()).unwrap_or(0),
        "commands": commands,
        "banner": if over { Value::Null } else { banner },
        "hosts": [authority],
    })
}

fn commands(batch: &Batch<'_>, durable: Option<u32>, commands: &[&str]) -> Value {
    json!({
        "document": batch.document.to_string(),
        "durable_sequence": durable.map_or(-1, i64::from),
        "lease_ms": 0,
        "commands": commands,
        "banner": null,
        "hosts": [],
    })
}

fn signed(key: &DocumentKey, status: StatusCode, body: &Value) -> Response<Body> {
    let body = body.to_string();
    let mac = HeaderValue::from_str(&key.acknowledge(body.as_bytes()));
    let mut response = with_status(status, body);
    if let Ok(mac) = mac {
        response.headers_mut().insert(ACKNOWLEDGEMENT_HEADER, mac);
    }
    response
}

fn plain(why: NotTaken) -> Response<Body> {
    let (status, body) = match why {
        NotTaken::Malformed => (StatusCode::BAD_REQUEST, "{}"),
        NotTaken::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "{}"),
        NotTaken::SignInOver => (StatusCode::FORBIDDEN, r#"{"commands":["lock"]}"#),
        NotTaken::Forged | NotTaken::Locked => (StatusCode::CONFLICT, r#"{"commands":["lock"]}"#),
        NotTaken::NotNow => (StatusCode::SERVICE_UNAVAILABLE, "{}"),
    };
    with_status(status, body.to_owned())
}

fn with_status(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
