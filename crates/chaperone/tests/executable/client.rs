//! A client that connects to the loopback address and names a host, as the demo's own clients do.

use std::fmt;

use http::header::HOST;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A call that is being made.
pub(crate) struct Call {
    request: http::request::Builder,
    body: Bytes,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// A call to a host's path.
    pub(crate) fn new(method: Method, host: &str, path: &str) -> Self {
        Self { request: Request::builder().method(method).uri(path).header(HOST, host), body: Bytes::new() }
    }

    pub(crate) fn get(host: &str, path: &str) -> Self {
        Self::new(Method::GET, host, path)
    }

    /// A call to the API on the console's host.
    pub(crate) fn api(method: Method, path: &str) -> Self {
        Self::new(method, "console.localhost", &format!("/api/v1{path}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// With somebody's token.
    pub(crate) fn by(self, user: &Value) -> Self {
        self.header("authorization", &format!("Bearer {}", user["api_token"].as_str().expect("a token")))
    }

    pub(crate) fn json(self, content: &Value) -> Self {
        let mut call = self.header("content-type", "application/json");
        call.body = content.to_string().into();
        call
    }

    pub(crate) fn form(self, content: String) -> Self {
        let mut call = self.header("content-type", "application/x-www-form-urlencoded");
        call.body = content.into();
        call
    }

    /// Sends it; the error says that no answer came.
    pub(crate) async fn send(self, port: u16) -> Result<Answer, NoAnswer> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(NoAnswer::new)?;
        self.over(stream).await
    }

    /// Sends it over a connection.
    pub(crate) async fn over(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Answer, NoAnswer> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(NoAnswer::new)?;
        let driver = tokio::spawn(connection);
        let request = self.request.body(Full::new(self.body)).expect("a request");
        let answer = async {
            let (parts, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        let answer = answer.await.map_err(NoAnswer::new);
        driver.abort();
        answer
    }

    /// Sends it and expects this status.
    pub(crate) async fn expect(self, port: u16, status: u16) -> Answer {
        let answer = self.send(port).await.expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
        answer
    }
}

/// Nobody answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoAnswer(String);

impl NoAnswer {
    fn new(error: impl fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
