//! Files kept with a vendor: contracts, certificates, the letter that announces a new bank account.

use axum::{
    Extension,
    extract::{Multipart, Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use maud::{Markup, html};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{ENTITY, Vendor, pages};
use crate::{
    app::Shared,
    dashboard::when,
    identity::Principal,
    page::{self, Area},
    policy,
};

/// The largest file that can be attached, bytes.
pub(crate) const LARGEST_UPLOAD: usize = 10 * 1024 * 1024;

/// More attachments than this are refused.
const MOST_ATTACHMENTS: usize = 50;

/// The longest file name and description, characters.
const LONGEST_TEXT: usize = 120;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) content_type: String,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub(crate) bytes: Bytes,
    pub(crate) added_by: String,
    pub(crate) added_at: Timestamp,
}

fn to_base64<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
}

/// `POST /vendors/{id}/attachments`
pub(crate) async fn upload(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    mut form: Multipart,
) -> Response {
    let mut file = None;
    let mut description = String::new();
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(problem) => return bad_upload(&principal, &id, problem.status(), &problem.body_text()),
        };
        let is_file = field.name() == Some("file");
        let name = field.file_name().map(clean).unwrap_or_default();
        let content_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
        match field.bytes().await {
            Ok(bytes) if is_file && !name.is_empty() => file = Some((name, content_type, bytes)),
            Ok(bytes) if !is_file => description = clean(&String::from_utf8_lossy(&bytes)),
            Ok(_) => {}
            Err(problem) => return bad_upload(&principal, &id, problem.status(), &problem.body_text()),
        }
    }
    let Some((name, content_type, bytes)) = file else {
        return Redirect::to(&format!("/vendors/{id}/attachments?notice=no-file")).into_response();
    };
    let now = app.clock.now();
    let outcome = app.write(|world| {
        let part = world.next_part("AT");
        let vendor = world.vendors.get_mut(&id)?;
        if vendor.attachments.len() >= MOST_ATTACHMENTS {
            return Some(false);
        }
        let size = bytes.len();
        vendor.attachments.push(Attachment {
            id: part,
            name: name.clone(),
            description,
            content_type,
            bytes,
            added_by: principal.account.clone(),
            added_at: now,
        });
        vendor.touch(&principal, now);
        world
            .changes
            .noting(&principal, now, ENTITY, &id)
            .added("Attachment", format!("{name} ({size} bytes)"));
        Some(true)
    });
    match outcome {
        None => pages::not_found(&principal, &id),
        Some(false) => bad_upload(
            &principal,
            &id,
            StatusCode::UNPROCESSABLE_ENTITY,
            "This vendor has too many attachments.",
        ),
        Some(true) => Redirect::to(&format!("/vendors/{id}/attachments?notice=uploaded")).into_response(),
    }
}

/// `GET /vendors/{id}/attachments/{attachment}`
pub(crate) async fn download(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path((id, part)): Path<(String, String)>,
) -> Response {
    let found = app.read(|world| {
        world.vendors.get(&id)?.attachments.iter().find(|attachment| attachment.id == part).cloned()
    });
    let Some(attachment) = found else {
        return pages::not_found(&principal, &part);
    };
    let mut response = attachment.bytes.into_response();
    let headers = response.headers_mut();
    // What a vendor sends is never shown in our own origin, whatever it says it is: always a download.
    policy::set(headers, header::CONTENT_TYPE, &attachment.content_type);
    policy::set(headers, header::CONTENT_DISPOSITION, &disposition(&attachment.name));
    response
}

/// `POST /vendors/{id}/attachments/{attachment}/delete`
pub(crate) async fn delete(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path((id, part)): Path<(String, String)>,
) -> Response {
    let now = app.clock.now();
    let deleted = app.write(|world| {
        let vendor = world.vendors.get_mut(&id)?;
        let place = vendor.attachments.iter().position(|attachment| attachment.id == part)?;
        let attachment = vendor.attachments.remove(place);
        vendor.touch(&principal, now);
        world.changes.noting(&principal, now, ENTITY, &id).removed("Attachment", attachment.name);
        Some(())
    });
    match deleted {
        Some(()) => Redirect::to(&format!("/vendors/{id}/attachments?notice=deleted")).into_response(),
        None => pages::not_found(&principal, &part),
    }
}

/// `attachment` with a plain name for old clients and the full one for the others (RFC 6266).
pub(crate) fn disposition(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._- ".contains(c) { c } else { '_' }).collect();
    let mut full = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            full.push(char::from(byte));
        } else {
            full.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}")
}

/// One line without folders and control characters.
fn clean(text: &str) -> String {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect::<String>().trim().to_owned()
}

fn bad_upload(principal: &Principal, id: &str, status: StatusCode, detail: &str) -> Response {
    let back = format!("/vendors/{id}/attachments");
    page::problem(status, principal, Area::Vendors, "The file was not attached", detail, &back)
}

/// The tab with the list and the upload form.
pub(super) fn tab(vendor: &Vendor) -> Markup {
    let base = format!("/vendors/{}/attachments", vendor.id);
    html! {
        h2 { "Attachments" }
        div.table-wrap {
            table {
                caption { (vendor.attachments.len()) " files" }
                thead { tr {
                    th scope="col" { "File" } th scope="col" { "Description" } th scope="col" { "Size" }
                    th scope="col" { "Added by" } th scope="col" { "Added on" } th scope="col" { "Actions" }
                } }
                tbody {
                    @for attachment in &vendor.attachments {
                        tr {
                            th scope="row" {
                                a href={ (base) "/" (attachment.id) } download { (attachment.name) }
                            }
                            td { (attachment.description) }
                            td.number { (attachment.bytes.len()) " B" }
                            td { (attachment.added_by) }
                            td { (when(attachment.added_at)) }
                            td {
                                form method="post" action={ (base) "/" (attachment.id) "/delete" }
                                    data-confirm={ "Delete the attachment " (attachment.name) "?" } {
                                    button.quiet type="submit"
                                        aria-label={ "Delete " (attachment.name) } { "Delete" }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if vendor.attachments.is_empty() { p.empty { "Nothing is attached yet." } }
        form.stack method="post" action=(base) enctype="multipart/form-data" aria-label="Attach a file" {
            label { "File" input type="file" name="file" required; }
            label { "Description" input name="description" autocomplete="off"; }
            button.primary type="submit" { "Attach" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, disposition};

    #[test]
    fn a_file_name_can_break_neither_path_nor_header() {
        assert_eq!(clean("..\\..\\a/b\r\nc.pdf"), "bc.pdf");
        assert_eq!(
            disposition("a\"b ü.txt"),
            "attachment; filename=\"a_b _.txt\"; filename*=UTF-8''a%22b%20%C3%BC.txt"
        );
    }
}
