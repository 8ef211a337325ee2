//! What people do meanwhile: those who decide about sessions, administrators, and others in the directory itself.

use chaperone_app::accounts::AccountChange;
use chaperone_app::privileged_sessions::{PrivilegedSessionChange, StatusChange};
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::AccountId;
use chaperone_store::Stage;

use crate::hub::{At, Go};
use crate::schedule::Schedule;
use crate::world::{Failed, Work, op_of};

impl Schedule<'_> {
    /// Somebody decides something on the node for people.
    pub fn people(&mut self) -> Result<(), Failed> {
        if self.world.nodes[0].activity.is_some() {
            return Ok(());
        }
        if !self.plan.elsewhere && self.plan.others && self.dice.percent(40) {
            return self.administrator();
        }
        let index = self.dice.index(self.plan.sessions.len());
        let session = &self.plan.sessions[index];
        if self.now() < session.window.starts_at() {
            return Ok(());
        }
        let (id, account) = (session.id, session.account_id);
        let app = self.world.nodes[0].app.clone();
        let (bert, paula) = (self.world.bert.clone(), self.world.paula.clone());
        let later = self
            .now()
            .checked_add(jiff::SignedDuration::from_secs(i64::try_from(5 + self.dice.below(150))?))?;
        let (what, work): (String, Work) = match self.dice.below(100) {
            0..40 => {
                let enabled = self.dice.percent(50);
                let work = async move {
                    app.switch_account(&op_of(&app, &bert), id, Some(account), enabled).await.is_ok()
                };
                (format!("switch session {index} to enabled: {enabled}"), Box::pin(work))
            }
            40..65 => {
                let work = async move {
                    let op = op_of(&app, &paula);
                    if app.extend_privileged_session(&op, id, later, "more", None).await.is_err() {
                        return false;
                    }
                    app.change_status(&op_of(&app, &bert), id, StatusChange::Approve, "", None).await.is_ok()
                };
                (format!("extend session {index}"), Box::pin(work))
            }
            65..80 => {
                let change = PrivilegedSessionChange { ends_at: Some(later), ..Default::default() };
                let work = async move {
                    app.edit_privileged_session(&op_of(&app, &paula), id, change).await.is_ok()
                };
                (format!("shorten session {index}"), Box::pin(work))
            }
            number => {
                let (who, change) =
                    if number < 90 { (paula, StatusChange::HandBack) } else { (bert, StatusChange::End) };
                let work =
                    async move { app.change_status(&op_of(&app, &who), id, change, "", None).await.is_ok() };
                (format!("{change:?} session {index}"), Box::pin(work))
            }
        };
        self.begin(0, what, Some(index), work)
    }

    /// An administrator's own change of an account of the built-in directory.
    pub fn administrator(&mut self) -> Result<(), Failed> {
        let account = self.plan.accounts[self.dice.index(self.plan.accounts.len())].id;
        let state = if self.dice.percent(50) { AccountState::Enabled } else { AccountState::Disabled };
        let app = self.world.nodes[0].app.clone();
        let anna = self.world.anna.clone();
        self.changing = Some((account, state));
        let work = Box::pin(async move {
            let change = AccountChange { state: Some(state), ..AccountChange::default() };
            app.change_account(&op_of(&app, &anna), account, change).await.is_ok()
        });
        self.begin(0, format!("account {} is to be {state:?}", self.name(account)), None, work)
    }

    /// Goes on with an administrator's own change; if it is kept, it is what the account goes back to.
    pub fn changed_by_administrator(
        &mut self,
        account: AccountId,
        state: AccountState,
        node: usize,
        go: Go,
    ) -> Result<(), Failed> {
        let done = self.world.go_on(node, go);
        let kept = matches!(&self.world.nodes[node].activity, Some(activity) if activity.at == At::Commit(Stage::After));
        if kept && let Some(original) = self.originals.get_mut(&account) {
            original.baseline.state = state;
            self.changing = None;
        }
        self.after(node, "an administrator's own change", done)
    }

    /// Somebody else changes an account in its directory.
    pub fn others(&mut self) {
        if !self.plan.elsewhere {
            return;
        }
        let id = self.plan.accounts[self.dice.index(self.plan.accounts.len())].id;
        if self.dice.percent(4) {
            self.remove(id);
            return;
        }
        let state = if self.dice.percent(70) { AccountState::Disabled } else { AccountState::Enabled };
        let expires_at = self.world.hub.lock().accounts.get(&id).and_then(|account| account.expires_at);
        let to = Attributes { state, expires_at };
        if self.may_be_changed(id, to) {
            self.world.hub.lock().accounts.insert(id, to);
            self.say(|| format!("somebody else makes account {} {to:?}", self.name(id)));
        }
    }

    /// Somebody else removes an account from its directory.
    fn remove(&mut self, id: AccountId) {
        self.world.hub.lock().accounts.remove(&id);
        if let Some(original) = self.originals.get_mut(&id) {
            original.gone = true;
        }
        self.say(|| format!("somebody else removes account {}", self.name(id)));
    }
}
