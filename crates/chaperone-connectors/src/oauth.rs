//! Tokens for an application by its secret (OAuth 2.0 client credentials), as Microsoft's identity platform gives
//! them. A token is kept until shortly before it expires; the secret is read anew for each.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use crate::error::ConnectorError;
use crate::http::{Answer, Http, Request, address, below};
use crate::secret::{SecretRef, Secrets};
use crate::settings::Tls;

/// How long before its end a token is not used any more; half of its life where that is shorter.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// Longest life that is believed.
const LIFE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The application that tokens are for.
pub(crate) struct Application {
    /// Who gives tokens.
    pub(crate) authority: String,
    /// The tenant, by id or domain.
    pub(crate) tenant: String,
    /// The application's id.
    pub(crate) client_id: String,
    /// Its secret.
    pub(crate) client_secret: SecretRef,
}

/// Tokens of one application for one service.
pub(crate) struct Tokens {
    http: Http,
    url: Url,
    application: Application,
    secrets: Secrets,
    scope: String,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    token: Zeroizing<String>,
    until: Instant,
}

impl Tokens {
    /// Tokens for `service`.
    pub(crate) fn new(
        application: Application,
        secrets: Secrets,
        service: &Url,
        http: &Http,
        tls: &Tls,
    ) -> Result<Self, ConnectorError> {
        let authority = address("The address of the token service", &application.authority, tls)?;
        let tenant = application.tenant.as_str();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if tenant.is_empty() || tenant.starts_with('.') || !tenant.bytes().all(is_plain) {
            let sentence = "The tenant must be its id or its domain, such as contoso.onmicrosoft.com.";
            return Err(ConnectorError::refused(sentence, ""));
        }
        let url = below(&authority, &[tenant, "oauth2", "v2.0", "token"], &[]);
        let scope = format!("{}/.default", service.as_str().trim_end_matches('/'));
        let http = http.named("The token service");
        Ok(Self { http, url, application, secrets, scope, kept: Mutex::new(None) })
    }

    /// A token that is still good for a while; whoever comes while one is fetched waits for that one.
    pub(crate) async fn token(&self) -> Result<Zeroizing<String>, ConnectorError> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.until > Instant::now()) {
            return Ok(kept.token.clone());
        }
        let new = self.fetch().await?;
        let token = new.token.clone();
        *kept = Some(new);
        Ok(token)
    }

    /// The service did not accept this token: the next one is a new one.
    pub(crate) async fn forget(&self, token: &str) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.token.as_str() == token) {
            *kept = None;
        }
    }

    async fn fetch(&self) -> Result<Kept, ConnectorError> {
        let secret = self.secrets.read(&self.application.client_secret)?;
        let fields = [
            ("client_id", self.application.client_id.as_str()),
            ("client_secret", secret.as_str()),
            ("scope", self.scope.as_str()),
            ("grant_type", "client_credentials"),
        ];
        let request = Request::new(Method::POST, self.url.clone())
            .header("accept", "application/json")
            .form(&fields, secret.clone());
        let asked = Instant::now();
        let answer = self.http.send(request).await?;
        if !answer.is_success() {
            return Err(self.refusal(&answer));
        }
        let json = answer.json()?;
        let token = json.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
        let kind = json.get("token_type").and_then(Value::as_str).unwrap_or("Bearer");
        let Some(token) = token.filter(|_| kind.eq_ignore_ascii_case("bearer")) else {
            // Not what it said: a token could be in it.
            let sentence = "The token service answers without a bearer token; is its address right?";
            return Err(ConnectorError::unreachable(sentence, format!("status {}", answer.status)));
        };
        let life = match json.get("expires_in") {
            Some(Value::Number(seconds)) => seconds.as_u64(),
            Some(Value::String(seconds)) => seconds.parse().ok(),
            _ => None,
        };
        let life = Duration::from_secs(life.unwrap_or_default()).min(LIFE_MAX);
        Ok(Kept { token: Zeroizing::new(token.to_owned()), until: asked + life - MARGIN.min(life / 2) })
    }

    /// Why there is no token, in words that say what to do.
    fn refusal(&self, answer: &Answer) -> ConnectorError {
        let Application { tenant, client_id, client_secret, .. } = &self.application;
        let said = answer.said();
        let has =
            |code: &str| said.contains(&format!("AADSTS{code}:")) || said.contains(&format!("AADSTS{code} "));
        let sentence = if has("7000215") {
            format!(
                "The secret of application {client_id} is wrong: put the secret's value, not its id, into {client_secret}."
            )
        } else if has("7000222") {
            format!(
                "The secret of application {client_id} has expired: make a new one and put it into {client_secret}."
            )
        } else if has("700016") {
            format!("There is no application {client_id} in the tenant {tenant}; check both.")
        } else if has("90002") {
            format!("There is no tenant {tenant}; enter its id or its domain.")
        } else if has("500011") {
            format!("The tenant {tenant} knows no service for {}; check the directory's address.", self.scope)
        } else if said.contains("invalid_client") {
            format!(
                "The token service does not accept application {client_id} with the secret in {client_secret}."
            )
        } else {
            // The status and the words: a 404 of a wrong address has no code.
            format!(
                "The token service gives no token to application {client_id} of tenant {tenant} ({said})."
            )
        };
        answer.refused(sentence)
    }
}
