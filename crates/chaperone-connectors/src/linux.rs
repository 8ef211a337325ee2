//! Accounts of this machine: those that people have, with a uid from 1000 on.
//!
//! An account is disabled as passwd(1) says it is done: by an expiry that has passed. One field of `/etc/shadow` is
//! read and changed, and no other; a password's lock is not an account's, because keys open it still. Accounts are
//! read from the files, and changed by `chage`, which takes the locks that every other program takes.

mod accounts;
mod programs;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::connector::{
    CALL_LIMIT, Connector, Expiry, ExternalAccount, LIST_LIMIT, ListedAccount, ListedPage, Observation, PAGE,
};
use crate::error::ConnectorError;
use crate::settings::LinuxSettings;
use accounts::{Accounts, LocalAccount};

/// How often it is looked whether ended processes are gone.
const ENDING_PAUSE: Duration = Duration::from_millis(20);
/// Changes of this process wait for each other: between looking and changing nobody of us comes.
static ONE_CHANGE: Mutex<()> = Mutex::const_new(());

/// The accounts below one root folder.
pub(crate) struct Linux {
    /// `None` for the machine's own.
    root: Option<PathBuf>,
}

impl Linux {
    /// Checks the settings; nothing is read yet.
    pub(crate) fn open(settings: LinuxSettings) -> Result<Self, ConnectorError> {
        let root = settings.root.map(PathBuf::from).filter(|root| root.as_os_str() != "/");
        if let Some(root) = &root
            && (!root.is_absolute() || root.as_os_str().as_encoded_bytes().contains(&0))
        {
            let sentence = "Give the root folder from / on, or leave it out for this machine.";
            return Err(ConnectorError::refused(sentence, root.display()));
        }
        Ok(Self { root })
    }

    async fn accounts(&self) -> Result<Accounts, ConnectorError> {
        Accounts::read(self.root.as_deref()).await
    }

    async fn change(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: Attributes,
    ) -> Result<(), ConnectorError> {
        let _turn = ONE_CHANGE.lock().await;
        let Some(found) = self.accounts().await?.find(&account.external_id)? else {
            return Err(ConnectorError::Changed);
        };
        if found.attributes() == to {
            return Ok(());
        }
        if found.attributes() != expected {
            return Err(ConnectorError::Changed);
        }
        refuse_own(&found)?;
        let field = accounts::field(&found.name, to)?;
        programs::set_expiry(self.root.as_deref(), &found.name, field).await?;
        match self.accounts().await?.find(&account.external_id)? {
            Some(now) if now.attributes() == to => Ok(()),
            _ => Err(ConnectorError::unreachable(
                format!(
                    "The account {} was changed by somebody else at the same time; it is looked at again.",
                    found.name
                ),
                "not as set",
            )),
        }
    }
}

/// Chaperone would close its own door, or end itself.
fn refuse_own(account: &LocalAccount) -> Result<(), ConnectorError> {
    if account.uid == rustix::process::geteuid().as_raw() {
        let sentence =
            format!("{} is the account that Chaperone itself runs as: it is not changed.", account.name);
        return Err(ConnectorError::refused(sentence, ""));
    }
    Ok(())
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    timeout(limit, work).await.unwrap_or_else(|_| {
        let sentence = format!(
            "The accounts of this machine could not be reached within {} seconds: see whether a program holds the \
             lock of /etc/shadow, or the disk is stuck.",
            limit.as_secs()
        );
        Err(ConnectorError::unreachable(sentence, "timed out"))
    })
}

#[async_trait]
impl Connector for Linux {
    fn expiry(&self) -> Expiry {
        Expiry::Days
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let after = match after {
            None => 0,
            Some(text) => text.parse::<u32>().map_err(|error| {
                ConnectorError::refused("The listing has no such page: begin it anew.", error)
            })?,
        };
        let accounts = within(LIST_LIMIT, self.accounts()).await?;
        let mut page = ListedPage { total: Some(accounts.count()), ..ListedPage::default() };
        for (uid, found) in accounts.after(after) {
            if page.accounts.len() == PAGE {
                page.next = page.accounts.last().map(|last| last.external_id.clone());
                break;
            }
            match found {
                Ok(account) => page.accounts.push(ListedAccount {
                    external_id: uid.to_string(),
                    name: account.name.clone(),
                    email: String::new(),
                    attributes: account.attributes(),
                }),
                Err(_) => page.left_out += 1,
            }
        }
        Ok(page)
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let found = within(CALL_LIMIT, self.accounts()).await?.find(&account.external_id)?;
        let absent = Attributes { state: AccountState::Absent, expires_at: None };
        Ok(Observation { attributes: found.map_or(absent, |found| found.attributes()), version: None })
    }

    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        _key: &str,
        _now: Timestamp,
    ) -> Result<(), ConnectorError> {
        within(CALL_LIMIT, self.change(account, to, expected.attributes)).await
    }

    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError> {
        // Below another root nothing runs that we could name.
        if self.root.is_some() {
            return Ok(());
        }
        let ended = async {
            let Some(found) = self.accounts().await?.find(&account.external_id)? else { return Ok(()) };
            refuse_own(&found)?;
            end_processes(found.uid).await
        };
        within(CALL_LIMIT, ended).await
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        let accounts = within(CALL_LIMIT, self.accounts()).await?;
        if !rustix::process::geteuid().is_root() {
            let sentence = "Only root may change accounts of this machine: run Chaperone as root, or take another \
                            directory.";
            return Err(ConnectorError::refused(sentence, ""));
        }
        programs::are_here()?;
        let place = self.root.as_ref().map_or("/".to_owned(), |root| root.display().to_string());
        Ok(format!("The files below {place} hold {} accounts with a uid from 1000 on.", accounts.count()))
    }
}

/// Ends every process of a user, until there is none.
async fn end_processes(uid: u32) -> Result<(), ConnectorError> {
    while programs::kill(uid).await? {
        tokio::time::sleep(ENDING_PAUSE).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;

    use super::*;

    /// A uid that no account has.
    const NOBODYS: u32 = 64_123;

    #[tokio::test]
    async fn every_process_of_the_user_is_ended_and_no_other() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let sleeping = |uid: u32| Command::new("/bin/sleep").arg("600").uid(uid).spawn().expect("sleep runs");
        let mut theirs = [sleeping(NOBODYS), sleeping(NOBODYS)];
        let mut other = sleeping(NOBODYS + 1);
        // None of them is waited for meanwhile: a process that has ended and stays in the table has ended.
        end_processes(NOBODYS).await.expect("ended");
        for process in &mut theirs {
            assert_eq!(process.wait().expect("waited").signal(), Some(9));
        }
        assert!(other.try_wait().expect("asked").is_none(), "another user's process was ended");
        other.kill().expect("ended");
        other.wait().expect("waited");
        end_processes(NOBODYS).await.expect("nothing left to end");
    }

    #[tokio::test]
    async fn chaperones_own_account_is_not_touched() {
        let own = LocalAccount {
            uid: rustix::process::geteuid().as_raw(),
            name: "chaperone".to_owned(),
            field: accounts::NEVER,
        };
        let error = refuse_own(&own).expect_err("refused");
        assert!(error.to_string().contains("runs as"), "{error}");
    }
}
