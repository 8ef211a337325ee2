//! What all handlers share: the state behind one lock, the clock, the news, the gate.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{Notify, broadcast, watch};

use crate::{
    clock::Clock, identity::Gate, lab::LabState, notifications::Notification, socket::Presence, world::World,
};

pub(crate) type Shared = Arc<App>;

/// The running application.
#[derive(Debug)]
pub(crate) struct App {
    world: RwLock<World>,
    pub(crate) clock: Clock,
    pub(crate) gate: Gate,
    /// What open sockets and streams want to hear of.
    pub(crate) news: broadcast::Sender<News>,
    pub(crate) presence: Mutex<Presence>,
    pub(crate) lab: LabState,
    /// Told at each change, for the saver.
    pub(crate) changed: Notify,
    /// True once the application is to stop: open streams end themselves, or stopping would wait for ever.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Something that open pages may want to show.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// The numbers on the dashboard may have changed.
    Queue,
    /// A new notification.
    Notification(Arc<Notification>),
    /// Who has which order open has changed.
    Presence { order: String },
    /// Somebody's count of unread notifications has changed.
    Unread { account: String },
}

impl App {
    pub(crate) fn new(world: World, clock: Clock, gate: Gate, stopping: watch::Receiver<bool>) -> Self {
        /// Slow readers miss the oldest news; each then asks for the whole state again.
        const NEWS_KEPT: usize = 256;
        Self {
            world: RwLock::new(world),
            clock,
            gate,
            news: broadcast::Sender::new(NEWS_KEPT),
            presence: Mutex::default(),
            lab: LabState::default(),
            changed: Notify::new(),
            stopping,
        }
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state. Whoever watches is told afterwards.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let outcome = change(&mut self.world.write().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
        self.tell(News::Queue);
        outcome
    }

    /// Tells everybody who listens; nobody listening is no error.
    pub(crate) fn tell(&self, news: News) {
        let _ = self.news.send(news);
    }

    /// Notes a notification that a change brought with it, and tells it.
    pub(crate) fn announce(&self, notification: Notification) {
        self.tell(News::Notification(Arc::new(notification)));
    }
}

/// Waits until the application is to stop.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the ERP is gone: that is a stop, too.
    let _ = stopping.wait_for(|stop| *stop).await;
}
