//! The source's Web API, as its programs use it.

use axum::body::Body;
use chaperone_app::Op;
use chaperone_domain::audit_event::AuditAction;
use chaperone_store::{Events, StoreError};
use serde_json::{Value, json};

use crate::world::{Answer, As, Person, World, op};

mod bad_input;
mod reading;
mod switches;

/// The address of the Web API as the tests write it.
const BASE: &str = "http://console.localhost:9321/api/data/v9.2/";

impl World {
    /// A call of the Web API with more headers.
    async fn dataverse_with(
        &self,
        person: &Person,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut all = vec![
            ("authorization", format!("Bearer {}", person.token)),
            ("host", "console.localhost:9321".to_owned()),
        ];
        all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let kind = body.as_ref().map(|_| "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let path = path.replace(' ', "%20").replace('"', "%22");
        self.send(&As::Headers(all), method, &format!("/api/data/v9.2/{path}"), kind, body).await
    }

    async fn dataverse(&self, person: &Person, path: &str) -> Answer {
        self.dataverse_with(person, "GET", path, &[], None).await
    }

    /// The rows of a list that is there.
    async fn rows(&self, path: &str) -> Vec<Value> {
        let answer = self.dataverse(&self.audrey, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()["value"].as_array().expect("a list").clone()
    }

    async fn organization_id(&self) -> String {
        let who = self.dataverse(&self.victor, "WhoAmI").await.json();
        who["OrganizationId"].as_str().expect("an id").to_owned()
    }

    async fn patch_organization(&self, person: &Person, body: Value) -> Answer {
        let path = format!("organizations({})", self.organization_id().await);
        self.dataverse_with(person, "PATCH", &path, &[("if-match", "*")], Some(body)).await
    }
}

impl Answer {
    /// Code and message of a refusal in the source's form.
    fn error(&self) -> (String, String) {
        assert_eq!(self.headers["odata-version"], "4.0");
        let error = &self.json()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned();
        (text("code"), text("message"))
    }
}

#[tokio::test]
async fn programs_ask_first_who_they_are_with_and_without_parentheses() {
    let world = World::new().await;
    for path in ["WhoAmI", "WhoAmI()"] {
        let answer = world.dataverse(&world.victor, path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.headers["odata-version"], "4.0");
        let body = answer.json();
        assert_eq!(body["UserId"], world.victor.user.id.to_string());
        assert_eq!(body["@odata.context"], format!("{BASE}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse"));
    }
}

#[tokio::test]
async fn administrators_and_auditors_read_the_table_and_others_are_refused_in_the_sources_form() {
    let world = World::new().await;
    for person in [&world.anna, &world.audrey] {
        assert_eq!(world.dataverse(person, "audits").await.status, 200);
    }
    for person in [&world.victor, &world.carla] {
        for path in ["audits", "audits/$count", "systemusers", "audits(01a1fc37-65c2-7000-83d3-1715f43e7799)"]
        {
            let answer = world.dataverse(person, path).await;
            assert_eq!(answer.status, 403, "{path}");
            assert_eq!(answer.error().0, "0x80040220");
        }
    }
    let nobody = world.send(&As::Nobody, "GET", "/api/data/v9.2/WhoAmI", None, Body::empty()).await;
    assert_eq!((nobody.status, nobody.headers["www-authenticate"].as_bytes()), (401, &b"Bearer"[..]));
    assert_eq!(nobody.error().0, "0x80072560");
}

#[tokio::test]
async fn nobody_acts_as_somebody_else() {
    let world = World::new().await;
    for header in ["callerobjectid", "mscrmcallerid"] {
        let headers = [(header, "01a1fc37-65c2-7000-83d3-1715f43e7799")];
        let answer = world.dataverse_with(&world.anna, "GET", "WhoAmI", &headers, None).await;
        assert_eq!(answer.status, 403);
    }
}

#[tokio::test]
async fn deletion_is_refused_and_the_refusal_is_in_the_trail() {
    let world = World::new().await;
    let body = json!({"EndDate": "2099-01-01T00:00:00Z"});
    let answer = world.dataverse_with(&world.anna, "POST", "DeleteAuditData", &[], Some(body.clone())).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.error().0, "0x80040203");
    assert!(answer.error().1.contains("auditretentionperiodv2"), "{}", answer.text);
    let trail = world.by(&world.anna, "GET", "/audit-events?action=audit_log_deletion_refused", None).await;
    assert_eq!(trail.json()["items"].as_array().map(Vec::len), Some(1), "{}", trail.text);
    assert!(AuditAction::parse("audit_log_deletion_refused").is_some());
    let auditor = world.dataverse_with(&world.audrey, "POST", "DeleteAuditData", &[], Some(body)).await;
    assert_eq!(auditor.status, 403);
}

#[tokio::test]
async fn deletion_answers_how_much_it_deleted_and_is_a_row_of_the_table() {
    const DAY_S: i64 = 86_400;
    let world = World::new().await;
    let change = json!({"auditretentionperiodv2": 1});
    assert_eq!(world.by(&world.anna, "PATCH", "/organization", Some(change)).await.status, 200);
    // Three events of days ago, before everything that was written without a retention.
    let store = world.store().await;
    for day in 8..=10 {
        let then = world.after(-day * DAY_S).parse().expect("an instant");
        let op = Op { at: then, ..op(&world.app, &world.victor.user) };
        let event = op.event(AuditAction::ExportStarted, "sign_in", "");
        let written = store.write(move |tx| {
            let event = event.clone();
            Box::pin(async move { Ok::<_, StoreError>(tx.commit((), Events::one(event))) })
        });
        written.await.expect("written");
    }
    let numbered = store.keep_books(|books| Box::pin(async move { books.sequence_events(10_000).await }));
    numbered.await.expect("numbered");
    let delete = async |end: i64| {
        let body = json!({"EndDate": world.after(-end * DAY_S)});
        world.dataverse_with(&world.anna, "POST", "DeleteAuditData", &[], Some(body)).await
    };
    let deleted = delete(9).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert_eq!(deleted.json()["PartitionsDeleted"], 2, "up to the end date and no further");
    let rows = world.rows("audits?$filter=action eq 111").await;
    let [row] = rows.as_slice() else { panic!("one: {rows:?}") };
    assert_eq!((&row["action"], &row["operation"]), (&json!(111), &json!(3)));
    assert_eq!(row["_userid_value"], world.anna.user.id.to_string());
    let left = world.by(&world.audrey, "GET", "/audit-events?action=event_deleted", None).await;
    assert_eq!(left.json()["items"].as_array().map(Vec::len), Some(2), "{}", left.text);
    let again = delete(9).await;
    assert_eq!((again.status, again.error().0.as_str()), (400, "0x80040203"), "nothing is left of it");
    assert_eq!(delete(7).await.json()["PartitionsDeleted"], 1);
}

#[tokio::test]
async fn calls_of_the_web_api_and_of_our_own_are_one_access_by_web_services_in_an_interval() {
    let world = World::new().await;
    for _ in 0..3 {
        world.dataverse(&world.victor, "WhoAmI").await;
        world.by(&world.victor, "GET", "/me", None).await;
    }
    let filter = format!("audits?$filter=action eq 65 and _userid_value eq {}", world.victor.user.id);
    let rows = world.rows(&filter).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (rows[0]["operation"].as_i64(), rows[0]["objecttypecode"].as_str()),
        (Some(4), Some("systemuser"))
    );
    assert_eq!(rows[0]["_objectid_value"], world.victor.user.id.to_string());
    world.forward(4 * 3_600);
    world.dataverse(&world.victor, "WhoAmI").await;
    assert_eq!(world.rows(&filter).await.len(), 2);
    world.sign_in("victor", crate::world::PASSWORD).await;
    let console = world.sign_in("victor", crate::world::PASSWORD).await;
    world.call(&console, "GET", "/me", None).await;
    let by_web = format!("audits?$filter=action eq 64 and _userid_value eq {}", world.victor.user.id);
    assert_eq!(world.rows(&by_web).await.len(), 1);
}
