//! nginx twice: as the application behind, and as the reverse proxy to compare with.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::certificate::Certificate;
use crate::process::{Program, Started, free_port};
use crate::project::{Failure, Outcome, write};
use crate::setup;

const READY_LIMIT: Duration = Duration::from_secs(10);

/// Without a request for this long, none is on its way any more.
const SETTLE: Duration = Duration::from_millis(300);
/// Where the application behind says how many requests it had.
const COUNTER: &str = "/requests";

pub(crate) struct Nginx {
    pub(crate) port: u16,
    /// How often it was asked how many requests it had.
    asked: u64,
    _started: Started,
}

impl Nginx {
    /// One worker that answers files, like an application that has nothing to think about.
    pub(crate) fn backend(folder: &Path) -> Outcome<Self> {
        let files = folder.join("files");
        std::fs::create_dir_all(&files)?;
        write(&files.join("1k.json"), &format!("{{\"text\":\"{}\"}}", "x".repeat(1024 - 11)))?;
        write(&files.join("50k.html"), &page(50 * 1024))?;
        write(&files.join("index.html"), &page(2 * 1024))?;
        write(&files.join("1m.bin"), &"x".repeat(1024 * 1024))?;
        let site =
            format!("location / {{ root {}; }} location = {COUNTER} {{ stub_status; }}", files.display());
        Self::start(folder, 1, "", "", &site)
    }

    /// Requests that it was asked so far, not counting the questions that this asks, once no more come: those that
    /// a load left behind when it stopped are still on their way.
    pub(crate) fn requests(&mut self) -> Outcome<u64> {
        let mut seen = self.requests_now()?;
        loop {
            std::thread::sleep(SETTLE);
            let now = self.requests_now()?;
            if now == seen {
                return Ok(now);
            }
            seen = now;
        }
    }

    fn requests_now(&mut self) -> Outcome<u64> {
        let url = format!("http://127.0.0.1:{}{COUNTER}", self.port);
        let text = Program::new("curl").args(["--silent", "--show-error", "--fail", &url]).text()?;
        self.asked += 1;
        let all = text.lines().nth(2).and_then(|line| line.split_whitespace().nth(2));
        let all: Option<u64> = all.and_then(|count| count.parse().ok());
        all.map(|all| all - self.asked)
            .ok_or_else(|| Failure(format!("nginx did not say its requests:\n{text}")))
    }

    /// Two workers with connections kept alive to the backend.
    pub(crate) fn reverse_proxy(
        folder: &Path,
        backend: u16,
        certificate: Option<&Certificate>,
    ) -> Outcome<Self> {
        let upstream = format!("upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; }}");
        let site = "location / { proxy_pass http://backend; proxy_http_version 1.1; \
                    proxy_set_header Connection \"\"; proxy_set_header Host $host; }";
        let tls = certificate.map_or_else(String::new, |certificate| {
            format!(
                "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols TLSv1.3;",
                certificate.file.display(),
                certificate.key.display()
            )
        });
        Self::start(folder, 2, &upstream, &tls, site)
    }

    fn start(folder: &Path, workers: u32, upstream: &str, tls: &str, site: &str) -> Outcome<Self> {
        let program = setup::nginx().ok_or_else(|| Failure("nginx is not installed".to_owned()))?;
        std::fs::create_dir_all(folder)?;
        let port = free_port()?;
        let place = folder.display();
        // Root's workers would not be able to read the files under another user.
        let user = if std::fs::metadata(folder)?.uid() == 0 { "user root;" } else { "" };
        let ssl = if tls.is_empty() { "" } else { " ssl" };
        let text = format!(
            "daemon off; master_process on; worker_processes {workers}; pid {place}/pid; error_log {place}/error.log;
             {user}
             events {{ worker_connections 4096; }}
             http {{
                 access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000000; client_body_temp_path {place}/body;
                 proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
                 types {{ text/html html; application/json json; }} default_type application/octet-stream;
                 {upstream}
                 server {{ listen 127.0.0.1:{port}{ssl}; {tls} {site} }}
             }}"
        );
        let file = folder.join("nginx.conf");
        write(&file, &text)?;
        let mut started =
            Program::new(program).arg("-c").arg(&file).arg("-p").arg(folder).stopped_by("QUIT").start()?;
        started.wait_until(READY_LIMIT, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { port, asked: 0, _started: started })
    }
}

/// A page in the manner of an application: a head with a few elements, then rows of a table.
fn page(bytes: usize) -> String {
    const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8><title>Vendors</title>\
        <link rel=stylesheet href=/app.css><script src=/app.js defer></script></head><body><h1>Vendors</h1><table>";
    const END: &str = "</table></body></html>";
    let mut page = String::from(HEAD);
    let mut row = 0;
    while page.len() + END.len() < bytes {
        row += 1;
        page.push_str(&format!(
            "<tr><td>V-{row:05}</td><td>Contoso {row}</td><td>DE00 0000 {row:08}</td></tr>\n"
        ));
    }
    page.truncate(bytes - END.len());
    page.push_str(END);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_size_that_the_table_says() {
        assert_eq!(page(50 * 1024).len(), 50 * 1024);
    }
}
