//! Measures Latchkey, in one run and on one machine: `cargo run --release --bin bench -- [SUITE…]`.
//!
//! Absolute numbers belong to the machine they were taken on; trust the ratios. What is compared is measured in turns, round after round, and
//! the median of the rounds is shown, so that a machine that slows down slows both sides.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

mod http;
mod machine;
mod measure;
mod olm;
mod place;
mod playgate_suite;
mod protocol_suite;
mod relay_suite;
mod results;
mod send_suite;
mod table;

use measure::Effort;
use table::Report;

/// Everything ran, and a target was missed. Anything else that is not 0 means that something did not run.
const EXIT_MISSED: u8 = 3;

#[derive(Parser)]
#[command(
    name = "bench",
    about = "Tables of ratios measured in one run. Exits with 0 when every target holds, with 3 when one is missed, with 1 when something did not run."
)]
struct Args {
    /// What to measure; everything when none is named
    suites: Vec<Suite>,
    /// One short round of everything on small stores, to see that it runs
    #[arg(long)]
    short: bool,
    /// Also put the results into this file, which documents quote
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Rounds whose median is shown [default: 7, short: 1]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Seconds of each burst on the relay and its rivals in each round [default: 1]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=600), default_value_t = 1, hide_default_value = true)]
    seconds: u32,
    /// Rounds of long bursts besides [default: 3, short: 1]
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    sustained: Option<u32>,
    /// Seconds of each of those [default: 10, short: 2]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
    sustained_seconds: Option<u32>,
    /// Connections to the relay at once
    #[arg(long, default_value_t = relay_suite::CONNECTIONS, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Envelopes in the store when it is called full [default: 1000000, short: 20000]
    #[arg(long)]
    stored: Option<u32>,
    /// Inboxes that wait at once when their memory is measured [default: 10000, short: 500]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    waiting: Option<u32>,
    /// The relay to measure; built like this program when absent
    #[arg(long, value_name = "BINARY")]
    relay: Option<PathBuf>,
    /// Instead of measuring: this many random plays of the homomorphic gate, against plain arithmetic
    #[arg(long, value_name = "PLAYS", value_parser = clap::value_parser!(u32).range(1..))]
    soak: Option<u32>,
    /// Serve the echo that the relay is compared with, with its data in this directory, and print its address
    #[arg(long, hide = true, value_name = "DIR")]
    serve_echo: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// A conversation's cost in time and bytes, against Olm's (vodozemac); sizes and healing
    Protocol,
    /// Play limits: sealing and opening, oblivious plays against a counter of tfhe's integers, and messages while the gate is saturated
    Playgate,
    /// The relay over loopback: durable sends and deliveries against an echo, Redis and PostgreSQL; what grows with stored envelopes and waiting inboxes
    Relay,
    /// Whole messages through the client engine and a relay: what a limit costs its sender
    Send,
}

impl Suite {
    const fn name(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Playgate => "playgate",
            Self::Relay => "relay",
            Self::Send => "send",
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match &args.serve_echo {
        Some(data) => relay_suite::echo::serve(data).map(|()| Vec::new()),
        None => run(&args),
    };
    match outcome {
        Ok(missed) if missed.is_empty() => ExitCode::SUCCESS,
        Ok(missed) => {
            table::error(&format!("missed: {}", missed.join("; ")));
            ExitCode::from(EXIT_MISSED)
        }
        Err(error) => {
            table::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Measures what is wanted; the names of the rows whose target is missed.
fn run(args: &Args) -> Result<Vec<String>> {
    let machine = machine::describe();
    for line in &machine {
        table::line(line);
    }
    if let Some(plays) = args.soak {
        let report = Report::from(playgate_suite::soak::run(plays)?);
        table::print("playgate", &report);
        return Ok(missed(&report));
    }
    if args.save.is_some() {
        ensure!(
            machine::is_release() && !args.short,
            "what documents quote is a whole run in the release profile: --release, and without --short"
        );
    }
    let (effort, size) = effort(args);
    let relay = args.relay.as_deref();
    let command = command();
    let mut all_missed = Vec::new();
    for suite in Suite::value_variants() {
        if !args.suites.is_empty() && !args.suites.contains(suite) {
            continue;
        }
        let report = measured(*suite, effort, size, relay)?;
        table::print(suite.name(), &report);
        if let Some(file) = &args.save {
            results::save(file, suite.name(), &report, &command, &machine)?;
        }
        all_missed.extend(missed(&report));
    }
    Ok(all_missed)
}

fn measured(suite: Suite, effort: Effort, size: relay_suite::Size, relay: Option<&Path>) -> Result<Report> {
    Ok(match suite {
        Suite::Protocol => protocol_suite::run(effort)?.into(),
        Suite::Playgate => playgate_suite::run(effort, relay)?,
        Suite::Relay => relay_suite::run(effort, size, relay)?,
        Suite::Send => send_suite::run(effort, relay)?.into(),
    })
}

fn missed(report: &Report) -> Vec<String> {
    report
        .rows
        .iter()
        .filter(|row| !row.holds())
        .map(|row| row.name.clone())
        .collect()
}

/// How long to measure, and how much: what was said, else what the form of the run says.
fn effort(args: &Args) -> (Effort, relay_suite::Size) {
    let pick = |said: Option<u32>, whole, short| said.unwrap_or(if args.short { short } else { whole });
    let effort = Effort {
        rounds: pick(args.rounds, 7, 1),
        seconds: args.seconds.into(),
        connections: args.connections.into(),
    };
    let size = relay_suite::Size {
        stored: pick(args.stored, 1_000_000, 20_000) as usize,
        waiting: pick(args.waiting, 10_000, 500) as usize,
        sustained: (pick(args.sustained, 3, 1), pick(args.sustained_seconds, 10, 2).into()),
    };
    (effort, size)
}

/// What was typed, but for where files are.
fn command() -> String {
    let mut said = vec!["cargo run --release --bin bench --".to_owned()];
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--save" | "--relay" => drop(args.next()),
            arg if arg.starts_with("--save=") || arg.starts_with("--relay=") => {}
            _ => said.push(arg),
        }
    }
    said.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use table::{Row, Target};

    #[test]
    fn a_short_run_is_short_unless_more_is_said() {
        let parse = |args: &[&str]| effort(&Args::try_parse_from(["bench"].iter().chain(args)).unwrap());
        let (whole, size) = parse(&[]);
        assert_eq!((whole.rounds, size.stored, size.sustained), (7, 1_000_000, (3, 10.0)));
        let (short, size) = parse(&["--short", "--stored", "5000"]);
        assert_eq!((short.rounds, size.stored, size.sustained), (1, 5000, (1, 2.0)));
        assert!(Args::try_parse_from(["bench", "nonsense"]).is_err());
    }

    #[test]
    fn what_is_missed_is_named() {
        let row = |name, value| Row::new(name, value, "ratio").with(Target::AtLeast(1.0));
        let rows = vec![
            row("held", 1.0),
            row("missed", 0.9),
            Row::new("free", 0.1, "ratio"),
            row("not measured", f64::NAN),
        ];
        assert_eq!(missed(&rows.into()), ["missed", "not measured"]);
    }

    #[test]
    fn help_says_what_each_suite_measures() {
        let help = <Args as clap::CommandFactory>::command().render_long_help().to_string();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for suite in Suite::value_variants() {
            let about = suite.to_possible_value().unwrap();
            let about = words(&about.get_help().unwrap().to_string());
            assert!(words(&help).contains(&about), "{about}: {help}");
        }
    }
}
