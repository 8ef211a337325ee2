//! Exports that write themselves: nothing is missed, nothing is acknowledged that is not there, and what is missing of it
//! is found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chaperone_app::exports::Format;
use chaperone_app::faults::Faults;
use chaperone_app::lists::{EventFilter, Page};
use chaperone_app::notifications::{Channels, DeliveryError, Post, Poster, Webhook};
use chaperone_app::organization::OrganizationChange;
use chaperone_app::scheduled_exports::{NewScheduledExport, ScheduledExportChange, ScheduledExportView};
use chaperone_app::{AppError, Client, Op, jobs};
use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::ScheduledExportId;
use chaperone_domain::notification::NotificationKind;
use chaperone_domain::scheduled_export::{Every, ExportContent, FindingKind, RunState};
use chaperone_domain::sign_in::Channel;
use serde_json::{Value, json};

use crate::databases::run_past_the_store;
use crate::world::{PASSWORD, World};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

struct Away;

#[async_trait]
impl Poster for Away {
    async fn post(&self, _post: &Post) -> Result<(), DeliveryError> {
        Err(DeliveryError::Later("It is away.".to_owned()))
    }
}

fn channels() -> Channels {
    let webhook =
        Webhook { name: "chat".to_owned(), kinds: NotificationKind::ALL.to_vec(), poster: Arc::new(Away) };
    Channels { mailer: None, webhooks: vec![webhook] }
}

impl World {
    /// Where the tests' exports go.
    fn exports(&self) -> PathBuf {
        let folder = self.folder().join("exports");
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    fn new_export(&self, content: ExportContent) -> NewScheduledExport {
        NewScheduledExport {
            name: "For the auditors".to_owned(),
            content,
            every: Every::Day,
            format: Format::JsonLines,
            target: json!({"kind": "folder", "path": self.exports()}),
            starts_at: None,
        }
    }

    async fn exporting(&self, content: ExportContent) -> ScheduledExportId {
        let new = self.new_export(content);
        let view = self.app.create_scheduled_export(&self.op(&self.anna), new).await.expect("created");
        view.export.id
    }

    async fn export(&self, id: ScheduledExportId) -> ScheduledExportView {
        self.app.scheduled_export(&self.op(&self.anna), id).await.expect("there")
    }

    /// Paula signs in to the console.
    async fn paula_signs_in(&self) {
        let op = Op::anonymous(self.app.now(), Channel::Web, Client::new("192.0.2.9", "=cmd|' /C calc'!A0"));
        self.app.sign_in(&op, "paula", PASSWORD.to_owned()).await.expect("signed in");
    }

    async fn number_events(&self) {
        let numbered = self
            .rows()
            .await
            .keep_books(|books| Box::pin(async move { books.sequence_events(10_000).await }))
            .await;
        numbered.expect("numbered");
    }

    /// So many days go by; the job looks once at the end. What it wrote.
    async fn export_after_days(&self, days: i64) -> usize {
        self.clock.forward(days * DAY);
        self.number_events().await;
        jobs::export_due(&self.app).await.expect("looked")
    }

    async fn check(&self, id: ScheduledExportId) -> Vec<FindingKind> {
        let view = self.app.check_scheduled_export(&self.op(&self.anna), id).await.expect("checked");
        assert_eq!(view.export.check_problem, None);
        view.findings.iter().map(|finding| finding.kind).collect()
    }

    async fn count(&self, action: AuditAction) -> usize {
        let filter = EventFilter { action: Some(action), ..EventFilter::default() };
        let page = Page { after: None, limit: 500 };
        self.app.audit_events(&self.op(&self.anna), filter, page).await.expect("a trail").items.len()
    }

    /// What waits to be sent about exports.
    async fn was_told(&self) -> Vec<String> {
        let mut subjects = Vec::new();
        let rows = self.rows().await;
        let now = self.app.now();
        let until = self.clock.after(1);
        let taken = rows.keep_books(move |books| {
            Box::pin(async move {
                let channel = chaperone_domain::notification::Channel::Webhook;
                books.take_notifications(channel, now, until, 100).await
            })
        });
        for told in taken.await.expect("taken") {
            subjects.push(told.kind.name().to_owned());
        }
        subjects
    }
}

/// The files of a folder, by name.
fn files(folder: &PathBuf) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| {
            let entry = entry.expect("read");
            let name = entry.file_name().into_string().expect("a name");
            (name, std::fs::read(entry.path()).expect("read"))
        })
        .collect()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn manifest(files: &BTreeMap<String, Vec<u8>>, file: &str) -> Value {
    serde_json::from_slice(&files[&format!("{file}.manifest.json")]).expect("JSON")
}

#[tokio::test]
async fn each_day_has_a_file_named_by_it_and_a_manifest_that_names_the_one_before() {
    let world = World::new().await;
    let id = world.exporting(ExportContent::SignIns).await;
    world.paula_signs_in().await;
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 0, "the day is not over");
    assert_eq!(world.export_after_days(1).await, 1);
    world.paula_signs_in().await;
    world.paula_signs_in().await;
    // The machine was off for three days: what was missed is made up, day by day.
    assert_eq!(world.export_after_days(3).await, 3);
    let files = files(&world.exports());
    let names: Vec<_> = files.keys().filter(|name| !name.ends_with(".json")).cloned().collect();
    assert_eq!((names.len(), files.len()), (4, 8));
    assert!(names[0].starts_with("sign-ins_2026-09-21T00-00-00Z_2026-09-22T00-00-00Z"), "{names:?}");
    let mut before = Value::Null;
    for (number, (name, rows)) in names.iter().zip([1, 2, 0, 0]).enumerate() {
        let manifest = manifest(&files, name);
        assert_eq!(manifest["number"], number + 1);
        assert_eq!(manifest["rows"], rows);
        assert_eq!(lines(&files[name]).len(), rows);
        assert_eq!(manifest["bytes"], files[name].len());
        assert_eq!(manifest["sha256"], sha256(&files[name]));
        assert_eq!(manifest["previous_manifest_sha256"], before, "{name}");
        before = Value::from(sha256(&files[&format!("{name}.manifest.json")]));
    }
    let row = &lines(&files[&names[0]])[0];
    assert_eq!(
        (row["user_name"].as_str(), row["client_address"].as_str()),
        (Some("paula"), Some("192.0.2.9"))
    );
    let view = world.export(id).await;
    assert_eq!(view.runs.len(), 4);
    assert!(view.runs.iter().all(|run| run.state == RunState::Done && run.problem.is_none()));
    assert_eq!(world.count(AuditAction::ScheduledExportWritten).await, 4);
    assert_eq!(world.check(id).await, []);
}

#[tokio::test]
async fn files_of_the_trail_follow_each_other_number_by_number() {
    let world = World::new().await;
    let id = world.exporting(ExportContent::AuditEvents).await;
    for _ in 0..3 {
        world.paula_signs_in().await;
        assert_eq!(world.export_after_days(1).await, 1);
    }
    let files = files(&world.exports());
    let mut numbers = Vec::new();
    for name in files.keys().filter(|name| !name.ends_with(".json")) {
        let (rows, manifest) = (lines(&files[name]), manifest(&files, name));
        let of = |row: &Value| row["seq"].as_i64().expect("a number");
        assert_eq!(manifest["first_number"].as_i64(), rows.first().map(of));
        assert_eq!(manifest["last_number"].as_i64(), rows.last().map(of));
        numbers.extend(rows.iter().map(of));
    }
    assert!(numbers.len() > 5);
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    assert_eq!(world.check(id).await, []);
    // What retention deletes keeps its number, so nothing is missing.
    let keep = OrganizationChange { audit_retention_days: Some(1), ..OrganizationChange::default() };
    world.app.change_organization(&world.op(&world.anna), keep).await.expect("changed");
    world.paula_signs_in().await;
    for _ in 0..3 {
        world.export_after_days(1).await;
        jobs::apply_retention(&world.app).await.expect("applied");
    }
    assert!(world.count(AuditAction::AuditLogDeleted).await > 0);
    assert_eq!(world.check(id).await, []);
}

#[tokio::test]
async fn a_week_begins_on_monday_and_history_is_made_up() {
    let world = World::new().await;
    let new = NewScheduledExport {
        every: Every::Week,
        starts_at: Some(world.clock.after(-20 * DAY)),
        ..world.new_export(ExportContent::SignIns)
    };
    let view = world.app.create_scheduled_export(&world.op(&world.anna), new).await.expect("created");
    assert_eq!(view.export.starts_at, "2026-08-31T00:00:00Z".parse::<Instant>().expect("a Monday"));
    // 21 September 2026 is a Monday.
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 3);
    let files = files(&world.exports());
    assert!(
        files.contains_key("sign-ins_2026-09-14T00-00-00Z_2026-09-21T00-00-00Z.jsonl"),
        "{:?}",
        files.keys()
    );
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_what_to_do() {
    let world = World::new().await;
    let anna = world.op(&world.anna);
    let create = async |change: fn(&mut NewScheduledExport, &World)| {
        let mut new = world.new_export(ExportContent::SignIns);
        change(&mut new, &world);
        match world.app.create_scheduled_export(&anna, new).await {
            Err(AppError::Invalid(fields)) => (fields[0].name, fields[0].detail.clone()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(create(|new, _| new.name = " ".to_owned()).await.0, "name-length");
    assert_eq!(create(|new, world| new.starts_at = Some(world.clock.after(1))).await.0, "start-range");
    assert_eq!(
        create(|new, world| new.starts_at = Some(world.clock.after(-4_000 * DAY))).await.0,
        "start-range"
    );
    let gone = create(|new, _| new.target = json!({"kind": "folder", "path": "/nowhere/at/all"})).await;
    assert!(gone.0 == "target-unusable" && gone.1.contains("It is not there"), "{gone:?}");
    let secret = create(|new, _| {
        new.target = json!({"kind": "s3", "bucket": "b", "region": "r", "access_key_id": "id",
            "secret_access_key": "file:not-there"});
    })
    .await;
    assert!(secret.1.contains("file:not-there"), "{secret:?}");
    assert_eq!(files(&world.exports()).len(), 0, "nothing is left of trying");

    let paula = world.op(&world.paula);
    let new = world.new_export(ExportContent::SignIns);
    assert!(matches!(
        world.app.create_scheduled_export(&paula, new).await,
        Err(AppError::RoleMissing { .. })
    ));
    let id = world.exporting(ExportContent::SignIns).await;
    let twice = world.app.create_scheduled_export(&anna, world.new_export(ExportContent::SignIns)).await;
    assert!(matches!(twice, Err(AppError::Conflict { .. })), "{twice:?}");
    let nothing = world.app.run_scheduled_export(&anna, id, None).await;
    assert!(matches!(nothing, Err(AppError::Refused { name: "nothing-due", .. })), "{nothing:?}");
    let unknown = world.app.run_scheduled_export(&anna, id, Some(world.app.now())).await;
    assert!(matches!(unknown, Err(AppError::Invalid(_))), "{unknown:?}");
    let pause = ScheduledExportChange { active: Some(false), ..ScheduledExportChange::default() };
    world.app.change_scheduled_export(&anna, id, pause).await.expect("paused");
    assert_eq!(world.export_after_days(3).await, 0);
    let paused = world.app.run_scheduled_export(&anna, id, None).await;
    assert!(matches!(paused, Err(AppError::Refused { name: "export-paused", .. })), "{paused:?}");
    let stale = ScheduledExportChange { version: Some(1), ..ScheduledExportChange::default() };
    assert!(matches!(world.app.change_scheduled_export(&anna, id, stale).await, Err(AppError::Stale)));
    let on = ScheduledExportChange { active: Some(true), ..ScheduledExportChange::default() };
    world.app.change_scheduled_export(&anna, id, on).await.expect("it goes on");
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 3, "what was missed is made up");
    world.app.remove_scheduled_export(&anna, id).await.expect("removed");
    assert!(matches!(world.app.scheduled_export(&anna, id).await, Err(AppError::NotFound { .. })));
    assert_eq!(files(&world.exports()).len(), 6, "files stay");
}

#[tokio::test]
async fn killed_at_any_step_the_file_is_whole_after_the_next_start_and_is_told_once() {
    for stop_at in ["export.taken", "export.file_written", "export.manifest_written"] {
        let mut world = World::new().await;
        let id = world.exporting(ExportContent::SignIns).await;
        world.paula_signs_in().await;
        world.restart(Faults::new(move |step| assert_ne!(step, stop_at, "killed"))).await;
        world.clock.forward(DAY);
        let app = world.app.clone();
        let killed = tokio::spawn(async move { jobs::export_due(&app).await }).await.expect("joined");
        assert!(killed.is_err(), "{stop_at}");
        assert_eq!(world.count(AuditAction::ScheduledExportWritten).await, 0, "{stop_at}");
        world.restart(Faults::none()).await;
        assert_eq!(
            jobs::export_due(&world.app).await.expect("looked"),
            0,
            "whoever began may still be at it"
        );
        world.clock.forward(301);
        assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 1, "{stop_at}");
        assert_eq!(world.count(AuditAction::ScheduledExportWritten).await, 1);
        assert_eq!(files(&world.exports()).len(), 2, "{stop_at}");
        assert_eq!(world.check(id).await, []);
    }
}

#[tokio::test]
async fn a_target_that_is_gone_is_said_told_and_made_up_once_it_is_back() {
    let world = World::telling(channels()).await;
    let id = world.exporting(ExportContent::SignIns).await;
    let aside = world.folder().join("aside");
    std::fs::rename(world.exports(), &aside).expect("gone");
    assert_eq!(world.export_after_days(1).await, 0);
    let run = world.export(id).await.runs[0].clone();
    assert!(run.problem.as_deref().is_some_and(|problem| problem.contains("It is not there")), "{run:?}");
    assert_eq!(
        (run.state, run.attempt, run.next_try_at),
        (RunState::Waiting, 1, Some(world.clock.after(30)))
    );
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 0, "not before its time");
    for _ in 0..8 {
        world.clock.forward(HOUR);
        assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 0);
    }
    assert_eq!(world.count(AuditAction::ScheduledExportFailing).await, 1, "told once");
    assert_eq!(world.was_told().await, ["scheduled_export_failing"]);
    let checked = world.app.check_scheduled_export(&world.op(&world.anna), id).await.expect("looked");
    assert!(checked.export.check_problem.is_some_and(|problem| problem.contains("It is not there")));
    std::fs::rename(&aside, world.folder().join("exports")).expect("back");
    world.app.run_scheduled_export(&world.op(&world.anna), id, None).await.expect("at once");
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 1);
    assert_eq!(world.check(id).await, []);
}

#[tokio::test]
async fn a_file_of_somebody_else_is_never_written_over() {
    let world = World::new().await;
    let id = world.exporting(ExportContent::SignIns).await;
    let name = "sign-ins_2026-09-21T00-00-00Z_2026-09-22T00-00-00Z.jsonl";
    std::fs::write(world.exports().join(name), "mine").expect("written");
    assert_eq!(world.export_after_days(1).await, 0);
    let problem = world.export(id).await.runs[0].problem.clone().expect("said");
    assert!(problem.contains("did not write it"), "{problem}");
    assert_eq!(files(&world.exports())[name], b"mine");
}

#[tokio::test]
async fn the_gap_detector_finds_what_is_missing_or_changed_and_says_when_it_is_well_again() {
    let world = World::telling(channels()).await;
    let id = world.exporting(ExportContent::SignIns).await;
    for _ in 0..4 {
        world.paula_signs_in().await;
        world.export_after_days(1).await;
    }
    assert_eq!(world.check(id).await, []);
    let folder = world.exports();
    let before = files(&folder);
    let names: Vec<_> = before.keys().filter(|name| !name.ends_with(".manifest.json")).cloned().collect();
    let restore = |name: &str| std::fs::write(folder.join(name), &before[name]).expect("restored");
    let of = |name: &str| format!("{name}.manifest.json");

    std::fs::remove_file(folder.join(&names[0])).expect("removed");
    let mut bytes = before[&names[1]].clone();
    bytes[10] ^= 1;
    std::fs::write(folder.join(&names[1]), bytes).expect("changed");
    std::fs::remove_file(folder.join(of(&names[2]))).expect("removed");
    // Somebody who knows how makes a manifest that reads well.
    let mut forged: Value = serde_json::from_slice(&before[&of(&names[3])]).expect("JSON");
    forged["rows"] = 0.into();
    forged["previous_manifest_sha256"] = "00".into();
    std::fs::write(folder.join(of(&names[3])), forged.to_string()).expect("forged");
    let found = [
        FindingKind::FileMissing,
        FindingKind::FileChanged,
        FindingKind::ManifestMissing,
        FindingKind::ChainBroken,
        FindingKind::ManifestChanged,
    ];
    assert_eq!(world.check(id).await, found);
    assert_eq!(world.check(id).await, found, "it stays so, and is told once");
    assert_eq!(world.count(AuditAction::ExportGapFound).await, found.len());
    assert_eq!(world.was_told().await, ["export_gap_found"]);
    let view = world.export(id).await;
    assert!(view.findings[0].detail.contains(&names[0]), "{:?}", view.findings);

    for name in [names[1].clone(), of(&names[2]), of(&names[3])] {
        restore(&name);
    }
    assert_eq!(world.check(id).await, [FindingKind::FileMissing]);
    // The interval is written again: the old file is not expected any more.
    let anna = world.op(&world.anna);
    let start = view.findings[0].interval.start;
    world.app.run_scheduled_export(&anna, id, Some(start)).await.expect("laid down");
    let second = world.app.run_scheduled_export(&anna, id, Some(start)).await;
    assert!(matches!(second, Err(AppError::Refused { name: "run-waiting", .. })), "{second:?}");
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 1);
    assert!(files(&folder).keys().any(|name| name.ends_with(".again-1.jsonl")));
    assert_eq!(world.check(id).await, []);
    assert_eq!(world.count(AuditAction::ExportGapClosed).await, found.len());
    world.clock.forward(2);
    assert!(world.was_told().await.contains(&"export_gap_closed".to_owned()));
    // The chain goes on behind the one that was written again.
    assert_eq!(world.export_after_days(1).await, 1);
    assert_eq!(world.check(id).await, []);
}

#[tokio::test]
async fn the_gap_detector_counts_the_rows_and_finds_intervals_that_were_not_written() {
    let world = World::new().await;
    let id = world.exporting(ExportContent::SignIns).await;
    world.paula_signs_in().await;
    let late = world.app.now();
    world.export_after_days(1).await;
    // A sign-in of that day comes late, as after a clock that was wrong.
    let op = Op { at: late, ..Op::anonymous(late, Channel::Web, Client::new("192.0.2.9", "late")) };
    world.app.sign_in(&op, "paula", PASSWORD.to_owned()).await.expect("signed in");
    assert_eq!(world.check(id).await, [FindingKind::RowsNotInFile]);
    let start = world.export(id).await.findings[0].interval.start;
    world.app.run_scheduled_export(&world.op(&world.anna), id, Some(start)).await.expect("laid down");
    jobs::export_due(&world.app).await.expect("looked");
    assert_eq!(world.check(id).await, []);

    // Nothing looked for days: the detector says so before the job makes it up.
    world.clock.forward(3 * DAY);
    let missed = world.check(id).await;
    assert_eq!(missed, [FindingKind::MissedInterval; 3]);
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 3);
    assert_eq!(world.check(id).await, []);
}

#[tokio::test]
async fn rows_that_somebody_removed_past_us_are_found_and_those_that_retention_deleted_are_not_missed() {
    let world = World::new().await;
    let keep = OrganizationChange { sign_in_retention_days: Some(1), ..OrganizationChange::default() };
    world.app.change_organization(&world.op(&world.anna), keep).await.expect("changed");
    let id = world.exporting(ExportContent::SignIns).await;
    let mut retained = 0;
    for _ in 0..2 {
        let op = Op::anonymous(world.app.now(), Channel::Web, Client::new("192.0.2.9", "test"));
        let signed_in = world.app.sign_in(&op, "paula", PASSWORD.to_owned()).await.expect("signed in");
        let op = Op { sign_in_id: Some(signed_in.sign_in.id), ..world.op(&world.paula) };
        world.app.sign_out(&op).await.expect("signed out");
        world.export_after_days(1).await;
        let looked = jobs::apply_retention(&world.app).await.expect("applied").expect("it does not wait");
        retained += looked.sign_ins;
    }
    assert_eq!(retained, 1, "the first day's row has expired");
    assert_eq!(world.check(id).await, [], "it is in its file, and retention said that it went");

    let url = world.database_url();
    // Its secret went when it ended, so nothing refers to the row.
    assert_eq!(run_past_the_store(&url, "DELETE FROM sign_ins").await, 1, "the second day's");
    assert_eq!(world.check(id).await, [FindingKind::RowsNotInDatabase]);
    let view = world.export(id).await;
    assert_eq!(view.findings[0].interval, view.runs[0].interval);
    assert!(view.findings[0].detail.contains("retention deleted none"), "{:?}", view.findings);
    assert_eq!(world.count(AuditAction::ExportGapFound).await, 1);
}
