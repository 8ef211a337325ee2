//! A browser without a screen: it keeps the cookies of each host, and follows redirects as far as it is told.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::client::{Answer, Call, NoAnswer};

/// Detours from the console to a target; more would be a circle.
const REDIRECTS_MAX: usize = 10;

#[derive(Clone)]
pub(crate) struct Browser {
    port: u16,
    /// The console's origin, as it is configured.
    console: String,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Browser {
    pub(crate) fn new(port: u16, console: &str) -> Self {
        Self { port, console: console.to_owned(), cookies: BTreeMap::new() }
    }

    fn cookie_header(&self, host: &str) -> String {
        let cookies = self.cookies.get(host).into_iter().flatten();
        cookies.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn ask(&mut self, method: Method, url: &Url, with: impl FnOnce(Call) -> Call) -> Answer {
        self.try_ask(method, url, with).await.expect("an answer")
    }

    /// Makes one call with the cookies of its host, and keeps those that come back.
    async fn try_ask(
        &mut self,
        method: Method,
        url: &Url,
        with: impl FnOnce(Call) -> Call,
    ) -> Result<Answer, NoAnswer> {
        let host = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let call = Call::new(method, &host, &url[url::Position::BeforePath..url::Position::AfterQuery]);
        let cookies = self.cookie_header(&host);
        let call = if cookies.is_empty() { call } else { call.header("cookie", &cookies) };
        let answer = with(call).send(self.port).await?;
        for set in answer.headers.get_all("set-cookie") {
            let set = set.to_str().expect("text");
            assert!(set.contains("Secure") && set.contains("HttpOnly") && set.contains("Path=/"), "{set}");
            let (name, value) = set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            self.cookies.entry(host.clone()).or_default().insert(name.to_owned(), value.to_owned());
        }
        Ok(answer)
    }

    /// Signs in to the console; answers the token for changes.
    pub(crate) async fn sign_in(&mut self, user_name: &str, password: &str) -> Answer {
        let url = Url::parse(&format!("{}/api/v1/sign-in", self.console)).expect("an address");
        let origin = self.console.clone();
        let content = json!({"user_name": user_name, "password": password});
        self.ask(Method::POST, &url, |call| call.header("origin", &origin).json(&content)).await
    }

    /// A change by the console's page, with its origin and the token against calls from other sites; there may be no
    /// answer.
    pub(crate) async fn change(
        &mut self,
        csrf: &str,
        path: &str,
        content: &Value,
    ) -> Result<Answer, NoAnswer> {
        let url = Url::parse(&format!("{}/api/v1{path}", self.console)).expect("an address");
        let origin = self.console.clone();
        let with = |call: Call| call.header("origin", &origin).header("x-chaperone-csrf", csrf).json(content);
        self.try_ask(Method::POST, &url, with).await
    }

    /// Signs in and opens a privileged session; answers where its first target is entered.
    #[cfg(feature = "faults")]
    pub(crate) async fn open(&mut self, user_name: &str, password: &str, session: &Value) -> String {
        let signed_in = self.sign_in(user_name, password).await.json();
        let csrf = signed_in["csrf_token"].as_str().expect("a token");
        let path = format!("/privileged-sessions/{}/open", session["id"].as_str().expect("an id"));
        let opened = self.change(csrf, &path, &json!({"password": password, "consent": true})).await;
        opened.expect("an answer").json()["targets"][0]["url"].as_str().expect("an address").to_owned()
    }

    /// A form of the console's host that is sent.
    pub(crate) async fn submit(&mut self, path: &str, origin: &str, fields: &[(&str, &str)]) -> Answer {
        let url = Url::parse(&format!("{}{path}", self.console)).expect("an address");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(fields).finish();
        self.ask(Method::POST, &url, |call| call.header("origin", origin).form(form)).await
    }

    /// One navigation, without following.
    pub(crate) async fn visit(&mut self, url: &str) -> Answer {
        let url = Url::parse(url).expect("an address");
        let navigation = |call: Call| {
            call.header("sec-fetch-mode", "navigate")
                .header("sec-fetch-dest", "document")
                .header("sec-fetch-site", "none")
                .header("accept", "text/html")
        };
        self.ask(Method::GET, &url, navigation).await
    }

    /// What a page fetches; it may break off.
    #[cfg(feature = "faults")]
    pub(crate) async fn fetch(&mut self, url: &str) -> Result<Answer, NoAnswer> {
        let url = Url::parse(url).expect("an address");
        let fetch = |call: Call| {
            call.header("sec-fetch-mode", "cors")
                .header("sec-fetch-dest", "empty")
                .header("sec-fetch-site", "same-origin")
        };
        self.try_ask(Method::GET, &url, fetch).await
    }

    /// A navigation until an answer is no detour; answers where it ended.
    pub(crate) async fn walk(&mut self, url: &str) -> (Url, Answer) {
        let mut url = Url::parse(url).expect("an address");
        for _ in 0..REDIRECTS_MAX {
            let answer = self.visit(url.as_str()).await;
            match answer.header("location") {
                "" => return (url, answer),
                location => url = url.join(location).expect("an address"),
            }
        }
        panic!("more than {REDIRECTS_MAX} detours, the last to {url}");
    }
}
