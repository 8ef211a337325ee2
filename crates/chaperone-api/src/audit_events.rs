//! The trail.

use std::collections::HashMap;

use axum::extract::State;
use chaperone_app::lists::{EventFilter, StoredEvent};
use chaperone_domain::audit_event::{AuditAction, DetailValue};
use chaperone_domain::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, instant, opt_parse, page, parse_instant, parse_named};

/// What an event happened to.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubjectBody {
    kind: String,
    id: String,
}

/// One thing that happened.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEventBody {
    /// Its number, from 1 without gaps; `null` for the moment until it has one.
    seq: Option<i64>,
    id: String,
    at: String,
    /// `user`, `processor`, `system`, `anonymous`.
    actor_kind: &'static str,
    user_id: Option<String>,
    user_name: Option<String>,
    on_behalf_of: Option<String>,
    action: &'static str,
    subject: SubjectBody,
    privileged_session_id: Option<String>,
    sign_in_id: Option<String>,
    channel: Option<&'static str>,
    client_address: Option<String>,
    reason: Option<String>,
    /// More, by name.
    #[schema(value_type = Object)]
    details: serde_json::Map<String, serde_json::Value>,
    /// The commitment to the event, as hexadecimal digits.
    commitment: String,
}

fn body(stored: &StoredEvent, names: &HashMap<UserId, String>) -> AuditEventBody {
    let event = &stored.event;
    let value = |value: &DetailValue| match value {
        DetailValue::Text(text) => serde_json::Value::from(text.as_str()),
        DetailValue::Number(number) => serde_json::Value::from(*number),
        DetailValue::Flag(flag) => serde_json::Value::from(*flag),
        DetailValue::Nothing => serde_json::Value::Null,
    };
    let user = event.actor.user_id();
    AuditEventBody {
        seq: stored.seq,
        id: event.id.to_string(),
        at: instant(event.at),
        actor_kind: event.actor.kind_name(),
        user_id: user.map(|id| id.to_string()),
        user_name: user.and_then(|id| names.get(&id).cloned()),
        on_behalf_of: event.on_behalf_of.map(|id| id.to_string()),
        action: event.action.name(),
        subject: SubjectBody { kind: event.subject.kind.clone(), id: event.subject.id.clone() },
        privileged_session_id: event.privileged_session_id.map(|id| id.to_string()),
        sign_in_id: event.sign_in_id.map(|id| id.to_string()),
        channel: event.channel.map(|channel| channel.name()),
        client_address: event.client_address.clone(),
        reason: event.reason.clone(),
        details: event.details.iter().map(|(name, detail)| (name.clone(), value(detail))).collect(),
        commitment: stored.commitment.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditEventsQuery {
    /// Numbered after this; the answer is in the order of numbers then.
    after_seq: Option<i64>,
    action: Option<String>,
    /// Who did it, or on whose behalf.
    user_id: Option<String>,
    privileged_session_id: Option<String>,
    sign_in_id: Option<String>,
    /// At or after.
    start: Option<String>,
    /// Before.
    end: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

/// The trail, newest first; with `after_seq` in the order of numbers, so that a program can follow it.
#[utoipa::path(get, path = "/audit-events", tag = "administration", params(AuditEventsQuery), responses((status = 200, body = List<AuditEventBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<AuditEventsQuery>,
) -> Result<Json<List<AuditEventBody>>, Problem> {
    let filter = EventFilter {
        after_seq: query.after_seq,
        action: query
            .action
            .as_deref()
            .map(|name| parse_named("action", AuditAction::parse, name))
            .transpose()?,
        user_id: opt_parse("user_id", query.user_id.as_deref())?,
        privileged_session_id: opt_parse("privileged_session_id", query.privileged_session_id.as_deref())?,
        sign_in_id: opt_parse("sign_in_id", query.sign_in_id.as_deref())?,
        start: query.start.as_deref().map(|at| parse_instant("start", at)).transpose()?,
        end: query.end.as_deref().map(|at| parse_instant("end", at)).transpose()?,
    };
    let found = api.app.audit_events(&caller.op, filter, page(query.limit, query.after)?).await?;
    let mut names = HashMap::new();
    for user in found.items.iter().filter_map(|stored| stored.event.actor.user_id()) {
        if !names.contains_key(&user)
            && let Ok(known) = api.app.user(&caller.op, user).await
        {
            names.insert(user, known.user_name);
        }
    }
    Ok(Json(List {
        items: found.items.iter().map(|stored| body(stored, &names)).collect(),
        next: found.next,
    }))
}
