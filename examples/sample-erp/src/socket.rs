//! The WebSocket: notifications go out, "seen" and "I have this order open" come in.

use std::{collections::BTreeMap, sync::PoisonError};

use axum::{
    Extension,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use crate::{
    app::{App, News, Shared, stopped},
    identity::Principal,
};

/// The longest message a page sends, bytes.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// Who has which order open, by connection.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    open: BTreeMap<u64, (String, String)>,
    last_connection: u64,
}

impl Presence {
    fn connect(&mut self) -> u64 {
        self.last_connection += 1;
        self.last_connection
    }

    fn looking_at(&self, order: &str) -> Vec<String> {
        let mut names: Vec<_> =
            self.open.values().filter(|(_, open)| open == order).map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What a page sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FromPage {
    /// A toast was dismissed.
    Seen { id: u64 },
    /// An order was opened.
    Presence { order: String },
    /// The order was left.
    Leave,
}

/// What a page is sent.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToPage<'a> {
    Notification { id: u64, text: &'a str, link: &'a str, by: &'a str, at: jiff::Timestamp },
    Unread { count: usize },
    Presence { order: &'a str, users: Vec<String> },
}

/// `GET /ws`
pub(crate) async fn connect(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(LONGEST_MESSAGE).on_upgrade(move |socket| talk(app, principal, socket))
}

async fn talk(app: Shared, principal: Principal, mut socket: WebSocket) {
    let mut news = app.news.subscribe();
    let connection = lock(&app).connect();
    let mut open = unread(&app, &principal.account, &mut socket).await;
    while open {
        open = tokio::select! {
            heard = news.recv() => match heard {
                Ok(news) => pass_on(&app, &principal, &mut socket, news).await,
                Err(RecvError::Lagged(_)) => unread(&app, &principal.account, &mut socket).await,
                Err(RecvError::Closed) => false,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    obey(&app, &principal, connection, text.as_str());
                    true
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                Some(Ok(_)) => true,
            },
            () = stopped(app.stopping.clone()) => {
                let _ = socket.send(Message::Close(None)).await;
                false
            }
        };
    }
    leave(&app, connection);
}

/// Passes one piece of news on; false once the page is gone.
async fn pass_on(app: &App, principal: &Principal, socket: &mut WebSocket, news: News) -> bool {
    match news {
        News::Queue => true,
        News::Notification(notification) => {
            if notification.by == principal.account {
                return true;
            }
            let message = ToPage::Notification {
                id: notification.id,
                text: &notification.text,
                link: &notification.link,
                by: &notification.by,
                at: notification.at,
            };
            send(socket, &message).await && unread(app, &principal.account, socket).await
        }
        News::Presence { order } => {
            let users = lock(app).looking_at(&order);
            send(socket, &ToPage::Presence { order: &order, users }).await
        }
        News::Unread { account } => {
            account != principal.account || unread(app, &principal.account, socket).await
        }
    }
}

async fn unread(app: &App, account: &str, socket: &mut WebSocket) -> bool {
    let count = app.read(|world| world.notifications.unread_by(account));
    send(socket, &ToPage::Unread { count }).await
}

async fn send(socket: &mut WebSocket, message: &ToPage<'_>) -> bool {
    match serde_json::to_string(message) {
        Ok(text) => socket.send(Message::Text(text.into())).await.is_ok(),
        Err(_) => false,
    }
}

/// Does what a page asks; what is no message of ours is ignored.
fn obey(app: &App, principal: &Principal, connection: u64, text: &str) {
    match serde_json::from_str(text) {
        Ok(FromPage::Seen { id }) => {
            if app.write(|world| world.notifications.mark_seen(id, &principal.account)) {
                app.tell(News::Unread { account: principal.account.clone() });
            }
        }
        Ok(FromPage::Presence { order }) => {
            if !app.read(|world| world.orders.contains_key(&order)) {
                return;
            }
            let before = lock(app).open.insert(connection, (principal.name.clone(), order.clone()));
            if let Some((_, left)) = before.filter(|(_, left)| *left != order) {
                app.tell(News::Presence { order: left });
            }
            app.tell(News::Presence { order });
        }
        Ok(FromPage::Leave) => leave(app, connection),
        Err(problem) => tracing::debug!(%problem, "a socket message is not understood"),
    }
}

fn leave(app: &App, connection: u64) {
    let left = lock(app).open.remove(&connection);
    if let Some((_, order)) = left {
        app.tell(News::Presence { order });
    }
}

fn lock(app: &App) -> std::sync::MutexGuard<'_, Presence> {
    app.presence.lock().unwrap_or_else(PoisonError::into_inner)
}
