//! Clients sign in, fail to sign in, sign out, use tokens and are refused at a target all the time, and the process is
//! killed at any moment, again and again. Whatever was answered is in the trail and among the sign-ins afterwards, and
//! every end is exact or marked as estimated.
//!
//! The tests do a few kills; `CHAPERONE_TEST_SIGN_IN_KILLS` asks for more, `CHAPERONE_TEST_SEED` for those of an
//! earlier run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Call, NoAnswer};
use crate::process::Demo;

/// Kills in the tests.
const KILLS: u64 = 6;
/// The process lives for so long, at least and at most, once it is ready.
const LIFE_MS: (u64, u64) = (150, 1_200);
/// Clients of each kind.
const CLIENTS: usize = 2;
/// Attempts that fail in one life: beyond some more, an address must wait, and refusals are only counted.
const FAILING: u64 = 30;
/// Unknown tokens in one life; beyond some more, they are only counted.
const UNKNOWN: u64 = 8;
/// Refusals at a target in one life; they are one kind too.
const REFUSED: u64 = 8;
/// Items of a page.
const PAGE: usize = 500;

fn asked(variable: &str, preset: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(preset)
}

/// What was answered.
#[derive(Default)]
struct Answered {
    /// User agents of sign-ins with name and password.
    signed_in: BTreeSet<String>,
    /// Those of them that were signed out.
    signed_out: BTreeSet<String>,
    /// Names that nobody has.
    failed: BTreeSet<String>,
    /// User agents of the first calls of tokens, at our own API and at a target.
    tokens: BTreeSet<String>,
    at_target: BTreeSet<String>,
    /// User agents that were refused at a target.
    refused: BTreeSet<String>,
    /// Unknown tokens that were refused.
    unknown: u64,
}

/// Everybody who calls, over all lives of the process.
struct Crowd {
    answered: Mutex<Answered>,
    number: AtomicU64,
}

impl Crowd {
    fn next(&self, what: &str) -> String {
        format!("{what}-{}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    fn note<T>(&self, note: impl FnOnce(&mut Answered) -> T) {
        note(&mut self.answered.lock().expect("not poisoned"));
    }

    /// Signs in as somebody, and mostly out again.
    async fn browser(&self, port: u16, user: &Value, agent: &str) -> Result<(), NoAnswer> {
        let body = json!({"user_name": user["user_name"], "password": user["password"]});
        let call = Call::api(Method::POST, "/sign-in").header("user-agent", agent).json(&body);
        let answer = call.send(port).await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.note(|answered| answered.signed_in.insert(agent.to_owned()));
        let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        let csrf = answer.json()["csrf_token"].as_str().expect("a token").to_owned();
        let origin = format!("http://console.localhost:{port}");
        let call = Call::api(Method::POST, "/sign-out").header("cookie", &cookie).header("origin", &origin);
        let answer = call.header("x-chaperone-csrf", &csrf).send(port).await?;
        assert_eq!(answer.status, 204, "{}", answer.text());
        self.note(|answered| answered.signed_out.insert(agent.to_owned()));
        Ok(())
    }

    /// Types a name that nobody has.
    async fn stranger(&self, port: u16, name: &str) -> Result<(), NoAnswer> {
        let body = json!({"user_name": name, "password": "guessed"});
        let answer = Call::api(Method::POST, "/sign-in").json(&body).send(port).await?;
        assert_eq!(answer.status, 401, "{}", answer.text());
        self.note(|answered| answered.failed.insert(name.to_owned()));
        Ok(())
    }

    /// Makes a token, uses it at our own API and at the target, and revokes it.
    async fn program(&self, port: u16, user: &Value, agent: &str) -> Result<(), NoAnswer> {
        let made =
            Call::api(Method::POST, "/api-tokens").by(user).json(&json!({"name": agent})).send(port).await?;
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        let token = format!("Bearer {}", made["secret"].as_str().expect("a secret"));
        let own = Call::api(Method::GET, "/me").header("user-agent", agent).header("authorization", &token);
        answered(own.send(port).await?, 200);
        self.note(|answered| answered.tokens.insert(agent.to_owned()));
        let there = Call::get(&format!("erp.localhost:{port}"), "/").header("user-agent", agent);
        let there = there.header("chaperone-authorization", &token).send(port).await?;
        assert!(there.status < 400, "{} {}", there.status, there.text());
        self.note(|answered| answered.at_target.insert(agent.to_owned()));
        let path = format!("/api-tokens/{}", made["id"].as_str().expect("an id"));
        answered(Call::api(Method::DELETE, &path).by(user).send(port).await?, 204);
        Ok(())
    }

    async fn nobody(&self, port: u16) -> Result<(), NoAnswer> {
        let call = Call::api(Method::GET, "/me").header("authorization", "Bearer chp_nobody");
        answered(call.send(port).await?, 401);
        self.note(|answered| answered.unknown += 1);
        Ok(())
    }

    /// Brings a cookie and a token to the target at once.
    async fn ambiguous(&self, port: u16, agent: &str) -> Result<(), NoAnswer> {
        let call = Call::get(&format!("erp.localhost:{port}"), "/").header("user-agent", agent);
        let call = call.header("cookie", "__Host-chaperone=x").header("authorization", "Bearer chp_nobody");
        answered(call.send(port).await?, 400);
        self.note(|answered| answered.refused.insert(agent.to_owned()));
        Ok(())
    }

    /// Everybody calls until the process is gone.
    async fn call_until_it_is_gone(self: Arc<Self>, port: u16, user: Value) {
        let mut calling = tokio::task::JoinSet::new();
        for _ in 0..CLIENTS {
            let (crowd, person) = (self.clone(), user.clone());
            calling.spawn(async move {
                while crowd.browser(port, &person, &crowd.next("browser")).await.is_ok() {}
            });
            let (crowd, owner) = (self.clone(), user.clone());
            calling.spawn(async move {
                while crowd.program(port, &owner, &crowd.next("program")).await.is_ok() {}
            });
        }
        let crowd = self.clone();
        calling.spawn(async move {
            for _ in 0..FAILING {
                if crowd.stranger(port, &crowd.next("stranger")).await.is_err() {
                    return;
                }
            }
        });
        let crowd = self.clone();
        calling.spawn(async move {
            for _ in 0..REFUSED {
                if crowd.ambiguous(port, &crowd.next("ambiguous")).await.is_err() {
                    return;
                }
            }
        });
        calling.spawn(async move {
            for _ in 0..UNKNOWN {
                if self.nobody(port).await.is_err() {
                    return;
                }
            }
        });
        while let Some(ended) = calling.join_next().await {
            ended.expect("whoever calls is answered as expected, or not at all");
        }
    }
}

/// An administrator, with the token of this life: a demo that starts again makes new ones.
fn administrator(demo: &Demo) -> &Value {
    demo.of_role("system_administrator")[0]
}

fn answered(answer: Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
}

/// Every item of a list.
async fn all(port: u16, user: &Value, path: &str) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    let mut after = String::new();
    loop {
        let page = format!("{path}&limit={PAGE}{after}");
        let page = Call::api(Method::GET, &page).by(user).expect(port, 200).await.json();
        items.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

async fn check(demo: &Demo, crowd: &Crowd) {
    let user = administrator(demo);
    let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in all(demo.port, user, "/sign-ins?user_name=").await {
        // How it ended is known exactly, or said to be estimated.
        let (end_kind, estimated) = (row["end_kind"].as_str(), row["end_is_estimated"] == true);
        assert_eq!(end_kind == Some("lost"), estimated, "{row}");
        assert_eq!(end_kind.is_some(), row["ended_at"].is_string(), "{row}");
        assert!(
            row["ended_at"].as_str().is_none_or(|end| end >= row["started_at"].as_str().expect("a start"))
        );
        rows.entry(row["user_agent"].as_str().expect("an agent").to_owned()).or_default().push(row);
    }
    let started: BTreeSet<String> = all(demo.port, user, "/audit-events?action=sign_in_started")
        .await
        .iter()
        .map(|event| event["sign_in_id"].as_str().expect("an id").to_owned())
        .collect();
    let failed = all(demo.port, user, "/audit-events?action=sign_in_failed").await;
    let refused = all(demo.port, user, "/audit-events?action=access_refused").await;
    let answered = crowd.answered.lock().expect("not poisoned");
    let find = |agent: &str, kind: &str, channel: &str| {
        let of_agent = rows.get(agent).map(Vec::as_slice).unwrap_or_default();
        let found = of_agent.iter().find(|row| row["kind"] == kind && row["channel"] == channel);
        let row = found.unwrap_or_else(|| panic!("{agent} was answered, and its {kind} sign-in is lost"));
        assert!(started.contains(row["sign_in_id"].as_str().expect("an id")), "{agent} is not in the trail");
        row
    };
    for agent in &answered.signed_in {
        find(agent, "console", "web");
    }
    for agent in &answered.signed_out {
        assert_eq!(find(agent, "console", "web")["end_kind"], "signed_out", "{agent}");
    }
    for agent in &answered.tokens {
        find(agent, "console", "web_services");
    }
    for agent in &answered.at_target {
        find(agent, "target", "web_services");
    }
    let agents: BTreeSet<&str> = refused
        .iter()
        .filter(|event| event["details"]["cause"] == "cookie-and-token")
        .filter_map(|event| event["details"]["user_agent"].as_str())
        .collect();
    for agent in &answered.refused {
        assert!(
            agents.contains(agent.as_str()),
            "{agent} was refused at the target, and the trail does not know"
        );
    }
    let names: BTreeSet<&str> =
        failed.iter().filter_map(|event| event["details"]["user_name"].as_str()).collect();
    for name in &answered.failed {
        assert!(names.contains(name.as_str()), "{name} was refused, and the trail does not know");
    }
    let unknown = failed.iter().filter(|event| event["details"]["cause"] == "unknown_token").count();
    assert!(unknown as u64 >= answered.unknown, "{unknown} of {} unknown tokens", answered.unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_and_no_refusal_is_lost_when_the_process_is_killed_at_any_moment() {
    let (kills, seed) = (asked("CHAPERONE_TEST_SIGN_IN_KILLS", KILLS), asked("CHAPERONE_TEST_SEED", 1));
    let data = tempfile::tempdir().expect("a folder");
    let mut demo = Demo::start(data.path(), &[], &[]).await;
    let crowd = Arc::new(Crowd { answered: Mutex::default(), number: AtomicU64::new(0) });
    let mut random = seed;
    for kill in 1..=kills {
        let calling =
            tokio::spawn(crowd.clone().call_until_it_is_gone(demo.port, administrator(&demo).clone()));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let life = LIFE_MS.0 + (random >> 33) % (LIFE_MS.1 - LIFE_MS.0);
        tokio::time::sleep(Duration::from_millis(life)).await;
        demo.process.killed().await;
        calling.await.unwrap_or_else(|error| panic!("kill {kill} of seed {seed}: {error}"));
        demo = Demo::start(data.path(), &[], &[]).await;
    }
    check(&demo, &crowd).await;
    let answered = crowd.answered.lock().expect("not poisoned");
    let told = [
        answered.signed_in.len(),
        answered.tokens.len() + answered.at_target.len(),
        answered.failed.len(),
        answered.refused.len(),
        usize::try_from(answered.unknown).expect("few"),
    ];
    say(&format!(
        "{kills} kills: {} sign-ins with a password, {} of tokens, {} failed attempts, {} refusals at a target, \
         {} unknown tokens; none lost",
        told[0], told[1], told[2], told[3], told[4]
    ));
    assert!(told.iter().all(|count| *count > 0), "everything was tried: {told:?}");
}

#[expect(clippy::print_stdout, reason = "whoever asks for many kills reads what was counted")]
fn say(text: &str) {
    println!("{text}");
}
