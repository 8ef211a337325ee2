//! The two kinds of directory for the contract, both on a real `slapd`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chaperone_connectors::{
    Connector, ConnectorError, ExternalAccount, LdapFlavour, LdapSettings, SecretRef, Secrets, Settings, Tls,
};
use chaperone_domain::account::AccountState;
use chaperone_domain::ids::AccountId;
use ldap3::{Mod, Scope, SearchEntry, dn_escape};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::slapd::{ACTIVE_DIRECTORY_RIGHTS, ADMIN, ADMIN_PASSWORD, CHAPERONE, CHAPERONE_PASSWORD, PEOPLE};
use super::slapd::{Slapd, Special, is_installed};
use crate::contract::World;

/// The password of every account.
pub(crate) const PASSWORD: &str = "everybody's";

pub(crate) struct LdapWorld {
    pub(crate) flavour: LdapFlavour,
    pub(crate) slapd: Mutex<Slapd>,
    pub(crate) secrets: tempfile::TempDir,
    admin: Mutex<ldap3::Ldap>,
    connector: Arc<dyn Connector>,
    given: AtomicU64,
}

/// A directory of this kind; `None` where `slapd` is not installed.
pub(crate) async fn world(flavour: LdapFlavour) -> Option<LdapWorld> {
    let special = match flavour {
        LdapFlavour::Openldap => Special::default(),
        LdapFlavour::ActiveDirectory => {
            Special { overlays: "", rights: ACTIVE_DIRECTORY_RIGHTS, ..Special::default() }
        }
    };
    special_world(flavour, special).await
}

pub(crate) async fn special_world(flavour: LdapFlavour, special: Special) -> Option<LdapWorld> {
    if !is_installed() {
        return None;
    }
    let slapd = Slapd::start(&special).await;
    let secrets = tempfile::tempdir().expect("a folder");
    std::fs::write(secrets.path().join("ldap"), format!("{CHAPERONE_PASSWORD}\n")).expect("written");
    let admin = slapd.bind(ADMIN, ADMIN_PASSWORD).await.expect("signed in");
    let connector = open(&secrets, settings(flavour, &slapd.url())).expect("good settings");
    Some(LdapWorld {
        flavour,
        slapd: Mutex::new(slapd),
        secrets,
        admin: Mutex::new(admin),
        connector,
        given: AtomicU64::new(1),
    })
}

/// In clear, as Chaperone, with the secret `ldap`.
pub(crate) fn settings(flavour: LdapFlavour, url: &str) -> LdapSettings {
    LdapSettings {
        url: url.to_owned(),
        start_tls: false,
        tls: Tls::Off,
        flavour,
        bind_dn: CHAPERONE.to_owned(),
        password: SecretRef::File("ldap".to_owned()),
        base_dn: PEOPLE.to_owned(),
        filter: None,
    }
}

pub(crate) fn open(
    secrets: &tempfile::TempDir,
    settings: LdapSettings,
) -> Result<Arc<dyn Connector>, ConnectorError> {
    chaperone_connectors::open(Settings::Ldap(settings), Secrets::new(secrets.path()))
}

pub(crate) fn values<S: AsRef<str>>(all: &[S]) -> HashSet<Vec<u8>> {
    all.iter().map(|value| value.as_ref().as_bytes().to_vec()).collect()
}

impl LdapWorld {
    /// A connector with other settings than the world's own.
    pub(crate) fn open(&self, settings: LdapSettings) -> Arc<dyn Connector> {
        open(&self.secrets, settings).expect("good settings")
    }

    pub(crate) async fn url(&self) -> String {
        self.slapd.lock().await.url()
    }

    pub(crate) async fn admin(&self) -> ldap3::Ldap {
        self.admin.lock().await.clone()
    }

    fn name_attribute(&self) -> &'static str {
        match self.flavour {
            LdapFlavour::Openldap => "uid",
            LdapFlavour::ActiveDirectory => "sAMAccountName",
        }
    }

    fn rdn(&self, name: &str) -> String {
        let attribute = if self.flavour == LdapFlavour::Openldap { "uid" } else { "cn" };
        format!("{attribute}={}", dn_escape(name))
    }

    pub(crate) async fn entry(&self, filter: &str, attributes: &[&str]) -> Option<SearchEntry> {
        let attributes = attributes.to_vec();
        let found =
            self.admin().await.search(PEOPLE, Scope::Subtree, filter, attributes).await.expect("answered");
        found.success().expect("found").0.into_iter().map(SearchEntry::construct).next()
    }

    pub(crate) fn id_filter(&self, account: &ExternalAccount) -> String {
        match self.flavour {
            LdapFlavour::Openldap => format!("(entryUUID={})", account.external_id),
            LdapFlavour::ActiveDirectory => {
                let id = Uuid::parse_str(&account.external_id).expect("a GUID");
                let bytes: String = id.to_bytes_le().iter().map(|byte| format!("\\{byte:02x}")).collect();
                format!("(objectGUID={bytes})")
            }
        }
    }

    pub(crate) async fn dn(&self, account: &ExternalAccount) -> String {
        self.entry(&self.id_filter(account), &["1.1"]).await.expect("there").dn
    }

    /// The value of an attribute as the server has it.
    pub(crate) async fn value(&self, account: &ExternalAccount, attribute: &str) -> Option<String> {
        let entry = self.entry(&self.id_filter(account), &[attribute]).await.expect("there");
        entry.attrs.get(attribute).and_then(|values| values.first().cloned())
    }

    /// Gives an attribute one value, or none.
    pub(crate) async fn put(&self, account: &ExternalAccount, attribute: &str, value: Option<&str>) {
        let new = values(&value.into_iter().collect::<Vec<_>>());
        let change = vec![Mod::Replace(attribute.as_bytes().to_vec(), new)];
        let dn = self.dn(account).await;
        self.admin().await.modify(&dn, change).await.expect("answered").success().expect("changed");
    }

    /// Puts an account below another entry.
    pub(crate) async fn move_to(&self, account: &ExternalAccount, name: &str, parent: &str) {
        let (dn, rdn) = (self.dn(account).await, self.rdn(name));
        let moved = self.admin().await.modifydn(&dn, &rdn, true, Some(parent)).await.expect("answered");
        moved.success().expect("moved");
    }

    pub(crate) fn numbered(&self) -> u64 {
        self.given.fetch_add(1, Ordering::Relaxed)
    }
}

#[async_trait::async_trait]
impl World for LdapWorld {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::clone(&self.connector)
    }

    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount {
        let number = self.numbered();
        let dn = format!("{},{PEOPLE}", self.rdn(name));
        let mail = format!("{number}@example.org");
        let disabled = state == AccountState::Disabled;
        let mut attributes = vec![
            ("cn", values(&[name])),
            ("sn", values(&["Somebody"])),
            (self.name_attribute(), values(&[name])),
            ("mail", values(&[mail])),
            ("userPassword", values(&[PASSWORD])),
        ];
        // With bytes of all kinds: those above 127, zeros, and what filters give a meaning.
        let guid = Uuid::from_u128(0x2a28_295c_0080_4fff_8000_0000_0000_0000 + u128::from(number));
        match self.flavour {
            LdapFlavour::Openldap => attributes.push(("objectClass", values(&["inetOrgPerson"]))),
            LdapFlavour::ActiveDirectory => attributes.extend([
                ("objectClass", values(&["user"])),
                ("objectCategory", values(&["person"])),
                ("userAccountControl", values(&[if disabled { "66050" } else { "66048" }])),
                (
                    "accountExpires",
                    values(&[if number.is_multiple_of(2) { "0" } else { "9223372036854775807" }]),
                ),
                ("objectGUID", HashSet::from([guid.to_bytes_le().to_vec()])),
            ]),
        }
        let attributes =
            attributes.into_iter().map(|(name, values)| (name.as_bytes().to_vec(), values)).collect();
        self.admin().await.add(&dn, attributes).await.expect("answered").success().expect("added");
        let external_id = match self.flavour {
            LdapFlavour::ActiveDirectory => guid.to_string(),
            LdapFlavour::Openldap => {
                let filter = format!("(mail={number}@example.org)");
                let entry = self.entry(&filter, &["entryUUID"]).await.expect("there");
                entry.attrs["entryUUID"][0].clone()
            }
        };
        let id = AccountId::new(Uuid::from_u128(u128::from(number)));
        let account = ExternalAccount { id, external_id };
        if disabled && self.flavour == LdapFlavour::Openldap {
            self.put(&account, "pwdAccountLockedTime", Some("000001010000Z")).await;
        }
        account
    }

    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState) {
        let disabled = state == AccountState::Disabled;
        match self.flavour {
            LdapFlavour::Openldap => {
                let locked = disabled.then_some("000001010000Z");
                self.put(account, "pwdAccountLockedTime", locked).await;
            }
            LdapFlavour::ActiveDirectory => {
                self.put(account, "userAccountControl", Some(if disabled { "514" } else { "512" })).await;
            }
        }
    }

    async fn remove(&self, account: &ExternalAccount) {
        let dn = self.dn(account).await;
        self.admin().await.delete(&dn).await.expect("answered").success().expect("removed");
    }

    async fn rename(&self, account: &ExternalAccount, name: &str) {
        let (dn, rdn) = (self.dn(account).await, self.rdn(name));
        let renamed = self.admin().await.modifydn(&dn, &rdn, true, None).await.expect("answered");
        renamed.success().expect("renamed");
        self.put(account, self.name_attribute(), Some(name)).await;
    }

    /// OpenLDAP: whether the account can sign in.
    async fn is_enabled(&self, account: &ExternalAccount) -> bool {
        if self.flavour == LdapFlavour::ActiveDirectory {
            let control = self.value(account, "userAccountControl").await.expect("there");
            return control.parse::<i64>().expect("a number") & 2 == 0;
        }
        let dn = self.dn(account).await;
        match self.slapd.lock().await.bind(&dn, PASSWORD).await {
            Ok(_) => true,
            Err(49) => false,
            Err(code) => panic!("signing in gave {code}"),
        }
    }

    fn awkward_names(&self) -> Vec<String> {
        let names = [
            "O'Neill, \"Jack\"",
            "a/b/../c",
            "plus+equals=semicolon;",
            "back\\slash\\2a",
            "all*(of)(&them)",
            " leading",
            "#hash <angles>",
            "Jürgen Größe 山田 🙂",
            "Robert'); DROP TABLE--",
        ];
        names.map(str::to_owned).to_vec()
    }
}
