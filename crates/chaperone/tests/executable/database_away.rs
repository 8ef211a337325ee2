//! The database that is away when a session's end comes: the gateway keeps to the end that it knows, and everything is
//! brought to its end as soon as the rows can be asked again.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::application::{INSIDE, application};
use crate::browser::Browser;
use crate::client::Call;
use crate::clock::from_now;
use crate::office::Office;
use crate::process::{Installation, LIMIT, PASSWORD};
use crate::roles::Roles;
use crate::wire::{Way, Wire};

const TARGET: &str = "http://data.localhost";
/// How long the session lasts: long enough to be opened on a busy machine.
const LASTS_MS: i64 = 20_000;

/// Milliseconds since 1970 of an instant of the API.
fn ms(instant: &Value) -> i64 {
    let text = instant.as_str().expect("an instant");
    text.parse::<jiff::Timestamp>().expect("an instant").as_millisecond()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_a_session_ends_in_time_all_the_same_and_its_account_is_back_afterwards() {
    let Some(roles) = Roles::new().await else { return };
    let name = roles.add("db_away", "NOLOGIN").await;
    let before = roles.role(&name).await;
    let wire = Wire::to(roles.port).await;
    let rows = roles.database().await.replace(&format!(":{}/", roles.port), &format!(":{}/", wire.port));
    let installation = Installation::with_password(&format!("database_url = {rows:?}\n"));
    let (process, port) = installation.serve().await;
    let office = Office::set_up(port, roles.settings(roles.port)).await;
    let accounts = office.import(port, &roles.prefix).await;
    let upstream = json!({"upstream": format!("http://127.0.0.1:{}", application().await)});
    let path = format!("/targets/{}", office.roles_target.as_str().expect("an id"));
    Call::api(Method::PATCH, &path).by(&office.admin).json(&upstream).expect(port, 200).await;

    let session = office.approved(port, &accounts[&name], &from_now(0), &from_now(LASTS_MS)).await;
    office.reaches(port, &session, "Active").await;
    let id = session["id"].as_str().expect("an id");
    let mut browser = Browser::new(port, "http://console.localhost");
    let door = browser.open("paula", PASSWORD, &session).await;
    let (_, inside) = browser.walk(&door).await;
    assert!(inside.text().contains(INSIDE), "{}", inside.text());

    let (address, mut beside) = (format!("{TARGET}/stream"), browser.clone());
    let mut stream = Box::pin(browser.fetch(&address));
    let goes_on = tokio::time::timeout(Duration::from_secs(1), &mut stream).await;
    assert!(goes_on.is_err(), "a stream without end: {goes_on:?}");
    wire.set(Way::Cut);
    let still = beside.visit(&format!("{TARGET}/")).await;
    assert!(still.text().contains(INSIDE), "who is in works on: {} {}", still.status, still.text());
    let cut = tokio::time::timeout(LIMIT, stream).await.expect("the stream is cut, database or not");
    cut.expect_err("an end is not pretended");
    let now = ms(&json!(from_now(0)));
    assert!(ms(&session["ends_at"]) <= now, "it was cut {} ms before its end", ms(&session["ends_at"]) - now);
    let outside = beside.visit(&format!("{TARGET}/")).await;
    assert!(outside.status >= 400 && !outside.text().contains(INSIDE), "{}", outside.text());

    wire.set(Way::Passes);
    let ended = office.reaches(port, &session, "Ended").await;
    assert_eq!((&ended["end_reason"], &ended["not_back"]), (&json!("completed"), &json!([])));
    assert_eq!(roles.role(&name).await, before);
    let log = office.get(port, &format!("/privileged-sessions/{id}/user-log")).await;
    let [row] = &log["items"].as_array().expect("rows")[..] else { panic!("one sign-in: {log}") };
    assert!(row["ended_at"].is_string() && row["end_kind"] == "session_ended", "{row}");
    process.stopped().await;
    roles.remove().await;
}
