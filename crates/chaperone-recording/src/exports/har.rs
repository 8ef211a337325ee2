//! Exchanges as HTTP Archive 1.2. Secrets were taken out before anything was kept.
//!
//! What the format has no place for stands in fields that begin with `_`, as the format allows. The messages of a
//! WebSocket stand in `_webSocketMessages` of its opening, where browsers' developer tools look for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{ExportError, heading};
use crate::bodies::Direction;
use crate::contents::Contents;
use crate::exchanges::{Exchange, ExchangeKind, header};

/// The opcodes of text and of binary messages.
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The exchanges as a HAR file.
pub fn har(contents: &Contents) -> Result<Vec<u8>, ExportError> {
    let (messages, exchanges): (Vec<_>, Vec<_>) = contents
        .timeline
        .exchanges
        .iter()
        .partition(|exchange| exchange.kind == ExchangeKind::WebsocketMessage);
    let entries: Vec<Value> = exchanges
        .into_iter()
        .map(|exchange| {
            let mut entry = entry(exchange);
            if exchange.kind == ExchangeKind::Websocket {
                let of_it = messages.iter().filter(|message| message.id == exchange.id);
                entry["_resourceType"] = json!("websocket");
                entry["_webSocketMessages"] = of_it.map(|message| said(message)).collect();
            }
            entry
        })
        .collect();
    let pages: Vec<Value> = contents
        .timeline
        .documents
        .iter()
        .map(|document| {
            json!({
                "startedDateTime": document.started_at.to_string(),
                "id": document.id.to_string(),
                "title": if document.title.is_empty() { &document.url } else { &document.title },
                "pageTimings": {"onContentLoad": -1, "onLoad": -1},
            })
        })
        .collect();
    let log = json!({
        "version": "1.2",
        "creator": {"name": "Chaperone", "version": contents.manifest.product},
        "pages": pages,
        "entries": entries,
        "_recording": heading(contents),
    });
    Ok(serde_json::to_vec_pretty(&json!({"log": log}))?)
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// A body's text, and how it is written: as it is, or in Base64 when it is no text.
fn text(body: &Bytes) -> (String, Option<&'static str>) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (STANDARD.encode(body), Some("base64")),
    }
}

fn said(message: &Exchange) -> Value {
    let to_target = message.message.is_some_and(|(direction, _)| direction == Direction::ToTarget);
    let is_text = message.message.is_some_and(|(_, text)| text);
    let (data, _) =
        if is_text { text(&message.request_body) } else { (STANDARD.encode(&message.request_body), None) };
    json!({
        "type": if to_target { "send" } else { "receive" },
        "time": message.at.as_duration().as_secs_f64(),
        "opcode": if is_text { TEXT } else { BINARY },
        "data": data,
        "_bytes": message.request_bytes,
    })
}

fn request(exchange: &Exchange) -> Value {
    let query: Vec<Value> = url::Url::parse(&exchange.url)
        .map(|url| url.query_pairs().map(|(name, value)| json!({"name": name, "value": value})).collect())
        .unwrap_or_default();
    let mut request = json!({
        "method": exchange.method,
        "url": exchange.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&exchange.request_headers),
        "queryString": query,
        "headersSize": -1,
        "bodySize": exchange.request_bytes,
    });
    if !exchange.request_body.is_empty() {
        let (text, encoding) = text(&exchange.request_body);
        let mut body = json!({"mimeType": exchange.request_type(), "params": [], "text": text});
        if let Some(encoding) = encoding {
            body["_encoding"] = json!(encoding);
        }
        if exchange.request_bytes > exchange.request_body.len() as u64 {
            body["comment"] = json!("Only the beginning of the body is kept.");
        }
        request["postData"] = body;
    }
    request
}

fn response(exchange: &Exchange) -> Value {
    let mut content = json!({"size": exchange.response_bytes, "mimeType": exchange.content_type});
    if !exchange.preview.is_empty() {
        let (text, encoding) = text(&exchange.preview);
        content["text"] = json!(text);
        if let Some(encoding) = encoding {
            content["encoding"] = json!(encoding);
        }
        if exchange.response_bytes > exchange.preview.len() as u64 {
            content["comment"] = json!("Only the beginning of the body is kept.");
        }
    }
    json!({
        "status": exchange.status.unwrap_or(0),
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&exchange.response_headers),
        "content": content,
        "redirectURL": header(&exchange.response_headers, "location").unwrap_or(""),
        "headersSize": -1,
        "bodySize": exchange.response_bytes,
    })
}

fn entry(exchange: &Exchange) -> Value {
    let time = exchange.duration_ms.unwrap_or(0);
    let mut entry = Map::new();
    if let Some(document) = exchange.document {
        entry.insert("pageref".to_owned(), json!(document.to_string()));
    }
    let rest = json!({
        "startedDateTime": exchange.at.to_string(),
        "time": time,
        "request": request(exchange),
        "response": response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": time, "receive": 0},
        "_id": exchange.id.to_string(),
        "_kind": exchange.kind.name(),
        "_outcome": exchange.outcome.name(),
        "_reason": exchange.reason,
        "_requestSha256": exchange.request_sha256.map(|hash| crate::wire::to_hex(&hash)),
        "_responseSha256": exchange.response_sha256.map(|hash| crate::wire::to_hex(&hash)),
        "_evidence": exchange.evidence,
        "_explained": exchange.explained(),
        "_unexplained": exchange.unexplained,
    });
    if let Value::Object(rest) = rest {
        entry.extend(rest);
    }
    Value::Object(entry)
}
