//! Who is there: a browser by its cookie, a program by its token, or nobody.

use std::sync::Arc;

use chaperone_app::entry::EntryRefused;
use chaperone_app::gate::LiveSignIn;
use chaperone_app::{App, Client};
use chaperone_domain::target::Target;
use http::HeaderMap;
use http::header::USER_AGENT;

use crate::Peer;
use crate::errors::Refused;
use crate::headers::{self, BadRequest, COOKIE_NAME};

/// The cause in the trail for a request with a cookie and a token.
const COOKIE_AND_TOKEN: &str = "cookie-and-token";

/// The client of a request, for the trail.
pub(crate) fn client(headers: &HeaderMap, peer: &Peer) -> Client {
    let user_agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    Client::new(&peer.client_address(), user_agent.as_deref().unwrap_or(""))
}

/// Finds out who is there; `None` is nobody.
pub(crate) async fn identify(
    app: &App,
    target: &Target,
    headers: &HeaderMap,
    peer: &Peer,
) -> Result<Option<Arc<LiveSignIn>>, Refused> {
    let cookie = headers::cookie(headers, COOKIE_NAME);
    let Some(token) = headers::token(headers) else {
        return match cookie {
            Some(secret) => app.identify_cookie(secret, &target.host).await.map_err(|_| Refused::CannotAsk),
            None => Ok(None),
        };
    };
    // Whoever sends both would have it unclear as whom they act.
    if cookie.is_some() {
        app.access_refused(target, None, &client(headers, peer), COOKIE_AND_TOKEN).await;
        return Err(BadRequest::CookieAndToken.into());
    }
    match app.identify_token(target, token, &client(headers, peer)).await {
        Ok(live) => Ok(Some(live)),
        Err(EntryRefused::CodeInvalid) => Err(Refused::UnknownToken),
        Err(why) => Err(Refused::Entry(why)),
    }
}
