//! Answers that become documents: which ones they are, and how the recorder gets into them.
//!
//! The browser says what it will make of an answer (`Sec-Fetch-Dest`), the answer says what it is (`Content-Type`);
//! only both together make a document. HTML and XHTML get the recorder. Other markup that browsers show as a
//! document and run scripts in (SVG, XML) is shown without scripts: it gets a policy `sandbox` on top of its own.
//! An answer without a type is given one, so that nothing becomes a document by guessing.
//!
//! Nothing of a document is sent before the recorder is in: until then an error is still a page of ours.

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use http::{StatusCode, response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::body::{Body, BodyError, Guarded};
use crate::charset::{self, Charset, Markup};
use crate::csp::{self, Ours, Recordable};
use crate::documents::DocumentKind;
use crate::encoding::{Coding, CodingError, Packer, Unpacker};
use crate::errors::Refused;
use crate::inject::{HtmlInjector, InjectError, Tag};
use crate::inject_xml::XmlInjector;
use crate::limits::{CHARSET_SCAN_BYTES, HELD_HTML_BYTES, RESPONSE_HEAD_TIMEOUT};
use crate::pipeline::{Injector, Pipeline, Rewriting};

/// What an answer is to the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It passes as it is.
    Other,
    /// Markup that was fetched as data: it passes, but must not come back from a cache as a page.
    MarkupAsData,
    /// It gets the recorder.
    Document(Markup),
    /// It is shown without scripts.
    Sandboxed,
    /// It cannot be shown during recorded work.
    Refused(&'static str),
}

/// What the browser will make of the answer, if it will make a document of it.
pub(crate) fn document_request(headers: &HeaderMap) -> Option<DocumentKind> {
    match headers.get("sec-fetch-dest").and_then(|value| value.to_str().ok()) {
        Some("document") => Some(DocumentKind::Page),
        Some("iframe" | "frame" | "fencedframe" | "object" | "embed") => Some(DocumentKind::Frame),
        Some(_) => None,
        None => {
            let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
            accept.contains("text/html").then_some(DocumentKind::Page)
        }
    }
}

/// The type that a browser would go by: the last valid one of all that are told, and its charset.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<(String, Option<String>)> {
    let told = headers.get_all(CONTENT_TYPE).iter().filter_map(|value| value.to_str().ok());
    let mut last = None;
    for value in told.flat_map(|value| value.split(',')) {
        let mut parts = value.split(';');
        let essence = parts.next().unwrap_or("").trim().to_ascii_lowercase();
        let valid = essence.split_once('/').is_some_and(|(kind, subtype)| {
            let token =
                |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
            token(kind) && token(subtype)
        });
        if !valid || essence == "*/*" {
            continue;
        }
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let charset = value.trim().trim_matches('"').to_owned();
            name.trim().eq_ignore_ascii_case("charset").then_some(charset)
        });
        last = Some((essence, charset));
    }
    last
}

/// Whether the browser will save the answer instead of showing it.
pub(crate) fn is_attachment(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_DISPOSITION).is_some_and(|value| {
        let kind = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        !kind.is_empty() && !kind.eq_ignore_ascii_case(b"inline")
    })
}

/// Classes an answer.
pub(crate) fn kind(requested: Option<DocumentKind>, status: StatusCode, headers: &HeaderMap) -> Kind {
    if is_attachment(headers) || status.is_informational() || status == StatusCode::NO_CONTENT {
        return Kind::Other;
    }
    let essence = content_type(headers).map(|(essence, _)| essence).unwrap_or_default();
    let is_markup =
        matches!(essence.as_str(), "text/html" | "text/xml" | "application/xml") || essence.ends_with("+xml");
    if requested.is_none() {
        return if is_markup { Kind::MarkupAsData } else { Kind::Other };
    }
    match essence.as_str() {
        "text/html" => Kind::Document(Markup::Html),
        "application/xhtml+xml" => Kind::Document(Markup::Xml),
        "multipart/x-mixed-replace" => Kind::Refused("several documents in one answer"),
        "multipart/related" | "message/rfc822" => Kind::Refused("an archived document"),
        // Without a type the first bytes decide, once and by us.
        "" | "unknown/unknown" | "application/unknown" => Kind::Document(Markup::Html),
        _ if is_markup => Kind::Sandboxed,
        _ => Kind::Other,
    }
}

/// Closes the ways by which an answer that is no recorded document could become one.
pub(crate) fn tighten(kind: Kind, requested: Option<DocumentKind>, headers: &mut HeaderMap) {
    if kind != Kind::Other {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if requested.is_some() {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if kind == Kind::Sandboxed {
        headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
}

/// The document's own part in its rewriting: its tag, made when its policies are known.
pub(crate) struct Plan {
    /// Path of the recorder's script.
    pub source: String,
    /// The document's token.
    pub token: String,
    /// Our reserved path with the page's origin.
    pub upload_path: String,
}

/// A document that is ready to go out.
pub(crate) struct Ready {
    /// Its head, edited.
    pub parts: response::Parts,
    /// Its body, with the recorder in it.
    pub body: Body,
    /// Whether the recorder is in it. A page that runs no scripts has none and owes no hello.
    pub injected: bool,
}

/// Rewrites an answer into a recorded document.
pub(crate) async fn document(
    mut parts: response::Parts,
    mut inner: Guarded<Incoming>,
    markup: Markup,
    plan: &Plan,
) -> Result<Ready, Refused> {
    let declared = content_type(&parts.headers);
    let coding = coding(&parts.headers)?;
    let policies = edit_policies(&mut parts.headers, &plan.upload_path);
    if policies.recordable == Recordable::NoScripts {
        // Nothing runs in it, so nothing can be recorded in it, and nothing in it can change anything.
        tighten(Kind::MarkupAsData, Some(DocumentKind::Page), &mut parts.headers);
        return Ok(Ready { parts, body: inner.boxed_unsync(), injected: false });
    }
    let tag = Tag {
        source: plan.source.clone(),
        token: plan.token.clone(),
        nonce: policies.tag_nonce,
        blocked: crate::entry::BLOCKED_PATH,
    };

    // What browsers look at before they decide about the characters; a stream that ends earlier is all there is.
    let beginning = tokio::time::timeout(RESPONSE_HEAD_TIMEOUT, Beginning::read(&mut inner, coding))
        .await
        .map_err(|_| Refused::Target(crate::forward::TargetProblem::Slow))??;

    let (essence, charset) = declared.unwrap_or_default();
    let is_told = !essence.is_empty() && !essence.ends_with("unknown");
    if !is_told && !looks_like_html(&beginning.text) {
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        return pass_beginning(parts, inner, beginning, coding);
    }
    let Charset { outgoing, transcoder, skip } = charset::decide(charset.as_deref(), &beginning.text, markup);
    let injector = match markup {
        Markup::Html => Injector::Html(Box::new(
            HtmlInjector::new(&tag, &plan.upload_path, outgoing).map_err(not_recordable)?,
        )),
        Markup::Xml => Injector::Xml(XmlInjector::new(tag.xml())),
    };
    let Beginning { unpacker, text, ended } = beginning;
    let mut pipeline = Pipeline {
        unpacker,
        transcoder,
        injector,
        packer: Packer::new(coding),
        unpacked: Vec::new(),
        transcoded: Vec::new(),
    };
    let mut first = Vec::new();
    let rest = pipeline.inject_first(text.slice(skip..), ended, &mut first).map_err(not_recordable)?;

    // Nothing goes out before the recorder is in.
    let mut ended = ended;
    let until_injected = async {
        while !pipeline.injector.is_in() && !ended {
            if first.len() > HELD_HTML_BYTES {
                return Err(not_recordable(InjectError::TooLarge));
            }
            match next(&mut inner).await? {
                Some(bytes) => {
                    pipeline.text(&bytes, &mut first).map_err(|_| Refused::NotRecordable("its coding"))?
                }
                None => {
                    ended = true;
                    pipeline.end_text(&mut first).map_err(|_| Refused::NotRecordable("its markup"))?;
                }
            }
        }
        Ok(())
    };
    tokio::time::timeout(RESPONSE_HEAD_TIMEOUT, until_injected)
        .await
        .map_err(|_| Refused::Target(crate::forward::TargetProblem::Slow))??;
    let injected = pipeline.injector.injected();

    let first = pipeline
        .pack([Bytes::from(first), rest], ended, coding)
        .map_err(|_| Refused::NotRecordable("its coding"))?;
    edit_headers(&mut parts.headers, markup, outgoing.name());
    let rewriting = Rewriting { first, inner, pipeline, ended, coding };
    Ok(Ready { parts, body: rewriting.boxed_unsync(), injected })
}

/// An answer without a type that is no HTML: what was read of it goes first, packed as it came.
fn pass_beginning(
    mut parts: response::Parts,
    inner: Guarded<Incoming>,
    beginning: Beginning,
    coding: Coding,
) -> Result<Ready, Refused> {
    parts.headers.remove(CONTENT_LENGTH);
    tighten(Kind::MarkupAsData, Some(DocumentKind::Page), &mut parts.headers);
    let Beginning { unpacker, text, ended } = beginning;
    let mut pipeline = Pipeline {
        unpacker,
        transcoder: None,
        injector: Injector::None,
        packer: Packer::new(coding),
        unpacked: Vec::new(),
        transcoded: Vec::new(),
    };
    let first = pipeline
        .pack([text, Bytes::new()], ended, coding)
        .map_err(|_| Refused::NotRecordable("its coding"))?;
    let rewriting = Rewriting { first, inner, pipeline, ended, coding };
    Ok(Ready { parts, body: rewriting.boxed_unsync(), injected: false })
}

fn not_recordable(error: InjectError) -> Refused {
    Refused::NotRecordable(match error {
        InjectError::Ambiguous => "its markup",
        InjectError::TooLarge => "its beginning is too large",
        InjectError::Encoding => "its characters",
    })
}

fn coding(headers: &HeaderMap) -> Result<Coding, Refused> {
    let mut told = headers.get_all(CONTENT_ENCODING).iter();
    let coding = match (told.next(), told.next()) {
        (first, None) => Coding::parse(first.map(|value| value.to_str().unwrap_or("?"))),
        _ => Err(CodingError::Unknown),
    };
    coding.map_err(|_| Refused::NotRecordable("its coding"))
}

/// How HTML begins where nobody says that it is HTML (the WHATWG's list of patterns, in lower case).
fn looks_like_html(text: &[u8]) -> bool {
    const PATTERNS: [&[u8]; 18] = [
        b"<!doctype html",
        b"<html",
        b"<head",
        b"<script",
        b"<iframe",
        b"<h1",
        b"<div",
        b"<font",
        b"<table",
        b"<a",
        b"<style",
        b"<title",
        b"<b",
        b"<body",
        b"<br",
        b"<p",
        b"<!--",
        b"<meta",
    ];
    let start = text.trim_ascii_start();
    PATTERNS
        .iter()
        .any(|pattern| start.len() >= pattern.len() && start[..pattern.len()].eq_ignore_ascii_case(pattern))
}

fn edit_policies(headers: &mut HeaderMap, upload_path: &str) -> csp::Edited {
    fn values(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
        headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    }
    let enforced = values(headers, CONTENT_SECURITY_POLICY);
    let report_only = values(headers, CONTENT_SECURITY_POLICY_REPORT_ONLY);
    let mut random = [0; 16];
    // A nonce that was not random would only weaken the page's own policy by one known script: ours.
    let _ = rand::fill(&mut random);
    let ours = Ours { path: upload_path.to_owned(), nonce: STANDARD.encode(random) };
    let edited =
        csp::edit_headers(enforced.iter().map(String::as_str), report_only.iter().map(String::as_str), &ours);
    for (name, values) in [
        (CONTENT_SECURITY_POLICY, &edited.enforced),
        (CONTENT_SECURITY_POLICY_REPORT_ONLY, &edited.report_only),
    ] {
        headers.remove(&name);
        for value in values {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.append(&name, value);
            }
        }
    }
    edited
}

fn edit_headers(headers: &mut HeaderMap, markup: Markup, charset: &str) {
    const BODY_DIGESTS: [&str; 4] = ["digest", "content-digest", "repr-digest", "content-md5"];
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    for name in BODY_DIGESTS {
        headers.remove(name);
    }
    if let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok())
        && !tag.starts_with("W/")
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{tag}"))
    {
        headers.insert(ETAG, weak);
    }
    let essence = match markup {
        Markup::Html => "text/html",
        Markup::Xml => "application/xhtml+xml",
    };
    if let Ok(value) = HeaderValue::from_str(&format!("{essence}; charset={}", charset.to_ascii_lowercase()))
    {
        headers.insert(CONTENT_TYPE, value);
    }
    tighten(Kind::Document(markup), Some(DocumentKind::Page), headers);
}

async fn next(inner: &mut Guarded<Incoming>) -> Result<Option<Bytes>, Refused> {
    loop {
        match inner.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Some(Err(BodyError::Cut)) => return Err(Refused::Target(crate::forward::TargetProblem::Cut)),
            Some(Err(BodyError::Idle)) => return Err(Refused::Target(crate::forward::TargetProblem::Slow)),
            Some(Err(_)) => return Err(Refused::Target(crate::forward::TargetProblem::Broken)),
        }
    }
}

/// The first bytes of a document, unpacked.
struct Beginning {
    unpacker: Unpacker,
    text: Bytes,
    ended: bool,
}

impl Beginning {
    /// Reads as much as the charset is looked for in, or all there is. A first piece that is enough and is not
    /// packed is taken without a copy.
    async fn read(inner: &mut Guarded<Incoming>, coding: Coding) -> Result<Self, Refused> {
        let mut unpacker = Unpacker::new(coding);
        let mut text = Vec::new();
        while text.len() < CHARSET_SCAN_BYTES {
            let unpacked = match next(inner).await? {
                Some(bytes)
                    if coding == Coding::Identity && text.is_empty() && bytes.len() >= CHARSET_SCAN_BYTES =>
                {
                    return Ok(Self { unpacker, text: bytes, ended: false });
                }
                Some(bytes) => unpacker.push(&bytes, &mut text),
                None => {
                    unpacker.finish(&mut text).map_err(|_| Refused::NotRecordable("its coding"))?;
                    return Ok(Self { unpacker, text: Bytes::from(text), ended: true });
                }
            };
            unpacked.map_err(|_| Refused::NotRecordable("its coding"))?;
        }
        Ok(Self { unpacker, text: Bytes::from(text), ended: false })
    }
}

/// The tag's plan for a page at this origin.
pub(crate) fn plan(recorder_path: &str, token: String, scheme: &str, authority: &str) -> Arc<Plan> {
    Arc::new(Plan {
        source: recorder_path.to_owned(),
        token,
        upload_path: format!("{scheme}://{authority}/.chaperone/"),
    })
}
