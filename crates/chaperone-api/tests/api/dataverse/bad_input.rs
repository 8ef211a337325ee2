//! What is no question gets a clear answer, in the source's form.

use axum::body::Body;
use serde_json::json;

use crate::world::{As, World};

#[tokio::test]
async fn filters_that_are_none_are_refused_with_the_position() {
    let world = World::new().await;
    let nested = format!("{}action%20eq%201{}", "(".repeat(10_000), ")".repeat(10_000));
    let text = format!("objecttypecode%20eq%20'{}'", "a".repeat(40_000));
    for (filter, part) in [
        ("password eq 'x'", "Could not find a property named 'password'"),
        ("action eq 'sixty-four'", "Edm.Int32"),
        ("createdon gt 2026-11", "is not a value"),
        ("length(objecttypecode) gt 1", "unknown function"),
        ("action eq 64 or", "at position 15"),
        ("1 eq 1", "at position 0"),
        (nested.as_str(), "levels deep"),
        (text.as_str(), "longer than"),
    ] {
        let answer = world.dataverse(&world.anna, &format!("audits?$filter={filter}")).await;
        let shown: String = filter.chars().take(40).collect();
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text);
        let (code, message) = answer.error();
        assert_eq!(code, "0x80060888", "{shown}");
        assert!(message.contains(part) && message.contains("at position"), "{shown}: {message}");
    }
}

#[tokio::test]
async fn sql_in_a_text_is_a_text() {
    let world = World::new().await;
    let before = world.rows("systemusers").await.len();
    for evil in ["x'' OR ''1''=''1", "''; DROP TABLE users; --", "%", "_", "$1", "?"] {
        for filter in [
            format!("useradditionalinfo eq '{evil}'"),
            format!("contains(useradditionalinfo,'{evil}')"),
            format!("objecttypecode eq '{evil}'"),
        ] {
            let escaped =
                filter.replace('%', "%25").replace(';', "%3B").replace('?', "%3F").replace('+', "%2B");
            assert_eq!(
                world.rows(&format!("audits?$filter={escaped}")).await,
                Vec::<serde_json::Value>::new(),
                "{filter}"
            );
        }
    }
    assert_eq!(world.rows("systemusers").await.len(), before);
    let nul = world.dataverse(&world.anna, "audits?$filter=useradditionalinfo eq '%00'").await;
    assert_eq!((nul.status, nul.error().0.as_str()), (400, "0x80060888"));
}

#[tokio::test]
async fn options_that_are_not_offered_say_so() {
    let world = World::new().await;
    let called_by = format!("systemusers({})/lk_audit_callinguserid", world.victor.user.id);
    for (path, status, part) in [
        ("audits?$skip=10", 400, "Skip Clause is not supported"),
        ("audits?$expand=userid", 400, "$expand"),
        ("audits?$top=0", 400, "$top"),
        ("audits?$top=5001", 400, "$top"),
        ("audits?$count=maybe", 400, "$count"),
        ("audits?$select=nothing", 400, "'nothing'"),
        ("audits?$select=", 400, "''"),
        ("audits?$orderby=attributemask", 400, "cannot be ordered"),
        ("audits?$orderby=createdon down", 400, "asc or desc"),
        ("audits?$filter=action eq 1&$filter=action eq 2", 400, "more than once"),
        ("audits?unknown=1", 400, "unknown"),
        ("audits?$filter=%ff", 400, "UTF-8"),
        ("audits?fetchXml=%3Cfetch/%3E", 501, "FetchXML"),
        ("?sql=SELECT TOP 3 action FROM audit", 501, "SQL"),
        ("audits?sql=SELECT TOP 3 action FROM audit", 501, "SQL"),
        ("audits?$apply=aggregate(x)", 501, "$apply"),
        ("accounts", 404, "'accounts'"),
        ("EntityDefinitions(LogicalName='audit')/Attributes", 404, "'Attributes'"),
        (called_by.as_str(), 404, "'lk_audit_callinguserid'"),
        ("RetrieveAuditPartitionList()", 404, "'RetrieveAuditPartitionList'"),
        ("audits(1)", 400, "one id"),
        ("audits/$value", 404, "$value"),
        ("RetrieveAttributeChangeHistory()", 404, "RetrieveAttributeChangeHistory"),
        ("RetrieveRecordChangeHistory()", 400, "Target"),
        ("RetrieveRecordChangeHistory(Target=@t)", 400, "parameter"),
        ("RetrieveRecordChangeHistory(Target=@t)?@t=1", 400, "JSON object"),
    ] {
        let answer = world.dataverse(&world.anna, path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(answer.error().1.contains(part), "{path}: {}", answer.text);
    }
    for (method, path) in
        [("POST", "audits"), ("DELETE", "audits"), ("PUT", "WhoAmI"), ("PATCH", "organizations")]
    {
        let answer = world.dataverse_with(&world.anna, method, path, &[], Some(json!({}))).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        answer.error();
    }
    let body = Some(json!({"Target": {"systemuserid": world.victor.user.id.to_string()}}));
    let history = world.dataverse_with(&world.anna, "POST", "DeleteRecordChangeHistory", &[], body).await;
    assert_eq!((history.status, history.error().0.as_str()), (404, "0x8006088a"));
}

#[tokio::test]
async fn a_row_is_answered_although_the_caller_has_it_already() {
    let world = World::new().await;
    let path = format!("organizations({})", world.organization_id().await);
    let tag = world.dataverse(&world.anna, &path).await.json()["@odata.etag"].clone();
    let headers = [("if-none-match", tag.as_str().expect("a tag"))];
    let again = world.dataverse_with(&world.anna, "GET", &path, &headers, None).await;
    assert_eq!((again.status, &again.json()["@odata.etag"]), (200, &tag), "{}", again.text);
}

#[tokio::test]
async fn a_token_that_is_forged_or_of_another_question_is_refused() {
    let world = World::new().await;
    let headers = [("prefer", "odata.maxpagesize=2")];
    let first = world.dataverse_with(&world.anna, "GET", "audits?$filter=action eq 1", &headers, None).await;
    let next = first.json()["@odata.nextLink"].as_str().expect("a link").to_owned();
    let token = next.split("$skiptoken=").nth(1).expect("a token").to_owned();
    let good = format!("audits?$filter=action eq 1&$skiptoken={token}");
    assert_eq!(world.dataverse(&world.anna, &good).await.status, 200);
    let changed = token.replacen(|c: char| c.is_ascii_alphanumeric(), "_", 1);
    for path in [
        format!("audits?$skiptoken={token}"),
        format!("audits?$filter=action eq 2&$skiptoken={token}"),
        format!("audits?$filter=action eq 1&$orderby=createdon&$skiptoken={token}"),
        format!("systemusers?$skiptoken={token}"),
        format!("audits?$filter=action eq 1&$skiptoken={changed}"),
        "audits?$skiptoken=%3Ccookie%20pagenumber=%222%22%20/%3E".to_owned(),
        "audits?$skiptoken=".to_owned(),
    ] {
        let answer = world.dataverse(&world.anna, &path).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(answer.error().1.contains("$skiptoken"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn settings_that_are_none_are_refused_and_nothing_is_changed() {
    let world = World::new().await;
    for (body, code) in [
        (json!({"useraccessauditinginterval": -1}), "0x80040203"),
        (json!({"useraccessauditinginterval": 2_147_483_648_u64}), "0x80040203"),
        (json!({"auditretentionperiodv2": 0}), "0x80040203"),
        (json!({"auditretentionperiodv2": -2}), "0x80040203"),
        (json!({"auditretentionperiodv2": 365_001}), "0x80040203"),
        (json!({"isauditenabled": "false"}), "0x80048d19"),
        (json!({"isauditenabled": null}), "0x80048d19"),
        (json!({"useraccessauditinginterval": "4"}), "0x80048d19"),
        (json!({"nothing": true}), "0x80048d19"),
        (json!({"isauditenabled": false, "nothing": true}), "0x80048d19"),
        (json!({"auditsettings": "{\"IsSqlAuditWriteDisabled\":true}"}), "0x80048d19"),
        (json!([]), "0x80048d19"),
    ] {
        let answer = world.patch_organization(&world.anna, body.clone()).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (400, code), "{body}: {}", answer.text);
    }
    for (name, value) in [("useraccessauditinginterval", -1), ("auditretentionperiodv2", 0)] {
        let answer = world.by(&world.anna, "PATCH", "/organization", Some(json!({name: value}))).await;
        assert_eq!(
            (answer.status, answer.json()["errors"][0]["field"].as_str()),
            (422, Some(name)),
            "{}",
            answer.text
        );
    }
    let settings = world.by(&world.anna, "GET", "/organization", None).await.json();
    assert_eq!(settings["version"], 1, "nothing was changed: {settings}");
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let world = World::new().await;
    let who = As::Token(world.anna.token.clone());
    let large = Body::from(format!("{{\"EndDate\":\"{}\"}}", "9".repeat(300 * 1024)));
    let path = "/api/data/v9.2/DeleteAuditData";
    let answer = world.send(&who, "POST", path, Some("application/json"), large).await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"EndDate": 5}"#,
        r#"{"EndDate": "2026-11"}"#,
        r#"{"EndDate": "2026-11-20", "x": 1}"#,
    ] {
        let answer = world.send(&who, "POST", path, Some("application/json"), Body::from(body)).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (400, "0x80048d19"), "{body}");
    }
}
