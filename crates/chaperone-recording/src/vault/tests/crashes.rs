use super::*;
use crate::frame::HASH_BYTES;
use std::fs;

/// What a process left behind that was killed: its folders as they are on the disk.
async fn killed_after(notes: i64) -> (Place, RecordingId, Vec<u64>) {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let path = place.spooled(writer.recording()).join("seg-000001.chs");
    let mut ends = vec![fs::metadata(&path).unwrap().len()];
    for number in 0..notes {
        writer.append(vec![note(number)]).await.unwrap();
        ends.push(fs::metadata(&path).unwrap().len());
    }
    (place, writer.recording(), ends)
}

#[tokio::test]
async fn a_segment_cut_at_any_byte_keeps_exactly_its_whole_frames() {
    let (place, id, ends) = killed_after(3).await;
    let path = place.spooled(id).join("seg-000001.chs");
    let whole = fs::read(&path).unwrap();
    let manifest = fs::read(place.spooled(id).join("manifest.json")).unwrap();
    for cut in 0..=whole.len() {
        // Each time as the crash left it.
        let place = Place::new();
        let path = place.spooled(id).join("seg-000001.chs");
        fs::create_dir_all(place.spooled(id)).unwrap();
        fs::write(place.spooled(id).join("manifest.json"), &manifest).unwrap();
        fs::write(&path, &whole[..cut]).unwrap();
        let kept = ends.iter().filter(|end| **end <= cut as u64).count() as u64;

        let vault = place.open();
        let resumed = vault.resume(id).await;
        if kept == 0 {
            assert!(matches!(resumed, Err(VaultError::NotFound)), "no consent, no recording: {cut}");
            assert!(!place.spooled(id).exists());
            continue;
        }
        let resumed = resumed.unwrap();
        assert_eq!(resumed.frames, kept, "cut at {cut}");
        let last_end = *ends.iter().rfind(|end| **end <= cut as u64).unwrap();
        assert_eq!(resumed.torn_bytes, cut as u64 - last_end);
        let expected_last = if kept == 1 { at(0) } else { at(i64::try_from(kept).unwrap() - 2) };
        assert_eq!(resumed.last_frame_at, Some(expected_last));
        assert_eq!(resumed.writer.append(vec![note(77)]).await.unwrap(), kept);
        let mut expected: Vec<String> = (0..kept - 1).map(|number| format!("note {number}")).collect();
        expected.push("note 77".to_owned());
        assert_eq!(texts(&vault, id).await, expected);
        assert_eq!(vault.verify(id).await.unwrap().frames, kept + 1);
    }
}

#[tokio::test]
async fn a_torn_end_of_any_content_is_cut() {
    let (place, id, ends) = killed_after(2).await;
    let path = place.spooled(id).join("seg-000001.chs");
    let whole = fs::read(&path).unwrap();
    let end = usize::try_from(ends[2]).unwrap();
    // Pages that were never written read as zeros; others may hold anything.
    for tail in [vec![0; 5000], vec![0xff; 300], whole[100..].to_vec(), whole[..end].to_vec()] {
        fs::write(&path, [&whole[..end], &tail].concat()).unwrap();
        let vault = place.open();
        let resumed = vault.resume(id).await.unwrap();
        assert_eq!((resumed.frames, resumed.torn_bytes), (3, tail.len() as u64));
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[tokio::test]
async fn the_second_of_two_unsynced_frames_alone_is_cut_with_the_first() {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let id = writer.recording();
    let path = place.spooled(id).join("seg-000001.chs");
    let before = fs::read(&path).unwrap();
    writer.append(vec![note(1), note(2)]).await.unwrap();
    // They were written together: neither knew of the other being durable. The first one's page did not arrive.
    let mut bytes = fs::read(&path).unwrap();
    bytes[before.len()..before.len() + 60].fill(0);
    drop((vault, writer));
    fs::write(&path, bytes).unwrap();
    let resumed = place.open().resume(id).await.unwrap();
    assert_eq!(resumed.frames, 1);
}

#[tokio::test]
async fn damage_to_what_was_acknowledged_is_not_taken_for_a_torn_end() {
    let (place, id, ends) = killed_after(3).await;
    let path = place.spooled(id).join("seg-000001.chs");
    let whole = fs::read(&path).unwrap();
    for at in usize::try_from(ends[0]).unwrap()..usize::try_from(ends[1]).unwrap() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        match place.open().resume(id).await {
            Err(VaultError::Damaged { file, offset, .. }) => {
                assert_eq!((file.as_str(), offset), ("seg-000001.chs", ends[0]), "byte {at}");
            }
            other => {
                // The last bytes of the hash are what the next frame hangs on: with them goes the proof.
                let in_hash = at >= usize::try_from(ends[1]).unwrap() - HASH_BYTES;
                assert!(in_hash, "byte {at} was taken for torn: {other:?}");
            }
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was cut: byte {at}");
    }
}

#[tokio::test]
async fn a_segment_that_was_only_begun_is_forgotten() {
    let (place, id, _) = killed_after(2).await;
    for begun in [vec![], vec![0; 40], vec![0; 72], b"CHPSEG".to_vec()] {
        fs::write(place.spooled(id).join("seg-000002.chs"), &begun).unwrap();
        let vault = place.open();
        let resumed = vault.resume(id).await.unwrap();
        assert_eq!(resumed.frames, 3);
        assert!(!place.spooled(id).join("seg-000002.chs").exists());
    }
    let vault = place.open();
    let resumed = vault.resume(id).await.unwrap();
    resumed.writer.append(vec![note(9)]).await.unwrap();
    assert_eq!(texts(&vault, id).await, ["note 0", "note 1", "note 9"]);
}

#[tokio::test]
async fn a_seal_that_was_interrupted_anywhere_is_completed_by_calling_again() {
    // What is there after each step of sealing: seal written; some segments shipped; all of them; seal shipped.
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let id = writer.recording();
    writer.append(vec![dom(1, 2000)]).await.unwrap();
    writer.append(vec![dom(2, 2000)]).await.unwrap();
    writer.append(vec![note(1)]).await.unwrap();
    let seal = writer.seal(facts()).await.unwrap();
    drop((vault, writer));
    let sealed = place.stored(id);
    let files: Vec<(String, Vec<u8>)> = fs::read_dir(&sealed)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    let mut segments: Vec<&str> =
        files.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("seg")).collect();
    segments.sort_unstable();
    assert!(segments.len() >= 3);
    for shipped in 0..=segments.len() + 1 {
        fs::remove_dir_all(place.store()).unwrap();
        let _ = fs::remove_dir_all(place.spool());
        fs::create_dir_all(&sealed).unwrap();
        fs::create_dir_all(place.spooled(id)).unwrap();
        for (name, bytes) in &files {
            let here = place.spooled(id).join(name);
            let there = sealed.join(name);
            match segments.iter().position(|segment| segment == name) {
                Some(number) if number < shipped => fs::write(there, bytes).unwrap(),
                Some(_) => fs::write(here, bytes).unwrap(),
                None if name == "manifest.json" => {
                    if shipped > 0 {
                        fs::write(there, bytes).unwrap();
                    }
                    fs::write(here, bytes).unwrap();
                }
                None => {
                    if shipped > segments.len() {
                        fs::write(there, bytes).unwrap();
                    }
                    fs::write(here, bytes).unwrap();
                }
            }
        }
        let vault = place.open();
        assert_eq!(vault.spooled().unwrap(), [id]);
        let resumed = vault.resume(id).await.unwrap();
        assert_eq!(resumed.seal, Some(seal.clone()));
        assert_eq!(resumed.writer.seal(facts()).await.unwrap(), seal);
        assert!(vault.spooled().unwrap().is_empty());
        assert_eq!(
            vault.verify(id).await.unwrap().seal,
            Some(seal.clone()),
            "{shipped} segments were shipped"
        );
    }
}

#[tokio::test]
async fn resuming_what_goes_on_gives_a_second_hand_to_the_same_writer() {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    writer.append(vec![note(1)]).await.unwrap();
    let resumed = vault.resume(writer.recording()).await.unwrap();
    assert_eq!((resumed.frames, resumed.last_frame_at), (2, Some(at(1))));
    assert_eq!(resumed.writer.append(vec![note(2)]).await.unwrap(), 2);
    assert_eq!(writer.append(vec![note(3)]).await.unwrap(), 3);
}
