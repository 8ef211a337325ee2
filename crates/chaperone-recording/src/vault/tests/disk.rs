use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test]
async fn a_full_spool_refuses_keeps_what_is_there_and_goes_on_when_there_is_room() {
    let mut place = Place::new();
    place.limits.max_spool_bytes = Some(20_000);
    place.limits.segment_bytes = 4_000;
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let id = writer.recording();
    // A page larger than all the room there is.
    assert!(matches!(writer.append(vec![dom(1, 60_000)]).await, Err(VaultError::StorageFull)));
    let mut kept = 0;
    for number in 0..20 {
        if writer.append(vec![note(number)]).await.is_ok() {
            kept += 1;
        }
    }
    assert_eq!(kept, 20, "small frames still fit");
    assert_eq!(texts(&vault, id).await.len(), 20);
    let seal = writer.seal(facts()).await.unwrap();
    assert_eq!(seal.frames, 21);
    vault.verify(id).await.unwrap();
}

#[tokio::test]
async fn a_disk_without_room_holds_new_recordings_back_and_lets_running_ones_finish() {
    let free = arc(AtomicU64::new(1_000_000));
    let mut place = Place::new();
    (place.limits.free_floor_bytes, place.limits.last_floor_bytes) = (100_000, 20_000);
    let mut config = place.config();
    let probe = free.clone();
    config.free_space = Arc::new(move |_| Ok(probe.load(Ordering::SeqCst)));
    let vault = Vault::open(config).unwrap();
    vault.ready().unwrap();
    let writer = vault.begin(recording(1), consent()).await.unwrap();

    free.store(99_999, Ordering::SeqCst);
    assert!(matches!(vault.ready(), Err(VaultError::StorageFull)));
    assert!(matches!(vault.begin(recording(2), consent()).await, Err(VaultError::StorageFull)));
    assert!(vault.spooled().unwrap() == [writer.recording()]);
    writer.append(vec![note(1)]).await.unwrap();

    free.store(20_010, Ordering::SeqCst);
    assert!(matches!(writer.append(vec![note(2)]).await, Err(VaultError::StorageFull)));
    free.store(1_000_000, Ordering::SeqCst);
    writer.append(vec![note(2)]).await.unwrap();
    assert_eq!(texts(&vault, writer.recording()).await, ["note 1", "note 2"]);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_noticed_before_anything_is_lost() {
    let place = Place::new();
    let vault = place.open();
    vault.probe().await.unwrap();
    vault.inner.spool.failing_syncs.store(1, Ordering::SeqCst);
    assert!(matches!(vault.probe().await, Err(VaultError::Io { .. })));
    vault.probe().await.unwrap();
    assert_eq!(vault.spooled().unwrap(), [], "what was tried is no recording");
}

#[tokio::test]
async fn after_a_failed_sync_nothing_counts_until_the_place_is_sound_again() {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let id = writer.recording();
    writer.append(vec![note(1)]).await.unwrap();

    vault.inner.spool.failing_syncs.store(1, Ordering::SeqCst);
    assert!(matches!(writer.append(vec![note(2)]).await, Err(VaultError::Io { .. })));
    assert_eq!(texts(&vault, id).await, ["note 1"], "what was not acknowledged is not shown");
    // The same call again: the disk is sound now, and nothing is there twice.
    assert_eq!(writer.append(vec![note(2)]).await.unwrap(), 2);
    assert_eq!(writer.append(vec![note(3)]).await.unwrap(), 3);
    assert_eq!(texts(&vault, id).await, ["note 1", "note 2", "note 3"]);
    drop((vault, writer));
    let resumed = place.open().resume(id).await.unwrap();
    assert_eq!(resumed.frames, 4);
}

#[tokio::test]
async fn a_sync_that_fails_when_a_segment_ends_or_a_recording_closes_loses_nothing_acknowledged() {
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..30 {
        if number % 3 == 0 {
            vault.inner.spool.failing_syncs.store(1, Ordering::SeqCst);
        }
        if writer.append(vec![note(number)]).await.is_ok() {
            acknowledged.push(format!("note {number}"));
        }
    }
    assert_eq!(acknowledged.len(), 20);
    vault.inner.spool.failing_syncs.store(1, Ordering::SeqCst);
    let first = writer.seal(facts()).await;
    assert!(matches!(first, Err(VaultError::Io { .. })) || first.is_ok());
    vault.inner.spool.failing_syncs.store(0, Ordering::SeqCst);
    assert_eq!(texts(&vault, writer.recording()).await, acknowledged);
    let seal = writer.seal(facts()).await.unwrap();
    assert_eq!(seal.frames, 21);
    assert_eq!(texts(&vault, writer.recording()).await, acknowledged);
    vault.verify(writer.recording()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_recordings_failing_disk_does_not_acknowledge_anothers_frames_wrongly() {
    let place = Place::new();
    let vault = place.open();
    let one = vault.begin(recording(1), consent()).await.unwrap();
    let two = vault.begin(recording(2), consent()).await.unwrap();
    let mut kept = [Vec::new(), Vec::new()];
    for round in 0..40 {
        vault.inner.spool.failing_syncs.store(1, Ordering::SeqCst);
        let (a, b) = tokio::join!(one.append(vec![note(round)]), two.append(vec![note(round)]));
        for (result, kept) in [a, b].iter().zip(&mut kept) {
            if result.is_ok() {
                kept.push(format!("note {round}"));
            }
        }
    }
    vault.inner.spool.failing_syncs.store(0, Ordering::SeqCst);
    assert!(kept[0].len() + kept[1].len() <= 40, "each failed sync refused somebody");
    assert_eq!(texts(&vault, one.recording()).await, kept[0]);
    assert_eq!(texts(&vault, two.recording()).await, kept[1]);
    vault.verify(one.recording()).await.unwrap();
    vault.verify(two.recording()).await.unwrap();
}
