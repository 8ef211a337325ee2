//! Targets, and the directories that their accounts live in.

use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::ids::{DirectoryId, TargetId};
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_store::StoreError;

use crate::world::{World, at};

async fn add(world: &World, target: &Target) -> Result<(), StoreError> {
    world.change(target.clone(), |tx, target| Box::pin(async move { tx.insert_target(&target).await })).await
}

async fn delete(world: &World, id: TargetId) -> Result<(), StoreError> {
    world.change(id, |tx, id| Box::pin(async move { tx.delete_target(id).await })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_reads_back_as_written_with_each_of_its_choices() {
    for world in World::each().await {
        let choices = TargetIdentity::ALL.iter().flat_map(|identity| {
            TargetRecording::ALL.iter().flat_map(move |recording| {
                WebServicesInSession::ALL.iter().map(move |services| (*identity, *recording, *services))
            })
        });
        for (number, (identity, recording, web_services_in_session)) in choices.enumerate() {
            let target = Target {
                id: TargetId::new(world.id()),
                host: format!("{number}.example.org"),
                identity,
                recording,
                web_services_in_session,
                audit_enabled: number % 2 == 0,
                entry_posts: vec!["/saml/acs".to_owned(), "/a \"quoted\" path".to_owned()],
                ..world.erp.clone()
            };
            add(&world, &target).await.expect("stored");
            let read = world.store.read();
            assert_eq!(read.target(target.id).await.expect("read").as_ref(), Some(&target));
            assert_eq!(read.target_by_host(&target.host).await.expect("read"), Some(target));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_leads_to_one_target() {
    for world in World::each().await {
        let again = Target { id: TargetId::new(world.id()), ..world.erp.clone() };
        let taken = Err(StoreError::Conflict { constraint: "targets_host".to_owned() });
        assert_eq!(add(&world, &again).await, taken);
        assert_eq!(world.store.read().target_by_host("nowhere.localhost").await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_on_the_version_that_was_seen() {
    for world in World::each().await {
        let update = |target: Target, version: i64| {
            world.change((target, version), |tx, (target, version)| {
                Box::pin(async move { tx.update_target(&target, version).await })
            })
        };
        let changed = Target {
            name: "Ledger".to_owned(),
            host: "ledger.localhost".to_owned(),
            upstream: "https://10.0.0.7:8443".to_owned(),
            identity: TargetIdentity::None,
            recording: TargetRecording::Always,
            web_services_in_session: WebServicesInSession::Witness,
            audit_enabled: false,
            entry_posts: vec!["/in".to_owned()],
            ..world.erp.clone()
        };
        update(changed.clone(), 1).await.expect("kept");
        let read = world.store.read();
        let stored = read.target(world.erp.id).await.expect("read");
        assert_eq!(stored, Some(Target { version: 2, ..changed.clone() }));
        assert_eq!(update(changed, 1).await, Err(StoreError::Stale));
        let names: Vec<_> = read.targets().await.expect("read").into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["CRM", "Ledger"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_goes_only_when_no_session_names_it() {
    for world in World::each().await {
        world.add_session(&world.draft()).await.expect("stored");
        assert_eq!(delete(&world, world.erp.id).await, Err(StoreError::Reference));
        delete(&world, world.crm.id).await.expect("gone");
        assert_eq!(delete(&world, world.crm.id).await, Err(StoreError::Stale));
        assert_eq!(world.store.read().targets().await.expect("read"), std::slice::from_ref(&world.erp));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_have_names_of_their_own_and_stand_in_the_order_of_their_making() {
    for world in World::each().await {
        let add = |name: &str, second: i64| {
            let directory = Directory {
                id: DirectoryId::new(world.id()),
                name: name.to_owned(),
                kind: DirectoryKind::BuiltIn,
                settings: String::new(),
                created_at: at(second),
                removed_at: None,
                version: 1,
            };
            let added = world.change(directory.clone(), |tx, directory| {
                Box::pin(async move { tx.insert_directory(&directory).await })
            });
            async move { added.await.map(|()| directory) }
        };
        let second = add("Aardvark", 5).await.expect("stored");
        let taken = Err(StoreError::Conflict { constraint: "directories_name".to_owned() });
        assert_eq!(add("Aardvark", 6).await, taken);
        let read = world.store.read();
        assert_eq!(read.directory(second.id).await.expect("read"), Some(second.clone()));
        assert_eq!(read.directories().await.expect("read"), [world.directory.clone(), second]);
    }
}
