//! The demo: one line of JSON, users who can do what the welcome says, and a second start that goes on.

use http::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::{Call, NoAnswer};
use crate::process::{Demo, LIMIT, WEB};

/// The items of one of the API's lists.
pub(crate) async fn list(demo: &Demo, user: &Value, path: &str) -> Vec<Value> {
    let answer = Call::api(Method::GET, path).by(user).expect(demo.port, 200).await;
    answer.json()["items"].as_array().cloned().expect("items")
}

/// The account that is borrowed.
pub(crate) async fn privileged_account(demo: &Demo) -> Value {
    let accounts = list(demo, demo.of_role("system_administrator")[0], "/accounts").await;
    accounts.into_iter().find(|account| account["privileged"] == true).expect("a privileged account")
}

/// A session with the privileged account from now on for an hour, asked for by one administrator.
pub(crate) async fn request(demo: &Demo) -> Value {
    let administrator = demo.of_role("system_administrator")[0];
    let account = privileged_account(demo).await;
    let targets = list(demo, administrator, "/targets").await;
    let erp = targets.iter().find(|target| target["host"] == "erp.localhost").expect("the ERP");
    let (starts_at, ends_at) = (instant(0), instant(3600));
    let content = json!({
        "account_id": account["id"], "target_ids": [erp["id"]], "starts_at": starts_at, "ends_at": ends_at,
        "reason": "Year-end corrections", "account_action": "enable", "recording_notice_acknowledged": true,
    });
    Call::api(Method::POST, "/privileged-sessions")
        .by(administrator)
        .json(&content)
        .expect(demo.port, 201)
        .await
        .json()
}

/// The instant so many seconds from now, by the clock that the executable reads too.
#[expect(clippy::disallowed_methods, reason = "the executable under test reads the machine's clock")]
fn instant(seconds: i64) -> String {
    let now = jiff::Timestamp::now();
    now.saturating_add(jiff::SignedDuration::from_secs(seconds)).expect("in range").to_string()
}

/// Changes the status, by the other administrator.
pub(crate) async fn change_status(demo: &Demo, session: &Value, status: &str) -> Result<u16, NoAnswer> {
    let path = format!("/privileged-sessions/{}/change-status", session["id"].as_str().expect("an id"));
    let call = Call::api(Method::POST, &path).by(demo.of_role("system_administrator")[1]);
    call.json(&json!({"status": status})).send(demo.port).await.map(|answer| answer.status)
}

/// Waits until the session has this status.
pub(crate) async fn reaches(demo: &Demo, session: &Value, status: &str) -> Value {
    let path = format!("/privileged-sessions/{}", session["id"].as_str().expect("an id"));
    let reached = async {
        loop {
            let call = Call::api(Method::GET, &path).by(demo.of_role("auditor")[0]);
            let session = call.expect(demo.port, 200).await.json();
            if session["status"] == status {
                return session;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, reached).await.unwrap_or_else(|_| panic!("never {status}"))
}

#[tokio::test]
async fn it_says_one_line_and_everything_in_it_works() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(data.path(), &[], &["--target", "wiki=wiki.localhost=http://127.0.0.1:9"]).await;
    assert_eq!(demo.line["console_url"], format!("http://console.localhost:{}", demo.port));
    assert_eq!(demo.line["target_url"], format!("http://erp.localhost:{}", demo.port));
    assert_eq!(demo.of_role("system_administrator").len(), 2);
    assert_eq!((demo.of_role("auditor").len(), demo.of_role("user").len()), (1, 1));
    for user in &demo.users {
        let me = Call::api(Method::GET, "/me").by(user).expect(demo.port, 200).await.json();
        assert_eq!((&me["user"]["user_name"], &me["user"]["roles"]), (&user["user_name"], &user["roles"]));
        let content = json!({"user_name": user["user_name"], "password": user["password"]});
        Call::api(Method::POST, "/sign-in").json(&content).expect(demo.port, 200).await;
    }
    let account = privileged_account(&demo).await;
    assert_eq!((&account["name"], &account["state"]), (&json!("erp-admin"), &json!("disabled")));
    let owner = Call::api(Method::GET, "/me").by(demo.of_role("user")[0]).expect(demo.port, 200).await.json();
    assert_eq!(account["user_id"], owner["user"]["id"]);
    let targets = list(&demo, demo.of_role("system_administrator")[0], "/targets").await;
    let identity = |host: &str| {
        targets.iter().find(|target| target["host"] == host).expect("the target")["identity"].clone()
    };
    assert_eq!(identity("erp.localhost"), "assertion");
    assert_eq!(identity("wiki.localhost"), "none");
    let keys = Call::get("console.localhost", "/.well-known/jwks.json").expect(demo.port, 200).await.json();
    assert_eq!(keys["keys"][0]["kty"], "OKP");
    let ended = demo.process.stopped().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{}", ended.out);
}

#[tokio::test]
async fn started_again_it_goes_on() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(data.path(), &[], &[]).await;
    let session = request(&demo).await;
    let before = demo.users.clone();
    demo.process.killed().await;

    let demo = Demo::start(data.path(), &[], &[]).await;
    assert_eq!(demo.users.len(), before.len());
    let administrator = demo.of_role("system_administrator")[0];
    let sessions = list(&demo, administrator, "/privileged-sessions").await;
    assert_eq!(sessions.iter().map(|one| &one["id"]).collect::<Vec<_>>(), [&session["id"]]);
    assert_eq!(list(&demo, administrator, "/users").await.len(), before.len(), "nobody twice");
    for user in &before {
        // The line of the first start is nowhere any more, and neither are its tokens.
        Call::api(Method::GET, "/me").by(user).expect(demo.port, 401).await;
    }
    demo.process.stopped().await;
}

#[tokio::test]
async fn a_session_opens_the_door_recorded_and_its_end_closes_it() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(data.path(), &[], &[]).await;
    let session = request(&demo).await;
    assert_eq!(change_status(&demo, &session, "Approve").await, Ok(200));
    reaches(&demo, &session, "Active").await;
    assert_eq!(privileged_account(&demo).await["state"], "enabled");

    let user = demo.of_role("user")[0];
    let console = demo.line["console_url"].as_str().expect("a console");
    let mut browser = Browser::new(demo.port, console);
    let signed_in = browser.sign_in("paula", user["password"].as_str().expect("a password")).await.json();
    let csrf = signed_in["csrf_token"].as_str().expect("a token");
    let path = format!("/privileged-sessions/{}/open", session["id"].as_str().expect("an id"));
    let opened = browser.change(csrf, &path, &json!({"password": user["password"], "consent": true})).await;
    let opened = opened.expect("an answer");
    assert_eq!(opened.status, 200, "{}", opened.text());
    let door = opened.json()["targets"][0]["url"].as_str().expect("an address").to_owned();
    let (url, page) = browser.walk(&door).await;
    if std::path::Path::new(WEB).join("recorder/dist/recorder.js").exists() {
        assert_eq!(page.status, 200, "{url}: {}", page.text());
        assert!(page.text().contains("/.chaperone/"), "the recorder is the page's first script");
    } else {
        assert_eq!(page.status, 503, "without a recorder there is no access: {}", page.text());
    }

    assert_eq!(change_status(&demo, &session, "End").await, Ok(200));
    let ended = reaches(&demo, &session, "Ended").await;
    assert_eq!(ended["end_reason"], "ended_by_administrator");
    assert_eq!(privileged_account(&demo).await["state"], "disabled");
    let (url, page) = browser.walk(door.split("/.chaperone").next().expect("an origin")).await;
    assert!(page.status >= 400, "a closed door: {url} {}", page.text());
    demo.process.stopped().await;
}
