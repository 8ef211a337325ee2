//! Programs with a token: at our own API and at a target, as the sign-ins that they are.

use http::Method;
use serde_json::{Value, json};

use crate::client::Call;
use crate::process::{Demo, LIMIT};

/// How often the list is asked again.
const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

async fn list(demo: &Demo, path: &str) -> Vec<Value> {
    let call = Call::api(Method::GET, path).by(demo.of_role("auditor")[0]);
    call.expect(demo.port, 200).await.json()["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn a_programs_calls_are_a_sign_in_and_its_token_stays_with_us() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(data.path(), &[], &[]).await;
    let anna = demo.of_role("system_administrator")[0];
    let token = format!("Bearer {}", anna["api_token"].as_str().expect("a token"));
    let erp = format!("erp.localhost:{}", demo.port);
    for name in ["chaperone-authorization", "authorization"] {
        let answer = Call::get(&erp, "/").header(name, &token).header("user-agent", "robot").send(demo.port);
        let answer = answer.await.expect("an answer");
        assert!(answer.status < 400, "{name}: {} {}", answer.status, answer.text());
    }
    let both = Call::get(&erp, "/").header("authorization", &token);
    both.header("cookie", "__Host-chaperone=x").expect(demo.port, 400).await;
    let unknown = Call::get(&erp, "/").header("authorization", "Bearer chp_unknown");
    unknown.expect(demo.port, 401).await;

    let at_target = list(&demo, "/sign-ins?user_name=anna&kind=target").await;
    assert_eq!(at_target.len(), 1, "one for both calls: {at_target:?}");
    let row = &at_target[0];
    assert_eq!(
        (&row["channel"], &row["user_agent"], &row["client_address"], &row["ended_at"]),
        (&json!("web_services"), &json!("robot"), &json!("127.0.0.1"), &Value::Null)
    );
    // The use of the target is stored in batches.
    let used = async {
        loop {
            let rows = list(&demo, "/sign-ins?user_name=anna&kind=target").await;
            if rows[0]["target_uses"].as_array().is_some_and(|uses| uses.len() == 1) {
                return rows[0].clone();
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let row = tokio::time::timeout(LIMIT, used).await.expect("stored");
    assert_eq!(row["idle_s"], 0);
    let causes: Vec<Value> = list(&demo, "/audit-events?action=access_refused").await;
    assert_eq!(causes[0]["details"]["cause"], "cookie-and-token");
    let failed = list(&demo, "/audit-events?action=sign_in_failed").await;
    assert_eq!(failed[0]["details"]["cause"], "unknown_token");
    assert_eq!(failed[0]["details"]["target_id"], row["targets"][0]);
    assert!(!format!("{failed:?}").contains("chp_"), "no token is in the trail");
    demo.process.stopped().await;
}

#[tokio::test]
async fn an_export_comes_over_the_wire_whole_and_with_its_number_of_rows() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(data.path(), &[], &[]).await;
    let auditor = demo.of_role("auditor")[0];
    for format in ["csv", "xlsx", "jsonl", "parquet"] {
        let path = format!("/sign-ins?format={format}");
        let answer = Call::api(Method::GET, &path).by(auditor).expect(demo.port, 200).await;
        assert!(answer.header("content-disposition").ends_with(&format!("Z.{format}\"")), "{format}");
        let total: usize = answer.header("chaperone-total-rows").parse().expect("a number");
        assert!(total >= 1, "the caller's own sign-in is among them");
        if format == "csv" {
            assert_eq!(answer.text().lines().count(), total + 1);
        }
    }
    let ended = list(&demo, "/audit-events?action=export_ended").await;
    assert_eq!(ended.len(), 4);
    assert!(ended.iter().all(|event| event["details"]["outcome"] == "complete"), "{ended:?}");
    demo.process.stopped().await;
}
