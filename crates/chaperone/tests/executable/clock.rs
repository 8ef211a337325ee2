//! The clock that jumps, and a directory that is away when it is needed. The executable's clock is the machine's, moved by
//! what a file says (feature `faults`), so that nobody waits for a minute to go by.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::application::{INSIDE, application};
use crate::browser::Browser;
use crate::client::Call;
use crate::office::{LOOK, Office};
use crate::process::{Installation, LIMIT, PASSWORD, Process};
use crate::roles::{Role, Roles};
use crate::wire::{Way, Wire};

/// A clock set back by this much is waited for, and the processor looks once a second.
const WAITED_FOR: Duration = Duration::from_secs(2);
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// Beside that, for a machine that is busy.
const BUSY: Duration = Duration::from_secs(5);
const HOUR_S: i64 = 3_600;
const TEN_YEARS_S: i64 = 10 * 365 * 24 * HOUR_S;
/// Way back after the directory returns.
const BACK_LIMIT: Duration = Duration::from_secs(60);

/// How far the executable's clock is ahead of the machine's.
pub(crate) struct Clock {
    folder: TempDir,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let clock = Self { folder: tempfile::tempdir().expect("a folder") };
        clock.set(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }

    /// Sets it ahead, or back.
    pub(crate) fn set(&self, seconds: i64) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, seconds.to_string()).expect("written");
        std::fs::rename(new, self.file()).expect("in place");
    }

    /// Starts an installation with this clock.
    pub(crate) async fn serve(&self, installation: &Installation) -> (Process, u16) {
        let file = self.file().display().to_string();
        installation.serve_with(&[("CHAPERONE_CLOCK_OFFSET_FILE", &file)]).await
    }
}

/// The instant so many milliseconds from now, as the machine's clock shows it.
#[expect(clippy::disallowed_methods, reason = "the executable under test reads the machine's clock")]
pub(crate) fn from_now(ms: i64) -> String {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond() + ms).expect("in range").to_string()
}

/// An installation over a directory of roles whose wire can be cut, and whose clock can be set.
struct World {
    roles: Roles,
    wire: Wire,
    clock: Clock,
    installation: Installation,
    process: Process,
    port: u16,
    office: Office,
}

impl World {
    /// With these roles, which cannot sign in; answers their accounts. `None` where there is no PostgreSQL server.
    async fn new(names: &[&str], more: &str) -> Option<(Self, Vec<Value>)> {
        let roles = Roles::new().await?;
        for name in names {
            roles.add(name, "NOLOGIN").await;
        }
        let wire = Wire::to(roles.port).await;
        let clock = Clock::new();
        let installation = Installation::with_password(more);
        let (process, port) = clock.serve(&installation).await;
        let office = Office::set_up(port, roles.settings(wire.port)).await;
        let mut accounts = office.import(port, &roles.prefix).await;
        let accounts = names.iter().map(|name| accounts.remove(&format!("{}{name}", roles.prefix)));
        let accounts = accounts.map(|account| account.expect("imported")).collect();
        Some((Self { roles, wire, clock, installation, process, port, office }, accounts))
    }

    async fn role(&self, account: &Value) -> Role {
        self.roles.role(account["name"].as_str().expect("a name")).await
    }

    async fn approved(&self, account: &Value, from: &str, to: &str) -> Value {
        self.office.approved(self.port, account, from, to).await
    }

    async fn reaches(&self, session: &Value, status: &str) -> Value {
        self.office.reaches(self.port, session, status).await
    }

    async fn now(&self, session: &Value) -> Value {
        let path = format!("/privileged-sessions/{}", session["id"].as_str().expect("an id"));
        self.office.get(self.port, &path).await
    }

    /// Waits for something about a session.
    async fn until(&self, session: &Value, there: impl Fn(&Value) -> bool) -> Value {
        let seen = async {
            loop {
                let now = self.now(session).await;
                if there(&now) {
                    return now;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(LIMIT, seen).await {
            Ok(now) => now,
            Err(_) => panic!("it never comes: {}", self.now(session).await),
        }
    }

    async fn end(self) {
        self.process.stopped().await;
        self.roles.remove().await;
        drop(self.installation);
    }
}

const CLOSED: Role = Role { login: false, valid_until: None };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_lengthens_no_session() {
    let Some((world, accounts)) = World::new(&["second", "hour", "years"], "").await else { return };
    for (account, back_s) in accounts.iter().zip([1, HOUR_S, TEN_YEARS_S]) {
        let lasts = Duration::from_secs(4);
        let end = from_now(4_000);
        let session = world.approved(account, &from_now(0), &end).await;
        world.reaches(&session, "Active").await;
        world.clock.set(-back_s);
        let began = tokio::time::Instant::now();
        let ended = world.reaches(&session, "Ended").await;
        let took = began.elapsed();
        assert!(took < lasts + WAITED_FOR + LOOKS_EVERY + BUSY, "{back_s} s back: {took:?}");
        assert_eq!((&ended["end_reason"], &ended["ends_at"]), (&json!("completed"), &session["ends_at"]));
        assert_eq!(world.role(account).await, CLOSED, "{back_s} s back");
        world.clock.set(0);
    }
    let log = world.office.get(world.port, "/audit-events?action=clock_went_back&limit=500").await;
    assert_eq!(
        log["items"].as_array().expect("events").len(),
        2,
        "told once each, and not for a second: {log}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_and_a_restart_lengthen_no_session() {
    let Some((mut world, accounts)) = World::new(&["again"], "").await else { return };
    let session = world.approved(&accounts[0], &from_now(0), &from_now(9_000)).await;
    world.reaches(&session, "Active").await;
    // The high water is stored every few seconds.
    let stored = tokio::time::Instant::now() + Duration::from_secs(5);
    world.clock.set(-TEN_YEARS_S);
    tokio::time::sleep_until(stored).await;
    world.process.killed().await;
    (world.process, world.port) = world.clock.serve(&world.installation).await;
    let began = tokio::time::Instant::now();
    world.reaches(&session, "Ended").await;
    assert!(began.elapsed() < Duration::from_secs(9) + LOOKS_EVERY + BUSY, "{:?}", began.elapsed());
    assert_eq!(world.role(&accounts[0]).await, CLOSED);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_ahead_ends_what_is_over_and_loses_no_session() {
    let names = ["goes_on", "ends", "starts", "passes", "later"];
    let Some((world, accounts)) = World::new(&names, "").await else { return };
    let minutes = |from: i64, to: i64| (from_now(from * 60_000), from_now(to * 60_000));
    let mut sessions = Vec::new();
    // While the clock jumps by an hour: one goes on, one is over, one becomes due, one would have been meanwhile.
    for (account, (from, to)) in accounts.iter().zip([
        minutes(0, 180),
        minutes(0, 30),
        minutes(40, 200),
        minutes(20, 50),
        minutes(500, 600),
    ]) {
        sessions.push(world.approved(account, &from, &to).await);
    }
    let [goes_on, ends, starts, passes, later] = &sessions[..] else { panic!("five") };
    for running in [goes_on, ends] {
        world.reaches(running, "Active").await;
    }
    world.clock.set(1);
    let still = world.now(ends).await;
    assert_eq!(
        (&still["status"], &still["ends_at"]),
        (&json!("Active"), &ends["ends_at"]),
        "a second is nothing"
    );
    world.clock.set(HOUR_S);
    assert_eq!(world.reaches(ends, "Ended").await["end_reason"], "completed");
    world.reaches(starts, "Active").await;
    world.reaches(passes, "Expired").await;
    let still = world.now(goes_on).await;
    assert_eq!((&still["status"], &still["ends_at"]), (&json!("Active"), &goes_on["ends_at"]));
    assert_eq!(world.now(later).await["status"], "Approved");
    assert_eq!(world.role(&accounts[1]).await, CLOSED);
    assert!(world.role(&accounts[0]).await.login);
    world.clock.set(TEN_YEARS_S);
    for running in [goes_on, starts] {
        assert_eq!(world.reaches(running, "Ended").await["end_reason"], "completed");
    }
    world.reaches(later, "Expired").await;
    for account in &accounts {
        assert_eq!(world.role(account).await, CLOSED, "{account}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_lasts_over_24_hours_wherever_the_clock_goes() {
    let Some((world, accounts)) = World::new(&["day"], "").await else { return };
    let day_ms = 24 * HOUR_S * 1_000;
    let session = world.approved(&accounts[0], &from_now(0), &from_now(day_ms - 60_000)).await;
    world.reaches(&session, "Active").await;
    let id = session["id"].as_str().expect("an id");
    let longer = json!({"ends_at": from_now(day_ms + 60_000), "reason": "not done"});
    for seconds in [0, -TEN_YEARS_S, 12 * HOUR_S] {
        world.clock.set(seconds);
        let call = Call::api(http::Method::POST, &format!("/privileged-sessions/{id}/extend"));
        let refused = call.by(&world.office.owner).json(&longer).expect(world.port, 422).await;
        assert!(refused.text().contains("24"), "{}", refused.text());
        assert_eq!(world.now(&session).await["ends_at"], session["ends_at"]);
    }
    world.clock.set(24 * HOUR_S);
    assert_eq!(world.reaches(&session, "Ended").await["end_reason"], "completed");
    assert_eq!(world.role(&accounts[0]).await, CLOSED);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_whose_directory_cannot_be_reached_fails_after_a_minute_and_other_accounts_go_back() {
    let Some((world, accounts)) = World::new(&["away"], "").await else { return };
    let desk = world.office.add_account(world.port, "desk-admin", "disabled").await;
    let desk_path = format!("/accounts/{}", desk["id"].as_str().expect("an id"));
    world.wire.set(Way::Cut);
    let content = json!({
        "account_id": desk["id"], "more_accounts": [{"account_id": accounts[0]["id"]}],
        "target_ids": [world.office.built_in_target], "starts_at": from_now(0), "ends_at": from_now(600_000),
        "reason": "Month end", "recording_notice_acknowledged": true,
    });
    let asked = Call::api(http::Method::POST, "/privileged-sessions").by(&world.office.owner).json(&content);
    let session = asked.expect(world.port, 201).await.json();
    world.office.change_status(world.port, &session, "Approve").await;
    world.until(&session, |now| now["grants"][0]["phase"] == "held").await;
    assert_eq!(world.office.get(world.port, &desk_path).await["state"], "enabled", "it was ready");
    world.clock.set(50);
    assert_eq!(world.now(&session).await["status"], "Approved", "a minute is not over");
    world.clock.set(61);
    let failed = world.reaches(&session, "Failed").await;
    assert_eq!(failed["end_reason"], "could_not_start");
    assert_eq!(world.office.get(world.port, &desk_path).await["state"], "disabled");
    let path = format!("/privileged-sessions/{}/audit-log", session["id"].as_str().expect("an id"));
    let log = world.office.get(world.port, &path).await.to_string();
    assert!(log.contains("could not be proved ready within 60 seconds"), "{log}");
    world.wire.set(Way::Passes);
    assert_eq!(world.role(&accounts[0]).await, CLOSED);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_the_directory_refuses_fails_after_a_minute() {
    let Some((world, accounts)) = World::new(&["refused"], "").await else { return };
    world.roles.run(&format!("ALTER ROLE {} NOCREATEROLE", world.roles.user())).await;
    let session = world.approved(&accounts[0], &from_now(0), &from_now(600_000)).await;
    let trying = world.until(&session, |now| now["grants"][0]["attempt"].as_i64() > Some(0)).await;
    assert!(trying["grants"][0]["problem"].as_str().is_some_and(|problem| !problem.is_empty()), "{trying}");
    world.clock.set(61);
    let failed = world.reaches(&session, "Failed").await;
    assert_eq!((&failed["end_reason"], &failed["not_back"]), (&json!("could_not_start"), &json!([])));
    assert_eq!(world.role(&accounts[0]).await, CLOSED);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_ends_no_sign_in_before_it_began() {
    let clock = Clock::new();
    let installation = Installation::with_password("");
    let (process, port) = clock.serve(&installation).await;
    let mut browser = Browser::new(port, "http://console.localhost");
    let signed_in = browser.sign_in("admin", PASSWORD).await.json();
    let csrf = signed_in["csrf_token"].as_str().expect("a token");
    let mut tokens = Vec::new();
    for name in ["looks", "goes"] {
        let made = browser.change(csrf, "/api-tokens", &json!({"name": name})).await.expect("an answer");
        let made = made.json();
        let token = json!({"id": made["id"], "api_token": made["secret"]});
        Call::api(http::Method::GET, "/me").by(&token).expect(port, 200).await;
        tokens.push(token);
    }
    clock.set(-HOUR_S);
    let path = format!("/api-tokens/{}", tokens[1]["id"].as_str().expect("an id"));
    let revoked = Call::api(http::Method::DELETE, &path).by(&tokens[0]);
    revoked.expect(port, 204).await;
    let signed_out = browser.change(csrf, "/sign-out", &json!({})).await.expect("an answer");
    assert_eq!(signed_out.status, 204, "{}", signed_out.text());
    let list = Call::api(http::Method::GET, "/sign-ins?user_name=admin").by(&tokens[0]);
    let list = list.expect(port, 200).await.json();
    let mut ended = 0;
    for row in list["items"].as_array().expect("items") {
        let Some(end) = row["ended_at"].as_str() else { continue };
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let lasted = at(end).duration_since(at(row["started_at"].as_str().expect("a start")));
        assert!(lasted >= jiff::SignedDuration::ZERO, "{row}");
        assert!(lasted.unsigned_abs() < LIMIT, "nor an hour later: {row}");
        assert_eq!((&row["end_kind"], &row["end_is_estimated"]), (&json!("signed_out"), &json!(false)));
        ended += 1;
    }
    assert_eq!(ended, 2, "the browser's and the program's: {list}");
    process.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_goes_away_at_the_end_keeps_the_session_ending_behind_a_closed_door() {
    let secrets = tempfile::tempdir().expect("a folder");
    let secret = secrets.path().join("secret");
    std::fs::write(&secret, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=").expect("written");
    let hook = format!(
        "[[notifications.webhooks]]\nname = 'chat'\nurl = 'http://127.0.0.1:9/'\nsecret_file = {secret:?}\n"
    );
    let Some((world, accounts)) = World::new(&["away_at_the_end"], &hook).await else { return };
    let port = world.port;
    let upstream = json!({"upstream": format!("http://127.0.0.1:{}", application().await)});
    let path = format!("/targets/{}", world.office.roles_target.as_str().expect("an id"));
    let call = Call::api(http::Method::PATCH, &path).by(&world.office.admin).json(&upstream);
    call.expect(port, 200).await;
    let session = world.approved(&accounts[0], &from_now(0), &from_now(3_600_000)).await;
    world.reaches(&session, "Active").await;
    let id = session["id"].as_str().expect("an id");

    let mut browser = Browser::new(port, "http://console.localhost");
    let door = browser.open("paula", PASSWORD, &session).await;
    let (_, inside) = browser.walk(&door).await;
    assert!(inside.text().contains(INSIDE), "{}", inside.text());

    world.wire.set(Way::Cut);
    world.roles.cut().await;
    world.office.change_status(port, &session, "End").await;
    world.reaches(&session, "Ending").await;
    let (_, outside) = browser.walk("http://data.localhost/").await;
    assert!(outside.status >= 400 && !outside.text().contains(INSIDE), "{}", outside.text());
    assert!(world.role(&accounts[0]).await.login, "nobody could reach it");

    let trying = world.until(&session, |now| now["grants"][0]["attempt"].as_i64() > Some(0)).await;
    assert_eq!(trying["not_back"], json!([accounts[0]["id"]]));
    let told = async |seconds: i64| {
        world.clock.set(seconds);
        let path = format!("/privileged-sessions/{id}/notifications");
        let told = world.office.get(port, &path).await;
        told["items"].as_array().expect("a list").iter().any(|told| told["kind"] == "could_not_be_put_back")
    };
    assert!(!told(30).await, "not before a minute");
    let all = async {
        while !told(62).await {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(LIMIT, all).await.expect("told after a minute");
    // It is away for hours, and tried more and more seldom.
    for half_hours in 3..10 {
        let before = world.now(&session).await["grants"][0]["attempt"].as_i64();
        world.clock.set(half_hours * HOUR_S / 2);
        world.until(&session, |now| now["grants"][0]["attempt"].as_i64() > before).await;
    }
    assert_eq!(world.now(&session).await["status"], "Ending");

    world.wire.set(Way::Passes);
    let back = tokio::time::timeout(BACK_LIMIT, world.reaches(&session, "Ended")).await;
    assert!(back.is_ok(), "not back a minute after the directory: {}", world.now(&session).await);
    assert_eq!(world.role(&accounts[0]).await, CLOSED);
    world.end().await;
}
