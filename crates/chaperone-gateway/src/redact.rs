//! Secrets do not get into recordings: neither with headers, nor in addresses, nor in bodies.
//!
//! What is taken out is replaced by as many dots as it had characters, at most [`MASK_MAX_CHARS`], so that a reader
//! sees that something was there. The bytes that go to the target are never touched.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use serde_json::Value;

/// Longest mask, in characters.
const MASK_MAX_CHARS: usize = 32;

/// Parts of field names that hold secrets; compared in lower case without separators.
const SECRET_NAMES: [&str; 16] = [
    "password",
    "passwd",
    "passwort",
    "pwd",
    "passphrase",
    "secret",
    "onetimecode",
    "otp",
    "totp",
    "mfacode",
    "cvv",
    "cvc",
    "cardnumber",
    "accesstoken",
    "refreshtoken",
    "apikey",
];

/// Whether a field of this name holds a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    let bare: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET_NAMES.iter().any(|secret| bare.contains(secret)) || bare == "pin"
}

fn mask(chars: usize) -> String {
    "•".repeat(chars.min(MASK_MAX_CHARS))
}

/// Headers as they are recorded: names of cookies stay, their values do not.
pub(crate) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            let shown = if name == COOKIE || name == SET_COOKIE {
                cookies(&text)
            } else if name == AUTHORIZATION || name == PROXY_AUTHORIZATION || is_secret(name.as_str()) {
                let scheme = text.split_once(' ').map_or("", |(scheme, _)| scheme);
                format!("{scheme} {}", mask(text.len())).trim_start().to_owned()
            } else {
                text.into_owned()
            };
            (name.as_str().to_owned(), shown)
        })
        .collect()
}

fn cookies(text: &str) -> String {
    let masked = text.split(';').map(|pair| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", mask(value.chars().count())),
        None => pair.to_owned(),
    });
    masked.collect::<Vec<_>>().join(";")
}

/// An address as it is recorded.
pub(crate) fn url(url: &str) -> Cow<'_, str> {
    match url.split_once('?') {
        Some((path, query)) => match pairs(query) {
            Some(masked) => Cow::Owned(format!("{path}?{masked}")),
            None => Cow::Borrowed(url),
        },
        None => Cow::Borrowed(url),
    }
}

/// `name=value&…` with secrets masked; `None` when there are none.
fn pairs(text: &str) -> Option<String> {
    let secret = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| is_secret(&decoded(name)));
    if !text.split('&').any(secret) {
        return None;
    }
    let masked = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if is_secret(&decoded(name)) => {
            format!("{name}={}", mask(decoded(value).chars().count()))
        }
        _ => pair.to_owned(),
    });
    Some(masked.collect::<Vec<_>>().join("&"))
}

fn decoded(text: &str) -> String {
    url::form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// Whether bodies of this type are looked through, and so must be whole.
pub(crate) fn looks_into(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence == "application/x-www-form-urlencoded" || is_json(&essence)
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence.ends_with("+json")
}

/// A whole body as it is recorded.
pub(crate) fn body(content_type: &str, bytes: &Bytes) -> Bytes {
    let essence = essence(content_type);
    if essence == "application/x-www-form-urlencoded" {
        let masked = std::str::from_utf8(bytes).ok().and_then(pairs);
        return masked.map_or_else(|| bytes.clone(), Bytes::from);
    }
    if is_json(&essence)
        && let Ok(mut value) = serde_json::from_slice::<Value>(bytes)
        && mask_json(&mut value)
    {
        return Bytes::from(value.to_string());
    }
    bytes.clone()
}

/// Masks secrets in a value; answers whether there were any.
fn mask_json(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let mut found = false;
            for (name, value) in fields {
                if is_secret(name) && !value.is_object() && !value.is_array() && !value.is_null() {
                    let length =
                        value.as_str().map_or_else(|| value.to_string().len(), |text| text.chars().count());
                    *value = Value::String(mask(length));
                    found = true;
                } else {
                    found |= mask_json(value);
                }
            }
            found
        }
        Value::Array(items) => {
            let found = items.iter_mut().map(mask_json).filter(|found| *found).count();
            found > 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_addresses_forms_and_json() {
        assert_eq!(url("http://e/x?a=1&api_key=abc&b=2"), "http://e/x?a=1&api_key=•••&b=2");
        assert_eq!(url("http://e/x?a=1"), "http://e/x?a=1");
        let form = body(
            "application/x-www-form-urlencoded",
            &Bytes::from_static(b"user=paula&new%2Dpassword=s%C3%BCss&x"),
        );
        assert_eq!(form, "user=paula&new%2Dpassword=••••&x".as_bytes());
        let json = body(
            "application/json; charset=utf-8",
            &Bytes::from_static(br#"{"a":[{"Password":"abc","n":1}],"pin":1234}"#),
        );
        assert_eq!(json, r#"{"a":[{"Password":"•••","n":1}],"pin":"••••"}"#.as_bytes());
        let same = Bytes::from_static(br#"{ "spaces" : "stay" }"#);
        assert_eq!(body("application/json", &same), same);
        let other = Bytes::from_static(b"password=abc");
        assert_eq!(body("text/plain", &other), other);
    }

    #[test]
    fn cookies_and_credentials_keep_their_names_only() {
        let mut map = HeaderMap::new();
        map.insert(COOKIE, "sid=abc; lang=de".parse().expect("a header"));
        map.insert(AUTHORIZATION, "Basic abc".parse().expect("a header"));
        map.insert("x-api-key", "abc".parse().expect("a header"));
        map.insert("accept", "text/html".parse().expect("a header"));
        let shown = headers(&map);
        assert!(shown.contains(&("cookie".to_owned(), "sid=•••; lang=••".to_owned())), "{shown:?}");
        assert!(shown.iter().all(|(_, value)| !value.contains("abc")), "{shown:?}");
        assert!(shown.contains(&("accept".to_owned(), "text/html".to_owned())));
    }
}
