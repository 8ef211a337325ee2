//! All addresses, and the steps that every request goes through.

use axum::{
    Extension, Router,
    extract::Request,
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{
    api, app::Shared, assets, changes, dashboard, events, identity, identity::Principal, items, lab,
    notifications, orders, page, policy, sign_in, socket, vendors,
};

/// From outside to inside: complete the headers, learn who asks, then the handler.
pub(crate) fn all(app: Shared) -> Router {
    Router::new()
        .route("/", get(dashboard::show))
        .route("/changes", get(dashboard::change_log))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/ws", get(socket::connect))
        .route("/events", get(events::stream))
        .route("/api/me", get(orders::http::me))
        .route("/api/items", get(items::lookup))
        .route("/api/changes", get(changes::list))
        .route("/api/notifications", get(notifications::inbox))
        .route("/assets/{*path}", get(assets::serve))
        .merge(vendors::routes())
        .merge(orders::routes())
        .merge(lab::routes())
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(app.clone(), identity::require))
        .layer(middleware::from_fn(complete))
        .with_state(app)
}

async fn complete(request: Request, next: Next) -> Response {
    let untouched = request.uri().path().starts_with("/lab/as-is/");
    let mut response = next.run(request).await;
    if !untouched {
        policy::complete(response.headers_mut());
    }
    response
}

async fn not_found(principal: Option<Extension<Principal>>, request: Request) -> Response {
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    match principal {
        Some(Extension(principal)) if wants_page => page::problem(
            StatusCode::NOT_FOUND,
            &principal,
            page::Area::Dashboard,
            "Not found",
            "There is no such page.",
            "/",
        ),
        Some(_) => api::not_found(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
