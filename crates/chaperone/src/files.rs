//! The console's and the player's files: built in, or read from their folders while developing.

use std::borrow::Cow;
use std::path::PathBuf;

use http::{HeaderValue, Response, StatusCode, header};

/// Files whose name holds the hash of their content.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Others are asked for again each time.
const EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// A set of files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Files {
    Console,
    Player,
}

#[cfg(feature = "embed")]
mod built {
    #[derive(rust_embed::RustEmbed)]
    #[folder = "../../web/console/dist"]
    pub(super) struct Console;

    #[derive(rust_embed::RustEmbed)]
    #[folder = "../../web/player/dist"]
    pub(super) struct Player;
}

/// The folder of a web package's built files in the source tree, for an executable that has none inside.
pub(crate) fn web_folder(package: &str) -> PathBuf {
    ["web", package, "dist"].iter().collect()
}

impl Files {
    /// The file of that name; only names without steps upwards.
    pub(crate) fn get(self, name: &str) -> Option<Cow<'static, [u8]>> {
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
        if !name.split('/').all(plain) {
            return None;
        }
        self.built_in(name).or_else(|| self.in_folder(name))
    }

    #[cfg(feature = "embed")]
    fn built_in(self, name: &str) -> Option<Cow<'static, [u8]>> {
        let file = match self {
            Self::Console => built::Console::get(name),
            Self::Player => built::Player::get(name),
        };
        file.map(|file| file.data)
    }

    #[cfg(not(feature = "embed"))]
    fn built_in(self, _name: &str) -> Option<Cow<'static, [u8]>> {
        None
    }

    #[cfg(feature = "embed")]
    fn in_folder(self, _name: &str) -> Option<Cow<'static, [u8]>> {
        None
    }

    #[cfg(not(feature = "embed"))]
    fn in_folder(self, name: &str) -> Option<Cow<'static, [u8]>> {
        let package = match self {
            Self::Console => "console",
            Self::Player => "player",
        };
        std::fs::read(web_folder(package).join(name)).ok().map(Cow::Owned)
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "map" => "application/json",
        _ => "application/octet-stream",
    }
}

/// The file as an answer.
pub(crate) fn answer(files: Files, name: &str) -> Option<Response<axum::body::Body>> {
    let bytes = files.get(name)?;
    let mut response = Response::new(axum::body::Body::from(bytes.into_owned()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    headers.insert(header::CACHE_CONTROL, if name.starts_with("assets/") { FOR_EVER } else { EACH_TIME });
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_lead_out_of_the_folder() {
        for name in
            ["../Cargo.toml", "assets/../../Cargo.toml", "", "/etc/passwd", ".env", "a//b", "a\\..\\b"]
        {
            assert!(Files::Console.get(name).is_none(), "{name}");
        }
    }
}
