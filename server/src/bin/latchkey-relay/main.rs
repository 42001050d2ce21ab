//! `latchkey-relay`: runs a relay, prints its contract, or does what an operator asks of its database.

mod banner;
mod commands;
mod output;
mod settings;
mod usage_errors;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command};
use server::{
    Relay, Told,
    config::{ConfigError, SETTINGS},
    logging::{Lines, LogFormat},
    tls::TlsSource,
};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use banner::Banner;
use output::{complain, print};
use settings::configuration;

/// A mistake in the configuration, as distinct from a failure: what `sysexits.h` calls a usage error.
const EXIT_CONFIGURATION: u8 = 64;

const AFTER_HELP: &str = "\
A setting comes from its flag, else from the environment, else from the TOML file, else it has its default.
BOOL is true or false; SIZE is a number with B, KiB, MiB or GiB; DURATION a number with s, m, h, d or w, such as 90s or 1h30m; RATE a number with /s, /m, /h or /d, or off; N a whole number.
LATCHKEY_LOG chooses log lines, such as LATCHKEY_LOG=debug or LATCHKEY_LOG=info,server::service=debug.

Exit codes: 0 done; 1 a failure, such as a standard output that takes nothing; 2 wrong arguments; 64 a wrong setting.";

/// An error with its causes, each said once: many of our own say their cause in the middle of the sentence.
fn whole(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    })
}

/// What stands behind a setting's flag in the help: what kind of value it takes.
fn value_name(setting: &str) -> &'static str {
    match setting {
        "listen" | "metrics_listen" => "ADDR:PORT",
        "data_dir" => "DIR",
        "name" => "HOST",
        "origins" | "cors_origins" => "URLS",
        "tls_cert" | "tls_key" => "FILE",
        "tls_self_signed" | "behind_proxy" | "rate_limits" | "docs" => "BOOL",
        "trusted_proxies" => "ADDRS|N",
        "forwarded_header" => "HEADER",
        "mailbox_envelopes"
        | "mailbox_licenses"
        | "address_connections"
        | "gate_threads"
        | "connections"
        | "account_gate_keys" => "N",
        "mailbox_size" | "max_database" | "gate_memory" | "gate_disk" | "disk_reserve" => "SIZE",
        "strangers" | "one_stranger" => "PERCENT",
        "envelope_ttl" | "token_ttl" => "DURATION",
        "log_format" => "text|json",
        "registration" => "WHO",
        "status" => "coarse|off",
        rate if rate.starts_with("rate_") => "RATE",
        _ => "VALUE",
    }
}

fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .global(true)
        .help("A TOML file with settings [env: LATCHKEY_CONFIG]");
    let settings = SETTINGS.iter().map(|setting| {
        let arg = Arg::new(setting.name)
            .long(setting.flag)
            .help(format!("{} [env: {}]", setting.help, setting.variable))
            // The one setting that commands need, before and behind them: `check --data-dir DIR` is what one types first.
            .global(setting.name == "data_dir")
            .value_name(value_name(setting.name))
            // Each setting says itself what is wrong with a number below zero.
            .allow_negative_numbers(true);
        // A bare flag means yes.
        if setting.is_switch() {
            // Only behind `=`: otherwise a command that follows would be taken for the value.
            arg.num_args(0..=1).require_equals(true).default_missing_value("true")
        } else {
            arg
        }
    });
    Command::new("latchkey-relay")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The Latchkey relay: keeps sealed messages until they are delivered, reads nothing")
        .after_help(AFTER_HELP)
        .arg(config)
        .args(settings)
        .subcommands(commands::commands())
        .subcommand(Command::new("openapi").about("Print the HTTP contract (OpenAPI 3.0, YAML)"))
        .arg(
            Arg::new("quiet")
                .long("quiet")
                .short('q')
                .action(ArgAction::SetTrue)
                .help("Log warnings and errors only"),
        )
}

/// A file beyond the size that the system allows (`ulimit -f`, `LimitFSIZE=`) is an error of the write, as a full disk is. The signal that comes with it would end the process without
/// a word.
fn outlive_file_limits() {
    #[cfg(unix)]
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default()) {
        complain(&format!("latchkey-relay: a file size limit will end it: {error}"));
    }
}

fn main() -> ExitCode {
    outlive_file_limits();
    let outcome = match usage_errors::read(command(), std::env::args_os().collect()) {
        Ok(matches) => match matches.subcommand() {
            Some(("openapi", _)) => print(&server::openapi_yaml()),
            Some((name, of)) => commands::run(name, of, &matches),
            None => run(&matches),
        },
        // Help that was asked for goes to standard output.
        Err(help) if !help.use_stderr() => output::taken(help.print().and_then(|()| io::stdout().flush())),
        Err(mistake) => mistake.exit(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("latchkey-relay: {}", whole(&error)));
            let mistake = error.downcast_ref::<ConfigError>().is_some();
            if mistake {
                ExitCode::from(EXIT_CONFIGURATION)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(matches: &ArgMatches) -> anyhow::Result<()> {
    let config = configuration(matches)?;
    log(matches.get_flag("quiet"), config.log_format);
    server::http::file_limit::raise_limit();
    let runtime = server::http::threads::runtime().context("cannot start the runtime")?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut banner = Banner {
            addr: config.listen,
            tls: config.tls.is_some(),
            origins: config.origins.clone(),
            certificate: None,
            pin: config.tls == Some(TlsSource::SelfSigned),
            metrics: None,
            data_dir: config.data_dir.display().to_string(),
            docs: config.docs,
            registration: config.registration,
        };
        let relay = Relay::start(config).await?;
        banner.addr = relay.addr();
        banner.metrics = relay.metrics_addr();
        banner.certificate = relay.certificate();
        // A relay whose words go nowhere serves all the same.
        let _ = print(&banner.text());
        relay.run_until_stopped(async || signals.next().await).await;
        let _ = print("Stopped.\n");
        Ok(())
    })
}

/// Log lines go to stderr, what the operator asked for to stdout.
fn log(quiet: bool, format: LogFormat) {
    let default = if quiet {
        "warn"
    } else {
        "info,poem=warn,refinery_core=warn"
    };
    let filter = EnvFilter::try_from_env("LATCHKEY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let ansi = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .event_format(Lines(format))
        .init();
}

/// What the system tells the relay.
#[cfg(unix)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Somebody started it at a terminal, and a hangup means that the terminal is gone. Otherwise it is what services are told to reload by.
    at_a_terminal: bool,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
            at_a_terminal: io::stdin().is_terminal(),
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => if !self.at_a_terminal {
                return Told::Reload;
            },
        }
        tracing::info!("stopping");
        Told::Stop
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Told {
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("stopping");
        Told::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options that may stand without a value, of a command and its parts.
    fn optional(command: &Command) -> Vec<&Arg> {
        let own = command.get_arguments().filter(|arg| {
            let range = arg.get_num_args().unwrap_or_default();
            range.min_values() == 0 && range.takes_values()
        });
        own.chain(command.get_subcommands().flat_map(optional)).collect()
    }

    #[test]
    fn a_value_that_may_be_missing_stands_behind_an_equals_sign() {
        let mut command = command();
        command.build();
        let optional = optional(&command);
        let names: Vec<&str> = optional.iter().map(|arg| arg.get_id().as_str()).collect();
        assert_eq!(names, ["tls_self_signed", "behind_proxy"]);
        assert!(
            optional.iter().all(|arg| arg.is_require_equals_set()),
            "what follows would be taken for it"
        );
    }
}
