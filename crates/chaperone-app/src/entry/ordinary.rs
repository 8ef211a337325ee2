//! Sign-ins outside of privileged sessions: with which account, and not while a session holds it.

use super::*;
use chaperone_domain::account::AccountState;
use chaperone_domain::ids::AccountId;
use chaperone_domain::privileged_session::State;
use chaperone_domain::target::TargetRecording;
use chaperone_store::{Events, Reads};

/// States of a session that holds its accounts; in the last one they are not back yet.
const HOLDS: [State; 3] = [State::Starting, State::Active, State::Ending];

/// Refuses a sign-in outside of privileged sessions as an account that one of them holds. Asked again where it is
/// written, since a session may begin between a look and a row.
pub(crate) async fn refuse_in_session(reads: Reads<'_>, account: AccountId) -> Result<(), AppError> {
    if reads.sessions_of_account(account, &HOLDS).await?.is_empty() {
        return Ok(());
    }
    Err(AppError::refused(
        ACCOUNT_IN_SESSION,
        "A privileged session holds the account: it can be used only in that session until it is back.",
    ))
}

impl App {
    /// The user's account at a target outside privileged sessions.
    pub(super) async fn ordinary_account(
        &self,
        user: &User,
        target: &Target,
    ) -> Result<Account, EntryRefused> {
        let owned = self.store.read().accounts_of(user.id).await.map_err(|_| EntryRefused::Unavailable)?;
        let mut ordinary: Vec<Account> = owned
            .into_iter()
            .filter(|account| account.directory_id == target.directory_id && !account.privileged)
            .filter(|account| account.state != AccountState::Absent)
            .collect();
        // The account of the user's own name first, so that the choice is always the same.
        ordinary.sort_by_key(|account| {
            (!account.name.eq_ignore_ascii_case(&user.user_name), account.name.clone())
        });
        let account = ordinary.into_iter().next().ok_or(EntryRefused::NoAccount)?;
        refuse_in_session(self.store.read(), account.id).await?;
        if account.is_usable(self.now()) { Ok(account) } else { Err(EntryRefused::AccountDisabled) }
    }

    pub(super) async fn ordinary_sign_in(
        &self,
        op: &Op,
        user: &User,
        target: &Target,
        consent: bool,
    ) -> Result<Arc<LiveSignIn>, EntryRefused> {
        let account = self.ordinary_account(user, target).await?;
        let recorded = target.recording == TargetRecording::Always;
        let open = self.gate.of_user(user.id).into_iter().find(|live| {
            let facts = live.facts();
            live.channel == Channel::Web
                && facts.session.is_none()
                && facts.account.id == account.id
                && live.is_cut().is_none()
                && op.at < facts.expires_at
                && matches!(live.recorded, Recorded::Here(_)) == recorded
        });
        if let Some(live) = open {
            return Ok(live);
        }
        if recorded && !consent {
            return Err(EntryRefused::ConsentNeeded);
        }
        let sign_in = self.new_sign_in(op, user, &account, None, None);
        let begun = if recorded {
            self.begin_recorded(op, sign_in, user, &account, None, true).await
        } else {
            self.begin_unrecorded(op, sign_in, user.clone(), account).await
        };
        begun.map_err(EntryRefused::from)
    }

    pub(super) async fn begin_unrecorded(
        &self,
        op: &Op,
        sign_in: SignIn,
        user: User,
        account: Account,
    ) -> Result<Arc<LiveSignIn>, AppError> {
        let (tx_op, row, account_id) = (op.clone(), sign_in.clone(), account.id);
        self.store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    refuse_in_session(tx.read(), account_id).await?;
                    tx.insert_sign_in(&row, None).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(started_event(&op, &row))))
                })
            })
            .await?;
        let facts = LiveFacts { user, account, session: None, expires_at: sign_in.expires_at };
        let live = LiveSignIn::new(&sign_in, facts, Recorded::No);
        self.gate.insert(live.clone());
        self.changes.tell(ChangedNoun::SignIn, sign_in.id.uuid(), vec![sign_in.user_id]);
        Ok(live)
    }
}
