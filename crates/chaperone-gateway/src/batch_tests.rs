//! The vectors of the protocol, and batches that are wrong.

use super::*;
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recorder-protocol-vectors.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors are there")).expect("JSON")
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("text");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn document(vectors: &Value) -> (DocumentId, DocumentKey) {
    let id: DocumentId = text(&vectors["document_id"]).parse().expect("an id");
    let secret: [u8; 32] = hex(&vectors["document_secret_hex"]).try_into().expect("32 bytes");
    (id, DocumentKey::derive(&secret, id))
}

#[test]
fn keys_and_tags_are_those_of_the_vectors() {
    let vectors = vectors();
    let (id, key) = document(&vectors);
    assert_eq!(key.bytes.to_vec(), hex(&vectors["document_key_hex"]));
    assert_eq!(key.token(id), text(&vectors["tag_data_c"]));
}

#[test]
fn batches_are_those_of_the_vectors() {
    let vectors = vectors();
    let (id, key) = document(&vectors);
    let batches = vectors["batches"].as_array().expect("a list");
    assert!(batches.len() >= 6);
    for vector in batches {
        let name = text(&vector["name"]);
        let bytes = hex(&vector["batch_hex"]);
        let batch = Batch::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(batch.verify(&key), Ok(()), "{name}");
        assert_eq!(batch.document, id, "{name}");
        assert_eq!(u64::from(batch.epoch), vector["epoch"], "{name}");
        assert_eq!(u64::from(batch.sequence), vector["sequence"], "{name}");
        assert_eq!(batch.since_start_ms, vector["since_start_ms"], "{name}");
        assert_eq!(batch.previous_mac.to_vec(), hex(&vector["previous_mac_hex"]), "{name}");
        assert_eq!(batch.mac.to_vec(), hex(&vector["mac_hex"]), "{name}");
        let unpacked = batch.unpack().expect("unpacks");
        assert_eq!(String::from_utf8_lossy(&unpacked), text(&vector["json"]), "{name}");
        let content = Content::parse(&batch, &unpacked).expect("reads");
        let arrival = batch.arrival(&content);
        let flags = vector["flags"].as_u64().expect("a number");
        assert_eq!(arrival.hello, batch.sequence == 0, "{name}");
        assert_eq!(arrival.snapshot, flags & 1 != 0, "{name}");
        assert_eq!(arrival.hidden, flags & 2 != 0, "{name}");
        assert_eq!(arrival.ended, flags & 8 != 0, "{name}");
    }
}

#[test]
fn proofs_and_acknowledgements_are_those_of_the_vectors() {
    let vectors = vectors();
    let (id, key) = document(&vectors);
    for vector in vectors["requests"].as_array().expect("a list") {
        let proof = Proof::parse(text(&vector["header"])).expect("a proof");
        let (method, path) = (text(&vector["method"]), text(&vector["path_and_query"]));
        assert_eq!(
            (proof.document, u64::from(proof.sequence)),
            (id, vector["sequence"].as_u64().expect("a number"))
        );
        assert!(key.proves(&proof, method, path));
        assert!(!key.proves(&proof, "PUT", path), "for another method");
        assert!(!key.proves(&proof, method, "/other"), "for another path");
        assert!(!key.proves(&Proof { sequence: proof.sequence.wrapping_sub(1), ..proof }, method, path));
    }
    for vector in vectors["web_sockets"].as_array().expect("a list") {
        let proof = Proof::parse(text(&vector["parameter"])).expect("a proof");
        assert!(key.proves(&proof, "WEBSOCKET", text(&vector["path_and_query"])));
    }
    let acknowledgement = &vectors["acknowledgement"];
    assert_eq!(key.acknowledge(text(&acknowledgement["body"]).as_bytes()), text(&acknowledgement["header"]));
}

#[test]
fn intents_and_steps_are_read() {
    let vectors = vectors();
    let bytes = hex(&vectors["batches"][2]["batch_hex"]);
    let batch = Batch::parse(&bytes).expect("a batch");
    let unpacked = batch.unpack().expect("unpacks");
    let content = Content::parse(&batch, &unpacked).expect("reads");
    assert_eq!(content.last_step, Some(1));
    let [intent] = &content.intents[..] else { panic!("one intent") };
    assert_eq!(
        (intent.method.as_str(), intent.url.as_str(), intent.via.as_str()),
        ("POST", "/vendors/V-100?tab=bank", "form")
    );
    assert_eq!(intent.step, Some(1));
}

#[test]
fn any_changed_byte_is_noticed() {
    let vectors = vectors();
    let (_, key) = document(&vectors);
    let bytes = hex(&vectors["batches"][1]["batch_hex"]);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let noticed = match Batch::parse(&changed) {
            Err(error) => error == BatchError::Malformed,
            Ok(batch) => batch.verify(&key) == Err(BatchError::Forged),
        };
        assert!(noticed, "byte {at}");
    }
    for length in 0..bytes.len() {
        assert_eq!(Batch::parse(&bytes[..length]).map(|_| ()), Err(BatchError::Malformed), "cut at {length}");
    }
}

#[test]
fn another_documents_key_proves_nothing() {
    let vectors = vectors();
    let secret: [u8; 32] = hex(&vectors["document_secret_hex"]).try_into().expect("32 bytes");
    let other = DocumentKey::derive(&secret, DocumentId::new(Uuid::nil()));
    let bytes = hex(&vectors["batches"][0]["batch_hex"]);
    assert_eq!(Batch::parse(&bytes).expect("a batch").verify(&other), Err(BatchError::Forged));
}

#[test]
fn oversized_batches_are_refused_packed_and_unpacked() {
    assert_eq!(Batch::parse(&vec![0; BATCH_MAX_BYTES + 1]).map(|_| ()), Err(BatchError::TooLarge));
    let mut packed = Vec::new();
    let mut packer = crate::encoding::Packer::new(Coding::Gzip);
    packer.push(&vec![b' '; BATCH_MAX_UNPACKED_BYTES + 1], &mut packed).expect("packs");
    packer.finish(&mut packed).expect("packs");
    let mut bytes = vec![0; HEAD_BYTES + packed.len() + MAC_BYTES];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[26] = 1;
    bytes[38..42].copy_from_slice(&u32::try_from(packed.len()).expect("short").to_be_bytes());
    bytes[HEAD_BYTES..HEAD_BYTES + packed.len()].copy_from_slice(&packed);
    assert_eq!(Batch::parse(&bytes).expect("a batch").unpack(), Err(BatchError::TooLarge));
}

#[test]
fn only_known_channels_and_the_announced_number_of_entries_are_taken() {
    let vectors = vectors();
    let bytes = hex(&vectors["batches"][0]["batch_hex"]);
    let batch = Batch::parse(&bytes).expect("a batch");
    for content in [
        "[]",
        "[[\"x\",1]]",
        "[[\"h\",{}]]",
        "[[\"d\",{\"type\":\"2\"}]]",
        "{}",
        "[[\"h\",{\"type\":\"hello\"}],[\"h\",{\"type\":\"x\"}]]",
        "[",
    ] {
        assert_eq!(
            Content::parse(&batch, content.as_bytes()).map(|_| ()).unwrap_err(),
            BatchError::Malformed,
            "{content}"
        );
    }
}

#[test]
fn a_hello_counts_only_as_the_first_word() {
    let vectors = vectors();
    let later = hex(&vectors["batches"][3]["batch_hex"]);
    let mut batch = Batch::parse(&later).expect("a batch");
    batch.entries = 1;
    let content = Content::parse(&batch, b"[[\"h\",{\"type\":\"hello\"}]]").expect("reads");
    assert_eq!(content.hello, None);
}

#[test]
fn proofs_have_exactly_three_parts() {
    for wrong in [
        "",
        "a.b.c",
        "AZNGWnscfS6PMEFSY3SFlg.2",
        "AZNGWnscfS6PMEFSY3SFlg.+2.GcsvSL6wNy2hfGUP2j1N2A",
        "AZNGWnscfS6PMEFSY3SFlg.2.GcsvSL6wNy2hfGUP2j1N2A.x",
        "AZNGWnscfS6PMEFSY3SFlg.4294967296.GcsvSL6wNy2hfGUP2j1N2A",
    ] {
        assert_eq!(Proof::parse(wrong), None, "{wrong}");
    }
}
