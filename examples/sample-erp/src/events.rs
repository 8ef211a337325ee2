//! Event streams for the dashboard: one for the clock, one for the numbers. A page has both open at once,
//! which takes two of the six connections that a browser opens to one host.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{Query, State},
    http::header,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    app::{News, Shared, stopped},
    dashboard::when,
    orders::http::today,
};

/// How often the clock ticks.
const TICK: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    stream: Wanted,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    #[default]
    Clock,
    Queue,
}

/// `GET /events?stream=clock|queue`
pub(crate) async fn stream(State(app): State<Shared>, Query(Which { stream }): Query<Which>) -> Response {
    let response = match stream {
        Wanted::Clock => clock(app).into_response(),
        Wanted::Queue => queue(app).into_response(),
    };
    ([(header::CACHE_CONTROL, "no-store")], response).into_response()
}

fn clock(app: Shared) -> impl IntoResponse {
    let ticks = tokio::time::interval(TICK);
    Sse::new(stream::unfold((app, ticks), |(app, mut ticks)| async move {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(app.stopping.clone()) => return None,
        }
        let now = app.clock.now();
        let event = Event::default().event("clock").data(json!({"now": now, "text": when(now)}).to_string());
        Some((Ok::<_, Infallible>(event), (app, ticks)))
    }))
}

fn queue(app: Shared) -> impl IntoResponse {
    let news = app.news.subscribe();
    Sse::new(stream::unfold((app, news, true), |(app, mut news, first)| async move {
        if !first {
            loop {
                tokio::select! {
                    heard = news.recv() => match heard {
                        // Whoever missed some simply looks at the numbers again.
                        Ok(News::Queue) | Err(RecvError::Lagged(_)) => break,
                        Ok(_) => {}
                        Err(RecvError::Closed) => return None,
                    },
                    () = stopped(app.stopping.clone()) => return None,
                }
            }
        }
        let numbers = app.read(|world| world.queue(today(&app)));
        let event = Event::default().event("queue").json_data(numbers).unwrap_or_default();
        Some((Ok::<_, Infallible>(event), (app, news, false)))
    }))
    .keep_alive(KeepAlive::default())
}
