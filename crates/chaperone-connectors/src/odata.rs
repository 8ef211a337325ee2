//! What Dataverse and Microsoft Graph have in common: OData 4 behind a token.

use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use crate::connector::{ListedAccount, ListedPage, NAME_MAX_BYTES, PAGE};
use crate::error::ConnectorError;
use crate::http::{Answer, Http, Request, address, below};
use crate::oauth::{Application, Tokens};
use crate::secret::Secrets;
use crate::settings::Tls;

/// A service that is asked with a token.
pub(crate) struct Service {
    http: Http,
    base: Url,
    tokens: Tokens,
}

impl Service {
    /// A service at this address.
    pub(crate) fn new(
        who: &'static str,
        url: &str,
        application: Application,
        secrets: Secrets,
        tls: &Tls,
    ) -> Result<Self, ConnectorError> {
        let base = address("The address of the directory", url, tls)?;
        let http = Http::new(who, tls)?;
        let tokens = Tokens::new(application, secrets, &base, &http, tls)?;
        Ok(Self { http, base, tokens })
    }

    /// What sentences about it begin with.
    pub(crate) fn who(&self) -> &'static str {
        self.http.who()
    }

    /// An address of it.
    pub(crate) fn at(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        below(&self.base, segments, query)
    }

    /// A new token, with the rights that the application has now.
    pub(crate) async fn new_token(&self) -> Result<Zeroizing<String>, ConnectorError> {
        let old = self.tokens.token().await?;
        self.tokens.forget(&old).await;
        self.tokens.token().await
    }

    /// Sends what `make` makes, with a token; once more with a new token when that one is not accepted (a 401 says
    /// that nothing was done).
    pub(crate) async fn send(&self, make: impl Fn() -> Request) -> Result<Answer, ConnectorError> {
        let token = self.tokens.token().await?;
        let answer = self.http.send(make().bearer(token.clone())).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.tokens.forget(&token).await;
        let answer = self.http.send(make().bearer(self.tokens.token().await?)).await?;
        if answer.status == 401 {
            let sentence = format!(
                "{} does not accept the application's token; is the application allowed to use it, and is the address \
                 right?",
                self.who()
            );
            return Err(answer.refused(sentence));
        }
        Ok(answer)
    }

    /// The address of a next page, which must be of the same service: the token goes there.
    pub(crate) fn next(&self, link: &str) -> Result<Url, ConnectorError> {
        let next = Url::parse(link).ok().filter(|next| {
            next.origin() == self.base.origin() && next.username().is_empty() && next.password().is_none()
        });
        next.ok_or_else(|| {
            let sentence = format!(
                "{} says that its list goes on at another place, which is not followed because the token would go \
                 along; is the directory's address the one that it calls itself by?",
                self.who()
            );
            ConnectorError::refused(sentence, link.chars().take(200).collect::<String>())
        })
    }

    /// A page of a list; `read` makes an account of an entry, or nothing when it cannot be taken.
    pub(crate) fn page(
        &self,
        answer: &Answer,
        read: impl Fn(&Value) -> Option<ListedAccount>,
    ) -> Result<ListedPage, ConnectorError> {
        let json = answer.json()?;
        let Some(entries) = json.get("value").and_then(Value::as_array) else {
            let sentence =
                format!("{} answers without a list; is the directory's address right?", self.who());
            return Err(ConnectorError::unreachable(sentence, answer.said()));
        };
        if entries.len() > PAGE {
            let sentence =
                format!("{} sends more than the {PAGE} accounts at once that were asked for.", self.who());
            return Err(ConnectorError::refused(sentence, entries.len()));
        }
        let accounts: Vec<ListedAccount> = entries.iter().filter_map(read).filter(can_be_taken).collect();
        let left_out = u64::try_from(entries.len() - accounts.len()).unwrap_or(u64::MAX);
        let next = match json.get("@odata.nextLink").and_then(Value::as_str) {
            Some(link) => Some(self.next(link)?.to_string()),
            None => None,
        };
        Ok(ListedPage { accounts, left_out, total: None, next })
    }
}

/// Whether the names of an account are of a length that is taken.
pub(crate) fn can_be_taken(account: &ListedAccount) -> bool {
    let fits = |text: &str| !text.is_empty() && text.len() <= NAME_MAX_BYTES;
    fits(&account.external_id) && fits(&account.name) && account.email.len() <= NAME_MAX_BYTES
}

/// The code of an error, as OData has it.
pub(crate) fn error_code(answer: &Answer) -> String {
    let object = answer.object().unwrap_or_default();
    object.pointer("/error/code").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A text of an entry; empty where there is none.
pub(crate) fn text(entry: &Value, name: &str) -> String {
    entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
