//! What a schedule is about: accounts and the sessions that will be on them.

use chaperone_app::Op;
use chaperone_connectors::Expiry;
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::grant::{Attributes, Wish};
use chaperone_domain::ids::{AccountId, PrivilegedSessionId};
use chaperone_domain::privileged_session::{MoreAccount, PrivilegedSession, State, Window};
use chaperone_store::{Events, StoreError};
use uuid::Uuid;

use crate::dice::Dice;
use crate::hub::Kind;
use crate::world::{Failed, World};

pub struct Plan {
    pub elsewhere: bool,
    pub accounts: Vec<Account>,
    pub sessions: Vec<PrivilegedSession>,
    /// How many of the nodes work.
    pub nodes: usize,
    /// Whether somebody else changes accounts too.
    pub others: bool,
    /// Whether nodes, store and directory fail.
    pub faults: bool,
}

const SECOND_US: i64 = 1_000_000;
pub const DAY_US: i64 = 24 * 3_600 * SECOND_US;

fn at(us: i64) -> Instant {
    Instant::from_microsecond(us).unwrap_or(Instant::MAX)
}

impl Plan {
    /// Chooses, and writes the rows.
    pub fn new(world: &World, dice: &mut Dice, seed: u64) -> Result<Self, Failed> {
        let elsewhere = dice.percent(75);
        let begin_us = world.hub.lock().now_us;
        let expiry = if elsewhere {
            dice.one_of(&[Expiry::Exact, Expiry::Exact, Expiry::None, Expiry::Days])
        } else {
            Expiry::Exact
        };
        let others = dice.percent(40);
        {
            let mut hub = world.hub.lock();
            hub.kind = Kind { expiry, compares: others || dice.percent(60) };
            hub.accounts.clear();
            hub.flights.clear();
            hub.away = false;
        }
        let directory_id = if elsewhere { world.elsewhere.0 } else { world.built_in.0 };
        let target_id = if elsewhere { world.elsewhere.1 } else { world.built_in.1 };
        let mut accounts = Vec::new();
        for number in 0..if dice.percent(25) { 2 } else { 1 } {
            let state = if dice.percent(65) { AccountState::Disabled } else { AccountState::Enabled };
            let far_us = begin_us + 100_000 * SECOND_US + i64::from(number) * SECOND_US;
            let expires_at = match expiry {
                Expiry::None => None,
                Expiry::Exact => Some(far_us),
                Expiry::Days => Some((far_us / DAY_US + 1) * DAY_US),
            };
            let expires_at = expires_at.filter(|_| dice.percent(15)).map(at);
            accounts.push(Account {
                id: AccountId::new(id(seed, 1 + number)),
                directory_id,
                external_id: format!("{seed}-{number}"),
                name: format!("account-{seed}-{number}"),
                email: String::new(),
                owner: Some(world.paula.id),
                privileged: true,
                state,
                expires_at,
                last_seen_at: elsewhere.then(|| at(begin_us)),
                drift: None,
                version: 1,
            });
            let attributes = Attributes { state, expires_at };
            if let Some(account) = accounts.last() {
                world.hub.lock().accounts.insert(account.id, attributes);
            }
        }
        // Opposite wishes in the same time are refused at approval: each account has its own.
        let wishes: Vec<Wish> = accounts
            .iter()
            .map(|account| match (account.state, dice.percent(80)) {
                (AccountState::Disabled, true) | (AccountState::Enabled, false) => Wish::Enable,
                _ => Wish::Disable,
            })
            .collect();
        let mut sessions = Vec::new();
        for number in 0..1 + u32::try_from(dice.below(3))? {
            let wish =
                |dice: &mut Dice, account: usize| if dice.percent(20) { Wish::None } else { wishes[account] };
            let first = dice.index(accounts.len());
            let mut more_accounts = Vec::new();
            if accounts.len() > 1 && dice.percent(50) {
                let account = 1 - first;
                more_accounts
                    .push(MoreAccount { account_id: accounts[account].id, wish: wish(dice, account) });
            }
            let starts_us = begin_us + i64::try_from(dice.below(90))? * SECOND_US;
            let ends_us = starts_us + i64::try_from(10 + dice.below(200))? * SECOND_US;
            let window = Window::stored(at(starts_us), at(ends_us)).map_err(|_| "a window")?;
            sessions.push(PrivilegedSession {
                id: PrivilegedSessionId::new(id(seed, 10 + number)),
                account_id: accounts[first].id,
                more_accounts,
                user_id: world.paula.id,
                requested_by: world.anna.id,
                edited_by: Vec::new(),
                target_ids: vec![target_id],
                state: State::Approved,
                end_reason: None,
                wish: wish(dice, first),
                window,
                extension: None,
                reason: "Simulated".to_owned(),
                ticket: String::new(),
                approved_by: Some(world.bert.id),
                self_approved: false,
                start_intended_at: None,
                started_at: None,
                ended_at: None,
                created_at: at(begin_us),
                updated_at: at(begin_us),
                version: 1,
            });
        }
        let plan = Self {
            elsewhere,
            accounts,
            sessions,
            nodes: 1 + dice.index(3),
            others,
            faults: dice.percent(85),
        };
        plan.write(world)?;
        Ok(plan)
    }

    fn write(&self, world: &World) -> Result<(), Failed> {
        let now = at(world.hub.lock().now_us);
        let event = Op::system(now).event(AuditAction::AccountCreated, "account", "simulated");
        let rows = (self.accounts.clone(), self.sessions.clone());
        world.now(world.store.write(move |tx| {
            let (event, (accounts, sessions)) = (event.clone(), rows.clone());
            Box::pin(async move {
                for account in &accounts {
                    tx.insert_account(account).await?;
                }
                for session in &sessions {
                    tx.insert_privileged_session(session).await?;
                }
                Ok::<_, StoreError>(tx.commit((), Events::one(event)))
            })
        }))?;
        Ok(())
    }
}

/// Ids that a seed always gives again.
fn id(seed: u64, number: u32) -> Uuid {
    Uuid::from_u128((u128::from(seed) << 64) | (0x5eed << 48) | u128::from(number))
}
