//! The invariant under faults: whatever goes wrong, no change is at the target without its evidence before it in the
//! recording's chain.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::ids::DocumentId;
use chaperone_recording::FrameBody;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::World;
use crate::support::page::{LoadedPage, intent, step};
use crate::support::target::page;

/// What happens around one change.
#[derive(Clone, Debug)]
enum Fault {
    Nothing,
    BatchIsLate(u64),
    BatchIsLost,
    BatchIsForged,
    BatchComesTwice,
    DiskFillsFor(u64),
    ProofIsOfAnotherPath,
    ProofIsMissing,
    IntentInstead,
    IntentOfAnotherPath,
    ClientTurnsAway(u64),
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        3 => Just(Fault::Nothing),
        2 => (0_u64..60).prop_map(Fault::BatchIsLate),
        1 => Just(Fault::BatchIsLost),
        1 => Just(Fault::BatchIsForged),
        2 => Just(Fault::BatchComesTwice),
        2 => (0_u64..40).prop_map(Fault::DiskFillsFor),
        1 => Just(Fault::ProofIsOfAnotherPath),
        1 => Just(Fault::ProofIsMissing),
        2 => Just(Fault::IntentInstead),
        1 => Just(Fault::IntentOfAnotherPath),
        2 => (0_u64..30).prop_map(Fault::ClientTurnsAway),
    ];
    prop::collection::vec(fault, 24)
}

/// One change of one page, with one fault.
async fn change(world: Arc<World>, number: usize, fault: Fault) {
    let mut page: LoadedPage = world.load("/").await;
    let path = format!("/save/{number}");
    let other = format!("/other/{number}");
    let as_intent = matches!(fault, Fault::IntentInstead | Fault::IntentOfAnotherPath);
    let declared = intent(
        &http::Method::POST,
        if matches!(fault, Fault::IntentInstead) { &path } else { &other },
        "form",
    );
    let batch = if as_intent { page.batch(&[&step(0), &declared]) } else { page.batch(&[&step(0)]) };
    let proof = match fault {
        Fault::ProofIsOfAnotherPath => page.proof("POST", &other),
        _ => page.proof("POST", &path),
    };
    let proven = [("x-chaperone", proof.as_str())];
    let headers: &[(&str, &str)] =
        if as_intent || matches!(fault, Fault::ProofIsMissing) { &[] } else { &proven };
    let ask = world.ask("POST", &path, headers, "a=1");
    let send = async {
        match fault {
            Fault::BatchIsLost => {}
            Fault::BatchIsLate(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                world.batch(batch).await;
            }
            Fault::BatchIsForged => {
                let mut forged = batch;
                let last = forged.len() - 1;
                forged[last] ^= 1;
                world.batch(forged).await;
            }
            Fault::BatchComesTwice => {
                tokio::join!(world.batch(batch.clone()), world.batch(batch));
            }
            Fault::DiskFillsFor(ms) => {
                world.disk.fill(true);
                tokio::time::sleep(Duration::from_millis(ms)).await;
                world.disk.fill(false);
                world.batch(batch).await;
            }
            _ => {
                world.batch(batch).await;
            }
        }
    };
    match fault {
        Fault::ClientTurnsAway(ms) => {
            let _ = tokio::join!(tokio::time::timeout(Duration::from_millis(ms), ask), send);
        }
        _ => {
            tokio::join!(ask, send);
        }
    }
}

#[test]
fn no_fault_lets_a_change_through_without_its_evidence() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: 6, failure_persistence: None, ..Config::default() });
    let result = runner.run(&faults(), |faults| {
        runtime.block_on(async {
            let world = Arc::new(World::recorded().await);
            world.target.answers("/", page("text/html", "<html><head></head></html>"));
            // Six at a time, so that they meet.
            for (round, six) in faults.chunks(6).enumerate() {
                let changes = six
                    .iter()
                    .enumerate()
                    .map(|(at, fault)| tokio::spawn(change(world.clone(), round * 6 + at, fault.clone())));
                for change in changes.collect::<Vec<_>>() {
                    change.await.map_err(|error| TestCaseError::fail(error.to_string()))?;
                }
            }
            holds(&world).await
        })
    });
    result.expect("the invariant holds");
}

/// Every change at the target was opened, and the batch that explains it stands before its opening.
async fn holds(world: &World) -> Result<(), TestCaseError> {
    let mut reader = world.disk.vault.reader(world.recording.expect("is recorded")).await.expect("is there");
    let frames = reader.rest().await.expect("is sound");
    let mut durable: HashMap<DocumentId, u32> = HashMap::new();
    let mut opened = HashSet::new();
    for frame in &frames {
        match &frame.body {
            FrameBody::Dom(entries, _)
            | FrameBody::Steps(entries)
            | FrameBody::Intents(entries)
            | FrameBody::Health(entries) => {
                let last = durable.entry(entries.batch.document).or_default();
                prop_assert!(entries.batch.sequence <= *last + 1, "no batch is missing in the chain");
                *last = (*last).max(entries.batch.sequence);
            }
            FrameBody::ExchangeOpened(body) => {
                let (document, sequence) = (body.document.expect("has one"), body.sequence.expect("has one"));
                let known = durable.get(&document).copied();
                prop_assert!(known >= Some(sequence), "{} left before its evidence", body.url);
                prop_assert!(sequence >= 2, "a step explains it");
                opened.insert(body.url.clone());
            }
            _ => {}
        }
    }
    for seen in world.target.seen().into_iter().filter(|seen| seen.method != "GET") {
        let url = format!("http://erp.localhost:8080{}", seen.path);
        prop_assert!(opened.contains(&url), "{} reached the target unopened", seen.path);
    }
    Ok(())
}
