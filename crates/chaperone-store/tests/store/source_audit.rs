//! The trail as the source's audit table: every kind of condition, orders, pages and counts, the same on each database.

use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent, Subject};
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_store::{
    Bound, Column, Compare, Condition, Events, SourceKey, SourceSort, TextMatch, source_columns as columns,
};
use uuid::Uuid;

use crate::world::{World, at};

const NEWEST_FIRST: [SourceSort; 2] = [
    SourceSort { key: SourceKey::At, descending: true },
    SourceSort { key: SourceKey::Id, descending: true },
];

fn compare(column: Column, compare: Compare, bound: Bound) -> Condition {
    Condition::Compare(column, compare, bound)
}

fn text(column: Column, place: TextMatch, part: &str) -> Condition {
    Condition::Text(column, place, part.to_owned())
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// Events at seconds 1 to 8, of which the one at 4 is none of the source's; two share a second.
async fn filled(world: &World) -> Vec<AuditEvent> {
    let kinds = [
        (1, AuditAction::UserCreated, "user", None, None),
        (2, AuditAction::UserAccessViaWeb, "user", Some(world.paula.id), Some("192.0.2.1")),
        (3, AuditAction::TargetChanged, "target", Some(world.anna.id), Some("192.0.2.77")),
        (4, AuditAction::SignInStarted, "sign_in", Some(world.anna.id), None),
        (5, AuditAction::TargetRemoved, "target", Some(world.anna.id), Some("2001:db8::1")),
        (6, AuditAction::UserAccessViaWebServices, "user", Some(world.paula.id), None),
        (6, AuditAction::AuditDisabled, "organization", Some(world.anna.id), Some("a_b%c")),
        (8, AuditAction::UserAccessAuditStopped, "organization", None, Some("")),
    ];
    let mut events = Vec::new();
    for (second, action, kind, actor, address) in kinds {
        let event = AuditEvent {
            at: at(second),
            actor: actor.map_or(Actor::System, Actor::User),
            action,
            subject: Subject { kind: kind.to_owned(), id: world.id().to_string() },
            client_address: address.map(str::to_owned),
            privileged_session_id: (second == 5).then(|| PrivilegedSessionId::new(Uuid::from_u128(99))),
            ..world.event()
        };
        let row = event.clone();
        let kept = world.store.write(move |tx| {
            let row = row.clone();
            Box::pin(async move { Ok::<_, chaperone_store::StoreError>(tx.commit((), Events::one(row))) })
        });
        kept.await.expect("kept");
        events.push(event);
    }
    events
}

/// The codes that a condition leaves, newest first.
async fn codes(world: &World, condition: Condition) -> Vec<i64> {
    let counted = world.store.read().count_source_audit(condition.clone(), 100).await.expect("counted");
    let rows = world.store.read().source_audit(condition, &NEWEST_FIRST, None, 100).await.expect("read");
    assert_eq!(counted, rows.len() as u64);
    rows.into_iter().map(|(_, action)| action.code()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_condition_leaves_the_rows_that_it_says() {
    for world in World::each().await {
        let events = filled(&world).await;
        let address = columns::CLIENT_ADDRESS;
        let anna = || Bound::Id(world.anna.id.uuid());
        let number = Bound::Number;
        let cases: Vec<(Condition, &[i64])> = vec![
            // The world's own furnishing is an event without a code.
            (Condition::Always(true), &[113, 110, 65, 3, 2, 64, 1]),
            (Condition::Always(false), &[]),
            (not(Condition::Always(true)), &[]),
            (compare(columns::CODE, Compare::Eq, number(64)), &[64]),
            (compare(columns::CODE, Compare::Gt, number(64)), &[113, 110, 65]),
            (not(compare(columns::CODE, Compare::Gt, number(64))), &[3, 2, 64, 1]),
            (Condition::OneOf(columns::CODE, vec![number(1), number(3)]), &[3, 1]),
            (not(Condition::OneOf(columns::CODE, vec![number(1), number(3)])), &[113, 110, 65, 2, 64]),
            (compare(columns::ACTOR, Compare::Eq, anna()), &[110, 3, 2]),
            (compare(columns::ACTOR, Compare::Ne, anna()), &[113, 65, 64, 1]),
            (not(compare(columns::ACTOR, Compare::Eq, anna())), &[113, 65, 64, 1]),
            (Condition::Null(columns::ACTOR), &[113, 1]),
            (not(Condition::Null(columns::ACTOR)), &[110, 65, 3, 2, 64]),
            (Condition::Null(columns::CODE), &[]),
            (text(address, TextMatch::StartsWith, "192.0.2."), &[2, 64]),
            (text(address, TextMatch::EndsWith, ".1"), &[64]),
            (text(address, TextMatch::EndsWith, "and a text that is much longer"), &[]),
            (text(address, TextMatch::Contains, "%"), &[110]),
            (text(address, TextMatch::Contains, "_"), &[110]),
            (text(address, TextMatch::Contains, "A"), &[]),
            (text(address, TextMatch::Contains, ""), &[113, 110, 3, 2, 64]),
            (not(text(address, TextMatch::Contains, "192")), &[113, 110, 65, 3, 1]),
            (not(text(address, TextMatch::StartsWith, "192")), &[113, 110, 65, 3, 1]),
            (not(text(address, TextMatch::EndsWith, "1")), &[113, 110, 65, 2, 1]),
            (compare(address, Compare::Eq, Bound::Text("' OR '1'='1".to_owned())), &[]),
            (compare(columns::PRIVILEGED_SESSION, Compare::Eq, Bound::Id(Uuid::from_u128(99))), &[3]),
            (compare(columns::SUBJECT_ID, Compare::Eq, Bound::Text(events[2].subject.id.clone())), &[2]),
            (compare(columns::ID, Compare::Eq, Bound::Id(events[3].id.uuid())), &[]),
            (
                Condition::Any(vec![
                    compare(columns::AT, Compare::Lt, number(at(2).as_microsecond())),
                    Condition::All(vec![
                        compare(columns::SUBJECT_KIND, Compare::Eq, Bound::Text("target".to_owned())),
                        not(compare(columns::CODE, Compare::Eq, number(3))),
                    ]),
                ]),
                &[2, 1],
            ),
        ];
        for (condition, expected) in cases {
            let shown = format!("{condition:?}");
            assert_eq!(codes(&world, condition).await, expected, "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_in_every_order_show_every_row_once() {
    for world in World::each().await {
        filled(&world).await;
        let by = |key, descending| SourceSort { key, descending };
        for order in [
            vec![by(SourceKey::At, false), by(SourceKey::Id, false)],
            vec![by(SourceKey::Second, true), by(SourceKey::Code, false), by(SourceKey::Id, true)],
            vec![by(SourceKey::Operation, true), by(SourceKey::At, false), by(SourceKey::Id, false)],
            vec![by(SourceKey::Code, true), by(SourceKey::Id, false)],
            vec![by(SourceKey::Id, true)],
        ] {
            let all = Condition::Always(true);
            let whole = world.store.read().source_audit(all.clone(), &order, None, 100).await.expect("read");
            assert_eq!(whole.len(), 7);
            let (mut paged, mut after): (Vec<_>, Option<Vec<Bound>>) = (Vec::new(), None);
            loop {
                let page = world.store.read().source_audit(all.clone(), &order, after.as_deref(), 2).await;
                let page = page.expect("read");
                let Some((stored, action)) = page.last() else { break };
                after = Some(order.iter().map(|sort| sort.key.of(stored, *action)).collect());
                paged.extend(page);
            }
            assert_eq!(paged, whole, "{order:?}");
            let keys: Vec<i64> = whole
                .iter()
                .map(|(stored, action)| match order[0].key.of(stored, *action) {
                    Bound::Number(number) => number,
                    _ => 0,
                })
                .collect();
            let sorted =
                if order[0].descending { keys.is_sorted_by(|a, b| a >= b) } else { keys.is_sorted() };
            assert!(sorted, "{order:?}: {keys:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_stops_where_it_is_told_to() {
    for world in World::each().await {
        filled(&world).await;
        let counted = world.store.read().count_source_audit(Condition::Always(true), 3).await;
        assert_eq!(counted, Ok(3));
    }
}
