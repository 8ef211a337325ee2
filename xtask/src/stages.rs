//! A command as a list of stages: each is announced, timed, and stands in the table at the end.
//!
//! A stage that fails does not stop the next ones, because one run should show everything that is wrong.
//! Only what others need (`needed`) ends the command at once.

use std::time::{Duration, Instant};

use crate::project::{Outcome, failed};

pub(crate) struct Stages {
    began: Instant,
    done: Vec<Stage>,
}

struct Stage {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

impl Stages {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), done: Vec::new() }
    }

    /// Runs a stage and goes on, whatever comes of it.
    pub(crate) fn stage(&mut self, name: &'static str, work: impl FnOnce() -> Outcome) {
        // The failure is in the table; the stages after this one do not depend on it.
        let _ = self.needed(name, work);
    }

    /// Runs a stage that others need: its failure is the caller's to return.
    pub(crate) fn needed<T>(&mut self, name: &'static str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        eprintln!("\n==> {name}");
        let began = Instant::now();
        let outcome = work();
        let took = began.elapsed();
        let failure = outcome.as_ref().err().map(ToString::to_string);
        match &failure {
            None => eprintln!("<== {name}: done in {}", shown(took)),
            Some(failure) => eprintln!("<== {name}: FAILED after {}: {failure}", shown(took)),
        }
        self.done.push(Stage { name, took, failure });
        outcome
    }

    /// Prints the table; a failure when any stage failed.
    pub(crate) fn finish(self) -> Outcome {
        let width = self.done.iter().map(|stage| stage.name.len()).max().unwrap_or(0);
        eprintln!("\n{:width$}  {:>9}", "stage", "time");
        for stage in &self.done {
            let verdict = if stage.failure.is_some() { "FAILED" } else { "ok" };
            eprintln!("{:width$}  {:>9}  {verdict}", stage.name, shown(stage.took));
        }
        eprintln!("{:width$}  {:>9}", "all", shown(self.began.elapsed()));
        let failures: Vec<_> = self
            .done
            .iter()
            .filter_map(|stage| stage.failure.as_ref().map(|why| format!("  {}: {why}", stage.name)))
            .collect();
        let passed = self.done.len() - failures.len();
        println!("{passed} stages passed, {} failed", failures.len());
        if failures.is_empty() { Ok(()) } else { failed(format!("failed:\n{}", failures.join("\n"))) }
    }
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_does_not_stop_the_next_one_and_fails_the_command() {
        let mut stages = Stages::new();
        stages.stage("first", || failed("broken"));
        let mut second_ran = false;
        stages.stage("second", || {
            second_ran = true;
            Ok(())
        });
        assert!(second_ran);
        assert_eq!(stages.finish().unwrap_err().to_string(), "failed:\n  first: broken");
    }
}
