//! The list of vendors as CSV (RFC 4180), for a spreadsheet.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::app::Shared;

/// `GET /vendors.csv`
pub(crate) async fn csv(State(app): State<Shared>) -> Response {
    let mut text = row(["Number", "Name", "Status", "City", "Country", "Payment terms", "Primary IBAN"]);
    app.read(|world| {
        for vendor in world.vendors.values() {
            let iban = vendor.bank_accounts.iter().find(|account| account.primary);
            text.push_str(&row([
                &vendor.id,
                &vendor.details.name,
                vendor.status(),
                &vendor.details.city,
                &vendor.details.country,
                &vendor.details.payment_terms,
                iban.map_or("", |account| &account.iban),
            ]));
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"vendors.csv\""),
    ];
    (headers, text).into_response()
}

fn row(cells: [&str; 7]) -> String {
    let mut line = cells.map(cell).join(",");
    line.push_str("\r\n");
    line
}

/// A text that begins like a formula would be run by spreadsheets: an apostrophe keeps it a text.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', '\n', '\r']) || !guard.is_empty() {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_stay_cells() {
        assert_eq!(cell("Plain"), "Plain");
        assert_eq!(cell("Smith, \"Joe\""), "\"Smith, \"\"Joe\"\"\"");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
    }
}
