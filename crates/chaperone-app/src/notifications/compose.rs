//! Subject, text and JSON of what is told, in plain English; instants are in UTC and say so.

use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::event_stream::EventStream;
use chaperone_domain::grant::GrantOutcome;
use chaperone_domain::notification::NotificationKind;
use chaperone_domain::privileged_session::{EndReason, PrivilegedSession};
use chaperone_domain::target::Target;
use chaperone_domain::user::User;
use serde_json::json;

/// Longest line that is taken from what people wrote, in characters.
const LINE_MAX_CHARS: usize = 400;

/// What is said about an event stream that could send nothing for long.
const STALLED: &str = "Nothing could be sent on an event stream for more than ten minutes. Nothing is lost: it is tried \
again until it works, and goes on where it stopped. Look whether the collector can be reached and takes what it is sent.";

/// What a message speaks of, beside the session.
pub(super) struct Facts {
    pub(super) account: Option<Account>,
    pub(super) user: Option<User>,
    pub(super) requested_by: Option<User>,
    pub(super) approved_by: Option<User>,
    pub(super) targets: Vec<Target>,
    /// The session's page in the console.
    pub(super) url: String,
}

/// In one line.
pub(super) fn subject(kind: NotificationKind, facts: &Facts) -> String {
    let what = match kind {
        NotificationKind::ToApprove => "To approve",
        NotificationKind::Approved => "Approved",
        NotificationKind::Rejected => "Rejected",
        NotificationKind::StartsSoon => "Starts soon",
        NotificationKind::Started => "Started",
        NotificationKind::EndsSoon => "Ends soon",
        NotificationKind::Ended => "Ended",
        NotificationKind::CouldNotStart => "Could not start",
        NotificationKind::CouldNotBePutBack => "Could not be put back",
        NotificationKind::Drift => "Account found changed",
        NotificationKind::EventStreamStalled => "An event stream stalled",
        NotificationKind::ScheduledExportFailing
        | NotificationKind::ExportGapFound
        | NotificationKind::ExportGapClosed => return subject_of(kind, ""),
    };
    format!("{what}: {} for {}", account(facts), person(facts.user.as_ref()))
}

/// The subject of what is about no session.
pub(super) fn subject_of(kind: NotificationKind, what: &str) -> String {
    let said = match kind {
        NotificationKind::ScheduledExportFailing => "A scheduled export cannot be written",
        NotificationKind::ExportGapFound => "A scheduled export has gaps",
        NotificationKind::ExportGapClosed => "A scheduled export is well again",
        _ => kind.name(),
    };
    format!("{said}: {}", one_line(what))
}

/// The body of a webhook about no session.
pub(super) fn json_of(told: &super::ToldOf<'_>, subject: &str, at: Instant) -> String {
    json!({
        "type": format!("chaperone.{}", told.kind.name()),
        "timestamp": at.to_string(),
        "data": { "summary": subject, "text": told.text, "url": told.url, "name": told.what },
    })
    .to_string()
}

/// The text of a mail.
pub(super) fn text(kind: NotificationKind, session: &PrivilegedSession, facts: &Facts, said: &str) -> String {
    let targets: Vec<&str> = facts.targets.iter().map(|target| target.name.as_str()).collect();
    let mut lines = vec![lead(kind, session, facts), String::new()];
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("{name:<13}{}", one_line(value)));
        }
    };
    fact("Account:", &account(facts));
    fact("User:", &person(facts.user.as_ref()));
    fact("Asked by:", &person(facts.requested_by.as_ref()));
    if let Some(approver) = &facts.approved_by {
        fact("Approved by:", &person(Some(approver)));
    }
    fact("Targets:", &targets.join(", "));
    fact("From:", &instant(session.window.starts_at()));
    fact("Until:", &instant(session.window.ends_at()));
    fact("Reason:", &session.reason);
    fact("Ticket:", &session.ticket);
    fact("Said:", said);
    lines.extend([String::new(), facts.url.clone(), String::new()]);
    lines.join("\n")
}

/// The body of a webhook.
pub(super) fn json(
    kind: NotificationKind,
    session: &PrivilegedSession,
    facts: &Facts,
    said: &str,
    at: Instant,
) -> String {
    let somebody = |user: &Option<User>| {
        user.as_ref().map(|user| {
            json!({
                "id": user.id.to_string(),
                "user_name": user.user_name,
                "display_name": user.display_name,
            })
        })
    };
    let targets =
        facts.targets.iter().map(|target| json!({"id": target.id.to_string(), "name": target.name}));
    json!({
        "type": format!("privileged_session.{}", kind.name()),
        "timestamp": at.to_string(),
        "data": {
            "summary": subject(kind, facts),
            "text": lead(kind, session, facts),
            "url": facts.url,
            "privileged_session_id": session.id.to_string(),
            "status": session.status().name(),
            "end_reason": session.end_reason.map(EndReason::name),
            "account": facts.account.as_ref().map(|account| json!({
                "id": account.id.to_string(),
                "name": account.name,
            })),
            "user": somebody(&facts.user),
            "requested_by": somebody(&facts.requested_by),
            "approved_by": somebody(&facts.approved_by),
            "targets": targets.collect::<Vec<_>>(),
            "starts_at": session.window.starts_at().to_string(),
            "ends_at": session.window.ends_at().to_string(),
            "reason": session.reason,
            "ticket": session.ticket,
            "said": said,
        },
    })
    .to_string()
}

/// What happened, and what to do.
fn lead(kind: NotificationKind, session: &PrivilegedSession, facts: &Facts) -> String {
    let (starts, ends) = (instant(session.window.starts_at()), instant(session.window.ends_at()));
    match kind {
        NotificationKind::ToApprove => format!(
            "{} asks for a privileged session. It starts only if it is approved before its end.",
            person(facts.requested_by.as_ref())
        ),
        NotificationKind::Approved => format!("The privileged session is approved. It starts at {starts}."),
        NotificationKind::Rejected => "The privileged session was not approved.".to_owned(),
        NotificationKind::StartsSoon => format!("The privileged session starts at {starts}."),
        NotificationKind::Started => format!(
            "The privileged session is active. The account can be used until {ends}, and everything that is done is \
             recorded."
        ),
        NotificationKind::EndsSoon => {
            format!("The privileged session ends at {ends}. Save your work before, or ask for a new session.")
        }
        NotificationKind::Ended => {
            format!("The privileged session is over: {}.", session.end_reason.map_or("it ended", end_words))
        }
        NotificationKind::CouldNotStart => {
            "The privileged session could not start. The account is being put back; ask for a new session.".to_owned()
        }
        NotificationKind::CouldNotBePutBack => "The privileged session is over, and its account could not be put back \
for more than a minute. Nobody gets into targets with it any more, and it is tried again until it works. Look whether \
the directory can be reached."
            .to_owned(),
        NotificationKind::Drift => {
            "An account of the privileged session was found otherwise than Chaperone left it. Look whether it is as it \
             should be."
                .to_owned()
        }
        NotificationKind::EventStreamStalled => STALLED.to_owned(),
        NotificationKind::ScheduledExportFailing
        | NotificationKind::ExportGapFound
        | NotificationKind::ExportGapClosed => subject_of(kind, ""),
    }
}

/// Subject, text of a mail and body of a webhook about an event stream that could send nothing for long.
pub(super) fn stalled(
    stream: &EventStream,
    problem: &str,
    url: &str,
    at: Instant,
) -> (String, String, String) {
    let subject = format!("Event stream stalled: {}", one_line(&stream.name));
    let since = stream.problem_since.map(instant).unwrap_or_default();
    let lines = [
        STALLED.to_owned(),
        String::new(),
        format!("{:<13}{}", "Stream:", one_line(&stream.name)),
        format!("{:<13}{since}", "Since:"),
        format!("{:<13}{}", "Last number:", stream.last_seq),
        format!("{:<13}{}", "Problem:", one_line(problem)),
        String::new(),
        url.to_owned(),
        String::new(),
    ];
    let body = json!({
        "type": "event_stream.stalled",
        "timestamp": at.to_string(),
        "data": {
            "summary": subject,
            "text": STALLED,
            "url": url,
            "event_stream": stream.name,
            "since": stream.problem_since.map(|since| since.to_string()),
            "last_number": stream.last_seq,
            "said": problem,
        },
    });
    (subject, lines.join("\n"), body.to_string())
}

const fn end_words(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Completed => "its time was up",
        EndReason::HandedBack => "the user gave it back",
        EndReason::EndedByAdministrator => "somebody who may do so ended it",
        EndReason::RecordingLost => "nothing of it could be recorded",
        EndReason::AccountRemoved => "the account is gone",
        EndReason::CouldNotStart => "it could not start",
    }
}

/// What became of an account, in a sentence.
pub(super) const fn outcome_sentence(outcome: GrantOutcome) -> &'static str {
    match outcome {
        GrantOutcome::Untouched | GrantOutcome::Restored => "The account is in its original state.",
        GrantOutcome::KeptChangedByOthers => {
            "Somebody else made the account stricter during the session; it was left so."
        }
        GrantOutcome::SetStricter => {
            "Somebody else changed the account during the session; it was set to the stricter of that and its original state."
        }
        GrantOutcome::Absent => "The directory does not know the account any more.",
    }
}

fn account(facts: &Facts) -> String {
    facts.account.as_ref().map_or_else(|| "an account".to_owned(), |account| one_line(&account.name))
}

fn person(user: Option<&User>) -> String {
    match user {
        Some(user) if user.display_name.is_empty() || user.display_name == user.user_name => {
            one_line(&user.user_name)
        }
        Some(user) => one_line(&format!("{} ({})", user.display_name, user.user_name)),
        None => "somebody".to_owned(),
    }
}

fn instant(at: Instant) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What people wrote, in one line: nothing of it can look like a line of ours or like a header.
fn one_line(text: &str) -> String {
    let mut line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX_CHARS).collect();
    if text.chars().count() > LINE_MAX_CHARS {
        line.push('…');
    }
    line
}
