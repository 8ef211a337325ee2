//! Once all is calm: every account is what it was before, every session is over and says why, nothing that was
//! acknowledged is lost, and every change was intended before it was made.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::client::Call;
use crate::drive::Known;
use crate::lane::Lane;

/// Every session ends by itself within seconds; a directory that was away is tried again within a minute or two.
const CALM_LIMIT: Duration = Duration::from_secs(240);
/// How often it is looked whether it is calm.
const LOOK: Duration = Duration::from_millis(100);
/// Events get their numbers twice a second.
const NUMBERED_AFTER: Duration = Duration::from_millis(1_300);
/// Accounts about which all is told when they are wrong.
const EXAMPLES: usize = 3;
/// Items of a page.
const PAGE: usize = 500;

/// Looks at everything; answers how many accounts were looked at.
pub(crate) async fn all(lane: &mut Lane, port: u16) -> Result<usize, String> {
    calm(lane, port).await?;
    let known = std::mem::take(&mut *lane.known.lock().expect("not poisoned"));
    let verdicts = [accounts(lane, port).await, sessions(lane, port, &known).await, trail(lane, port).await];
    let wrong: Vec<String> = verdicts.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() { Ok(lane.accounts.len()) } else { Err(wrong.join("\n    ")) }
}

async fn get(lane: &Lane, port: u16, path: &str) -> Result<Value, String> {
    let answer = Call::api(Method::GET, path).by(&lane.office.admin).send(port).await;
    let answer = answer.map_err(|error| format!("{path}: {error:?}"))?;
    if answer.status != 200 {
        return Err(format!("{path} answered {}: {}", answer.status, answer.text()));
    }
    Ok(answer.json())
}

async fn items(lane: &Lane, port: u16, path: &str) -> Result<Vec<Value>, String> {
    let page = get(lane, port, path).await?;
    Ok(page["items"].as_array().cloned().unwrap_or_default())
}

/// Waits until every session is over.
async fn calm(lane: &Lane, port: u16) -> Result<(), String> {
    let deadline = tokio::time::Instant::now() + CALM_LIMIT;
    loop {
        let path = "/privileged-sessions?status=Draft,Approved,Active,Ending&limit=500";
        let going_on = items(lane, port, path).await?;
        if going_on.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(format!("sessions that never end: {}", Value::from(going_on)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Asks the PostgreSQL server and the API what every account is.
async fn accounts(lane: &Lane, port: u16) -> Result<(), String> {
    let mut wrong = Vec::new();
    let now = lane.roles.now().await;
    for (name, before) in &lane.before {
        if now.get(name) != Some(before) {
            wrong.push(format!("{name} was {before:?} and is {:?}", now.get(name)));
        }
    }
    // Others may have roles in the server too.
    let owner = lane.office.owner_id.as_str().unwrap_or_default();
    let told: BTreeMap<String, Value> = items(lane, port, &format!("/accounts?user_id={owner}&limit={PAGE}"))
        .await?
        .into_iter()
        .map(|account| (account["id"].as_str().unwrap_or_default().to_owned(), account))
        .collect();
    for account in lane.accounts.iter() {
        let state = if account.enabled { "enabled" } else { "disabled" };
        let right = told.get(&account.id).is_some_and(|told| {
            told["state"] == state && told["expires_at"] == account.expires_at && told["drift"].is_null()
        });
        if !right {
            wrong.push(format!("{account:?} is told as {:?}", told.get(&account.id)));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let concerned: Vec<_> = lane
        .accounts
        .iter()
        .filter(|account| wrong.iter().any(|wrong| wrong.contains(&account.name)))
        .collect();
    for account in concerned.into_iter().take(EXAMPLES) {
        let path = format!("/privileged-sessions?account_id={}&limit=5", account.id);
        let last = json!(items(lane, port, &path).await?);
        wrong.push(format!("the last sessions of {}: {last}", account.name));
    }
    Err(wrong.join("\n    "))
}

/// Every session is over for a reason, brought its accounts back, and is what was acknowledged.
async fn sessions(lane: &Lane, port: u16, known: &[Known]) -> Result<(), String> {
    for session in known {
        let path = format!("/privileged-sessions/{}", session.id);
        let now = get(lane, port, &path).await.map_err(|error| format!("it was acknowledged: {error}"))?;
        let ran = now["status"] == "Ended" || now["status"] == "Failed";
        if ran == now["end_reason"].is_null() {
            return Err(format!("over without a reason: {now}"));
        }
        for grant in now["grants"].as_array().into_iter().flatten() {
            let back = grant["outcome"] == "restored" || grant["outcome"] == "untouched";
            if grant["phase"] != "closed" || !back {
                return Err(format!("nobody else touched the account: {now}"));
            }
        }
        if session.approved {
            let log = items(lane, port, &format!("{path}/audit-log?limit=500")).await?;
            if !log.iter().any(|entry| entry["to_status"] == "Approved") {
                return Err(format!("an approval was acknowledged and is not there: {now} {}", json!(log)));
            }
        }
        for change in items(lane, port, &format!("{path}/account-log?limit=500")).await? {
            let at = |name: &str| change[name].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
            let order = [at("intended_at"), at("done_at")];
            if let [Some(intended), Some(done)] = order
                && done < intended
            {
                return Err(format!("done before it was intended: {change}"));
            }
        }
    }
    Ok(())
}

/// Reads what the trail says since the check before, and compares it with what the roles were seen to be.
async fn trail(lane: &mut Lane, port: u16) -> Result<(), String> {
    tokio::time::sleep(NUMBERED_AFTER).await;
    loop {
        let path = format!("/audit-events?after_seq={}&limit={PAGE}", lane.trail.read_to());
        let events = items(lane, port, &path).await?;
        for event in &events {
            lane.trail.take(event)?;
        }
        if events.len() < PAGE {
            break;
        }
    }
    let by_name = |name: &str| lane.accounts.iter().find(|account| account.name == name);
    for seen in lane.watch.take() {
        let Some(account) = by_name(&seen.name) else { continue };
        lane.trail.explains(&account.id, &seen)?;
    }
    lane.trail.is_over()
}
