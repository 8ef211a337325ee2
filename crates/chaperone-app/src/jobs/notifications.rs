//! Notifications: what time alone tells is written down; what is written down is sent, repeated, given up, and removed
//! when it is old.
//!
//! Each channel has a loop of its own, so that a mail server that hangs holds up no webhook. What is sent is taken under
//! a lease first: no other node sends it meanwhile, and when this one dies it is sent again, under the same id.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::notification::{Channel, KEEP_SENT, NOT_BACK_AFTER, Notification, SOON};
use chaperone_store::Events;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::errors::AppError;
use crate::notifications::{DeliveryError, Mail, Post};
use crate::op::{EventExt as _, Op};

/// How often it looks whether something is to be sent, when nobody wakes it.
const EVERY: Duration = Duration::from_secs(1);
/// How often it looks whether time tells something.
const BY_TIME_EVERY: Duration = Duration::from_secs(5);
/// Sessions of one look at what time tells.
const BY_TIME_MAX: u64 = 500;
/// Notifications that are sent side by side on one channel.
const SIDE_BY_SIDE: u64 = 16;
/// How long one attempt may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
/// How long what was taken belongs to the node that took it. Longer than [`ATTEMPT_LIMIT`].
const LEASE: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);
/// How often it looks whether something is old enough to be removed.
const REMOVE_EVERY: Duration = Duration::from_secs(3600);
/// Notifications that are removed in one transaction.
const REMOVE_MAX: u64 = 500;
/// How long what is being sent may go on when the process is to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) async fn run(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    tokio::join!(
        watch_time(app.clone(), shutdown.clone()),
        send(app.clone(), Channel::Mail, shutdown.clone()),
        send(app.clone(), Channel::Webhook, shutdown.clone()),
        remove(app, shutdown),
    );
}

async fn remove(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        let pause = match remove_old(&app).await {
            // There are more; others write in between.
            Ok(removed) if removed >= REMOVE_MAX => EVERY,
            Ok(_) => REMOVE_EVERY,
            Err(error) => {
                tracing::error!(?error, "old notifications could not be removed; it is tried again");
                REMOVE_EVERY
            }
        };
        if !super::pause(&mut shutdown, pause).await {
            return;
        }
    }
}

/// Removes some of what was sent long ago, with its event; answers how many that were.
pub async fn remove_old(app: &Arc<App>) -> Result<u64, AppError> {
    let op = Op::processor(app.now());
    let sent_before = op.at.saturating_sub(KEEP_SENT).unwrap_or(op.at);
    if !app.store.read().has_old_notifications(sent_before).await? {
        return Ok(0);
    }
    let removed = app.store.write(move |tx| {
        let op = op.clone();
        Box::pin(async move {
            let removed = tx.remove_old_notifications(sent_before, REMOVE_MAX).await?;
            if removed == 0 {
                return Err(AppError::Stale);
            }
            let event = op
                .event(AuditAction::NotificationsRemoved, "notification", "")
                .with("count", i64::try_from(removed).unwrap_or(i64::MAX))
                .with("sent_before", sent_before.to_string());
            Ok(tx.commit(removed, Events::one(event)))
        })
    });
    match removed.await {
        // Another node was faster.
        Err(AppError::Stale) => Ok(0),
        removed => removed,
    }
}

async fn watch_time(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    while super::pause(&mut shutdown, BY_TIME_EVERY).await {
        if let Err(error) = tell_by_time(&app).await {
            tracing::error!(?error, "it could not be looked what time tells; it is tried again");
        }
    }
}

async fn send(app: Arc<App>, channel: Channel, mut shutdown: watch::Receiver<bool>) {
    loop {
        let mut asked = shutdown.clone();
        let outcome = tokio::select! {
            outcome = deliver_due(&app, channel) => outcome,
            () = super::last_words(&mut asked, LAST_WORDS) => return,
        };
        match outcome {
            Ok(attempts) if attempts >= SIDE_BY_SIDE && !*shutdown.borrow() => continue,
            Ok(_) => {}
            Err(error) => {
                let channel = channel.name();
                tracing::error!(?error, channel, "notifications could not be looked at; it is tried again");
            }
        }
        tokio::select! {
            go_on = super::pause(&mut shutdown, EVERY) => if !go_on { return },
            () = app.nudges.wait(channel) => {}
        }
    }
}

/// Writes down what time alone tells now; answers how many notifications that added.
pub async fn tell_by_time(app: &Arc<App>) -> Result<u64, AppError> {
    if app.channels.is_empty() {
        return Ok(0);
    }
    let op = Op::processor(app.now());
    let soon = op.at.saturating_add(SOON).unwrap_or(op.at);
    let not_back = op.at.saturating_sub(NOT_BACK_AFTER).unwrap_or(op.at);
    let (mut after, mut added) = (None, 0);
    loop {
        let found = app.store.read().sessions_told_by_time(op.at, soon, not_back, after, BY_TIME_MAX).await?;
        for session in &found {
            let told = app.told_by_time(&op, session).await?;
            if !told.is_empty() {
                added += app
                    .store
                    .keep_books(move |books| {
                        let told = told.clone();
                        Box::pin(async move { books.insert_notifications(&told).await })
                    })
                    .await?;
            }
        }
        match found.last() {
            Some(last) if found.len() as u64 >= BY_TIME_MAX => {
                after = Some((last.window.starts_at(), last.id));
            }
            _ => break,
        }
    }
    if added > 0 {
        app.nudges.wake();
    }
    Ok(added)
}

/// Takes what is due on a channel, makes one attempt for each, side by side; answers how many attempts that were.
pub async fn deliver_due(app: &Arc<App>, channel: Channel) -> Result<u64, AppError> {
    let now = app.now();
    if !app.store.read().notification_is_due(channel, now).await? {
        return Ok(0);
    }
    let lease_until = now.saturating_add(LEASE).unwrap_or(now);
    let taken = app
        .store
        .keep_books(move |books| {
            Box::pin(async move { books.take_notifications(channel, now, lease_until, SIDE_BY_SIDE).await })
        })
        .await?;
    let mut attempts = JoinSet::new();
    for told in taken {
        let app = app.clone();
        attempts.spawn(async move {
            let id = told.id;
            if let Err(error) = attempt(&app, told).await {
                tracing::error!(notification = %id, ?error, "how sending went could not be stored; it is sent again");
            }
        });
    }
    let mut made = 0;
    while attempts.join_next().await.is_some() {
        made += 1;
    }
    Ok(made)
}

/// One attempt, and what follows from it.
async fn attempt(app: &Arc<App>, told: Notification) -> Result<(), AppError> {
    app.faults.reach("notification.taken");
    let outcome = match tokio::time::timeout(ATTEMPT_LIMIT, hand_over(app, &told)).await {
        Ok(outcome) => outcome?,
        Err(_) => Err(DeliveryError::Later("There was no answer within 30 seconds.".to_owned())),
    };
    app.faults.reach("notification.sent");
    let now = app.now();
    let (id, number) = (told.id, told.attempt);
    let still_ours = match outcome {
        Ok(()) => {
            app.store
                .keep_books(move |books| {
                    Box::pin(async move { books.notification_sent(id, number, now).await })
                })
                .await?
        }
        Err(DeliveryError::Refused(problem)) => give_up(app, &told, &problem).await?,
        Err(DeliveryError::Later(problem)) => match told.next_try(now) {
            None => give_up(app, &told, &problem).await?,
            Some(next) => {
                app.store
                    .keep_books(move |books| {
                        let problem = problem.clone();
                        Box::pin(async move { books.put_off_notification(id, number, next, &problem).await })
                    })
                    .await?
            }
        },
    };
    if still_ours {
        app.notification_moved(&told).await?;
    }
    Ok(())
}

/// Hands it to whoever can send it; the outer error is ours, the inner one theirs.
async fn hand_over(app: &App, told: &Notification) -> Result<Result<(), DeliveryError>, AppError> {
    let refused = |problem: &str| Ok(Err(DeliveryError::Refused(problem.to_owned())));
    // Somebody may have been deactivated since it was written down.
    if let Some(recipient) = told.recipient
        && !app.store.read().user(recipient).await?.is_some_and(|user| user.active)
    {
        return refused("The user is not active any more, so nothing is sent to them.");
    }
    match told.channel {
        Channel::Mail => {
            let Some(mailer) = &app.channels.mailer else {
                return refused("No mail server is configured any more.");
            };
            let mail = Mail {
                id: told.id,
                at: told.created_at,
                to: told.address.clone(),
                subject: told.subject.clone(),
                text: told.body.clone(),
            };
            Ok(mailer.send(&mail).await)
        }
        Channel::Webhook => {
            let Some(webhook) = app.channels.webhooks.iter().find(|webhook| webhook.name == told.address)
            else {
                return refused("No webhook of that name is configured any more.");
            };
            Ok(webhook.poster.post(&Post { id: told.id, at: app.now(), body: told.body.clone() }).await)
        }
    }
}

async fn give_up(app: &App, told: &Notification, problem: &str) -> Result<bool, AppError> {
    match app.give_up_notification(&Op::processor(app.now()), told, problem).await {
        Ok(()) => Ok(true),
        // Somebody else has taken it since.
        Err(AppError::Stale) => Ok(false),
        Err(error) => Err(error),
    }
}
