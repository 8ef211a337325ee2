//! One installation with its accounts: driven, killed, started again over the same data, and checked every few kills.

use std::collections::{BTreeMap, VecDeque};
use std::os::unix::process::ExitStatusExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt as _;
use rustix::process::Signal;
use tokio::task::JoinHandle;

use crate::check;
use crate::drive::{Account, Driver, Known};
use crate::office::Office;
use crate::plan::{Death, Plan, Suffers, Trouble};
use crate::process::{Installation, Process};
use crate::roles::{Role, Roles};
use crate::tally::Tally;
use crate::trail::Trail;
use crate::watch::Watch;
use crate::wire::{Way, Wire};

/// Lives between two checks.
const LIVES: u64 = 20;
/// People who act side by side.
const DRIVERS: u64 = 2;
/// What processes said last is kept for whoever looks into what went wrong: so many of them.
const LOGS: usize = 40;

/// The roles: what they are called, how many, and how they are made.
const ROLES: [(&str, usize, &str); 4] = [
    ("closed", 18, "NOLOGIN"),
    ("closed_until", 10, "NOLOGIN VALID UNTIL '2126-05-04 03:02:01.123456+00'"),
    ("open", 10, "LOGIN"),
    ("open_until", 10, "LOGIN VALID UNTIL '2126-05-04 03:02:01.123456+00'"),
];
/// Accounts of the built-in directory.
const BUILT_IN: [(usize, &str); 2] = [(8, "disabled"), (6, "enabled")];

pub(crate) struct Lane {
    number: u64,
    rng: Rng,
    tally: Arc<Tally>,
    installation: Installation,
    pub(crate) roles: Arc<Roles>,
    wire: Arc<Wire>,
    /// What the directory suffers; it outlives the process that is killed meanwhile.
    trouble: Option<JoinHandle<()>>,
    pub(crate) office: Office,
    pub(crate) accounts: Arc<Vec<Account>>,
    /// What the roles were before, as the server said.
    pub(crate) before: BTreeMap<String, Role>,
    pub(crate) known: Arc<Mutex<Vec<Known>>>,
    pub(crate) watch: Watch,
    pub(crate) trail: Trail,
    logs: VecDeque<String>,
}

impl Lane {
    /// A first start, people, accounts. Every second lane keeps its rows in PostgreSQL.
    pub(crate) async fn set_up(number: u64, seed: u64, tally: Arc<Tally>) -> Self {
        let roles =
            Arc::new(Roles::new().await.expect("CHAPERONE_TEST_POSTGRES_URL names a PostgreSQL server"));
        for (kind, many, options) in ROLES {
            for one in 0..many {
                roles.add(&format!("{kind}_{one}"), options).await;
            }
        }
        let wire = Arc::new(Wire::to(roles.port).await);
        let rows = match number % 2 {
            0 => String::new(),
            _ => format!("database_url = '{}'\n", roles.database().await),
        };
        let installation = Installation::with_password(&rows);
        let (process, port) = installation.serve().await;
        let office = Office::set_up(port, roles.settings(wire.port)).await;
        let mut accounts = Vec::new();
        for (name, account) in office.import(port, &roles.prefix).await {
            accounts.push(Account {
                id: account["id"].as_str().expect("an id").to_owned(),
                name,
                is_role: true,
                enabled: account["state"] == "enabled",
                expires_at: account["expires_at"].clone(),
            });
        }
        for (many, state) in BUILT_IN {
            for one in 0..many {
                let name = format!("{state}-{one}");
                let account = office.add_account(port, &name, state).await;
                accounts.push(Account {
                    id: account["id"].as_str().expect("an id").to_owned(),
                    name,
                    is_role: false,
                    enabled: state == "enabled",
                    expires_at: account["expires_at"].clone(),
                });
            }
        }
        process.stopped().await;
        let before = roles.now().await;
        assert_eq!(accounts.iter().filter(|account| account.is_role).count(), before.len(), "all imported");
        Self {
            number,
            rng: Rng::with_seed(seed),
            tally,
            installation,
            wire,
            trouble: None,
            office,
            accounts: Arc::new(accounts),
            known: Arc::default(),
            watch: Watch::over(roles.clone(), before.clone()),
            trail: Trail::default(),
            logs: VecDeque::new(),
            before,
            roles,
        }
    }

    /// Until there were kills enough, or something was wrong: then everything stays where it is, to be looked into.
    pub(crate) async fn run(mut self) {
        let ended = AssertUnwindSafe(self.go_on()).catch_unwind().await;
        let wrong = match ended {
            Ok(Ok(())) => None,
            Ok(Err(wrong)) => Some(wrong),
            Err(_) => Some("it broke off with what stands above".to_owned()),
        };
        if let Some(wrong) = wrong {
            let logs: Vec<String> = self.logs.drain(..).collect();
            let place = self.installation.keep();
            let _ = std::fs::write(place.join("said.log"), logs.join("\n──────── killed ────────\n"));
            let (number, prefix) = (self.number, &self.roles.prefix);
            self.tally.wrong(&format!(
                "lane {number}: {wrong}\n    All of it is in {}, the roles begin with {prefix}",
                place.display()
            ));
            return;
        }
        let Self { roles, watch, trouble, .. } = self;
        watch.end().await;
        drop(trouble);
        if let Some(roles) = Arc::into_inner(roles) {
            roles.remove().await;
        }
    }

    async fn go_on(&mut self) -> Result<(), String> {
        while !self.tally.is_over() {
            for _ in 0..LIVES {
                if !self.tally.take() {
                    break;
                }
                let plan = Plan::next(&mut self.rng);
                self.live(plan).await?;
            }
            self.check().await?;
        }
        Ok(())
    }

    /// One life of a process, to its death.
    async fn live(&mut self, plan: Plan) -> Result<(), String> {
        match plan.death {
            Death::Starting(first, second) => {
                let process = self.installation.start();
                tokio::time::sleep(first).await;
                self.dies(process).await?;
                if self.tally.take() {
                    let process = self.installation.start();
                    tokio::time::sleep(second).await;
                    self.dies(process).await?;
                }
                Ok(())
            }
            Death::AtStep(step, at_last) => {
                let process = self.installation.start_with(&[("CHAPERONE_FAULT", &step)]);
                self.work(process, at_last, plan.trouble).await
            }
            Death::Sometime(life) => {
                let process = self.installation.start();
                self.work(process, life, plan.trouble).await
            }
        }
    }

    /// People work until the process dies by itself or its time is over.
    async fn work(
        &mut self,
        mut process: Process,
        life: Duration,
        trouble: Option<Trouble>,
    ) -> Result<(), String> {
        let Some(port) = process.listens_or_ends().await else { return self.dies(process).await };
        let drivers = (0..DRIVERS).map(|_| {
            let driver = Driver {
                port,
                office: self.office.clone(),
                accounts: self.accounts.clone(),
                known: self.known.clone(),
                tally: self.tally.clone(),
                rng: self.rng.fork(),
            };
            driver.drive()
        });
        let drivers = futures_util::future::join_all(drivers.collect::<Vec<_>>());
        if let Some(trouble) = trouble {
            self.heal();
            self.trouble = Some(tokio::spawn(suffer(self.wire.clone(), self.roles.clone(), trouble)));
        }
        tokio::select! {
            _ = drivers => {}
            () = process.ends() => {}
            () = tokio::time::sleep(life) => {}
        }
        self.dies(process).await
    }

    /// The directory is well again.
    fn heal(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            trouble.abort();
        }
        self.wire.set(Way::Passes);
    }

    /// Kills it, if it has not done so itself; one that ended in any other way is wrong.
    async fn dies(&mut self, process: Process) -> Result<(), String> {
        let ended = process.dead().await;
        self.tally.killed();
        let signal = ended.status.signal();
        let wanted = [Signal::KILL, Signal::ABORT].map(|signal| Some(signal.as_raw()));
        let verdict = if wanted.contains(&signal) {
            Ok(())
        } else {
            Err(format!("a process ended by itself: {}\n{}", ended.status, ended.err))
        };
        self.logs.push_back(ended.err);
        if self.logs.len() > LOGS {
            self.logs.pop_front();
        }
        verdict
    }

    /// Lets everything finish, and looks whether all is as it must be.
    async fn check(&mut self) -> Result<(), String> {
        self.heal();
        let mut process = self.installation.start();
        let Some(port) = process.listens_or_ends().await else {
            return Err(format!("it does not start any more:\n{}", process.said()));
        };
        let found = check::all(self, port).await;
        let ended = process.stopped().await;
        self.logs.push_back(ended.err);
        self.tally.looked_at(found?);
        Ok(())
    }
}

/// Lets the directory suffer for a while.
async fn suffer(wire: Arc<Wire>, roles: Arc<Roles>, trouble: Trouble) {
    let Trouble { suffers, from, lasts } = trouble;
    tokio::time::sleep(from).await;
    let mut stopped = None;
    match suffers {
        Suffers::Stopped => {
            wire.set(Way::Holds);
            stopped = Some(roles.stop().await);
        }
        Suffers::Silent => wire.set(Way::Holds),
        Suffers::Cut => {
            wire.set(Way::Cut);
            roles.cut().await;
        }
    }
    tokio::time::sleep(lasts).await;
    drop(stopped);
    wire.set(Way::Passes);
}
