//! The trail.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use chaperone_app::lists::{EventFilter, StoredEvent};
use chaperone_domain::audit_event::{AuditAction, DetailValue};
use chaperone_domain::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::export;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, instant, opt_instant, opt_parse, page, parse_instant, parse_named};

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
    /// `user`, `processor`, `system`, `anonymous`; `unknown` for an event that was deleted.
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
    /// When retention deleted the event: what is left is `seq`, `id`, `at`, `privileged_session_id` and `commitment`, and
    /// its `action` reads `event_deleted`.
    deleted_at: Option<String>,
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
        deleted_at: opt_instant(stored.deleted_at),
    }
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditEventsQuery {
    /// Numbered after this; the answer is in the order of numbers then.
    after_seq: Option<i64>,
    /// One or more actions: repeat it, or separate them with commas.
    action: Option<String>,
    /// Who did it, or on whose behalf.
    user_id: Option<String>,
    /// About this target.
    target_id: Option<String>,
    privileged_session_id: Option<String>,
    sign_in_id: Option<String>,
    /// At or after.
    start: Option<String>,
    /// Before.
    end: Option<String>,
    /// `json` (a page of the list), or a file with all of them: `csv`, `xlsx`, `jsonl`, `parquet`.
    format: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

/// The trail, newest first; with `after_seq` in the order of numbers, so that a program can follow it. As a file it
/// comes whole, and `Chaperone-Total-Rows` says in advance how many rows there are.
#[utoipa::path(get, path = "/audit-events", tag = "administration", params(AuditEventsQuery), responses(
    (status = 200, content((List<AuditEventBody> = "application/json"), (String = "text/csv")),
        headers(("Chaperone-Total-Rows" = u64, description = "Rows of the file; not with `json`."))),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<AuditEventsQuery>,
) -> Result<Response, Problem> {
    let filter = EventFilter {
        after_seq: query.after_seq,
        action: None,
        actions: query
            .action
            .as_deref()
            .unwrap_or_default()
            .split(',')
            .filter(|name| !name.is_empty())
            .map(|name| parse_named("action", AuditAction::parse, name))
            .collect::<Result<_, _>>()?,
        target_id: opt_parse("target_id", query.target_id.as_deref())?,
        user_id: opt_parse("user_id", query.user_id.as_deref())?,
        privileged_session_id: opt_parse("privileged_session_id", query.privileged_session_id.as_deref())?,
        sign_in_id: opt_parse("sign_in_id", query.sign_in_id.as_deref())?,
        start: query.start.as_deref().map(|at| parse_instant("start", at)).transpose()?,
        end: query.end.as_deref().map(|at| parse_instant("end", at)).transpose()?,
    };
    if let Some(format) = export::file_format(query.format.as_deref(), query.limit, query.after.as_deref())? {
        return Ok(export::answer(api.app.export_audit_events(&caller.op, filter, format).await?));
    }
    let found = api.app.audit_events(&caller.op, filter, page(query.limit, query.after)?).await?;
    let mut names = HashMap::new();
    for user in found.items.iter().filter_map(|stored| stored.event.actor.user_id()) {
        if !names.contains_key(&user)
            && let Ok(known) = api.app.user(&caller.op, user).await
        {
            names.insert(user, known.user_name);
        }
    }
    let items = found.items.iter().map(|stored| body(stored, &names)).collect();
    Ok(Json(List { items, next: found.next }).into_response())
}
