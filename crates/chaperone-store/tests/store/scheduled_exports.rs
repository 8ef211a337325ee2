//! Scheduled exports: what is to be written, who writes it, and what does not fit.

use chaperone_domain::Instant;
use chaperone_domain::ids::ScheduledExportId;
use chaperone_domain::scheduled_export::{
    Every, ExportContent, ExportRun, Finding, FindingKind, Interval, RunState, ScheduledExport, Written,
};
use chaperone_domain::sign_in::{EndKind, SignIn, SignInEnd};
use chaperone_store::StoreError;

use crate::world::{World, at};

fn export(world: &World, name: &str) -> ScheduledExport {
    ScheduledExport {
        id: ScheduledExportId::new(world.id()),
        name: name.to_owned(),
        content: ExportContent::SignIns,
        every: Every::Week,
        format: "csv".to_owned(),
        target: r#"{"kind":"folder","path":"/srv"}"#.to_owned(),
        starts_at: at(0),
        active: true,
        created_at: at(1),
        removed_at: None,
        checked_at: None,
        check_problem: None,
        version: 1,
    }
}

fn run(export: &ScheduledExport, number: i64, start: i64) -> ExportRun {
    ExportRun {
        export_id: export.id,
        number,
        interval: Interval { start: at(start), end: at(start + 100) },
        revision: 0,
        state: RunState::Waiting,
        after_seq: 3,
        last_seq: 0,
        fence: 0,
        lease_until: None,
        attempt: 0,
        next_try_at: None,
        problem: None,
        problem_since: None,
        told_at: None,
        created_at: at(5),
        written: None,
        verified_at: None,
    }
}

fn written(second: i64) -> Written {
    Written {
        file: format!("file-{second}.csv"),
        rows: 7,
        bytes: 700,
        sha256: [1; 32],
        manifest_sha256: [2; 32],
        at: at(second),
    }
}

async fn add(world: &World, export: &ScheduledExport) -> Result<(), StoreError> {
    world
        .change(export.clone(), |tx, export| {
            Box::pin(async move { tx.insert_scheduled_export(&export).await })
        })
        .await
}

async fn update(world: &World, export: &ScheduledExport, version: i64) -> Result<(), StoreError> {
    world
        .change((export.clone(), version), |tx, (export, version)| {
            Box::pin(async move { tx.update_scheduled_export(&export, version).await })
        })
        .await
}

async fn lay_down(world: &World, run: &ExportRun) -> Result<(), StoreError> {
    world
        .books(run.clone(), |books, run| Box::pin(async move { books.lay_down_export_run(&run).await }))
        .await
}

async fn take(world: &World, run: &ExportRun, now: Instant, until: Instant) -> Option<ExportRun> {
    let of = (run.export_id, run.number, now, until);
    let taken = world.books(of, |books, (id, number, now, until)| {
        Box::pin(async move { books.take_export_run(id, number, now, until).await })
    });
    taken.await.expect("asked")
}

async fn done(world: &World, run: &ExportRun, written: &Written) -> Result<(), StoreError> {
    world
        .change((run.clone(), written.clone()), |tx, (run, written)| {
            Box::pin(async move { tx.export_written(&run, &written).await })
        })
        .await
}

async fn last(world: &World, export: &ScheduledExport) -> Option<ExportRun> {
    world.store.read().last_export_run(export.id).await.expect("read")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_reads_back_changes_by_version_and_its_name_is_free_once_it_is_removed() {
    for world in World::each().await {
        let first = export(&world, "Weekly");
        add(&world, &first).await.expect("stored");
        assert_eq!(world.store.read().scheduled_exports().await, Ok(vec![first.clone()]));
        let conflict = Err(StoreError::Conflict { constraint: "scheduled_exports_name".to_owned() });
        assert_eq!(add(&world, &export(&world, "WEEKLY")).await, conflict);
        let changed = ScheduledExport { active: false, format: "jsonl".to_owned(), ..first.clone() };
        assert_eq!(update(&world, &changed, 2).await, Err(StoreError::Stale));
        update(&world, &changed, 1).await.expect("changed");
        let stored = world.store.read().scheduled_export(first.id).await.expect("read");
        assert_eq!(stored, Some(ScheduledExport { version: 2, ..changed.clone() }));
        let removed = ScheduledExport { removed_at: Some(at(9)), ..changed };
        update(&world, &removed, 2).await.expect("removed");
        assert_eq!(world.store.read().scheduled_exports().await, Ok(Vec::new()));
        add(&world, &export(&world, "weekly")).await.expect("the name is free");
        assert!(world.store.read().scheduled_export(first.id).await.expect("read").is_some(), "it stays");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_want_to_write_a_run_one_has_it_until_its_lease_is_over() {
    for world in World::each().await {
        let export = export(&world, "Weekly");
        add(&world, &export).await.expect("stored");
        let first = run(&export, 1, 0);
        let laid = futures_util::future::join_all((0..6).map(|_| lay_down(&world, &first))).await;
        let conflict = Err(StoreError::Conflict { constraint: "scheduled_export_runs_pkey".to_owned() });
        assert_eq!(laid.iter().filter(|laid| laid.is_ok()).count(), 1, "{laid:?}");
        assert_eq!(laid.iter().filter(|laid| **laid == conflict).count(), 5, "{laid:?}");
        assert_eq!(last(&world, &export).await, Some(first.clone()));

        let taken =
            futures_util::future::join_all((0..6).map(|_| take(&world, &first, at(10), at(20)))).await;
        let mut taken: Vec<ExportRun> = taken.into_iter().flatten().collect();
        assert_eq!(taken.len(), 1);
        let mine = taken.remove(0);
        assert_eq!((mine.fence, mine.lease_until), (1, Some(at(20))));
        assert_eq!(take(&world, &first, at(19), at(30)).await, None);
        let renewed = world.books(mine.clone(), |books, run| {
            Box::pin(async move { books.renew_export_run(&run, at(25)).await })
        });
        assert_eq!(renewed.await, Ok(true));
        assert_eq!(take(&world, &first, at(24), at(30)).await, None);
        let theirs = take(&world, &first, at(25), at(35)).await.expect("the lease is over");
        assert_eq!(theirs.fence, 2);

        // Whoever lost the lease is not believed, whatever they wrote.
        let renewed = world.books(mine.clone(), |books, run| {
            Box::pin(async move { books.renew_export_run(&run, at(99)).await })
        });
        assert_eq!(renewed.await, Ok(false));
        assert_eq!(done(&world, &mine, &written(26)).await, Err(StoreError::Stale));
        let numbered = ExportRun { last_seq: 12, ..theirs.clone() };
        done(&world, &numbered, &written(27)).await.expect("done");
        assert_eq!(done(&world, &numbered, &written(28)).await, Err(StoreError::Stale));
        let stored = last(&world, &export).await.expect("there");
        assert_eq!((stored.state, stored.written, stored.last_seq), (RunState::Done, Some(written(27)), 12));
        assert_eq!(take(&world, &first, at(1_000), at(1_001)).await, None, "nothing is to be done any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_is_tried_again_then_and_at_once_when_the_export_was_changed() {
    for world in World::each().await {
        let export = export(&world, "Weekly");
        add(&world, &export).await.expect("stored");
        let first = run(&export, 1, 0);
        lay_down(&world, &first).await.expect("laid down");
        let fail = async |second: i64| {
            let mine = take(&world, &first, at(second), at(second + 5)).await.expect("due");
            let failed = world.books((mine, second), |books, (run, second)| {
                Box::pin(async move {
                    books.export_run_failed(&run, "There is no room.", at(second), at(second + 30)).await
                })
            });
            assert_eq!(failed.await, Ok(true));
        };
        fail(10).await;
        fail(40).await;
        let stored = last(&world, &export).await.expect("there");
        assert_eq!((stored.attempt, stored.next_try_at), (2, Some(at(70))));
        assert_eq!(
            (stored.problem.as_deref(), stored.problem_since),
            (Some("There is no room."), Some(at(10)))
        );
        assert_eq!(take(&world, &first, at(69), at(99)).await, None);
        update(&world, &export, 1).await.expect("changed");
        assert!(take(&world, &first, at(69), at(99)).await.is_some());
        let tell = async || {
            let told = world.change(first.clone(), |tx, run| {
                Box::pin(async move { tx.export_failing_told(&run, at(80)).await })
            });
            told.await
        };
        assert_eq!((tell().await, tell().await), (Ok(()), Err(StoreError::Stale)), "told once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_by_number_and_by_interval() {
    for world in World::each().await {
        let export = export(&world, "Weekly");
        add(&world, &export).await.expect("stored");
        for (number, start, revision) in [(1, 0, 0), (2, 100, 0), (3, 0, 1), (4, 200, 0)] {
            lay_down(&world, &ExportRun { revision, ..run(&export, number, start) })
                .await
                .expect("laid down");
        }
        let read = world.store.read();
        let numbers = |runs: Vec<ExportRun>| runs.iter().map(|run| run.number).collect::<Vec<_>>();
        assert_eq!(numbers(read.export_runs(export.id, i64::MAX, 10).await.expect("read")), [4, 3, 2, 1]);
        assert_eq!(numbers(read.export_runs(export.id, 3, 1).await.expect("read")), [2]);
        assert_eq!(numbers(read.export_runs_after(export.id, 1, 2).await.expect("read")), [2, 3]);
        let again = read.export_run_of(export.id, at(0)).await.expect("read").expect("there");
        assert_eq!((again.number, again.revision), (3, 1));
        assert_eq!(read.export_run_of(export.id, at(1)).await, Ok(None));
        let latest = read.latest_export_interval(export.id).await.expect("read");
        assert_eq!(latest, Some(Interval { start: at(200), end: at(300) }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_stay_until_they_are_well_again_and_one_looks_at_a_time() {
    for world in World::each().await {
        let export = export(&world, "Weekly");
        add(&world, &export).await.expect("stored");
        let finding = |kind, start: i64| Finding {
            kind,
            interval: Interval { start: at(start), end: at(start + 100) },
            detail: "It is not there.".to_owned(),
            found_at: at(500),
        };
        let (missing, changed) =
            (finding(FindingKind::FileMissing, 100), finding(FindingKind::FileChanged, 0));
        let change = async |found: Vec<Finding>, gone: Vec<Finding>| {
            let changed = world.change((export.id, found, gone), |tx, (id, found, gone)| {
                Box::pin(async move { tx.change_export_findings(id, &found, &gone).await })
            });
            changed.await
        };
        change(vec![missing.clone(), changed.clone()], Vec::new()).await.expect("kept");
        let found = world.store.read().export_findings(export.id).await.expect("read");
        assert_eq!(found, [changed.clone(), missing.clone()]);
        change(Vec::new(), vec![changed.clone()]).await.expect("well again");
        assert_eq!(change(Vec::new(), vec![changed]).await, Err(StoreError::Stale));
        assert_eq!(world.store.read().export_findings(export.id).await, Ok(vec![missing]));

        let take = async |second: i64| {
            let taken = world.books((export.id, at(second)), |books, (id, now)| {
                let until = now + jiff::SignedDuration::from_secs(60);
                Box::pin(async move { books.take_export_check(id, now, until).await })
            });
            taken.await.expect("asked")
        };
        let takers = futures_util::future::join_all((0..6).map(|_| take(10))).await;
        assert_eq!(takers.iter().filter(|taken| **taken).count(), 1);
        assert!(!take(69).await);
        assert!(take(70).await, "whoever looked is gone");
        let checked = world.books(export.id, |books, id| {
            Box::pin(async move { books.export_checked(id, at(71), Some("It is read-only.")).await })
        });
        checked.await.expect("kept");
        assert!(take(71).await);
        let stored = world.store.read().scheduled_export(export.id).await.expect("read").expect("there");
        assert_eq!(
            (stored.checked_at, stored.check_problem.as_deref()),
            (Some(at(71)), Some("It is read-only."))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_interval_and_numbers_before_an_instant_are_counted() {
    for world in World::each().await {
        for second in [0, 50, 99, 100] {
            let end = SignInEnd { at: at(second), kind: EndKind::SignedOut, estimated: false };
            let sign_in = SignIn { end: Some(end), ..world.console_sign_in(second) };
            world.add_sign_in(&sign_in).await.expect("stored");
        }
        let read = world.store.read();
        let interval = Interval { start: at(0), end: at(100) };
        assert_eq!(read.sign_ins_in(interval).await, Ok(3));
        assert_eq!(read.sign_ins_deleted_up_to().await, Ok(None));
        assert_eq!(read.last_number_before(at(0)).await, Ok(0), "nothing has a number");
        let numbered =
            world.books((), |books, ()| Box::pin(async move { books.sequence_events(1_000).await })).await;
        let many = i64::try_from(numbered.expect("numbered")).expect("small");
        assert_eq!(read.last_number_before(at(0)).await, Ok(many));
        assert_eq!(read.last_number_before(at(-2_000)).await, Ok(0));
        assert_eq!(read.events_numbered(1, many).await, Ok(u64::try_from(many - 1).expect("positive")));
    }
}
