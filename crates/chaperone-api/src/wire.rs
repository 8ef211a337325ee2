//! What many answers share: lists, instants, people.

use chaperone_app::AppError;
use chaperone_app::lists::Page;
use chaperone_domain::Instant;
use chaperone_domain::user::User;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

/// Items of a page when no number is given.
const LIMIT_PRESET: u64 = 100;
/// Most items of a page.
const LIMIT_MAX: u64 = 500;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; `null` after the last.
    pub(crate) next: Option<String>,
}

impl<T> List<T> {
    /// A page of a list that is at hand as a whole; its cursor is a place.
    pub(crate) fn cut(items: Vec<T>, paging: &Paging) -> Result<Self, Problem> {
        let page = paging.page()?;
        let from = match &page.after {
            None => 0,
            Some(after) => after.parse::<usize>().map_err(|_| not_a_cursor())?,
        };
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let next = (items.len() > from.saturating_add(limit)).then(|| (from + limit).to_string());
        Ok(Self { items: items.into_iter().skip(from).take(limit).collect(), next })
    }
}

fn not_a_cursor() -> Problem {
    AppError::field("after", "not-a-cursor", "Take `after` from `next` of the page before.").into()
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// Most items, 1 to 500; preset 100.
    pub(crate) limit: Option<u64>,
    /// The cursor: `next` of the page before.
    pub(crate) after: Option<String>,
}

impl Paging {
    pub(crate) fn page(&self) -> Result<Page, Problem> {
        page(self.limit, self.after.clone())
    }
}

pub(crate) fn page(limit: Option<u64>, after: Option<String>) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(LIMIT_PRESET);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(AppError::field("limit", "limit-range", "Ask for 1 to 500 items.").into());
    }
    Ok(Page { after, limit })
}

/// Somebody, in short.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserRef {
    pub(crate) id: String,
    pub(crate) user_name: String,
    pub(crate) display_name: String,
}

impl From<&User> for UserRef {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            user_name: user.user_name.clone(),
            display_name: user.display_name.clone(),
        }
    }
}

/// An instant as text: RFC 3339, UTC, with `Z`.
pub(crate) fn instant(at: Instant) -> String {
    at.to_string()
}

pub(crate) fn opt_instant(at: Option<Instant>) -> Option<String> {
    at.map(instant)
}

/// An instant from text.
pub(crate) fn parse_instant(field: &'static str, text: &str) -> Result<Instant, Problem> {
    text.parse().map_err(|_| {
        AppError::field(field, "not-an-instant", "Write an instant like 2026-11-20T08:30:00Z, with its zone.")
            .into()
    })
}

/// An id, or a value of a closed list, from text.
pub(crate) fn parse<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| AppError::field(field, "not-an-id", "An id is a UUID.").into())
}

pub(crate) fn opt_parse<T: std::str::FromStr>(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, Problem> {
    text.map(|text| parse(field, text)).transpose()
}

pub(crate) fn parse_named<T>(
    field: &'static str,
    read: fn(&str) -> Option<T>,
    text: &str,
) -> Result<T, Problem> {
    read(text).ok_or_else(|| {
        AppError::field(
            field,
            "unknown-value",
            "This is not one of the values that the API's description lists.",
        )
        .into()
    })
}
