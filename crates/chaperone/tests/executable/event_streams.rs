//! The trail of an executable as it is shipped, sent to a real syslog collector: killed and stopped in the middle, with
//! the collector away for a while, everything arrives, in order, with nothing left out.

use std::collections::BTreeMap;

use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::client::Call;
use crate::notifications::Signed;
use crate::process::{Installation, LIMIT, run};
use crate::rsyslog::Rsyslog;

/// A stream to this collector, from the first event on.
fn streaming_to(server: &Rsyslog) -> Installation {
    Installation::with_password(&format!(
        "[[event_streams]]\nname = 'siem'\nkind = 'syslog'\nurl = 'tcp://127.0.0.1:{}'\nfrom = 'start'\n",
        server.port
    ))
}

/// Signs in with a wrong name: an event each.
async fn fail_to_sign_in(port: u16, times: usize) {
    for time in 0..times {
        let content = json!({"user_name": format!("nobody-{time}"), "password": "wrong"});
        let answer = Call::api(Method::POST, "/sign-in").json(&content).send(port).await.expect("an answer");
        assert!(matches!(answer.status, 401 | 429), "{}", answer.text());
    }
}

/// Number and id of the events that came, in the order in which they came.
fn came(server: &Rsyslog) -> Vec<(i64, String)> {
    let read = |message: &Value| {
        let event: Value = serde_json::from_str(message["message"].as_str().expect("text")).expect("OCSF");
        let uid = event["metadata"]["uid"].as_str().expect("an id").to_owned();
        (event["metadata"]["sequence"].as_i64().expect("a number"), uid)
    };
    server.messages().iter().map(read).collect()
}

/// Waits until the stream has nothing behind; answers its last number.
async fn caught_up(admin: &Signed) -> i64 {
    let waiting = async {
        loop {
            let stream = admin.get("/event-streams").await["items"][0].clone();
            if stream["behind_events"] == 0 && stream["state"] == "sending" && stream["last_number"] != 0 {
                return stream["last_number"].as_i64().expect("a number");
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("in time")
}

#[tokio::test]
async fn the_whole_trail_arrives_in_order_through_kills_and_outages_of_either_side() {
    let Some(mut server) = Rsyslog::start(None).await else { return };
    let installation = streaming_to(&server);
    for round in 0..6 {
        let (process, port) = installation.serve().await;
        fail_to_sign_in(port, 4).await;
        match round {
            // The collector goes while Chaperone works, and Chaperone is killed before the collector is back.
            1 => server.end(Signal::KILL).await,
            2 => server.again().await,
            3 => server.end(Signal::TERM).await,
            4 => {
                fail_to_sign_in(port, 4).await;
                server.again().await;
            }
            _ => {}
        }
        process.killed().await;
    }
    let (process, port) = installation.serve().await;
    let admin = Signed::new(port).await;
    let last = caught_up(&admin).await;
    let came = came(&server);
    let mut firsts = Vec::new();
    let mut ids = BTreeMap::new();
    for (number, id) in &came {
        if ids.insert(*number, id.clone()).is_none_or(|known| known != *id) {
            firsts.push(*number);
        }
    }
    let upper = *firsts.last().expect("some");
    assert!(upper >= last, "{upper} of {last}");
    assert_eq!(firsts, (1..=upper).collect::<Vec<_>>(), "each number comes first in its place, under one id");
    // The trail itself says the same: numbers without gaps, and the ids that arrived.
    let mut after = 0;
    while after < last {
        let page = admin.get(&format!("/audit-events?after_seq={after}&limit=500")).await;
        for event in page["items"].as_array().expect("a list") {
            let number = event["seq"].as_i64().expect("a number");
            assert_eq!(number, after + 1);
            assert!(number > upper || ids[&number] == event["id"].as_str().expect("an id"));
            after = number;
        }
    }
    assert_eq!(process.stopped().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_test_sends_one_event_while_chaperone_runs_and_says_what_came_back() {
    let Some(mut server) = Rsyslog::start(None).await else { return };
    let installation = streaming_to(&server);
    let (process, port) = installation.serve().await;
    let config = installation.config().display().to_string();
    let test = |name: &'static str| {
        let config = config.clone();
        async move { run(&["admin", "event-streams", "test", "--config", &config, name], &[]).await }
    };
    let ended = test("siem").await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(ended.out.contains("The collector of siem read it and closed the connection."), "{}", ended.out);
    let id = ended.out.trim().trim_end_matches('.').rsplit(' ').next().expect("an id").to_owned();
    assert!(
        server
            .messages()
            .iter()
            .any(|message| message["data"].as_str().is_some_and(|data| data.contains(&id)))
    );
    let unknown = test("other").await;
    assert!(unknown.err.contains("there are: siem"), "{}", unknown.err);
    let admin = Signed::new(port).await;
    let tested = admin.call(Method::POST, "/event-streams/siem/test", &json!({}), 200).await;
    assert_eq!(tested["taken"], true);
    server.end(Signal::TERM).await;
    let away = test("siem").await;
    assert_eq!(away.status.code(), Some(1));
    assert!(away.err.contains("The collector of siem cannot be reached."), "{}", away.err);
    let stream = tokio::time::timeout(LIMIT, async {
        loop {
            let stream = admin.get("/event-streams").await["items"][0].clone();
            if stream["state"] == "waiting" {
                return stream;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            fail_to_sign_in(port, 1).await;
        }
    });
    let stream = stream.await.expect("in time");
    assert_eq!(stream["problem"], "The collector of siem cannot be reached.");
    assert_eq!(
        (&stream["kind"], &stream["address"]),
        (&json!("syslog"), &json!(format!("tcp://127.0.0.1:{}", server.port)))
    );
    assert!(stream["behind_events"].as_i64().is_some_and(|behind| behind > 0), "{stream}");
    process.stopped().await;
}
