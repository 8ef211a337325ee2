//! Puts the recorder's tag into a document as the very first thing that runs.
//!
//! HTML is parsed only until the head is over: the tag stands before everything else, and a policy in `<meta>`
//! counts only in the head, so nothing behind it matters. From there on the bytes pass as they are, because a pass
//! over the whole page would cost eight times the proxying. The head is over at the first start tag that cannot
//! stand in a head; whatever follows it, browsers have opened the body.
//!
//! The rewriter is strict and has no graceful way out: markup that it and a browser could read differently is an
//! error, the answer is not delivered, and nothing passes unrecorded.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use encoding_rs::Encoding;
use lol_html::html_content::{ContentType, DocumentEnd, Element};
use lol_html::send::{DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, MemorySettings, Selector};

use crate::csp;
use crate::limits::{REWRITER_MEMORY_BYTES, REWRITER_SLICE_BYTES};

/// Why a document cannot be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InjectError {
    /// The rewriter cannot be sure that it reads the markup as a browser does.
    #[error("the markup is ambiguous")]
    Ambiguous,
    /// The beginning of the document needs more memory than a document may have.
    #[error("the beginning of the document is too large")]
    TooLarge,
    /// The encoding does not contain ASCII, so it should have been transcoded.
    #[error("the encoding cannot be rewritten")]
    Encoding,
}

/// The recorder's tag for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Path of the script: `/.chaperone/<build>/recorder.js`.
    pub source: String,
    /// The document's token, base64url.
    pub token: String,
    /// The nonce that the page's policy asks for.
    pub nonce: Option<String>,
    /// Where a browser without scripts goes.
    pub blocked: &'static str,
}

impl Tag {
    /// The tag in HTML, under 300 bytes.
    pub(crate) fn html(&self) -> String {
        format!(
            "<script src=\"{}\" data-c=\"{}\"{}></script><noscript><meta http-equiv=\"refresh\" content=\"0;url={}\"></noscript>",
            self.source,
            self.token,
            self.nonce_attribute(),
            self.blocked
        )
    }

    /// The tag in XHTML, with its own namespace because the root's may have a prefix.
    pub(crate) fn xml(&self) -> String {
        format!(
            "<script xmlns=\"http://www.w3.org/1999/xhtml\" src=\"{}\" data-c=\"{}\"{}></script>",
            self.source,
            self.token,
            self.nonce_attribute()
        )
    }

    fn nonce_attribute(&self) -> String {
        self.nonce.as_ref().map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default()
    }
}

/// What the rewriter's handlers find out.
#[derive(Default)]
struct Progress {
    seen_html: bool,
    injected: bool,
    templates: u32,
    head_over: bool,
    output: Vec<u8>,
}

type Shared = Arc<Mutex<Progress>>;
type Sink = Box<dyn FnMut(&[u8]) + Send>;

/// Injects into one HTML document, piece by piece.
pub(crate) struct HtmlInjector {
    rewriter: Option<HtmlRewriter<'static, Sink>>,
    progress: Shared,
    injected: bool,
}

/// Elements that can stand in a head; any other start tag opens the body.
const HEAD_ELEMENTS: [&str; 13] = [
    "html", "head", "title", "meta", "link", "base", "basefont", "bgsound", "script", "style", "noscript",
    "template", "noframes",
];

static EVERY_ELEMENT: LazyLock<Option<Selector>> = LazyLock::new(|| "*".parse().ok());

fn locked(progress: &Shared) -> std::sync::MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HtmlInjector {
    /// An injector of this tag; `upload_path` is what a policy in `<meta>` must allow.
    pub(crate) fn new(
        tag: &Tag,
        upload_path: &str,
        encoding: &'static Encoding,
    ) -> Result<Self, InjectError> {
        let progress = Shared::default();
        let encoding = AsciiCompatibleEncoding::new(encoding).ok_or(InjectError::Encoding)?;
        let selector = EVERY_ELEMENT.as_ref().ok_or(InjectError::Ambiguous)?;
        let html = tag.html();

        let on_element = {
            let (progress, html, upload_path) = (progress.clone(), html.clone(), upload_path.to_owned());
            move |element: &mut Element<'_, '_, _>| {
                on_element(element, &progress, &html, &upload_path);
                Ok(())
            }
        };
        // A document without any start tag still is one: the tag is all its markup.
        let on_end = {
            let progress = progress.clone();
            move |end: &mut DocumentEnd<'_>| {
                // The lock is given back first: appending writes into the same progress.
                let missing = !std::mem::replace(&mut locked(&progress).injected, true);
                if missing {
                    end.append(&html, ContentType::Html);
                }
                Ok(())
            }
        };
        let settings = Settings::new_send()
            .append_element_content_handler((
                Cow::Borrowed(selector),
                ElementContentHandlers::default().element(on_element),
            ))
            .append_document_content_handler(DocumentContentHandlers::default().end(on_end))
            .with_encoding(encoding)
            .with_strict(true)
            .with_graceful_bail_out_on_content_handler_error(false)
            .with_memory_settings(
                MemorySettings::new()
                    .with_preallocated_parsing_buffer_size(REWRITER_SLICE_BYTES)
                    .with_max_allowed_memory_usage(REWRITER_MEMORY_BYTES)
                    .with_graceful_bail_out_on_memory_limit_exceeded(false),
            );
        let sink: Sink = {
            let progress = progress.clone();
            Box::new(move |bytes: &[u8]| locked(&progress).output.extend_from_slice(bytes))
        };
        Ok(Self { rewriter: Some(HtmlRewriter::new(settings, sink)), progress, injected: false })
    }

    /// Whether the tag is in, so that what comes out may be delivered.
    pub(crate) fn injected(&self) -> bool {
        self.injected
    }

    /// Whether the head is over and bytes pass as they are.
    pub(crate) fn passes(&self) -> bool {
        self.rewriter.is_none()
    }

    /// Takes the next bytes of the document as long as they belong to its head, and says how many it took: the others
    /// pass as they are.
    pub(crate) fn push_head(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, InjectError> {
        let mut taken = 0;
        while let Some(rewriter) = &mut self.rewriter
            && taken < bytes.len()
        {
            let slice = &bytes[taken..bytes.len().min(taken + REWRITER_SLICE_BYTES)];
            taken += slice.len();
            rewriter.write(slice).map_err(refusal)?;
            let head_over = self.collect(out);
            if head_over {
                self.finish(out)?;
            }
        }
        Ok(taken)
    }

    /// Ends parsing: at the end of the document, or of its head. What the rewriter held back comes out as it is.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), InjectError> {
        if let Some(rewriter) = self.rewriter.take() {
            rewriter.end().map_err(refusal)?;
            self.collect(out);
        }
        Ok(())
    }

    fn collect(&mut self, out: &mut Vec<u8>) -> bool {
        let mut progress = locked(&self.progress);
        out.append(&mut progress.output);
        self.injected = progress.injected;
        progress.head_over
    }
}

fn refusal(error: lol_html::errors::RewritingError) -> InjectError {
    match error {
        lol_html::errors::RewritingError::MemoryLimitExceeded(_) => InjectError::TooLarge,
        _ => InjectError::Ambiguous,
    }
}

fn on_element(
    element: &mut Element<'_, '_, lol_html::send::SendHandlerTypes>,
    progress: &Shared,
    html: &str,
    upload_path: &str,
) {
    let name = element.tag_name();
    let mut state = locked(progress);
    if !state.injected {
        match name.as_str() {
            // The tag goes into the head where there is one, so that `<head>` keeps its attributes.
            "html" if !state.seen_html => {
                state.seen_html = true;
                return;
            }
            "head" => element.prepend(html, ContentType::Html),
            _ => element.before(html, ContentType::Html),
        }
        state.injected = true;
    }
    if name == "meta" {
        drop(state);
        edit_meta(element, upload_path);
        return;
    }
    if name == "template" {
        // What a template holds is no part of the head, whatever it is.
        state.templates += 1;
        let progress = progress.clone();
        if let Some(handlers) = element.end_tag_handlers() {
            handlers.push(Box::new(move |_| {
                let mut state = locked(&progress);
                state.templates = state.templates.saturating_sub(1);
                Ok(())
            }));
        }
    } else if state.templates == 0 && !HEAD_ELEMENTS.contains(&name.as_str()) {
        state.head_over = true;
    }
}

fn edit_meta(element: &mut Element<'_, '_, lol_html::send::SendHandlerTypes>, upload_path: &str) {
    let is_policy = element.get_attribute("http-equiv").is_some_and(|value| {
        let value = unescape(&value);
        let value = value.trim();
        value.eq_ignore_ascii_case("content-security-policy")
            || value.eq_ignore_ascii_case("content-security-policy-report-only")
    });
    if !is_policy {
        return;
    }
    if let Some(content) = element.get_attribute("content") {
        let edited = csp::edit_meta(&unescape(&content), upload_path).replace('&', "&amp;");
        // The name is one that we just read, so it cannot be refused.
        let _ = element.set_attribute("content", &edited);
    }
}

/// Replaces the character references that templates write into attributes.
fn unescape(text: &str) -> Cow<'_, str> {
    const NAMED: [(&str, char); 12] = [
        ("apos", '\''),
        ("quot", '"'),
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("colon", ':'),
        ("semi", ';'),
        ("comma", ','),
        ("sol", '/'),
        ("ast", '*'),
        ("Tab", '\t'),
        ("NewLine", '\n'),
    ];
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference =
            rest[1..].split_once(';').filter(|(name, _)| name.len() <= 10).and_then(|(name, tail)| {
                let character = match name.strip_prefix('#') {
                    Some(number) => {
                        let code = match number.strip_prefix(['x', 'X']) {
                            Some(hex) => u32::from_str_radix(hex, 16),
                            None => number.parse(),
                        };
                        char::from_u32(code.ok()?)
                    }
                    None => NAMED.iter().find(|(known, _)| *known == name).map(|(_, character)| *character),
                };
                character.map(|character| (character, tail))
            });
        match reference {
            Some((character, tail)) => {
                out.push(character);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
#[path = "inject_tests.rs"]
mod tests;
