//! One schedule: what happens, in which order, and what becomes of it; then everything is let go on until all is quiet.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use chaperone_app::jobs::steps;
use chaperone_domain::Instant;
use chaperone_domain::account::AccountState;
use chaperone_domain::ids::AccountId;
use chaperone_store::Stage;

use crate::check::{Original, Wrong};
use crate::dice::Dice;
use crate::hub::{At, Go};
use crate::plan::Plan;
use crate::world::{Failed, NODES, Work, World};

/// Decisions of the part in which things go wrong.
const DECISIONS: u64 = 140;
/// Rounds of the part in which nothing goes wrong any more; enough for back-offs of five minutes.
const QUIET_ROUNDS: usize = 60;
/// Gates that one activity passes at most when nothing goes wrong.
const GATES_MAX: usize = 4_000;
/// The clock of a node is off by so much at most: less than half of what leases allow for.
const OFF_MAX_US: u64 = 900_000;

pub struct Schedule<'w> {
    pub world: &'w mut World,
    pub dice: Dice,
    pub plan: Plan,
    pub originals: BTreeMap<AccountId, Original>,
    pub wrong: Option<Wrong>,
    pub begin_us: i64,
    pub show: bool,
    /// An administrator's own change that is on its way: of which account, to what.
    pub changing: Option<(AccountId, AccountState)>,
    /// What was printed last of each account.
    pub shown: BTreeMap<AccountId, String>,
}

impl<'w> Schedule<'w> {
    /// Runs the schedule of that seed; says what was wrong.
    pub fn run(world: &'w mut World, seed: u64, show: bool) -> Result<Option<Wrong>, Failed> {
        let mut dice = Dice::new(seed);
        world.hub.lock().now_us += 2 * 24 * 3_600 * 1_000_000;
        for node in &world.nodes {
            let off = if dice.percent(40) { dice.below(2 * OFF_MAX_US) } else { OFF_MAX_US };
            node.off_us.store(i64::try_from(off)? - i64::try_from(OFF_MAX_US)?, Ordering::Relaxed);
        }
        let plan = Plan::new(world, &mut dice, seed)?;
        let originals = plan.accounts.iter().map(|account| (account.id, Original::of(account))).collect();
        let begin_us = world.hub.lock().now_us;
        let mut schedule = Self {
            world,
            dice,
            plan,
            originals,
            wrong: None,
            begin_us,
            show,
            changing: None,
            shown: BTreeMap::new(),
        };
        schedule.tell_plan();
        for _ in 0..DECISIONS {
            schedule.decide()?;
            if schedule.wrong.is_some() {
                break;
            }
        }
        if schedule.wrong.is_none() {
            schedule.let_go()?;
        }
        let wrong = schedule.wrong.take();
        for node in &mut schedule.world.nodes {
            node.activity = None;
        }
        Ok(wrong)
    }

    pub fn name(&self, id: AccountId) -> usize {
        self.plan.accounts.iter().position(|account| account.id == id).unwrap_or(usize::MAX)
    }

    pub fn now(&self) -> Instant {
        Instant::from_microsecond(self.world.hub.lock().now_us).unwrap_or(Instant::MAX)
    }

    fn decide(&mut self) -> Result<(), Failed> {
        let faults = self.plan.faults;
        match self.dice.below(100) {
            0..50 => self.resume()?,
            50..68 => self.start()?,
            68..80 => self.pass_time(),
            80..87 => self.people()?,
            87..90 if self.plan.others => self.others(),
            90..94 => self.land(),
            94..96 if faults => self.kill()?,
            96 if faults => self.cancel(),
            97 if faults => self.jump(),
            98 if faults => {
                let mut hub = self.world.hub.lock();
                hub.away = !hub.away;
                let away = hub.away;
                drop(hub);
                self.say(|| format!("the directory is away: {away}"));
            }
            _ => self.resume()?,
        }
        Ok(())
    }

    fn busy(&self) -> Vec<usize> {
        (0..NODES).filter(|node| self.world.nodes[*node].activity.is_some()).collect()
    }

    /// One of those who stopped goes on.
    fn resume(&mut self) -> Result<(), Failed> {
        let busy = self.busy();
        if busy.is_empty() {
            return self.start();
        }
        let node = self.dice.one_of(&busy);
        // Once begun, most things go on for a while before something else happens.
        let gates = 1 + self.dice.below(4);
        for _ in 0..gates {
            let Some(activity) = &self.world.nodes[node].activity else { break };
            let at = activity.at.clone();
            let go = self.choose(&at);
            self.go_on(node, go)?;
            if self.wrong.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn choose(&mut self, at: &At) -> Go {
        if !self.plan.faults {
            return Go::On;
        }
        let chance = self.dice.below(100);
        match at {
            At::Commit(Stage::Before) => match chance {
                0..3 => Go::Fails,
                3..5 => Go::Races,
                _ => Go::On,
            },
            At::Commit(Stage::After) | At::EndSignIns(_) if chance < 4 => Go::Fails,
            At::Observe(_) if chance < 6 => Go::Fails,
            At::Set(..) => match chance {
                0..6 => Go::Fails,
                6..14 => Go::Unheard,
                14..22 => Go::Flies,
                _ => Go::On,
            },
            At::Answer(_) if chance < 10 => Go::Fails,
            _ => Go::On,
        }
    }

    fn go_on(&mut self, node: usize, go: Go) -> Result<(), Failed> {
        let Some(activity) = &self.world.nodes[node].activity else { return Ok(()) };
        let (at, what) = (activity.at.clone(), activity.what.clone());
        self.say(|| format!("node {node}, {what}: {at:?} goes {go:?}"));
        if at == At::Commit(Stage::Before)
            && let Some((account, state)) = self.changing.filter(|_| node == 0)
        {
            // Kept or not, the rows say it after this.
            self.changed_by_administrator(account, state, node, go)?;
            return Ok(());
        }
        let done = self.world.go_on(node, go);
        let sent = self.world.hub.lock().sent.take();
        if let Some((account, to)) = sent {
            self.intended(account, to)?;
        }
        self.after(node, &what, done)
    }

    pub fn after(&mut self, node: usize, what: &str, done: Option<bool>) -> Result<(), Failed> {
        if self.show {
            self.show_what_changed()?;
        }
        if let Some(well) = done {
            self.say(|| {
                format!("node {node}, {what}: through, {}", if well { "well" } else { "with an error" })
            });
            if node == 0 {
                self.changing = None;
            }
        }
        match &self.world.nodes[node].activity {
            Some(activity) if activity.at == At::Commit(Stage::After) => {
                self.ended_only_when_back(activity.about)
            }
            _ => Ok(()),
        }
    }

    pub fn begin(
        &mut self,
        node: usize,
        what: String,
        about: Option<usize>,
        work: Work,
    ) -> Result<(), Failed> {
        self.say(|| format!("node {node}, {what}: begins"));
        let done = self.world.begin(node, what.clone(), about, work);
        self.after(node, &what, done)
    }

    /// The background process of a node takes up a session, or looks at accounts.
    pub fn start(&mut self) -> Result<(), Failed> {
        let node = 1 + self.dice.index(self.plan.nodes);
        if self.world.nodes[node].activity.is_some() {
            return Ok(());
        }
        let app = self.world.nodes[node].app.clone();
        match self.dice.below(100) {
            0..12 => self.begin(
                node,
                "again".to_owned(),
                None,
                Box::pin(async move { steps::again(&app).await.is_ok() }),
            ),
            12..20 => self.begin(
                node,
                "watch".to_owned(),
                None,
                Box::pin(async move { steps::watch(&app).await.is_ok() }),
            ),
            _ => {
                let index = self.dice.index(self.plan.sessions.len());
                self.take_up(node, index)
            }
        }
    }

    fn take_up(&mut self, node: usize, index: usize) -> Result<(), Failed> {
        let session = &self.plan.sessions[index];
        // What lies ahead is not looked at.
        if self.now() < session.window.starts_at() {
            return Ok(());
        }
        let (app, id) = (self.world.nodes[node].app.clone(), session.id);
        let work = Box::pin(async move { steps::session(&app, id).await.is_ok() });
        self.begin(node, format!("session {index}"), Some(index), work)
    }

    fn pass_time(&mut self) {
        let us =
            self.dice.one_of(&[50_000, 300_000, 1_000_000, 3_000_000, 8_000_000, 16_000_000, 40_000_000]);
        self.advance(us);
    }

    /// Time passes; what is on its way for longer than anything can be arrives before, or never.
    fn advance(&mut self, us: i64) {
        let until_us = self.world.hub.lock().now_us + us;
        loop {
            let due = {
                let hub = self.world.hub.lock();
                hub.flights
                    .iter()
                    .enumerate()
                    .filter(|(_, it)| it.until_us <= until_us)
                    .map(|(i, it)| (it.until_us, i))
                    .min()
            };
            let Some((at_us, index)) = due else { break };
            {
                let mut hub = self.world.hub.lock();
                hub.now_us = hub.now_us.max(at_us - 1);
            }
            let lands = self.dice.percent(50);
            self.arrive(index, lands);
        }
        let mut hub = self.world.hub.lock();
        hub.now_us = hub.now_us.max(until_us);
    }

    fn arrive(&mut self, index: usize, lands: bool) {
        let (flight, took) = {
            let mut hub = self.world.hub.lock();
            let flight = hub.flights.remove(index);
            let compares = hub.kind.compares;
            let as_seen = hub.accounts.get(&flight.account) == Some(&flight.expected);
            let there = hub.accounts.contains_key(&flight.account);
            let took = lands && there && (as_seen || !compares);
            if took {
                hub.accounts.insert(flight.account, flight.to);
            }
            (flight, took)
        };
        self.say(|| {
            format!(
                "what was on its way to account {} arrives: {took}, {:?}",
                self.name(flight.account),
                flight.to
            )
        });
    }

    /// Something that was on its way takes effect.
    fn land(&mut self) {
        let count = self.world.hub.lock().flights.len();
        if count > 0 {
            let index = self.dice.index(count);
            let lands = self.dice.percent(85);
            self.arrive(index, lands);
        }
    }

    fn kill(&mut self) -> Result<(), Failed> {
        let node = self.dice.index(self.plan.nodes + 1);
        if self.world.nodes[node].activity.is_none() && self.dice.percent(80) {
            return Ok(());
        }
        self.say(|| format!("node {node} is killed"));
        if node == 0 {
            self.changing = None;
        }
        self.world.kill(node)
    }

    /// Whoever waited goes away in the middle; the node stays.
    fn cancel(&mut self) {
        let busy = self.busy();
        if !busy.is_empty() {
            let node = self.dice.one_of(&busy);
            self.say(|| format!("node {node}: whoever waited goes away"));
            self.world.nodes[node].activity = None;
            if node == 0 {
                self.changing = None;
            }
        }
    }

    fn jump(&mut self) {
        let us = self.dice.one_of(&[-3_000_000, -60_000_000, 60_000_000, 600_000_000]);
        if us > 0 {
            self.advance(us);
        } else {
            self.world.hub.lock().now_us += us;
            // What is on its way does not know the time.
            for flight in &mut self.world.hub.lock().flights {
                flight.until_us += us;
            }
        }
        self.say(|| format!("the clock jumps by {us} µs"));
    }

    /// Everything that is still under way ends well, and time passes until nothing is left to do.
    fn let_go(&mut self) -> Result<(), Failed> {
        self.say(|| "from now on nothing goes wrong".to_owned());
        self.world.hub.lock().away = false;
        for node in 0..NODES {
            self.finish(node)?;
        }
        for round in 0..QUIET_ROUNDS {
            for index in self.not_over()? {
                let node = 1 + (round + index) % self.plan.nodes;
                self.take_up(node, index)?;
                self.finish(node)?;
            }
            let app = self.world.nodes[1].app.clone();
            if round % 3 == 0 {
                let app = app.clone();
                self.begin(
                    1,
                    "watch".to_owned(),
                    None,
                    Box::pin(async move { steps::watch(&app).await.is_ok() }),
                )?;
                self.finish(1)?;
            }
            self.begin(
                1,
                "again".to_owned(),
                None,
                Box::pin(async move { steps::again(&app).await.is_ok() }),
            )?;
            self.finish(1)?;
            if self.wrong.is_some() {
                return Ok(());
            }
            if self.is_quiet()? {
                break;
            }
            self.advance(if round < 20 { 16_000_000 } else { 120_000_000 });
        }
        self.end()
    }

    fn finish(&mut self, node: usize) -> Result<(), Failed> {
        for _ in 0..GATES_MAX {
            if self.world.nodes[node].activity.is_none() || self.wrong.is_some() {
                return Ok(());
            }
            self.go_on(node, Go::On)?;
        }
        self.wrong = Some(Wrong::new("an activity does not end"));
        Ok(())
    }
}
