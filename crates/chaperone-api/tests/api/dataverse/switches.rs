//! Switching: the organization's settings and the auditing of targets, in both APIs.

use serde_json::{Value, json};

use crate::world::World;

/// The action codes that the organization's row has in the audit table, oldest first.
async fn codes(world: &World) -> Vec<i64> {
    let rows = world.rows("audits?$select=action&$filter=action ge 100&$orderby=createdon,auditid").await;
    rows.iter().map(|row| row["action"].as_i64().expect("a code")).collect()
}

#[tokio::test]
async fn the_settings_are_read_by_everybody_and_changed_by_administrators() {
    let world = World::new().await;
    let path = "organizations?$select=isauditenabled,isuseraccessauditenabled,useraccessauditinginterval,auditretentionperiodv2";
    let read = world.dataverse(&world.victor, path).await.json()["value"][0].clone();
    let id = world.organization_id().await;
    assert_eq!(
        read,
        json!({
            "@odata.etag": "W/\"1\"", "organizationid": id, "isauditenabled": true,
            "isuseraccessauditenabled": true, "useraccessauditinginterval": 4, "auditretentionperiodv2": -1,
        })
    );
    let body = json!({"useraccessauditinginterval": 1});
    for person in [&world.victor, &world.audrey, &world.carla] {
        let refused = world.patch_organization(person, body.clone()).await;
        assert_eq!((refused.status, refused.error().0.as_str()), (403, "0x80040220"));
    }
    let changed = world.patch_organization(&world.anna, body).await;
    assert_eq!((changed.status, changed.text.as_str()), (204, ""));
    assert!(
        changed.headers["odata-entityid"].to_str().expect("text").ends_with(&format!("organizations({id})"))
    );
    let ours = world.by(&world.victor, "GET", "/organization", None).await.json();
    assert_eq!(ours["useraccessauditinginterval"], 1);
}

#[tokio::test]
async fn a_change_answers_the_row_when_asked_and_refuses_a_stale_one() {
    let world = World::new().await;
    let path = format!("organizations({})", world.organization_id().await);
    let headers = [("prefer", "return=representation"), ("if-match", "W/\"1\"")];
    let body = Some(json!({"isauditenabled": false}));
    let changed = world.dataverse_with(&world.anna, "PATCH", &path, &headers, body.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.headers["preference-applied"], "return=representation");
    assert_eq!(
        (&changed.json()["isauditenabled"], &changed.json()["@odata.etag"]),
        (&json!(false), &json!("W/\"2\""))
    );
    let stale = world.dataverse_with(&world.anna, "PATCH", &path, &headers, body).await;
    assert_eq!((stale.status, stale.error().0.as_str()), (412, "0x80060882"));
}

#[tokio::test]
async fn every_switch_leaves_the_sources_codes() {
    let world = World::new().await;
    for (body, codes_after) in [
        (json!({"isuseraccessauditenabled": false}), vec![113]),
        (json!({"isuseraccessauditenabled": true}), vec![113, 112]),
        (json!({"isauditenabled": false}), vec![113, 112, 110, 113]),
        (json!({"isuseraccessauditenabled": false}), vec![113, 112, 110, 113, 104]),
        (json!({"isauditenabled": true}), vec![113, 112, 110, 113, 104, 107]),
        (json!({"useraccessauditinginterval": 0}), vec![113, 112, 110, 113, 104, 107, 104]),
        (json!({"auditretentionperiodv2": 30}), vec![113, 112, 110, 113, 104, 107, 104, 104]),
    ] {
        world.forward(1);
        assert_eq!(world.patch_organization(&world.anna, body.clone()).await.status, 204, "{body}");
        assert_eq!(codes(&world).await, codes_after, "{body}");
    }
    let last = &world.rows("audits?$filter=action eq 104&$orderby=createdon desc&$top=1").await[0];
    assert_eq!(last["_objectid_value"], world.organization_id().await);
    let path = format!("audits({})/RetrieveAuditDetails", last["auditid"].as_str().expect("an id"));
    let detail = world.dataverse(&world.audrey, &path).await.json()["AuditDetail"].clone();
    assert_eq!(detail["OldValue"]["auditretentionperiodv2"], -1);
    assert_eq!(detail["NewValue"]["auditretentionperiodv2"], 30);
}

#[tokio::test]
async fn how_long_sign_ins_and_recordings_are_kept_is_a_change_of_the_settings_without_a_code_of_its_own() {
    let world = World::new().await;
    for name in ["sign_in_retention_days", "recording_retention_days"] {
        world.forward(1);
        let changed = world.by(&world.anna, "PATCH", "/organization", Some(json!({name: 30}))).await;
        assert_eq!((changed.status, &changed.json()[name]), (200, &json!(30)), "{}", changed.text);
        assert_eq!(codes(&world).await, Vec::<i64>::new(), "{name}");
        let trail = world.by(&world.anna, "GET", "/audit-events?action=organization_changed", None).await;
        let told = &trail.json()["items"][0]["details"];
        assert_eq!(
            (&told[format!("old_{name}")], &told[format!("new_{name}")]),
            (&json!(-1), &json!(30)),
            "{told}"
        );
    }
}

#[tokio::test]
async fn auditing_of_a_target_is_switched_by_administrators_in_our_own_api_too() {
    let world = World::new().await;
    let id = world.target.id.to_string();
    let path = format!("/targets/{id}");
    for person in [&world.victor, &world.audrey, &world.carla] {
        let refused = world.by(person, "PATCH", &path, Some(json!({"audit_enabled": false}))).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
    }
    for (enabled, codes_after) in
        [(true, vec![]), (false, vec![108]), (false, vec![108]), (true, vec![108, 105])]
    {
        world.forward(1);
        let changed = world.by(&world.anna, "PATCH", &path, Some(json!({"audit_enabled": enabled}))).await;
        assert_eq!((changed.status, &changed.json()["audit_enabled"]), (200, &json!(enabled)));
        assert_eq!(codes(&world).await, codes_after, "{enabled}");
    }
    let row = &world.rows("audits?$filter=action eq 108").await[0];
    assert_eq!(
        (&row["objecttypecode"], &row["_objectid_value"], &row["_userid_value"]),
        (&json!("chp_target"), &json!(id), &json!(world.anna.user.id.to_string()))
    );
    let trail = world.by(&world.audrey, "GET", "/audit-events?action=target_audit_stopped", None).await;
    let told = &trail.json()["items"][0];
    assert_eq!(
        (
            &told["subject"]["id"],
            &told["details"]["old_audit_enabled"],
            &told["details"]["new_audit_enabled"]
        ),
        (&json!(id), &json!(true), &json!(false)),
        "{told}"
    );
}

#[tokio::test]
async fn auditing_of_a_target_and_of_the_console_is_switched_by_their_definitions() {
    let world = World::new().await;
    let put =
        async |path: &str, body: Value| world.dataverse_with(&world.anna, "PUT", path, &[], Some(body)).await;
    for (name, own) in [("chp_target_erp_localhost", "/targets"), ("chp_console", "/organization")] {
        let path = format!("EntityDefinitions(LogicalName='{name}')");
        // As programs do it: the whole definition goes back with one value changed.
        let mut definition = world.dataverse(&world.anna, &path).await.json();
        definition["IsAuditEnabled"]["Value"] = json!(false);
        let by_id = format!("EntityDefinitions({})", definition["MetadataId"].as_str().expect("an id"));
        assert_eq!(put(&by_id, definition.clone()).await.status, 204);
        let ours = world.by(&world.anna, "GET", own, None).await.json();
        let switched = if own == "/targets" {
            &ours["items"][0]["audit_enabled"]
        } else {
            &ours["console_audit_enabled"]
        };
        assert_eq!(switched, false, "{ours}");
        definition["IsPrivate"] = json!(true);
        assert_eq!(put(&path, definition).await.status, 400, "nothing else can be changed");
    }
    assert_eq!(codes(&world).await, [108, 108]);
    let always =
        put("EntityDefinitions(LogicalName='organization')", json!({"IsAuditEnabled": {"Value": false}}))
            .await;
    assert_eq!(always.status, 400);
    let path = "EntityDefinitions(LogicalName='chp_console')";
    let body = Some(json!({"IsAuditEnabled": {"Value": true}}));
    let refused = world.dataverse_with(&world.audrey, "PUT", path, &[], body).await;
    assert_eq!(refused.status, 403);
}
