//! Exchanges as HTTP Archive 1.2. Secrets were taken out before anything was kept.

use serde_json::{Value, json};

use super::ExportError;
use crate::contents::Contents;
use crate::exchanges::{Exchange, ExchangeKind};

/// The exchanges as a HAR file; messages of WebSockets are left out, the format has no place for them.
pub fn har(contents: &Contents) -> Result<Vec<u8>, ExportError> {
    let entries: Vec<Value> = contents
        .timeline
        .exchanges
        .iter()
        .filter(|exchange| exchange.kind != ExchangeKind::WebsocketMessage)
        .map(entry)
        .collect();
    let pages: Vec<Value> = contents
        .timeline
        .documents
        .iter()
        .map(|document| {
            json!({
                "startedDateTime": document.started_at.to_string(),
                "id": document.id.to_string(),
                "title": document.title,
                "pageTimings": {"onContentLoad": -1, "onLoad": -1},
            })
        })
        .collect();
    let log = json!({
        "version": "1.2",
        "creator": {"name": "Chaperone", "version": contents.manifest.product},
        "pages": pages,
        "entries": entries,
    });
    Ok(serde_json::to_vec_pretty(&json!({"log": log}))?)
}

fn headers(headers: &[(String, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn entry(exchange: &Exchange) -> Value {
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
        request["postData"] = json!({
            "mimeType": exchange.request_type(),
            "text": String::from_utf8_lossy(&exchange.request_body),
        });
    }
    let mut content = json!({"size": exchange.response_bytes, "mimeType": exchange.content_type});
    if !exchange.preview.is_empty() {
        content["text"] = Value::from(String::from_utf8_lossy(&exchange.preview).into_owned());
    }
    let time = exchange.duration_ms.unwrap_or(0);
    json!({
        "pageref": exchange.document.map(|id| id.to_string()),
        "startedDateTime": exchange.at.to_string(),
        "time": time,
        "request": request,
        "response": {
            "status": exchange.status.unwrap_or(0),
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": headers(&exchange.response_headers),
            "content": content,
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": exchange.response_bytes,
        },
        "cache": {},
        "timings": {"send": 0, "wait": time, "receive": 0},
        "_exchangeId": exchange.id.to_string(),
        "_kind": exchange.kind.name(),
        "_outcome": exchange.outcome.name(),
        "_reason": exchange.reason,
    })
}
