//! Amounts in whole cents. Floating point never touches money.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in hundredths of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Cents(pub(crate) i64);

impl Cents {
    /// `quantity` times this price, held at the type's limit instead of wrapping.
    pub(crate) fn times(self, quantity: u32) -> Self {
        Self(self.0.saturating_mul(i64::from(quantity)))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Cents {
    /// `1,234.50`: what the pages show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let absolute = self.0.unsigned_abs();
        let whole = (absolute / 100).to_string();
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{grouped}.{:02}", absolute % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Cents;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        for (cents, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (123_450, "1,234.50"),
            (100_000_000, "1,000,000.00"),
            (-99_999, "-999.99"),
        ] {
            assert_eq!(Cents(cents).to_string(), text);
        }
    }
}
