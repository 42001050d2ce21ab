//! The project's own chores.
//!
//! - `cargo xtask generate [--check]`: openapi.yaml from the relay, the SDK from openapi.yaml, and measured numbers in documents from `docs/performance.json`.
//! - `cargo xtask test`: everything that proves the project, on a fresh machine, without root and without anything installed by hand.
//! - `cargo xtask check`: of that, what is no test of a package: who depends on whom, names in documents, their prose, generated files.
//! - `cargo xtask demo [--keep]`: two people talk through a relay, told as a story.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod demo;
mod evidence;
mod figures;
mod generate;
mod modules;
mod mutants;
mod one_build;
mod out;
mod prose;
mod run;
mod test;
mod walls;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The project's own chores",
    disable_help_subcommand = true
)]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Write openapi.yaml, sdk/src/generated.rs, and the tables of measured numbers in documents
    Generate {
        /// Write nothing; exit with 1 when a file is not what would be written
        #[arg(long)]
        check: bool,
    },
    /// Run everything that proves the project
    Test,
    /// Run the checks that are no tests of a package; they take seconds
    Check,
    /// Start a relay and two clients with throw-away homes and let them talk
    Demo {
        /// Keep the directories, and say where they are
        #[arg(long)]
        keep: bool,
    },
}

fn main() -> ExitCode {
    let done = match Args::parse().chore {
        Chore::Generate { check } => generate::run(check),
        Chore::Test => test::run(),
        Chore::Check => test::check(),
        Chore::Demo { keep } => demo::run(keep),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
