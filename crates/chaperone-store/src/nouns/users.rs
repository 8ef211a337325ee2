//! Users and the hashes of their passwords.

use chaperone_domain::ids::UserId;
use chaperone_domain::user::{Role, Roles, User};

use super::one_row;
use crate::StoreError;
use crate::columns::{corrupt, folded, micros};
use crate::condition::{Bound, Condition};
use crate::filter::UserFilter;
use crate::page::{Direction, Items, Key, Page};
use crate::sql::{Query, Reads, Row, Sorting, args, pattern};
use crate::tx::WriteTx;

/// Users that are asked for by id in one query.
const IDS_AT_ONCE: usize = 500;

/// The columns that may be asked about by a condition.
pub mod columns {
    use crate::condition::Column;

    /// The id.
    pub const ID: Column = Column::always("users.id");
    /// What they type at sign-in, folded.
    pub const USER_NAME: Column = Column::always("users.user_name_key");
    /// What people call them.
    pub const DISPLAY_NAME: Column = Column::always("users.display_name");
    /// Where mail goes.
    pub const EMAIL: Column = Column::always("users.email");
    /// Whether they may sign in.
    pub const ACTIVE: Column = Column::always("users.active");
    /// Since when, in microseconds.
    pub const CREATED_AT: Column = Column::always("users.created_at");
}

/// The columns of a user, in the order in which [`read`] takes them.
pub(crate) const COLUMNS: &str = "users.id, users.user_name, users.display_name, users.email, users.active, \
                                  users.roles, users.password_must_change, users.created_at, users.version";

pub(crate) fn read(row: &mut Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: row.id(UserId::new)?,
        user_name: row.text()?,
        display_name: row.text()?,
        email: row.text()?,
        active: row.take()?,
        roles: roles(&row.text()?)?,
        password_must_change: row.take()?,
        created_at: row.instant("users.created_at")?,
        version: row.take()?,
    })
}

fn roles(names: &str) -> Result<Roles, StoreError> {
    let roles: Option<Vec<Role>> = names.split_whitespace().map(Role::parse).collect();
    roles.map(Roles::new).ok_or_else(|| corrupt("users.roles"))
}

fn names(roles: &Roles) -> String {
    roles.iter().map(Role::name).collect::<Vec<_>>().join(" ")
}

/// What searching looks at.
fn search(user: &User) -> String {
    folded(&format!("{}\n{}\n{}", user.user_name, user.display_name, user.email))
}

impl Reads<'_> {
    /// The user of that id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.place.one(&format!("SELECT {COLUMNS} FROM users WHERE id = $1"), args![id.uuid()], read).await
    }

    /// The user of that name, without regard to case.
    pub async fn user_by_name(&self, user_name: &str) -> Result<Option<User>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE user_name_key = $1");
        self.place.one(&sql, args![folded(user_name)], read).await
    }

    /// Users by name.
    pub async fn users(&self, filter: UserFilter, page: Page) -> Result<Items<User>, StoreError> {
        let query = Query::new(&format!("SELECT {COLUMNS} FROM users WHERE 1 = 1"))
            .and_if("search LIKE ? ESCAPE '\\'", filter.q.as_deref().map(pattern))
            .and_if("active = ?", filter.active);
        let sorting =
            Sorting { key: "user_name_key", id: "id", order: Direction::OldestFirst, is_text: true };
        let place = |user: &User| (Key::Text(folded(&user.user_name)), user.id.uuid());
        self.place.page(query, sorting, &page, read, place).await
    }

    /// Users that a condition leaves, by name.
    pub async fn users_where(&self, condition: Condition, page: Page) -> Result<Items<User>, StoreError> {
        let mut values = args![];
        let sql = format!("SELECT {COLUMNS} FROM users WHERE 1 = 1 AND {}", condition.sql(&mut values));
        let query = Query::bound(sql, values);
        let sorting =
            Sorting { key: "user_name_key", id: "id", order: Direction::OldestFirst, is_text: true };
        let place = |user: &User| (Key::Text(folded(&user.user_name)), user.id.uuid());
        self.place.page(query, sorting, &page, read, place).await
    }

    /// How many users a condition leaves.
    pub async fn count_users_where(&self, condition: Condition) -> Result<u64, StoreError> {
        let mut values = args![];
        let sql = format!("SELECT COUNT(*) FROM users WHERE {}", condition.sql(&mut values));
        let counted: Option<i64> = self.place.one(&sql, values, |row| row.take()).await?;
        crate::columns::uncount(counted.unwrap_or_default(), "a count")
    }

    /// The users of these ids.
    pub async fn users_of(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        let mut found = Vec::new();
        for some in ids.chunks(IDS_AT_ONCE) {
            let bounds = some.iter().map(|id| Bound::Id(id.uuid())).collect();
            let mut values = args![];
            let condition = Condition::OneOf(columns::ID, bounds).sql(&mut values);
            let sql = format!("SELECT {COLUMNS} FROM users WHERE {condition}");
            found.extend(self.place.all(&sql, values, read).await?);
        }
        Ok(found)
    }

    /// The hash of a user's password, if there is one.
    pub async fn password_hash(&self, id: UserId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT password_hash FROM users WHERE id = $1";
        Ok(self.place.one(sql, args![id.uuid()], |row| row.take::<Option<String>>()).await?.flatten())
    }

    /// The active users who have at least one of the roles, by name.
    pub async fn active_users_with(&self, wanted: &[Role]) -> Result<Vec<User>, StoreError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT {COLUMNS} FROM users WHERE active = $1 ORDER BY user_name_key");
        let mut found = self.place.all(&sql, args![true], read).await?;
        found.retain(|user| wanted.iter().any(|role| user.roles.has(*role)));
        Ok(found)
    }

    /// How many active system administrators there are.
    pub async fn active_administrators(&self) -> Result<u64, StoreError> {
        let sql = "SELECT roles FROM users WHERE active = $1";
        let all = self.place.all(sql, args![true], |row| roles(&row.text()?)).await?;
        Ok(all.iter().filter(|roles| roles.has(Role::SystemAdministrator)).count() as u64)
    }
}

impl WriteTx {
    /// Adds a user; the key `users_user_name` is without regard to case.
    pub async fn insert_user(&mut self, user: &User, password_hash: Option<&str>) -> Result<(), StoreError> {
        let sql = "INSERT INTO users (id, user_name, user_name_key, display_name, email, search, active, roles, \
                   password_hash, password_must_change, created_at, version) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let values = args![
            user.id.uuid(),
            user.user_name.as_str(),
            folded(&user.user_name),
            user.display_name.as_str(),
            user.email.as_str(),
            search(user),
            user.active,
            names(&user.roles),
            password_hash.map(str::to_owned),
            user.password_must_change,
            micros(user.created_at),
            user.version,
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Changes everything of a user but name and password.
    pub async fn update_user(&mut self, user: &User, expected_version: i64) -> Result<(), StoreError> {
        let sql = "UPDATE users SET display_name = $1, email = $2, search = $3, active = $4, roles = $5, \
                   password_must_change = $6, version = $7 WHERE id = $8 AND version = $9";
        let values = args![
            user.display_name.as_str(),
            user.email.as_str(),
            search(user),
            user.active,
            names(&user.roles),
            user.password_must_change,
            expected_version + 1,
            user.id.uuid(),
            expected_version,
        ];
        one_row(self.place().run(sql, values).await?)
    }

    /// Sets the hash of a password, and whether it holds for one use only.
    pub async fn set_password(
        &mut self,
        id: UserId,
        hash: &str,
        must_change: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE users SET password_hash = $1, password_must_change = $2, version = version + 1 WHERE id = $3";
        one_row(self.place().run(sql, args![hash, must_change, id.uuid()]).await?)
    }
}
