//! The operator's commands. Those that change anything (`accounts remove`, `accounts release`, `invite`) have it done by the relay, if one runs; all others only read. They take the settings of the relay (before the command's name, from the environment, or from the file), open its database
//! for reading, and may be used while it runs.

mod asking;
mod doors;
mod lists;

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use protocol::address::UserName;
use server::{
    clock::{Clock as _, SystemClock},
    config::{redact, running},
    operator::errands::Errand,
    store::{
        KeptHead,
        sqlite::{
            FILE_NAME, OpenError,
            admin::{Reader, keys_beside},
        },
    },
    tls::Certificates,
};

use crate::{output::print, settings::configuration};
use asking::{confirm, done};

/// The commands besides `openapi`.
pub fn commands() -> Vec<Command> {
    let kept = Arg::new("kept")
        .long("kept")
        .value_name("HEAD")
        .help("A head that you kept elsewhere, as the relay's status shows it or, with its length, as this command prints it: the log must pass through it");
    let target = Arg::new("file")
        .value_name("FILE")
        .required(true)
        .help("The file to write; it must not exist");
    vec![
        Command::new("audit")
            .about("Checks the log of security events")
            .subcommand_required(true)
            .subcommand(
                Command::new("verify")
                    .about("Follows the hash chain of the log from its beginning, and prints its length and head")
                    .arg(kept),
            ),
        Command::new("backup")
            .about("Writes a consistent copy of the database to FILE and of the gate keys to FILE.gate-keys; the relay may run")
            .arg(target),
        Command::new("check")
            .about("Checks the database, its counters, the gate keys and the certificate; the relay may run"),
        Command::new("config")
            .about("Shows the settings")
            .subcommand_required(true)
            .subcommand(Command::new("show").about(
                "Prints the settings of the relay that runs, as TOML and with the origin of each; where none runs, those of a start with this command's",
            )),
        Command::new("accounts")
            .about("Lists and removes accounts, and releases their names")
            .subcommand_required(true)
            .subcommand(lists::command("list").about(
                "Name, registration (UTC), envelopes and bytes pending, separated by tabs; by name",
            ))
            .subcommand(
                Command::new("remove")
                    .about(
                        "Removes an account and everything addressed to it; the name stays taken until it is released",
                    )
                    .arg(Arg::new("name").value_name("NAME").required(true).help("The name of the account"))
                    .arg(
                        Arg::new("yes")
                            .long("yes")
                            .action(ArgAction::SetTrue)
                            .help("Do not ask"),
                    ),
            )
            .subcommand(doors::release_command()),
        doors::invite_command(),
    ]
}

/// Runs the command `name`; `settings` is what stood before it.
pub fn run(name: &str, of: &ArgMatches, settings: &ArgMatches) -> anyhow::Result<()> {
    if name == "config" {
        return show(settings);
    }
    let config = configuration(settings)?;
    let data_dir = &config.data_dir;
    let open = if name == "check" {
        Reader::open_to_check
    } else {
        Reader::open
    };
    let reader = open(data_dir).map_err(|error| unopened(error, data_dir))?;
    match (name, of.subcommand()) {
        ("audit", Some(("verify", of))) => {
            let kept = of.get_one::<String>("kept").map(|text| parse_head(text)).transpose()?;
            let head = reader.verify_audit(kept).context("the audit log does not hold")?;
            print(&format!("The audit log holds. {head}\n"));
        }
        ("backup", _) => {
            let target = of.get_one::<String>("file").map(PathBuf::from).unwrap_or_default();
            let keys = reader.backup(&target)?;
            print(&format!("Written to {}\n", target.display()));
            if keys > 0 {
                let beside = keys_beside(&target);
                print(&format!("{keys} gate key(s) written to {}\n", beside.display()));
            }
        }
        ("check", _) => {
            let faults = reader.check()?;
            let now = i64::try_from(SystemClock.now().as_millis() / 1000).unwrap_or(i64::MAX);
            let source = config.tls.as_ref();
            let certificate = source.and_then(|source| Certificates::fault(source, data_dir, now));
            if !faults.is_empty() {
                let more = certificate.map_or_else(String::new, |fault| format!("\n{fault}"));
                bail!("the database is not sound:\n  {}{more}", faults.join("\n  "));
            }
            print("The database and the gate keys are sound, and the counters right.\n");
            if let Some(fault) = certificate {
                bail!("{fault}");
            }
        }
        ("accounts", Some(("remove", of))) => {
            let name = of.get_one::<String>("name").map_or("", String::as_str);
            remove(data_dir, &reader, name, of.get_flag("yes"))?;
        }
        ("accounts", Some(("release", of))) => {
            let name = of.get_one::<String>("name").map_or("", String::as_str);
            doors::release(data_dir, &reader, name, of.get_flag("yes"))?;
        }
        ("invite", _) => doors::invite(of, &config, &reader)?,
        ("accounts", Some((_, of))) => print(&lists::accounts(&reader.accounts()?, lists::json(of))?),
        _ => bail!("there is no such command"),
    }
    Ok(())
}

/// Why a command cannot read the database, with what to do where that is not what went wrong itself.
fn unopened(error: OpenError, data_dir: &Path) -> anyhow::Error {
    let advice = match &error {
        // They say it.
        OpenError::Link { .. } | OpenError::ReadOnly { .. } | OpenError::Thread(_) | OpenError::Schema { .. } => {
            return error.into();
        }
        OpenError::Damaged { .. } | OpenError::DamagedLog { .. } => {
            "Nothing was done: not all of the database can be read. If the relay still runs, stop it first (SIGTERM)"
        }
        OpenError::Sqlite { .. } if matches!(data_dir.try_exists(), Ok(false)) => {
            return anyhow::anyhow!(
                "there is no directory {}. Say where the relay keeps its data: latchkey-relay --data-dir DIR …",
                redact::shown(&data_dir.display().to_string())
            );
        }
        OpenError::Sqlite { .. } => match data_dir.join(FILE_NAME).metadata() {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "This user may not read the relay's data: run the command as root, or as the user that the relay runs as"
            }
            _ => "Say where the relay keeps its data: latchkey-relay --data-dir DIR …",
        },
    };
    anyhow::Error::new(error).context(advice)
}

/// Says which settings hold: those of the relay that runs, and what a start with this command's would change; or, where none runs, this command's.
fn show(settings: &ArgMatches) -> anyhow::Result<()> {
    let own = configuration(settings)?;
    let place = own.data_dir.display();
    let mine = own.to_toml();
    let written = running::read(&own.data_dir).zip(running::text(&own.data_dir).ok());
    let text = match (running::is_held(&own.data_dir), written) {
        (Err(error), _) => format!(
            "# Whether a relay runs on {place} cannot be seen ({error}). One that is started with these settings takes:\n{mine}"
        ),
        (Ok(false), _) => {
            format!("# No relay runs on {place}. One that is started with these settings takes:\n{mine}")
        }
        (Ok(true), None) => format!(
            "# A relay runs on {place}, but {} does not say with which settings. These are this command's:\n{mine}",
            running::FILE_NAME
        ),
        (Ok(true), Some((of, text))) => {
            let pairs = own.shown().into_iter().zip(of.shown());
            let others = pairs
                .filter(|(shown, of)| own.is_set(shown.name) && shown.name != "data_dir" && shown.value != of.value);
            let others: String = others.map(|(shown, _)| format!("# {shown}")).collect();
            let said = if others.is_empty() {
                ""
            } else {
                "# This command has other settings, which hold if the relay is started anew with them:\n"
            };
            format!("# A relay runs on {place} with these settings:\n{text}{said}{others}")
        }
    };
    print(&text);
    Ok(())
}

fn remove(data_dir: &Path, reader: &Reader, name: &str, sure: bool) -> anyhow::Result<()> {
    let user = UserName::parse(name)?;
    let account = reader
        .accounts()?
        .into_iter()
        .find(|account| account.user == user.as_str());
    let (Some(account), Some(errand)) = (account, Errand::removal(reader, &user)?) else {
        // It may be an invitation, which is made of the same letters.
        bail!(
            "no account named {}; `latchkey-relay accounts list` shows all",
            redact::shown(user.as_str())
        );
    };
    if !sure {
        confirm(
            &format!(
                "This removes the account '{user}': {} envelope(s) that nobody has fetched, every license, key and token. It cannot be undone, and nobody \
                 can register the name again before it is released (`latchkey-relay accounts release {user}`).",
                account.pending
            ),
            user.as_str(),
            "nothing was removed",
        )?;
    }
    let by = done(data_dir, &errand)?;
    if Errand::removal(reader, &user)? == Some(errand) {
        bail!("'{user}' was not removed; see the relay's log");
    }
    print(&format!("Removed '{user}'{by}\n"));
    Ok(())
}

fn parse_head(text: &str) -> anyhow::Result<KeptHead> {
    let wrong = || {
        format!(
            "--kept is {}, but it must be 64 hex digits, with a length and a colon before them or without. Example: --kept 42:{}",
            redact::shown(text),
            "0".repeat(64)
        )
    };
    let (length, head) = match text.split_once(':') {
        Some((length, head)) => (Some(length.parse().with_context(wrong)?), head),
        None => (None, text),
    };
    let mut hash = [0; 32];
    hex::decode_to_slice(head, &mut hash).with_context(wrong)?;
    Ok(KeptHead { length, hash })
}
