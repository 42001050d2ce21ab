//! The operator's commands. They take the settings of the relay (before the command's name, from the environment, or from the file), open its database
//! for reading alone, and may be used while it runs.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Arg, ArgMatches, Command};
use server::store::{AuditHead, sqlite::admin::Reader};

use crate::{configuration, print};

/// The commands besides `openapi`.
pub fn commands() -> Vec<Command> {
    let kept = Arg::new("kept")
        .long("kept")
        .value_name("LENGTH:HEAD")
        .help("A head that was kept elsewhere, as status and this command show it: the log has to pass through it");
    let target = Arg::new("file")
        .value_name("FILE")
        .required(true)
        .help("Where to; must not exist");
    vec![
        Command::new("audit")
            .about("The log of security events")
            .subcommand_required(true)
            .subcommand(
                Command::new("verify")
                    .about("Follows the chain from its beginning")
                    .arg(kept),
            ),
        Command::new("backup")
            .about("Writes a consistent copy of the database, while the relay runs")
            .arg(target),
        Command::new("check").about("Looks whether the database is sound, and its counters are right"),
        Command::new("accounts")
            .about("The accounts")
            .subcommand_required(true)
            .subcommand(
                Command::new("list").about("Name, registration (milliseconds since 1970), envelopes and bytes pending"),
            ),
    ]
}

/// Runs the command `name`; `settings` is what stood before it.
pub fn run(name: &str, of: &ArgMatches, settings: &ArgMatches) -> anyhow::Result<()> {
    let reader = Reader::open(&configuration(settings)?.data_dir)
        .context("Say where the relay keeps its data: latchkey-relay --data-dir DIR …")?;
    match (name, of.subcommand()) {
        ("audit", Some(("verify", of))) => {
            let kept = of.get_one::<String>("kept").map(|text| parse_head(text)).transpose()?;
            let head = reader.verify_audit(kept).context("the audit log does not hold")?;
            print(&format!("The audit log holds. {head}\n"));
        }
        ("backup", _) => {
            let target = of.get_one::<String>("file").map(PathBuf::from).unwrap_or_default();
            reader.backup(&target)?;
            print(&format!("Written to {}\n", target.display()));
        }
        ("check", _) => {
            let faults = reader.check()?;
            if !faults.is_empty() {
                bail!("the database is not sound:\n  {}", faults.join("\n  "));
            }
            print("The database is sound, and its counters are right.\n");
        }
        ("accounts", _) => {
            let lines = reader.accounts()?.into_iter().map(|account| {
                let created = account.created.as_millis();
                format!("{}\t{created}\t{}\t{}\n", account.user, account.pending, account.bytes)
            });
            print(&lines.collect::<String>());
        }
        _ => bail!("there is no such command"),
    }
    Ok(())
}

fn parse_head(text: &str) -> anyhow::Result<AuditHead> {
    let wrong = || {
        format!(
            "--kept is {text:?}, but it must be a length, a colon and 64 hex digits. Example: --kept 42:{}",
            "0".repeat(64)
        )
    };
    let (length, head) = text.split_once(':').with_context(wrong)?;
    let mut hash = [0; 32];
    hex::decode_to_slice(head, &mut hash).with_context(wrong)?;
    Ok(AuditHead {
        length: length.parse().with_context(wrong)?,
        hash,
    })
}
