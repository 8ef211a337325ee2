//! What goes wrong between Chaperone and a server, and what is said about it.

use chaperone_connectors::{Connector, ConnectorError, LdapFlavour, Tls};
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use ldap3::Scope;

use super::proxy::{Proxy, Spoil};
use super::slapd::{AUTHORITY, CHAPERONE, CHAPERONE_PASSWORD, OTHER_AUTHORITY, SUFFIX, Special};
use super::world::{LdapWorld, PASSWORD, settings, special_world, world};
use crate::contract::{World as _, listed, observe, set};

const OPENLDAP: LdapFlavour = LdapFlavour::Openldap;
const DISABLED: Attributes = Attributes { state: Disabled, expires_at: None };
const ENABLED: Attributes = Attributes { state: Enabled, expires_at: None };

fn refused<T: std::fmt::Debug>(done: Result<T, ConnectorError>) -> String {
    match done {
        Err(ConnectorError::Refused(trouble)) => sentence(trouble.sentence),
        other => panic!("not refused: {other:?}"),
    }
}

fn unreachable<T: std::fmt::Debug>(done: Result<T, ConnectorError>) -> String {
    match done {
        Err(ConnectorError::Unreachable(trouble)) => sentence(trouble.sentence),
        other => panic!("not unreachable: {other:?}"),
    }
}

fn sentence(text: String) -> String {
    assert!(text.ends_with('.') && !text.contains(CHAPERONE_PASSWORD), "{text}");
    text
}

/// A world and a connector that reaches it through a proxy.
async fn behind_a_proxy() -> Option<(LdapWorld, Proxy, std::sync::Arc<dyn Connector>)> {
    let world = world(OPENLDAP).await?;
    let proxy = Proxy::start(world.slapd.lock().await.port()).await;
    let connector = world.open(settings(OPENLDAP, &proxy.url()));
    Some((world, proxy, connector))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_said_and_a_right_one_helps_without_a_restart() {
    let Some(world) = world(OPENLDAP).await else { return };
    let connector = world.connector();
    std::fs::write(world.secrets.path().join("ldap"), "wrong").expect("written");
    let said = refused(connector.probe().await);
    assert!(said.contains("does not accept") && said.contains(CHAPERONE), "{said}");
    assert!(refused(connector.list(None).await).contains("does not accept"));
    std::fs::write(world.secrets.path().join("ldap"), CHAPERONE_PASSWORD).expect("written");
    connector.probe().await.expect("it works");
    std::fs::remove_file(world.secrets.path().join("ldap")).expect("removed");
    assert!(refused(connector.probe().await).contains("file:ldap"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_are_found_by_the_probe_and_named() {
    let rights = "limits dn.exact=\"cn=chaperone,dc=example,dc=org\" size=unlimited\n\
                  access to attrs=userPassword by anonymous auth by * none\naccess to * by * read\n";
    for flavour in [OPENLDAP, LdapFlavour::ActiveDirectory] {
        let Some(world) = special_world(flavour, Special { rights, ..Special::default() }).await else {
            return;
        };
        let account = world.add("untouchable", Enabled).await;
        let said = refused(world.connector().probe().await);
        assert!(said.contains("may not change") && said.contains("untouchable"), "{said}");
        let said = refused(set(&world, &account, DISABLED).await);
        assert!(said.contains("the right"), "{said}");
        assert!(world.is_enabled(&account).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_probe_changes_nothing_and_says_whether_accounts_can_be_changed() {
    for (flavour, attribute) in
        [(OPENLDAP, "pwdAccountLockedTime"), (LdapFlavour::ActiveDirectory, "userAccountControl")]
    {
        let Some(world) = world(flavour).await else { return };
        let said = world.connector().probe().await.expect("it works");
        assert!(said.contains("no account was found"), "{said}");
        for state in [Enabled, Disabled] {
            let account = world.add("sample", state).await;
            let before = (world.value(&account, attribute).await, world.value(&account, "entryCSN").await);
            let said = world.connector().probe().await.expect("it works");
            assert!(said.contains("sample") && said.contains("may be enabled"), "{said}");
            let after = (world.value(&account, attribute).await, world.value(&account, "entryCSN").await);
            assert_eq!(before, after);
            world.remove(&account).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_lacks_is_said_by_the_probe() {
    let plain = Special { overlays: "", rights: "access to * by * write\n", ..Special::default() };
    let Some(world) = special_world(OPENLDAP, plain).await else { return };
    let mut other = settings(OPENLDAP, &world.url().await);
    other.base_dn = "ou=nowhere,dc=example,dc=org".to_owned();
    let said = refused(world.open(other.clone()).probe().await);
    assert!(said.contains("ou=nowhere") && said.contains(SUFFIX), "{said}");
    let said = refused(world.open(other).list(None).await);
    assert!(said.contains("ou=nowhere"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_believed_from_the_right_authority_only() {
    let Some(world) = special_world(OPENLDAP, Special { tls: true, ..Special::default() }).await else {
        return;
    };
    let (port, port_tls) = {
        let slapd = world.slapd.lock().await;
        (slapd.port(), slapd.port_tls())
    };
    let authorities = |pem: &str| Tls::Authorities { certificates: pem.to_owned() };
    let open = |url: String, start_tls: bool, tls: Tls| {
        let mut settings = settings(OPENLDAP, &url);
        (settings.start_tls, settings.tls) = (start_tls, tls);
        world.open(settings)
    };
    for (url, start_tls) in
        [(format!("ldaps://localhost:{port_tls}"), false), (format!("ldap://localhost:{port}"), true)]
    {
        open(url.clone(), start_tls, authorities(AUTHORITY)).probe().await.expect("it works");
        for tls in [authorities(OTHER_AUTHORITY), Tls::WellKnown] {
            let said = refused(open(url.clone(), start_tls, tls).probe().await);
            assert!(said.contains("authority that is not believed"), "{said}");
        }
        let other = url.replace("localhost", "127.0.0.1");
        let said = refused(open(other, start_tls, authorities(AUTHORITY)).probe().await);
        assert!(said.contains("another name"), "{said}");
    }
    let no_tls = open(format!("ldaps://localhost:{port}"), false, authorities(AUTHORITY)).probe().await;
    assert!(no_tls.expect_err("no TLS there").to_string().contains("TLS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starttls_that_is_not_offered_is_never_replaced_by_clear_text() {
    let Some(world) = world(OPENLDAP).await else { return };
    let mut settings = settings(OPENLDAP, &world.url().await.replace("127.0.0.1", "localhost"));
    (settings.start_tls, settings.tls) = (true, Tls::Authorities { certificates: AUTHORITY.to_owned() });
    let said = refused(world.open(settings).probe().await);
    assert!(said.contains("does not offer StartTLS"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_is_named_and_never_followed() {
    let entries = "dn: ou=away,dc=example,dc=org\nobjectClass: referral\nobjectClass: extensibleObject\nou: away\n\
                   ref: ldap://other.example.org/ou=away,dc=example,dc=org\n\n\
                   dn: ou=branch,ou=people,dc=example,dc=org\nobjectClass: referral\nobjectClass: extensibleObject\n\
                   ou: branch\nref: ldap://branch.example.org/\n\n";
    let special = Special { entries: entries.to_owned(), ..Special::default() };
    let Some(world) = special_world(OPENLDAP, special).await else { return };
    let account = world.add("here", Enabled).await;
    // One that the search passes by.
    assert_eq!(listed(&world).await.len(), 1);
    assert_eq!(observe(&world, &account).await.attributes, ENABLED);
    // One where the base should be.
    let mut settings = settings(OPENLDAP, &world.url().await);
    settings.base_dn = "ou=away,dc=example,dc=org".to_owned();
    let away = world.open(settings);
    for said in
        [refused(away.probe().await), refused(away.list(None).await), refused(away.observe(&account).await)]
    {
        assert!(said.contains("ldap://other.example.org"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_are_not_there_are_said_plainly() {
    let Some(world) = world(OPENLDAP).await else { return };
    let mut unknown = settings(OPENLDAP, "ldaps://ldap.invalid");
    unknown.tls = Tls::WellKnown;
    let said = unreachable(world.open(unknown).probe().await);
    assert!(said.contains("ldap.invalid") && said.contains("not known"), "{said}");
    let url = world.url().await;
    world.slapd.lock().await.stop();
    let said = unreachable(world.open(settings(OPENLDAP, &url)).probe().await);
    assert!(said.contains("Nothing listens"), "{said}");
    let socket = settings(OPENLDAP, "ldapi://%2Fnowhere%2Fldapi");
    assert!(unreachable(world.open(socket).probe().await).contains("/nowhere/ldapi"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_broke_is_replaced_within_the_call() {
    let Some((world, proxy, connector)) = behind_a_proxy().await else { return };
    let account = world.add("through-it", Enabled).await;
    for _ in 0..3 {
        assert_eq!(connector.observe(&account).await.expect("observed").attributes, ENABLED);
        proxy.cut();
    }
    let expected = connector.observe(&account).await.expect("observed");
    proxy.cut();
    connector.set(&account, DISABLED, &expected, "key", Timestamp::now()).await.expect("set");
    assert!(!world.is_enabled(&account).await);
    // Now the server itself.
    {
        let mut slapd = world.slapd.lock().await;
        slapd.stop();
        assert!(matches!(connector.observe(&account).await, Err(ConnectorError::Unreachable(_))));
        slapd.run().await;
    }
    assert_eq!(connector.observe(&account).await.expect("observed").attributes, DISABLED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_whose_answer_was_lost_is_not_sent_again() {
    let Some((world, proxy, connector)) = behind_a_proxy().await else { return };
    let account = world.add("lost-answer", Enabled).await;
    let expected = connector.observe(&account).await.expect("observed");
    proxy.spoil(Spoil::CutAfterModify);
    let done = connector.set(&account, DISABLED, &expected, "key", Timestamp::now()).await;
    assert!(unreachable(done).contains("without an answer"));
    proxy.spoil(Spoil::Nothing);
    assert_eq!(connector.observe(&account).await.expect("observed").attributes, DISABLED);
    connector.set(&account, DISABLED, &expected, "key", Timestamp::now()).await.expect("already so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_answer_and_answers_that_are_none_are_said_plainly() {
    let Some((world, proxy, connector)) = behind_a_proxy().await else { return };
    let account = world.add("half", Enabled).await;
    // The answer to the sign-in is 14 bytes; what follows is cut.
    proxy.spoil(Spoil::CutAfter(20));
    let said = unreachable(connector.observe(&account).await);
    assert!(said.contains("in the middle of an answer"), "{said}");
    let deep: Vec<u8> = (0..20_000).flat_map(|_| [0x30, 0x83, 0x01, 0x00, 0x00]).collect();
    let no_bind_response = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x02\x00\x30\x00".to_vec();
    let not_text = b"\x30\x0e\x02\x01\x01\x61\x09\x0a\x01\x00\x04\x02\xff\xfe\x04\x00".to_vec();
    let endless = b"\x30\x84\x7f\xff\xff\xff".to_vec();
    let no_message = b"\x30\x03\x02\x01\x01".to_vec();
    for said in
        [b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), deep, no_bind_response, not_text, endless, no_message]
    {
        let what = format!("{:02x?}", &said[..said.len().min(16)]);
        proxy.spoil(Spoil::Say(said));
        match connector.observe(&account).await {
            Err(ConnectorError::Unreachable(trouble)) => drop(sentence(trouble.sentence)),
            other => panic!("{what}: {other:?}"),
        }
    }
    proxy.spoil(Spoil::Nothing);
    assert_eq!(connector.observe(&account).await.expect("observed").attributes, ENABLED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stalls_is_given_up_and_found_again() {
    let Some((world, proxy, connector)) = behind_a_proxy().await else { return };
    let account = world.add("stalled", Enabled).await;
    connector.observe(&account).await.expect("observed");
    proxy.spoil(Spoil::Stall);
    let (one, other) = tokio::join!(connector.observe(&account), connector.probe());
    assert!(unreachable(one).contains("10 seconds"));
    assert!(unreachable(other).contains("10 seconds"));
    proxy.spoil(Spoil::Nothing);
    assert_eq!(connector.observe(&account).await.expect("observed").attributes, ENABLED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_the_policy_is_disabled_and_comes_back_as_the_permanent_one() {
    let Some(world) = world(OPENLDAP).await else { return };
    let account = world.add("forgetful", Enabled).await;
    let dn = world.dn(&account).await;
    for _ in 0..3 {
        assert_eq!(world.slapd.lock().await.bind(&dn, "wrong").await.err(), Some(49));
    }
    let locked = world.value(&account, "pwdAccountLockedTime").await.expect("locked by the policy");
    assert_ne!(locked, "000001010000Z");
    assert_eq!(observe(&world, &account).await.attributes, DISABLED);
    set(&world, &account, DISABLED).await.expect("already so");
    assert_eq!(world.value(&account, "pwdAccountLockedTime").await, Some(locked));
    set(&world, &account, ENABLED).await.expect("enabled");
    assert!(world.slapd.lock().await.bind(&dn, PASSWORD).await.is_ok());
    set(&world, &account, DISABLED).await.expect("disabled");
    assert_eq!(world.value(&account, "pwdAccountLockedTime").await.as_deref(), Some("000001010000Z"));
    let later = Attributes { state: Enabled, expires_at: Some(Timestamp::now()) };
    assert!(refused(set(&world, &account, later).await).contains("no expiry"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_of_the_documentation_show_nothing_else() {
    let Some(world) = world(OPENLDAP).await else { return };
    world.add("private", Enabled).await;
    let mut chaperone =
        world.slapd.lock().await.bind(CHAPERONE, CHAPERONE_PASSWORD).await.expect("signed in");
    let found = chaperone.search(SUFFIX, Scope::Subtree, "(userPassword=*)", vec!["userPassword"]).await;
    assert_eq!(found.expect("answered").success().expect("searched").0.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_keeps_nobody_out_is_found_by_the_probe() {
    let policy = |lockout: &str| {
        format!(
            "dn: cn=own,dc=example,dc=org\nobjectClass: organizationalRole\nobjectClass: pwdPolicy\n\
             pwdAttribute: userPassword\npwdLockout: {lockout}\n\n"
        )
    };
    let own = "overlay ppolicy\nppolicy_default \"cn=own,dc=example,dc=org\"\n";
    for (overlays, lockout, wanted) in [
        ("", "TRUE", Some("had no say")),
        (own, "FALSE", Some("no password policy with pwdLockout TRUE")),
        (own, "TRUE", None),
    ] {
        let mut special = Special { overlays, entries: policy(lockout), ..Special::default() };
        special.policy = false;
        let Some(world) = special_world(OPENLDAP, special).await else { return };
        let account = world.add("locked", Enabled).await;
        set(&world, &account, DISABLED).await.expect("set");
        assert_eq!(world.is_enabled(&account).await, wanted.is_some());
        match wanted {
            None => drop(world.connector().probe().await.expect("it works")),
            Some(wanted) => {
                let said = refused(world.connector().probe().await);
                assert!(said.contains(wanted), "{said}");
            }
        }
    }
}
