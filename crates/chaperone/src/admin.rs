//! `chaperone admin`: help from the machine itself.

use std::path::Path;

use chaperone_app::event_streams::{Names, ocsf, send_test, test_event};
use chaperone_app::{AppError, Op};

use crate::{Problem, config, faults, serve, streams};

/// Gives a user a password for one use. Chaperone must not run on the same data at the same time.
pub(crate) async fn reset_password(path: &Path, user_name: &str) -> Result<(), Problem> {
    let config = config::read(path)?;
    if !serve::has_data(&config) {
        return Err(Problem::new(format!(
            "there is no data in {} yet: the first start makes an administrator",
            config.data_dir.display()
        )));
    }
    let (node, _lock) = serve::open(&config).await?;
    let app = node.app;
    match app.reset_password_by_name(&Op::system(app.now()), user_name).await {
        Ok(password) => {
            crate::print(&format!(
                "{user_name} can sign in with {password}\nIt holds for one sign-in, at which it must be changed. \
                 Every sign-in of this user has ended."
            ));
            Ok(())
        }
        Err(AppError::NotFound { .. }) => Err(Problem::new(format!("there is no user {user_name}"))),
        Err(error) => Err(Problem::new(format!("the password could not be set: {error}"))),
    }
}

/// Sends one marked event to a collector. It touches no data, so Chaperone may be running, and the trail says nothing of
/// it; the API's test is an event.
pub(crate) async fn test_event_stream(path: &Path, name: &str) -> Result<(), Problem> {
    let config = config::read(path)?;
    let streams = streams::configured(&config.event_streams, &config.addresses)?;
    let Some(stream) = streams.iter().find(|stream| stream.name == name) else {
        let known: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
        return Err(Problem::new(match known.as_slice() {
            [] => format!("{} has no [[event_streams]]", path.display()),
            known => format!("there is no event stream {name:?}; there are: {}", known.join(", ")),
        }));
    };
    let event = test_event(&Op::system(faults::clock().now()), name);
    let origin = ocsf::Origin { console: config.addresses.console.clone() };
    let tested = send_test(stream, event, &Names::default(), &origin).await;
    if !tested.taken {
        return Err(Problem::new(tested.said));
    }
    crate::print(&format!("{}\nThe event has the id {}.", tested.said, tested.event_id));
    Ok(())
}
