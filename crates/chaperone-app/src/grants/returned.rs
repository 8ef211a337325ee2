//! Returned: what waits longer and longer for a directory that is away is tried at once when the directory is back.

use super::*;
use std::collections::BTreeMap;

/// One that is tried again within this time anyhow is left alone.
const SOON: jiff::SignedDuration = jiff::SignedDuration::from_secs(15);

impl App {
    /// Asks each directory that is waited for about one of its accounts; when it answers, all that wait for it are due.
    pub(crate) async fn try_again_where_answered(&self, op: &Op) -> Result<(), AppError> {
        let soon = op.at.checked_add(SOON).unwrap_or(Instant::MAX);
        let mut waiting: BTreeMap<_, (Account, Vec<GrantId>)> = BTreeMap::new();
        for (grant, _) in self.store.read().open_grants().await? {
            if grant.next_try_at.is_none_or(|next| next <= soon) {
                continue;
            }
            if let Some(account) = self.store.read().account(grant.account_id).await? {
                let of_directory = waiting.entry(account.directory_id).or_insert((account, Vec::new()));
                of_directory.1.push(grant.id);
            }
        }
        for (account, grants) in waiting.into_values() {
            if self.observe(&account).await.is_err() {
                continue;
            }
            self.store
                .keep_books(move |books| {
                    let grants = grants.clone();
                    Box::pin(async move { books.grants_are_due(&grants).await })
                })
                .await?;
            self.processor_nudge.notify_one();
        }
        Ok(())
    }
}
