//! Event streams: at least once, in order, with nothing skipped, whatever the collector does and whoever dies.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chaperone_app::event_streams::classes::Class;
use chaperone_app::event_streams::{Collector, ConfiguredStream, EventStreamView, Outgoing, SendError};
use chaperone_app::faults::Faults;
use chaperone_app::notifications::{Channels, DeliveryError, Post, Poster, Webhook};
use chaperone_app::{App, jobs};
use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::event_stream::{StreamFormat, StreamKind, StreamStart};
use chaperone_domain::grant::Wish;
use chaperone_domain::notification::{Channel, NotificationKind};
use chaperone_store::{Events, StoreError};
use jiff::SignedDuration;
use tokio::sync::Notify;

use crate::world::World;

/// What the collector does with a batch.
#[derive(Clone)]
enum Answer {
    Take,
    /// It takes so many of them, then the connection breaks off.
    Break(usize),
    Later(i64),
    Refuse,
    /// It takes them when it is let go.
    Hang(Arc<Notify>, Arc<Notify>),
}

/// A collector that keeps what came, in the order in which it came, and answers as it is told to; then it takes all.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    came: Arc<Mutex<Vec<Outgoing>>>,
    /// A number that it does not want.
    poison: Arc<Mutex<Option<i64>>>,
}

impl Scripted {
    fn answers(&self, answers: &[Answer]) {
        self.answers.lock().expect("not poisoned").extend(answers.iter().cloned());
    }

    fn dislikes(&self, seq: Option<i64>) {
        *self.poison.lock().expect("not poisoned") = seq;
    }

    fn numbers(&self) -> Vec<i64> {
        self.came.lock().expect("not poisoned").iter().map(|event| event.seq.expect("a number")).collect()
    }

    /// Each number when it came first.
    fn firsts(&self) -> Vec<i64> {
        let mut firsts = Vec::new();
        for number in self.numbers() {
            if !firsts.contains(&number) {
                firsts.push(number);
            }
        }
        firsts
    }

    fn keep(&self, events: &[Outgoing]) {
        self.came.lock().expect("not poisoned").extend_from_slice(events);
    }
}

#[async_trait]
impl Collector for Scripted {
    async fn take(&self, events: &[Outgoing], _at: Instant) -> Result<String, SendError> {
        let poison = *self.poison.lock().expect("not poisoned");
        if poison.is_some() && events.iter().any(|event| event.seq == poison) {
            return Err(SendError::Refused("It refuses (400).".to_owned()));
        }
        let answer = self.answers.lock().expect("not poisoned").pop_front().unwrap_or(Answer::Take);
        match answer {
            Answer::Take => self.keep(events),
            Answer::Break(count) => {
                self.keep(&events[..count.min(events.len())]);
                return Err(SendError::later("It broke off."));
            }
            Answer::Later(seconds) => {
                let pause = Some(SignedDuration::from_secs(seconds));
                return Err(SendError::Later { problem: "It asks for a pause (429).".to_owned(), pause });
            }
            Answer::Refuse => return Err(SendError::Refused("It refuses (400).".to_owned())),
            Answer::Hang(reached, go) => {
                reached.notify_one();
                go.notified().await;
                self.keep(events);
            }
        }
        Ok("It took it.".to_owned())
    }
}

fn stream(collector: &Scripted) -> ConfiguredStream {
    ConfiguredStream {
        name: "siem".to_owned(),
        kind: StreamKind::Webhook,
        address: "https://siem.example.org".to_owned(),
        format: StreamFormat::Ocsf,
        start: StreamStart::Beginning,
        classes: Vec::new(),
        event_max_bytes: 64 * 1024,
        collector: Arc::new(collector.clone()),
    }
}

async fn world(streams: Vec<ConfiguredStream>) -> World {
    World::with(Channels::default(), streams).await
}

/// Gives every event its number; answers the last one.
async fn number(world: &World) -> i64 {
    let rows = world.rows().await;
    rows.keep_books(|books| Box::pin(async move { books.sequence_events(10_000).await }))
        .await
        .expect("numbered");
    rows.read().last_event_number().await.expect("read")
}

/// What happens anyway: a request, approved, and its notice; four or more events.
async fn happen(world: &World) {
    world.approved(60, 600, Wish::Enable).await;
}

async fn send(app: &Arc<App>) -> u64 {
    jobs::send_event_streams(app).await.expect("looked")
}

async fn seen(world: &World) -> EventStreamView {
    world.app.event_streams(&world.op(&world.anna)).await.expect("a list").remove(0)
}

async fn place(world: &World) -> (i64, i64, Option<String>) {
    seen(world).await.stream.map_or((0, 0, None), |stream| (stream.last_seq, stream.attempt, stream.problem))
}

async fn actions(world: &World) -> Vec<AuditAction> {
    let rows = world.rows().await;
    let found = rows.read().audit_events(Default::default(), chaperone_app::lists::Page::first(1_000)).await;
    found.expect("read").items.iter().map(|stored| stored.event.action).collect()
}

#[tokio::test]
async fn everything_arrives_in_order_from_the_first_event_on() {
    let collector = Scripted::default();
    let world = world(vec![stream(&collector)]).await;
    send(&world.app).await;
    let last = number(&world).await;
    assert_eq!(seen(&world).await.behind_events, last);
    world.clock.forward(30);
    assert_eq!(seen(&world).await.behind_s, 30);
    assert_eq!(send(&world.app).await, u64::try_from(last).expect("positive"));
    assert_eq!(collector.numbers(), (1..=last).collect::<Vec<_>>());
    assert_eq!(send(&world.app).await, 0, "nothing is sent twice");
    happen(&world).await;
    let more = number(&world).await;
    send(&world.app).await;
    assert_eq!(collector.numbers(), (1..=more).collect::<Vec<_>>());
    let view = seen(&world).await;
    assert_eq!((view.behind_events, view.behind_s), (0, 0));
    assert_eq!(view.stream.expect("begun").last_sent_at, Some(world.clock.after(0)));
}

#[tokio::test]
async fn a_stream_from_now_on_begins_with_what_has_no_number_yet() {
    let collector = Scripted::default();
    let mut world = world(Vec::new()).await;
    let before = number(&world).await;
    world.restart_with(vec![ConfiguredStream { start: StreamStart::Now, ..stream(&collector) }]).await;
    happen(&world).await;
    send(&world.app).await;
    let last = number(&world).await;
    send(&world.app).await;
    assert_eq!(collector.numbers(), (before + 1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn more_than_a_batch_goes_in_batches_and_stays_in_order() {
    let collector = Scripted::default();
    let world = world(vec![stream(&collector)]).await;
    let op = world.op(&world.anna);
    let event = move || op.event(AuditAction::RecordingViewed, "recording", "1");
    let rows = world.rows().await;
    let written = rows.write(move |tx| {
        let many = (1..1_700).fold(Events::one(event()), |events, _| events.and(event()));
        Box::pin(async move { Ok::<_, StoreError>(tx.commit((), many)) })
    });
    written.await.expect("written");
    let last = number(&world).await;
    send(&world.app).await;
    assert_eq!(collector.numbers(), (1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_broke_off_in_the_middle_is_sent_again_with_the_same_ids() {
    let collector = Scripted::default();
    let world = world(vec![stream(&collector)]).await;
    let last = number(&world).await;
    collector.answers(&[Answer::Break(3)]);
    assert_eq!(send(&world.app).await, 0);
    assert_eq!(place(&world).await, (0, 1, Some("It broke off.".to_owned())));
    assert_eq!(send(&world.app).await, 0, "not before its pause is over");
    world.clock.forward(1);
    send(&world.app).await;
    assert_eq!(place(&world).await, (last, 0, None));
    assert_eq!(collector.numbers(), [1, 2, 3].into_iter().chain(1..=last).collect::<Vec<_>>());
    let came = collector.came.lock().expect("not poisoned").clone();
    let mut ids = BTreeMap::new();
    for event in &came {
        let id = ids.entry(event.seq).or_insert_with(|| event.id.clone());
        assert_eq!(*id, event.id);
        assert_eq!(event.ocsf["metadata"]["uid"], event.id);
    }
}

#[tokio::test]
async fn a_collector_that_asks_for_a_pause_gets_it() {
    let collector = Scripted::default();
    let world = world(vec![stream(&collector)]).await;
    let last = number(&world).await;
    collector.answers(&[Answer::Later(120)]);
    send(&world.app).await;
    world.clock.forward(119);
    assert_eq!(send(&world.app).await, 0);
    assert!(collector.numbers().is_empty());
    world.clock.forward(1);
    send(&world.app).await;
    assert_eq!(collector.numbers(), (1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_not_wanted_stops_the_stream_before_it_and_is_never_skipped() {
    let collector = Scripted::default();
    let world = world(vec![stream(&collector)]).await;
    let last = number(&world).await;
    assert!(last > 4, "{last}");
    collector.dislikes(Some(4));
    let (over, shutdown) = tokio::sync::watch::channel(false);
    let job = tokio::spawn(jobs::run(world.app.clone(), shutdown));
    // The job goes on with fewer events at a time, until only the one that is not wanted is left.
    let deadline = std::time::Duration::from_secs(60);
    let narrowed = tokio::time::timeout(deadline, async {
        while place(&world).await.0 < 3 {
            world.clock.forward(60);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    narrowed.await.expect("what stands before it arrives");
    assert_eq!(collector.firsts(), [1, 2, 3]);
    tokio::time::timeout(deadline, async {
        while place(&world).await.2.is_none() {
            world.clock.forward(60);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("it says so");
    let problem = place(&world).await.2.expect("a problem");
    assert_eq!(problem, "It refuses (400). Nothing is skipped: the stream waits before event 4.");
    collector.dislikes(None);
    tokio::time::timeout(deadline, async {
        while place(&world).await.0 < last {
            world.clock.forward(60);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("it goes on");
    over.send_replace(true);
    job.await.expect("ended");
    let firsts = collector.firsts();
    assert_eq!(firsts, (1..=*firsts.last().expect("some")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_node_that_dies_at_any_step_leaves_a_stream_that_goes_on_without_a_gap() {
    for step in ["event_stream.taken", "event_stream.sent"] {
        let collector = Scripted::default();
        let world = world(vec![stream(&collector)]).await;
        let last = number(&world).await;
        let dying = world
            .another_node(Faults::new(move |reached| {
                if reached == step {
                    std::panic::panic_any("killed");
                }
            }))
            .await;
        let died = tokio::spawn(async move { jobs::send_event_streams(&dying).await }).await;
        assert!(died.is_err(), "{step}");
        assert_eq!(send(&world.app).await, 0, "{step}: still the dead node's");
        world.clock.forward(30);
        send(&world.app).await;
        let last = last.max(number(&world).await);
        send(&world.app).await;
        assert_eq!(collector.firsts(), (1..=last).collect::<Vec<_>>(), "{step}");
        assert_eq!(place(&world).await.0, last, "{step}");
    }
}

#[tokio::test]
async fn while_one_node_sends_no_other_does_and_who_lost_the_stream_moves_no_cursor() {
    let collector = Scripted::default();
    let world = world(vec![stream(&collector)]).await;
    send(&world.app).await;
    let last = number(&world).await;
    let (reached, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    collector.answers(&[Answer::Hang(reached.clone(), go.clone())]);
    let slow = world.another_node(Faults::none()).await;
    let sending = tokio::spawn(async move { jobs::send_event_streams(&slow).await });
    reached.notified().await;
    world.clock.forward(29);
    assert_eq!(send(&world.app).await, 0, "still the slow node's");
    world.clock.forward(1);
    assert_eq!(send(&world.app).await, u64::try_from(last).expect("positive"), "its lease is over");
    let fence = seen(&world).await.stream.expect("begun").fence;
    go.notify_one();
    assert_eq!(sending.await.expect("joined").expect("looked"), 0, "what it sent does not count");
    assert_eq!(collector.firsts(), (1..=last).collect::<Vec<_>>(), "in order, whoever came first");
    let stream = seen(&world).await.stream.expect("begun");
    assert_eq!((stream.last_seq, stream.fence), (last, fence));
}

#[tokio::test]
async fn only_the_classes_that_are_wanted_are_sent_and_the_place_moves_all_the_same() {
    let collector = Scripted::default();
    let only = ConfiguredStream { classes: vec![Class::AccountChange], ..stream(&collector) };
    let world = world(vec![only]).await;
    happen(&world).await;
    let last = number(&world).await;
    send(&world.app).await;
    assert_eq!(place(&world).await.0, last);
    let came = collector.came.lock().expect("not poisoned").clone();
    assert!(came.len() > 3 && came.len() < usize::try_from(last).expect("positive"), "{}", came.len());
    assert!(came.iter().all(|event| event.ocsf["class_uid"] == 3001));
    assert!(collector.numbers().is_sorted());
}

/// Tells by webhook, which nobody answers.
struct Away;

#[async_trait]
impl Poster for Away {
    async fn post(&self, _post: &Post) -> Result<(), DeliveryError> {
        Err(DeliveryError::Later("It is away.".to_owned()))
    }
}

#[tokio::test]
async fn a_stream_that_sends_nothing_for_ten_minutes_is_told_once_and_so_is_its_recovery_in_the_trail() {
    let hook = Webhook {
        name: "pager".to_owned(),
        kinds: vec![NotificationKind::EventStreamStalled],
        poster: Arc::new(Away),
    };
    let collector = Scripted::default();
    let told = Channels { mailer: None, webhooks: vec![hook] };
    let world = World::with(told, vec![stream(&collector)]).await;
    number(&world).await;
    collector.answers(&vec![Answer::Break(0); 13]);
    for minute in 0..13 {
        send(&world.app).await;
        let stalled = actions(&world).await.iter().filter(|a| **a == AuditAction::EventStreamStalled).count();
        assert_eq!(stalled, usize::from(minute >= 10), "minute {minute}");
        let due = world.rows().await.read().notification_is_due(Channel::Webhook, world.clock.after(0)).await;
        assert_eq!(due, Ok(minute >= 10), "minute {minute}");
        world.clock.forward(60);
    }
    let view = seen(&world).await.stream.expect("begun");
    assert_eq!((view.attempt, view.stalled_at.is_some()), (13, true));
    send(&world.app).await;
    let actions = actions(&world).await;
    assert!(actions.contains(&AuditAction::EventStreamRecovered));
    let last = number(&world).await;
    send(&world.app).await;
    assert_eq!(collector.firsts(), (1..=last).collect::<Vec<_>>(), "stalling itself is in the stream");
    assert_eq!(seen(&world).await.stream.expect("begun").stalled_at, None);
}

#[tokio::test]
async fn what_is_configured_is_in_the_trail_and_a_stream_that_comes_back_goes_on_where_it_was() {
    let collector = Scripted::default();
    let mut world = world(vec![stream(&collector)]).await;
    number(&world).await;
    send(&world.app).await;
    let place_before = place(&world).await.0;
    world.restart_with(Vec::new()).await;
    send(&world.app).await;
    let view = seen(&world).await;
    assert!(view.configured.is_none() && view.stream.is_some_and(|stream| stream.settings.is_none()));
    happen(&world).await;
    number(&world).await;
    send(&world.app).await;
    assert_eq!(place(&world).await.0, place_before, "its place is kept");
    let elsewhere =
        ConfiguredStream { address: "https://elsewhere.example.org".to_owned(), ..stream(&collector) };
    world.restart_with(vec![stream(&collector)]).await;
    send(&world.app).await;
    world.restart_with(vec![elsewhere]).await;
    send(&world.app).await;
    let last = number(&world).await;
    send(&world.app).await;
    assert_eq!(collector.numbers(), (1..=last).collect::<Vec<_>>());
    let mut told: Vec<_> = actions(&world).await;
    told.retain(|action| action.name().starts_with("event_stream"));
    told.sort_by_key(|action| action.name());
    let [added, again, changed, removed] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((*added, *again), (AuditAction::EventStreamAdded, AuditAction::EventStreamAdded));
    assert_eq!((*changed, *removed), (AuditAction::EventStreamChanged, AuditAction::EventStreamRemoved));
}

#[tokio::test]
async fn a_test_sends_one_marked_event_and_the_trail_keeps_what_came_back() {
    let collector = Scripted::default();
    let world = world(vec![stream(&collector)]).await;
    let op = world.op(&world.anna);
    let tested = world.app.test_event_stream(&op, "siem").await.expect("tested");
    assert!(tested.taken && tested.said == "It took it.", "{tested:?}");
    let sent = collector.came.lock().expect("not poisoned").remove(0);
    assert_eq!((sent.seq, sent.id.as_str()), (None, tested.event_id.as_str()));
    assert_eq!(sent.ocsf["unmapped"]["details"]["test"], true);
    collector.answers(&[Answer::Refuse]);
    let refused = world.app.test_event_stream(&op, "siem").await.expect("tested");
    assert_eq!((refused.taken, refused.said.as_str()), (false, "It refuses (400)."));
    assert_eq!(actions(&world).await.iter().filter(|a| **a == AuditAction::EventStreamTested).count(), 2);
    assert!(world.app.test_event_stream(&op, "other").await.is_err());
    assert!(world.app.test_event_stream(&world.op(&world.paula), "siem").await.is_err());
}

/// A small generator, so that a failing run can be repeated by its seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[tokio::test]
async fn through_every_mixture_of_outages_and_deaths_the_first_arrivals_are_all_numbers_in_order() {
    for seed in 0..12 {
        let collector = Scripted::default();
        let mut draw = Draw(seed);
        let world = world(vec![stream(&collector)]).await;
        for _ in 0..25 {
            if draw.below(3) == 0 {
                happen(&world).await;
            }
            number(&world).await;
            match draw.below(6) {
                0 => collector.answers(&[Answer::Break(usize::try_from(draw.below(9)).expect("small"))]),
                1 => collector.answers(&[Answer::Later(i64::try_from(draw.below(90)).expect("small"))]),
                2 => collector.answers(&[Answer::Refuse]),
                _ => {}
            }
            let dies_at = ["event_stream.taken", "event_stream.sent", "nowhere"]
                [usize::try_from(draw.below(3)).expect("small")];
            let node = world
                .another_node(Faults::new(move |reached| {
                    if reached == dies_at {
                        std::panic::panic_any("killed");
                    }
                }))
                .await;
            let _died = tokio::spawn(async move { jobs::send_event_streams(&node).await }).await;
            world.clock.forward(i64::try_from(draw.below(70)).expect("small"));
        }
        collector.answers.lock().expect("not poisoned").clear();
        let last = number(&world).await;
        for _ in 0..20 {
            world.clock.forward(900);
            send(&world.app).await;
        }
        let last = last.max(number(&world).await);
        world.clock.forward(60);
        send(&world.app).await;
        assert_eq!(collector.firsts(), (1..=last).collect::<Vec<_>>(), "seed {seed}");
    }
}
