//! Headers on their way: what may come in, what goes on to the target, what comes back.
//!
//! One request must mean the same to us, to the target and to everything between: lengths are told once and in one
//! way, the host once. Headers that tell a target who is there are ours alone; whatever a client sends under such a
//! name is removed first, also when it is spelled with underscores, which many application servers read as hyphens.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Uri, request};

use crate::limits::{HEADERS_MAX_COUNT, PATH_MAX_BYTES, REQUEST_HEADERS_MAX_BYTES};

/// The cookie of a target sign-in. Browsers take the prefix only with `Secure`, and count `*.localhost` as secure.
pub const COOKIE_NAME: &str = "__Host-chaperone";
/// The cookie that binds a way through the console to the browser that began it.
pub const NONCE_COOKIE_NAME: &str = "__Host-chaperone-nonce";
/// The header in which a page proves its evidence.
pub const PROOF_HEADER: &str = "x-chaperone";
/// The header in which programs may bring their token.
pub const TOKEN_HEADER: &str = "chaperone-authorization";
/// The header in which targets get a signed assertion.
pub const ASSERTION_HEADER: &str = "chaperone-assertion";
/// How our bearer secrets begin; every other `Authorization` belongs to the target.
pub const TOKEN_PREFIX: &str = "chp_";

/// What is wrong with a request's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// No host, several, or one that is no host.
    #[error("the request names no host, or more than one")]
    Host,
    /// The length of the body is told twice, or in two ways, or is no number.
    #[error("the length of the body is not clear")]
    Length,
    /// A method that no browser and no program needs here.
    #[error("the method is not supported")]
    Method,
    /// The path is not one.
    #[error("the path is not valid")]
    Path,
    /// Too many headers, or too large.
    #[error("the headers are too large")]
    TooLarge,
    /// A cookie and a token together: it would not be clear who is there.
    #[error("a cookie together with a token is refused: send one of them")]
    CookieAndToken,
}

/// The host of a request: as the browser wrote it, and without port, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// With port, as it was sent.
    pub authority: String,
    /// Lower case, without port.
    pub name: String,
}

/// Checks the form of a request before anything else looks at it.
pub fn check(parts: &request::Parts) -> Result<Host, BadRequest> {
    let headers = &parts.headers;
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > HEADERS_MAX_COUNT || size > REQUEST_HEADERS_MAX_BYTES {
        return Err(BadRequest::TooLarge);
    }
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(BadRequest::Method);
    }
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    if !path.starts_with('/') || path.len() > PATH_MAX_BYTES {
        return Err(BadRequest::Path);
    }
    check_length(headers)?;
    host(&parts.uri, headers)
}

fn check_length(headers: &HeaderMap) -> Result<(), BadRequest> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let (length, encoding) = (lengths.next(), encodings.next());
    let told_twice =
        lengths.next().is_some() || encodings.next().is_some() || (length.is_some() && encoding.is_some());
    let number = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        !bytes.is_empty() && bytes.len() <= 18 && bytes.iter().all(u8::is_ascii_digit)
    };
    let odd = length.is_some_and(|value| !number(value))
        || encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if told_twice || odd { Err(BadRequest::Length) } else { Ok(()) }
}

fn host(uri: &Uri, headers: &HeaderMap) -> Result<Host, BadRequest> {
    let mut named = headers.get_all(HOST).iter();
    let header = match (named.next(), named.next()) {
        (Some(value), None) => Some(value.to_str().map_err(|_| BadRequest::Host)?),
        (None, None) => None,
        _ => return Err(BadRequest::Host),
    };
    let target = uri.authority().map(http::uri::Authority::as_str);
    let authority = match (target, header) {
        (Some(target), Some(header)) if !target.eq_ignore_ascii_case(header) => return Err(BadRequest::Host),
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err(BadRequest::Host),
    };
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (authority, None),
    };
    let port_is_right = port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
    let name = name.to_ascii_lowercase();
    if !port_is_right || !chaperone_domain::target::is_host(&name) {
        return Err(BadRequest::Host);
    }
    Ok(Host { authority: authority.to_ascii_lowercase(), name })
}

/// The value of one of our cookies.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Our bearer secret, if the request brings one: in our own header, or in `Authorization` when it is ours.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    let own = headers.get(TOKEN_HEADER).and_then(bearer);
    own.or_else(|| headers.get(http::header::AUTHORIZATION).and_then(bearer))
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?.trim();
    let secret = match text.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => secret.trim(),
        Some(_) => return None,
        None => text,
    };
    secret.starts_with(TOKEN_PREFIX).then_some(secret)
}

/// Whether the request can change something: by its method, or by a header that asks for another method.
pub fn is_change(method: &Method, headers: &HeaderMap) -> bool {
    const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-method-override", "x-http-method"];
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        || headers.keys().any(|name| OVERRIDES.contains(&hyphened(name.as_str()).as_ref()))
}

/// Whether it asks for a WebSocket.
pub fn is_websocket(parts: &request::Parts) -> bool {
    let upgrade = parts.headers.get(UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or("");
    parts.method == Method::GET
        && upgrade.split(',').any(|word| word.trim().eq_ignore_ascii_case("websocket"))
}

/// Whether the connection may change over to another protocol.
pub fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
}

fn hyphened(name: &str) -> std::borrow::Cow<'_, str> {
    if name.contains('_') { name.replace('_', "-").into() } else { name.into() }
}

/// Whether a header tells a target who is there or how they came, so that only we may set it.
fn is_ours(name: &HeaderName) -> bool {
    const NAMES: [&str; 13] = [
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "true-client-ip",
        "x-cluster-client-ip",
        "remote-user",
        "remote-email",
        "remote-groups",
        "remote-name",
        "x-webauth-user",
        "x-authenticated-user",
        "proxy-connection",
        "client-cert",
    ];
    const PREFIXES: [&str; 8] = [
        "x-forwarded",
        "x-remote-",
        "x-auth-request-",
        "x-original-",
        "x-rewrite-",
        "x-chaperone",
        "chaperone-",
        "x-ssl-client-",
    ];
    // Most headers begin otherwise; this runs for every header of every request.
    if !matches!(name.as_str().as_bytes().first(), Some(b'c' | b'f' | b'p' | b'r' | b't' | b'x')) {
        return false;
    }
    let name = hyphened(name.as_str());
    NAMES.contains(&name.as_ref()) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Headers that belong to one connection and not to the message.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
];

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    // Where both stand, the chunks count (RFC 9112, 6.3): the length would be a lie about what is passed on.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    if headers.contains_key(CONNECTION) {
        let listed: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect();
        for name in listed {
            // Naming these would take the meaning of the message away, not that of the connection.
            if name != HOST && name != COOKIE && name != CONTENT_LENGTH {
                headers.remove(name);
            }
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// How the client came to us, for the target.
#[derive(Clone, Copy, Debug)]
pub struct CameBy<'a> {
    /// The public host with port.
    pub authority: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The client's address, or the chain of addresses that a trusted proxy told.
    pub client: &'a str,
}

/// Turns a client's headers into those for the target: ours and the connection's are removed, then ours are set.
pub fn to_target(headers: &mut HeaderMap, came: CameBy<'_>) {
    let wants_trailers =
        headers.get(TE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    strip_hop_by_hop(headers);
    let forged: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    let carries_our_token = headers.get(http::header::AUTHORIZATION).is_some_and(|value| {
        let value = value.as_bytes();
        value.windows(TOKEN_PREFIX.len()).any(|window| window == TOKEN_PREFIX.as_bytes())
    });
    if carries_our_token {
        headers.remove(http::header::AUTHORIZATION);
    }
    strip_our_cookies(headers);
    // The wait for it is between the client and us.
    headers.remove(http::header::EXPECT);
    let set = |headers: &mut HeaderMap, name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    // Applications build their own addresses from the host, so they get the public one.
    set(headers, HOST, came.authority);
    set(headers, HeaderName::from_static("x-forwarded-host"), came.authority);
    set(headers, HeaderName::from_static("x-forwarded-proto"), came.scheme);
    set(headers, HeaderName::from_static("x-forwarded-for"), came.client);
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

fn strip_our_cookies(headers: &mut HeaderMap) {
    let is_our_cookie =
        |pair: &str| pair.split('=').next().is_some_and(|name| name.trim().starts_with(COOKIE_NAME));
    let several = headers.get_all(COOKIE).iter().nth(1).is_some();
    let Some(first) = headers.get(COOKIE) else { return };
    let ours = std::str::from_utf8(first.as_bytes()).is_ok_and(|value| value.contains(COOKIE_NAME));
    if !several && !ours {
        return;
    }
    // HTTP/2 may bring every cookie in a header of its own; HTTP/1.1 knows one.
    let mut kept: Vec<u8> = Vec::new();
    for value in headers.get_all(COOKIE) {
        for pair in value.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
            if !pair.is_empty() && !is_our_cookie(&String::from_utf8_lossy(pair)) {
                if !kept.is_empty() {
                    kept.extend_from_slice(b"; ");
                }
                kept.extend_from_slice(pair);
            }
        }
    }
    match HeaderValue::from_bytes(&kept) {
        Ok(value) if !kept.is_empty() => headers.insert(COOKIE, value),
        _ => headers.remove(COOKIE),
    };
}

/// Turns a target's headers into those for the client.
pub fn to_client(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    // Another way to the same host would be a way past us.
    headers.remove("alt-svc");
    let in_our_name = |name: &&HeaderName| {
        let name = name.as_str();
        name.starts_with("chaperone-") || name.starts_with("x-chaperone")
    };
    let forged: Vec<HeaderName> = headers.keys().filter(in_our_name).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
    let is_our_cookie =
        |value: &HeaderValue| value.as_bytes().trim_ascii_start().starts_with(COOKIE_NAME.as_bytes());
    if headers.get_all(SET_COOKIE).iter().any(is_our_cookie) {
        let kept: Vec<HeaderValue> =
            headers.get_all(SET_COOKIE).iter().filter(|value| !is_our_cookie(value)).cloned().collect();
        headers.remove(SET_COOKIE);
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
