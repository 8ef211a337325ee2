//! What people do with the ERP, and what it says was done.

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use sample_erp::{DEMO_PASSWORD, Erp, Identity};
use serde_json::{Value, json};
use support::{Browser, behind_a_gateway, config, now};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

/// What a form of a vendor posts, with one field changed.
fn vendor_fields<'a>(version: &'a str, changed: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    [
        ("version", version),
        ("name", "Brevik Steelworks"),
        ("category", "Raw materials"),
        ("street", "Havnegata 14"),
        ("postcode", "3950"),
        ("city", "Brevik"),
        ("country", "Norway"),
        ("contact", "Sigrid Aune"),
        ("email", "orders@breviksteelwor.example"),
        ("phone", "+47 35 57 01 14"),
        ("payment_terms", "Net 14 days"),
        ("currency", "EUR"),
        ("delivery_mode", "Carrier"),
        ("tax_number", "10/411/87109"),
        ("e_invoices", "yes"),
        ("note", ""),
    ]
    .into_iter()
    .map(|(name, value)| if name == changed.0 { changed } else { (name, value) })
    .collect()
}

#[tokio::test]
async fn a_vendor_change_appears_in_the_changes_once_per_field() {
    let (erp, signer) = behind_a_gateway().await;
    let browser = Browser::new(&erp).with("chaperone-assertion", signer.assertion("erp-admin", "paula"));
    let answer = browser.form("/vendors/V-1001", &vendor_fields("1", ("city", "Porsgrunn"))).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/vendors/V-1001?notice=saved")
    );

    let changes = erp.changes();
    let city = changes.iter().find(|change| change.field == "City").unwrap();
    assert_eq!((city.who.as_str(), city.user.as_deref()), ("erp-admin", Some("paula")));
    assert_eq!((city.entity.as_str(), city.record.as_str()), ("Vendor", "V-1001"));
    assert_eq!((city.old.as_deref(), city.new.as_deref()), (Some("Brevik"), Some("Porsgrunn")));
    assert_eq!((city.number, city.at, changes.len()), (1, now(), 1));
    assert_eq!(browser.get("/api/changes").await.json(), serde_json::to_value(&changes).unwrap());

    // The form that was opened before is stale now.
    let stale = browser.form("/vendors/V-1001", &vendor_fields("1", ("city", "Oslo"))).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    // Saving without a change changes nothing, a wrong field neither.
    browser.form("/vendors/V-1001", &vendor_fields("2", ("city", "Porsgrunn"))).await;
    let wrong = browser.form("/vendors/V-1001", &vendor_fields("2", ("email", "nobody"))).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("id=\"email-problem\""));
    assert_eq!(erp.changes().len(), 1);
}

#[tokio::test]
async fn a_bank_account_takes_valid_ibans_only_and_its_change_is_told() {
    let (erp, signer) = behind_a_gateway().await;
    let browser = Browser::new(&erp).with("chaperone-assertion", signer.assertion("tomas", "tomas"));
    let account = |iban: &str| json!({"bank": "Rheinische Handelsbank", "iban": iban, "bic": "RHHBDEFFXXX", "currency": "EUR", "primary": true});
    let path = "/api/vendors/V-1001/bank-accounts/BA-1";
    let wrong = browser.json("PUT", path, &account("DE89370400440532013001")).await;
    assert_eq!(
        (wrong.status, &wrong.json()["fields"][0]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("iban"))
    );
    assert_eq!(erp.changes().len(), 0);
    let right = browser.json("PUT", path, &account("de89 3704 0044 0532 0130 00")).await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.text());
    let changes = erp.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].field, "Bank account");
    assert_eq!(changes[0].new.as_deref(), Some("DE89370400440532013000"));
    assert_eq!(changes[0].user, None, "nobody stands behind an account used by its own name");
}

#[tokio::test]
async fn of_two_who_save_the_same_order_the_second_gets_a_conflict() {
    let (erp, signer) = behind_a_gateway().await;
    let first = Browser::new(&erp).with("chaperone-assertion", signer.assertion("nora", "nora"));
    let second = Browser::new(&erp).with("chaperone-assertion", signer.assertion("ida", "ida"));
    let order = first.get("/api/orders/PO-1003").await.json();
    let posted = |note: &str, quantity: u32| {
        let mut lines = order["lines"].clone();
        lines[0]["quantity"] = json!(quantity);
        json!({"version": order["version"], "vendor": order["vendor"], "delivery_date": order["delivery_date"],
            "currency": order["currency"], "note": note, "lines": lines})
    };
    let saved = first.json("PUT", "/api/orders/PO-1003", &posted("Urgent", 99)).await;
    assert_eq!(saved.status, StatusCode::OK, "{}", saved.text());
    let conflict = second.json("PUT", "/api/orders/PO-1003", &posted("Not urgent", 98)).await;
    assert_eq!((conflict.status, &conflict.json()["changed_by"]), (StatusCode::CONFLICT, &json!("nora")));
    let fields: Vec<_> = erp.changes().into_iter().map(|change| (change.who, change.field)).collect();
    let nora = |field: &str| ("nora".to_owned(), field.to_owned());
    assert_eq!(fields, [nora("Note"), nora("Line 1 Quantity")]);

    let approval = json!({"version": saved.json()["version"]});
    assert_eq!(
        second.json("POST", "/api/orders/PO-1003/approve", &approval).await.json()["status"],
        "Approved"
    );
    let late = first.json("PUT", "/api/orders/PO-1003", &posted("Too late", 1)).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_attachment_comes_back_as_it_went_in_and_only_as_a_download() {
    let (erp, signer) = behind_a_gateway().await;
    let browser = Browser::new(&erp).with("chaperone-assertion", signer.assertion("ida", "ida"));
    let content: Vec<u8> = (0..=255_u8).cycle().take(70_000).collect();
    let mut body = b"--cut\r\ncontent-disposition: form-data; name=\"description\"\r\n\r\nNew account letter\r\n\
        --cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"letter.html\"\r\ncontent-type: text/html\r\n\r\n"
        .to_vec();
    body.extend_from_slice(&content);
    body.extend_from_slice(b"\r\n--cut--\r\n");
    let kind = "multipart/form-data; boundary=cut";
    let posted = browser.send("POST", "/vendors/V-1003/attachments", kind, body).await;
    assert_eq!(posted.header("location"), "/vendors/V-1003/attachments?notice=uploaded");

    let page = browser.get("/vendors/V-1003/attachments").await.text();
    let link =
        page.split("href=\"").find(|part| part.starts_with("/vendors/V-1003/attachments/AT-")).unwrap();
    let file = browser.get(link.split('"').next().unwrap()).await;
    assert_eq!(file.body, content);
    assert!(file.header("content-disposition").starts_with("attachment; filename=\"letter.html\""));
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(erp.changes()[0].new.as_deref(), Some("letter.html (70000 bytes)"));

    let csv = browser.get("/vendors.csv").await;
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"vendors.csv\"");
    assert_eq!(csv.text().lines().count(), 21);
}

#[tokio::test]
async fn an_approval_reaches_the_others_by_socket_and_seeing_it_lowers_their_count() {
    let (erp, signer) = behind_a_gateway().await;
    let browser = Browser::new(&erp).with("chaperone-assertion", signer.assertion("nora", "nora"));
    let mut request = format!("ws://{}/ws", erp.address()).into_client_request().unwrap();
    request.headers_mut().insert("chaperone-assertion", signer.assertion("ida", "ida").parse().unwrap());
    let stream = tokio::net::TcpStream::connect(erp.address()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let mut hear = async |wanted: &str| loop {
        let message =
            tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap().unwrap().unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        if message["type"] == wanted {
            return message;
        }
    };
    assert_eq!(hear("unread").await["count"], 3);
    let approved = browser.json("POST", "/api/orders/PO-1004/approve", &json!({"version": 1})).await;
    assert_eq!(approved.status, StatusCode::OK);
    let notification = hear("notification").await;
    assert_eq!(notification["text"], "PO-1004 was approved by Name of nora");
    assert_eq!(hear("unread").await["count"], 4);

    let seen = json!({"type": "seen", "id": notification["id"]}).to_string();
    let presence = json!({"type": "presence", "order": "PO-1004"}).to_string();
    socket.send(Message::text(seen)).await.unwrap();
    let mut hear = async |wanted: &str| loop {
        let message =
            tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap().unwrap().unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        if message["type"] == wanted {
            return message;
        }
    };
    assert_eq!(hear("unread").await["count"], 3);
    socket.send(Message::text(presence)).await.unwrap();
    let mut users = Value::Null;
    while users.is_null() {
        let message = socket.next().await.unwrap().unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        users = message["users"].clone();
    }
    assert_eq!(users, json!(["Name of ida"]));
}

#[tokio::test]
async fn signing_in_needs_the_right_password_and_ends_with_signing_out() {
    let erp = Erp::start(config(Identity::Own)).await.unwrap();
    let guest = Browser::new(&erp);
    let credentials = |password| [("user_name", "nora"), ("password", password), ("then", "/vendors")];
    assert_eq!(guest.get("/api/changes").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(guest.form("/sign-in", &credentials("wrong")).await.status, StatusCode::UNAUTHORIZED);
    let signed_in = guest.form("/sign-in", &credentials(DEMO_PASSWORD)).await;
    assert_eq!(signed_in.header("location"), "/vendors");
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let nora = Browser::new(&erp).with("cookie", cookie.clone());
    assert_eq!(nora.get("/api/me").await.json()["account"], "nora");
    let elsewhere = Browser::new(&erp).with("cookie", cookie).with("sec-fetch-site", "cross-site");
    assert_eq!(elsewhere.form("/sign-out", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(nora.form("/sign-out", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(nora.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_page_has_a_strict_policy_and_its_inline_script_the_right_nonce() {
    let (erp, signer) = behind_a_gateway().await;
    let browser = Browser::new(&erp).with("chaperone-assertion", signer.assertion("nora", "nora"));
    for path in [
        "/",
        "/vendors",
        "/vendors/V-1001",
        "/vendors/V-1001/print",
        "/orders",
        "/changes",
        "/api/me",
        "/nowhere",
    ] {
        let answer = browser.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("object-src 'none'; base-uri 'none'; frame-ancestors 'self'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let inline = answer
            .text()
            .split("<script nonce=\"")
            .nth(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned());
        match inline {
            Some(nonce) => assert!(policy.contains(&format!("'nonce-{nonce}'")), "{path}"),
            None => assert!(!policy.contains("nonce-"), "{path}"),
        }
    }
}

#[tokio::test]
async fn the_state_survives_a_restart_where_a_file_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let named = || {
        let mut config = config(Identity::Own);
        config.save_to = Some(folder.path().join("erp.json"));
        config
    };
    let erp = Erp::start(named()).await.unwrap();
    let signed_in =
        Browser::new(&erp).form("/sign-in", &[("user_name", "nora"), ("password", DEMO_PASSWORD)]).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let answer = Browser::new(&erp)
        .with("cookie", cookie)
        .form("/vendors/V-1002/deactivate", &[("reason", "Duplicate of V-1004")])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let before = erp.changes();
    assert_eq!(before.len(), 2);
    erp.stop().await;
    let erp = Erp::start(named()).await.unwrap();
    assert_eq!(erp.changes(), before);
}
