//! The folder of a scheduled export without any room, or one that takes nothing: what is there stays whole, the problem is
//! told with what to do, and the file is written once there is room.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::Call;
use crate::clock::from_now;
use crate::office::{LOOK, Office};
use crate::process::{Installation, LIMIT, Process};
use crate::roles::Roles;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// A folder of the kernel, in which nobody can make a file, whoever they are.
const TAKES_NOTHING: &str = "/sys/kernel";

/// Yesterday, from midnight.
fn yesterday() -> String {
    let now: Timestamp = from_now(0).parse().expect("an instant");
    let now = now.as_millisecond();
    Timestamp::from_millisecond(now - now.rem_euclid(DAY_MS) - DAY_MS).expect("in range").to_string()
}

fn into_folder(name: &str, folder: &str) -> Value {
    json!({
        "name": name, "content": "sign_ins", "every": "day", "format": "csv", "starts_at": yesterday(),
        "target": {"kind": "folder", "path": folder},
    })
}

/// Waits until the newest run of the export is as told.
async fn run_that(office: &Office, port: u16, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let run = office.get(port, path).await["runs"][0].clone();
            if is(&run) {
                return run;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("in time")
}

/// What is in the folder: names and contents.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("text");
            (name, std::fs::read(entry.path()).expect("read"))
        })
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_takes_nothing_is_refused_and_in_a_full_one_what_is_there_stays_and_what_is_missing_is_written_once_there_is_room()
 {
    let Some(roles) = Roles::new().await else { return };
    // The rows are elsewhere: it is the folder that is full.
    let rows = roles.database().await;
    let installation = Installation::with_password(&format!("database_url = {rows:?}\n"));
    let config = installation.config().display().to_string();
    let mut process = Process::start_shielded(&["serve", "--config", &config], &[]);
    let port = process.listens().await;
    let office = Office::set_up(port, roles.settings(roles.port)).await;
    let folder = installation.path("exports").display().to_string();
    std::fs::create_dir(&folder).expect("made");
    let create = |name: &str, folder: &str| {
        Call::api(Method::POST, "/scheduled-exports").by(&office.admin).json(&into_folder(name, folder))
    };
    for (wrong, why) in [
        (TAKES_NOTHING.to_owned(), "We may not write to the folder /sys/kernel. Give the user"),
        (format!("{folder}/gone"), "It is not there: the folder"),
    ] {
        let refused = create("Wrong", &wrong).expect(port, 422).await.text();
        assert!(refused.contains(why), "{refused}");
    }
    let export = create("Daily", &folder).expect(port, 201).await.json();
    let path = format!("/scheduled-exports/{}", export["id"].as_str().expect("an id"));
    let run_again = async |content: Value| {
        let path = format!("{path}/run");
        Call::api(Method::POST, &path).by(&office.admin).json(&content).expect(port, 200).await
    };
    let first = run_that(&office, port, &path, |run| run["state"] == "done").await;
    let written = files(&folder);
    assert_eq!(written.len(), 2, "the file and its manifest: {written:?}");

    process.limit_files("0").await;
    let refused = create("Another", &folder).expect(port, 422).await;
    assert!(refused.text().contains("There is no room left in the folder"), "{}", refused.text());
    run_again(json!({"interval_start": first["interval_start"]})).await;
    let waits = run_that(&office, port, &path, |run| run["problem"].is_string()).await;
    assert_eq!(waits["state"], "waiting");
    let problem = waits["problem"].as_str().expect("a sentence");
    assert!(problem.contains("There is no room left") && problem.contains("Make room"), "{problem}");
    assert_eq!(files(&folder), written, "nothing is touched, and nothing half written is left");

    process.limit_files("unlimited").await;
    run_again(json!({})).await;
    let second = run_that(&office, port, &path, |run| run["state"] == "done").await;
    assert_eq!((&second["interval_start"], &second["revision"]), (&first["interval_start"], &json!(1)));
    let now = files(&folder);
    assert!(written.iter().all(|file| now.contains(file)), "what was there is there");
    assert_eq!(now.len(), 4, "and another revision with its manifest: {now:?}");
    let checked = Call::api(Method::POST, &format!("{path}/check")).by(&office.admin).json(&json!({}));
    let checked = checked.expect(port, 200).await.json();
    assert_eq!((&checked["findings"], &checked["check_problem"]), (&json!([]), &Value::Null));
    process.stopped().await;
    roles.remove().await;
}
