//! Passwords, certificates, and a server that comes and goes, against servers of their own.

use std::sync::Arc;

use chaperone_connectors::{
    Connector, ConnectorError, PostgresqlSettings, SecretRef, Secrets, Settings, Tls, open,
};
use chaperone_domain::account::AccountState::Enabled;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::cluster::Cluster;
use super::{account, said};

/// A connector with its password in a file.
struct Signing {
    secrets: TempDir,
    settings: PostgresqlSettings,
}

impl Signing {
    fn new(port: u16, tls: Tls) -> Self {
        let secrets = tempfile::tempdir().expect("a folder");
        let settings = PostgresqlSettings {
            host: "localhost".to_owned(),
            port,
            database: "postgres".to_owned(),
            user: "chaperone".to_owned(),
            password: Some(SecretRef::File("password".to_owned())),
            tls,
        };
        let signing = Self { secrets, settings };
        signing.password("correct horse");
        signing
    }

    fn password(&self, password: &str) {
        std::fs::write(self.secrets.path().join("password"), password).expect("written");
    }

    fn open(&self, change: impl FnOnce(&mut PostgresqlSettings)) -> Arc<dyn Connector> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        open(Settings::Postgresql(settings), Secrets::new(self.secrets.path())).expect("right")
    }
}

const CHAPERONE: &str = "CREATE ROLE chaperone LOGIN SUPERUSER PASSWORD 'correct horse'";

async fn refused(connector: &Arc<dyn Connector>, words: &str) {
    let error = connector.probe().await.expect_err("refused");
    assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
    assert!(said(&error).contains(words), "{error:?}");
    assert!(!format!("{error:?}").contains("horse"), "{error:?}");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_sign_in_has_a_sentence_without_the_password() {
    let Some(cluster) = Cluster::start(&[], "").await else { return };
    let admin = cluster.admin().await;
    admin.batch_execute(CHAPERONE).await.expect("made");
    let signing = Signing::new(cluster.port, Tls::Off);
    let connector = signing.open(|_| {});
    signing.password("wrong horse");
    refused(&connector, "refuses the password of chaperone").await;
    // A right one is found without a restart.
    signing.password("correct horse\n");
    assert!(connector.probe().await.expect("works").contains("is a superuser"));

    refused(&signing.open(|settings| settings.user = "nobody".to_owned()), "refuses the password of nobody")
        .await;
    refused(&signing.open(|settings| settings.database = "nowhere".to_owned()), "no database nowhere").await;
    refused(&signing.open(|settings| settings.password = None), "asks for a password").await;
    refused(
        &signing.open(|settings| settings.password = Some(SecretRef::File("other".to_owned()))),
        "cannot be read",
    )
    .await;
    refused(&signing.open(|settings| settings.tls = Tls::WellKnown), "speaks no TLS").await;
    let by_socket = |user: &str| {
        let (host, user) = (cluster.socket_folder(), user.to_owned());
        signing.open(|settings| (settings.host, settings.user, settings.password) = (host, user, None))
    };
    refused(&by_socket("nobody"), "does not let nobody sign in").await;
    assert!(by_socket("chaperone").probe().await.expect("works").contains("is a superuser"));

    for sql in [
        "ALTER ROLE chaperone NOSUPERUSER",
        "CREATE DATABASE closed",
        "REVOKE ALL ON DATABASE closed FROM PUBLIC",
    ] {
        admin.batch_execute(sql).await.expect("done");
    }
    refused(
        &signing.open(|settings| settings.database = "closed".to_owned()),
        "may not connect to the database",
    )
    .await;
    admin.batch_execute("ALTER ROLE chaperone NOLOGIN").await.expect("altered");
    refused(&signing.open(|_| {}), "does not let chaperone sign in").await;
}

#[tokio::test]
async fn a_server_that_went_away_is_found_again() {
    let Some(mut cluster) = Cluster::start(&[], "").await else { return };
    cluster.admin().await.batch_execute(CHAPERONE).await.expect("made");
    let signing = Signing::new(cluster.port, Tls::Off);
    let connector = signing.open(|_| {});
    let superuser = account("10".to_owned());
    for _ in 0..2 {
        assert_eq!(connector.observe(&superuser).await.expect("there").attributes.state, Enabled);
        cluster.stop();
        let error = connector.observe(&superuser).await.expect_err("away");
        assert!(matches!(error, ConnectorError::Unreachable(_)), "{error:?}");
        assert!(said(&error).contains("Nothing listens"), "{error:?}");
        cluster.run().await;
    }
    // Nor does it notice a restart between two calls.
    connector.observe(&superuser).await.expect("there");
    cluster.stop();
    cluster.run().await;
    assert_eq!(connector.observe(&superuser).await.expect("there").attributes.state, Enabled);
}

#[tokio::test]
async fn a_server_that_can_only_be_read_is_named_so() {
    let Some(cluster) = Cluster::start(&[], "default_transaction_read_only = on\n").await else { return };
    let admin = cluster.admin().await;
    for sql in ["SET default_transaction_read_only = off", CHAPERONE] {
        admin.batch_execute(sql).await.expect("made");
    }
    let signing = Signing::new(cluster.port, Tls::Off);
    refused(&signing.open(|_| {}), "can only be read").await;
}

/// An authority, and a certificate of it for these names with its key; all PEM.
fn certificate(names: &[&str]) -> (String, String, String) {
    let named = |name: &str| {
        let mut distinguished = DistinguishedName::new();
        distinguished.push(DnType::CommonName, name);
        distinguished
    };
    let authority_key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("right");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name = named("Authority of a test");
    let root = authority.self_signed(&authority_key).expect("signed").pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut server = CertificateParams::new(names).expect("right");
    server.distinguished_name = named("Server of a test");
    let certificate = server.signed_by(&key, &issuer).expect("signed").pem();
    (root, certificate, key.serialize_pem())
}

#[tokio::test]
async fn a_server_proves_who_it_is_by_the_authorities_that_were_given_and_no_others() {
    let (root, certificate, key) = certificate(&["localhost"]);
    let (other_root, ..) = self::certificate(&["localhost"]);
    let files = [("server.crt", certificate.as_str()), ("server.key", key.as_str())];
    let Some(cluster) = Cluster::start(&files, "ssl = on\n").await else { return };
    cluster.admin().await.batch_execute(CHAPERONE).await.expect("made");
    let authorities = |pem: &str| Tls::Authorities { certificates: pem.to_owned() };
    let signing = Signing::new(cluster.port, authorities(&root));
    assert!(signing.open(|_| {}).probe().await.expect("works").contains("is a superuser"));
    let both = authorities(&format!("{other_root}{root}"));
    signing.open(|settings| settings.tls = both).probe().await.expect("one of them");

    refused(&signing.open(|settings| settings.tls = authorities(&other_root)), "of no trusted authority")
        .await;
    refused(&signing.open(|settings| settings.tls = Tls::WellKnown), "of no trusted authority").await;
    refused(&signing.open(|settings| settings.host = "127.0.0.1".to_owned()), "for another name").await;

    // That TLS was really spoken is the server's word.
    let admin = cluster.admin().await;
    let connector = signing.open(|_| {});
    connector.probe().await.expect("works");
    let sql = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
               WHERE a.application_name = 'chaperone'";
    assert_eq!(admin.query_one(sql, &[]).await.expect("asked").get::<_, Option<bool>>(0), Some(true));
}
