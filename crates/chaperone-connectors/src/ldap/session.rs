//! One signed-in connection.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use ldap3::controls::{Assertion, ControlType, MakeCritical as _, PagedResults, RawControl};
use ldap3::{LdapConnAsync, LdapConnSettings, LdapResult, Mod, Scope, SearchEntry, SearchOptions, StdStream};
use uuid::Uuid;

use crate::connector::LIST_LIMIT;
use crate::error::ConnectorError;
use crate::ldap::Plan;
use crate::ldap::dialect::{Change, Dialect};
use crate::ldap::guard::{self, Ending};
use crate::ldap::{trouble, way};

/// Most that the entries of one search may hold, in bytes.
const ENTRIES_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The assertion control (RFC 4528).
const ASSERTION: &str = "1.3.6.1.1.12";
/// The control of the password policy overlay.
pub(super) const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// What Active Directory says it is, in `supportedCapabilities`.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// A signed-in connection. Dropping the last use of it closes it.
pub(super) struct Session {
    ldap: ldap3::Ldap,
    ending: Arc<OnceLock<Ending>>,
    /// What the server says about itself.
    pub(super) root: Entry,
    /// Whether the password policy overlay had a say in our sign-in.
    pub(super) under_policy: bool,
}

/// A question.
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    pub(super) filter: &'a str,
    pub(super) attributes: Vec<&'static str>,
    /// Most entries that are wanted.
    pub(super) limit: usize,
}

/// A page of a search.
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// What gets the next page on the same connection; empty after the last.
    pub(super) cookie: Vec<u8>,
}

/// An entry: its name and the attributes that were asked for, values as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    values: HashMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    fn new(entry: SearchEntry) -> Self {
        let mut values: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
        for (name, texts) in entry.attrs {
            let bytes = texts.into_iter().map(String::into_bytes);
            values.entry(name.to_ascii_lowercase()).or_default().extend(bytes);
        }
        for (name, bytes) in entry.bin_attrs {
            values.entry(name.to_ascii_lowercase()).or_default().extend(bytes);
        }
        Self { dn: entry.dn, values }
    }

    /// The values of an attribute, by its name without regard to case.
    pub(super) fn all(&self, attribute: &str) -> &[Vec<u8>] {
        self.values.get(&attribute.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// Its first value as the server sent it.
    pub(super) fn first(&self, attribute: &str) -> Option<&[u8]> {
        self.all(attribute).first().map(Vec::as_slice)
    }

    /// The first of its values in alphabetical order that are text.
    pub(super) fn text(&self, attribute: &str) -> Option<String> {
        let texts = self.all(attribute).iter().filter_map(|value| std::str::from_utf8(value).ok());
        texts.min().map(str::to_owned)
    }

    fn has(&self, attribute: &str, value: &str) -> bool {
        self.all(attribute).iter().any(|other| other == value.as_bytes())
    }

    fn bytes(&self) -> usize {
        let values =
            self.values.iter().map(|(name, all)| name.len() + all.iter().map(Vec::len).sum::<usize>());
        self.dn.len() + values.sum::<usize>()
    }

    #[cfg(test)]
    pub(super) fn of(dn: &str, values: &[(&str, &str)]) -> Self {
        let values =
            values.iter().map(|(name, value)| (name.to_ascii_lowercase(), vec![value.as_bytes().to_vec()]));
        Self { dn: dn.to_owned(), values: values.collect() }
    }
}

impl Session {
    /// Opens a connection and signs in on it. The password is read now.
    pub(super) async fn open(plan: &Plan) -> Result<Self, ConnectorError> {
        let password = plan.secrets.read(&plan.password)?;
        let stream = way::open(&plan.address, &plan.trust).await?;
        let guarded = guard::guard(stream).map_err(|error| {
            ConnectorError::unreachable("This machine has no room for another connection.", error)
        })?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(guarded.socket));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi://guarded")
            .await
            .map_err(|error| trouble::of_library(plan, error, None))?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "an LDAP connection ended");
            }
        });
        let root = Entry { dn: String::new(), values: HashMap::new() };
        let mut session = Self { ldap, ending: guarded.ending, root, under_policy: false };
        let mut ldap = session.ldap.clone();
        if plan.dialect == Dialect::Openldap {
            ldap.with_controls(RawControl { ctype: PASSWORD_POLICY.to_owned(), crit: false, val: None });
        }
        let bound = session.contained(plan, ldap.simple_bind(&plan.bind_dn, &password)).await?;
        // Nobody knows there who we are with a name and no password.
        if bound.rc != 0 {
            return Err(trouble::of_result(plan, &bound));
        }
        session.under_policy = bound.ctrls.iter().any(|control| control.1.ctype == PASSWORD_POLICY);
        session.root = session.root(plan).await?;
        Ok(session)
    }

    /// Whether nobody ended it yet, as far as is known here.
    pub(super) fn is_open(&self) -> bool {
        self.ending.get().is_none() && !self.ldap.clone().is_closed()
    }

    /// Whether it is Active Directory, or a server that wants to be taken for it.
    pub(super) fn is_active_directory(&self) -> bool {
        self.root.has("supportedCapabilities", ACTIVE_DIRECTORY)
    }

    /// Whether the server knows a control.
    pub(super) fn has_control(&self, oid: &str) -> bool {
        self.root.has("supportedControl", oid)
    }

    async fn root(&self, plan: &Plan) -> Result<Entry, ConnectorError> {
        let search = Search {
            base: "",
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: vec![
                "supportedControl",
                "supportedCapabilities",
                "namingContexts",
                "subschemaSubentry",
                "vendorName",
                "vendorVersion",
                "objectClass",
            ],
            limit: 1,
        };
        let mut found = self.search(plan, search).await?;
        // A server may hide it; then it is taken for one that can nothing special.
        Ok(found.pop().unwrap_or(Entry { dn: String::new(), values: HashMap::new() }))
    }

    /// All that is found, at most the limit.
    pub(super) async fn search(&self, plan: &Plan, search: Search<'_>) -> Result<Vec<Entry>, ConnectorError> {
        let limit = search.limit;
        let (entries, result) = self.run(plan, search, Vec::new()).await?;
        match result.rc {
            0 => Ok(entries),
            // The limit is ours.
            4 if entries.len() >= limit => Ok(entries),
            _ => Err(trouble::of_result(plan, &result)),
        }
    }

    /// One page. The cookie is what the page before gave, on this connection; empty for the first.
    pub(super) async fn page(
        &self,
        plan: &Plan,
        search: Search<'_>,
        cookie: Vec<u8>,
    ) -> Result<Found, ConnectorError> {
        let size = i32::try_from(search.limit).unwrap_or(i32::MAX);
        let control: RawControl = PagedResults { size, cookie }.critical().into();
        let (entries, result) = self.run(plan, search, vec![control]).await?;
        if result.rc != 0 {
            return Err(trouble::of_result(plan, &result));
        }
        let answer = result.ctrls.into_iter().find_map(|control| match control.0 {
            Some(ControlType::PagedResults) => Some(control.1),
            _ => None,
        });
        let Some(answer) = answer else {
            return Err(trouble::not_ldap(plan, "a page without a cookie"));
        };
        let read = self.contained(plan, async move { Ok(answer.parse::<PagedResults>()) }).await?;
        Ok(Found { entries, cookie: read.cookie })
    }

    async fn run(
        &self,
        plan: &Plan,
        search: Search<'_>,
        controls: Vec<RawControl>,
    ) -> Result<(Vec<Entry>, LdapResult), ConnectorError> {
        let mut ldap = self.ldap.clone();
        let mut options =
            SearchOptions::new().timelimit(i32::try_from(LIST_LIMIT.as_secs()).unwrap_or(i32::MAX));
        let paged = !controls.is_empty();
        if !paged {
            options = options.sizelimit(i32::try_from(search.limit).unwrap_or(i32::MAX));
        } else {
            ldap.with_controls(controls);
        }
        ldap.with_search_options(options);
        let limit = search.limit;
        let asked = async move {
            let mut stream =
                ldap.streaming_search(search.base, search.scope, search.filter, search.attributes).await?;
            let (mut entries, mut bytes) = (Vec::new(), 0);
            while let Some(item) = stream.next().await? {
                // Where another server might have more is said, and never followed.
                if item.is_ref() || item.is_intermediate() {
                    continue;
                }
                let entry = Entry::new(SearchEntry::construct(item));
                bytes += entry.bytes();
                entries.push(entry);
                if bytes > ENTRIES_MAX_BYTES || entries.len() > limit {
                    let id = stream.ldap_handle().last_id();
                    stream.finish().await;
                    ldap.abandon(id).await?;
                    return Ok((bytes <= ENTRIES_MAX_BYTES).then_some((entries, None)));
                }
            }
            Ok(Some((entries, Some(stream.finish().await))))
        };
        match self.contained(plan, asked).await? {
            Some((entries, Some(result))) => Ok((entries, result)),
            // Samba, for one, knows no limit of a search that is not paged.
            Some((mut entries, None)) if !paged => {
                entries.truncate(limit);
                Ok((entries, done()))
            }
            _ => {
                let sentence =
                    format!("The LDAP server {} answers with more than it was asked for.", plan.address);
                Err(ConnectorError::unreachable(sentence, ""))
            }
        }
    }

    /// Changes the entry that was found, if it still is as it was found.
    pub(super) async fn modify(
        &self,
        plan: &Plan,
        id: Uuid,
        entry: &Entry,
        changes: Vec<Change>,
    ) -> Result<(), ConnectorError> {
        let mut ldap = self.ldap.clone();
        // Somebody may rename the entry at this moment and give its name to another: the server is made to compare
        // the id as well, by the means that it has.
        let by_id = self.is_active_directory();
        let dn = if by_id { format!("<GUID={}>", id.hyphenated()) } else { entry.dn.clone() };
        if !by_id && self.has_control(ASSERTION) {
            let none = changes.iter().filter(|change| change.old.is_none());
            let none: String = none.map(|change| format!("(!({}=*))", change.attribute)).collect();
            let filter = format!("(&{}{none})", plan.dialect.id_filter(id));
            ldap.with_controls(vec![Assertion { filter }.critical().into()]);
        }
        let result =
            self.contained(plan, async move { ldap.modify(&dn, modifications(changes)).await }).await?;
        match result.rc {
            0 => Ok(()),
            // The value that was seen is gone, another is there, the entry has another name or another id.
            16 | 20 | 32 | 122 => Err(ConnectorError::Changed),
            _ => Err(trouble::of_result(plan, &result)),
        }
    }

    /// Asks for a change that cannot change anything: to take away a value that is not there and to put the one that
    /// is (or to take away both of two values from an attribute with room for one). What the server answers says
    /// whether it would let us change the attribute: `None` when that cannot be told.
    pub(super) async fn may_change(
        &self,
        plan: &Plan,
        entry: &Entry,
        attribute: &str,
    ) -> Result<Option<bool>, ConnectorError> {
        let mut ldap = self.ldap.clone();
        let name = attribute.as_bytes().to_vec();
        let [one, other] =
            plan.dialect.impossible_values().map(|value| HashSet::from([value.as_bytes().to_vec()]));
        let second = match entry.first(attribute) {
            Some(present) => Mod::Add(name.clone(), HashSet::from([present.to_vec()])),
            None => Mod::Delete(name.clone(), other),
        };
        let nothing = vec![Mod::Delete(name, one), second];
        let dn = entry.dn.clone();
        let result = self.contained(plan, async move { ldap.modify(&dn, nothing).await }).await?;
        match result.rc {
            0 | 16 | 20 => Ok(Some(true)),
            50 => Ok(Some(false)),
            10 | 53 => Err(trouble::of_result(plan, &result)),
            _ => Ok(None),
        }
    }

    /// Runs what the library does. It gives up in the middle of the program when an answer is no LDAP, which is kept
    /// within this call.
    async fn contained<T>(
        &self,
        plan: &Plan,
        doing: impl Future<Output = ldap3::result::Result<T>>,
    ) -> Result<T, ConnectorError> {
        match AssertUnwindSafe(doing).catch_unwind().await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(trouble::of_library(plan, error, self.ending.get())),
            Err(_) => {
                self.ending.get_or_init(|| Ending::NotLdap);
                Err(trouble::not_ldap(plan, "the answer could not be read"))
            }
        }
    }
}

fn done() -> LdapResult {
    LdapResult { rc: 0, matched: String::new(), text: String::new(), refs: Vec::new(), ctrls: Vec::new() }
}

fn modifications(changes: Vec<Change>) -> Vec<Mod<Vec<u8>>> {
    let mut all = Vec::new();
    for Change { attribute, old, new } in changes {
        let attribute = attribute.as_bytes().to_vec();
        if let Some(old) = old {
            all.push(Mod::Delete(attribute.clone(), HashSet::from([old])));
        }
        if let Some(new) = new {
            all.push(Mod::Add(attribute, HashSet::from([new])));
        }
    }
    all
}
