//! Access records: follows the settings that another node may have changed, writes what waited for the database,
//! forgets intervals that are over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;

/// How often the job looks: another node's change of a switch counts here after this time at the latest.
const EVERY: Duration = Duration::from_secs(1);
/// Intervals that are over are forgotten every so many looks.
const SWEEP_EVERY_LOOKS: u32 = 60;

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut looks: u32 = 0;
    loop {
        let go_on = super::pause(&mut shutdown, EVERY).await;
        looks = looks.wrapping_add(1);
        if let Err(error) = app.look_at_access_records().await {
            tracing::error!(?error, "access records could not be looked at; it is tried again");
        }
        if looks.is_multiple_of(SWEEP_EVERY_LOOKS) {
            app.access_records().sweep(app.now());
        }
        if !go_on {
            return;
        }
    }
}
