//! Listings, page by page (RFC 2696).
//!
//! What gets the next page is a cookie that the server made for one connection. So each listing keeps a connection of
//! its own from page to page, and `after` is a text that names the listing and the page it is at. Few listings are
//! kept, so that those that nobody goes on with do not pile up.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use ldap3::Scope;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connector::{ListedPage, NAME_MAX_BYTES, PAGE};
use crate::error::ConnectorError;
use crate::ldap::Plan;
use crate::ldap::session::{Search, Session};

/// Listings under way at the same time; one more ends the one that was left longest.
const LISTINGS_MAX: usize = 4;
/// Longest pause between two pages of a listing.
const PAUSE_MAX: Duration = Duration::from_secs(10 * 60);
/// Longest cookie that is kept, in bytes.
const COOKIE_MAX_BYTES: usize = 64 * 1024;

/// The listings under way.
#[derive(Default)]
pub(super) struct Listings {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    listings: Vec<Listing>,
    /// Counts pages.
    given: u64,
    /// Makes names that no other connector gives, and none of an earlier start.
    names: RandomState,
}

struct Listing {
    /// What the caller comes back with.
    next: String,
    session: Arc<Session>,
    cookie: Vec<u8>,
    paused: Instant,
}

impl Listings {
    pub(super) async fn page(&self, plan: &Plan, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let (session, cookie) = match after {
            None => (Arc::new(Session::open(plan).await?), Vec::new()),
            Some(after) => {
                let listing = self.take(after).await.ok_or_else(interrupted)?;
                (listing.session, listing.cookie)
            }
        };
        let search = Search {
            base: &plan.base,
            scope: Scope::Subtree,
            filter: &plan.filter,
            attributes: plan.dialect.attributes(),
            limit: PAGE,
        };
        let found = session.page(plan, search, cookie).await?;
        if found.cookie.len() > COOKIE_MAX_BYTES {
            let sentence =
                format!("The LDAP server {} makes pages in a way that is not known.", plan.address);
            return Err(ConnectorError::refused(
                sentence,
                format!("a cookie of {} bytes", found.cookie.len()),
            ));
        }
        let mut page = ListedPage::default();
        for entry in &found.entries {
            match plan.dialect.listed(entry) {
                Some(account) if account.external_id.len() <= NAME_MAX_BYTES => page.accounts.push(account),
                _ => page.left_out += 1,
            }
        }
        if !found.cookie.is_empty() {
            page.next = Some(self.keep(session, found.cookie).await);
        }
        Ok(page)
    }

    /// The listing that is at this page, for this caller alone.
    async fn take(&self, after: &str) -> Option<Listing> {
        let mut open = self.open.lock().await;
        open.listings.retain(|listing| listing.paused.elapsed() < PAUSE_MAX);
        let at = open.listings.iter().position(|listing| listing.next == after)?;
        Some(open.listings.remove(at)).filter(|listing| listing.session.is_open())
    }

    async fn keep(&self, session: Arc<Session>, cookie: Vec<u8>) -> String {
        let mut open = self.open.lock().await;
        open.listings.retain(|listing| listing.paused.elapsed() < PAUSE_MAX);
        if open.listings.len() >= LISTINGS_MAX {
            // The first in the list was left longest: each page puts its listing at the end.
            open.listings.remove(0);
        }
        open.given += 1;
        let next = format!("{}-{:016x}", open.given, open.names.hash_one(open.given));
        open.listings.push(Listing { next: next.clone(), session, cookie, paused: Instant::now() });
        next
    }
}

fn interrupted() -> ConnectorError {
    let sentence = "The listing was interrupted, because an LDAP server remembers only on the connection how far it came: \
                    start again from the beginning.";
    ConnectorError::unreachable(sentence, "")
}
