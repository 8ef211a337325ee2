//! What a network, and a server that is none, do to answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chaperone_connectors::{Connector, ConnectorError, PostgresqlSettings, Secrets, Settings, Tls, open};
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::{As, Roles, account, opened, said, settings};
use crate::contract::{self, World as _, later};

/// What the proxy does when the server has said so many bytes on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Cuts,
    Stalls,
}

/// Between the connector and the real server.
struct Proxy {
    port: u16,
    /// How much of the server's answers still passes, over all connections.
    passes: Arc<AtomicUsize>,
    stalled: Arc<Notify>,
}

impl Proxy {
    async fn start(to: u16, then: Then) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
        let port = listener.local_addr().expect("bound").port();
        let (passes, stalled) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(Notify::new()));
        let (left, telling) = (passes.clone(), stalled.clone());
        tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                let server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server answers");
                tokio::spawn(pass(client, server, left.clone(), then, telling.clone()));
            }
        });
        Self { port, passes, stalled }
    }

    fn settings(&self, roles: &Roles) -> PostgresqlSettings {
        PostgresqlSettings { port: self.port, ..settings(&roles.server, &roles.user) }
    }
}

async fn pass(
    client: TcpStream,
    server: TcpStream,
    left: Arc<AtomicUsize>,
    then: Then,
    stalled: Arc<Notify>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let questions = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = [0_u8; 4096];
    while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
        let may = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            Some(if left == usize::MAX { left } else { left.saturating_sub(count) })
        });
        let may = may.unwrap_or_default().min(count);
        if to_client.write_all(&buffer[..may]).await.is_err() {
            break;
        }
        if may < count && then == Then::Stalls {
            stalled.notify_one();
            std::future::pending::<()>().await;
        } else if may < count {
            break;
        }
    }
    questions.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_anywhere_is_no_answer() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let port = settings(&world.server, &world.user).port;
    let proxy = Proxy::start(port, Then::Cuts).await;
    let somebody = world.add("cut-off", Enabled).await;
    for bytes in (0..).step_by(11) {
        let connector = opened(proxy.settings(&world));
        proxy.passes.store(bytes, Ordering::SeqCst);
        let seen = connector.observe(&somebody).await;
        proxy.passes.store(usize::MAX, Ordering::SeqCst);
        match seen {
            Ok(seen) => {
                assert_eq!(seen.attributes.state, Enabled);
                assert!(bytes > 400, "only {bytes} bytes were needed");
                break;
            }
            Err(ConnectorError::Unreachable(trouble)) => {
                assert!(trouble.sentence.contains("broke off"), "{bytes}: {trouble:?}");
            }
            Err(other) => panic!("{bytes}: {other:?}"),
        }
        // It finds its way back by itself.
        assert_eq!(connector.observe(&somebody).await.expect("again").attributes.state, Enabled, "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_breaks_off_anywhere_is_made_or_not_made() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let port = settings(&world.server, &world.user).port;
    let proxy = Proxy::start(port, Then::Cuts).await;
    let somebody = world.add("half-way", Disabled).await;
    let connector = opened(proxy.settings(&world));
    let (from, to) = (
        Attributes { state: Disabled, expires_at: None },
        Attributes { state: Enabled, expires_at: Some(later()) },
    );
    for bytes in (0..).step_by(17) {
        contract::set(&world, &somebody, from).await.expect("set");
        let expected = connector.observe(&somebody).await.expect("observed");
        proxy.passes.store(bytes, Ordering::SeqCst);
        let done = connector.set(&somebody, to, &expected, "key", Timestamp::now()).await;
        proxy.passes.store(usize::MAX, Ordering::SeqCst);
        let seen = contract::observe(&world, &somebody).await.attributes;
        if done.is_ok() {
            assert_eq!(seen, to);
            assert!(bytes > 200, "only {bytes} bytes were needed");
            break;
        }
        assert!(matches!(done, Err(ConnectorError::Unreachable(_))), "{bytes}: {done:?}");
        assert!(seen == from || seen == to, "{bytes}: {seen:?}");
        // The same call again, by somebody who knows no better.
        connector.set(&somebody, to, &expected, "key", Timestamp::now()).await.expect("again");
        assert_eq!(contract::observe(&world, &somebody).await.attributes, to, "{bytes}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_and_found_again() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let port = settings(&world.server, &world.user).port;
    let proxy = Proxy::start(port, Then::Stalls).await;
    let somebody = world.add("silence", Enabled).await;
    for bytes in [0, 1, 60, 500] {
        let connector = opened(proxy.settings(&world));
        proxy.passes.store(bytes, Ordering::SeqCst);
        let (asking, somebody) = (connector.clone(), somebody.clone());
        let asked = tokio::spawn({
            let somebody = somebody.clone();
            async move { asking.observe(&somebody).await }
        });
        proxy.stalled.notified().await;
        // From here on nothing happens but time.
        tokio::time::pause();
        let error = asked.await.expect("joined").expect_err("silence");
        tokio::time::resume();
        assert!(matches!(error, ConnectorError::Unreachable(_)), "{error:?}");
        assert!(said(&error).contains("did not answer within 10 seconds"), "{error:?}");
        proxy.passes.store(usize::MAX, Ordering::SeqCst);
        assert_eq!(connector.observe(&somebody).await.expect("again").attributes.state, Enabled, "{bytes}");
    }
}

/// A connector of something that answers every connection with this, for ever or once.
async fn answered_with(answer: Vec<u8>, endless: bool) -> Arc<dyn Connector> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        loop {
            let Ok((mut client, _)) = listener.accept().await else { return };
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut question = [0; 1024];
                let _ = client.read(&mut question).await;
                while client.write_all(&answer).await.is_ok() && endless {}
            });
        }
    });
    opened(PostgresqlSettings {
        host: "127.0.0.1".to_owned(),
        port,
        database: "postgres".to_owned(),
        user: "chaperone".to_owned(),
        password: None,
        tls: Tls::Off,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_speaks_no_postgresql_is_named_so() {
    let notice = [&b"N"[..], &1_000_u32.to_be_bytes(), &[b'x'; 996]].concat();
    let signed_in = b"R\0\0\0\x08\0\0\0\0";
    for (answer, endless) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), false),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), false),
        (vec![0xff; 64], false),
        (vec![0; 64], false),
        ([&signed_in[..], b"D\xff\xff\xff\xff"].concat(), false),
        (signed_in.to_vec(), true),
        (notice, true),
    ] {
        let connector = answered_with(answer, endless).await;
        for answered in [
            connector.observe(&account("16384".to_owned())).await.map(drop),
            connector.list(None).await.map(drop),
            connector.probe().await.map(drop),
        ] {
            let error = answered.expect_err("no PostgreSQL");
            assert!(matches!(error, ConnectorError::Unreachable(_)), "{error:?}");
            assert!(said(&error).contains("does not speak as PostgreSQL does"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn where_nothing_is_there_is_a_sentence() {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound").local_addr().expect("bound").port();
    let here = PostgresqlSettings {
        host: "127.0.0.1".to_owned(),
        port: free,
        database: "postgres".to_owned(),
        user: "chaperone".to_owned(),
        password: None,
        tls: Tls::Off,
    };
    let elsewhere = |host: &str| PostgresqlSettings { host: host.to_owned(), ..here.clone() };
    for (settings, words) in [
        (here.clone(), "Nothing listens at"),
        (
            PostgresqlSettings { tls: Tls::WellKnown, ..elsewhere("host.invalid") },
            "host.invalid is not known",
        ),
        (elsewhere("/nowhere"), "There is nothing at /nowhere/.s.PGSQL."),
    ] {
        let error = opened(settings).probe().await.expect_err("nothing there");
        assert!(matches!(error, ConnectorError::Unreachable(_)), "{error:?}");
        assert!(said(&error).contains(words), "{error:?}");
    }
}

#[test]
fn settings_that_cannot_be_right_are_refused_before_anything_is_sent() {
    let right = PostgresqlSettings {
        host: "localhost".to_owned(),
        port: 5432,
        database: "postgres".to_owned(),
        user: "chaperone".to_owned(),
        password: None,
        tls: Tls::Off,
    };
    let with = |change: fn(&mut PostgresqlSettings)| {
        let mut settings = right.clone();
        change(&mut settings);
        open(Settings::Postgresql(settings), Secrets::new("/nowhere")).map(drop)
    };
    let authorities = |text: &str| Tls::Authorities { certificates: text.to_owned() };
    let empty = authorities("");
    for (change, words) in [
        (
            (|settings| settings.host = "db.example.com".to_owned()) as fn(&mut PostgresqlSettings),
            "switch TLS on",
        ),
        (|settings| settings.host = "192.0.2.1".to_owned(), "switch TLS on"),
        (|settings| settings.host = String::new(), "host name"),
        (|settings| settings.user = "a\0b".to_owned(), "the role"),
        (|settings| settings.database = " ".to_owned(), "the database"),
        (|settings| settings.port = 0, "the port"),
        (
            |settings| (settings.host, settings.tls) = ("/run/postgresql".to_owned(), Tls::WellKnown),
            "switch TLS off",
        ),
    ] {
        let error = with(change).expect_err("refused");
        assert!(said(&error).contains(words), "{error:?}");
    }
    let torn = authorities("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for tls in [empty, authorities("no certificate"), torn, authorities(&"x".repeat(65 * 1024))] {
        let settings = PostgresqlSettings { tls, ..right.clone() };
        let error =
            open(Settings::Postgresql(settings), Secrets::new("/nowhere")).map(drop).expect_err("refused");
        assert!(said(&error).contains("PEM"), "{error:?}");
    }
    for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "/run/postgresql"] {
        let settings = PostgresqlSettings { host: host.to_owned(), ..right.clone() };
        open(Settings::Postgresql(settings), Secrets::new("/nowhere")).map(drop).expect("this machine");
    }
}
