//! What events look like on their way: by the schema itself, by the table in the document, by the rules of each format.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chaperone_domain::Instant;
use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent, DetailValue, Subject};
use chaperone_domain::ids::{AuditEventId, PrivilegedSessionId, SignInId, UserId};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::user::{Role, Roles, User};
use chaperone_store::StoredEvent;
use serde_json::Value;
use uuid::Uuid;

use super::classes::{Class, Severity, meaning, meaning_of};
use super::{Names, cef, ocsf};

/// Names a Python that has the schema.
const PYTHON_VARIABLE: &str = "CHAPERONE_TEST_PYTHON";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/check_ocsf.py");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/event-streams.md");
const TABLE: [&str; 2] = ["<!-- table of actions -->", "<!-- end of the table -->"];

const PAULA: u128 = 2;

fn origin() -> ocsf::Origin {
    ocsf::Origin { console: "https://chaperone.example.org".to_owned() }
}

fn names() -> Names {
    let paula = User {
        id: UserId::new(Uuid::from_u128(PAULA)),
        user_name: "paula".to_owned(),
        display_name: "Paula = | \\ Privileged".to_owned(),
        email: "paula@example.org".to_owned(),
        active: true,
        roles: Roles::new(vec![Role::User]),
        password_must_change: false,
        created_at: Instant::UNIX_EPOCH,
        version: 1,
    };
    Names::default()
        .with_user(paula)
        .with_thing("account", "a-1", "erp-admin")
        .with_thing("target", "t-1", "ERP")
}

/// An event with everything that an event can have.
fn full(action: AuditAction) -> StoredEvent {
    let kind = match meaning(action).class {
        Class::AccountChange => "account",
        Class::WebResourcesActivity => "target",
        Class::FileHostingActivity => "recording",
        _ => "privileged_session",
    };
    let event = AuditEvent {
        id: AuditEventId::new(Uuid::from_u128(1)),
        at: Instant::from_microsecond(1_790_000_000_123_456).expect("in range"),
        actor: Actor::User(UserId::new(Uuid::from_u128(PAULA))),
        on_behalf_of: Some(UserId::new(Uuid::from_u128(9))),
        action,
        subject: Subject {
            kind: kind.to_owned(),
            id: match kind {
                "account" => "a-1".to_owned(),
                "target" => "t-1".to_owned(),
                _ => Uuid::from_u128(4).to_string(),
            },
        },
        privileged_session_id: Some(PrivilegedSessionId::new(Uuid::from_u128(5))),
        sign_in_id: Some(SignInId::new(Uuid::from_u128(6))),
        channel: Some(Channel::Web),
        client_address: Some("192.0.2.7".to_owned()),
        reason: Some("Month end\nsecond line".to_owned()),
        details: vec![
            ("user_name".to_owned(), "pau|la = x".into()),
            ("cause".to_owned(), "wrong_password".into()),
            ("problem".to_owned(), "It is away.".into()),
            ("path".to_owned(), "/vendors/7".into()),
            ("attempt".to_owned(), DetailValue::Number(3)),
            ("estimated".to_owned(), DetailValue::Flag(false)),
            ("expires_at".to_owned(), DetailValue::Nothing),
        ],
    };
    StoredEvent { seq: Some(42), commitment: [0xab; 32], event, deleted_at: None }
}

/// An event with nothing that it can be without.
fn bare(action: AuditAction, actor: Actor) -> StoredEvent {
    let full = full(action);
    let event = AuditEvent {
        actor,
        on_behalf_of: None,
        subject: Subject { kind: full.event.subject.kind.clone(), id: String::new() },
        privileged_session_id: None,
        sign_in_id: None,
        channel: None,
        client_address: None,
        reason: None,
        details: Vec::new(),
        ..full.event
    };
    StoredEvent { event, ..full }
}

fn with(action: AuditAction, name: &str, value: impl Into<DetailValue>) -> AuditEvent {
    let mut event = bare(action, Actor::Processor).event;
    event.details.push((name.to_owned(), value.into()));
    event
}

/// The Python that `cargo xtask test` makes beside what it builds.
fn python() -> PathBuf {
    if let Some(named) = std::env::var_os(PYTHON_VARIABLE) {
        return named.into();
    }
    let here = std::env::current_exe().expect("a test is a program");
    here.ancestors().map(|folder| folder.join("python/bin/python")).find(|python| python.is_file()).unwrap_or_else(
        || panic!("there is no Python with the schema: run `cargo xtask test` once, or name one in {PYTHON_VARIABLE}"),
    )
}

/// Has the schema's own package judge these events; answers what is wrong.
fn judged(events: &[Value]) -> String {
    let mut child = Command::new(python())
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the judge starts");
    let mut stdin = child.stdin.take().expect("piped");
    for event in events {
        writeln!(stdin, "{event}").expect("written");
    }
    drop(stdin);
    let judged = child.wait_with_output().expect("it ends");
    assert!(judged.status.success(), "the judge itself failed");
    String::from_utf8(judged.stdout).expect("text")
}

#[test]
fn every_action_is_a_valid_event_of_the_schema_with_much_and_with_little() {
    let mut events = Vec::new();
    for action in AuditAction::ALL.iter().copied() {
        events.push(ocsf::of(&full(action), &names(), &origin()));
        events.push(ocsf::of(&full(action), &Names::default(), &origin()));
        for actor in [Actor::Processor, Actor::System, Actor::Anonymous] {
            events.push(ocsf::of(&bare(action, actor), &names(), &origin()));
        }
    }
    for event in [
        with(AuditAction::GrantVerified, "state", "enabled"),
        with(AuditAction::GrantClosed, "state", "disabled"),
        with(AuditAction::AccountChanged, "new_state", "disabled"),
        with(AuditAction::UserChanged, "new_active", false),
        with(AuditAction::UserChanged, "new_active", true),
        with(AuditAction::PrivilegedSessionStatusChanged, "to_status", "Active"),
        with(AuditAction::PrivilegedSessionStatusChanged, "to_status", "Ended"),
    ] {
        events.push(ocsf::of(
            &StoredEvent { seq: Some(1), commitment: [0; 32], event, deleted_at: None },
            &names(),
            &origin(),
        ));
    }
    let long = "x".repeat(100_000);
    let event = with(AuditAction::DirectoryChanged, "settings", long.as_str());
    let event = ocsf::of(
        &StoredEvent { seq: Some(1), commitment: [0; 32], event, deleted_at: None },
        &names(),
        &origin(),
    );
    events.push(ocsf::fitted(event, 8_000));
    assert_eq!(judged(&events), "");
}

#[test]
fn the_judge_objects_to_what_is_not_of_the_schema() {
    let good = ocsf::of(&full(AuditAction::SignInStarted), &names(), &origin());
    let changes: [fn(&mut Value); 4] = [
        |event| event["activity_name"] = Value::from("Sign on"),
        |event| event["user"] = Value::Null,
        |event| event["invented"] = Value::from(1),
        |event| event["class_uid"] = Value::from(3001),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut event = good.clone();
        change(&mut event);
        assert_ne!(judged(&[event]), "", "change {number}");
    }
}

#[test]
fn the_document_has_the_table_of_every_action() {
    let mut table =
        String::from("| action | class | activity | severity | status |\n| --- | --- | --- | --- | --- |\n");
    for action in AuditAction::ALL.iter().copied() {
        let what = meaning(action);
        let status =
            ocsf::of(&full(action), &names(), &origin())["status"].as_str().unwrap_or_default().to_owned();
        table.push_str(&format!(
            "| `{}` | {} {} | {} | {} | {status} |\n",
            action.name(),
            what.class.uid(),
            what.class.caption(),
            what.activity.caption,
            what.severity.caption(),
        ));
    }
    let document = std::fs::read_to_string(DOCUMENT).expect("read");
    let inside = document.split_once(TABLE[0]).and_then(|(_, rest)| rest.split_once(TABLE[1]));
    let found = inside.map(|(inside, _)| inside.trim()).unwrap_or_default();
    assert_eq!(found, table.trim(), "put this table into docs/event-streams.md");
}

#[test]
fn an_event_says_who_from_where_what_and_keeps_the_rest() {
    let event = ocsf::of(&full(AuditAction::RecordingDownloaded), &names(), &origin());
    assert_eq!(event["metadata"]["uid"], Uuid::from_u128(1).to_string());
    assert_eq!(event["metadata"]["sequence"], 42);
    assert_eq!(event["metadata"]["original_time"], "2026-09-21T14:13:20.123456Z");
    assert_eq!(event["metadata"]["product"]["url_string"], "https://chaperone.example.org");
    assert_eq!(event["time"], 1_790_000_000_123_i64);
    assert_eq!(event["type_uid"], 600_602);
    assert_eq!(event["actor"]["user"]["name"], "paula");
    assert_eq!(event["actor"]["session"]["uid"], Uuid::from_u128(6).to_string());
    assert_eq!(event["src_endpoint"]["ip"], "192.0.2.7");
    assert_eq!(event["message"], "Recording downloaded, by paula");
    let unmapped = &event["unmapped"];
    assert_eq!(unmapped["privileged_session_id"], Uuid::from_u128(5).to_string());
    assert_eq!(unmapped["on_behalf_of"]["uid"], Uuid::from_u128(9).to_string());
    assert_eq!(unmapped["reason"], "Month end\nsecond line");
    assert_eq!(unmapped["details"]["attempt"], 3);
    assert_eq!(unmapped["details"]["estimated"], false);
    assert!(unmapped["details"]["expires_at"].is_null());
    assert_eq!(unmapped["commitment"], "ab".repeat(32));
}

#[test]
fn a_failed_sign_in_names_whom_it_was_tried_for() {
    let mut failed = bare(AuditAction::SignInFailed, Actor::Anonymous);
    failed.event.details =
        vec![("user_name".to_owned(), "nobody".into()), ("cause".to_owned(), "unknown".into())];
    let event = ocsf::of(&failed, &names(), &origin());
    assert_eq!((&event["user"]["name"], &event["status"]), (&Value::from("nobody"), &Value::from("Failure")));
    assert_eq!(event["status_detail"], "unknown");
    failed.event.on_behalf_of = Some(UserId::new(Uuid::from_u128(PAULA)));
    assert_eq!(ocsf::of(&failed, &names(), &origin())["user"]["name"], "paula");
}

#[test]
fn details_say_whether_an_account_was_enabled_or_disabled() {
    let activity = |event: AuditEvent| meaning_of(&event).activity.caption;
    assert_eq!(activity(with(AuditAction::GrantVerified, "state", "enabled")), "Enable");
    assert_eq!(activity(with(AuditAction::GrantClosed, "state", "disabled")), "Disable");
    assert_eq!(activity(with(AuditAction::GrantClosed, "state", "absent")), "Other");
    assert_eq!(activity(with(AuditAction::UserChanged, "new_active", false)), "Disable");
    assert_eq!(
        activity(with(AuditAction::PrivilegedSessionStatusChanged, "to_status", "Active")),
        "Activate"
    );
    assert_eq!(
        activity(with(AuditAction::PrivilegedSessionStatusChanged, "to_status", "Approved")),
        "Update"
    );
}

#[test]
fn a_long_event_is_shortened_says_so_and_keeps_who_and_which() {
    let mut stored = full(AuditAction::DirectoryChanged);
    stored.event.details =
        (0..50).map(|n| (format!("detail_{n}"), "ä".repeat(2_000).as_str().into())).collect();
    let event = ocsf::of(&stored, &names(), &origin());
    let size = event.to_string().len();
    for max in [50_000, 8_000, 3_000] {
        let fitted = ocsf::fitted(event.clone(), max);
        assert!(fitted.to_string().len() <= max, "{max}: {}", fitted.to_string().len());
        assert_eq!(fitted["metadata"]["is_truncated"], true);
        assert_eq!(fitted["metadata"]["untruncated_size"], size);
        assert_eq!(fitted["metadata"]["sequence"], 42);
        assert_eq!(fitted["actor"], event["actor"]);
    }
    assert_eq!(ocsf::fitted(event.clone(), size), event, "what fits stays as it is");
}

#[test]
fn a_line_of_cef_is_one_line_whose_values_cannot_break_out() {
    let mut stored = full(AuditAction::SignInFailed);
    stored.event.reason = Some("a=b\\c|d\r\ncs1=forged".to_owned());
    stored.event.on_behalf_of = None;
    stored.event.actor = Actor::Anonymous;
    stored.event.details.retain(|(name, _)| name != "cause");
    let line = cef::line(&ocsf::of(&stored, &names(), &origin()));
    assert!(!line.contains(['\n', '\r']), "{line}");
    let header = format!(
        "CEF:0|Chaperone|Chaperone|{}|sign_in_failed|Authentication: Logon|6|",
        env!("CARGO_PKG_VERSION")
    );
    let rest = line.strip_prefix(&header).unwrap_or_else(|| panic!("{line}"));
    for part in [
        "rt=1790000000123 ",
        "outcome=failure ",
        "reason=a\\=b\\\\c|d\\ncs1\\=forged ",
        "src=192.0.2.7 ",
        "suser=pau|la \\= x ",
        "cn1=42 cn1Label=number ",
        "cs1=00000000-0000-0000-0000-000000000005 cs1Label=privileged_session_id ",
    ] {
        assert!(rest.contains(part), "{part} is not in {rest}");
    }
    let keys: Vec<&str> = rest.split(" cs1=").collect();
    assert_eq!(keys.len(), 2, "cs1 stands there once: {rest}");
}

#[test]
fn cef_severities_grow_with_those_of_the_table() {
    let number = |action| {
        let line = cef::line(&ocsf::of(&full(action), &names(), &origin()));
        line.split('|').nth(6).and_then(|severity| severity.parse::<u32>().ok()).expect("a number")
    };
    assert_eq!(meaning(AuditAction::RecordingDamaged).severity, Severity::High);
    let numbers = [
        AuditAction::SignInStarted,
        AuditAction::RecordingViewed,
        AuditAction::RecordingDownloaded,
        AuditAction::RecordingDamaged,
    ]
    .map(number);
    assert_eq!(numbers, [1, 3, 6, 8]);
}

#[test]
fn classes_read_back_by_name() {
    for class in Class::ALL {
        assert_eq!(Class::parse(class.name()), Some(class));
    }
    assert_eq!(Class::parse("Authentication"), None);
}
