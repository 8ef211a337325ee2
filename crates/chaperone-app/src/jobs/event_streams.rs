//! Event streams: what is behind is sent, batch after batch, in the order of numbers.
//!
//! Each stream has a loop of its own, so that a collector that hangs holds up no other. A node takes the stream under a
//! lease first. The cursor moves when the collector has taken a batch, never before; what it took and could not be
//! stored is sent again, with the same ids. An answer that something is not wanted stops the stream and is shown: it is
//! tried again with fewer events at a time, so that what stands before the one that is not wanted arrives.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::event_stream::{EventStream, retry_pause};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::errors::AppError;
use crate::event_streams::{
    ATTEMPT_LIMIT, ConfiguredStream, Outgoing, SendError, classes, no_answer, outgoing,
};
use crate::secrets;

/// How often it looks whether something is behind, when nobody wakes it.
const EVERY: Duration = Duration::from_secs(1);
/// Events of one batch at most.
const BATCH_MAX: u64 = 500;
/// Bytes of the events of one batch at most, unless a single one is longer.
const BATCH_MAX_BYTES: usize = 1024 * 1024;
/// How long a stream belongs to the node that took it. Longer than [`ATTEMPT_LIMIT`].
const LEASE: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);
/// How long what is being sent may go on when the process is to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

const _: () = assert!((ATTEMPT_LIMIT.as_secs() as i64) < LEASE.as_secs(), "an attempt ends before its lease");

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    while let Err(error) = app.settle_event_streams().await {
        tracing::error!(
            ?error,
            "the event streams could not be brought to what is configured; it is tried again"
        );
        if !super::pause(&mut shutdown, EVERY).await {
            return;
        }
    }
    let mut loops = JoinSet::new();
    for configured in app.event_streams.clone() {
        loops.spawn(follow(app.clone(), configured, shutdown.clone()));
    }
    while let Some(ended) = loops.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

async fn follow(app: Arc<App>, configured: ConfiguredStream, mut shutdown: watch::Receiver<bool>) {
    let mut numbered = app.numbered.subscribe();
    let mut batch_max = BATCH_MAX;
    loop {
        let mut asked = shutdown.clone();
        let outcome = tokio::select! {
            outcome = send_behind(&app, &configured, &mut batch_max, &shutdown) => outcome,
            () = super::last_words(&mut asked, LAST_WORDS) => return,
        };
        if let Err(error) = outcome {
            let stream = configured.name.as_str();
            tracing::error!(?error, stream, "an event stream could not be looked at; it is tried again");
        }
        tokio::select! {
            go_on = super::pause(&mut shutdown, EVERY) => if !go_on { return },
            changed = numbered.changed() => if changed.is_err() { return },
        }
    }
}

/// Brings the streams to what is configured and makes one run of each: as the job does, once.
pub async fn send_event_streams(app: &Arc<App>) -> Result<u64, AppError> {
    app.settle_event_streams().await?;
    let (_goes_on, shutdown) = watch::channel(false);
    let mut sent = 0;
    for configured in app.event_streams.clone() {
        let mut batch_max = BATCH_MAX;
        sent += send_behind(app, &configured, &mut batch_max, &shutdown).await?;
    }
    Ok(sent)
}

/// Sends what is behind on one stream, until nothing is, or an attempt fails, or the stream is lost, or the process is to
/// end; answers how many events were taken. `batch_max` is how many events the next batch may have.
async fn send_behind(
    app: &Arc<App>,
    configured: &ConfiguredStream,
    batch_max: &mut u64,
    shutdown: &watch::Receiver<bool>,
) -> Result<u64, AppError> {
    let now = app.now();
    let Some(seen) = app.store.read().event_stream(&configured.name).await? else { return Ok(0) };
    if !seen.is_due(now) || app.store.read().last_event_number().await? <= seen.last_seq {
        return Ok(0);
    }
    let (name, lease_until) = (configured.name.clone(), now.saturating_add(LEASE).unwrap_or(now));
    let taken = app
        .store
        .keep_books(move |books| {
            let name = name.clone();
            Box::pin(async move { books.take_event_stream(&name, now, lease_until).await })
        })
        .await?;
    let Some(mut stream) = taken else { return Ok(0) };
    app.faults.reach("event_stream.taken");
    let mut sent = 0;
    while let Some(step) = send_batch(app, configured, &mut stream, batch_max).await? {
        sent += step;
        if *shutdown.borrow() {
            release(app, &stream).await?;
            break;
        }
    }
    Ok(sent)
}

/// Lets go of the stream, so that whoever comes next need not wait for the end of the lease.
async fn release(app: &App, stream: &EventStream) -> Result<(), AppError> {
    let row = stream.clone();
    app.store
        .keep_books(move |books| {
            let row = row.clone();
            Box::pin(async move { books.release_event_stream(&row).await })
        })
        .await?;
    Ok(())
}

/// One batch; answers how many events of it were taken, `None` when this run is over.
async fn send_batch(
    app: &Arc<App>,
    configured: &ConfiguredStream,
    stream: &mut EventStream,
    batch_max: &mut u64,
) -> Result<Option<u64>, AppError> {
    let (events, up_to) = next_batch(app, configured, stream.last_seq, *batch_max).await?;
    if up_to == stream.last_seq {
        release(app, stream).await?;
        return Ok(None);
    }
    if !events.is_empty() {
        let sending = configured.collector.take(&events, app.now());
        let outcome = match tokio::time::timeout(ATTEMPT_LIMIT, sending).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::later(no_answer(configured))),
        };
        app.faults.reach("event_stream.sent");
        if let Err(error) = outcome {
            failed(app, stream, error, batch_max).await?;
            return Ok(None);
        }
        *batch_max = batch_max.saturating_mul(2).min(BATCH_MAX);
    }
    let now = app.now();
    let lease_until = now.saturating_add(LEASE).unwrap_or(now);
    let still_ours = match events.is_empty() {
        true => app.event_stream_passed(stream, up_to, lease_until).await?,
        false => app.event_stream_taken(stream, up_to, now, lease_until).await?,
    };
    if !still_ours {
        tracing::warn!(
            stream = stream.name,
            "another node has taken the event stream over; it goes on there"
        );
        return Ok(None);
    }
    stream.last_seq = up_to;
    if !events.is_empty() {
        (stream.attempt, stream.problem_since, stream.stalled_at) = (0, None, None);
    }
    Ok(Some(events.len() as u64))
}

/// What to send next, and up to which number that is everything. Numbers come without gaps; a number that is missing
/// ends the batch before it, and at its beginning is an error: nothing is skipped.
async fn next_batch(
    app: &App,
    configured: &ConfiguredStream,
    after: i64,
    limit: u64,
) -> Result<(Vec<Outgoing>, i64), AppError> {
    let found = app.numbered_after(after, limit).await?;
    if found.first().is_some_and(|first| first.seq != Some(after + 1)) {
        return Err(AppError::Inside("a number of the trail is missing"));
    }
    let names = app.names_in(&found).await?;
    let origin = app.origin();
    let (mut events, mut up_to, mut bytes) = (Vec::new(), after, 0);
    for stored in &found {
        if stored.seq != Some(up_to + 1) {
            break;
        }
        if configured.wants(classes::meaning(stored.event.action).class) {
            let event = outgoing(stored, &names, &origin, configured.event_max_bytes);
            bytes += event.ocsf.to_string().len();
            if bytes > BATCH_MAX_BYTES && !events.is_empty() {
                break;
            }
            events.push(event);
        }
        up_to += 1;
    }
    Ok((events, up_to))
}

/// Stores what went wrong and when to try next.
async fn failed(
    app: &Arc<App>,
    stream: &EventStream,
    error: SendError,
    batch_max: &mut u64,
) -> Result<(), AppError> {
    let (problem, asked) = match error {
        SendError::Later { problem, pause } => (problem, pause),
        SendError::Refused(problem) => {
            // Fewer at a time: what stands before the one that is not wanted arrives.
            *batch_max = (*batch_max / 2).max(1);
            let next = stream.last_seq + 1;
            (format!("{problem} Nothing is skipped: the stream waits before event {next}."), None)
        }
    };
    let mut draw = [0];
    secrets::fill(&mut draw);
    let now = app.now();
    let pause = retry_pause(stream.attempt + 1, draw[0], asked);
    let next_try_at = now.saturating_add(pause).unwrap_or(now);
    tracing::warn!(stream = stream.name, problem, %next_try_at, "an event stream could not send");
    if !app.event_stream_failed(stream, &problem, next_try_at).await? {
        tracing::warn!(stream = stream.name, "another node has taken the event stream over");
    }
    Ok(())
}
