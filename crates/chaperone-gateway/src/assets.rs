//! The recorder's script: built in, or read from its folder while developing; its hash is its address.

use std::path::Path;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};

use crate::body::{Body, full};

/// The name of the script at the end of its address.
const NAME: &str = "recorder.js";

#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../../web/recorder/dist"]
struct Built;

/// The recorder's script.
#[derive(Clone, Debug)]
pub struct Recorder {
    bytes: Bytes,
    path: String,
}

impl Recorder {
    /// A recorder of these bytes.
    pub fn new(bytes: Bytes) -> Self {
        let hash = digest::digest(&digest::SHA256, &bytes);
        let build: String = hash.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes, path: format!("/.chaperone/{build}/{NAME}") }
    }

    /// The one that was built in.
    #[cfg(feature = "embed")]
    pub fn built_in() -> Option<Self> {
        Built::get(NAME).map(|file| Self::new(Bytes::from(file.data.into_owned())))
    }

    /// The one that was built in: none was.
    #[cfg(not(feature = "embed"))]
    pub fn built_in() -> Option<Self> {
        None
    }

    /// The one in this folder.
    pub fn read(folder: &Path) -> Option<Self> {
        std::fs::read(folder.join(NAME)).ok().map(|bytes| Self::new(Bytes::from(bytes)))
    }

    /// Its address on every target's host.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its bytes, for whoever already knows its hash for ever.
    pub fn answer(&self) -> Response<Body> {
        let mut response = Response::new(full(self.bytes.clone()));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Documents that isolate themselves load it only with this; to a page in a sandbox no origin is the same.
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.path)) {
            headers.insert(ETAG, tag);
        }
        response
    }
}

/// What a service worker of the application gets instead of itself while recording: a worker that removes itself.
///
/// A worker answers requests before they reach the network, so it could show pages from long ago without a
/// recorder and acknowledge what never arrived. Browsers look for a new version of an installed worker at each
/// navigation; they find this one, which leaves everything that the application stored as it is.
pub(crate) const SELF_REMOVING_WORKER: &str = "\
self.addEventListener('install', () => self.skipWaiting());\n\
self.addEventListener('activate', (event) => event.waitUntil((async () => {\n\
  await self.registration.unregister();\n\
  const pages = await self.clients.matchAll({ type: 'window' });\n\
  await Promise.all(pages.map((page) => page.navigate(page.url).catch(() => undefined)));\n\
})()));\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_first_16_digits_of_the_hash() {
        let recorder = Recorder::new(Bytes::from_static(b"abc"));
        assert_eq!(recorder.path(), "/.chaperone/ba7816bf8f01cfea/recorder.js");
    }
}
