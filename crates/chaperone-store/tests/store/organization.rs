//! The organization's settings.

use chaperone_domain::organization::Organization;
use chaperone_store::StoreError;

use crate::world::World;

async fn update(world: &World, organization: &Organization, version: i64) -> Result<(), StoreError> {
    world
        .change((organization.clone(), version), |tx, (organization, version)| {
            Box::pin(async move { tx.update_organization(&organization, version).await })
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preset_holds_until_it_is_changed_and_then_what_was_changed() {
    for world in World::each().await {
        assert_eq!(world.store.read().organization().await.expect("read"), Organization::preset());
        let mut wanted = Organization {
            name: "Larkfell".to_owned(),
            allow_self_approval: true,
            recording_notice: "We record.".to_owned(),
            is_audit_enabled: false,
            is_user_access_audit_enabled: false,
            user_access_auditing_interval_hours: 24,
            audit_retention_days: 365,
            console_audit_enabled: false,
            sign_in_retention_days: 30,
            recording_retention_days: 90,
            version: 1,
        };
        for version in 1..4 {
            wanted.name.push('!');
            update(&world, &wanted, version).await.expect("kept");
            let stored = world.reopened().await.read().organization().await.expect("read");
            assert_eq!(stored, Organization { version: version + 1, ..wanted.clone() });
            assert_eq!(update(&world, &wanted, version).await, Err(StoreError::Stale));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_first_changes_at_once_one_counts() {
    for world in World::each().await {
        let wanted = Organization { name: "Larkfell".to_owned(), ..Organization::preset() };
        let results = futures_util::future::join_all((0..8).map(|_| update(&world, &wanted, 1))).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(
            results.iter().all(|result| matches!(result, Ok(()) | Err(StoreError::Stale))),
            "{results:?}"
        );
    }
}
