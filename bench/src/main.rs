//! Measures Latchkey, in one run and on one machine: `cargo run --release -p bench -- [SUITE…] [--json]`.
//!
//! Absolute numbers belong to the machine they were taken on; trust the ratios. What is compared is measured in turns, round after round, and
//! the median of the rounds is shown, so that a machine that slows down slows both sides.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};

mod http;
mod machine;
mod measure;
mod olm;
mod playgate_suite;
mod protocol_suite;
mod relay_suite;
mod send_suite;
mod table;

use measure::Effort;
use table::Row;

#[derive(Parser)]
#[command(name = "bench", about = "Tables of ratios measured in one run")]
struct Args {
    /// What to measure; everything when none is named
    suites: Vec<Suite>,
    /// One JSON object a line: {suite, name, value, unit, target, holds}
    #[arg(long)]
    json: bool,
    /// Rounds whose median is shown
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds for each measurement of the relay in each round
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Connections to the relay at once
    #[arg(long, default_value_t = relay_suite::CONNECTIONS, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Envelopes in the store when it is called full
    #[arg(long, default_value_t = 1_000_000)]
    stored: usize,
    /// Inboxes that wait at once when their memory is measured
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    waiting: u32,
    /// Mailboxes of the relay whose status is compared with one of 100
    #[arg(long, default_value_t = 100_000)]
    mailboxes: usize,
    /// The relay to measure; built in the release profile when absent
    #[arg(long, value_name = "BINARY")]
    relay: Option<std::path::PathBuf>,
    /// Instead of measuring: this many random plays of the homomorphic gate, against plain arithmetic
    #[arg(long, value_name = "PLAYS", value_parser = clap::value_parser!(u32).range(1..))]
    soak: Option<u32>,
    /// Serve the bare echo that the relay is compared with, and print its address
    #[arg(long, hide = true)]
    serve_echo: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    Protocol,
    Playgate,
    Relay,
    Send,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = if args.serve_echo {
        relay_suite::echo::serve()
    } else {
        run(&args)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    if !args.json {
        machine::describe().iter().for_each(|line| table::line(line));
    }
    if let Some(plays) = args.soak {
        let rows = playgate_suite::soak::run(plays)?;
        table::print(&rows, args.json)?;
        anyhow::ensure!(rows.iter().all(Row::holds), "a play went wrong");
        return Ok(());
    }
    let effort = Effort {
        rounds: args.rounds,
        seconds: args.seconds.clamp(0.05, 600.0),
        connections: args.connections.into(),
    };
    let wanted = |suite| args.suites.is_empty() || args.suites.contains(&suite);
    let mut rows: Vec<Row> = Vec::new();
    if wanted(Suite::Protocol) {
        rows.extend(protocol_suite::run(effort)?);
    }
    if wanted(Suite::Playgate) {
        rows.extend(playgate_suite::run(effort, args.relay.as_deref())?);
    }
    if wanted(Suite::Relay) {
        let size = relay_suite::Size {
            stored: args.stored,
            waiting: args.waiting as usize,
            mailboxes: args.mailboxes,
        };
        rows.extend(relay_suite::run(effort, size, args.relay.as_deref(), args.json)?);
    }
    if wanted(Suite::Send) {
        rows.extend(send_suite::run(effort, args.relay.as_deref())?);
    }
    table::print(&rows, args.json)?;
    let missed: Vec<&str> = rows.iter().filter(|row| !row.holds()).map(|row| &*row.name).collect();
    anyhow::ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}
