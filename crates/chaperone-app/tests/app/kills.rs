//! The process is stopped at every step of start and end; started again, it brings everything to the same end.

use std::sync::{Arc, Mutex};

use chaperone_app::faults::Faults;
use chaperone_app::jobs;
use chaperone_domain::grant::Wish;
use chaperone_domain::privileged_session::Status;

use crate::world::World;

/// Runs a session from its start to its end, stopping at the step of that number in that phase.
async fn run(stop_at: Option<usize>, wish: Wish) -> Vec<&'static str> {
    let mut world = World::new().await;
    let before = world.account_now().await;
    let id = world.approved(60, 600, wish).await.session.id;
    let reached = Arc::new(Mutex::new(Vec::new()));
    let seen = reached.clone();
    let faults = Faults::new(move |step| {
        let mut seen = seen.lock().expect("not poisoned");
        seen.push(step);
        if Some(seen.len()) == stop_at {
            drop(seen);
            std::panic::panic_any("killed");
        }
    });
    world.restart(faults).await;
    for (forward_s, wanted) in [(60, Status::Active), (600, Status::Ended)] {
        world.clock.forward(forward_s);
        let app = world.app.clone();
        // A step that stops takes its task with it; the look itself goes on without it.
        tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
        let stopped = Some(reached.lock().expect("not poisoned").len()) == stop_at;
        if stopped {
            world.restart(Faults::none()).await;
        }
        world.process().await;
        assert_eq!(world.session(id).await.session.status(), wanted, "stopped at {stop_at:?}");
        let account = world.account_now().await;
        let expected = if wanted == Status::Active { wish.desired(before.state) } else { before.state };
        assert_eq!(account.state, expected, "stopped at {stop_at:?}");
    }
    let after = world.account_now().await;
    assert_eq!((after.state, after.expires_at), (before.state, before.expires_at));
    reached.lock().expect("not poisoned").clone()
}

#[tokio::test]
async fn stopped_at_any_step_the_session_still_starts_and_the_account_still_goes_back() {
    let steps = run(None, Wish::Enable).await;
    for needed in [
        "start.intended",
        "start.grant_intended",
        "forward.before_set",
        "forward.after_set",
        "start.proved",
        "end.back_intended",
        "back.before_set",
        "back.after_set",
        "end.before_close",
        "end.released",
    ] {
        assert!(steps.contains(&needed), "{needed} is not reached: {steps:?}");
    }
    for stop_at in 1..=steps.len() {
        let reached = run(Some(stop_at), Wish::Enable).await;
        assert_eq!(reached.last(), steps.get(stop_at - 1), "stopped there and nowhere else");
    }
}

#[tokio::test]
async fn an_account_that_nobody_wants_changed_is_not_touched() {
    let steps = run(None, Wish::None).await;
    assert!(!steps.contains(&"forward.before_set") && !steps.contains(&"back.before_set"), "{steps:?}");
}
