//! May they, here, now: the app's gate decides from memory; a refusal is an audit event.

use chaperone_app::gate::{self, LiveSignIn, NotAdmitted, Recorded};
use chaperone_app::{App, Client};
use chaperone_domain::Instant;
use chaperone_domain::target::{Target, TargetRecording};

/// Admits a live sign-in to a target; `client` is asked for only when somebody is refused.
pub(crate) async fn admit(
    app: &App,
    live: &LiveSignIn,
    target: &Target,
    now: Instant,
    client: impl FnOnce() -> Client,
) -> Result<(), NotAdmitted> {
    let decided = gate::admit(live, target, now).and_then(|()| recorded_where_it_must_be(live, target));
    if let Err(why) = decided {
        app.access_refused(target, Some(live), &client(), why.name()).await;
    }
    decided
}

/// A target that is always recorded is not entered by a sign-in that began without a recording.
fn recorded_where_it_must_be(live: &LiveSignIn, target: &Target) -> Result<(), NotAdmitted> {
    match (target.recording, &live.recorded) {
        (TargetRecording::Always, Recorded::No) => Err(NotAdmitted::RecordingUnavailable),
        _ => Ok(()),
    }
}
