//! The ERP's own sign-in, used when no gateway says who the user is.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::{constant_time, digest, rand};
use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{SignedDuration, Timestamp};
use maud::html;
use serde::Deserialize;

use crate::{
    app::Shared,
    config::DEMO_PASSWORD,
    identity::{Gate, Principal},
    page::{self, Nonce},
};

const COOKIE: &str = "larkfell_sign_in";

/// A sign-in ends after this long, however busy it was.
const SIGN_IN_LASTS: SignedDuration = SignedDuration::from_hours(12);

/// The oldest sign-ins go when there are more than this.
const SIGN_INS_KEPT: usize = 10_000;

/// Random bytes in a cookie.
const TOKEN_BYTES: usize = 32;

/// The seeded users: user name, name, e-mail, groups.
const USERS: [(&str, &str, &str, &str); 4] = [
    ("nora", "Nora Lindqvist", "nora@larkfell.example", "Purchasing"),
    ("tomas", "Tomas Bereni", "tomas@larkfell.example", "Accounts payable"),
    ("ida", "Ida Okafor", "ida@larkfell.example", "Warehouse"),
    ("erp-admin", "ERP administrator", "erp-admin@larkfell.example", "Administrators"),
];

type TokenHash = [u8; 32];

/// Who is signed in. Only the hash of a cookie is kept.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<TokenHash, (Principal, Timestamp)>>);

impl Sessions {
    pub(crate) fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<Principal> {
        let hash = hash_of(cookie(headers)?);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (principal, since) = sessions.get(&hash)?;
        if now.duration_since(*since) < SIGN_IN_LASTS {
            return Some(principal.clone());
        }
        sessions.remove(&hash);
        None
    }

    fn begin(&self, principal: Principal, now: Timestamp) -> Option<String> {
        let mut token = [0_u8; TOKEN_BYTES];
        rand::fill(&mut token).ok()?;
        let token = hex(&token);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SIGN_INS_KEPT {
            let oldest = sessions.iter().min_by_key(|(_, (_, since))| *since).map(|(hash, _)| *hash);
            if let Some(oldest) = oldest {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(hash_of(&token), (principal, now));
        Some(token)
    }

    fn end(&self, headers: &HeaderMap) {
        if let Some(token) = cookie(headers) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash_of(token));
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Then {
    #[serde(default)]
    then: String,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    user_name: String,
    password: String,
    #[serde(default)]
    then: String,
}

/// `GET /sign-in`
pub(crate) async fn form(State(app): State<Shared>, Query(Then { then }): Query<Then>) -> Response {
    match &app.gate {
        Gate::Own(_) => sign_in_page(StatusCode::OK, "", &then, None),
        Gate::Assertion { .. } => Redirect::to("/").into_response(),
    }
}

/// `POST /sign-in`
pub(crate) async fn sign_in(State(app): State<Shared>, Form(given): Form<Credentials>) -> Response {
    let Gate::Own(sessions) = &app.gate else {
        return Redirect::to("/").into_response();
    };
    let right =
        constant_time::verify_slices_are_equal(given.password.as_bytes(), DEMO_PASSWORD.as_bytes()).is_ok();
    let user = USERS.iter().find(|(user_name, ..)| *user_name == given.user_name.trim());
    let (Some((account, name, email, group)), true) = (user, right) else {
        let problem = "User name or password is wrong.";
        return sign_in_page(StatusCode::UNAUTHORIZED, &given.user_name, &given.then, Some(problem));
    };
    let principal = Principal {
        account: (*account).to_owned(),
        name: (*name).to_owned(),
        email: Some((*email).to_owned()),
        user: None,
        groups: vec![(*group).to_owned()],
        gateway: None,
    };
    let Some(token) = sessions.begin(principal, app.clock.now()) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(local_path(&given.then))).into_response()
}

/// `POST /sign-out`
pub(crate) async fn sign_out(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
) -> Response {
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    match &app.gate {
        Gate::Own(sessions) => {
            sessions.end(&headers);
            ([(header::SET_COOKIE, gone)], Redirect::to("/sign-in")).into_response()
        }
        Gate::Assertion { .. } => {
            let console = principal.gateway.map(|gateway| gateway.console).filter(|url| {
                // A link to anything but a web page could be a script.
                url.starts_with("https://") || url.starts_with("http://")
            });
            let nonce = Nonce::random();
            page::bare(
                StatusCode::OK,
                "Signed out",
                &nonce,
                html! {
                    h1 { "You have left Larkfell ERP" }
                    p { "Your sign-in at the gateway goes on. Hand it back there when you are done." }
                    p {
                        a.button href="/" { "Back to the ERP" }
                        @if let Some(console) = console {
                            " " a.button href=(console) { "To the gateway's console" }
                        }
                    }
                },
            )
        }
    }
}

fn sign_in_page(status: StatusCode, user_name: &str, then: &str, problem: Option<&str>) -> Response {
    page::bare(
        status,
        "Sign in",
        &Nonce::random(),
        html! {
            h1 { "Sign in" }
            form.stack method="post" action="/sign-in" aria-label="Sign in" {
                @if let Some(problem) = problem {
                    p.problem role="alert" { (problem) }
                }
                input type="hidden" name="then" value=(then);
                label { "User name"
                    input name="user_name" value=(user_name) autocomplete="username" required autofocus; }
                label { "Password"
                    input type="password" name="password" autocomplete="current-password" required; }
                button.primary type="submit" { "Sign in" }
            }
            p.hint { "Demo users: " @for (account, ..) in USERS { code { (account) } " " }
                "with the password " code { (DEMO_PASSWORD) } "." }
        },
    )
}

/// Only a path of our own is a place to go on to; `//host` and `/\host` would be other sites.
fn local_path(then: &str) -> &str {
    let mut characters = then.chars();
    let local = characters.next() == Some('/')
        && !matches!(characters.next(), Some('/' | '\\'))
        && !then.contains(|c: char| c.is_control());
    if local { then } else { "/" }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn hash_of(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn sign_in_leads_only_to_pages_of_this_application() {
        for (then, goes_to) in [
            ("/orders/PO-1007?x=1", "/orders/PO-1007?x=1"),
            ("", "/"),
            ("//elsewhere.example/", "/"),
            ("/\\elsewhere.example/", "/"),
            ("https://elsewhere.example/", "/"),
        ] {
            assert_eq!(local_path(then), goes_to, "{then}");
        }
    }
}
