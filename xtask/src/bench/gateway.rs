//! Requests per second and latency through the gateway, beside nginx as a reverse proxy; and whether what had to
//! be recorded is recorded.

use std::path::Path;
use std::time::Duration;

use super::certificate::Certificate;
use super::load::{Figures, Load};
use super::nginx::Nginx;
use super::visitor::{Demo, Visitor};
use super::{ROUNDS, median};
use crate::process::{Program, Started};
use crate::project::{Outcome, failed};

/// How long the demo may take until it prints its line.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// The target that the gateway forwards to during the measurement.
const TARGET: &str = "bench";

/// What is measured: the name in the table, the address, and as what the browser asks for it.
const PATHS: &[(&str, &str, &str)] = &[
    ("1 KiB JSON", "/1k.json", "empty"),
    ("50 KiB HTML", "/50k.html", "document"),
    ("1 MiB download", "/1m.bin", "empty"),
];

/// Every path by every door, `seconds` each time; TLS at nginx and at the gateway, unless `plain`.
pub(crate) fn measure(executable: &Path, seconds: u32, plain: bool) -> Outcome {
    let folder = tempfile::Builder::new().prefix("chaperone-bench-").tempdir()?;
    let certificate = if plain { None } else { Some(Certificate::make(folder.path())?) };
    let mut backend = Nginx::backend(&folder.path().join("backend"))?;
    let proxy = Nginx::reverse_proxy(&folder.path().join("proxy"), backend.port, certificate.as_ref())?;
    let (_gateway, demo) = start_gateway(executable, folder.path(), &backend, certificate.as_ref())?;
    let scheme = if plain { "http" } else { "https" };

    let everyday = Visitor::everyday(&demo, TARGET)?;
    let before = backend.requests()?;
    let (mut recorded, session) = Visitor::in_privileged_session(&demo, TARGET)?;
    recorded.sees_the_recorder("/50k.html")?;
    let mut had_to_be_recorded = backend.requests()? - before;
    println!("\nfrom here to nginx and the gateway: {scheme}; behind them, and direct: http\n");
    println!("| path | through | requests/s | ÷ direct | ÷ nginx | p50 ms | p99 ms |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, path, as_what) in PATHS {
        let asked = |load: Load| load.header("Sec-Fetch-Dest", as_what);
        let doors = [
            ("direct", asked(Load::new("http", backend.port, path))),
            ("nginx", asked(Load::new(scheme, proxy.port, path))),
            ("gateway, signed in", asked(everyday.load(path))),
        ];
        let recorded = ("gateway, recorded", asked(recorded.load(path)));
        let mut rounds: Vec<Vec<Figures>> = vec![Vec::new(); doors.len() + 1];
        for _ in 0..ROUNDS {
            for ((_, load), figures) in doors.iter().zip(&mut rounds) {
                figures.push(load.run(seconds)?);
            }
            let before = backend.requests()?;
            rounds[doors.len()].push(recorded.1.run(seconds)?);
            had_to_be_recorded += backend.requests()? - before;
        }
        for ((door, _), figures) in doors.iter().chain([&recorded]).zip(&rounds) {
            println!("| {name} | {door} | {} |", row(figures, &rounds));
        }
        if let Some(broken) = rounds.iter().flatten().find(|figures| figures.errors > 0) {
            return failed(format!("{name}: {} requests were not answered with 200", broken.errors));
        }
    }
    let stored = session.end(&demo)?;
    println!("\nrequests that reached the application in the privileged session: {had_to_be_recorded}");
    println!("requests in its sealed recording: {stored}\n");
    if stored == had_to_be_recorded { Ok(()) } else { failed("the books do not agree") }
}

/// The medians of one door; the first door is *direct*, the second nginx.
fn row(figures: &[Figures], rounds: &[Vec<Figures>]) -> String {
    let ratio = |to: usize| {
        median(figures.iter().zip(&rounds[to]).map(|(one, other)| one.per_second / other.per_second))
    };
    format!(
        "{:.0} | {:.2} | {:.2} | {:.2} | {:.2}",
        median(figures.iter().map(|one| one.per_second)),
        ratio(0),
        ratio(1),
        median(figures.iter().map(|one| one.p50_ms)),
        median(figures.iter().map(|one| one.p99_ms)),
    )
}

/// The gateway with the nginx backend behind it, and where it says that it can be reached.
fn start_gateway(
    executable: &Path,
    folder: &Path,
    backend: &Nginx,
    certificate: Option<&Certificate>,
) -> Outcome<(Started, Demo)> {
    let said = folder.join("ready.json");
    let mut program = Program::new(executable)
        .args(["demo", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(folder.join("data"))
        .args(["--target", &format!("{TARGET}={TARGET}.localhost=http://127.0.0.1:{}", backend.port)])
        .output(said.clone());
    if let Some(certificate) = certificate {
        program =
            program.arg("--tls-certificate").arg(&certificate.file).arg("--tls-key").arg(&certificate.key);
    }
    let mut started = program.start()?;
    let line = || std::fs::read_to_string(&said).ok().filter(|text| text.contains('\n'));
    started.wait_until(READY_LIMIT, || line().is_some())?;
    let demo = Demo::parse(line().unwrap_or_default().trim())?;
    Ok((started, demo))
}
