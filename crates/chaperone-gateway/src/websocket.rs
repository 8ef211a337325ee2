//! WebSockets: a plain tunnel where nothing is recorded; message by message where it is.
//!
//! In a recorded sign-in the page puts a proof into the address and a sequence before each of its messages. Both are
//! stripped; each message is held until its sequence is durable, is written, and then goes on, in order. The
//! target's messages are written and never held. When the sign-in is over, both ends are closed at once.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use chaperone_app::App;
use chaperone_domain::ids::{ExchangeId, TargetId};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::barrier;
use crate::body::Guard;
use crate::documents::{RecordedSignIn, Tracked};
use crate::limits::{WEBSOCKET_CLOSE_WAIT, WEBSOCKET_FRAME_MAX_BYTES, WEBSOCKET_MESSAGE_MAX_BYTES};
use crate::witness::{self, Direction};

/// The query parameter in which a page proves the evidence for its socket.
const PROOF_PARAMETER: &str = "__chp=";

/// Takes the proof out of an address; it stands at the end, where the recorder put it.
pub(crate) fn strip_proof(path_and_query: &str) -> (&str, Option<&str>) {
    let Some(at) = path_and_query.rfind(PROOF_PARAMETER) else { return (path_and_query, None) };
    let (address, proof) = path_and_query.split_at(at);
    let proof = &proof[PROOF_PARAMETER.len()..];
    match address.strip_suffix(['?', '&']) {
        Some(address) if !proof.contains('&') => (address, Some(proof)),
        _ => (path_and_query, None),
    }
}

/// What makes a socket's messages part of a recording.
pub(crate) struct Witnessed {
    /// Whose it is.
    pub recorded: Arc<RecordedSignIn>,
    /// Where it leads.
    pub target: TargetId,
    /// The document that opened it; programs have none.
    pub document: Option<Arc<Tracked>>,
    /// The socket's exchange.
    pub exchange: ExchangeId,
}

/// Both ends of a socket, once they have changed over.
pub(crate) struct Ends {
    /// The page.
    pub page: OnUpgrade,
    /// The target.
    pub target: OnUpgrade,
}

/// Carries a socket until one end closes it or the sign-in is over.
pub(crate) async fn carry(app: Arc<App>, ends: Ends, guard: Guard, witnessed: Option<Witnessed>) {
    let over = guard.over();
    tokio::pin!(over);
    let both = async { tokio::try_join!(ends.page, ends.target) };
    let (page, target) = tokio::select! {
        both = both => match both {
            Ok(both) => both,
            Err(error) => {
                tracing::debug!(%error, "a socket did not come to stand");
                return;
            }
        },
        () = &mut over => return,
    };
    match witnessed {
        None => {
            let (mut page, mut target) = (TokioIo::new(page), TokioIo::new(target));
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut page, &mut target) => {}
                () = &mut over => {}
            }
        }
        Some(witnessed) => messages(&app, page, target, witnessed, over).await,
    }
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

async fn socket(end: Upgraded, role: Role) -> Socket {
    let config = WebSocketConfig::default()
        .max_message_size(Some(WEBSOCKET_MESSAGE_MAX_BYTES))
        .max_frame_size(Some(WEBSOCKET_FRAME_MAX_BYTES));
    WebSocketStream::from_raw_socket(TokioIo::new(end), role, Some(config)).await
}

async fn messages(
    app: &Arc<App>,
    page: Upgraded,
    target: Upgraded,
    witnessed: Witnessed,
    over: std::pin::Pin<&mut (impl Future<Output = ()> + Send)>,
) {
    let (mut to_page, mut from_page) = socket(page, Role::Server).await.split();
    let (mut to_target, mut from_target) = socket(target, Role::Client).await.split();

    let up = async {
        while let Some(Ok(message)) = from_page.next().await {
            let on = match message {
                Message::Text(_) | Message::Binary(_) => match released(app, &witnessed, message).await {
                    Ok(message) => message,
                    Err(why) => return Some(why),
                },
                Message::Close(frame) => {
                    let _ = to_target.send(Message::Close(frame)).await;
                    return None;
                }
                // Each end answers pings for itself.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            if to_target.send(on).await.is_err() {
                return None;
            }
        }
        None
    };
    let down = async {
        while let Some(Ok(message)) = from_target.next().await {
            let (is_text, content) = match &message {
                Message::Text(text) => (true, Bytes::from(text.clone())),
                Message::Binary(bytes) => (false, bytes.clone()),
                Message::Close(frame) => return Some(Message::Close(frame.clone())),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            let seen =
                witness::message(witnessed.exchange, Direction::ToPage, is_text, &content, None, app.now());
            witnessed.recorded.frames.put(seen).await;
            if to_page.send(message).await.is_err() {
                return None;
            }
        }
        None
    };
    let goodbye = tokio::select! {
        refused = up => refused.map(|why: &'static str| closing(why)),
        closed = down => closed,
        () = over => Some(closing("the sign-in is over")),
    };
    if let Some(goodbye) = goodbye {
        let _ = timeout(WEBSOCKET_CLOSE_WAIT, to_page.send(goodbye)).await;
    }
    let _ = timeout(WEBSOCKET_CLOSE_WAIT, to_target.close()).await;
}

fn closing(why: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::Policy, reason: Utf8Bytes::from_static(why) }))
}

/// Holds a message of the page until its evidence and the message itself are durable.
async fn released(app: &App, witnessed: &Witnessed, message: Message) -> Result<Message, &'static str> {
    let Witnessed { recorded, target, document, exchange } = witnessed;
    let (sequence, message) = match document {
        Some(document) => {
            let (sequence, message) = strip_sequence(message).ok_or("the message names no evidence")?;
            if let Err(why) = barrier::durable(app, document, sequence).await {
                let reason = why.name();
                let refused = witness::change_refused(Some(document.id), "WEBSOCKET", "", reason, app.now());
                recorded.frames.put(refused).await;
                return Err("evidence is missing");
            }
            (Some(sequence), message)
        }
        None => (None, message),
    };
    let is_text = message.is_text();
    let content = message.clone().into_data();
    let seen = witness::message(*exchange, Direction::ToTarget, is_text, &content, sequence, app.now());
    recorded.writer.append(vec![seen]).await.map_err(|_| "the message could not be recorded")?;
    // A message is a use of the target like a request.
    recorded.live.seen(app.now(), *target);
    Ok(message)
}

/// Takes the sequence off a message: `7|text`, or four bytes before binary.
fn strip_sequence(message: Message) -> Option<(u32, Message)> {
    match message {
        Message::Text(text) => {
            let (sequence, _) = text.as_str().split_once('|')?;
            let number = sequence.bytes().all(|b| b.is_ascii_digit()).then(|| sequence.parse().ok())??;
            let at = sequence.len() + 1;
            let rest = Bytes::from(text).slice(at..);
            Some((number, Message::Text(Utf8Bytes::try_from(rest).ok()?)))
        }
        Message::Binary(mut bytes) => {
            let number = bytes.try_get_u32().ok()?;
            Some((number, Message::Binary(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_messages_are_those_of_the_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recorder-protocol-vectors.json");
        let vectors: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors are there"))
                .expect("JSON");
        for vector in vectors["web_sockets"].as_array().expect("a list") {
            let requested = vector["requested"].as_str().expect("text");
            assert_eq!(
                strip_proof(requested),
                (vector["path_and_query"].as_str().expect("text"), vector["parameter"].as_str())
            );
        }
        for vector in vectors["web_socket_messages"].as_array().expect("a list") {
            let sequence = vector["sequence"].as_u64().expect("a number");
            let hex = |name: &str| {
                let text = vector[name].as_str().expect("text");
                let bytes: Vec<u8> = (0..text.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
                    .collect();
                Message::binary(bytes)
            };
            let (framed, plain) = match vector["text"].as_str() {
                Some(text) => {
                    (Message::text(vector["framed_text"].as_str().expect("text")), Message::text(text))
                }
                None => (hex("framed_binary_hex"), hex("binary_hex")),
            };
            let (number, message) = strip_sequence(framed).expect("has a sequence");
            assert_eq!((u64::from(number), message), (sequence, plain));
        }
    }

    #[test]
    fn messages_without_a_sequence_are_noticed() {
        for text in ["hello", "|hello", "x|hello", "-1|hello", "4294967296|x"] {
            assert!(strip_sequence(Message::text(text)).is_none(), "{text}");
        }
        assert!(strip_sequence(Message::binary(vec![0, 0, 1])).is_none());
    }

    #[test]
    fn a_proof_stands_at_the_end_only() {
        assert_eq!(strip_proof("/live"), ("/live", None));
        assert_eq!(strip_proof("/live?x__chp=a"), ("/live?x__chp=a", None));
        assert_eq!(strip_proof("/live?__chp=a&b=c"), ("/live?__chp=a&b=c", None));
    }
}
