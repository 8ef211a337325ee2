//! What a schedule prints for whoever looks for a fault.

use crate::schedule::Schedule;
use crate::world::Failed;

impl Schedule<'_> {
    pub fn say(&self, text: impl FnOnce() -> String) {
        if self.show {
            #[expect(clippy::print_stderr, reason = "a schedule is printed for whoever looks for a fault")]
            {
                let us = self.world.hub.lock().now_us - self.begin_us;
                eprintln!("{:>10.3} {}", us as f64 / 1e6, text());
            }
        }
    }

    /// Prints the accounts that are not as they were printed last, each with its grant.
    pub fn show_what_changed(&mut self) -> Result<(), Failed> {
        let accounts: Vec<_> = self.plan.accounts.iter().map(|account| account.id).collect();
        for id in accounts {
            let (is, grant) = (self.is_now(id)?, self.grant_of(id)?);
            let text = match grant {
                None => format!("{is:?}, no grant"),
                Some(it) => format!(
                    "{is:?}, {:?} attempt {} fence {} over {:?} (back to {:?}): {:?} of {:?}, doubtful {:?}, lease {:?}",
                    it.phase,
                    it.attempt,
                    it.fence,
                    it.baseline,
                    it.back_to,
                    it.desired,
                    it.known,
                    it.doubtful,
                    it.lease
                ),
            };
            let text =
                text.replace("Attributes ", "").replace(", expires_at: None", "").replace("state: ", "");
            if self.shown.get(&id) != Some(&text) {
                self.say(|| format!("    account {}: {text}", self.name(id)));
                self.shown.insert(id, text);
            }
        }
        Ok(())
    }

    pub fn tell_plan(&self) {
        for account in &self.plan.accounts {
            self.say(|| {
                format!("account {} is {:?} until {:?}", account.name, account.state, account.expires_at)
            });
        }
        for (index, session) in self.plan.sessions.iter().enumerate() {
            self.say(|| {
                let begin = session.window.starts_at().as_microsecond() - self.begin_us;
                let end = session.window.ends_at().as_microsecond() - self.begin_us;
                let accounts: Vec<_> =
                    session.accounts().map(|(account, wish)| (self.name(account), wish)).collect();
                format!("session {index} from {} to {}: {accounts:?}", begin / 1_000_000, end / 1_000_000)
            });
        }
        self.say(|| {
            let kind = self.world.hub.lock().kind;
            let elsewhere = self.plan.elsewhere;
            format!(
                "{} nodes, elsewhere: {elsewhere}, {kind:?}, faults: {}",
                self.plan.nodes, self.plan.faults
            )
        });
    }
}
