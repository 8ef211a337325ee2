use super::*;
use crate::FrameKind;
use object_store::path::Path as BlobPath;

fn one_of_each() -> Vec<NewFrame> {
    let document = DocumentId::new(Uuid::from_u128(7));
    let batch = BatchHead {
        document,
        epoch: 1,
        sequence: 4,
        since_start_ms: 9,
        hidden: true,
        tail: true,
        ended: true,
    };
    let entries = |json: &str| PageEntries { batch, json: Bytes::from(json.to_owned()) };
    let bodies = vec![
        FrameBody::Consent(consent()),
        FrameBody::DocumentIssued(DocumentIssued {
            document,
            url: "http://e/".into(),
            top: true,
            target: None,
        }),
        FrameBody::DocumentState(DocumentState {
            document,
            state: DocumentPhase::Lost,
            reason: Some("gap".into()),
        }),
        FrameBody::Dom(entries(r#"[{"type":2,  "data":{}}]"#), true),
        FrameBody::Steps(entries(r#"[{"seq":0,"kind":"click","future":1}]"#)),
        FrameBody::Intents(entries("[{}]")),
        FrameBody::Health(entries("[]")),
        FrameBody::ExchangeOpened(ExchangeOpened {
            exchange: exchange(1),
            document: Some(document),
            sequence: Some(4),
            step: Some(0),
            target: None,
            kind: OpenedKind::Change,
            method: "POST".into(),
            url: "http://e/v?x=1".into(),
            headers: vec![("accept".into(), "*/*".into())],
        }),
        FrameBody::ExchangeBody(ExchangeBody {
            exchange: exchange(1),
            offset: 3,
            bytes: Bytes::from_static(b"\x00\xffabc"),
        }),
        FrameBody::ExchangeClosed(ExchangeClosed {
            exchange: exchange(1),
            outcome: Outcome::Done,
            reason: None,
            status: Some(200),
            headers: vec![("content-type".into(), "text/plain".into())],
            request_bytes: 8,
            request_sha256: Some([1; 32]),
            response_bytes: 2,
            response_sha256: None,
            duration_ms: 12,
            preview: Bytes::from_static(b"ok"),
        }),
        FrameBody::ExchangeRead(ExchangeRead {
            exchange: exchange(2),
            document: None,
            target: None,
            method: "GET".into(),
            url: "http://e/".into(),
            status: 304,
            content_type: String::new(),
            response_bytes: 0,
            response_sha256: Some([2; 32]),
            duration_ms: 1,
        }),
        FrameBody::WebSocketMessage(WebSocketMessage {
            exchange: exchange(3),
            direction: Direction::ToTarget,
            sequence: Some(4),
            text: true,
            bytes: 5,
            sha256: [3; 32],
            content: Some(Bytes::from_static(b"hello")),
        }),
        FrameBody::AssetServed(AssetServed {
            document: None,
            url: "http://e/a.css".into(),
            sha256: [4; 32],
            content_type: "text/css".into(),
            bytes: 4,
        }),
        FrameBody::Gap(Gap { document: None, reason: "interrupted".into(), detail: "…".into() }),
        FrameBody::Refusal(Refusal {
            document: None,
            method: "POST".into(),
            url: "/x".into(),
            reason: "stale".into(),
        }),
        FrameBody::Note(Note { topic: "t".into(), text: "x".into() }),
    ];
    bodies
        .into_iter()
        .enumerate()
        .map(|(n, body)| NewFrame { at: at(i64::try_from(n).unwrap()), body })
        .collect()
}

#[tokio::test]
async fn every_kind_of_frame_reads_as_it_was_written() {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let written = one_of_each();
    assert_eq!(written.iter().map(|frame| frame.body.kind()).collect::<Vec<_>>(), FrameKind::ALL);
    assert_eq!(writer.append(written.clone()).await.unwrap(), written.len() as u64);

    let mut reader = vault.reader(writer.recording()).await.unwrap();
    let first = reader.next().await.unwrap().unwrap();
    assert_eq!((first.sequence, first.body), (0, FrameBody::Consent(consent())));
    let read: Vec<NewFrame> = reader
        .rest()
        .await
        .unwrap()
        .into_iter()
        .map(|frame| NewFrame { at: frame.at, body: frame.body })
        .collect();
    assert_eq!(read, written);
}

#[tokio::test]
async fn a_recording_that_goes_on_is_read_to_its_durable_end_and_further() {
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let mut reader = vault.reader(writer.recording()).await.unwrap();
    let mut seen = 0;
    for number in 0..40 {
        let waiting = tokio::spawn({
            let writer = writer.clone();
            async move { writer.append(vec![note(number)]).await }
        });
        assert!(reader.more().await);
        let frames = reader.rest().await.unwrap();
        seen += frames.len();
        waiting.await.unwrap().unwrap();
        seen += reader.rest().await.unwrap().len();
    }
    assert_eq!(seen, 41);
    writer.seal(facts()).await.unwrap();
    assert!(!reader.more().await, "nothing more will come");
    assert!(reader.next().await.unwrap().is_none());
}

#[tokio::test]
async fn complete_segments_are_shipped_and_read_as_if_they_were_here() {
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let id = writer.recording();
    for number in 0..30 {
        writer.append(vec![note(number)]).await.unwrap();
    }
    until("all but the open segment are shipped", || vault.inner.spool.segments(id).unwrap().len() == 1)
        .await;
    assert!(place.stored(id).join("seg-000001.chs").exists());
    assert!(place.stored(id).join("manifest.json").exists());
    let expected: Vec<String> = (0..30).map(|number| format!("note {number}")).collect();
    assert_eq!(texts(&vault, id).await, expected);
    let held =
        std::fs::read_dir(place.spooled(id)).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    assert_eq!(vault.spool_bytes(), held.sum::<u64>());
}

#[tokio::test]
async fn a_seal_counts_signs_and_leaves_nothing_in_the_spool() {
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let id = writer.recording();
    writer.append((0..20).map(note).collect()).await.unwrap();
    writer.append(vec![dom(1, 3000)]).await.unwrap();
    let seal = writer.seal(facts()).await.unwrap();
    assert_eq!(seal.frames, 22);
    assert_eq!(seal.frames_by_kind["note"], 20);
    assert_eq!(seal.frames_by_kind["dom"], 1);
    assert_eq!((seal.ended_at, seal.reason.as_str()), (at(100), "handed_back"));
    let bytes: u64 = (1..=seal.segments)
        .map(|segment| {
            std::fs::metadata(place.stored(id).join(format!("seg-{segment:06}.chs"))).unwrap().len()
        })
        .sum();
    assert_eq!(seal.bytes, bytes);
    assert!(!place.spooled(id).exists());
    assert_eq!(vault.spool_bytes(), 0);
    assert!(vault.spooled().unwrap().is_empty());

    let verified = vault.verify(id).await.unwrap();
    assert_eq!((verified.frames, verified.last_hash), (22, seal.last_hash));
    assert_eq!(verified.seal, Some(seal.clone()));
    assert!(matches!(writer.append(vec![note(1)]).await, Err(VaultError::Closed)));
    let later = SealFacts { ended_at: at(999), reason: "other".into() };
    assert_eq!(writer.seal(later.clone()).await.unwrap(), seal, "the first seal stands");

    // Also after a restart that does not know what was done.
    let again = place.open().resume(id).await.unwrap();
    assert_eq!(again.seal, Some(seal.clone()));
    assert_eq!(again.writer.seal(later).await.unwrap(), seal);
    assert!(matches!(again.writer.append(vec![note(1)]).await, Err(VaultError::Closed)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_write_many_recordings_at_once_and_nothing_is_lost_or_mixed() {
    let place = Place::small_segments();
    let vault = place.open();
    let mut writers = Vec::new();
    for number in 0..4 {
        writers.push(vault.begin(recording(number), consent()).await.unwrap());
    }
    let tasks: Vec<_> = (0..64)
        .map(|task: i64| {
            let writer = writers[usize::try_from(task % 4).unwrap()].clone();
            tokio::spawn(async move {
                for round in 0..10 {
                    let number = task * 1000 + round * 2;
                    let last = writer.append(vec![note(number), note(number + 1)]).await.unwrap();
                    assert!(writer.durable_frames() > last, "acknowledged is durable");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for (number, writer) in writers.iter().enumerate() {
        let read = texts(&vault, writer.recording()).await;
        assert_eq!(read.len(), 16 * 20);
        for task in (0..64).filter(|task| task % 4 == number) {
            let of_task: Vec<usize> = read
                .iter()
                .map(|text| text.strip_prefix("note ").unwrap().parse::<usize>().unwrap())
                .filter(|note| note / 1000 == task)
                .collect();
            let expected: Vec<usize> = (0..20).map(|n| task * 1000 + n).collect();
            assert_eq!(of_task, expected, "the frames of one task are in its order");
        }
        for pair in read.chunks(2) {
            let numbers: Vec<i64> = pair.iter().map(|text| text[5..].parse().unwrap()).collect();
            assert_eq!(numbers[0] + 1, numbers[1], "the frames of one call stay together");
        }
        let seal = writer.seal(facts()).await.unwrap();
        assert_eq!(seal.frames, 321);
    }
}

#[tokio::test]
async fn an_asset_is_kept_once_and_unreadable_in_the_store() {
    let place = Place::new();
    let vault = place.open();
    let css = Bytes::from_static(b"body { color: darkorange }");
    let hash = vault.put_asset("text/css", css.clone()).await.unwrap();
    assert_eq!(place.open().put_asset("text/css", css.clone()).await.unwrap(), hash);
    let asset = place.open().asset(&hash).await.unwrap();
    assert_eq!(asset, Asset { content_type: "text/css".into(), bytes: css.clone() });

    let files: Vec<_> = walk(&place.store());
    let [file] = files.as_slice() else { panic!("one file: {files:?}") };
    let stored = std::fs::read(file).unwrap();
    assert!(!stored.windows(10).any(|part| part == b"darkorange"));
    assert!(
        !file.to_string_lossy().contains(&crate::wire::to_hex(&hash)),
        "its name does not say what it is"
    );
    assert!(matches!(vault.asset(&[0; 32]).await, Err(VaultError::NotFound)));

    let mut changed = stored.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    std::fs::write(file, changed).unwrap();
    assert!(matches!(vault.asset(&hash).await, Err(VaultError::Damaged { .. })));
}

#[tokio::test]
async fn nothing_that_was_recorded_stands_readable_in_spool_or_store() {
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    for number in 0..10 {
        let mut frame = note(number);
        frame.body = FrameBody::Note(Note { topic: "t".into(), text: "canary-7Qx ".repeat(20) });
        writer.append(vec![frame]).await.unwrap();
    }
    let everything = [walk(&place.spool()), walk(&place.store())].concat();
    assert!(!everything.is_empty());
    for file in everything {
        // What a reader holds open may be shipped meanwhile.
        let Ok(bytes) = std::fs::read(&file) else { continue };
        assert!(!bytes.windows(10).any(|part| part == b"canary-7Qx"), "{}", file.display());
    }
}

#[tokio::test]
async fn ids_are_used_once_and_unknown_ones_are_not_found() {
    let place = Place::new();
    let vault = place.open();
    vault.begin(recording(1), consent()).await.unwrap();
    assert!(matches!(vault.begin(recording(1), consent()).await, Err(VaultError::Exists)));
    let unknown = RecordingId::new(Uuid::from_u128(99));
    assert!(matches!(vault.reader(unknown).await, Err(VaultError::NotFound)));
    assert!(matches!(vault.resume(unknown).await, Err(VaultError::NotFound)));
    assert!(matches!(vault.verify(unknown).await, Err(VaultError::NotFound)));
}

#[tokio::test]
async fn a_frame_that_is_too_large_is_refused_and_the_rest_goes_on() {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let huge = NewFrame {
        at: at(1),
        body: FrameBody::ExchangeBody(ExchangeBody {
            exchange: exchange(1),
            offset: 0,
            bytes: Bytes::from(vec![0; crate::frame::FRAME_MAX_BYTES]),
        }),
    };
    assert!(matches!(writer.append(vec![huge]).await, Err(VaultError::TooLarge { .. })));
    assert_eq!(writer.append(vec![note(1)]).await.unwrap(), 1);
    assert_eq!(writer.append(vec![]).await.unwrap(), 1);
}

#[tokio::test]
async fn the_document_secret_survives_a_restart_and_prints_nowhere() {
    let place = Place::new();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let secret = writer.document_secret();
    let again = place.open().resume(writer.recording()).await.unwrap();
    assert_eq!(again.writer.document_secret(), secret);
    assert_ne!(vault.begin(recording(2), consent()).await.unwrap().document_secret(), secret);
    let printed = format!("{writer:?} {vault:?} {again:?}");
    assert!(!printed.contains(&format!("{:?}", &secret[..4]).replace(['[', ']'], "")), "{printed}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

#[tokio::test]
async fn a_spool_that_was_lost_loses_only_what_was_not_shipped() {
    let place = Place::small_segments();
    let vault = place.open();
    let writer = vault.begin(recording(1), consent()).await.unwrap();
    let id = writer.recording();
    for number in 0..30 {
        writer.append(vec![note(number)]).await.unwrap();
    }
    until("segments are shipped", || vault.inner.spool.segments(id).unwrap().len() == 1).await;
    let shipped = vault.inner.segments(id).await.unwrap().len() - 1;
    drop((vault, writer));
    std::fs::remove_dir_all(place.spool()).unwrap();

    let vault = place.open();
    let resumed = vault.resume(id).await.unwrap();
    assert!(resumed.frames > u64::try_from(shipped).unwrap() && resumed.frames < 31);
    resumed.writer.append(vec![note(100)]).await.unwrap();
    let seal = resumed.writer.seal(facts()).await.unwrap();
    assert_eq!(seal.frames, resumed.frames + 1);
    vault.verify(id).await.unwrap();
    let blob = BlobPath::from(format!("recordings/{id}/seal.json"));
    assert!(vault.inner.blobs.get(&blob).await.is_ok());
}
