//! The table `audit`: the events of the trail that have one of the source's action codes.

use std::collections::{BTreeSet, HashMap};

use axum::response::Response;
use chaperone_app::lists::{Bound, Compare, Condition, SourceKey, SourceSort, source_columns as columns};
use chaperone_app::source_audit::SourceRow;
use chaperone_domain::ids::UserId;
use chaperone_domain::source_action::SourceAction;
use chaperone_domain::user::User;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::call::{Call, answer, seconds};
use super::conditions::{self, instant_test};
use super::continuation;
use super::filter::{Test, Typed, Value};
use super::options::{Order, PAGE_ROWS};
use super::refusal::Refusal;
use super::schema::{AUDIT, Property};

/// Counting stops here: the source's number.
const COUNT_MAX: u64 = 5_000;
/// The id of the one row of the organization in the trail.
const ORGANIZATION_SUBJECT: &str = "1";
/// The trail's nouns, and the source's names of such tables.
pub(crate) const TABLE_NAMES: [(&str, &str); 7] = [
    ("user", "systemuser"),
    ("organization", "organization"),
    ("target", "chp_target"),
    ("account", "chp_account"),
    ("privileged_session", "chp_privilegedsession"),
    ("directory", "chp_directory"),
    ("api_token", "chp_apitoken"),
];

/// The source's name for a noun of the trail.
pub(crate) fn table_name(kind: &str) -> &str {
    TABLE_NAMES.iter().find(|(known, _)| *known == kind).map_or(kind, |(_, name)| *name)
}

/// The ids that are no rows.
#[derive(Clone, Copy)]
struct Ids {
    organization: Uuid,
    system: Uuid,
}

fn condition(typed: &Typed, ids: Ids) -> Condition {
    conditions::of(typed, &|property, test| leaf(property, test, ids))
}

fn leaf(property: &Property, test: &Test, ids: Ids) -> Condition {
    match property.name {
        "auditid" => conditions::plain(columns::ID, test),
        "action" => conditions::plain(columns::CODE, test),
        "createdon" => instant_test(columns::AT, test),
        "_regardingobjectid_value" => conditions::plain(columns::PRIVILEGED_SESSION, test),
        "useradditionalinfo" => conditions::plain(columns::CLIENT_ADDRESS, test),
        "operation" => {
            let fits = |action: &&SourceAction| test.holds(Some(&Value::Number(action.operation().code())));
            let codes = SourceAction::ALL.iter().filter(fits).map(|action| Bound::Number(action.code()));
            Condition::OneOf(columns::CODE, codes.collect())
        }
        "objecttypecode" => {
            let fits = |(_, name): &&(&str, &str)| test.holds(Some(&Value::Text((*name).to_owned())));
            let kinds = TABLE_NAMES.iter().filter(fits).map(|(kind, _)| Bound::Text((*kind).to_owned()));
            Condition::OneOf(columns::SUBJECT_KIND, kinds.collect())
        }
        "_objectid_value" => of_ids(test, &|id| {
            let text = if id == ids.organization { ORGANIZATION_SUBJECT.to_owned() } else { id.to_string() };
            Condition::Compare(columns::SUBJECT_ID, Compare::Eq, Bound::Text(text))
        }),
        "_userid_value" => by_user(test, ids),
        "transactionid" => Condition::Always(test.holds(Some(&Value::Guid(Uuid::nil())))),
        // Never set: nobody acts through somebody else here, and columns have no numbers.
        _ => Condition::Always(test.holds(None)),
    }
}

/// A test of who did it; what no user did, the user SYSTEM did.
fn by_user(test: &Test, ids: Ids) -> Condition {
    of_ids(test, &|id| {
        if id == ids.system {
            Condition::Null(columns::ACTOR)
        } else {
            Condition::Compare(columns::ACTOR, Compare::Eq, Bound::Id(id))
        }
    })
}

/// A test of an id that is always there.
fn of_ids(test: &Test, equal: &impl Fn(Uuid) -> Condition) -> Condition {
    let id = |value: &Value| match value {
        Value::Guid(id) => equal(*id),
        _ => Condition::Always(false),
    };
    match test {
        Test::Compare(Compare::Eq, value) => id(value),
        Test::Compare(Compare::Ne, value) => Condition::Not(Box::new(id(value))),
        Test::OneOf(values) => Condition::Any(values.iter().map(id).collect()),
        _ => Condition::Always(false),
    }
}

/// The order; without one the newest come first. The id decides between equals.
fn order(asked: &[Order]) -> Result<Vec<SourceSort>, Refusal> {
    let mut order = Vec::new();
    for (at, Order { property, descending }) in asked.iter().enumerate() {
        let key = match property.name {
            "auditid" => SourceKey::Id,
            "action" => SourceKey::Code,
            "operation" => SourceKey::Operation,
            // Rows show whole seconds: what stands behind in the order decides among those of one second.
            "createdon" if at + 1 < asked.len() => SourceKey::Second,
            "createdon" => SourceKey::At,
            other => {
                return Err(Refusal::query(format!(
                    "Rows cannot be ordered by '{other}': createdon, action, operation and auditid can be."
                )));
            }
        };
        order.push(SourceSort { key, descending: *descending });
        if key == SourceKey::Id {
            // Ids are unique; nothing behind decides anything.
            return Ok(order);
        }
    }
    if order.is_empty() {
        order.push(SourceSort { key: SourceKey::At, descending: true });
    }
    let descending = order.last().is_some_and(|last| last.descending);
    order.push(SourceSort { key: SourceKey::Id, descending });
    Ok(order)
}

impl Call {
    fn ids(&self) -> Ids {
        Ids { organization: self.organization_id(), system: self.system_id() }
    }

    /// `audits`, and `lk_audit_userid` of a user.
    pub(crate) async fn audits(&self, of: Option<Uuid>, path: &str) -> Result<Response, Refusal> {
        self.options.only(&["$select", "$filter", "$orderby", "$top", "$count", "$skiptoken"])?;
        let select = self.options.select(&AUDIT)?;
        let filter = self.options.filter(&AUDIT)?;
        let order = order(&self.options.order(&AUDIT)?)?;
        let (top, count) = (self.options.top()?, self.options.count()?);
        if let Some(user) = of {
            self.user_is_there(user).await?;
        }
        let ids = self.ids();
        let whose = of.map(|user| by_user(&Test::Compare(Compare::Eq, Value::Guid(user)), ids));
        let restrict = || {
            Condition::All(filter.iter().map(|filter| condition(filter, ids)).chain(whose.clone()).collect())
        };
        // A page that the client sizes has no top: the source ignores it then.
        let (limit, pages) = match (self.prefer.page, top) {
            (Some(page), _) => (page, true),
            (None, Some(top)) => (top, false),
            (None, None) => (PAGE_ROWS, true),
        };
        let question = self.question(path);
        let after = match self.options.get("$skiptoken") {
            Some(token) => Some(continuation::place(self.app.keys(), &question, token)?),
            None => None,
        };
        let mut rows = self
            .app
            .source_audit(&self.op, restrict(), &order, after.as_deref(), limit + u64::from(pages))
            .await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = pages && rows.len() > wanted;
        rows.truncate(wanted);
        let count = if count {
            let counted = self.app.count_source_audit(&self.op, restrict(), COUNT_MAX + 1).await?;
            Some((counted.min(COUNT_MAX), counted > COUNT_MAX))
        } else {
            None
        };
        let next = rows.last().filter(|_| more).map(|(stored, action)| {
            let place: Vec<Bound> = order.iter().map(|sort| sort.key.of(stored, *action)).collect();
            self.next_link(path, &continuation::token(self.app.keys(), &question, &place))
        });
        let names = self.names(&rows).await?;
        let context = self.context_of(AUDIT.set, select.as_deref(), false);
        let shown = rows.iter().map(|row| self.audit_row(row, select.as_deref(), &names)).collect();
        Ok(answer(&self.list(context, shown, count, next)))
    }

    /// `audits/$count`.
    pub(crate) async fn count_of_audits(&self) -> Result<Response, Refusal> {
        self.options.only(&["$filter"])?;
        let filter = self.options.filter(&AUDIT)?;
        let condition = filter.map_or(Condition::Always(true), |filter| condition(&filter, self.ids()));
        let counted = self.app.count_source_audit(&self.op, condition, COUNT_MAX).await?;
        Ok(axum::response::IntoResponse::into_response(counted.to_string()))
    }

    /// One row.
    pub(crate) async fn audit(&self, id: Uuid) -> Result<Response, Refusal> {
        self.options.only(&["$select"])?;
        let select = self.options.select(&AUDIT)?;
        let row = self.one_audit(id).await?;
        let names = self.names(std::slice::from_ref(&row)).await?;
        let mut body = Map::new();
        let context = self.context_of(AUDIT.set, select.as_deref(), true);
        body.insert("@odata.context".to_owned(), context.into());
        body.extend(self.audit_row(&row, select.as_deref(), &names));
        Ok(answer(&Json::Object(body)))
    }

    /// The row of that id.
    pub(crate) async fn one_audit(&self, id: Uuid) -> Result<SourceRow, Refusal> {
        let condition = Condition::Compare(columns::ID, Compare::Eq, Bound::Id(id));
        let order = [SourceSort { key: SourceKey::Id, descending: false }];
        let rows = self.app.source_audit(&self.op, condition, &order, None, 1).await?;
        rows.into_iter().next().ok_or_else(|| Refusal::no_row("audit", id))
    }

    /// What a token belongs to: the address and everything that decides which rows come in which order.
    fn question(&self, path: &str) -> String {
        let of = |name: &str| self.options.get(name).unwrap_or_default().to_owned();
        format!("{path}\n{}\n{}", of("$filter"), of("$orderby"))
    }

    /// The address of the next page: this one's, as the client wrote it, with another token.
    pub(crate) fn next_link(&self, path: &str, token: &str) -> String {
        let kept = self.query.split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && super::options::decode(name).is_ok_and(|name| name != "$skiptoken")
        });
        let mut query: Vec<&str> = kept.collect();
        let token = format!("$skiptoken={token}");
        query.push(&token);
        format!("{}{path}?{}", self.base, query.join("&"))
    }

    /// The users that rows name, when their names are wanted.
    async fn names(&self, rows: &[SourceRow]) -> Result<HashMap<UserId, User>, Refusal> {
        if !self.prefer.wants("OData.Community.Display.V1.FormattedValue") {
            return Ok(HashMap::new());
        }
        let mut ids: BTreeSet<Uuid> = BTreeSet::new();
        for (stored, _) in rows {
            ids.extend(stored.event.actor.user_id().map(UserId::uuid));
            if stored.event.subject.kind == "user" {
                ids.extend(stored.event.subject.id.parse::<Uuid>().ok());
            }
        }
        let ids: Vec<UserId> = ids.into_iter().map(UserId::new).collect();
        Ok(self.app.users_of(&self.op, &ids).await?)
    }

    fn audit_row(
        &self,
        (stored, action): &SourceRow,
        select: Option<&[&str]>,
        names: &HashMap<UserId, User>,
    ) -> Map<String, Json> {
        let event = &stored.event;
        let user = event.actor.user_id();
        let object = match event.subject.id.parse::<Uuid>() {
            Ok(id) => Some(id),
            Err(_) if event.subject.id == ORGANIZATION_SUBJECT => Some(self.organization_id()),
            Err(_) => None,
        };
        let table = table_name(&event.subject.kind);
        let name_of = |id: Uuid| names.get(&UserId::new(id)).map(|user| user.display_name.clone());
        let mut row = Map::new();
        for property in AUDIT.properties {
            let name = property.name;
            if select.is_some_and(|names| !names.contains(&name)) {
                continue;
            }
            let value = match name {
                "auditid" => event.id.to_string().into(),
                "action" => action.code().into(),
                "operation" => action.operation().code().into(),
                "createdon" => seconds(event.at).into(),
                "objecttypecode" => table.into(),
                "_objectid_value" => object.map(|id| id.to_string()).into(),
                "_userid_value" => user.map_or_else(|| self.system_id(), UserId::uuid).to_string().into(),
                "_regardingobjectid_value" => event.privileged_session_id.map(|id| id.to_string()).into(),
                "useradditionalinfo" => event.client_address.clone().into(),
                "transactionid" => Uuid::nil().to_string().into(),
                _ => Json::Null,
            };
            match name {
                "action" => self.formatted(&mut row, name, action.label()),
                "operation" => self.formatted(&mut row, name, action.operation().label()),
                "createdon" => self.formatted(&mut row, name, seconds(event.at)),
                "objecttypecode" => self.formatted(&mut row, name, table),
                "_objectid_value" => {
                    if let Some(known) = object.and_then(name_of).filter(|_| event.subject.kind == "user") {
                        self.formatted(&mut row, name, known);
                    }
                    self.lookup(&mut row, name, table);
                }
                "_userid_value" => {
                    let known = user.map_or(Some("SYSTEM".to_owned()), |id| name_of(id.uuid()));
                    if let Some(known) = known {
                        self.formatted(&mut row, name, known);
                    }
                    self.lookup(&mut row, name, "systemuser");
                }
                "_regardingobjectid_value" if !value.is_null() => {
                    self.lookup(&mut row, name, "chp_privilegedsession");
                }
                _ => {}
            }
            row.insert(name.to_owned(), value);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_ends_with_the_id_and_seconds_are_equal_when_more_keys_follow() {
        let asked = |names: &[(&'static str, bool)]| -> Vec<Order> {
            names
                .iter()
                .map(|(name, descending)| Order {
                    property: AUDIT.property(name).expect("known"),
                    descending: *descending,
                })
                .collect()
        };
        let keys = |names: &[(&'static str, bool)]| -> Vec<(SourceKey, bool)> {
            order(&asked(names)).expect("an order").iter().map(|sort| (sort.key, sort.descending)).collect()
        };
        assert_eq!(keys(&[]), [(SourceKey::At, true), (SourceKey::Id, true)]);
        assert_eq!(keys(&[("createdon", false)]), [(SourceKey::At, false), (SourceKey::Id, false)]);
        assert_eq!(
            keys(&[("createdon", true), ("action", false)]),
            [(SourceKey::Second, true), (SourceKey::Code, false), (SourceKey::Id, false)]
        );
        assert_eq!(keys(&[("auditid", true), ("action", false)]), [(SourceKey::Id, true)]);
        assert!(order(&asked(&[("useradditionalinfo", false)])).is_err());
    }
}
