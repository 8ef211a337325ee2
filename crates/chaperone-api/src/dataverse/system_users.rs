//! The table `systemuser`: users. The source's user SYSTEM is there too, when it is asked for by its id: rows of the
//! trail that no user caused name it.

use axum::response::Response;
use chaperone_app::AppError;
use chaperone_app::lists::{Bound, Compare, Condition, Page, user_columns as columns};
use chaperone_domain::ids::UserId;
use chaperone_domain::user::{Role, User};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::call::{Call, answer, etag, seconds};
use super::conditions::{self, instant_test};
use super::continuation;
use super::filter::{Test, Typed, Value};
use super::options::PAGE_ROWS;
use super::refusal::Refusal;
use super::schema::{Property, SYSTEM_USER};

/// Rows of one page: less than the source's number, as the store's pages are.
const PAGE_USERS: u64 = 1_000;

fn condition(typed: &Typed) -> Condition {
    conditions::of(typed, &leaf)
}

fn leaf(property: &Property, test: &Test) -> Condition {
    match property.name {
        "systemuserid" => conditions::plain(columns::ID, test),
        "fullname" => conditions::plain(columns::DISPLAY_NAME, test),
        // Names are told apart without regard to case.
        "domainname" => conditions::plain(columns::USER_NAME, &folded(test)),
        "internalemailaddress" => conditions::plain(columns::EMAIL, test),
        "isdisabled" => Condition::Not(Box::new(conditions::plain(columns::ACTIVE, test))),
        "createdon" => instant_test(columns::CREATED_AT, test),
        _ => Condition::Always(test.holds(None)),
    }
}

fn folded(test: &Test) -> Test {
    let fold = |value: &Value| match value {
        Value::Text(text) => Value::Text(text.to_lowercase()),
        other => other.clone(),
    };
    match test {
        Test::Compare(compare, value) => Test::Compare(*compare, fold(value)),
        Test::OneOf(values) => Test::OneOf(values.iter().map(fold).collect()),
        Test::Text(place, part) => Test::Text(*place, part.to_lowercase()),
        Test::Null => Test::Null,
    }
}

impl Call {
    /// `systemusers`, by name.
    pub(crate) async fn system_users(&self) -> Result<Response, Refusal> {
        self.options.only(&["$select", "$filter", "$orderby", "$top", "$count", "$skiptoken"])?;
        let select = self.options.select(&SYSTEM_USER)?;
        let filter = self.options.filter(&SYSTEM_USER)?;
        let order = self.options.order(&SYSTEM_USER)?;
        if order.iter().any(|order| order.property.name != "domainname" || order.descending) {
            return Err(Refusal::query("Users come ordered by domainname, and not otherwise."));
        }
        let restrict = || filter.as_ref().map_or(Condition::Always(true), condition);
        let (top, count) = (self.options.top()?, self.options.count()?);
        let limit = self.prefer.page.or(top).unwrap_or(PAGE_ROWS).min(PAGE_USERS);
        let question = format!("systemusers\n{}", self.options.get("$filter").unwrap_or_default());
        let after = match self.options.get("$skiptoken") {
            None => None,
            Some(token) => match continuation::place(self.app.keys(), &question, token)?.as_slice() {
                [Bound::Text(cursor)] => Some(cursor.clone()),
                _ => return Err(Refusal::query("The $skiptoken is not one of this query.")),
            },
        };
        let found = self.app.users_where(&self.op, restrict(), Page { after, limit }).await?;
        let count = if count {
            let counted = self.app.count_users_where(&self.op, restrict()).await?;
            Some((counted.min(PAGE_ROWS), counted > PAGE_ROWS))
        } else {
            None
        };
        let pages = self.prefer.page.is_some() || top.is_none_or(|top| top > PAGE_USERS);
        let next = found.next.filter(|_| pages).map(|cursor| {
            let token = continuation::token(self.app.keys(), &question, &[Bound::Text(cursor)]);
            self.next_link(SYSTEM_USER.set, &token)
        });
        let rows = found.items.iter().map(|user| user_row(user, select.as_deref())).collect();
        let context = self.context_of(SYSTEM_USER.set, select.as_deref(), false);
        Ok(answer(&self.list(context, rows, count, next)))
    }

    /// One user.
    pub(crate) async fn system_user(&self, id: Uuid) -> Result<Response, Refusal> {
        self.options.only(&["$select"])?;
        let select = self.options.select(&SYSTEM_USER)?;
        let row = if id == self.system_id() {
            self.op.require(&[Role::SystemAdministrator, Role::Auditor])?;
            system_row(id, select.as_deref())
        } else {
            user_row(&self.user_of_row(id).await?, select.as_deref())
        };
        let mut body = Map::new();
        let context = self.context_of(SYSTEM_USER.set, select.as_deref(), true);
        body.insert("@odata.context".to_owned(), context.into());
        body.extend(row);
        Ok(answer(&Json::Object(body)))
    }

    /// The user of that id, or the refusal that there is none.
    async fn user_of_row(&self, id: Uuid) -> Result<User, Refusal> {
        let condition = Condition::Compare(columns::ID, Compare::Eq, Bound::Id(id));
        let found = self.app.users_where(&self.op, condition, Page::first(1)).await?;
        found.items.into_iter().next().ok_or_else(|| Refusal::no_row(SYSTEM_USER.logical_name, id))
    }

    /// Whether there is such a user; SYSTEM is one.
    pub(crate) async fn user_is_there(&self, id: Uuid) -> Result<(), Refusal> {
        if id == self.system_id() {
            return Ok(());
        }
        self.user_of_row(id).await.map(|_| ())
    }

    /// Who calls, as the source's user.
    pub(crate) fn user_id(&self) -> Result<UserId, AppError> {
        Ok(self.op.user()?.id)
    }
}

fn wanted(select: Option<&[&str]>, name: &str) -> bool {
    name == SYSTEM_USER.key || select.is_none_or(|names| names.contains(&name))
}

fn user_row(user: &User, select: Option<&[&str]>) -> Map<String, Json> {
    let mut row = Map::new();
    row.insert("@odata.etag".to_owned(), etag(user.version));
    for property in SYSTEM_USER.properties.iter().filter(|property| wanted(select, property.name)) {
        let value: Json = match property.name {
            "systemuserid" => user.id.to_string().into(),
            "fullname" => user.display_name.as_str().into(),
            "domainname" => user.user_name.as_str().into(),
            "internalemailaddress" => user.email.as_str().into(),
            "isdisabled" => (!user.active).into(),
            "createdon" => seconds(user.created_at).into(),
            _ => Json::Null,
        };
        row.insert(property.name.to_owned(), value);
    }
    row
}

fn system_row(id: Uuid, select: Option<&[&str]>) -> Map<String, Json> {
    let mut row = Map::new();
    row.insert("@odata.etag".to_owned(), etag(1));
    for property in SYSTEM_USER.properties.iter().filter(|property| wanted(select, property.name)) {
        let value: Json = match property.name {
            "systemuserid" => id.to_string().into(),
            "fullname" => "SYSTEM".into(),
            "isdisabled" => true.into(),
            _ => Json::Null,
        };
        row.insert(property.name.to_owned(), value);
    }
    row
}
