//! `[[event_streams]]`: where the trail is sent, checked.

use std::path::{Path, PathBuf};

use chaperone_app::event_streams::classes::Class;
use chaperone_domain::event_stream::{NAME_MAX_CHARS, StreamFormat, StreamKind, StreamStart, is_name};
use serde::Deserialize;
use url::Url;

use super::notifications::is_this_machine;
use super::{Secret, WebhookSecret};

/// The port of syslog over TLS (RFC 5425).
const SYSLOG_TLS_PORT: u16 = 6514;
/// The port of syslog over TCP.
const SYSLOG_TCP_PORT: u16 = 514;
/// Smallest and largest length of a syslog message, in bytes: what every receiver takes, and what none does.
const SYSLOG_BYTES: std::ops::RangeInclusive<usize> = 2_048..=1_048_576;
/// What every receiver should take (RFC 5425); rsyslog takes no more unless it is told to.
const SYSLOG_BYTES_PRESET: usize = 8_192;
/// Longest authorization, in characters.
const AUTHORIZATION_MAX_CHARS: usize = 8_192;

/// One of `[[event_streams]]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventStreamFile {
    name: String,
    kind: String,
    url: String,
    format: Option<String>,
    from: Option<String>,
    classes: Option<Vec<String>>,
    /// `file:` or `env:` and where the key of a webhook's signature is.
    secret: Option<String>,
    /// `file:` or `env:` and where the value of the header `Authorization` is.
    authorization: Option<String>,
    /// How a webhook's batch is written.
    body: Option<String>,
    framing: Option<String>,
    confirm: Option<String>,
    max_message_bytes: Option<usize>,
    allow_clear: Option<bool>,
    ca_file: Option<PathBuf>,
    client_certificate_file: Option<PathBuf>,
    client_key_file: Option<PathBuf>,
}

/// How a batch of a webhook is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// One JSON object that holds the events.
    Batch,
    /// One event on each line.
    Lines,
}

/// How syslog messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The length before each.
    OctetCounting,
    /// The end of a line after each.
    Newline,
}

/// When syslog messages count as taken: the protocol has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// When the collector has read to the end of the connection and closed it.
    Close,
    /// When they are handed to the network.
    Written,
}

/// Whether the way is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// TLS.
    Tls,
    /// In clear.
    Clear,
}

/// How a collector is reached.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Webhook { url: Secret, body: Body, secret: Option<WebhookSecret>, authorization: Option<Secret> },
    Syslog { host: String, port: u16, protection: Protection, framing: Framing, confirm: Confirm },
    Otlp { url: Secret, authorization: Option<Secret> },
}

/// Where the trail is sent.
#[derive(Clone, Debug)]
pub(crate) struct EventStream {
    pub(crate) name: String,
    pub(crate) kind: StreamKind,
    /// Where it is, without what may be a secret.
    pub(crate) address: String,
    pub(crate) way: Way,
    pub(crate) format: StreamFormat,
    pub(crate) start: StreamStart,
    pub(crate) classes: Vec<Class>,
    /// Longest syslog message, in bytes.
    pub(crate) max_message_bytes: usize,
    pub(crate) ca_file: Option<PathBuf>,
    /// Certificate and key (PEM) that Chaperone shows.
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
}

pub(super) fn judge<V: Fn(&str) -> Option<String>>(
    files: Vec<EventStreamFile>,
    variable: &V,
    problems: &mut Vec<String>,
) -> Vec<EventStream> {
    let mut streams: Vec<EventStream> = Vec::new();
    for file in files {
        let before = problems.len();
        let name = file.name.clone();
        let judged = file.judge(variable, problems);
        if streams.iter().any(|known| known.name == name) {
            problems.push(format!("two event streams are called {name:?}; give each a name of its own"));
        }
        streams.extend(judged.filter(|_| problems.len() == before));
    }
    streams
}

impl EventStreamFile {
    fn judge<V: Fn(&str) -> Option<String>>(
        self,
        variable: &V,
        problems: &mut Vec<String>,
    ) -> Option<EventStream> {
        let of = format!("the event stream {:?}", self.name);
        if !is_name(&self.name) {
            problems.push(format!(
                "{of} has a name that does not fit; use 1 to {NAME_MAX_CHARS} small letters, digits, - and _, like \
                 name = \"siem\""
            ));
        }
        let Some(kind) = StreamKind::parse(&self.kind) else {
            problems.push(format!(
                "the kind of {of} is {:?}; write \"webhook\", \"syslog\" or \"otlp\"",
                self.kind
            ));
            return None;
        };
        self.judge_what_does_not_belong(kind, &of, problems);
        let format = one_of(
            &of,
            "format",
            "\"ocsf\" or \"cef\"",
            self.format.as_deref(),
            StreamFormat::parse,
            problems,
        )
        .unwrap_or(StreamFormat::Ocsf);
        if format == StreamFormat::Cef && kind != StreamKind::Syslog {
            problems.push(format!("{of} wants \"cef\", which is for syslog; leave format out"));
        }
        let start =
            one_of(&of, "from", "\"now\" or \"start\"", self.from.as_deref(), StreamStart::parse, problems)
                .unwrap_or(StreamStart::Now);
        let mut classes = Vec::new();
        for name in self.classes.iter().flatten() {
            match Class::parse(name) {
                Some(class) => classes.push(class),
                None => {
                    let all = Class::ALL.map(Class::name).join(", ");
                    problems.push(format!("{of} wants the class {name:?}; there are: {all}"));
                }
            }
        }
        if self.classes.as_ref().is_some_and(Vec::is_empty) {
            problems.push(format!("{of} has no classes; leave classes out to send everything"));
        }
        let max_message_bytes = self.max_message_bytes.unwrap_or(SYSLOG_BYTES_PRESET);
        if !SYSLOG_BYTES.contains(&max_message_bytes) {
            problems.push(format!(
                "max_message_bytes of {of} is {max_message_bytes}; write {} to {}",
                SYSLOG_BYTES.start(),
                SYSLOG_BYTES.end()
            ));
        }
        let client_certificate = match (&self.client_certificate_file, &self.client_key_file) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            _ => {
                problems
                    .push(format!("{of} needs both client_certificate_file and client_key_file, or neither"));
                None
            }
        };
        let (way, address) = match kind {
            StreamKind::Syslog => self.judge_syslog(&of, problems)?,
            StreamKind::Webhook => self.judge_webhook(&of, variable, problems)?,
            StreamKind::Otlp => {
                let (url, address) = self.http_url(&of, problems)?;
                let authorization = self.judge_authorization(&of, variable, problems);
                (Way::Otlp { url, authorization }, address)
            }
        };
        Some(EventStream {
            name: self.name,
            kind,
            address,
            way,
            format,
            start,
            classes,
            max_message_bytes,
            ca_file: self.ca_file,
            client_certificate,
        })
    }

    /// Keys of one kind that stand at another one would do nothing, and somebody expects something of them.
    fn judge_what_does_not_belong(&self, kind: StreamKind, of: &str, problems: &mut Vec<String>) {
        use StreamKind::{Otlp, Syslog, Webhook};
        let keys: [(&str, bool, &[StreamKind]); 6] = [
            ("secret", self.secret.is_some(), &[Webhook]),
            ("authorization", self.authorization.is_some(), &[Webhook, Otlp]),
            ("body", self.body.is_some(), &[Webhook]),
            ("framing", self.framing.is_some(), &[Syslog]),
            ("confirm", self.confirm.is_some(), &[Syslog]),
            ("max_message_bytes", self.max_message_bytes.is_some(), &[Syslog]),
        ];
        for (key, is_there, kinds) in keys {
            if is_there && !kinds.contains(&kind) {
                problems.push(format!(
                    "{of} is a {} and has {key}, which it does not know; take it out",
                    kind.name()
                ));
            }
        }
    }

    fn judge_webhook<V: Fn(&str) -> Option<String>>(
        &self,
        of: &str,
        variable: &V,
        problems: &mut Vec<String>,
    ) -> Option<(Way, String)> {
        let body = |name: &str| match name {
            "batch" => Some(Body::Batch),
            "lines" => Some(Body::Lines),
            _ => None,
        };
        let body = one_of(of, "body", "\"batch\" or \"lines\"", self.body.as_deref(), body, problems)
            .unwrap_or(Body::Batch);
        let (url, address) = self.http_url(of, problems)?;
        let authorization = self.judge_authorization(of, variable, problems);
        let secret = match &self.secret {
            None => None,
            Some(reference) => {
                let text = referred(of, "secret", reference, variable, problems)?;
                let parsed = WebhookSecret::parse(&text);
                if parsed.is_none() {
                    problems.push(format!(
                        "the secret of {of} is not whsec_ followed by 24 to 64 bytes in base64; make one with: echo \
                         whsec_$(openssl rand -base64 32)"
                    ));
                }
                parsed
            }
        };
        if self.secret.is_none() && self.authorization.is_none() {
            problems.push(format!(
                "{of} has neither secret nor authorization, so the collector could not know who sends; write secret = \
                 \"file:/etc/chaperone/siem-secret\""
            ));
        }
        Some((Way::Webhook { url, body, secret, authorization }, address))
    }

    fn judge_syslog(&self, of: &str, problems: &mut Vec<String>) -> Option<(Way, String)> {
        let example = "write url = \"tls://syslog.example.org:6514\", or tcp:// for a collector without TLS";
        let url = Url::parse(&self.url).ok().filter(|url| {
            matches!(url.scheme(), "tls" | "tcp")
                && url.host_str().is_some_and(|host| !host.is_empty())
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.username().is_empty()
        });
        let Some(url) = url else {
            problems.push(format!("the url of {of} is not the address of a syslog collector; {example}"));
            return None;
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let (protection, preset) = match url.scheme() {
            "tls" => (Protection::Tls, SYSLOG_TLS_PORT),
            _ => (Protection::Clear, SYSLOG_TCP_PORT),
        };
        if protection == Protection::Clear && !is_this_machine(&host) && self.allow_clear != Some(true) {
            problems.push(format!(
                "the url of {of} is tcp:// and {host} is not this machine: the trail would go over the network in clear. \
                 Use tls://, or write allow_clear = true if the network is protected otherwise"
            ));
        }
        if protection == Protection::Clear
            && (self.ca_file.is_some() || self.client_certificate_file.is_some())
        {
            problems.push(format!("{of} has certificates and a url with tcp://; write tls://"));
        }
        let framing = |name: &str| match name {
            "octet_counting" => Some(Framing::OctetCounting),
            "newline" => Some(Framing::Newline),
            _ => None,
        };
        let confirm = |name: &str| match name {
            "close" => Some(Confirm::Close),
            "written" => Some(Confirm::Written),
            _ => None,
        };
        let framing = one_of(
            of,
            "framing",
            "\"octet_counting\" or \"newline\"",
            self.framing.as_deref(),
            framing,
            problems,
        )
        .unwrap_or(Framing::OctetCounting);
        let confirm =
            one_of(of, "confirm", "\"close\" or \"written\"", self.confirm.as_deref(), confirm, problems)
                .unwrap_or(Confirm::Close);
        let port = url.port().unwrap_or(preset);
        let address = format!("{}://{host}:{port}", url.scheme());
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some((Way::Syslog { host, port, protection, framing, confirm }, address))
    }

    /// The address, and what of it may be shown: path and parameters may be a secret.
    fn http_url(&self, of: &str, problems: &mut Vec<String>) -> Option<(Secret, String)> {
        let url = Url::parse(&self.url).ok().filter(|url| {
            let host = url.host_str().unwrap_or_default();
            let clear_is_fine = is_this_machine(host) || self.allow_clear == Some(true);
            !host.is_empty() && (url.scheme() == "https" || url.scheme() == "http" && clear_is_fine)
        });
        let Some(url) = url else {
            problems.push(format!(
                "the url of {of} is not an address that begins with https:// (or with http://, to this machine or with \
                 allow_clear = true)"
            ));
            return None;
        };
        Some((Secret(url.as_str().to_owned()), url.origin().ascii_serialization()))
    }

    fn judge_authorization<V: Fn(&str) -> Option<String>>(
        &self,
        of: &str,
        variable: &V,
        problems: &mut Vec<String>,
    ) -> Option<Secret> {
        let text = referred(of, "authorization", self.authorization.as_deref()?, variable, problems)?;
        let fits = |c: char| c.is_ascii_graphic() || c == ' ';
        if text.chars().count() > AUTHORIZATION_MAX_CHARS || !text.chars().all(fits) {
            problems.push(format!(
                "the authorization of {of} is not one line of a header; write its whole value, like Bearer and the token"
            ));
            return None;
        }
        Some(Secret(text))
    }
}

/// A value of a closed list; what is not there is `None`.
fn one_of<T>(
    of: &str,
    key: &str,
    all: &str,
    value: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    problems: &mut Vec<String>,
) -> Option<T> {
    let value = value?;
    let parsed = parse(value);
    if parsed.is_none() {
        problems.push(format!("{key} of {of} is {value:?}; write {all}"));
    }
    parsed
}

/// What `file:/path` or `env:NAME` holds, without the end of its line.
fn referred<V: Fn(&str) -> Option<String>>(
    of: &str,
    key: &str,
    reference: &str,
    variable: &V,
    problems: &mut Vec<String>,
) -> Option<String> {
    let what = format!("{key} of {of}");
    if let Some(path) = reference.strip_prefix("file:") {
        return super::text_of(&what, Path::new(path), problems);
    }
    let Some(name) = reference.strip_prefix("env:") else {
        // What stands there is not told: it may be the secret itself.
        problems.push(format!(
            "{what} is neither file: with a path nor env: with a name; secrets do not stand here"
        ));
        return None;
    };
    let text = variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if text.is_none() {
        problems.push(format!("{what} names the variable {name}, which is not set"));
    }
    text
}

#[cfg(test)]
mod tests;
