//! Users and the hashes of their passwords.

use chaperone_domain::ids::UserId;
use chaperone_domain::user::{Role, Roles, User};
use chaperone_store::{Page, StoreError, UserFilter};

use crate::world::{self, World, first};

async fn add(world: &World, user: &User, hash: Option<&'static str>) -> Result<(), StoreError> {
    world
        .change((user.clone(), hash), |tx, (user, hash)| {
            Box::pin(async move { tx.insert_user(&user, hash).await })
        })
        .await
}

async fn update(world: &World, user: &User, version: i64) -> Result<(), StoreError> {
    world
        .change((user.clone(), version), |tx, (user, version)| {
            Box::pin(async move { tx.update_user(&user, version).await })
        })
        .await
}

async fn stored(world: &World, id: UserId) -> User {
    world.store.read().user(id).await.expect("read").expect("there")
}

fn names(users: &[User]) -> Vec<&str> {
    users.iter().map(|user| user.user_name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_reads_back_as_written_with_every_set_of_roles() {
    for world in World::each().await {
        for (number, roles) in [vec![], vec![Role::User], Role::ALL.to_vec()].into_iter().enumerate() {
            let user = User {
                roles: Roles::new(roles),
                active: number % 2 == 0,
                password_must_change: number % 2 == 1,
                display_name: "Łukasz O'Brien; DROP TABLE users".to_owned(),
                ..world::user(world.id().as_u128(), &format!("user{number}"), "")
            };
            add(&world, &user, None).await.expect("stored");
            assert_eq!(stored(&world, user.id).await, user);
        }
        assert_eq!(world.store.read().user(UserId::new(world.id())).await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_name_is_one_whatever_its_case() {
    for world in World::each().await {
        let again = world::user(world.id().as_u128(), "ANNA", "Another Anna");
        let taken = Err(StoreError::Conflict { constraint: "users_user_name".to_owned() });
        assert_eq!(add(&world, &again, None).await, taken);
        let found = world.store.read().user_by_name("aNNa").await.expect("read");
        assert_eq!(found, Some(world.anna.clone()));
        assert_eq!(world.store.read().user_by_name("ann").await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_on_the_version_that_was_seen_and_leaves_the_password() {
    for world in World::each().await {
        let user = world::user(world.id().as_u128(), "carla", "Carla");
        add(&world, &user, Some("hash")).await.expect("stored");
        let changed = User {
            display_name: "Carla Changed".to_owned(),
            email: "new@example.org".to_owned(),
            active: false,
            roles: Roles::new([Role::Auditor]),
            ..user.clone()
        };
        update(&world, &changed, 1).await.expect("kept");
        assert_eq!(stored(&world, user.id).await, User { version: 2, ..changed.clone() });
        assert_eq!(update(&world, &user, 1).await, Err(StoreError::Stale));
        let read = world.store.read();
        assert_eq!(read.password_hash(user.id).await.expect("read").as_deref(), Some("hash"));
        assert_eq!(read.password_hash(world.anna.id).await.expect("read"), None);

        let set = |id: UserId| {
            world.change(id, |tx, id| Box::pin(async move { tx.set_password(id, "other", true).await }))
        };
        set(user.id).await.expect("set");
        let after = stored(&world, user.id).await;
        assert!(after.password_must_change);
        assert_eq!(after.version, 3, "whoever edits the user at this moment sees that it moved on");
        assert_eq!(read.password_hash(user.id).await.expect("read").as_deref(), Some("other"));
        assert_eq!(set(UserId::new(world.id())).await, Err(StoreError::Stale));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_by_name_in_pages_and_found_by_a_part_of_any_name() {
    for world in World::each().await {
        for (name, active) in [("Zoe", true), ("äbel", true), ("bob_1", false), ("bobx1", true)] {
            let user = User { active, ..world::user(world.id().as_u128(), name, &format!("Of {name}")) };
            add(&world, &user, None).await.expect("stored");
        }
        let read = world.store.read();
        let (mut page, mut all) = (first(2), Vec::new());
        loop {
            let items = read.users(UserFilter::default(), page).await.expect("read");
            all.extend(items.items);
            let Some(next) = items.next else { break };
            page = Page { after: Some(next), limit: 2 };
        }
        assert_eq!(names(&all), ["anna", "bob_1", "bobx1", "paula", "Zoe", "äbel"]);

        let found = async |q: &str, active| {
            let filter = UserFilter { q: Some(q.to_owned()), active };
            let items = read.users(filter, first(100)).await.expect("read").items;
            items.into_iter().map(|user| user.user_name).collect::<Vec<_>>()
        };
        assert_eq!(found("PAULA PRIV", None).await, ["paula"], "by the display name");
        assert_eq!(found("zoe@EXAMPLE", None).await, ["Zoe"], "by the address");
        assert_eq!(found("ÄB", None).await, ["äbel"], "without regard to case, in every alphabet");
        assert_eq!(found("bob_", None).await, ["bob_1"], "a pattern's signs are signs");
        assert_eq!(found("%", None).await, Vec::<String>::new());
        assert_eq!(found("bob", Some(true)).await, ["bobx1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_active_administrators_count() {
    for world in World::each().await {
        let both = Roles::new([Role::Auditor, Role::SystemAdministrator]);
        for (name, active) in [("one", true), ("two", true), ("gone", false)] {
            let new = world::user(world.id().as_u128(), name, name);
            add(&world, &User { active, roles: both.clone(), ..new }, None).await.expect("stored");
        }
        assert_eq!(world.store.read().active_administrators().await.expect("read"), 2);
    }
}
