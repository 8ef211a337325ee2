//! `chaperone admin`: help from the machine itself.

use std::path::Path;

use chaperone_app::{AppError, Op};

use crate::{Problem, config, serve};

/// Gives a user a password for one use. Chaperone must not run on the same data at the same time.
pub(crate) async fn reset_password(path: &Path, user_name: &str) -> Result<(), Problem> {
    let config = config::read(path)?;
    if !serve::has_data(&config) {
        return Err(Problem::new(format!(
            "there is no data in {} yet: the first start makes an administrator",
            config.data_dir.display()
        )));
    }
    let (app, _lock) = serve::open(&config).await?;
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
