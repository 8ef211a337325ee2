//! `[notifications]`: the mail server and the webhooks, checked.

use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chaperone_domain::notification::NotificationKind;
use lettre::message::Mailbox;
use serde::Deserialize;
use url::{Host, Url};

use super::{Secret, Variables, is_local, text_of};

/// Fewest and most bytes of a webhook's secret, as the Standard Webhooks specification has it.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// What a webhook's secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// Longest name of a webhook, in characters.
const NAME_MAX_CHARS: usize = 100;
/// How the mail server's part is written.
const SMTP_EXAMPLE: &str = "host = \"mail.example.org\" and from = \"Chaperone <chaperone@example.org>\"";

/// `[notifications]` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotificationsFile {
    /// Certificates (PEM) of authorities that mail server and webhooks may have theirs from, beside the public ones.
    ca_file: Option<PathBuf>,
    smtp: Option<SmtpFile>,
    #[serde(default)]
    webhooks: Vec<WebhookFile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SmtpFile {
    host: Option<String>,
    port: Option<u16>,
    security: Option<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    from: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookFile {
    name: Option<String>,
    url: String,
    secret_file: PathBuf,
    kinds: Option<Vec<String>>,
}

/// How the way to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after a command; without it nothing is sent.
    StartTls,
    /// In clear, to this machine only.
    None,
}

/// The mail server.
#[derive(Clone, Debug)]
pub(crate) struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<(String, Secret)>,
    pub(crate) from: Mailbox,
}

/// A program that wants to be told.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// What people see of it.
    pub(crate) name: String,
    /// May hold a secret of its own.
    pub(crate) url: Secret,
    pub(crate) secret: WebhookSecret,
    pub(crate) kinds: Vec<NotificationKind>,
}

/// The key that a webhook's calls are signed with; never printed.
#[derive(Clone)]
pub(crate) struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// The bytes themselves.
    pub(crate) fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Reads `whsec_` and base64; `None` when it is not that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let key = STANDARD.decode(text.trim().strip_prefix(SECRET_PREFIX)?).ok()?;
        SECRET_BYTES.contains(&key.len()).then_some(Self(key))
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WebhookSecret")
    }
}

/// On which ways people and programs are told; with none nobody is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notifications {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) smtp: Option<Smtp>,
    pub(crate) webhooks: Vec<Webhook>,
}

impl NotificationsFile {
    /// Variables for everything but the webhooks, which are a list of tables.
    pub(super) fn take<V: Fn(&str) -> Option<String>>(&mut self, variables: &mut Variables<V>) {
        variables.one("NOTIFICATIONS_CA_FILE", &mut self.ca_file);
        let mut smtp = self.smtp.take().unwrap_or_default();
        variables.one("NOTIFICATIONS_SMTP_HOST", &mut smtp.host);
        let port = variables.text("NOTIFICATIONS_SMTP_PORT");
        variables.one("NOTIFICATIONS_SMTP_SECURITY", &mut smtp.security);
        variables.one("NOTIFICATIONS_SMTP_USER", &mut smtp.user);
        variables.one("NOTIFICATIONS_SMTP_PASSWORD_FILE", &mut smtp.password_file);
        variables.one("NOTIFICATIONS_SMTP_FROM", &mut smtp.from);
        if let Some((name, value)) = port {
            match value.trim().parse() {
                Ok(port) => smtp.port = Some(port),
                Err(_) => variables.problems.push(format!("{name} is {value:?}; write it like 587")),
            }
        }
        self.smtp = Some(smtp);
    }

    pub(super) fn judge(self, problems: &mut Vec<String>) -> Notifications {
        let smtp = self.smtp.filter(|smtp| !smtp.is_empty()).and_then(|smtp| smtp.judge(problems));
        let mut webhooks: Vec<Webhook> = Vec::new();
        for file in self.webhooks {
            let Some(webhook) = file.judge(problems) else { continue };
            if webhooks.iter().any(|known| known.name == webhook.name) {
                problems.push(format!(
                    "two webhooks are called {:?}; give each a name of its own: name = \"chat\"",
                    webhook.name
                ));
            }
            webhooks.push(webhook);
        }
        Notifications { ca_file: self.ca_file, smtp, webhooks }
    }
}

impl SmtpFile {
    fn is_empty(&self) -> bool {
        let Self { host, port, security, user, password_file, from } = self;
        host.is_none()
            && port.is_none()
            && security.is_none()
            && user.is_none()
            && password_file.is_none()
            && from.is_none()
    }

    fn judge(self, problems: &mut Vec<String>) -> Option<Smtp> {
        let security = match self.security.as_deref() {
            None | Some("tls") => Security::Tls,
            Some("starttls") => Security::StartTls,
            Some("none") => Security::None,
            Some(other) => {
                problems.push(format!(
                    "notifications.smtp.security is {other:?}; write \"tls\", \"starttls\" or, to a server on this \
                     machine, \"none\""
                ));
                return None;
            }
        };
        let (Some(host), Some(from)) = (self.host, self.from) else {
            problems.push(format!("[notifications.smtp] needs host and from; write {SMTP_EXAMPLE}"));
            return None;
        };
        if Host::parse(&host).is_err() {
            problems.push(format!(
                "notifications.smtp.host is {host:?}; write the name alone, like mail.example.org, and the port as port"
            ));
            return None;
        }
        if security == Security::None && !is_this_machine(&host) {
            problems.push(format!(
                "notifications.smtp.security is \"none\" and {host} is not this machine: mails and the password would \
                 go over the network in clear. Use \"tls\" or \"starttls\""
            ));
        }
        let from = match from.parse::<Mailbox>() {
            Ok(from) => from,
            Err(_) => {
                problems.push(format!(
                    "notifications.smtp.from is {from:?}; write it like Chaperone <chaperone@example.org>"
                ));
                return None;
            }
        };
        let credentials = match (self.user, self.password_file) {
            (None, None) => None,
            (Some(user), Some(path)) => {
                let password = text_of("notifications.smtp.password_file", &path, problems)?;
                Some((user, Secret(password)))
            }
            (Some(_), None) => {
                problems.push("[notifications.smtp] has a user and no password_file".to_owned());
                None
            }
            (None, Some(_)) => {
                problems.push("[notifications.smtp] has a password_file and no user".to_owned());
                None
            }
        };
        let port = self.port.unwrap_or(match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::None => 25,
        });
        Some(Smtp { host, port, security, credentials, from })
    }
}

impl WebhookFile {
    fn judge(self, problems: &mut Vec<String>) -> Option<Webhook> {
        let before = problems.len();
        let url = Url::parse(&self.url).ok().filter(|url| {
            let local = url.host_str().is_some_and(is_this_machine);
            url.host_str().is_some() && (url.scheme() == "https" || url.scheme() == "http" && local)
        });
        // The address is not told beyond its host: the rest may be a secret.
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
        if url.is_none() {
            problems.push(
                "the url of a webhook is not an address that begins with https:// (or with http://, to this machine)"
                    .to_owned(),
            );
        }
        let name = self.name.unwrap_or(host);
        if name.chars().count() > NAME_MAX_CHARS || name.chars().any(char::is_control) {
            problems.push(format!("the name of a webhook is a line of at most {NAME_MAX_CHARS} characters"));
        }
        let key = format!("secret_file of the webhook {name:?}");
        let secret = text_of(&key, &self.secret_file, problems);
        let parsed = secret.as_deref().and_then(WebhookSecret::parse);
        if secret.is_some() && parsed.is_none() {
            problems.push(format!(
                "{key} {} does not hold {SECRET_PREFIX} followed by 24 to 64 bytes in base64; make one with: echo \
                 {SECRET_PREFIX}$(openssl rand -base64 32)",
                self.secret_file.display()
            ));
        }
        let kinds = match self.kinds {
            None => NotificationKind::ALL.to_vec(),
            Some(names) => names
                .iter()
                .filter_map(|kind| {
                    let parsed = NotificationKind::parse(kind);
                    if parsed.is_none() {
                        let all = NotificationKind::ALL.map(NotificationKind::name).join(", ");
                        problems.push(format!("the webhook {name:?} wants {kind:?}; there are: {all}"));
                    }
                    parsed
                })
                .collect(),
        };
        match (url, parsed) {
            (Some(url), Some(secret)) if problems.len() == before => {
                Some(Webhook { name, url: Secret(url.into()), secret, kinds })
            }
            _ => None,
        }
    }
}

/// Whether a host is this machine.
pub(super) fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    is_local(host) || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::config;

    const BASE: &str = "data_dir = '/var/lib/chaperone'\nmaster_key_file = '/etc/chaperone/key'\n\
                        listen = ['127.0.0.1:8080']\nconsole_url = 'http://console.localhost:8080'\n\
                        replay_url = 'http://replay.localhost:8080'\n";
    const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Notifications, String> {
        config::parse(&format!("{BASE}{text}"), variable)
            .map(|config| config.notifications)
            .map_err(|problems| problems.join("\n"))
    }

    /// A folder with a password and the secret of a webhook.
    fn folder() -> TempDir {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("password"), "hidden\n").expect("written");
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).expect("written");
        std::fs::write(folder.path().join("short"), "whsec_c2hvcnQ=\n").expect("written");
        folder
    }

    #[test]
    fn without_the_table_nobody_is_told() {
        let found = parse("", |_| None).expect("in order");
        assert!(found.smtp.is_none() && found.webhooks.is_empty());
    }

    #[test]
    fn a_mail_server_and_webhooks_are_read_and_their_secrets_are_never_printed() {
        let folder = folder();
        let at = folder.path().display();
        let text = format!(
            "[notifications.smtp]\nhost = 'mail.example.org'\nsecurity = 'starttls'\nuser = 'chaperone'\n\
             password_file = '{at}/password'\nfrom = 'Chaperone <chaperone@example.org>'\n\
             [[notifications.webhooks]]\nurl = 'https://hooks.example.org/unguessable'\nsecret_file = '{at}/secret'\n\
             kinds = ['drift', 'could_not_be_put_back']\n\
             [[notifications.webhooks]]\nname = 'pager'\nurl = 'http://127.0.0.1:9/'\nsecret_file = '{at}/secret'\n"
        );
        let found = parse(&text, |_| None).expect("in order");
        let printed = format!("{found:?}");
        for hidden in ["hidden", "unguessable", "MDEy", "0123"] {
            assert!(!printed.contains(hidden), "{hidden} is printed: {printed}");
        }
        let smtp = found.smtp.expect("a mail server");
        assert_eq!((smtp.port, smtp.security), (587, Security::StartTls));
        assert_eq!(
            smtp.credentials.map(|(_, password)| password.reveal().to_owned()).as_deref(),
            Some("hidden")
        );
        let [hooks, pager] = found.webhooks.as_slice() else { panic!("two webhooks") };
        assert_eq!(hooks.name, "hooks.example.org");
        assert_eq!(hooks.kinds, [NotificationKind::Drift, NotificationKind::CouldNotBePutBack]);
        assert_eq!((pager.name.as_str(), pager.kinds.len()), ("pager", NotificationKind::ALL.len()));
        assert_eq!(pager.secret.reveal(), b"0123456789abcdef0123456789abcdef");
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let folder = folder();
        let at = folder.path().display().to_string();
        let smtp = |text: &str| format!("[notifications.smtp]\n{text}\n");
        let good = "host = 'mail.example.org'\nfrom = 'a@example.org'\n";
        let hook = |url: &str, more: &str, secret: &str| {
            format!("[[notifications.webhooks]]\nurl = '{url}'\nsecret_file = '{at}/{secret}'\n{more}\n")
        };
        let https = "https://hooks.example.org/x";
        let table = [
            (smtp("host = 'mail.example.org'"), "needs host and from"),
            (smtp(&format!("{good}security = 'ssl'")), "\"tls\", \"starttls\" or"),
            (smtp(&format!("{good}security = 'none'")), "is not this machine"),
            (smtp("host = 'mail.example.org:25'\nfrom = 'a@example.org'"), "write the name alone"),
            (smtp("host = 'mail.example.org'\nfrom = 'nobody'"), "chaperone@example.org>"),
            (smtp(&format!("{good}user = 'a'")), "no password_file"),
            (smtp(&format!("{good}password_file = '{at}/password'")), "no user"),
            (smtp(&format!("{good}user = 'a'\npassword_file = '{at}/gone'")), "cannot be read"),
            (smtp(&format!("{good}pasword = 'a'")), "unknown field `pasword`"),
            (hook("http://hooks.example.org/x", "", "secret"), "begins with https://"),
            (hook("hooks", "", "secret"), "begins with https://"),
            (hook(https, "", "short"), "openssl rand -base64 32"),
            (hook(https, "", "gone"), "cannot be read"),
            (hook(https, "kinds = ['everything']", "secret"), "there are: to_approve"),
            (hook(https, "", "secret") + &hook(https, "", "secret"), "a name of its own"),
        ];
        for (text, expected) in table {
            let found = parse(&text, |_| None).err().unwrap_or_default();
            assert!(found.contains(expected), "{text}\n{expected:?} is not in {found:?}");
            assert!(!found.contains("/x"), "the address is told: {found}");
        }
    }

    #[test]
    fn in_clear_goes_to_this_machine_only() {
        for host in ["localhost", "127.0.0.1", "::1"] {
            let text =
                format!("[notifications.smtp]\nhost = '{host}'\nsecurity = 'none'\nfrom = 'a@b.org'\n");
            // Written with brackets a host is an address, written without it is one as well.
            let found = parse(&text, |_| None);
            assert!(found.is_ok() || host == "::1", "{host}: {found:?}");
        }
    }

    #[test]
    fn variables_go_before_the_file_and_are_enough() {
        let variable = |name: &str| match name {
            "CHAPERONE_NOTIFICATIONS_SMTP_HOST" => Some("mail.example.org".to_owned()),
            "CHAPERONE_NOTIFICATIONS_SMTP_PORT" => Some("2525".to_owned()),
            "CHAPERONE_NOTIFICATIONS_SMTP_FROM" => Some("a@example.org".to_owned()),
            _ => None,
        };
        let smtp = parse("", variable).expect("in order").smtp.expect("a mail server");
        assert_eq!((smtp.host.as_str(), smtp.port), ("mail.example.org", 2525));
        let wrong = |name: &str| name.ends_with("SMTP_PORT").then(|| "many".to_owned());
        assert!(parse("", wrong).expect_err("refused").contains("write it like 587"));
    }
}
