//! Programs at targets: the web services sign-in of a token.
//!
//! A token has one sign-in for each account that it acts as: it begins with the first call, serves every target of
//! that account's directory, and ends, estimated, when no call comes for half an hour. Which account that is, is
//! decided when a host sees the token for the first time, and again when a privileged session begins or ends.

use std::sync::Arc;

use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::privileged_session::{PrivilegedSession, State};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{Target, TargetRecording, WebServicesInSession};
use chaperone_domain::user::User;
use chaperone_store::{ApiToken, StoreError};

use super::EntryRefused;
use crate::app::App;
use crate::errors::AppError;
use crate::gate::{Cut, LiveSignIn};
use crate::op::{Client, Op, Who};
use crate::secrets;

/// The unique key that lets a token have one open sign-in.
const OPEN_TOKEN: &str = "sign_ins_open_token";

/// Whether an error says that somebody began the token's sign-in at the same moment.
pub(crate) fn is_begun_already(error: &AppError) -> bool {
    matches!(error, AppError::Store(StoreError::Conflict { constraint }) if constraint == OPEN_TOKEN)
}

fn goes_on(live: &LiveSignIn, now: Instant) -> bool {
    live.is_cut() != Some(Cut::Ended) && now < live.deadline()
}

impl App {
    /// The web services sign-in of a token at a target; it begins with the first call.
    pub async fn identify_token(
        &self,
        target: &Target,
        token: &str,
        client: &Client,
    ) -> Result<Arc<LiveSignIn>, EntryRefused> {
        let now = self.now();
        let hash = secrets::hash(token);
        if let Some(live) = self.gate.by_secret(&hash, &target.host)
            && goes_on(&live, now)
        {
            return Ok(live);
        }
        let op = Op::anonymous(now, Channel::WebServices, client.clone());
        let (user, token) = match self.bearer(&op, token, Some(target.id)).await {
            Ok(found) => found,
            Err(AppError::NotSignedIn) => return Err(EntryRefused::CodeInvalid),
            Err(_) => return Err(EntryRefused::Unavailable),
        };
        let op = Op { who: Who::User(Box::new(user.clone())), ..op };
        match self.sign_in_of_program(&op, target, &user, &token).await {
            Ok(live) => {
                self.gate.add_secret(&live, hash, &target.host);
                Ok(live)
            }
            Err(why) => {
                self.entry_refused(&op, target, why).await;
                Err(why)
            }
        }
    }

    async fn sign_in_of_program(
        &self,
        op: &Op,
        target: &Target,
        user: &User,
        token: &ApiToken,
    ) -> Result<Arc<LiveSignIn>, EntryRefused> {
        let (account, session) = self.acting_as(op, target, user).await?;
        let recorded = session.is_some();
        if !recorded && target.recording == TargetRecording::Always {
            return Err(EntryRefused::ConsentNeeded);
        }
        // One after the other, so that of two first calls the second finds what the first began.
        let _hand = self.token_hand.lock().await;
        for _ in 0..2 {
            let known = self.known_of_program(op, token, &account, session.as_ref()).await;
            if let Some(live) = known.map_err(|_| EntryRefused::Unavailable)? {
                return Ok(live);
            }
            let sign_in = self.new_sign_in(op, user, &account, session.as_ref(), Some(token));
            let begun = if recorded {
                self.begin_recorded(op, sign_in, user, &account, session.as_ref(), false).await
            } else {
                self.begin_unrecorded(op, sign_in, user.clone(), account.clone()).await
            };
            match begun {
                Ok(live) => {
                    self.token_used(token.id, op.at).await;
                    return Ok(live);
                }
                // On another node: then it is known now.
                Err(error) if is_begun_already(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EntryRefused::Unavailable)
    }

    /// As which account a program acts, and in which privileged session: inside one as the session's account, where
    /// the target allows that.
    async fn acting_as(
        &self,
        op: &Op,
        target: &Target,
        user: &User,
    ) -> Result<(Account, Option<PrivilegedSession>), EntryRefused> {
        let unavailable = |_| EntryRefused::Unavailable;
        if target.web_services_in_session == WebServicesInSession::Witness
            && let Some(session) = self.covering_session(user, target, op.at).await.map_err(unavailable)?
        {
            let account = self.store.read().account(session.account_id).await;
            let account = account.map_err(|_| EntryRefused::Unavailable)?.ok_or(EntryRefused::NoAccount)?;
            return Ok((account, Some(session)));
        }
        Ok((self.ordinary_account(user, target).await?, None))
    }

    async fn covering_session(
        &self,
        user: &User,
        target: &Target,
        now: Instant,
    ) -> Result<Option<PrivilegedSession>, AppError> {
        let active = self.store.read().sessions_in(&[State::Active]).await?;
        Ok(active.into_iter().find(|session| {
            session.user_id == user.id && session.covers(now) && session.target_ids.contains(&target.id)
        }))
    }

    /// The open sign-in of a token as that account: in memory, or in the store when it began on another node or
    /// before a restart. One whose time is over is ended first.
    async fn known_of_program(
        &self,
        op: &Op,
        token: &ApiToken,
        account: &Account,
        session: Option<&PrivilegedSession>,
    ) -> Result<Option<Arc<LiveSignIn>>, AppError> {
        let session = session.map(|session| session.id);
        let row = self.store.read().open_sign_in_of_token(token.id, Some(account.id), session).await?;
        let Some(row) = row else { return Ok(None) };
        if let Some(live) = self.gate.by_id(row.id)
            && goes_on(&live, op.at)
        {
            return Ok(Some(live));
        }
        if self.end_by_time(op.at, &row).await? {
            return Ok(None);
        }
        let live = self.to_live(&row).await?;
        if let Some(live) = &live {
            self.gate.insert(live.clone());
        }
        Ok(live)
    }
}
