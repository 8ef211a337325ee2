//! Live changes: *look again*, as an event stream; never the content.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use chaperone_app::Client;
use chaperone_app::changes::{Change, ChangedNoun};
use chaperone_domain::user::{Role, User};
use futures_util::Stream;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use utoipa::ToSchema;

use crate::Api;
use crate::principal::{Caller, client, console_cookie};
use crate::problem::Problem;

/// A sign of life goes out this often, and the sign-in is looked at again.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeBody {
    /// The noun: `privileged_session`, `recording`, `sign_in`, `account`, `user`, `target`, `organization`,
    /// `directory`.
    kind: &'static str,
    id: String,
}

/// Who watches, and how to ask whether they still may.
pub(crate) struct Watcher {
    user: User,
    secret: Option<String>,
    client: Client,
}

impl FromRequestParts<Api> for Watcher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let user = caller.op.user()?.clone();
        Ok(Self { user, secret: console_cookie(&parts.headers).map(str::to_owned), client: client(parts) })
    }
}

impl Watcher {
    fn may_see(&self, change: &Change) -> bool {
        let reads_all = [Role::SystemAdministrator, Role::Approver, Role::Auditor]
            .into_iter()
            .any(|role| self.user.roles.has(role));
        reads_all
            || matches!(change.noun, ChangedNoun::Target | ChangedNoun::Organization)
            || change.concerns.contains(&self.user.id)
    }

    /// A change after which the watcher may not be one any more.
    fn is_about_watcher(&self, change: &Change) -> bool {
        matches!(change.noun, ChangedNoun::SignIn | ChangedNoun::User)
            && change.concerns.contains(&self.user.id)
            || change.id == self.user.id.uuid()
    }

    async fn still_may(&self, api: &Api) -> bool {
        match &self.secret {
            Some(secret) => api.app.authenticate_cookie(secret, self.client.clone()).await.is_ok(),
            None => true,
        }
    }
}

/// Live changes. Each message says that something changed; a stream that fell behind ends, and whoever watched looks at
/// everything again.
#[utoipa::path(get, path = "/changes", tag = "me", responses((status = 200, body = ChangeBody, content_type = "text/event-stream")))]
pub(crate) async fn changes(
    State(api): State<Api>,
    watcher: Watcher,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let told = api.app.changes().watch();
    let stream = stream::unfold((api, watcher, told), |(api, watcher, mut told)| async move {
        let event = next(&api, &watcher, &mut told).await?;
        Some((Ok(event), (api, watcher, told)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

async fn next(api: &Api, watcher: &Watcher, told: &mut Receiver<Change>) -> Option<Event> {
    loop {
        let change = match tokio::time::timeout(HEARTBEAT, told.recv()).await {
            Ok(change) => change.ok()?,
            Err(_) if watcher.still_may(api).await => continue,
            Err(_) => return None,
        };
        if watcher.is_about_watcher(&change) && !watcher.still_may(api).await {
            return None;
        }
        if watcher.may_see(&change) {
            let body = ChangeBody { kind: change.noun.name(), id: change.id.to_string() };
            return Event::default().json_data(body).ok();
        }
    }
}
