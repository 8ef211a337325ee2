//! Events per second on each kind of event stream, of the executable that is shipped; beside what one writer makes
//! durable in the same run. The collector only reads and counts.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{ROUNDS, json, median};
use crate::build;
use crate::process::Program;
use crate::project::{Failure, Outcome, write};

/// Events of one measurement.
const EVENTS: u64 = 50_000;
/// How long a start, and sending all of them, may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How often it is looked whether all have come.
const LOOK: Duration = Duration::from_millis(1);
/// Largest piece that is read at once, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// A kind of stream: its name in the table, its lines of configuration, and what stands once in each of its events.
struct Kind {
    name: &'static str,
    url: &'static str,
    more: &'static str,
    once: &'static [u8],
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "webhook",
        url: "http",
        more: "kind = 'webhook'\nauthorization = 'env:CHAPERONE_BENCH_TOKEN'\n",
        once: b"\"event_code\":",
    },
    Kind { name: "syslog, OCSF", url: "tcp", more: "kind = 'syslog'\n", once: b"\"event_code\":" },
    Kind {
        name: "syslog, CEF",
        url: "tcp",
        more: "kind = 'syslog'\nformat = 'cef'\n",
        once: b" externalId=",
    },
    Kind { name: "OTLP", url: "http", more: "kind = 'otlp'\n", once: b"\"event_code\"" },
];

pub(crate) fn measure(executable: &Path) -> Outcome {
    let fill = build::example("fill_trail")?;
    let mut rounds: Vec<Vec<(f64, f64)>> = KINDS.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        let folder = tempfile::Builder::new().prefix("chaperone-bench-").tempdir()?;
        // The first start makes the database and the key.
        serve(executable, folder.path(), "", || true)?;
        let url = format!("sqlite:{}", folder.path().join("data/chaperone.db").display());
        let filled = json(&Program::new(&fill).args([&url, &EVENTS.to_string()]).text()?)?;
        let writes = EVENTS as f64 / filled["seconds"].as_f64().unwrap_or(f64::NAN);
        for (number, (kind, rates)) in KINDS.iter().zip(&mut rounds).enumerate() {
            let collector = Collector::start(kind.once)?;
            let stream = format!(
                "[[event_streams]]\nname = 'bench-{number}'\nurl = '{}://127.0.0.1:{}'\nfrom = 'start'\n{}",
                kind.url, collector.port, kind.more
            );
            serve(executable, folder.path(), &stream, || collector.events() >= EVENTS)?;
            rates.push((collector.per_second(), writes));
        }
    }
    println!("\n| stream | events/s | ÷ events that one writer makes durable, {EVENTS} in groups |");
    println!("| --- | --- | --- |");
    for (kind, rates) in KINDS.iter().zip(&rounds) {
        println!(
            "| {} | {:.0} | {:.2} |",
            kind.name,
            median(rates.iter().map(|(rate, _)| *rate)),
            median(rates.iter().map(|(rate, writes)| rate / writes)),
        );
    }
    println!();
    Ok(())
}

/// Runs the executable until it listens and `done` says yes.
fn serve(executable: &Path, folder: &Path, stream: &str, mut done: impl FnMut() -> bool) -> Outcome {
    let config = folder.join("chaperone.toml");
    let text = format!(
        "data_dir = {:?}\nmaster_key_file = {:?}\nlisten = ['127.0.0.1:0']\nconsole_url = 'http://console.localhost'\n\
         replay_url = 'http://replay.localhost'\n{stream}",
        folder.join("data"),
        folder.join("master.key")
    );
    write(&config, &text)?;
    let log = folder.join("log");
    let mut started = Program::new(executable)
        .args(["serve", "--config"])
        .arg(&config)
        .env("CHAPERONE_BENCH_TOKEN", "Bearer bench")
        .log(log.clone())
        .start()?;
    let listening = || std::fs::read_to_string(&log).is_ok_and(|said| said.contains("listening"));
    started.wait_until(LIMIT, || listening() && done())
}

/// What a collector has counted.
#[derive(Default)]
struct Counted {
    events: AtomicU64,
    /// Microseconds from the beginning of the collector to the first and to the last event.
    first_us: AtomicU64,
    last_us: AtomicU64,
}

/// Reads HTTP requests and syslog connections, answers as each wants it, and counts.
struct Collector {
    port: u16,
    counted: Arc<Counted>,
}

impl Collector {
    fn start(once: &'static [u8]) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let counted = Arc::new(Counted::default());
        let into = counted.clone();
        let began = Instant::now();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let into = into.clone();
                // A connection that breaks off is the other side's to try again.
                std::thread::spawn(move || read(stream, once, &into, began).is_ok());
            }
        });
        Ok(Self { port, counted })
    }

    fn events(&self) -> u64 {
        std::thread::sleep(LOOK);
        self.counted.events.load(Ordering::Acquire)
    }

    /// From the first event to the last one.
    fn per_second(&self) -> f64 {
        let of = |at: &AtomicU64| Duration::from_micros(at.load(Ordering::Acquire)).as_secs_f64();
        self.events() as f64 / (of(&self.counted.last_us) - of(&self.counted.first_us))
    }
}

fn read(mut stream: TcpStream, once: &[u8], into: &Counted, began: Instant) -> Result<(), Failure> {
    let micros = || u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (mut piece, mut kept) = (vec![0; PIECE_BYTES], Vec::new());
    loop {
        let read = stream.read(&mut piece)?;
        into.first_us.compare_exchange(0, micros(), Ordering::AcqRel, Ordering::Acquire).ok();
        kept.extend_from_slice(&piece[..read]);
        let whole = if read == 0 { Some(kept.len()) } else { end_of_request(&kept) };
        let Some(whole) = whole else { continue };
        let events = kept[..whole].windows(once.len()).filter(|window| *window == once).count();
        into.last_us.store(micros(), Ordering::Release);
        into.events.fetch_add(events as u64, Ordering::AcqRel);
        if read == 0 {
            return Ok(());
        }
        kept.drain(..whole);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}

/// Where an HTTP request ends; `None` while it is not whole, and for syslog, which ends with its connection.
fn end_of_request(kept: &[u8]) -> Option<usize> {
    if !kept.starts_with(b"POST") {
        return None;
    }
    let head = kept.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&kept[..head]).to_lowercase();
    let length: usize =
        text.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
    (kept.len() >= head + length).then_some(head + length)
}
