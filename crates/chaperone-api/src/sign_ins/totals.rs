//! Totals of User Login Events: per user, and per day for a small chart.

use axum::extract::State;
use chaperone_app::lists::{SignInTotals, TOTAL_DAYS_MAX, TOTAL_USERS_MAX};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::SignInsQuery;
use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::instant;

/// Which sign-ins: the filters of `GET /sign-ins`.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInTotalsQuery {
    /// Started before; preset: now.
    end: Option<String>,
    /// Started at or after; preset: seven days before the end.
    start: Option<String>,
    /// A part of user name, display name or e-mail.
    user_name: Option<String>,
    user_id: Option<String>,
    /// `web`, `web_services`.
    channel: Option<String>,
    /// Used at this target.
    target_id: Option<String>,
    /// Exactly this address.
    client_address: Option<String>,
    privileged_session_id: Option<String>,
    /// `console`, `target`.
    kind: Option<String>,
}

impl From<SignInTotalsQuery> for SignInsQuery {
    fn from(query: SignInTotalsQuery) -> Self {
        let SignInTotalsQuery {
            end,
            start,
            user_name,
            user_id,
            channel,
            target_id,
            client_address,
            privileged_session_id,
            kind,
        } = query;
        Self {
            end,
            start,
            user_name,
            user_id,
            channel,
            target_id,
            client_address,
            privileged_session_id,
            kind,
            format: None,
            limit: None,
            after: None,
        }
    }
}

/// How often and how long a user was there.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserTotalBody {
    user_id: String,
    user_name: String,
    display_name: String,
    email: String,
    count: u64,
    /// From start to end, or to the last known use, added up.
    time_s: i64,
    /// The start of the last one.
    last_at: String,
}

/// What happened in a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayTotalBody {
    /// When the day began; days are those of UTC.
    day: String,
    count: u64,
    users: u64,
}

/// Totals of the sign-ins that started in a span of time.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInTotalsBody {
    count: u64,
    /// How many users they are of.
    users: u64,
    /// Users with the most sign-ins first, at most 1,000.
    per_user: Vec<UserTotalBody>,
    /// There are more users than `per_user` has.
    users_are_cut: bool,
    /// Days with sign-ins, oldest first, at most the last 400.
    per_day: Vec<DayTotalBody>,
    /// There may be more days than `per_day` has.
    days_are_cut: bool,
}

impl From<SignInTotals> for SignInTotalsBody {
    fn from(totals: SignInTotals) -> Self {
        Self {
            count: totals.count,
            users: totals.users,
            users_are_cut: totals.users > TOTAL_USERS_MAX as u64,
            days_are_cut: totals.per_day.len() == TOTAL_DAYS_MAX,
            per_user: totals
                .per_user
                .into_iter()
                .map(|total| UserTotalBody {
                    user_id: total.user_id.to_string(),
                    user_name: total.user_name,
                    display_name: total.display_name,
                    email: total.email,
                    count: total.count,
                    time_s: total.time.as_secs(),
                    last_at: instant(total.last_at),
                })
                .collect(),
            per_day: totals
                .per_day
                .into_iter()
                .map(|total| DayTotalBody { day: instant(total.day), count: total.count, users: total.users })
                .collect(),
        }
    }
}

/// Totals of User Login Events: per user and per day.
#[utoipa::path(get, path = "/sign-ins/totals", tag = "sign-ins", params(SignInTotalsQuery), responses(
    (status = 200, body = SignInTotalsBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn totals(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<SignInTotalsQuery>,
) -> Result<Json<SignInTotalsBody>, Problem> {
    let totals = api.app.sign_in_totals(&caller.op, SignInsQuery::from(query).filter(&caller)?).await?;
    Ok(Json(SignInTotalsBody::from(totals)))
}
