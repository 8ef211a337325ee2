//! The write barrier: a change waits until the evidence before it is durable, at most two seconds, and is refused
//! otherwise.
//!
//! `fetch` and `XMLHttpRequest` carry a proof that names the batch with everything up to that moment. What cannot
//! carry one (form posts, navigations, beacons, downloads) was declared by an intent in a durable batch, which is
//! used up by one request.

use std::future::Future;
use std::sync::Arc;

use chaperone_app::App;
use chaperone_domain::document::Release;
use tokio::time::Instant;

use crate::batch::Proof;
use crate::documents::{Evidence, RecordedSignIn, Tracked};
use crate::limits::EVIDENCE_WAIT;

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvidenceMissing {
    /// No recorded page is open that could explain it.
    #[error("no recorded page explains this request")]
    NoDocument,
    /// No page declared it in time.
    #[error("no recorded page declared this request in time")]
    NoIntent,
    /// The proof was not made by the page that it names, or not for this request.
    #[error("the proof of this request is not right")]
    Forged,
    /// The recording did not become durable in time.
    #[error("the recording of this page did not arrive in time")]
    NotInTime,
    /// The page's recording is broken.
    #[error("the recording of this page has stopped")]
    Lost,
    /// Recorders are kept from running.
    #[error("the recorder does not run in this browser")]
    RecorderBlocked,
    /// The browser reports by itself (a policy, a crash): no page can explain it.
    #[error("the browser's own reports are not passed on during recorded work")]
    BrowserReport,
    /// More changes wait than may.
    #[error("too many requests wait for their evidence")]
    TooManyHeld,
}

impl EvidenceMissing {
    /// The stable name in events and problems.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoDocument => "no-document",
            Self::NoIntent => "no-intent",
            Self::Forged => "forged",
            Self::NotInTime => "not-in-time",
            Self::Lost => "lost",
            Self::RecorderBlocked => "recorder-blocked",
            Self::BrowserReport => "browser-report",
            Self::TooManyHeld => "too-many-held",
        }
    }
}

/// A change as the barrier sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// Its method; `WEBSOCKET` for sockets.
    pub method: &'a str,
    /// Path and query, as the page asked for them.
    pub path_and_query: &'a str,
    /// The proof that it carries.
    pub proof: Option<&'a str>,
    /// Who sends it.
    pub sender: Sender,
}

/// Who sends a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page, or its user.
    Page,
    /// The browser by itself (`Sec-Fetch-Dest: report`), which no page can claim to be.
    Browser,
}

impl Sender {
    /// Of a request with these headers.
    pub(crate) fn of(headers: &http::HeaderMap) -> Self {
        let reports = headers.get("sec-fetch-dest").is_some_and(|dest| dest == "report");
        if reports { Self::Browser } else { Self::Page }
    }
}

/// Waits for the evidence of a change.
pub(crate) async fn evidence(
    app: &App,
    recorded: &Arc<RecordedSignIn>,
    change: Change<'_>,
) -> Result<Evidence, EvidenceMissing> {
    if change.sender == Sender::Browser {
        return Err(EvidenceMissing::BrowserReport);
    }
    if recorded.recorder_is_blocked(app.now()) {
        return Err(EvidenceMissing::RecorderBlocked);
    }
    // Whoever waits holds a connection and a buffer, so only some may.
    let _held = recorded.held.try_acquire().map_err(|_| EvidenceMissing::TooManyHeld)?;
    match change.proof {
        Some(text) => {
            let (document, proof) = proven(recorded, change, text)?;
            let _held = document.held.try_acquire().map_err(|_| EvidenceMissing::TooManyHeld)?;
            durable(app, &document, proof.sequence).await?;
            Ok(Evidence { document: document.id, sequence: proof.sequence, step: document.last_step() })
        }
        None => declared(app, recorded, change).await,
    }
}

/// The document that a proof names, if it made the proof for this very request.
pub(crate) fn proven(
    recorded: &RecordedSignIn,
    change: Change<'_>,
    text: &str,
) -> Result<(Arc<Tracked>, Proof), EvidenceMissing> {
    let proof = Proof::parse(text).ok_or(EvidenceMissing::Forged)?;
    let document = recorded.document(proof.document).ok_or(EvidenceMissing::NoDocument)?;
    if !document.key.proves(&proof, change.method, change.path_and_query) {
        return Err(EvidenceMissing::Forged);
    }
    Ok((document, proof))
}

/// Waits until everything of a document up to this sequence is durable.
pub(crate) async fn durable(app: &App, document: &Tracked, sequence: u32) -> Result<(), EvidenceMissing> {
    let look = || match document.release(sequence, app.now()) {
        Release::Now => Some(Ok(())),
        Release::Never => Some(Err(EvidenceMissing::Lost)),
        Release::Wait => None,
    };
    until(&document.changed, EvidenceMissing::NotInTime, look).await
}

async fn declared(
    app: &App,
    recorded: &RecordedSignIn,
    change: Change<'_>,
) -> Result<Evidence, EvidenceMissing> {
    let look = || {
        let now = app.now();
        if let Some(evidence) = recorded.take_intent(change.method, change.path_and_query, now) {
            return Some(Ok(evidence));
        }
        let hopeless = !recorded.may_prove(now);
        hopeless.then_some(Err::<Evidence, _>(EvidenceMissing::NoDocument))
    };
    until(&recorded.changed, EvidenceMissing::NoIntent, look).await
}

/// Looks again whenever there is news, until there is an answer or the time is over.
fn until<'a, T: 'a>(
    news: &'a tokio::sync::Notify,
    late: EvidenceMissing,
    look: impl Fn() -> Option<Result<T, EvidenceMissing>> + Send + 'a,
) -> impl Future<Output = Result<T, EvidenceMissing>> + Send + 'a {
    let deadline = Instant::now() + EVIDENCE_WAIT;
    async move {
        loop {
            let notified = news.notified();
            tokio::pin!(notified);
            // News between the look and the wait must not be missed.
            notified.as_mut().enable();
            if let Some(answer) = look() {
                return answer;
            }
            if tokio::time::timeout_at(deadline, notified).await.is_err() {
                return look().unwrap_or(Err(late));
            }
        }
    }
}
