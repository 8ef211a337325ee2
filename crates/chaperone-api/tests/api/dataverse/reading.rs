//! Reading: rows, pages, details, users, definitions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::BASE;
use crate::world::World;

/// A world in which several things happened at several times.
async fn busy() -> World {
    let world = World::new().await;
    for turn in 0..6 {
        world.forward(1);
        let session = world.asked(60, 3_600).await;
        let status = if turn % 2 == 0 { "Approve" } else { "Reject" };
        assert_eq!(world.decide(&world.carla, &session, status).await.status, 200);
        world.forward(4 * 3_600);
        world.dataverse(&world.victor, "WhoAmI").await;
    }
    world
}

fn number(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{name}: {row}"))
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("{name}: {row}"))
}

#[tokio::test]
async fn filters_leave_the_rows_that_they_say() {
    let world = busy().await;
    let all = world.rows("audits").await;
    assert!(all.len() > 30, "{}", all.len());
    let victor = world.victor.user.id.to_string();
    let anna = world.anna.user.id.to_string();
    let some_time = text(&all[all.len() / 2], "createdon").to_owned();
    let half_a_second = some_time.replace('Z', ".5Z");
    type Fits<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let cases: Vec<(String, Fits<'_>)> = vec![
        ("action eq 64".into(), Box::new(|row| number(row, "action") == 64)),
        ("action ne 65".into(), Box::new(|row| number(row, "action") != 65)),
        ("not (action in (1,28))".into(), Box::new(|row| ![1, 28].contains(&number(row, "action")))),
        ("action gt 26 and action lt 65".into(), Box::new(|row| (27..65).contains(&number(row, "action")))),
        ("operation eq 4".into(), Box::new(|row| number(row, "operation") == 4)),
        (
            "operation le 2 or action eq 65".into(),
            Box::new(|row| number(row, "operation") <= 2 || number(row, "action") == 65),
        ),
        (format!("_userid_value eq {victor}"), Box::new(|row| text(row, "_userid_value") == victor)),
        (format!("_userid_value eq '{victor}'"), Box::new(|row| text(row, "_userid_value") == victor)),
        (format!("_userid_value ne {anna}"), Box::new(|row| text(row, "_userid_value") != anna)),
        (
            format!(
                "Microsoft.Dynamics.CRM.In(PropertyName='_userid_value',PropertyValues=[\"{victor}\",\"{anna}\"])"
            ),
            Box::new(|row| [&victor, &anna].iter().any(|id| text(row, "_userid_value") == **id)),
        ),
        (format!("_objectid_value eq {victor}"), Box::new(|row| row["_objectid_value"] == json!(victor))),
        (
            "objecttypecode eq 'chp_privilegedsession'".into(),
            Box::new(|row| text(row, "objecttypecode") == "chp_privilegedsession"),
        ),
        (
            "startswith(objecttypecode,'chp_')".into(),
            Box::new(|row| text(row, "objecttypecode").starts_with("chp_")),
        ),
        (
            "not contains(objecttypecode,'user')".into(),
            Box::new(|row| !text(row, "objecttypecode").contains("user")),
        ),
        (
            "_regardingobjectid_value eq null".into(),
            Box::new(|row| row["_regardingobjectid_value"].is_null()),
        ),
        (
            "_regardingobjectid_value ne null".into(),
            Box::new(|row| !row["_regardingobjectid_value"].is_null()),
        ),
        ("_callinguserid_value eq null".into(), Box::new(|_| true)),
        ("_callinguserid_value ne null".into(), Box::new(|_| false)),
        (
            "useradditionalinfo eq '192.0.2.1'".into(),
            Box::new(|row| row["useradditionalinfo"] == "192.0.2.1"),
        ),
        (
            "useradditionalinfo ne '192.0.2.1'".into(),
            Box::new(|row| row["useradditionalinfo"] != "192.0.2.1"),
        ),
        (format!("createdon eq {some_time}"), Box::new(|row| text(row, "createdon") == some_time)),
        (format!("createdon ne {some_time}"), Box::new(|row| text(row, "createdon") != some_time)),
        (format!("createdon gt {some_time}"), Box::new(|row| text(row, "createdon") > some_time.as_str())),
        (format!("createdon ge '{some_time}'"), Box::new(|row| text(row, "createdon") >= some_time.as_str())),
        (format!("createdon lt {some_time}"), Box::new(|row| text(row, "createdon") < some_time.as_str())),
        (format!("createdon le {some_time}"), Box::new(|row| text(row, "createdon") <= some_time.as_str())),
        (
            format!("createdon ge {half_a_second}"),
            Box::new(|row| text(row, "createdon") > some_time.as_str()),
        ),
        (
            format!("createdon le {half_a_second}"),
            Box::new(|row| text(row, "createdon") <= some_time.as_str()),
        ),
        (format!("createdon eq {half_a_second}"), Box::new(|_| false)),
        ("createdon gt 2020-01-01 and not (createdon gt 2099-01-01)".into(), Box::new(|_| true)),
    ];
    for (filter, fits) in cases {
        // What the question itself leaves in the trail is the auditor's own first access, which was before.
        let found = world.rows(&format!("audits?$filter={filter}")).await;
        let wanted: Vec<&Value> = all.iter().filter(|row| fits(row)).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter}");
    }
}

#[tokio::test]
async fn rows_show_what_was_selected_whole_seconds_and_texts_for_people_when_asked() {
    let world = busy().await;
    let rows = world.rows("audits?$select=action,createdon&$top=1").await;
    let names: BTreeSet<&String> = rows[0].as_object().expect("a row").keys().collect();
    assert_eq!(names, [&"action".to_owned(), &"createdon".to_owned()].into());
    assert!(!text(&rows[0], "createdon").contains('.'), "{rows:?}");
    let path = format!("audits?$filter=action eq 65 and _userid_value eq {}", world.victor.user.id);
    let headers = [("prefer", "odata.include-annotations=\"*\"")];
    let answer = world.dataverse_with(&world.audrey, "GET", &path, &headers, None).await;
    assert_eq!(answer.headers["preference-applied"], "odata.include-annotations=\"*\"");
    let row = answer.json()["value"][0].clone();
    let formatted = |name: &str| row[format!("{name}@OData.Community.Display.V1.FormattedValue")].clone();
    assert_eq!(formatted("action"), "User Access via Web Services");
    assert_eq!(formatted("operation"), "Access");
    assert_eq!(formatted("_userid_value"), "victor");
    assert_eq!(row["_userid_value@Microsoft.Dynamics.CRM.lookuplogicalname"], "systemuser");
}

#[tokio::test]
async fn orders_are_kept_across_pages_whose_links_lead_back_to_where_the_client_came_from() {
    let world = busy().await;
    for order in [
        "createdon desc",
        "createdon asc",
        "createdon desc,action asc",
        "operation,action desc",
        "action desc,createdon",
        "auditid",
        "",
    ] {
        let query = if order.is_empty() { String::new() } else { format!("&$orderby={order}") };
        let whole = world.rows(&format!("audits?$select=auditid,action,operation,createdon{query}")).await;
        let mut paged: Vec<Value> = Vec::new();
        let mut path = format!("audits?$select=auditid,action,operation,createdon&$count=true{query}");
        let headers = [("prefer", "odata.maxpagesize=7")];
        loop {
            let answer = world.dataverse_with(&world.audrey, "GET", &path, &headers, None).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let body = answer.json();
            assert_eq!(body["@odata.count"], whole.len());
            paged.extend(body["value"].as_array().expect("rows").iter().cloned());
            let Some(next) = body["@odata.nextLink"].as_str() else { break };
            path = next.strip_prefix(BASE).unwrap_or_else(|| panic!("{next}")).to_owned();
        }
        assert_eq!(paged, whole, "{order}");
        let ids: BTreeSet<&str> = whole.iter().map(|row| text(row, "auditid")).collect();
        assert_eq!(ids.len(), whole.len());
        let places: Vec<(i64, &str)> =
            whole.iter().map(|row| (number(row, "action"), text(row, "createdon"))).collect();
        let sorted = match order {
            "createdon desc" | "" => places.is_sorted_by(|a, b| a.1 >= b.1),
            "createdon asc" => places.is_sorted_by(|a, b| a.1 <= b.1),
            "createdon desc,action asc" => {
                places.is_sorted_by(|a, b| a.1 > b.1 || (a.1 == b.1 && a.0 <= b.0))
            }
            "action desc,createdon" => places.is_sorted_by(|a, b| a.0 > b.0 || (a.0 == b.0 && a.1 <= b.1)),
            "operation,action desc" => whole.is_sorted_by(|a, b| {
                let (first, second) = (number(a, "operation"), number(b, "operation"));
                first < second || (first == second && number(a, "action") >= number(b, "action"))
            }),
            _ => whole.is_sorted_by(|a, b| text(a, "auditid") <= text(b, "auditid")),
        };
        assert!(sorted, "{order}: {places:?}");
    }
}

#[tokio::test]
async fn a_top_is_a_top_and_a_page_that_the_client_sizes_makes_it_count_no_more() {
    let world = busy().await;
    let top = world.dataverse(&world.audrey, "audits?$top=3").await.json();
    assert_eq!((top["value"].as_array().map(Vec::len), top.get("@odata.nextLink")), (Some(3), None));
    let headers = [("prefer", "odata.maxpagesize=5")];
    let sized = world.dataverse_with(&world.audrey, "GET", "audits?$top=3", &headers, None).await.json();
    assert_eq!(sized["value"].as_array().map(Vec::len), Some(5));
    assert!(sized["@odata.nextLink"].is_string());
    let count = world.dataverse(&world.audrey, "audits/$count?$filter=action eq 28").await;
    assert_eq!(count.text, "3");
}

#[tokio::test]
async fn one_row_and_its_details_are_there_by_its_id() {
    let world = busy().await;
    let approved = &world.rows("audits?$filter=action eq 28&$top=1").await[0];
    let path = format!("audits({})", text(approved, "auditid"));
    let one = world.dataverse(&world.audrey, &format!("{path}?$select=action,_userid_value")).await.json();
    assert_eq!(one["action"], 28);
    assert_eq!(one["_userid_value"], world.carla.user.id.to_string());
    for call in ["RetrieveAuditDetails", "RetrieveAuditDetails()"] {
        let details = world.dataverse(&world.audrey, &format!("{path}/Microsoft.Dynamics.CRM.{call}")).await;
        let detail = details.json()["AuditDetail"].clone();
        assert_eq!(detail["@odata.type"], "#Microsoft.Dynamics.CRM.AttributeAuditDetail", "{}", details.text);
        assert_eq!(
            (&detail["OldValue"]["status"], &detail["NewValue"]["status"]),
            (&json!("Draft"), &json!("Approved"))
        );
        assert!(details.json().get("AuditRecord").is_none());
    }
    let access = &world.rows("audits?$filter=action eq 65&$top=1").await[0];
    let path = format!("audits({})/Microsoft.Dynamics.CRM.RetrieveAuditDetails", text(access, "auditid"));
    let detail = world.dataverse(&world.audrey, &path).await.json()["AuditDetail"].clone();
    assert_eq!(detail["@odata.type"], "#Microsoft.Dynamics.CRM.UserAccessAuditDetail");
    assert_eq!((&detail["Interval"], &detail["AccessTime"]), (&json!(4), &access["createdon"]));
    let none = world.dataverse(&world.audrey, "audits(01a1fc37-65c2-7000-83d3-1715f43e7799)").await;
    assert_eq!((none.status, none.error().0.as_str()), (404, "0x80040217"));
}

#[tokio::test]
async fn a_users_audits_are_the_same_by_navigation_and_by_filter() {
    let world = busy().await;
    let victor = world.victor.user.id;
    let query = "$orderby=createdon&$count=true";
    let navigated =
        world.dataverse(&world.audrey, &format!("systemusers({victor})/lk_audit_userid?{query}")).await;
    let filtered =
        world.dataverse(&world.audrey, &format!("audits?$filter=_userid_value eq {victor}&{query}")).await;
    assert!(navigated.json()["@odata.count"].as_i64() > Some(1), "{}", navigated.text);
    assert_eq!(navigated.json()["value"], filtered.json()["value"]);
    let pages = [("prefer", "odata.maxpagesize=1")];
    let path = format!("systemusers({victor})/lk_audit_userid");
    let first = world.dataverse_with(&world.audrey, "GET", &path, &pages, None).await.json();
    let next =
        first["@odata.nextLink"].as_str().expect("a link").strip_prefix(BASE).expect("ours").to_owned();
    assert_eq!(world.dataverse_with(&world.audrey, "GET", &next, &pages, None).await.status, 200);
    let none = world
        .dataverse(&world.audrey, "systemusers(01a1fc37-65c2-7000-83d3-1715f43e7799)/lk_audit_userid")
        .await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn what_no_user_did_the_user_system_did() {
    let world = busy().await;
    let made = world
        .rows("audits?$filter=action eq 1 and objecttypecode eq 'systemuser'&$orderby=createdon&$top=1")
        .await;
    let system = text(&made[0], "_userid_value").to_owned();
    let rows = world.rows(&format!("audits?$filter=_userid_value eq {system}")).await;
    assert!(rows.len() > 5 && rows.iter().all(|row| text(row, "_userid_value") == system));
    let user = world.dataverse(&world.audrey, &format!("systemusers({system})")).await.json();
    assert_eq!(user["fullname"], "SYSTEM");
}

#[tokio::test]
async fn the_history_of_a_user_comes_newest_first_and_by_page() {
    let world = busy().await;
    let victor = world.victor.user.id;
    for (call, query) in [
        (
            "(Target=@target,PagingInfo=@paginginfo)",
            format!(
                "@target={{'@odata.id':'systemusers({victor})'}}&@paginginfo={{'PageNumber':1,'Count':2,'ReturnTotalRecordCount':true}}"
            ),
        ),
        (
            "(Target=@p1,PagingInfo=@p2)",
            format!(
                "@p1={{\"@odata.id\":\"systemusers({victor})\"}}&@p2={{\"Count\":2,\"ReturnTotalRecordCount\":true}}"
            ),
        ),
    ] {
        let path = format!(
            "RetrieveRecordChangeHistory{call}?{}",
            query.replace('"', "%22").replace('{', "%7B").replace('}', "%7D")
        );
        let answer = world.dataverse(&world.audrey, &path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let found = answer.json()["AuditDetailCollection"].clone();
        assert_eq!(found["MoreRecords"], true);
        assert!(found["TotalRecordCount"].as_i64() > Some(2), "{found}");
        let details = found["AuditDetails"].as_array().expect("details");
        assert_eq!(details.len(), 2);
        assert_eq!(details[0]["@odata.type"], "#Microsoft.Dynamics.CRM.UserAccessAuditDetail");
        let next = format!(
            "RetrieveRecordChangeHistory(Target=@t,PagingInfo=@p)?@t=%7B'@odata.id':'systemusers({victor})'%7D&@p=%7B'PageNumber':2,'Count':2,'PagingCookie':'{}'%7D",
            found["PagingCookie"].as_str().expect("a cookie")
        );
        let second = world.dataverse(&world.audrey, &next).await.json();
        assert_ne!(second["AuditDetailCollection"]["AuditDetails"][0], details[0]);
    }
    let account = world.account.id;
    let other = format!("RetrieveRecordChangeHistory(Target=@t)?@t=%7B'@odata.id':'accounts({account})'%7D");
    assert_eq!(world.dataverse(&world.audrey, &other).await.status, 400);
}

#[tokio::test]
async fn clients_find_the_sets_by_their_definitions() {
    let world = World::new().await;
    let found = world
        .rows("EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute&$filter=LogicalName+eq+'audit'")
        .await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (text(&found[0], "EntitySetName"), text(&found[0], "PrimaryIdAttribute")),
        ("audits", "auditid")
    );
    let audited = world
        .rows("EntityDefinitions?$select=LogicalName,IsAuditEnabled&$filter=IsAuditEnabled/Value eq true and IsPrivate eq false")
        .await;
    let target =
        audited.iter().find(|row| row["LogicalName"] == "chp_target_erp_localhost").expect("the target");
    assert_eq!(
        target["IsAuditEnabled"],
        json!({"Value": true, "CanBeChanged": true, "ManagedPropertyLogicalName": "canmodifyauditsettings"})
    );
    let one = world.dataverse(&world.audrey, "EntityDefinitions(LogicalName='audit')").await;
    assert_eq!(one.json()["IsAuditEnabled"]["CanBeChanged"], false);
    let missing = world.dataverse(&world.audrey, "EntityDefinitions(LogicalName='account')").await;
    assert_eq!(missing.status, 404);
    assert!(world.rows("EntityDefinitions?$filter=LogicalName eq 'account'").await.is_empty());
}

#[tokio::test]
async fn metadata_and_the_service_document_name_the_sets() {
    let world = World::new().await;
    let metadata = world.dataverse(&world.victor, "$metadata").await;
    assert_eq!(metadata.headers["content-type"], "application/xml");
    assert!(metadata.text.contains("<EntityType Name=\"audit\" BaseType=\"mscrm.crmbaseentity\">"));
    assert!(metadata.text.contains("<Property Name=\"createdon\" Type=\"Edm.DateTimeOffset\"/>"));
    let sets = world.dataverse(&world.victor, "").await.json();
    let names: Vec<&str> =
        sets["value"].as_array().expect("sets").iter().map(|set| text(set, "name")).collect();
    assert_eq!(names, ["audits", "organizations", "systemusers"]);
}

#[tokio::test]
async fn users_are_listed_and_filtered() {
    let world = World::new().await;
    let found = world
        .rows("systemusers?$select=fullname&$filter=startswith(domainname,'A') and isdisabled eq false")
        .await;
    let names: Vec<&str> = found.iter().map(|row| text(row, "fullname")).collect();
    assert_eq!(names, ["anna", "audrey"]);
    assert!(found[0]["systemuserid"].is_string(), "the key is always there");
    let headers = [("prefer", "odata.maxpagesize=4")];
    let first =
        world.dataverse_with(&world.audrey, "GET", "systemusers?$count=true", &headers, None).await.json();
    assert_eq!((first["value"].as_array().map(Vec::len), &first["@odata.count"]), (Some(4), &json!(6)));
    let next =
        first["@odata.nextLink"].as_str().expect("a link").strip_prefix(BASE).expect("ours").to_owned();
    let second = world.dataverse_with(&world.audrey, "GET", &next, &headers, None).await.json();
    assert_eq!((second["value"].as_array().map(Vec::len), second.get("@odata.nextLink")), (Some(2), None));
}
