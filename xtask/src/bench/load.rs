//! One run of `wrk` and what it says.

use crate::process::Program;
use crate::project::{Failure, Outcome, failed};

const CONNECTIONS: &str = "-c32";
const THREADS: &str = "-t1";

/// Where to and as whom.
pub(crate) struct Load {
    url: String,
    headers: Vec<String>,
}

/// What one run measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) errors: u64,
    pub(crate) requests: u64,
}

impl Load {
    /// `scheme` is `http` or `https`.
    pub(crate) fn new(scheme: &str, port: u16, path: &str) -> Self {
        Self { url: format!("{scheme}://127.0.0.1:{port}{path}"), headers: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(format!("{name}: {value}"));
        self
    }

    pub(crate) fn run(&self, seconds: u32) -> Outcome<Figures> {
        let headers = self.headers.iter().flat_map(|header| ["-H", header.as_str()]);
        let text = Program::new("wrk")
            .args([THREADS, CONNECTIONS, "--latency", &format!("-d{seconds}s")])
            .args(headers)
            .arg(&self.url)
            .text()?;
        parse(&text)
    }
}

fn parse(text: &str) -> Outcome<Figures> {
    let after = |label: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim).map(str::to_owned)
    };
    let missing = |what: &str| Failure(format!("wrk did not say its {what}:\n{text}"));
    let milliseconds =
        |label: &str| after(label).and_then(|value| in_milliseconds(&value)).ok_or_else(|| missing(label));
    // Every number of a line added up: `connect 0, read 2, write 0, timeout 1`.
    let counted = |label: &str| -> u64 {
        let line = after(label).unwrap_or_default();
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u64>().ok()).sum()
    };
    let per_second =
        after("Requests/sec:").and_then(|value| value.parse().ok()).ok_or_else(|| missing("requests"))?;
    let requests = text
        .lines()
        .find(|line| line.contains(" requests in "))
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| missing("number of requests"))?;
    if per_second == 0.0 {
        return failed(format!("nothing was answered:\n{text}"));
    }
    Ok(Figures {
        per_second,
        p50_ms: milliseconds("50%")?,
        p99_ms: milliseconds("99%")?,
        errors: counted("Non-2xx or 3xx responses:") + counted("Socket errors:"),
        requests,
    })
}

fn in_milliseconds(text: &str) -> Option<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return number.parse::<f64>().ok().map(|number| number * factor);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
Running 5s test @ http://127.0.0.1:1/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.46ms    1.02ms  20.01ms   89.44%
  Latency Distribution
     50%    1.24ms
     75%    1.70ms
     90%  900.00us
     99%    1.20s
  113120 requests in 5.01s, 21.25MB read
  Socket errors: connect 0, read 2, write 0, timeout 1
  Non-2xx or 3xx responses: 12
Requests/sec:  22582.23
Transfer/sec:      4.24MB
";

    #[test]
    fn what_wrk_says_is_read_with_its_units() {
        let figures = parse(SAID).unwrap();
        let expected =
            Figures { per_second: 22582.23, p50_ms: 1.24, p99_ms: 1200.0, errors: 15, requests: 113_120 };
        assert_eq!(figures, expected);
        assert_eq!(in_milliseconds("900.00us"), Some(0.9));
    }

    #[test]
    fn a_run_without_an_answer_is_a_failure() {
        assert!(parse(&SAID.replace("22582.23", "0.00")).is_err());
        assert!(parse("unable to connect").is_err());
    }
}
