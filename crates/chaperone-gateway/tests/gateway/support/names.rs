//! Frames in short words, so that tests can say which they expect.

use chaperone_recording::FrameBody;
use chaperone_recording::bodies::{Direction, OpenedKind};

/// A frame in words; `None` for those that no test speaks of.
pub fn of(body: &FrameBody) -> Option<String> {
    Some(match body {
        FrameBody::Consent(_) => "consent".to_owned(),
        FrameBody::DocumentIssued(body) => format!("issued {}", path(&body.url)),
        FrameBody::DocumentState(body) => {
            format!("{} {}", body.state.name(), body.reason.as_deref().unwrap_or("")).trim_end().to_owned()
        }
        // The channels of a batch are frames of their own; each names its batch.
        FrameBody::Health(entries) | FrameBody::Dom(entries, _) | FrameBody::Steps(entries) => {
            format!("batch {}", entries.batch.sequence)
        }
        FrameBody::Intents(entries) => format!("intents {}", entries.batch.sequence),
        FrameBody::ExchangeOpened(body) => {
            let kind = match body.kind {
                OpenedKind::Change => "change",
                OpenedKind::Download => "download",
                OpenedKind::Websocket => "websocket",
            };
            format!("opened {kind} {} {}", body.method, path(&body.url))
        }
        FrameBody::ExchangeBody(body) => format!("body {}", String::from_utf8_lossy(&body.bytes)),
        FrameBody::ExchangeClosed(body) => format!(
            "closed {} {} {} {}",
            body.outcome.name(),
            body.status.unwrap_or(0),
            body.request_bytes,
            body.response_bytes
        ),
        FrameBody::ExchangeRead(body) => format!("read {} {} {}", body.method, path(&body.url), body.status),
        FrameBody::WebSocketMessage(body) => {
            let way = if body.direction == Direction::ToTarget { "up" } else { "down" };
            format!("message {way} {}", String::from_utf8_lossy(body.content.as_deref().unwrap_or_default()))
        }
        FrameBody::AssetServed(body) => format!("asset {}", path(&body.url)),
        FrameBody::Refusal(body) => format!("refused {} {}", body.method, body.reason),
        FrameBody::Gap(_) | FrameBody::Note(_) => return None,
    })
}

fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}
