use super::*;
use std::fs;

async fn sealed() -> (Place, RecordingId) {
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    for number in 0..6 {
        writer.append(vec![note(number)]).await.unwrap();
    }
    let seal = writer.seal(facts()).await.unwrap();
    assert!(seal.segments >= 2);
    (place, writer.recording())
}

#[tokio::test]
async fn any_flipped_byte_is_found_and_named() {
    let (place, id) = sealed().await;
    let vault = place.open();
    let folder = place.stored(id);
    let names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.len() >= 4);
    for name in names {
        let sound = fs::read(folder.join(&name)).unwrap();
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x01;
            fs::write(folder.join(&name), &bytes).unwrap();
            match vault.verify(id).await {
                Err(VaultError::Damaged { file, offset, .. }) => {
                    assert_eq!(file, name, "byte {at} of {name}");
                    assert!(offset <= at as u64, "byte {at} of {name} was named {offset}");
                }
                other => panic!("byte {at} of {name} was not found: {other:?}"),
            }
        }
        fs::write(folder.join(&name), &sound).unwrap();
    }
    vault.verify(id).await.unwrap();
}

#[tokio::test]
async fn what_is_before_the_damage_is_still_read() {
    let (place, id) = sealed().await;
    let path = place.stored(id).join("seg-000002.chs");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let vault = place.open();
    let mut reader = vault.reader(id).await.unwrap();
    let mut read = 0;
    let error = loop {
        match reader.next().await {
            Ok(Some(_)) => read += 1,
            Ok(None) => panic!("the damage was not seen"),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, VaultError::Damaged { file, .. } if file == "seg-000002.chs"), "{error}");
    assert!(read >= 3, "{read}");
    assert!(matches!(reader.next().await, Err(VaultError::Damaged { .. })), "it stays damaged");
}

#[tokio::test]
async fn a_missing_swapped_or_shortened_segment_is_found() {
    let (place, id) = sealed().await;
    let vault = place.open();
    let folder = place.stored(id);
    let first = fs::read(folder.join("seg-000001.chs")).unwrap();
    let second = fs::read(folder.join("seg-000002.chs")).unwrap();
    let found = |result: Result<Verified, VaultError>| match result {
        Err(VaultError::Damaged { file, .. }) => file,
        other => panic!("not found: {other:?}"),
    };

    fs::remove_file(folder.join("seg-000002.chs")).unwrap();
    assert_eq!(found(vault.verify(id).await), "seg-000002.chs");
    fs::write(folder.join("seg-000002.chs"), &first).unwrap();
    assert_eq!(found(vault.verify(id).await), "seg-000002.chs");
    fs::write(folder.join("seg-000002.chs"), &second).unwrap();

    // A whole frame less at the end of the last segment.
    let last = vault.verify(id).await.unwrap().seal.unwrap().segments;
    let name = format!("seg-{last:06}.chs");
    let mut reader = vault.reader(id).await.unwrap();
    let frames = reader.rest().await.unwrap();
    let cut = usize::try_from(frames.last().unwrap().offset).unwrap();
    let whole = fs::read(folder.join(&name)).unwrap();
    fs::write(folder.join(&name), &whole[..cut]).unwrap();
    assert!(found(vault.verify(id).await).starts_with("seg-"));
}

#[tokio::test]
async fn a_segment_of_another_recording_is_refused() {
    let place = Place::new();
    let vault = place.open();
    let one = vault.begin(recording(1), consent()).await.unwrap();
    let two = vault.begin(recording(2), consent()).await.unwrap();
    one.seal(facts()).await.unwrap();
    two.seal(facts()).await.unwrap();
    let name = "seg-000001.chs";
    fs::copy(place.stored(one.recording()).join(name), place.stored(two.recording()).join(name)).unwrap();
    assert!(
        matches!(vault.verify(two.recording()).await, Err(VaultError::Damaged { file, .. }) if file == name)
    );
    vault.verify(one.recording()).await.unwrap();
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_says_so() {
    let (mut place, id) = sealed().await;
    place.key = [6; 32];
    let vault = place.open();
    // The seal is signed with the other key, so that is seen first; without it, the wrapped key says so.
    assert!(matches!(vault.verify(id).await, Err(VaultError::Damaged { file, .. }) if file == "seal.json"));
    fs::remove_file(place.stored(id).join("seal.json")).unwrap();
    assert!(matches!(vault.verify(id).await, Err(VaultError::WrongKey)));
    assert!(matches!(vault.reader(id).await, Err(VaultError::WrongKey)));
    assert!(matches!(vault.resume(id).await, Err(VaultError::WrongKey)));
}
