//! Open a session: after fresh authentication and consent, the addresses to go to.

use super::*;
use chaperone_domain::ids::{RecordingId, SignInId};
use chaperone_domain::sign_in::Channel;

/// A target of an opened session.
#[derive(Clone, Debug)]
pub struct OpenedTarget {
    /// Which.
    pub target: Target,
    /// Where to go.
    pub url: String,
}

/// An opened session.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The new target sign-in.
    pub sign_in_id: SignInId,
    /// What records it.
    pub recording_id: RecordingId,
    /// Where to go.
    pub targets: Vec<OpenedTarget>,
}

impl App {
    /// Opens the session for its user: a new target sign-in, bound for life to user, account and session.
    pub async fn open_privileged_session(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
        password: Option<String>,
        consent: bool,
    ) -> Result<Opened, AppError> {
        let session = self.privileged_session(op, id).await?;
        self.require_action(op, &session, Action::Open).await?;
        let user = op.user()?.clone();
        if op.channel != Some(Channel::Web) {
            return Err(AppError::refused(
                "browser-needed",
                "A privileged session is opened in a browser, with the console's cookie: programs use a token at the \
target, where that is allowed.",
            ));
        }
        let Some(password) = password else {
            return Err(AppError::field(
                "password",
                "password-needed",
                "Enter your password again to open the session.",
            ));
        };
        self.check_password_of(op, &user, password).await.map_err(|error| match error {
            AppError::SignInFailed => AppError::field("password", "password-wrong", "The password is wrong."),
            other => other,
        })?;
        if !consent {
            let event = op
                .event(AuditAction::ConsentDeclined, "privileged_session", session.id)
                .in_session(session.id);
            self.note(event).await?;
            return Err(AppError::refused(
                "consent-declined",
                "Without consent to being recorded the session is not opened. You can agree later, or hand it back.",
            ));
        }
        self.vault.ready()?;
        let account = self
            .store
            .read()
            .account(session.account_id)
            .await?
            .filter(|account| account.is_usable(op.at))
            .ok_or_else(|| {
                AppError::refused(
                    "account-disabled",
                    "The account is disabled at the moment; a system administrator can enable it for this session.",
                )
            })?;
        let sign_in = self.new_sign_in(op, &user, &account, Some(&session), None);
        let sign_in_id = sign_in.id;
        self.begin_recorded(op, sign_in, &user, &account, Some(&session), true).await?;
        // The session may have ended while the recording began: then what was begun ends with it.
        let now = self.store.read().privileged_session(id).await?;
        if !now.is_some_and(|now| now.covers(self.now())) {
            self.gate.end(sign_in_id);
            if let Some(row) = self.store.read().sign_in(sign_in_id).await? {
                self.end_sign_in_row(op, row, chaperone_domain::sign_in::EndKind::SessionEnded).await?;
            }
            return Err(Refusal::WrongStatus.into());
        }
        let recording_id = self
            .recording_of_sign_in(sign_in_id)
            .await?
            .ok_or(AppError::Inside("sign-in without recording"))?
            .id;
        let mut targets = Vec::new();
        for id in &session.target_ids {
            if let Some(target) = self.store.read().target(*id).await? {
                let url = format!("{}/.chaperone/start?sign_in={sign_in_id}", self.target_address(&target));
                targets.push(OpenedTarget { target, url });
            }
        }
        Ok(Opened { sign_in_id, recording_id, targets })
    }
}
