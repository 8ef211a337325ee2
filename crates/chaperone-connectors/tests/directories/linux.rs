//! Accounts below a root folder that a test makes, changed by the machine's own programs. They enter the folder
//! with `chroot`, so root only.
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chaperone_connectors::{
    Connector, ConnectorError, Expiry, ExternalAccount, LinuxSettings, Secrets, Settings, open,
};
use chaperone_domain::account::AccountState::{self, Absent, Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::AccountId;
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use crate::contract::{self, World as _, keeps_the_contract, later};

struct Machine {
    root: TempDir,
    next: AtomicU32,
    connector: Arc<dyn Connector>,
}

fn opened(root: &str) -> Result<Arc<dyn Connector>, ConnectorError> {
    open(Settings::Linux(LinuxSettings { root: Some(root.to_owned()) }), Secrets::new("/nowhere"))
}

fn account(external_id: &str) -> ExternalAccount {
    ExternalAccount { id: AccountId::new(Uuid::from_u128(1)), external_id: external_id.to_owned() }
}

impl Machine {
    async fn new() -> Option<Self> {
        let root = std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
        if !root || !std::path::Path::new("/usr/sbin/usermod").is_file() {
            println!("skipped: accounts are changed by root only, with Debian's package passwd");
            return None;
        }
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("etc")).expect("made");
        let connector = opened(&root.path().display().to_string()).expect("right");
        let machine = Self { root, next: AtomicU32::new(1_000), connector };
        machine.write("passwd", "root:x:0:0:root:/root:/bin/sh\n");
        machine.write("shadow", "root:*:19000:0:99999:7:::\n");
        machine.write("group", "root:x:0:\nusers:x:100:\n");
        machine.write("gshadow", "root:*::\nusers:!::\n");
        Some(machine)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("etc").join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("read")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("written");
    }

    /// Adds an account with these columns of `/etc/shadow`.
    fn add_line(&self, name: &str, shadow: &str) -> ExternalAccount {
        let uid = self.next.fetch_add(1, Ordering::Relaxed);
        self.write("passwd", &format!("{}{name}:x:{uid}:100::/:/bin/sh\n", self.read("passwd")));
        self.write("shadow", &format!("{}{name}:{shadow}\n", self.read("shadow")));
        account(&uid.to_string())
    }

    fn name(&self, account: &ExternalAccount) -> String {
        let passwd = self.read("passwd");
        let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        lines.find(|columns| columns[2] == account.external_id).expect("there")[0].to_owned()
    }

    fn shadow_of(&self, account: &ExternalAccount) -> String {
        let start = format!("{}:", self.name(account));
        self.read("shadow").lines().find(|line| line.starts_with(&start)).expect("there").to_owned()
    }

    /// Runs a program of the machine on the root folder.
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output =
            Command::new(program).arg("-R").arg(self.root.path()).args(arguments).env("LC_ALL", "C").output();
        let output = output.expect("it runs");
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[async_trait::async_trait]
impl contract::World for Machine {
    fn connector(&self) -> Arc<dyn Connector> {
        self.connector.clone()
    }

    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount {
        let expiry = if state == Enabled { "" } else { "1" };
        self.add_line(name, &format!("$y$j9T$hash:19000:0:99999:7::{expiry}:"))
    }

    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState) {
        let expiry = if state == Enabled { "" } else { "1" };
        self.run("usermod", &["-e", expiry, "--", &self.name(account)]);
    }

    async fn remove(&self, account: &ExternalAccount) {
        self.run("userdel", &["--", &self.name(account)]);
    }

    async fn rename(&self, account: &ExternalAccount, name: &str) {
        self.run("usermod", &["-l", name, "--", &self.name(account)]);
    }

    async fn is_enabled(&self, account: &ExternalAccount) -> bool {
        let said = self.run("chage", &["-l", "-i", "--", &self.name(account)]);
        let line = said.lines().find(|line| line.starts_with("Account expires")).expect("said");
        let (_, when) = line.split_once(": ").expect("a date");
        when == "never" || *when > *Timestamp::now().to_string()
    }

    fn awkward_names(&self) -> Vec<String> {
        ["anna.b", "svc$", "x_y-z", "UPPER", "a b", "$(id)", ";ls", "*", "'", "\"", "名前", "n-"]
            .map(str::to_owned)
            .into()
    }
}

keeps_the_contract!(Machine::new());

#[tokio::test]
async fn one_field_of_one_line_is_touched_and_comes_back() {
    let Some(machine) = Machine::new().await else { return };
    for (name, shadow) in [
        ("keys-only", "!:19000:0:99999:7:::"),
        ("locked", "!$y$j9T$hash:19000:0:99999:7:::"),
        ("locked-and-disabled", "!$y$j9T$hash:19000:3:60:7:10:1:"),
        ("expires", "$y$j9T$hash:19000:0:99999:7::21000:"),
        ("expired", "$y$j9T$hash:19000:0:99999:7::19000:"),
        ("bare", "*:19000::::::"),
    ] {
        let account = machine.add_line(name, shadow);
        let before = [machine.read("passwd"), machine.read("shadow")];
        let baseline = contract::observe(&machine, &account).await.attributes;
        let switched = if baseline.state == Enabled { Disabled } else { Enabled };
        let expires_at = if switched == Enabled { Some(later()) } else { None };
        for to in [Attributes { state: switched, expires_at }, baseline] {
            contract::set(&machine, &account, to).await.expect("set");
            assert_eq!(contract::observe(&machine, &account).await.attributes, to, "{name}");
            let columns = |line: &str| {
                let mut columns: Vec<String> = line.split(':').map(str::to_owned).collect();
                columns.remove(7);
                columns
            };
            assert_eq!(columns(&machine.shadow_of(&account)), columns(&format!("{name}:{shadow}")));
        }
        assert_eq!([machine.read("passwd"), machine.read("shadow")], before, "{name}");
    }
}

#[tokio::test]
async fn an_account_that_expires_is_closed_while_it_is_disabled_and_expires_as_before() {
    let Some(machine) = Machine::new().await else { return };
    let account = machine.add_line("temporary", "$y$j9T$hash:19000:0:99999:7::21000:");
    let baseline = contract::observe(&machine, &account).await.attributes;
    assert!(baseline.state == Enabled && baseline.expires_at.is_some(), "{baseline:?}");
    let closed = Attributes { state: Disabled, ..baseline };
    contract::set(&machine, &account, closed).await.expect("set");
    assert_eq!(contract::observe(&machine, &account).await.attributes, closed);
    assert!(!machine.is_enabled(&account).await);
    contract::set(&machine, &account, baseline).await.expect("set");
    assert!(machine.shadow_of(&account).ends_with(":21000:"));
}

#[tokio::test]
async fn accounts_of_the_system_are_no_accounts() {
    let Some(machine) = Machine::new().await else { return };
    let root = account("0");
    let seen = contract::observe(&machine, &root).await;
    assert_eq!(seen.attributes.state, Absent);
    let to = Attributes { state: Disabled, expires_at: None };
    let done = machine.connector().set(&root, to, &seen, "key", Timestamp::now()).await;
    assert_eq!(done, Err(ConnectorError::Changed));
    assert!(contract::listed(&machine).await.is_empty());
}

#[tokio::test]
async fn a_root_folder_that_cannot_be_right_has_a_sentence() {
    let error = opened("relative").map(drop).expect_err("refused");
    assert!(error.to_string().contains("from / on"), "{error}");
    let error = opened("/nowhere").expect("a path").probe().await.expect_err("refused");
    assert!(error.to_string().contains("There is no file /nowhere/etc/passwd"), "{error}");
    assert_eq!(opened("/").expect("this machine").expiry(), Expiry::Days);
}

#[tokio::test]
async fn who_holds_the_lock_is_waited_for_or_named() {
    let Some(machine) = Machine::new().await else { return };
    let account = machine.add("waits", Enabled).await;
    // A lock file of a process that lives: ours.
    machine.write("shadow.lock", &std::process::id().to_string());
    let to = Attributes { state: Disabled, expires_at: None };
    let error = contract::set(&machine, &account, to).await.expect_err("locked");
    assert!(matches!(error, ConnectorError::Unreachable(_)), "{error:?}");
    std::fs::remove_file(machine.file("shadow.lock")).expect("removed");
    contract::set(&machine, &account, to).await.expect("set");
}
