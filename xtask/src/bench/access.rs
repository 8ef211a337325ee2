//! What every request pays for access records: the decision inside an interval, which reads memory and nothing else.
//! Beside it what every request with a cookie pays besides, the hash of its secret.

use super::{ROUNDS, median};
use crate::build;
use crate::process::Program;
use crate::project::{Failure, Outcome, failed};

/// How many ask at the same time.
const THREADS: [&str; 2] = ["1", "2"];
/// Longer than this the decision must not take, in nanoseconds.
const LIMIT_NS: f64 = 5_000.0;

pub(crate) fn measure(seconds: u32) -> Outcome {
    let example = build::example("access_decision")?;
    println!("\n| threads | decision p50 ns | decision p99.9 ns | ÷ hash of a secret |");
    println!("| --- | --- | --- | --- |");
    let mut slowest = 0.0_f64;
    for threads in THREADS {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let said = Program::new(&example).args([threads, &seconds.to_string()]).text()?;
            rounds.push(read(&said).ok_or_else(|| Failure(format!("not what was expected: {said}")))?);
        }
        let of = |which: fn(&(f64, f64, f64)) -> f64| median(rounds.iter().map(which));
        let (middle, worst, ratio) =
            (of(|round| round.0), of(|round| round.1), of(|round| round.0 / round.2));
        println!("| {threads} | {middle:.0} | {worst:.0} | {ratio:.2} |");
        slowest = slowest.max(worst);
    }
    println!();
    if slowest > LIMIT_NS {
        return failed(format!("the decision takes {slowest:.0} ns, at most {LIMIT_NS:.0} are allowed"));
    }
    Ok(())
}

/// Median and worst of the decision, and the median of the hash.
fn read(said: &str) -> Option<(f64, f64, f64)> {
    let line = |name: &str| said.lines().find_map(|line| line.strip_prefix(name));
    let mut decision = line("decision ")?.split(' ').map(str::parse::<f64>);
    Some((decision.next()?.ok()?, decision.next()?.ok()?, line("hash ")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_read_from_what_the_example_says() {
        assert_eq!(read("decision 40 90\nhash 120\n"), Some((40.0, 90.0, 120.0)));
        assert_eq!(read("decision 40\nhash 120\n"), None);
    }
}
