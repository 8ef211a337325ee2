//! Microsoft's identity platform, as far as its documentation says what a client meets: tokens for an application
//! by its secret. Dataverse and Graph stand on it; what a client does wrong is answered as documented, and kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_connectors::{ExternalAccount, SecretRef, Secrets};
use chaperone_domain::ids::AccountId;
use serde_json::{Value, json};

pub(crate) const TENANT: &str = "contoso.onmicrosoft.com";
pub(crate) const CLIENT_ID: &str = "11112222-bbbb-3333-cccc-4444dddd5555";
pub(crate) const CLIENT_SECRET: &str = "a1~secret&with=signs+%";

/// A request that came in.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    /// The path as it came, decoded.
    pub(crate) path: String,
    /// The query, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Incoming {
    /// A header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A part of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What is served behind the tokens.
pub(crate) trait Api: Send + 'static {
    /// Answers a request whose token was accepted.
    fn answer(&mut self, tenant: &Tenant, request: &Incoming) -> (u16, Value, Vec<(&'static str, String)>);

    /// The body of an error.
    fn error(&self, code: &str, message: &str) -> Value;
}

/// The tenant.
pub(crate) struct Tenant {
    /// Where it is served: `http://127.0.0.1:port`.
    pub(crate) url: String,
    /// The secret that it knows.
    pub(crate) secret: String,
    /// The application permissions that tokens carry.
    pub(crate) roles: Vec<String>,
    /// Tokens that are good.
    pub(crate) good: Vec<String>,
    /// Tokens given out so far.
    pub(crate) given: usize,
    /// Whether tokens cannot be read, as the documentation allows.
    pub(crate) is_opaque: bool,
    /// How long tokens live, in seconds.
    pub(crate) life: u64,
    /// What clients did against the documentation.
    pub(crate) wrong: Vec<String>,
}

/// The tenant and what it serves.
pub(crate) struct Served<A> {
    pub(crate) tenant: Tenant,
    pub(crate) api: A,
}

/// A running server with the folder for its client's secrets.
pub(crate) struct Microsoft<A> {
    state: Arc<Mutex<Served<A>>>,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl<A: Api> Microsoft<A> {
    /// Starts to serve.
    pub(crate) async fn start(api: A, roles: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tenant = Tenant {
            url: format!("http://{address}"),
            secret: CLIENT_SECRET.to_owned(),
            roles: roles.iter().map(ToString::to_string).collect(),
            good: Vec::new(),
            given: 0,
            is_opaque: false,
            life: 3599,
            wrong: Vec::new(),
        };
        let state = Arc::new(Mutex::new(Served { tenant, api }));
        let app = Router::new().fallback(serve::<A>).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { state, address, folder };
        world.change_secret(CLIENT_SECRET);
        world
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, Served<A>> {
        self.state.lock().expect("no panic while held")
    }

    /// What the client takes for its secret from now on.
    pub(crate) fn change_secret(&self, secret: &str) {
        std::fs::write(self.folder.path().join("entra"), secret).expect("written");
    }

    pub(crate) fn secrets(&self) -> (SecretRef, Secrets) {
        (SecretRef::File("entra".to_owned()), Secrets::new(PathBuf::from(self.folder.path())))
    }

    /// Fails when a client did something against the documentation.
    pub(crate) fn is_content(&self) {
        assert_eq!(self.state().tenant.wrong, Vec::<String>::new());
    }
}

/// An account by number.
pub(crate) fn account(id: uuid::Uuid) -> ExternalAccount {
    ExternalAccount { id: AccountId::new(id), external_id: id.hyphenated().to_string() }
}

async fn serve<A: Api>(
    State(state): State<Arc<Mutex<Served<A>>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let url = url::Url::parse(&format!("http://x{uri}")).expect("an address");
    let path = url.path_segments().expect("a path").map(decoded).collect::<Vec<_>>().join("/");
    let query = url.query_pairs().into_owned().collect();
    let request = Incoming { method, path, query, headers, body: body.to_vec() };
    let mut state = state.lock().expect("no panic while held");
    let Served { tenant, api } = &mut *state;
    let (status, body, headers) = if request.path.contains("/oauth2/") {
        tenant.token(&request)
    } else {
        let token = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if tenant.good.iter().any(|good| good == token) {
            api.answer(tenant, &request)
        } else {
            (
                401,
                api.error("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
                Vec::new(),
            )
        }
    };
    // A client that was told that it asks wrongly did; the tests want none of that.
    if status == 400 && body.pointer("/error/code").is_some() {
        tenant.wrong.push(format!("{} {}: {body}", request.method, request.path));
    }
    let mut response = if body.is_null() { ().into_response() } else { body.to_string().into_response() };
    *response.status_mut() = axum::http::StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().expect("a header"));
    }
    response
}

fn decoded(segment: &str) -> String {
    // A form's plus is a space; a path's is a plus.
    let form = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

impl Tenant {
    fn token(&mut self, request: &Incoming) -> (u16, Value, Vec<(&'static str, String)>) {
        let refused = |status: u16, error: &str, number: u32, text: &str| {
            let description =
                format!("AADSTS{number}: {text} Trace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333");
            let body = json!({ "error": error, "error_description": description, "error_codes": [number] });
            (status, body, Vec::new())
        };
        if request.path != format!("{TENANT}/oauth2/v2.0/token") {
            return refused(400, "invalid_request", 90002, "Tenant 'fabrikam' not found.");
        }
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let field = |name: &str| {
            fields.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
        };
        if request.method != Method::POST
            || request.header("content-type") != "application/x-www-form-urlencoded"
            || field("grant_type") != "client_credentials"
            || fields.len() != 4
        {
            self.wrong.push(format!("{} to the token service", request.method));
            return refused(400, "invalid_request", 900144, "The request body must contain the parameter.");
        }
        if field("client_id") != CLIENT_ID {
            return refused(
                400,
                "unauthorized_client",
                700016,
                "Application was not found in the directory.",
            );
        }
        if field("client_secret") != self.secret {
            return refused(401, "invalid_client", 7000215, "Invalid client secret provided.");
        }
        if field("scope") != format!("{}/.default", self.url) {
            return refused(
                400,
                "invalid_resource",
                500011,
                "The resource principal was not found in the tenant.",
            );
        }
        self.given += 1;
        let claims = json!({ "aud": self.url, "appid": CLIENT_ID, "roles": self.roles, "jti": self.given });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let readable =
            format!("{}.{}.c2lnbmVk", part(&json!({ "typ": "JWT", "alg": "RS256" })), part(&claims));
        let token = if self.is_opaque { format!("opaque-{}", self.given) } else { readable };
        self.good.push(token.clone());
        let body = json!({ "token_type": "Bearer", "expires_in": self.life, "ext_expires_in": self.life, "access_token": token });
        (200, body, Vec::new())
    }
}
