//! OpenTelemetry logs, read by a receiver with the protocol's own definitions.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::events::{at, config, event, events, send};
use crate::config::{EventStream, Secret, Way};

/// Everything that is waited for happens within this time, or never.
const LIMIT: Duration = Duration::from_secs(60);
/// Names a Python that has the protocol's definitions.
const PYTHON_VARIABLE: &str = "CHAPERONE_TEST_PYTHON";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/otlp_receiver.py");

/// The Python that `cargo xtask test` makes beside what it builds.
fn python() -> PathBuf {
    if let Some(named) = std::env::var_os(PYTHON_VARIABLE) {
        return named.into();
    }
    let here = std::env::current_exe().expect("a test is a program");
    here.ancestors().map(|folder| folder.join("python/bin/python")).find(|python| python.is_file()).unwrap_or_else(
        || panic!("there is no Python with the protocol: run `cargo xtask test` once, or name one in {PYTHON_VARIABLE}"),
    )
}

/// A running receiver; it ends when the test lets go of it.
struct Receiver {
    _child: Child,
    /// Read as it comes, so that the receiver never waits for the test.
    said: mpsc::UnboundedReceiver<String>,
    port: u16,
}

impl Receiver {
    async fn start() -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut child = Command::new(python())
            .arg(SCRIPT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the receiver starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (into, said) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if into.send(line).is_err() {
                    return;
                }
            }
        });
        let mut receiver = Self { _child: child, said, port: 0 };
        let port = receiver.says().await["port"].as_u64().expect("a port");
        receiver.port = u16::try_from(port).expect("a port");
        receiver
    }

    async fn says(&mut self) -> Value {
        let line = tokio::time::timeout(LIMIT, self.said.recv()).await.expect("in time");
        serde_json::from_str(&line.expect("the receiver goes on")).expect("JSON")
    }

    fn stream(&self, path: &str) -> EventStream {
        config(Way::Otlp {
            url: Secret::of(&format!("http://127.0.0.1:{}{path}", self.port)),
            authorization: Some(Secret::of("Bearer token")),
        })
    }
}

#[tokio::test]
async fn a_receiver_reads_what_the_protocol_means_in_order() {
    let mut receiver = Receiver::start().await;
    let said = send(&receiver.stream("/v1/logs"), &events(1, 100)).await;
    assert_eq!(said.as_deref(), Ok("The collector of siem took it (200)."));
    for seq in 1..=100 {
        let record = receiver.says().await;
        let sent = event(seq);
        assert_eq!(record["body"], sent.ocsf, "the event, as a structure");
        assert_eq!(record["attributes"]["log.record.uid"], sent.id.as_str());
        assert_eq!(record["attributes"]["chaperone.number"], seq);
        assert_eq!(record["attributes"]["client.address"], "192.0.2.7");
        assert_eq!(record["attributes"]["chaperone.privileged_session_id"], "s-1");
        assert_eq!(record["event_name"], "sign_in_failed");
        assert_eq!(record["time"], at().as_nanosecond().to_string());
        assert_eq!((&record["severity"], &record["severity_text"]), (&13.into(), &"WARN".into()));
        assert_eq!(record["resource"]["service.name"], "chaperone");
        assert_eq!(record["resource"]["service.instance.id"], "https://chaperone.example.org:8443");
        assert_eq!(record["authorization"], "Bearer token");
    }
}

#[tokio::test]
async fn a_receiver_that_rejects_some_stops_the_stream() {
    let receiver = Receiver::start().await;
    let refused = send(&receiver.stream("/reject"), &events(1, 3)).await;
    assert_eq!(refused, Err("refused: The collector of siem rejected some of what was sent.".to_owned()));
}
