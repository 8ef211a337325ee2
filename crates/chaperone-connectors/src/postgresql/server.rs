//! The server: connections to it, kept for the next call while they are whole.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::guard::{Guard, Guarded, Said};
use super::roles::Connection;
use super::tls::tls;
use super::trouble;
use crate::error::ConnectorError;
use crate::secret::Secrets;
use crate::settings::{PostgresqlSettings, Tls};

/// Connections at once; more calls wait for their turn. Changes that are committed at the same time share the server's
/// synchronous write.
const CONNECTIONS_MAX: usize = 16;
/// Longest time to reach one of the host's addresses.
const REACH_LIMIT: Duration = Duration::from_secs(3);
/// Longest time for an idle connection to show that it is still there.
const ALIVE_LIMIT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is not used again.
const IDLE_MAX: Duration = Duration::from_mins(1);
/// What every connection begins with: nothing found by a name that somebody put into the way, texts of instants as
/// they are written back, and the server gives up before we do.
const BEGINNING: &str = "SET search_path = pg_catalog; SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC'; \
                         SET client_min_messages = 'error'; SET statement_timeout = '8s'; SET lock_timeout = '5s'; \
                         SET idle_in_transaction_session_timeout = '10s'; \
                         SET default_transaction_isolation = 'read committed'";

/// A connection that is signed in.
pub(super) struct Session {
    pub(super) connection: Connection,
    said: Said,
    idle_since: Instant,
}

/// The server.
pub(super) struct Server {
    settings: PostgresqlSettings,
    secrets: Secrets,
    tls: Option<MakeRustlsConnect>,
    place: String,
    turns: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Server {
    /// Checks the settings; nothing is sent yet.
    pub(super) fn new(settings: PostgresqlSettings, secrets: Secrets) -> Result<Self, ConnectorError> {
        let wrong = |sentence: &str| Err(ConnectorError::refused(sentence, ""));
        for (text, sentence) in [
            (&settings.host, "Give the host name or address of the PostgreSQL server."),
            (&settings.database, "Give the database to connect to; postgres is always there."),
            (&settings.user, "Give the role that Chaperone signs in as."),
        ] {
            if text.trim().is_empty() || text.contains('\0') {
                return wrong(sentence);
            }
        }
        if settings.port == 0 {
            return wrong("Give the port of the PostgreSQL server; it is 5432 unless somebody changed it.");
        }
        let socket = settings.host.starts_with('/');
        if settings.tls != Tls::Off && socket {
            return wrong("PostgreSQL speaks no TLS on a socket of this machine: switch TLS off for it.");
        }
        if settings.tls == Tls::Off && !socket && !could_be_this_machine(&settings.host) {
            return wrong(
                "Without TLS, only a server on this machine is allowed: switch TLS on, or give localhost or the \
                 folder of its socket.",
            );
        }
        let tls = tls(&settings.tls)?;
        let place = match (socket, settings.host.contains(':')) {
            (true, _) => format!("{}/.s.PGSQL.{}", settings.host.trim_end_matches('/'), settings.port),
            (_, true) => format!("[{}]:{}", settings.host, settings.port),
            _ => format!("{}:{}", settings.host, settings.port),
        };
        let (turns, idle) = (Semaphore::new(CONNECTIONS_MAX), Mutex::default());
        Ok(Self { settings, secrets, tls, place, turns, idle })
    }

    /// Where it is, for sentences.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Waits until there are not too many others.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, ConnectorError> {
        self.turns.acquire().await.map_err(|error| {
            ConnectorError::unreachable("Chaperone is ending; the directory is not asked any more.", error)
        })
    }

    /// A connection that works: an idle one, else a new one.
    pub(super) async fn session(&self) -> Result<Session, ConnectorError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(session) = idle else { return self.sign_in().await };
            session.said.begin();
            let idle = session.idle_since.elapsed();
            if session.connection.client.is_closed() || idle >= IDLE_MAX {
                continue;
            }
            if timeout(ALIVE_LIMIT, session.connection.client.check_connection())
                .await
                .is_ok_and(|alive| alive.is_ok())
            {
                return Ok(session);
            }
        }
    }

    /// Keeps a connection for the next call.
    pub(super) fn keep(&self, mut session: Session) {
        if !session.connection.client.is_closed() {
            session.idle_since = Instant::now();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }

    async fn sign_in(&self) -> Result<Session, ConnectorError> {
        let password = match &self.settings.password {
            Some(reference) => Some(self.secrets.read(reference)?),
            None => None,
        };
        let mut config = Config::new();
        config.user(&self.settings.user).dbname(&self.settings.database).application_name("chaperone");
        if let Some(password) = &password {
            config.password(password.as_bytes());
        }
        let explain = |error| {
            trouble::sign_in(&error, &self.settings, &self.place, password.as_deref().map(String::as_str))
        };
        let said = Said::default();
        let client = if self.settings.host.starts_with('/') {
            sign_in_clear(config, self.reach_socket().await?, said.clone()).await
        } else {
            let stream = self.reach_host().await?;
            match self.tls.clone() {
                Some(tls) => sign_in_tls(config, stream, tls, &self.settings.host, said.clone()).await,
                None => sign_in_clear(config, stream, said.clone()).await,
            }
        }
        .map_err(explain)?;
        client.batch_execute(BEGINNING).await.map_err(explain)?;
        let connection = Connection::new(client).await.map_err(explain)?;
        Ok(Session { connection, said, idle_since: Instant::now() })
    }

    /// Opens a stream to the server's socket on this machine.
    async fn reach_socket(&self) -> Result<UnixStream, ConnectorError> {
        let tried = timeout(REACH_LIMIT, UnixStream::connect(&self.place)).await;
        in_time(tried).map_err(|error| trouble::reach(&error, &self.place))
    }

    /// Opens a stream to the first address of the host that takes one.
    async fn reach_host(&self) -> Result<TcpStream, ConnectorError> {
        let (host, port) = (self.settings.host.as_str(), self.settings.port);
        let addresses = tokio::net::lookup_host((host, port)).await;
        let mut addresses: Vec<SocketAddr> =
            addresses.map_err(|error| trouble::unknown_host(&error, host))?.collect();
        // `localhost` is what a file of the machine makes of it.
        addresses.retain(|address| self.tls.is_some() || address.ip().is_loopback());
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
        for address in addresses {
            let tried = timeout(REACH_LIMIT, TcpStream::connect(address)).await;
            match in_time(tried).and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(trouble::reach(&last, &self.place))
    }
}

fn in_time<T>(tried: Result<io::Result<T>, Elapsed>) -> io::Result<T> {
    tried.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn sign_in_tls(
    mut config: Config,
    stream: TcpStream,
    mut tls: MakeRustlsConnect,
    host: &str,
    said: Said,
) -> Result<Client, tokio_postgres::Error> {
    let Ok(tls) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, host);
    config.ssl_mode(SslMode::Require);
    let (client, connection) = config.connect_raw(stream, Guarded { tls, said }).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn sign_in_clear<S>(mut config: Config, stream: S, said: Said) -> Result<Client, tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    config.ssl_mode(SslMode::Disable);
    let (client, connection) = config.connect_raw(Guard::new(stream, said), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Whether a host is this machine, as far as its name can say.
fn could_be_this_machine(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().map_or_else(|_| host == "localhost", |address| address.is_loopback())
}
