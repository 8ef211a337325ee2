//! Somebody who is signed in at a target, by the same steps as a browser: console, `/enter`, one-time code.
//!
//! Speaks through `curl`, and keeps the cookies itself, because `curl` rightly takes no `Secure` cookie over
//! plain HTTP while browsers make an exception for the loopback names of the demo.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::Load;
use crate::process::Program;
use crate::project::{Failure, Outcome, failed};

/// How long the processor may take to start the privileged session.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long sealing may take: as much was recorded as in weeks of work.
const SEAL_LIMIT: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(100);
/// Detours from the console to a target; more would be a circle.
const REDIRECTS_MAX: usize = 10;

/// What `chaperone demo --json` prints.
pub(crate) struct Demo {
    console: String,
    scheme: &'static str,
    port: u16,
    users: Vec<Value>,
}

impl Demo {
    pub(crate) fn parse(line: &str) -> Outcome<Self> {
        let ready = super::json(line)?;
        let console = ready["console_url"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
        let port = console.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| Failure(format!("no port in {console}")))?;
        let scheme = if console.starts_with("https:") { "https" } else { "http" };
        Ok(Self { console, scheme, port, users: ready["users"].as_array().cloned().unwrap_or_default() })
    }

    fn administrators(&self) -> impl Iterator<Item = &Value> {
        self.users.iter().filter(|user| roles(user).contains(&"system_administrator"))
    }

    fn privileged_user(&self) -> Option<&Value> {
        self.users.iter().find(|user| roles(user) == ["user"])
    }
}

fn roles(user: &Value) -> Vec<&str> {
    user["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A browser without a screen.
pub(crate) struct Visitor {
    scheme: &'static str,
    port: u16,
    host: String,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// An answer: status, headers, body.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Visitor {
    fn new(demo: &Demo, host: String) -> Self {
        Self { scheme: demo.scheme, port: demo.port, host, cookies: BTreeMap::new() }
    }

    /// An administrator at the target as themselves: not privileged, so nothing is recorded.
    pub(crate) fn everyday(demo: &Demo, target: &str) -> Outcome<Self> {
        let user = demo
            .administrators()
            .next()
            .ok_or_else(|| Failure("the demo has no administrator".to_owned()))?;
        let mut visitor = Self::new(demo, format!("{target}.localhost:{}", demo.port));
        visitor.sign_in(demo, user)?;
        visitor.walk(&format!("{}://{}/50k.html", visitor.scheme, visitor.host.clone()))?;
        Ok(visitor)
    }

    /// The privileged user inside a privileged session that was asked for, approved and opened.
    pub(crate) fn in_privileged_session(demo: &Demo, target: &str) -> Outcome<(Self, Session)> {
        let user =
            demo.privileged_user().ok_or_else(|| Failure("the demo has no privileged user".to_owned()))?;
        let mut visitor = Self::new(demo, format!("{target}.localhost:{}", demo.port));
        let session = start_session(demo, target)?;
        let csrf = visitor.sign_in(demo, user)?;
        let path = format!("{}/api/v1/privileged-sessions/{session}/open", demo.console);
        let content = json!({ "password": user["password"], "consent": true });
        let opened = visitor.call(
            "POST",
            &path,
            Some(&content),
            &[("X-Chaperone-Csrf", &csrf), ("Origin", &demo.console)],
        )?;
        if opened.status != 200 {
            return failed(format!("opening the session: {} {}", opened.status, opened.body));
        }
        let opened = super::json(&opened.body)?;
        let targets = opened["targets"].as_array().cloned().unwrap_or_default();
        let url =
            targets.iter().filter_map(|one| one["url"].as_str()).find(|url| url.contains(&visitor.host));
        visitor.walk(url.ok_or_else(|| Failure(format!("{target} is not in {opened}")))?)?;
        Ok((visitor, Session { id: session }))
    }

    /// Fails when a page does not have the recorder in it: then nothing is measured that should be.
    pub(crate) fn sees_the_recorder(&mut self, path: &str) -> Outcome {
        let url = format!("{}://{}{path}", self.scheme, self.host);
        let page = self.call("GET", &url, None, &[("Sec-Fetch-Dest", "document")])?;
        let injected = page.status == 200 && page.body.contains("/.chaperone/");
        if injected { Ok(()) } else { failed(format!("{url} has no recorder: {}", page.status)) }
    }

    /// The load of somebody with this visitor's cookies.
    pub(crate) fn load(&self, path: &str) -> Load {
        Load::new(self.scheme, self.port, path)
            .header("Host", &self.host)
            .header("Cookie", &self.cookie_header(&self.host))
    }

    /// Signs in to the console; the answer's token goes with every change.
    fn sign_in(&mut self, demo: &Demo, user: &Value) -> Outcome<String> {
        let content = json!({ "user_name": user["user_name"], "password": user["password"] });
        let url = format!("{}/api/v1/sign-in", demo.console);
        let answer = self.call("POST", &url, Some(&content), &[("Origin", &demo.console)])?;
        if answer.status != 200 {
            return failed(format!("signing in: {} {}", answer.status, answer.body));
        }
        Ok(super::json(&answer.body)?["csrf_token"].as_str().unwrap_or_default().to_owned())
    }

    /// Goes to an address as a browser does when somebody clicks, until an answer is no detour.
    fn walk(&mut self, url: &str) -> Outcome {
        let mut url = url.to_owned();
        for _ in 0..REDIRECTS_MAX {
            let navigation =
                [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Site", "none")];
            let answer = self.call("GET", &url, None, &navigation)?;
            let location =
                answer.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.clone());
            match location {
                Some(location) if (300..400).contains(&answer.status) => url = absolute(&url, &location),
                // The pages of the bench target are few; whatever is not there is the target's own 404.
                _ if answer.status == 200 || answer.status == 404 => return Ok(()),
                _ => return failed(format!("{url}: {} {}", answer.status, answer.body)),
            }
        }
        failed(format!("{url}: more than {REDIRECTS_MAX} detours"))
    }

    fn call(
        &mut self,
        method: &str,
        url: &str,
        content: Option<&Value>,
        more: &[(&str, &str)],
    ) -> Outcome<Answer> {
        let host = host_of(url).to_owned();
        let mut program = Program::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "20", "--http1.1", "--insecure"])
            .args(["--connect-to", &format!("::127.0.0.1:{}", self.port), "--request", method])
            .args(["--header", &format!("Cookie: {}", self.cookie_header(&host))]);
        for (name, value) in more {
            program = program.args(["--header", &format!("{name}: {value}")]);
        }
        if let Some(content) = content {
            program =
                program.args(["--header", "Content-Type: application/json", "--data", &content.to_string()]);
        }
        let answer = parse(&program.arg(url).text()?)?;
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = value.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies
                    .entry(host.clone())
                    .or_default()
                    .insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Ok(answer)
    }

    fn cookie_header(&self, host: &str) -> String {
        let cookies = self.cookies.get(host).into_iter().flatten();
        cookies.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// A privileged session that runs.
pub(crate) struct Session {
    id: String,
}

impl Session {
    /// Ends it, waits until its only recording is sealed, and answers how many requests that holds.
    pub(crate) fn end(&self, demo: &Demo) -> Outcome<u64> {
        let administrator = demo
            .administrators()
            .next()
            .ok_or_else(|| Failure("the demo has no administrator".to_owned()))?;
        let end = json!({ "status": "End" });
        api(
            demo,
            administrator,
            "POST",
            &format!("/privileged-sessions/{}/change-status", self.id),
            Some(&end),
        )?;
        let deadline = Instant::now() + SEAL_LIMIT;
        loop {
            let recordings = api(
                demo,
                administrator,
                "GET",
                &format!("/privileged-sessions/{}/recordings", self.id),
                None,
            )?;
            match recordings["items"].as_array().map(Vec::as_slice) {
                Some([only]) if only["state"] == "sealed" => {
                    return only["exchanges"].as_u64().ok_or_else(|| Failure(format!("no number in {only}")));
                }
                Some([only]) if only["state"] != "recording" => return failed(format!("not sealed: {only}")),
                _ if Instant::now() > deadline => return failed(format!("never sealed: {recordings}")),
                _ => std::thread::sleep(LOOK),
            }
        }
    }
}

/// Asks for a session from now on, has it approved by the other administrator, and waits until it is Active.
fn start_session(demo: &Demo, target: &str) -> Outcome<String> {
    let mut administrators = demo.administrators();
    let (Some(first), Some(second)) = (administrators.next(), administrators.next()) else {
        return failed("the demo has no two administrators");
    };
    let name = demo.privileged_user().map(|user| user["user_name"].clone()).unwrap_or_default();
    let accounts = api(demo, first, "GET", "/accounts", None)?;
    let account =
        accounts["items"].as_array().into_iter().flatten().find(|account| account["privileged"] == true);
    let account = account.ok_or_else(|| Failure(format!("{name} has no privileged account")))?;
    let targets = api(demo, first, "GET", "/targets", None)?;
    let target = targets["items"].as_array().into_iter().flatten().find(|one| one["name"] == target);
    let target = target.ok_or_else(|| Failure("the bench target is not there".to_owned()))?;
    let now = Program::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).text()?;
    let end = Program::new("date").args(["-u", "-d", "+2 hours", "+%Y-%m-%dT%H:%M:%SZ"]).text()?;
    let content = json!({
        "account_id": account["id"], "target_ids": [target["id"]], "starts_at": now.trim(), "ends_at": end.trim(),
        "reason": "Measuring", "account_action": "enable", "recording_notice_acknowledged": true,
    });
    let session = api(demo, first, "POST", "/privileged-sessions", Some(&content))?;
    let id = session["id"].as_str().unwrap_or_default().to_owned();
    let approve = json!({ "status": "Approve" });
    api(demo, second, "POST", &format!("/privileged-sessions/{id}/change-status"), Some(&approve))?;
    let deadline = Instant::now() + START_LIMIT;
    while api(demo, first, "GET", &format!("/privileged-sessions/{id}"), None)?["status"] != "Active" {
        if Instant::now() > deadline {
            return failed("the session did not start");
        }
        std::thread::sleep(LOOK);
    }
    Ok(id)
}

fn api(demo: &Demo, user: &Value, method: &str, path: &str, content: Option<&Value>) -> Outcome<Value> {
    let mut visitor = Visitor::new(demo, String::new());
    let token = format!("Bearer {}", user["api_token"].as_str().unwrap_or_default());
    let url = format!("{}/api/v1{path}", demo.console);
    let answer = visitor.call(method, &url, content, &[("Authorization", &token)])?;
    if answer.status >= 300 {
        return failed(format!("{method} {path}: {} {}", answer.status, answer.body));
    }
    super::json(&answer.body)
}

fn host_of(url: &str) -> &str {
    url.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default()
}

fn absolute(from: &str, location: &str) -> String {
    let scheme = from.split("://").next().unwrap_or_default();
    if location.contains("://") {
        location.to_owned()
    } else {
        format!("{scheme}://{}{location}", host_of(from))
    }
}

fn parse(text: &str) -> Outcome<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| Failure(format!("no answer: {text}")))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    let status = status.ok_or_else(|| Failure(format!("no status: {head}")))?;
    Ok(Answer { status, headers: headers.collect(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer =
            parse("HTTP/1.1 303 See Other\r\nLocation: /a?b=c\r\nSet-Cookie: x=y; Secure\r\n\r\nbody")
                .unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (303, "body"));
        assert_eq!(answer.headers[0], ("location".to_owned(), "/a?b=c".to_owned()));
    }

    #[test]
    fn a_location_without_a_host_stays_on_its_host() {
        assert_eq!(absolute("http://erp.localhost:8080/x?y", "/z"), "http://erp.localhost:8080/z");
        assert_eq!(absolute("http://erp.localhost:8080/x", "http://other/z"), "http://other/z");
    }
}
