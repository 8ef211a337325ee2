//! A session as it is answered.

use chaperone_app::AppError;
use chaperone_app::legal_holds::LegalHoldView;
use chaperone_app::privileged_sessions::PrivilegedSessionView;
use chaperone_domain::account::Account;
use chaperone_domain::grant::{Grant, GrantOutcome, GrantPhase, Wish};
use chaperone_domain::ids::TargetId;
use chaperone_domain::privileged_session::{Action, EndReason, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::wire::{UserRef, instant, opt_instant};

/// The account of a session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAccount {
    id: String,
    name: String,
    /// `enabled`, `disabled`, `absent`: as it was last seen.
    state: &'static str,
    directory_id: String,
    /// `none`, `enable`, `disable`: what the session does with it.
    account_action: &'static str,
}

fn account(account: &Account, wish: Wish) -> SessionAccount {
    SessionAccount {
        id: account.id.to_string(),
        name: account.name.clone(),
        state: account.state.name(),
        directory_id: account.directory_id.to_string(),
        account_action: wish.name(),
    }
}

/// A later end that was asked for; the old one stands until it is approved.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExtensionBody {
    ends_at: String,
    reason: String,
    requested_by: String,
    requested_at: String,
}

/// A target of a session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionTarget {
    id: String,
    name: String,
    host: String,
}

/// What the state of the session allows and a rule refuses to the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedAction {
    action: &'static str,
    /// Ends in the stable name of the rule.
    #[serde(rename = "type")]
    kind: String,
    detail: String,
}

/// What is done to an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct GrantBody {
    id: String,
    account_id: String,
    account_name: String,
    /// `opening`, `held`, `closing`, `closed`.
    phase: &'static str,
    /// What it was before, and what it goes back to.
    baseline: &'static str,
    desired: &'static str,
    applied: Option<&'static str>,
    observed: &'static str,
    /// `untouched`, `restored`, `kept_changed_by_others`, `set_stricter`, `absent`.
    outcome: Option<&'static str>,
    deadline: String,
    attempt: i64,
    next_try: Option<String>,
    problem: Option<String>,
}

fn grant(grant: &Grant, account_name: &str) -> GrantBody {
    GrantBody {
        id: grant.id.to_string(),
        account_id: grant.account_id.to_string(),
        account_name: account_name.to_owned(),
        phase: grant.phase.name(),
        baseline: grant.baseline.state.name(),
        desired: grant.desired.state.name(),
        applied: grant.applied().map(|applied| applied.state.name()),
        observed: grant.observed.state.name(),
        outcome: grant.closed_at.and(grant.outcome).map(GrantOutcome::name),
        deadline: instant(grant.deadline),
        attempt: grant.attempt,
        next_try: opt_instant(grant.next_try_at),
        problem: grant.problem.clone(),
    }
}

/// Whether everything that belongs to the session is kept, however old it gets.
#[derive(Serialize, ToSchema)]
pub(crate) struct LegalHoldBody {
    held: bool,
    set_at: Option<String>,
    /// For system administrators and auditors; `null` for others.
    set_by: Option<UserRef>,
    /// For system administrators and auditors; `null` for others.
    reason: Option<String>,
    /// Whether the caller may set it now.
    may_set: bool,
    /// Whether the caller may lift it now.
    may_lift: bool,
}

impl From<&LegalHoldView> for LegalHoldBody {
    fn from(view: &LegalHoldView) -> Self {
        Self {
            held: view.held,
            set_at: opt_instant(view.set_at),
            set_by: view.set_by.as_ref().map(UserRef::from),
            reason: view.reason.clone(),
            may_set: view.may_set,
            may_lift: view.may_lift,
        }
    }
}

/// A privileged session.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrivilegedSessionBody {
    id: String,
    /// `Draft`, `Approved`, `Active`, `Ending`, `Ended`, `Rejected`, `Cancelled`, `Expired`, `Failed`.
    status: &'static str,
    /// `completed`, `handed_back`, `ended_by_administrator`, `recording_lost`, `account_removed`, `could_not_start`.
    end_reason: Option<&'static str>,
    account: SessionAccount,
    account_id: String,
    /// Accounts that are enabled or disabled with it.
    more_accounts: Vec<SessionAccount>,
    extension: Option<ExtensionBody>,
    user: UserRef,
    user_id: String,
    requested_by: UserRef,
    approved_by: Option<UserRef>,
    self_approved: bool,
    targets: Vec<SessionTarget>,
    target_ids: Vec<String>,
    starts_at: String,
    ends_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    reason: String,
    ticket: String,
    /// `none`, `enable`, `disable`.
    account_action: &'static str,
    /// What the caller may do now.
    allowed_actions: Vec<&'static str>,
    refused_actions: Vec<RefusedAction>,
    grants: Vec<GrantBody>,
    legal_hold: LegalHoldBody,
    version: i64,
    created_at: String,
    updated_at: String,
    /// Accounts that are not proved back yet.
    not_back: Vec<String>,
}

impl From<&PrivilegedSessionView> for PrivilegedSessionBody {
    fn from(view: &PrivilegedSessionView) -> Self {
        let session = &view.session;
        let refused = |(action, refusal): &(Action, _)| {
            let problem = Problem::from(AppError::from(*refusal));
            RefusedAction {
                action: action.name(),
                kind: format!("/problems/{}", problem.rule()),
                detail: problem.detail().to_owned(),
            }
        };
        Self {
            id: session.id.to_string(),
            status: session.status().name(),
            end_reason: session.end_reason.map(EndReason::name),
            account: account(&view.account, session.wish),
            account_id: session.account_id.to_string(),
            more_accounts: view
                .more_accounts
                .iter()
                .map(|more| account(more, session.wish_for(more.id).unwrap_or(Wish::None)))
                .collect(),
            extension: session.extension.as_ref().map(|extension| ExtensionBody {
                ends_at: instant(extension.ends_at),
                reason: extension.reason.clone(),
                requested_by: extension.requested_by.to_string(),
                requested_at: instant(extension.requested_at),
            }),
            user: UserRef::from(&view.user),
            user_id: session.user_id.to_string(),
            requested_by: UserRef::from(&view.requested_by),
            approved_by: view.approved_by.as_ref().map(UserRef::from),
            self_approved: session.self_approved,
            targets: view
                .targets
                .iter()
                .map(|target| SessionTarget {
                    id: target.id.to_string(),
                    name: target.name.clone(),
                    host: target.host.clone(),
                })
                .collect(),
            target_ids: session.target_ids.iter().map(TargetId::to_string).collect(),
            starts_at: instant(session.window.starts_at()),
            ends_at: instant(session.window.ends_at()),
            started_at: opt_instant(session.started_at),
            ended_at: opt_instant(session.ended_at),
            reason: session.reason.clone(),
            ticket: session.ticket.clone(),
            account_action: session.wish.name(),
            allowed_actions: view.allowed_actions.iter().map(|action| action.name()).collect(),
            refused_actions: view.refused_actions.iter().map(refused).collect(),
            grants: view
                .grants
                .iter()
                .map(|(held, _)| grant(held, view.account_name(held.account_id)))
                .collect(),
            legal_hold: LegalHoldBody::from(&view.legal_hold),
            version: session.version,
            created_at: instant(session.created_at),
            updated_at: instant(session.updated_at),
            not_back: match session.status() {
                Status::Ending => view
                    .grants
                    .iter()
                    .filter(|(held, holder)| holder.released_at.is_none() && held.phase != GrantPhase::Closed)
                    .map(|(held, _)| held.account_id.to_string())
                    .collect(),
                _ => Vec::new(),
            },
        }
    }
}
