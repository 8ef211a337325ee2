//! Samba as a domain controller: what comes nearest to Active Directory and runs anywhere. It is not among the
//! packages that are installed for the tests, because Debian would start a file server on the machine; where
//! `samba-ad-provision` is there, it is used.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chaperone_connectors::{Connector, ExternalAccount, LdapFlavour, LdapSettings, SecretRef, Tls};
use chaperone_domain::account::AccountState;
use chaperone_domain::ids::AccountId;
use ldap3::{LdapConnAsync, Mod, Scope, SearchEntry, dn_escape, ldap_escape};
use uuid::Uuid;

use super::world::{open, values};
use crate::contract::{self, World};

const PASSWORD: &str = "Chap3rone, in \"tests\"";
const PEOPLE: &str = "OU=People,DC=example,DC=test";

struct SambaWorld {
    folder: tempfile::TempDir,
    child: Child,
    admin: ldap3::Ldap,
    connector: Arc<dyn Connector>,
    given: AtomicU64,
}

/// `None` where Samba is not installed, or where a process may not have a network of its own (the port of a domain
/// controller cannot be chosen).
async fn world() -> Option<SambaWorld> {
    let installed = Path::new("/usr/share/samba/setup").is_dir()
        && Path::new("/usr/sbin/samba").is_file()
        && run("unshare", &["-rn", "true"]).is_ok();
    if !installed {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().display().to_string();
    let (conf, sam) = (format!("{place}/etc/smb.conf"), format!("{place}/private/sam.ldb"));
    run(
        "samba-tool",
        &[
            "domain",
            "provision",
            "--realm=EXAMPLE.TEST",
            "--domain=EXAMPLE",
            "--server-role=dc",
            "--dns-backend=NONE",
            "--host-name=dc",
            "--host-ip=127.0.0.1",
            &format!("--targetdir={place}"),
            &format!("--adminpass={PASSWORD}"),
        ],
    )
    .expect("provisioned");
    let before = std::fs::read_to_string(&conf).expect("written");
    let services = |line: &str| line.trim_start().starts_with("server services") || line.trim() == "[global]";
    let rest: String =
        before.lines().filter(|line| !services(line)).map(|line| format!("{line}\n")).collect();
    let ours = format!(
        "[global]\nserver services = ldap\nldap server require strong auth = no\nbind interfaces only = yes\n\
         interfaces = lo\nlogging = stderr\npid directory = {place}\nncalrpc dir = {place}/ncalrpc\n"
    );
    std::fs::write(&conf, format!("{ours}{rest}")).expect("written");

    // What the documentation tells people to delegate.
    run("samba-tool", &["ou", "create", PEOPLE, "-H", &sam, "-s", &conf]).expect("made");
    run("samba-tool", &["user", "create", "chaperone", PASSWORD, "-H", &sam, "-s", &conf]).expect("made");
    let shown =
        run("samba-tool", &["user", "show", "chaperone", "--attributes=objectSid", "-H", &sam, "-s", &conf]);
    let shown = shown.expect("shown");
    let sid = shown.lines().find_map(|line| line.strip_prefix("objectSid: ")).expect("a SID").trim();
    // userAccountControl and accountExpires of users.
    for attribute in ["bf967a68-0de6-11d0-a285-00aa003049e2", "bf967915-0de6-11d0-a285-00aa003049e2"] {
        let right = format!("(OA;CIIO;RPWP;{attribute};bf967aba-0de6-11d0-a285-00aa003049e2;{sid})");
        let (object, right) = (format!("--objectdn={PEOPLE}"), format!("--sddl={right}"));
        run("samba-tool", &["dsacl", "set", "-H", &sam, "-s", &conf, &object, "--action=allow", &right])
            .expect("given");
    }
    start(folder, &conf).await
}

async fn start(folder: tempfile::TempDir, conf: &str) -> Option<SambaWorld> {
    let socket = folder.path().join("private/ldapi");
    let script = format!("ip link set lo up; exec setpriv --pdeathsig KILL -- samba -i -M single -s {conf}");
    let mut child = Command::new("unshare")
        .args(["-rn", "sh", "-c", &script])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // It ends when this does.
        .stdin(Stdio::piped())
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .spawn()
        .expect("started");
    while tokio::net::UnixStream::connect(&socket).await.is_err() {
        assert!(child.try_wait().expect("asked").is_none(), "samba does not start with {conf}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let url = format!("ldapi://{}", socket.display().to_string().replace('/', "%2F"));
    let admin = bind(&url, "administrator@example.test").await.expect("signed in");
    std::fs::write(folder.path().join("ldap"), PASSWORD).expect("written");
    let settings = LdapSettings {
        url,
        start_tls: false,
        tls: Tls::Off,
        flavour: LdapFlavour::ActiveDirectory,
        bind_dn: "chaperone@example.test".to_owned(),
        password: SecretRef::File("ldap".to_owned()),
        base_dn: PEOPLE.to_owned(),
        filter: None,
    };
    let connector = open(&folder, settings).expect("good settings");
    Some(SambaWorld { folder, child, admin, connector, given: AtomicU64::new(1) })
}

impl Drop for SambaWorld {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(program).args(arguments).output().map_err(|error| error.to_string())?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

async fn bind(url: &str, name: &str) -> Result<ldap3::Ldap, u32> {
    let (connection, mut ldap) = LdapConnAsync::new(url).await.expect("connected");
    tokio::spawn(connection.drive());
    match ldap.simple_bind(name, PASSWORD).await.expect("answered").rc {
        0 => Ok(ldap),
        code => Err(code),
    }
}

impl SambaWorld {
    fn url(&self) -> String {
        let socket = self.folder.path().join("private/ldapi");
        format!("ldapi://{}", socket.display().to_string().replace('/', "%2F"))
    }

    async fn find(&self, filter: &str) -> SearchEntry {
        let attributes = vec!["objectGUID", "userAccountControl", "sAMAccountName"];
        let found =
            self.admin.clone().search(PEOPLE, Scope::Subtree, filter, attributes).await.expect("answered");
        let entries = found.success().expect("found").0.into_iter();
        entries.filter(|entry| !entry.is_ref()).map(SearchEntry::construct).next().expect("there")
    }

    fn by_id(account: &ExternalAccount) -> String {
        format!("<GUID={}>", account.external_id)
    }

    async fn put(&self, account: &ExternalAccount, attribute: &str, value: &str) {
        let change = vec![Mod::Replace(attribute.as_bytes().to_vec(), values(&[value]))];
        let done = self.admin.clone().modify(&Self::by_id(account), change).await.expect("answered");
        done.success().expect("changed");
    }

    async fn entry(&self, account: &ExternalAccount) -> SearchEntry {
        let id = Uuid::parse_str(&account.external_id).expect("a GUID");
        let bytes: String = id.to_bytes_le().iter().map(|byte| format!("\\{byte:02x}")).collect();
        self.find(&format!("(objectGUID={bytes})")).await
    }
}

#[async_trait::async_trait]
impl World for SambaWorld {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::clone(&self.connector)
    }

    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let quoted: Vec<u8> =
            format!("\"{PASSWORD}\"").encode_utf16().flat_map(|unit| unit.to_le_bytes().to_vec()).collect();
        // Those of the long listing sign in nowhere: to keep a password takes the server longest.
        let needs_password = !name.starts_with("listed-");
        let mut control = if needs_password { 66048 } else { 66048 | 32 };
        if state == AccountState::Disabled {
            control |= 2;
        }
        let mut attributes = vec![
            ("objectClass", values(&["user"])),
            ("sAMAccountName", values(&[name])),
            ("userAccountControl", values(&[control.to_string()])),
        ];
        if needs_password {
            attributes.push(("unicodePwd", HashSet::from([quoted])));
        }
        let attributes =
            attributes.into_iter().map(|(name, values)| (name.as_bytes().to_vec(), values)).collect();
        let dn = format!("CN={},{PEOPLE}", dn_escape(name));
        self.admin.clone().add(&dn, attributes).await.expect("answered").success().expect("added");
        let entry = self.find(&format!("(sAMAccountName={})", ldap_escape(name))).await;
        let text = entry.attrs.get("objectGUID").map(|values| values[0].clone().into_bytes());
        let bytes = text.unwrap_or_else(|| entry.bin_attrs["objectGUID"][0].clone());
        let guid = Uuid::from_bytes_le(bytes.try_into().expect("16 bytes"));
        ExternalAccount {
            id: AccountId::new(Uuid::from_u128(u128::from(number))),
            external_id: guid.to_string(),
        }
    }

    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState) {
        let control = if state == AccountState::Disabled { "514" } else { "512" };
        self.put(account, "userAccountControl", control).await;
    }

    async fn remove(&self, account: &ExternalAccount) {
        let removed = self.admin.clone().delete(&Self::by_id(account)).await.expect("answered");
        removed.success().expect("removed");
    }

    async fn rename(&self, account: &ExternalAccount, name: &str) {
        let dn = self.entry(account).await.dn;
        let rdn = format!("CN={}", dn_escape(name));
        let renamed = self.admin.clone().modifydn(&dn, &rdn, true, None).await.expect("answered");
        renamed.success().expect("renamed");
        self.put(account, "sAMAccountName", name).await;
    }

    /// Whether it can sign in.
    async fn is_enabled(&self, account: &ExternalAccount) -> bool {
        let dn = self.entry(account).await.dn;
        match bind(&self.url(), &dn).await {
            Ok(_) => true,
            Err(49) => false,
            Err(code) => panic!("signing in gave {code}"),
        }
    }

    fn awkward_names(&self) -> Vec<String> {
        // Without what Active Directory forbids in a sAMAccountName.
        ["O'Neill (Jack)", "a&b~c!", "Jürgen Größe 山田", "#hash"].map(str::to_owned).to_vec()
    }
}

/// One domain for all sentences: to make one takes longer than all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_controller_keeps_the_whole_contract() {
    let Some(world) = world().await else { return };
    contract::the_probe_says_what_it_found(&world).await;
    contract::an_account_is_enabled_for_a_while_and_goes_back_to_what_it_was(&world).await;
    contract::an_account_is_disabled_for_a_while_and_goes_back_to_what_it_was(&world).await;
    contract::an_expiry_is_restored_exactly_where_there_is_one(&world).await;
    contract::setting_twice_changes_nothing_more(&world).await;
    contract::what_somebody_else_changed_meanwhile_is_not_overwritten(&world).await;
    contract::an_account_that_vanished_is_absent_and_cannot_be_set(&world).await;
    contract::a_renamed_account_is_still_the_same(&world).await;
    contract::awkward_names_are_names(&world).await;
    contract::external_ids_that_nobody_gave_are_absent(&world).await;
    contract::the_listing_has_every_account_once_over_all_pages(&world).await;
    other_bits_are_kept(&world).await;
    said_by_the_probe(&world).await;
}

async fn other_bits_are_kept(world: &SambaWorld) {
    let account = world.add("bits", AccountState::Disabled).await;
    let enabled = contract::attributes(&*world.connector(), AccountState::Enabled, true);
    contract::set(world, &account, enabled).await.expect("enabled");
    assert_eq!(world.entry(&account).await.attrs["userAccountControl"], ["66048"]);
}

async fn said_by_the_probe(world: &SambaWorld) {
    let said = world.connector().probe().await.expect("it works");
    assert!(said.contains("Active Directory") && said.contains("may be enabled and disabled"), "{said}");
}
