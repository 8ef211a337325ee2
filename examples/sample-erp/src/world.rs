//! The whole state of the ERP, as one value that can be saved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    changes::ChangeLog,
    items::Item,
    notifications::Notifications,
    orders::{Order, Status},
    vendors::Vendor,
};

/// Everything the ERP knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) vendors: BTreeMap<String, Vendor>,
    pub(crate) orders: BTreeMap<String, Order>,
    pub(crate) items: Vec<Item>,
    pub(crate) notifications: Notifications,
    pub(crate) changes: ChangeLog,
    /// The last number given to a bank account or an attachment.
    pub(crate) last_part: u64,
}

/// The numbers on the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Queue {
    pub(crate) open: usize,
    pub(crate) in_review: usize,
    pub(crate) late: usize,
    pub(crate) active_vendors: usize,
}

impl World {
    /// A number for a new part of a record.
    pub(crate) fn next_part(&mut self, prefix: &str) -> String {
        self.last_part += 1;
        format!("{prefix}-{}", self.last_part)
    }

    pub(crate) fn queue(&self, today: jiff::civil::Date) -> Queue {
        let count = |wanted: fn(&Order) -> bool| self.orders.values().filter(|order| wanted(order)).count();
        Queue {
            open: count(|order| order.status.is_open()),
            in_review: count(|order| order.status == Status::InReview),
            late: self
                .orders
                .values()
                .filter(|order| order.status.is_open() && order.delivery_date < today)
                .count(),
            active_vendors: self.vendors.values().filter(|vendor| vendor.active).count(),
        }
    }
}
