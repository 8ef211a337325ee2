//! What is special about accounts and listings of LDAP.

use std::sync::Arc;

use chaperone_connectors::{ConnectorError, LdapFlavour, PAGE};
use chaperone_domain::account::AccountState::{Absent, Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::{SignedDuration, Timestamp};

use super::slapd::{PEOPLE, Special};
use super::world::{settings, special_world, values, world};
use crate::contract::{World as _, attributes, later, listed, observe, set};

const FLAVOURS: [LdapFlavour; 2] = [LdapFlavour::Openldap, LdapFlavour::ActiveDirectory];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_moved_is_the_same_until_it_leaves_the_base() {
    for flavour in FLAVOURS {
        let Some(world) = world(flavour).await else { return };
        let account = world.add("nomad", Disabled).await;
        world.move_to(&account, "nomad", &format!("ou=consultants,{PEOPLE}")).await;
        assert_eq!(observe(&world, &account).await.attributes.state, Disabled);
        set(&world, &account, attributes(&*world.connector(), Enabled, true)).await.expect("enabled");
        assert!(world.is_enabled(&account).await);
        assert_eq!(listed(&world).await[0].external_id, account.external_id);
        world.move_to(&account, "nomad", "ou=elsewhere,dc=example,dc=org").await;
        assert_eq!(observe(&world, &account).await.attributes.state, Absent);
        assert_eq!(listed(&world).await, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_cannot_be_taken_are_left_out_and_counted() {
    let Some(world) = world(LdapFlavour::Openldap).await else { return };
    let kept = world.add("short", Enabled).await;
    let long = "x".repeat(10 * 1024);
    for (cn, uid) in [("long", Some(long.as_str())), ("nameless", None)] {
        let mut attributes =
            vec![("objectClass", values(&["inetOrgPerson"])), ("cn", values(&[cn])), ("sn", values(&["x"]))];
        attributes.extend(uid.map(|uid| ("uid", values(&[uid]))));
        let attributes = attributes.into_iter().map(|(name, all)| (name.as_bytes().to_vec(), all)).collect();
        let added =
            world.admin().await.add(&format!("cn={cn},{PEOPLE}"), attributes).await.expect("answered");
        added.success().expect("added");
    }
    let page = world.connector().list(None).await.expect("listed");
    assert_eq!((page.accounts.len(), page.left_out), (1, 2));
    assert_eq!(page.accounts[0].external_id, kept.external_id);
    assert_eq!(page.accounts[0].email, "1@example.org");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_the_filter_names_is_listed_and_the_rest_can_still_be_put_back() {
    let Some(world) = world(LdapFlavour::Openldap).await else { return };
    let account = world.add("filtered", Disabled).await;
    let mut settings = settings(LdapFlavour::Openldap, &world.url().await);
    settings.filter = Some("(&(objectClass=inetOrgPerson)(!(uid=filtered)))".to_owned());
    let connector = world.open(settings);
    assert_eq!(connector.list(None).await.expect("listed").accounts, []);
    assert_eq!(connector.observe(&account).await.expect("observed").attributes.state, Disabled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_size_limit_of_the_server_is_said() {
    let rights = "limits dn.exact=\"cn=chaperone,dc=example,dc=org\" size=3\naccess to * by * write\n";
    let Some(world) = special_world(LdapFlavour::Openldap, Special { rights, ..Special::default() }).await
    else {
        return;
    };
    for number in 0..5 {
        world.add(&format!("many-{number}"), Enabled).await;
    }
    match world.connector().list(None).await {
        Err(ConnectorError::Refused(trouble)) => {
            assert!(trouble.sentence.contains("raise its size limit"), "{trouble:?}");
        }
        other => panic!("{other:?}"),
    }
}

fn many(count: usize) -> Special {
    let entry = |number: usize| {
        format!(
            "dn: uid=many-{number},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: many-{number}\ncn: x\nsn: x\n\n"
        )
    };
    Special { entries: (0..count).map(entry).collect(), ..Special::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_lost_its_connection_is_started_again() {
    let Some(world) = special_world(LdapFlavour::Openldap, many(PAGE + 1)).await else { return };
    let connector = world.connector();
    let first = connector.list(None).await.expect("listed");
    let next = first.next.expect("more");
    {
        let mut slapd = world.slapd.lock().await;
        slapd.stop();
        slapd.run().await;
    }
    for after in [next.as_str(), next.as_str(), "", "0", "1-0000000000000000", "nobody gave this"] {
        match connector.list(Some(after)).await {
            Err(ConnectorError::Unreachable(trouble)) => {
                assert!(trouble.sentence.contains("start again"), "{trouble:?}");
            }
            other => panic!("{after}: {other:?}"),
        }
    }
    assert_eq!(listed(&world).await.len(), PAGE + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_do_not_disturb_each_other_nor_other_calls() {
    let Some(world) = special_world(LdapFlavour::Openldap, many(PAGE + 7)).await else { return };
    let account = world.add("aside", Enabled).await;
    let connector = world.connector();
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(connector.list(None).await.expect("listed"));
        connector.observe(&account).await.expect("observed");
    }
    for page in first {
        let last = connector.list(page.next.as_deref()).await.expect("listed");
        assert_eq!((page.accounts.len() + last.accounts.len(), last.next), (PAGE + 8, None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_change_the_same_account_at_once_one_does() {
    for flavour in FLAVOURS {
        let Some(world) = world(flavour).await else { return };
        let account = world.add("contended", Enabled).await;
        let connectors: Vec<_> = {
            let url = world.url().await;
            (0..8).map(|_| world.open(settings(flavour, &url))).collect()
        };
        let expected = observe(&world, &account).await;
        let mut tasks = tokio::task::JoinSet::new();
        for (number, connector) in connectors.into_iter().enumerate() {
            let (account, expected) = (account.clone(), expected.clone());
            tasks.spawn(async move {
                let seconds = i64::try_from(number).expect("few");
                let expires_at = match flavour {
                    LdapFlavour::Openldap => None,
                    LdapFlavour::ActiveDirectory => {
                        Some(later().checked_add(SignedDuration::from_secs(seconds)).expect("in range"))
                    }
                };
                let to = Attributes { state: Disabled, expires_at };
                (to, connector.set(&account, to, &expected, "key", Timestamp::now()).await)
            });
        }
        let done = tasks.join_all().await;
        let now = observe(&world, &account).await.attributes;
        for (to, result) in done {
            match result {
                Ok(()) => assert_eq!(to, now, "two changed it"),
                Err(error) => assert_eq!(error, ConnectorError::Changed),
            }
        }
        assert_eq!(now.state, Disabled);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn active_directory_keeps_the_other_bits_and_both_kinds_of_never() {
    let Some(world) = world(LdapFlavour::ActiveDirectory).await else { return };
    let account = world.add("bits", Disabled).await;
    let with = attributes(&*world.connector(), Enabled, true);
    for never in ["0", "9223372036854775807"] {
        world.put(&account, "accountExpires", Some(never)).await;
        world.put(&account, "userAccountControl", Some("66050")).await;
        let baseline = observe(&world, &account).await.attributes;
        assert_eq!(baseline, Attributes { state: Disabled, expires_at: None });
        // Only what differs is written.
        set(&world, &account, Attributes { state: Enabled, expires_at: None }).await.expect("enabled");
        assert_eq!(world.value(&account, "accountExpires").await.as_deref(), Some(never));
        assert_eq!(world.value(&account, "userAccountControl").await.as_deref(), Some("66048"));
        set(&world, &account, with).await.expect("set");
        set(&world, &account, baseline).await.expect("put back");
        assert_eq!(observe(&world, &account).await.attributes, baseline);
        assert_eq!(world.value(&account, "userAccountControl").await.as_deref(), Some("66050"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_use_one_connector() {
    let Some(world) = world(LdapFlavour::Openldap).await else { return };
    let world = Arc::new(world);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..32 {
        let world = Arc::clone(&world);
        tasks.spawn(async move {
            let account = world.add(&format!("parallel-{number}"), Enabled).await;
            set(&*world, &account, Attributes { state: Disabled, expires_at: None }).await.expect("set");
            observe(&*world, &account).await.attributes.state
        });
    }
    assert!(tasks.join_all().await.into_iter().all(|state| state == Disabled));
}
