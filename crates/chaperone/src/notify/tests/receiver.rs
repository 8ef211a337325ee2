//! A receiver of webhooks: it keeps what comes, and answers as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chaperone_domain::notification::NotificationKind;
use tokio::net::TcpListener;

use crate::config::{Notifications, Secret, Webhook, WebhookSecret};

pub(super) const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// One call that came.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Default)]
struct Inside {
    calls: Vec<Call>,
    answers: VecDeque<(u16, String)>,
}

#[derive(Clone)]
pub(super) struct Receiver {
    inside: Arc<Mutex<Inside>>,
    pub(super) port: u16,
}

async fn receive(State(inside): State<Arc<Mutex<Inside>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut inside = inside.lock().expect("not poisoned");
    inside.calls.push(Call { headers, body });
    let (status, body) = inside.answers.pop_front().unwrap_or((204, String::new()));
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::LOCATION, "/elsewhere")], body).into_response()
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let inside = Arc::new(Mutex::new(Inside::default()));
        let router = Router::new().fallback(receive).with_state(inside.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inside, port }
    }

    /// It answers so next, in this order; afterwards 204.
    pub(super) fn answer(&self, status: u16, body: &str) {
        self.inside.lock().expect("not poisoned").answers.push_back((status, body.to_owned()));
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.inside.lock().expect("not poisoned").calls.clone()
    }

    /// A configuration that calls it for these kinds.
    pub(super) fn told(&self, kinds: &[NotificationKind]) -> Notifications {
        let webhook = Webhook {
            name: "chat".to_owned(),
            url: Secret::of(&format!("http://127.0.0.1:{}/hooks/unguessable", self.port)),
            secret: WebhookSecret::parse(SECRET).expect("a secret"),
            kinds: kinds.to_vec(),
        };
        Notifications { webhooks: vec![webhook], ..Default::default() }
    }
}
