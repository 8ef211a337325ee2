//! Exports to a bucket: a real S3 server in a process of its own (moto), asked by its own client (boto3).

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use chaperone_app::exports::Format;
use chaperone_app::scheduled_exports::NewScheduledExport;
use chaperone_app::{AppError, jobs};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::scheduled_export::{Every, ExportContent, FindingKind, RunState};
use chaperone_domain::sign_in::SignIn;
use chaperone_store::{Events, StoreError};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::world::{PASSWORD, World};

/// Everything that is waited for happens within this time, or never.
const LIMIT: Duration = Duration::from_secs(60);
/// Names a Python that has moto and boto3.
const PYTHON_VARIABLE: &str = "CHAPERONE_TEST_PYTHON";
const BUCKET: &str = "larkfell-exports";
const DAY: i64 = 86_400;

/// The Python that `cargo xtask test` makes beside what it builds.
fn python() -> PathBuf {
    if let Some(named) = std::env::var_os(PYTHON_VARIABLE) {
        return named.into();
    }
    let here = std::env::current_exe().expect("a test is a program");
    here.ancestors()
        .map(|folder| folder.join("python/bin/python"))
        .find(|python| python.is_file())
        .unwrap_or_else(|| {
            panic!(
                "there is no Python with moto: run `cargo xtask test` once, or name one in {PYTHON_VARIABLE}"
            )
        })
}

/// A running S3 server; it ends when the test lets go of it.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    async fn start() -> Self {
        let mut child = Command::new(python())
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = loop {
            let line = tokio::time::timeout(LIMIT, said.next_line()).await.expect("in time");
            let line = line.expect("read").expect("the server goes on");
            if let Some((_, address)) = line.split_once("Running on ") {
                break address.trim().to_owned();
            }
        };
        // What it says later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Self { child, address }
    }

    /// Has the server's own client do something; what it prints, as JSON.
    async fn client(&self, script: &str) -> Value {
        let begin = format!(
            "import boto3, json\n\
             s3 = boto3.client('s3', endpoint_url='{}', region_name='eu-central-1', \
             aws_access_key_id='id', aws_secret_access_key='secret')\n\
             bucket = '{BUCKET}'\n",
            self.address
        );
        let done =
            Command::new(python()).args(["-c", &format!("{begin}{script}")]).output().await.expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap_or(Value::Null)
    }

    async fn make_bucket(&self) {
        self.client(
            "s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})",
        )
        .await;
    }

    /// What is in the bucket: names with sizes and SHA-256.
    async fn objects(&self) -> Value {
        self.client(
            "import hashlib\n\
             found = s3.list_objects_v2(Bucket=bucket).get('Contents', [])\n\
             body = lambda key: s3.get_object(Bucket=bucket, Key=key)['Body'].read()\n\
             print(json.dumps({o['Key']: {'bytes': o['Size'], \
             'sha256': hashlib.sha256(body(o['Key'])).hexdigest()} for o in found}))",
        )
        .await
    }

    fn target(&self) -> Value {
        json!({"kind": "s3", "bucket": BUCKET, "prefix": "audit/chaperone", "region": "eu-central-1",
            "endpoint": self.address, "access_key_id": "id", "secret_access_key": "file:bucket-key"})
    }
}

fn new_export(target: Value) -> NewScheduledExport {
    NewScheduledExport {
        name: "To the bucket".to_owned(),
        content: ExportContent::SignIns,
        every: Every::Day,
        format: Format::JsonLines,
        target,
        starts_at: None,
    }
}

fn lay_down_secret(world: &World) {
    let folder = world.folder().join("secrets");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("bucket-key"), "secret\n").expect("written");
}

/// So many sign-ins of Paula's that all look alike.
async fn many_sign_ins(world: &World, many: usize) {
    let op = chaperone_app::Op::anonymous(
        world.app.now(),
        chaperone_domain::sign_in::Channel::Web,
        chaperone_app::Client::new("192.0.2.9", &"a long user agent ".repeat(28)),
    );
    let first = world.app.sign_in(&op, "paula", PASSWORD.to_owned()).await.expect("signed in").sign_in;
    let rows = world.rows().await;
    for part in 0..many / 500 {
        let (first, op) = (first.clone(), op.clone());
        let written = rows.write(move |tx| {
            let (first, event) = (first.clone(), op.event(AuditAction::Installed, "test", part));
            Box::pin(async move {
                for number in 0..500 {
                    let id = uuid::Uuid::from_u128((((part * 500 + number) as u128) << 32) + 7);
                    let sign_in = SignIn { id: chaperone_domain::ids::SignInId::new(id), ..first.clone() };
                    tx.insert_sign_in(&sign_in, None).await?;
                }
                Ok::<_, StoreError>(tx.commit((), Events::one(event)))
            })
        });
        written.await.expect("written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_manifests_reach_a_bucket_whole_and_what_goes_missing_there_is_found() {
    let world = World::new().await;
    lay_down_secret(&world);
    let mut server = Server::start().await;
    let anna = world.op(&world.anna);
    let missing = world.app.create_scheduled_export(&anna, new_export(server.target())).await;
    let Err(AppError::Invalid(fields)) = missing else { panic!("{missing:?}") };
    assert!(fields[0].detail.contains(BUCKET), "{}", fields[0].detail);

    server.make_bucket().await;
    let view = world.app.create_scheduled_export(&anna, new_export(server.target())).await.expect("created");
    let id = view.export.id;
    assert!(!view.export.target.contains("secret\""), "{}", view.export.target);
    assert_eq!(server.objects().await, json!({}), "nothing is left of trying");
    // More than one part of an upload.
    many_sign_ins(&world, 10_000).await;
    world.clock.forward(DAY);
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 1);
    let view = world.app.scheduled_export(&anna, id).await.expect("there");
    let written = view.runs[0].written.clone().expect("written");
    assert!(written.bytes > 9 * 1024 * 1024 && written.rows == 10_001, "{written:?}");
    let objects = server.objects().await;
    let hex = |hash: &[u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let file = format!("audit/chaperone/{}", written.file);
    assert_eq!(objects[&file], json!({"bytes": written.bytes, "sha256": hex(&written.sha256)}));
    assert_eq!(objects[format!("{file}.manifest.json")]["sha256"], hex(&written.manifest_sha256));
    assert_eq!(objects.as_object().map(serde_json::Map::len), Some(2));
    let check = async || {
        let view = world.app.check_scheduled_export(&world.op(&world.anna), id).await.expect("checked");
        (view.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(), view.export.check_problem)
    };
    assert_eq!(check().await, (Vec::new(), None));
    server
        .client(&format!("s3.put_object(Bucket=bucket, Key='{file}', Body=b'x' * {})", written.bytes))
        .await;
    assert_eq!(check().await, (vec![FindingKind::FileChanged], None));
    server.client(&format!("s3.delete_object(Bucket=bucket, Key='{file}')")).await;
    assert_eq!(check().await, (vec![FindingKind::FileMissing], None));

    // The server goes away: nothing is acknowledged, and it is said.
    server.child.kill().await.expect("gone");
    world.clock.forward(DAY);
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 0);
    let run = world.app.scheduled_export(&anna, id).await.expect("there").runs[0].clone();
    assert_eq!(run.state, RunState::Waiting);
    assert!(
        run.problem.as_deref().is_some_and(|problem| problem.contains("cannot reach the bucket")),
        "{run:?}"
    );
    let (findings, problem) = check().await;
    assert_eq!(findings, [FindingKind::FileMissing], "what was found stays");
    assert!(problem.is_some_and(|problem| problem.contains("cannot reach the bucket")));
}
