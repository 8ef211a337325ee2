//! The configuration: a file (TOML), and variables of the environment that go before it.
//!
//! Every problem is a sentence that says what to do; all of them are told at once. Each key of the file has a variable
//! of the same name: `data_dir` is `CHAPERONE_DATA_DIR`, `tls.key_file` is `CHAPERONE_TLS_KEY_FILE`; lists are written
//! with commas.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chaperone_app::Addresses;
use serde::Deserialize;
use url::Url;

use crate::Problem;

mod event_streams;
mod notifications;

use event_streams::EventStreamFile;
pub(crate) use event_streams::{Body, Confirm, EventStream, Framing, Protection, Way};
use notifications::NotificationsFile;
pub(crate) use notifications::{Notifications, Security, Smtp, Webhook, WebhookSecret};

/// What the name of every variable begins with.
const VARIABLE_PREFIX: &str = "CHAPERONE_";

/// The file as it is written. Nothing is required here, because a variable may say it instead.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
    secrets_dir: Option<PathBuf>,
    /// Preset: a SQLite file in the data folder.
    database_url: Option<String>,
    /// A file that holds the address of the database, when it has a password in it.
    database_url_file: Option<PathBuf>,
    listen: Option<Vec<SocketAddr>>,
    console_url: Option<String>,
    replay_url: Option<String>,
    #[serde(default)]
    tls: TlsFile,
    trusted_proxies: Option<Vec<IpAddr>>,
    /// Certificates (PEM) of authorities that targets' certificates may be signed by, beside the public ones.
    target_ca_file: Option<PathBuf>,
    /// A file with the first administrator's password; without one a one-time password is printed.
    first_administrator_password_file: Option<PathBuf>,
    /// The mail server and the webhooks.
    #[serde(default)]
    notifications: NotificationsFile,
    /// Where the trail is sent.
    #[serde(default)]
    event_streams: Vec<EventStreamFile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsFile {
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
}

/// Where the certificate is.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// The certificate and those above it (PEM).
    pub(crate) certificate_file: PathBuf,
    /// Its private key (PEM).
    pub(crate) key_file: PathBuf,
}

/// A text that is never printed.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// A secret out of nowhere.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// What file and variables say, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) master_key_file: PathBuf,
    /// Secrets of directories; preset: `secrets` beside the master key.
    pub(crate) secrets_dir: PathBuf,
    /// May hold the database's password.
    pub(crate) database_url: Secret,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) addresses: Addresses,
    pub(crate) tls: Option<Tls>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) target_ca_file: Option<PathBuf>,
    pub(crate) first_password: Option<Secret>,
    pub(crate) notifications: Notifications,
    pub(crate) event_streams: Vec<EventStream>,
}

/// Reads and checks a configuration file together with the environment.
pub(crate) fn read(path: &Path) -> Result<Config, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(format!("{} cannot be read: {error}", path.display())))?;
    let variable = |name: &str| std::env::var(name).ok();
    parse(&text, variable).map_err(|problems| {
        Problem::new(format!("{} is not in order:\n- {}", path.display(), problems.join("\n- ")))
    })
}

fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Config, Vec<String>> {
    let mut file: File = toml::from_str(text).map_err(|error| vec![error.to_string().trim().to_owned()])?;
    let mut variables = Variables { read: variable, problems: Vec::new() };
    file.take(&mut variables);
    judge(file, &variables.read, variables.problems)
}

/// Variables, and what is wrong with them.
struct Variables<V> {
    read: V,
    problems: Vec<String>,
}

impl<V: Fn(&str) -> Option<String>> Variables<V> {
    fn text(&self, key: &str) -> Option<(String, String)> {
        let name = format!("{VARIABLE_PREFIX}{key}");
        (self.read)(&name).map(|value| (name, value))
    }

    /// The variable goes before what the file says.
    fn one<T: From<String>>(&self, key: &str, field: &mut Option<T>) {
        if let Some((_, value)) = self.text(key) {
            *field = Some(T::from(value));
        }
    }

    fn list<T: FromStr>(&mut self, key: &str, field: &mut Option<Vec<T>>, example: &str) {
        let Some((name, value)) = self.text(key) else { return };
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        match parts.map(str::parse).collect() {
            Ok(list) => *field = Some(list),
            Err(_) => self.problems.push(format!("{name} is {value:?}; write it like {example}")),
        }
    }
}

impl File {
    fn take<V: Fn(&str) -> Option<String>>(&mut self, variables: &mut Variables<V>) {
        variables.one("DATA_DIR", &mut self.data_dir);
        variables.one("MASTER_KEY_FILE", &mut self.master_key_file);
        variables.one("SECRETS_DIR", &mut self.secrets_dir);
        // Whoever names one of the two in the environment means that one.
        if variables.text("DATABASE_URL").is_some() || variables.text("DATABASE_URL_FILE").is_some() {
            (self.database_url, self.database_url_file) = (None, None);
        }
        variables.one("DATABASE_URL", &mut self.database_url);
        variables.one("DATABASE_URL_FILE", &mut self.database_url_file);
        variables.list("LISTEN", &mut self.listen, "127.0.0.1:8080,[::1]:8080");
        variables.one("CONSOLE_URL", &mut self.console_url);
        variables.one("REPLAY_URL", &mut self.replay_url);
        variables.one("TLS_CERTIFICATE_FILE", &mut self.tls.certificate_file);
        variables.one("TLS_KEY_FILE", &mut self.tls.key_file);
        variables.list("TRUSTED_PROXIES", &mut self.trusted_proxies, "192.0.2.10,192.0.2.11");
        variables.one("TARGET_CA_FILE", &mut self.target_ca_file);
        variables.one("FIRST_ADMINISTRATOR_PASSWORD_FILE", &mut self.first_administrator_password_file);
        self.notifications.take(variables);
    }
}

/// `chaperone config check`.
pub(crate) fn check(path: &Path) -> Result<(), Problem> {
    let config = read(path)?;
    if let Some(tls) = &config.tls {
        crate::tls::server(tls)?;
    }
    crate::tls::towards_targets(config.target_ca_file.as_deref())?;
    crate::notify::channels(&config.notifications, &config.addresses)?;
    crate::streams::configured(&config.event_streams, &config.addresses)?;
    crate::print(&format!(
        "{} is in order: the console is {}, data is in {}.",
        path.display(),
        config.addresses.console,
        config.data_dir.display()
    ));
    Ok(())
}

fn judge<V: Fn(&str) -> Option<String>>(
    file: File,
    variable: &V,
    mut problems: Vec<String>,
) -> Result<Config, Vec<String>> {
    let data_dir = required("data_dir", "\"/var/lib/chaperone\"", file.data_dir, &mut problems);
    let master_key_file =
        required("master_key_file", "\"/etc/chaperone/master.key\"", file.master_key_file, &mut problems);
    let console = origin("console_url", "https://chaperone.example.org", file.console_url, &mut problems);
    let replay = origin("replay_url", "https://replay.example.org", file.replay_url, &mut problems);
    let listen = file.listen.filter(|listen| !listen.is_empty());
    let listen = required("listen", "[\"127.0.0.1:8080\"]", listen, &mut problems).unwrap_or_default();
    let tls = tls(file.tls, &mut problems);
    let trusted_proxies = file.trusted_proxies.unwrap_or_default();
    judge_origins(console.as_ref(), replay.as_ref(), tls.is_some(), &mut problems);
    judge_listen(&listen, tls.is_some() || !trusted_proxies.is_empty(), &mut problems);
    if let (Some(key), Some(data)) = (&master_key_file, &data_dir)
        && key.starts_with(data)
    {
        problems.push("master_key_file is inside data_dir: whoever copies the data would have the key too. Put it elsewhere".to_owned());
    }
    let database_url = match (file.database_url, file.database_url_file) {
        (Some(_), Some(_)) => {
            problems.push("give database_url or database_url_file, not both".to_owned());
            None
        }
        (Some(url), None) => Some(url),
        (None, Some(path)) => text_of("database_url_file", &path, &mut problems),
        (None, None) => data_dir.as_deref().map(sqlite_url),
    };
    if let Some(url) = &database_url
        && !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
    {
        // The address itself is not told: it may hold a password.
        problems.push("database_url begins with neither sqlite: nor postgres://".to_owned());
    }
    let first_password = file
        .first_administrator_password_file
        .and_then(|path| text_of("first_administrator_password_file", &path, &mut problems));
    let notifications = file.notifications.judge(&mut problems);
    let event_streams = event_streams::judge(file.event_streams, variable, &mut problems);
    match (data_dir, master_key_file, database_url, console, replay) {
        (Some(data_dir), Some(master_key_file), Some(database_url), Some(console), Some(replay))
            if problems.is_empty() =>
        {
            Ok(Config {
                data_dir,
                secrets_dir: file
                    .secrets_dir
                    .unwrap_or_else(|| master_key_file.parent().unwrap_or(Path::new("/")).join("secrets")),
                master_key_file,
                database_url: Secret(database_url),
                listen,
                addresses: Addresses {
                    console: console.origin().ascii_serialization(),
                    replay: replay.origin().ascii_serialization(),
                    scheme: console.scheme().to_owned(),
                    port: console.port(),
                },
                tls,
                trusted_proxies,
                target_ca_file: file.target_ca_file,
                first_password: first_password.map(Secret),
                notifications,
                event_streams,
            })
        }
        _ => Err(problems),
    }
}

fn judge_origins(console: Option<&Url>, replay: Option<&Url>, with_tls: bool, problems: &mut Vec<String>) {
    let (Some(console), Some(replay)) = (console, replay) else { return };
    if console.host_str() == replay.host_str() {
        problems.push("console_url and replay_url must have different host names: recordings are shown on an origin of their own".to_owned());
    }
    if console.scheme() != replay.scheme() || console.port() != replay.port() {
        problems.push("console_url and replay_url must have the same scheme and port".to_owned());
    }
    let in_clear = console.scheme() == "http";
    if with_tls && in_clear {
        problems.push("there is [tls], so console_url and replay_url begin with https://".to_owned());
    }
    if in_clear && console.host_str().is_some_and(|host| !is_local(host)) {
        problems.push("console_url is plain http on a name that is not under localhost: browsers keep no secure cookie there. Use https://".to_owned());
    }
}

fn judge_listen(listen: &[SocketAddr], secured: bool, problems: &mut Vec<String>) {
    if let Some(open) = listen.iter().find(|address| !address.ip().is_loopback())
        && !secured
    {
        problems.push(format!(
            "{open} is not a loopback address, and there is neither [tls] nor trusted_proxies: passwords would go over \
             the network in clear. Add [tls] with certificate_file and key_file, or name the proxy that has them"
        ));
    }
    let mut seen = Vec::new();
    for address in listen {
        if seen.contains(&address) {
            problems.push(format!("listen names {address} twice"));
        }
        seen.push(address);
    }
}

fn tls(file: TlsFile, problems: &mut Vec<String>) -> Option<Tls> {
    match (file.certificate_file, file.key_file) {
        (None, None) => None,
        (Some(certificate_file), Some(key_file)) => Some(Tls { certificate_file, key_file }),
        (Some(_), None) => {
            problems.push("[tls] has a certificate_file and no key_file".to_owned());
            None
        }
        (None, Some(_)) => {
            problems.push("[tls] has a key_file and no certificate_file".to_owned());
            None
        }
    }
}

/// A value that must be there.
fn required<T>(key: &str, example: &str, value: Option<T>, problems: &mut Vec<String>) -> Option<T> {
    if value.is_none() {
        problems.push(format!(
            "{key} is missing; write {key} = {example} or set {VARIABLE_PREFIX}{}",
            key.to_uppercase()
        ));
    }
    value
}

/// What a file holds, without the end of its line.
fn text_of(key: &str, path: &Path, problems: &mut Vec<String>) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => {
            problems.push(format!("{key} {} is empty", path.display()));
            None
        }
        Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => {
            problems.push(format!("{key} {} cannot be read: {error}", path.display()));
            None
        }
    }
}

/// The SQLite file of a data folder.
pub(crate) fn sqlite_url(data_dir: &Path) -> String {
    format!("sqlite:{}", data_dir.join("chaperone.db").display())
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]"
}

fn origin(key: &str, example: &str, text: Option<String>, problems: &mut Vec<String>) -> Option<Url> {
    let text = required(key, &format!("{example:?}"), text, problems)?;
    match Url::parse(&text) {
        Ok(url)
            if matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some()
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none() =>
        {
            Some(url)
        }
        _ => {
            problems.push(format!("{key} is {text:?}; write the origin alone, like {example}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "data_dir = '/var/lib/chaperone'\nmaster_key_file = '/etc/chaperone/key'\n\
                        listen = ['127.0.0.1:8080']\nconsole_url = 'http://console.localhost:8080'\n\
                        replay_url = 'http://replay.localhost:8080'\n";

    fn nothing(_name: &str) -> Option<String> {
        None
    }

    fn problems(text: &str) -> String {
        parse(text, nothing).err().unwrap_or_default().join("\n")
    }

    #[test]
    fn a_file_in_order_has_no_problems() {
        assert_eq!(problems(GOOD), "");
        let config = parse(GOOD, nothing).expect("in order");
        assert_eq!(config.addresses.console, "http://console.localhost:8080");
        assert_eq!(config.addresses.port, Some(8080));
        assert_eq!(config.database_url.reveal(), "sqlite:/var/lib/chaperone/chaperone.db");
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let table = [
            (
                "listen = ['127.0.0.1:8080']",
                "listen = ['0.0.0.0:8080']",
                "passwords would go over the network",
            ),
            ("listen = ['127.0.0.1:8080']", "listen = []", "listen is missing"),
            ("['127.0.0.1:8080']", "['127.0.0.1:8080', '127.0.0.1:8080']", "127.0.0.1:8080 twice"),
            ("http://replay.localhost", "http://console.localhost", "different host names"),
            ("replay.localhost:8080", "replay.localhost:8081", "same scheme and port"),
            ("http://console.localhost:8080", "console.localhost", "write the origin alone"),
            ("http://console.localhost:8080", "http://console.localhost:8080/path", "write the origin alone"),
            (
                "http://console.localhost:8080",
                "http://chaperone.example.org:8080",
                "browsers keep no secure cookie",
            ),
            ("/etc/chaperone/key", "/var/lib/chaperone/key", "inside data_dir"),
            ("data_dir", "data_dri", "unknown field"),
            ("data_dir = '/var/lib/chaperone'\n", "", "set CHAPERONE_DATA_DIR"),
            ("data_dir", "database_url = 'mysql://x'\ndata_dir", "neither sqlite: nor postgres://"),
            ("data_dir", "database_url_file = '/nowhere'\ndata_dir", "/nowhere cannot be read"),
        ];
        for (from, to, expected) in table {
            let found = problems(&GOOD.replacen(from, to, 1));
            assert!(found.contains(expected), "{to}: {found}");
        }
        let found = problems(&format!("{GOOD}[tls]\ncertificate_file = 'a'\nkey_file = 'b'\n"));
        assert!(found.contains("begin with https"), "{found}");
        let found = problems(&format!("{GOOD}[tls]\ncertificate_file = 'a'\n"));
        assert!(found.contains("no key_file"), "{found}");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let found = problems("listen = ['0.0.0.0:80']");
        for expected in ["data_dir", "master_key_file", "console_url", "replay_url", "0.0.0.0:80"] {
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn variables_go_before_the_file() {
        let variable = |name: &str| match name {
            "CHAPERONE_DATA_DIR" => Some("/srv/chaperone".to_owned()),
            "CHAPERONE_LISTEN" => Some("127.0.0.1:9000, [::1]:9000".to_owned()),
            "CHAPERONE_DATABASE_URL" => Some("postgres://chaperone:hidden@db/chaperone".to_owned()),
            _ => None,
        };
        let config = parse(GOOD, variable).expect("in order");
        assert_eq!(config.data_dir, Path::new("/srv/chaperone"));
        assert_eq!(config.listen.len(), 2);
        assert_eq!(config.database_url.reveal(), "postgres://chaperone:hidden@db/chaperone");
        assert!(!format!("{config:?}").contains("hidden"), "a password is printed");
        let wrong = |name: &str| (name == "CHAPERONE_LISTEN").then(|| "everywhere".to_owned());
        let found = parse(GOOD, wrong).expect_err("refused").join("\n");
        assert!(found.contains("CHAPERONE_LISTEN is \"everywhere\""), "{found}");
    }
}
