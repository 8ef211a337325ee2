use super::*;

/// A sealed recording of several segments, all of it in the store.
async fn sealed(vault: &Vault, number: u128) -> RecordingId {
    let writer = vault.begin(recording(number), consent()).await.expect("begins");
    for seed in 0..4 {
        writer.append(vec![dom(seed, 1_000), note(1)]).await.expect("written");
    }
    writer.seal(facts()).await.expect("sealed");
    writer.recording()
}

#[tokio::test]
async fn nothing_is_left_of_a_destroyed_recording_and_others_are_untouched() {
    let place = Place::small_segments();
    let vault = place.open();
    let (gone, stays) = (sealed(&vault, 1).await, sealed(&vault, 2).await);
    let asset = vault.put_asset("image/png", Bytes::from_static(b"shared")).await.expect("kept");
    assert!(std::fs::read_dir(place.stored(gone)).expect("there").count() > 3);
    for _ in 0..2 {
        vault.destroy(gone).await.expect("destroyed");
        let left = std::fs::read_dir(place.stored(gone)).map_or(0, Iterator::count);
        assert_eq!((left, place.spooled(gone).exists()), (0, false));
        assert!(matches!(vault.contents(gone).await, Err(VaultError::NotFound)));
        assert!(matches!(vault.words(gone).await, Err(VaultError::NotFound)));
    }
    vault.verify(stays).await.expect("sound");
    assert_eq!(vault.asset(&asset).await.expect("kept").bytes, Bytes::from_static(b"shared"));
}

#[tokio::test]
async fn broken_off_after_its_key_nothing_of_a_recording_can_be_read_and_destroying_goes_on() {
    let place = Place::small_segments();
    let vault = place.open();
    let id = sealed(&vault, 1).await;
    drop(vault);
    // What a crash leaves: the manifest with the wrapped key is gone, segments are there.
    std::fs::remove_file(place.stored(id).join("manifest.json")).expect("removed");
    let vault = place.open();
    assert!(matches!(vault.contents(id).await, Err(VaultError::NotFound)));
    vault.destroy(id).await.expect("destroyed");
    assert_eq!(std::fs::read_dir(place.stored(id)).map_or(0, Iterator::count), 0);
}

#[tokio::test]
async fn what_is_only_in_the_spool_is_destroyed_too() {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.expect("begins");
    writer.append(vec![note(1)]).await.expect("written");
    let id = writer.recording();
    drop((writer, vault));
    let vault = place.open();
    let used = vault.spool_bytes();
    assert!(used > 0);
    vault.destroy(id).await.expect("destroyed");
    assert_eq!((vault.spool_bytes(), vault.spooled().expect("listed")), (0, Vec::new()));
}
