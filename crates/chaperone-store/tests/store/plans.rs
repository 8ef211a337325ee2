//! Plans: changes that share their statements, and what they expect.

use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::grant::{Attributes, Grant, GrantHolder, GrantPhase, Wish};
use chaperone_domain::ids::{AccountId, GrantId, NotificationId};
use chaperone_domain::notification::{Channel, Notification, NotificationKind, NotificationState};
use chaperone_domain::privileged_session::{PrivilegedSession, State};
use chaperone_store::{AccountSet, Events, Plan, StoreError};

use crate::world::{World, at};

/// How many are carried out at the same time: more than one statement takes.
const MANY: usize = 150;

const DISABLED: Attributes = Attributes { state: AccountState::Disabled, expires_at: None };
const ENABLED: Attributes = Attributes { state: AccountState::Enabled, expires_at: None };

/// An approved session of an account of its own.
#[derive(Clone)]
struct Case {
    session: PrivilegedSession,
    account: Account,
    grant: Grant,
}

impl Case {
    async fn new(world: &World) -> Self {
        let id = AccountId::new(world.id());
        let account =
            Account { id, external_id: id.to_string(), name: id.to_string(), ..world.account.clone() };
        let session = PrivilegedSession { account_id: id, state: State::Approved, ..world.draft() };
        let grant = Grant {
            desired: ENABLED,
            ..Grant::new(GrantId::new(world.id()), id, DISABLED, at(7_200), at(0))
        };
        let rows = (account.clone(), session.clone());
        world
            .change(rows, |tx, (account, session)| {
                Box::pin(async move {
                    tx.insert_account(&account).await?;
                    tx.insert_privileged_session(&session).await
                })
            })
            .await
            .expect("stored");
        Self { session, account, grant }
    }

    async fn many(world: &World, count: usize) -> Vec<Self> {
        futures_util::future::join_all((0..count).map(|_| Self::new(world))).await
    }

    fn holder(&self) -> GrantHolder {
        GrantHolder {
            grant_id: self.grant.id,
            privileged_session_id: self.session.id,
            wish: Wish::Enable,
            switched_to: None,
            until: at(7_200),
            released_at: None,
        }
    }

    fn mail(&self, world: &World) -> Notification {
        Notification {
            id: NotificationId::new(world.id()),
            kind: NotificationKind::Started,
            privileged_session_id: Some(self.session.id),
            account_id: Some(self.account.id),
            recipient: Some(world.paula.id),
            channel: Channel::Mail,
            address: "paula@example.org".to_owned(),
            occurrence: 1,
            state: NotificationState::Waiting,
            attempt: 0,
            next_try_at: Some(at(10)),
            give_up_at: at(90_000),
            problem: None,
            created_at: at(10),
            sent_at: None,
            subject: "Started".to_owned(),
            body: "Your session started.\n".to_owned(),
        }
    }

    fn event(&self, world: &World) -> AuditEvent {
        AuditEvent { privileged_session_id: Some(self.session.id), ..world.event() }
    }

    /// The session starts, and takes hold of its account.
    fn start(&self, world: &World) -> Plan {
        let starting = PrivilegedSession {
            state: State::Starting,
            start_intended_at: Some(at(3_600)),
            ..self.session.clone()
        };
        Plan::with(self.event(world))
            .and(self.event(world))
            .if_free(self.account.id, self.account.version)
            .if_nobody_is_in(self.session.id)
            .if_nobody_is_in_with(self.account.id)
            .session(starting, self.session.version)
            .new_grant(self.grant.clone())
            .new_holder(self.holder())
            .tell(vec![self.mail(world)])
    }

    /// The account is enabled for the grant.
    fn set(&self) -> AccountSet {
        AccountSet {
            account: self.account.id,
            expected: DISABLED,
            to: ENABLED,
            fence: Some((self.grant.id, self.grant.fence)),
        }
    }

    /// The grant is closed and released.
    fn close(&self, world: &World) -> Plan {
        let closed = Grant { phase: GrantPhase::Closed, closed_at: Some(at(7_201)), ..self.grant.clone() };
        Plan::with(self.event(world)).grant(closed, self.grant.fence).release(
            self.grant.id,
            self.session.id,
            at(7_201),
        )
    }

    /// Whether the start is in the rows, as a whole or not at all.
    async fn has_started(&self, world: &World) -> bool {
        let read = world.store.read();
        let session = read.privileged_session(self.session.id).await.expect("read").expect("there");
        let started = session.state == State::Starting;
        let version = self.session.version + i64::from(started);
        assert_eq!((session.version, &session.target_ids), (version, &self.session.target_ids));
        let held = read.grants_of_session(self.session.id).await.expect("read");
        let told = read.notifications_of_session(self.session.id).await.expect("read");
        let events = read.audit_log(self.session.id).await.expect("read").len();
        if started {
            assert_eq!(held, [(self.grant.clone(), self.holder())]);
            assert_eq!((told.len(), events), (1, 2));
        } else {
            assert_eq!((held.len(), told.len(), events), (0, 0, 0));
        }
        started
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_are_carried_out_at_the_same_time_are_kept_whole_and_share_commits() {
    for world in World::each().await {
        let cases = Case::many(&world, MANY).await;
        let before = world.store.written();
        let starts = cases.iter().map(|case| world.store.carry_out(case.start(&world)));
        for result in futures_util::future::join_all(starts).await {
            assert_eq!(result, Ok(Vec::new()));
        }
        for case in &cases {
            assert!(case.has_started(&world).await);
        }
        let now = world.store.written();
        let many = MANY as u64;
        assert_eq!((now.changes - before.changes, now.events - before.events), (many, 2 * many));
        assert!(now.commits - before.commits < many, "{now:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_answers_the_accounts_that_it_set_as_they_are_then() {
    for world in World::each().await {
        let cases = Case::many(&world, MANY).await;
        let starts = cases.iter().map(|case| world.store.carry_out(case.start(&world)));
        futures_util::future::join_all(starts).await;
        let sets =
            cases.iter().map(|case| world.store.carry_out(Plan::with(case.event(&world)).set(case.set())));
        for (case, set) in cases.iter().zip(futures_util::future::join_all(sets).await) {
            let expected = Account {
                state: AccountState::Enabled,
                version: case.account.version + 1,
                ..case.account.clone()
            };
            assert_eq!(set, Ok(vec![expected.clone()]));
            let stored = world.store.read().account(case.account.id).await.expect("read");
            assert_eq!(stored, Some(expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_which_something_is_not_as_expected_leaves_nothing_and_takes_nothing_with_it() {
    /// What is wrong with a plan.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Wrong {
        Nothing,
        SessionMoved,
        AccountMoved,
        AccountHeld,
        SignedInWithAccount,
        SignedInInSession,
        GrantMoved,
        HoldReleased,
        AccountOtherwise,
        GrantOfSetMoved,
        AccountHasGrant,
        AccountUnknown,
        EventCannotBeKept,
    }
    use Wrong::*;
    const KINDS: [Wrong; 16] = [
        Nothing,
        SessionMoved,
        AccountMoved,
        Nothing,
        AccountHeld,
        SignedInWithAccount,
        SignedInInSession,
        GrantMoved,
        Nothing,
        HoldReleased,
        AccountOtherwise,
        GrantOfSetMoved,
        AccountHasGrant,
        AccountUnknown,
        EventCannotBeKept,
        Nothing,
    ];
    for world in World::each().await {
        let mut plans = Vec::new();
        for wrong in KINDS.iter().cycle().take(KINDS.len() * 5) {
            let case = Case::new(&world).await;
            let other = Case::new(&world).await;
            let start = case.start(&world);
            let plan = match wrong {
                Nothing => start,
                SessionMoved => start.session(other.session.clone(), other.session.version + 1),
                AccountMoved => start.if_free(other.account.id, other.account.version + 1),
                AccountHeld => {
                    world.store.carry_out(other.start(&world)).await.expect("held");
                    start.if_free(other.account.id, other.account.version)
                }
                SignedInWithAccount => {
                    let sign_in = world.target_sign_in(&case.session, 10);
                    let outside =
                        chaperone_domain::sign_in::SignIn { privileged_session_id: None, ..sign_in };
                    world.add_sign_in(&outside).await.expect("signed in");
                    start
                }
                SignedInInSession => {
                    world.add_sign_in(&world.target_sign_in(&case.session, 10)).await.expect("signed in");
                    start
                }
                GrantMoved => {
                    world.store.carry_out(other.start(&world)).await.expect("held");
                    start.grant(other.grant.clone(), other.grant.fence + 1)
                }
                HoldReleased => {
                    world.store.carry_out(other.start(&world)).await.expect("held");
                    world.store.carry_out(other.close(&world)).await.expect("closed");
                    start.release(other.grant.id, other.session.id, at(7_300))
                }
                AccountOtherwise => {
                    world.store.carry_out(other.start(&world)).await.expect("held");
                    start.set(AccountSet { expected: ENABLED, ..other.set() })
                }
                GrantOfSetMoved => {
                    world.store.carry_out(other.start(&world)).await.expect("held");
                    start.set(AccountSet { fence: Some((other.grant.id, 7)), ..other.set() })
                }
                AccountHasGrant => {
                    world.store.carry_out(other.start(&world)).await.expect("held");
                    start.new_grant(Grant { id: GrantId::new(world.id()), ..other.grant.clone() })
                }
                AccountUnknown => {
                    let account_id = AccountId::new(world.id());
                    start.new_grant(Grant { id: GrantId::new(world.id()), account_id, ..other.grant.clone() })
                }
                EventCannotBeKept => {
                    start.and(AuditEvent { reason: Some("\0".to_owned()), ..case.event(&world) })
                }
            };
            plans.push((*wrong, case, plan));
        }
        let all = plans.iter().map(|(_, _, plan)| world.store.carry_out(plan.clone()));
        for ((wrong, case, _), result) in plans.iter().zip(futures_util::future::join_all(all).await) {
            let expected = match wrong {
                Nothing => Ok(Vec::new()),
                AccountHasGrant => Err(StoreError::Conflict { constraint: "grants_open_account".to_owned() }),
                AccountUnknown => Err(StoreError::Reference),
                EventCannotBeKept => Err(StoreError::NotStorable { what: "a text" }),
                _ => Err(StoreError::Stale),
            };
            assert_eq!(result, expected, "{wrong:?}");
            assert_eq!(case.has_started(&world).await, *wrong == Nothing, "{wrong:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_plans_that_change_the_same_session_one_is_kept() {
    for world in World::each().await {
        let case = Case::new(&world).await;
        let others = Case::many(&world, MANY).await;
        let plans = others.iter().flat_map(|other| {
            [case.clone(), other.clone()].map(|case| {
                let ended = PrivilegedSession { state: State::Cancelled, ..case.session.clone() };
                Plan::with(case.event(&world)).session(ended, case.session.version)
            })
        });
        let results = futures_util::future::join_all(plans.map(|plan| world.store.carry_out(plan))).await;
        let of_same: Vec<_> = results.iter().step_by(2).collect();
        assert_eq!(of_same.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(of_same.iter().all(|result| matches!(result, Ok(_) | Err(StoreError::Stale))));
        assert!(results.iter().skip(1).step_by(2).all(Result::is_ok));
        let events = world.store.read().audit_log(case.session.id).await.expect("read");
        assert_eq!(events.len(), 1, "the one of the plan that was kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_of_two_nodes_for_the_same_sessions_are_kept_once() {
    for world in World::each().await {
        let other_node = world.reopened().await;
        let cases = Case::many(&world, MANY).await;
        let here = cases.iter().map(|case| world.store.carry_out(case.start(&world)));
        let there = cases.iter().map(|case| other_node.carry_out(case.start(&world)));
        let (here, there) =
            tokio::join!(futures_util::future::join_all(here), futures_util::future::join_all(there));
        for ((case, here), there) in cases.iter().zip(here).zip(there) {
            assert!(
                matches!((&here, &there), (Ok(_), Err(StoreError::Stale)) | (Err(StoreError::Stale), Ok(_))),
                "{here:?} {there:?}"
            );
            assert!(case.has_started(&world).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_written_as_a_part_of_a_change_and_goes_with_it() {
    for world in World::each().await {
        for (goes_well, stale) in [(true, false), (false, false), (true, true)] {
            let case = Case::new(&world).await;
            let mut plan = case.start(&world);
            if stale {
                plan = plan.if_free(case.account.id, case.account.version + 1);
            }
            let written = world
                .store
                .write(move |tx| {
                    let plan = plan.clone();
                    Box::pin(async move {
                        let events: Events = tx.write(plan).await?;
                        if goes_well { Ok(tx.commit((), events)) } else { Err(StoreError::Contended) }
                    })
                })
                .await;
            let expected = match (goes_well, stale) {
                (true, false) => Ok(()),
                (_, true) => Err(StoreError::Stale),
                (false, _) => Err(StoreError::Contended),
            };
            assert_eq!(written, expected);
            assert_eq!(case.has_started(&world).await, expected.is_ok());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_grant_to_look_at_again_is_not_free() {
    for world in World::each().await {
        let case = Case::new(&world).await;
        let before = Grant {
            id: GrantId::new(world.id()),
            phase: GrantPhase::Closed,
            closed_at: Some(at(1)),
            look_again_at: Some(at(20)),
            ..case.grant.clone()
        };
        let plan = Plan::with(world.event()).new_grant(before.clone());
        world.store.carry_out(plan).await.expect("stored");
        assert_eq!(world.store.carry_out(case.start(&world)).await, Err(StoreError::Stale));
        let looked =
            Plan::with(world.event()).grant(Grant { look_again_at: None, ..before.clone() }, before.fence);
        world.store.carry_out(looked).await.expect("stored");
        assert_eq!(world.store.carry_out(case.start(&world)).await, Ok(Vec::new()));
    }
}
