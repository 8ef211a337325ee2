//! What can be ordered.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};

use crate::{app::Shared, money::Cents};

/// Rows that a lookup answers at most.
const LOOKUP_ROWS: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) price: Cents,
}

#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /api/items?q=`: for the lookup in an order's lines.
pub(crate) async fn lookup(State(app): State<Shared>, Query(Search { q }): Query<Search>) -> Json<Vec<Item>> {
    let wanted = q.trim().to_lowercase();
    Json(app.read(|world| {
        world
            .items
            .iter()
            .filter(|item| {
                item.name.to_lowercase().contains(&wanted) || item.id.to_lowercase().contains(&wanted)
            })
            .take(LOOKUP_ROWS)
            .cloned()
            .collect()
    }))
}
