//! The configuration file (TOML). Every problem is a sentence that says what to do; all of them are told at once.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use chaperone_app::Addresses;
use serde::Deserialize;
use url::Url;

use crate::Problem;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: PathBuf,
    master_key_file: PathBuf,
    /// Preset: a SQLite file in the data folder.
    database_url: Option<String>,
    /// A file that holds the address of the database, when it has a password in it.
    database_url_file: Option<PathBuf>,
    listen: Vec<SocketAddr>,
    console_url: String,
    replay_url: String,
    tls: Option<Tls>,
    #[serde(default)]
    trusted_proxies: Vec<IpAddr>,
    /// Certificates (PEM) of authorities that targets' certificates may be signed by, beside the public ones.
    target_ca_file: Option<PathBuf>,
    /// A file with the first administrator's password; without one a one-time password is printed.
    first_administrator_password_file: Option<PathBuf>,
}

/// Where the certificate is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificate and those above it (PEM).
    pub(crate) certificate_file: PathBuf,
    /// Its private key (PEM).
    pub(crate) key_file: PathBuf,
}

/// What the file says, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) master_key_file: PathBuf,
    pub(crate) database_url: String,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) addresses: Addresses,
    pub(crate) tls: Option<Tls>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) target_ca_file: Option<PathBuf>,
    pub(crate) first_password: Option<String>,
}

/// Reads and checks a configuration file.
pub(crate) fn read(path: &Path) -> Result<Config, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::new(format!("{} cannot be read: {error}", path.display())))?;
    let file: File = toml::from_str(&text).map_err(|error| {
        Problem::new(format!("{} is not in order: {}", path.display(), error.to_string().trim()))
    })?;
    judge(file).map_err(|problems| {
        Problem::new(format!("{} is not in order:\n- {}", path.display(), problems.join("\n- ")))
    })
}

/// `chaperone config check`.
pub(crate) fn check(path: &Path) -> Result<(), Problem> {
    let config = read(path)?;
    if let Some(tls) = &config.tls {
        crate::tls::server(tls)?;
    }
    crate::tls::towards_targets(config.target_ca_file.as_deref())?;
    crate::print(&format!(
        "{} is in order: the console is {}, data is in {}.",
        path.display(),
        config.addresses.console,
        config.data_dir.display()
    ));
    Ok(())
}

fn judge(file: File) -> Result<Config, Vec<String>> {
    let mut problems = Vec::new();
    let console = origin("console_url", &file.console_url, &mut problems);
    let replay = origin("replay_url", &file.replay_url, &mut problems);
    if let (Some(console), Some(replay)) = (&console, &replay) {
        if console.host_str() == replay.host_str() {
            problems.push("console_url and replay_url must have different host names: recordings are shown on an origin of their own".to_owned());
        }
        if console.scheme() != replay.scheme() || console.port() != replay.port() {
            problems.push("console_url and replay_url must have the same scheme and port".to_owned());
        }
    }
    if file.listen.is_empty() {
        problems.push("listen names no address; write listen = [\"127.0.0.1:8080\"]".to_owned());
    }
    let is_open = |address: &&SocketAddr| !address.ip().is_loopback();
    if file.tls.is_none()
        && file.trusted_proxies.is_empty()
        && let Some(open) = file.listen.iter().find(is_open)
    {
        problems.push(format!(
            "{open} is not a loopback address, and there is neither [tls] nor trusted_proxies: passwords would go over \
             the network in clear. Add [tls] with certificate_file and key_file, or name the proxy that has them"
        ));
    }
    let scheme = console.as_ref().map_or("http", Url::scheme);
    if file.tls.is_some() && scheme != "https" {
        problems.push("there is [tls], so console_url and replay_url begin with https://".to_owned());
    }
    if scheme == "http" && console.as_ref().and_then(Url::host_str).is_some_and(|host| !is_local(host)) {
        problems.push("console_url is plain http on a name that is not under localhost: browsers keep no secure cookie there. Use https://".to_owned());
    }
    let database_url = match (file.database_url, file.database_url_file) {
        (Some(_), Some(_)) => {
            problems.push("give database_url or database_url_file, not both".to_owned());
            String::new()
        }
        (Some(url), None) => url,
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) => {
                problems.push(format!("database_url_file {} cannot be read: {error}", path.display()));
                String::new()
            }
        },
        (None, None) => sqlite_url(&file.data_dir),
    };
    if file.master_key_file.starts_with(&file.data_dir) {
        problems.push("master_key_file is inside data_dir: whoever copies the data would have the key too. Put it elsewhere".to_owned());
    }
    let first_password =
        file.first_administrator_password_file.and_then(|path| match std::fs::read_to_string(&path) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                problems.push(format!(
                    "first_administrator_password_file {} cannot be read: {error}",
                    path.display()
                ));
                None
            }
        });
    match (console, replay) {
        (Some(console), Some(replay)) if problems.is_empty() => Ok(Config {
            data_dir: file.data_dir,
            master_key_file: file.master_key_file,
            database_url,
            listen: file.listen,
            addresses: Addresses {
                console: console.origin().ascii_serialization(),
                replay: replay.origin().ascii_serialization(),
                scheme: console.scheme().to_owned(),
                port: console.port(),
            },
            tls: file.tls,
            trusted_proxies: file.trusted_proxies,
            target_ca_file: file.target_ca_file,
            first_password,
        }),
        _ => Err(problems),
    }
}

/// The SQLite file of a data folder.
pub(crate) fn sqlite_url(data_dir: &Path) -> String {
    format!("sqlite:{}", data_dir.join("chaperone.db").display())
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]"
}

fn origin(name: &str, text: &str, problems: &mut Vec<String>) -> Option<Url> {
    match Url::parse(text) {
        Ok(url)
            if matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some()
                && url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty() =>
        {
            Some(url)
        }
        _ => {
            problems.push(format!(
                "{name} is {text:?}; write the origin alone, like https://chaperone.example.org"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        match toml::from_str::<File>(text) {
            Ok(file) => judge(file).err().unwrap_or_default().join("\n"),
            Err(error) => error.to_string(),
        }
    }

    const GOOD: &str = "data_dir = '/var/lib/chaperone'\nmaster_key_file = '/etc/chaperone/key'\n\
                        listen = ['127.0.0.1:8080']\nconsole_url = 'http://console.localhost:8080'\n\
                        replay_url = 'http://replay.localhost:8080'\n";

    #[test]
    fn a_file_in_order_has_no_problems() {
        assert_eq!(problems(GOOD), "");
        let config = judge(toml::from_str(GOOD).expect("TOML")).expect("in order");
        assert_eq!(config.addresses.console, "http://console.localhost:8080");
        assert_eq!(config.addresses.port, Some(8080));
        assert_eq!(config.database_url, "sqlite:/var/lib/chaperone/chaperone.db");
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        let table = [
            (
                "listen = ['127.0.0.1:8080']",
                "listen = ['0.0.0.0:8080']",
                "passwords would go over the network",
            ),
            ("listen = ['127.0.0.1:8080']", "listen = []", "names no address"),
            ("http://replay.localhost", "http://console.localhost", "different host names"),
            ("replay.localhost:8080", "replay.localhost:8081", "same scheme and port"),
            ("http://console.localhost:8080", "console.localhost", "write the origin alone"),
            (
                "http://console.localhost:8080",
                "http://chaperone.example.org:8080",
                "browsers keep no secure cookie",
            ),
            ("/etc/chaperone/key", "/var/lib/chaperone/key", "inside data_dir"),
            ("data_dir", "data_dri", "unknown field"),
            ("data_dir = '/var/lib/chaperone'\n", "", "missing field"),
        ];
        for (from, to, expected) in table {
            let found = problems(&GOOD.replacen(from, to, 1));
            assert!(found.contains(expected), "{to}: {found}");
        }
        let found = problems(&format!("{GOOD}[tls]\ncertificate_file = 'a'\nkey_file = 'b'\n"));
        assert!(found.contains("begin with https"), "{found}");
    }
}
