//! A small run of the simulator (`examples/simulate`), with every test run; `cargo xtask torture --seeds N` makes large
//! ones.

#![allow(unreachable_pub, reason = "each module uses its part of the others")]

#[path = "../examples/simulate/check.rs"]
mod check;
#[path = "../examples/simulate/dice.rs"]
mod dice;
#[path = "../examples/simulate/hub.rs"]
mod hub;
#[path = "../examples/simulate/people.rs"]
mod people;
#[path = "../examples/simulate/plan.rs"]
mod plan;
#[path = "../examples/simulate/run.rs"]
mod run;
#[path = "../examples/simulate/schedule.rs"]
mod schedule;
#[path = "../examples/simulate/tell.rs"]
mod tell;
#[path = "../examples/simulate/world.rs"]
mod world;

/// Schedules of one test run: a few seconds.
const SEEDS: u64 = 60;

#[test]
fn whatever_is_killed_late_or_lost_every_account_goes_back() {
    let found = run::run(0, SEEDS, 1, 1).expect("the simulator runs");
    assert_eq!(
        found,
        [],
        "see it with: cargo run -p chaperone-app --example simulate -- --seeds 1 --from <seed> --show"
    );
}
