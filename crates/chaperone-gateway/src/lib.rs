//! The gateway: the way of a request from a browser to a web application and back.
//!
//! ```text
//! identify ─► admit ─► barrier ─► open ─► forward ─► rewrite + inject ─► close
//!  who?       may they,  wait for    opening   upstream    HTML only          closing frame
//!             here, now? evidence    frame
//! ```
//!
//! [`way`](way/index.html) is that line as one function. What the gateway itself saw of the traffic is the record of
//! authority; what the recorder in the page tells is context that must agree with it. Nothing that changes anything
//! reaches a target of a recorded sign-in before the evidence before it is durable.
//!
//! Invariants of absence: nothing of a body is read before it is known who sends it (a batch proves itself); none
//! of our cookies, tokens and headers reaches a target; no recorded document leaves without its recorder; no frame
//! that had to be written is dropped.
mod admit;
mod assets;
mod barrier;
pub mod batch;
mod body;
mod charset;
pub mod csp;
mod documents;
mod encoding;
mod entry;
mod errors;
mod exchange;
mod forward;
pub mod headers;
mod identify;
mod identity;
mod ingest;
mod inject;
mod inject_xml;
pub mod limits;
mod pages;
mod pipeline;
mod preflight;
mod redact;
mod rewrite;
mod served;
mod socket;
mod way;
mod websocket;
mod witness;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chaperone_app::App;
use chaperone_app::gate::LiveSignIn;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

pub use crate::assets::Recorder;
pub use crate::body::{Body, BodyError};

use crate::documents::{Documents, RecordedSignIn};
use crate::errors::Refused;
use crate::forward::Targets;
use crate::identity::Assertions;
use crate::limits::{REFUSED_BODY_DRAIN_BYTES, REFUSED_BODY_DRAIN_TIME, TICK};
use crate::pages::Place;
use crate::way::Traces;

/// What the executable hands in.
pub struct GatewayConfig {
    /// The recorder's script; without it recorded documents are refused.
    pub recorder: Option<Recorder>,
    /// Whose certificates are trusted at `https` targets.
    pub target_tls: Arc<rustls::ClientConfig>,
    /// A target must begin to answer after this time; [`limits::RESPONSE_HEAD_TIMEOUT`] unless configured.
    pub response_head_timeout: Duration,
    /// A target's answer that has begun ends as broken off when nothing more of it comes for this time;
    /// [`limits::BODY_IDLE_TIMEOUT`] unless configured.
    pub body_idle_timeout: Duration,
}

/// Who holds the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The address of the connection.
    pub address: SocketAddr,
    /// Whether the browser came over TLS: here, or at the trusted proxy before us.
    pub secure: bool,
    /// The addresses that a trusted proxy told, nearest last; `None` without such a proxy.
    pub forwarded_for: Option<String>,
}

impl Peer {
    /// The scheme that the browser used.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// What targets are told.
    pub(crate) fn forwarded_for(&self) -> String {
        match &self.forwarded_for {
            Some(told) => told.clone(),
            None => self.address.ip().to_string(),
        }
    }

    /// The client's address for the trail: what the trusted proxy itself saw, or the connection's.
    pub(crate) fn client_address(&self) -> String {
        let told = self.forwarded_for.as_deref().and_then(|told| told.rsplit(',').next()).map(str::trim);
        told.filter(|told| !told.is_empty()).map_or_else(|| self.address.ip().to_string(), str::to_owned)
    }
}

/// The gateway of one node.
pub struct Gateway {
    pub(crate) app: Arc<App>,
    pub(crate) targets: Targets,
    pub(crate) documents: Documents,
    pub(crate) assertions: Assertions,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) body_idle_timeout: Duration,
}

impl Gateway {
    /// A gateway over the app.
    pub fn new(app: Arc<App>, config: GatewayConfig) -> Arc<Self> {
        Arc::new(Self {
            app,
            targets: Targets::new(config.target_tls, config.response_head_timeout),
            documents: Documents::default(),
            assertions: Assertions::default(),
            recorder: config.recorder,
            body_idle_timeout: config.body_idle_timeout,
        })
    }

    /// Answers a request to a target's host.
    pub async fn handle(self: &Arc<Self>, mut request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let upgrade = headers::wants_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let mut traces = Traces { target: None, body: Some(body) };
        // The way takes the headers along to the target; a page needs only these few of them.
        let asked = pages::Asked::of(&parts);
        match way::way(self, &mut parts, &peer, upgrade, &mut traces).await {
            Ok(response) => response,
            Err(refused) => self.refuse(&refused, &asked, traces).await,
        }
    }

    async fn refuse(&self, refused: &Refused, asked: &pages::Asked, mut traces: Traces) -> Response<Body> {
        tracing::debug!(?refused, "a request was refused");
        if let Some(body) = traces.body.take() {
            drain(body).await;
        }
        let place = Place {
            target: traces.target.as_ref().map(|target| target.name.as_str()),
            console: &self.app.addresses().console,
            retry: asked.retry(),
        };
        pages::refusal(refused, asked, place)
    }

    /// The recorded sign-in of a live one, if it is recorded here.
    pub(crate) fn recorded(&self, live: &Arc<LiveSignIn>) -> Option<Arc<RecordedSignIn>> {
        entry::writer(live).map(|writer| self.documents.of(live, writer))
    }

    /// Looks at everything that time alone changes, until `shutdown`: silent documents are locked, sign-ins that
    /// are over are forgotten.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut interval = tokio::time::interval(TICK);
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                _ = interval.tick() => self.tick().await,
                () = &mut shutdown => return,
            }
        }
    }

    async fn tick(&self) {
        let now = self.app.now();
        for recorded in self.documents.all() {
            for document in recorded.all() {
                ingest::tell(self, &recorded, &document).await;
            }
        }
        self.documents.forget_over(now);
        self.assertions.forget_old();
    }
}

/// Reads what a refused request still sends, so that its answer arrives; beyond a limit the connection is closed.
async fn drain(mut body: Incoming) {
    let drained = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
            if bytes > REFUSED_BODY_DRAIN_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(REFUSED_BODY_DRAIN_TIME, drained).await;
}
