//! Who may come in: invitations, and names of removed accounts.

use std::{num::NonZeroU32, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use protocol::address::UserName;
use server::{
    Config,
    clock::{Clock as _, SystemClock},
    config::{EXPECTED_LIFETIME, parse_lifetime, redact, running},
    invite::InviteCode,
    operator::errands::Errand,
    origin::Origin,
    service::Registrations,
    store::{MAX_INVITES, sqlite::admin::Reader},
};

use super::{
    asking::{confirm, done},
    lists::{self, ID_DIGITS},
};
use crate::{
    banner,
    output::{complain, print},
};

/// How long an invitation works when nothing is said: long enough for a letter, too short to be found in an old mailbox.
const DEFAULT_LIFETIME: &str = "7d";

/// `invite` with its parts.
pub fn invite_command() -> Command {
    Command::new("invite")
        .about("Prints a link by which one may register where --registration is invite; `list` and `revoke` too")
        .args_conflicts_with_subcommands(true)
        .arg(
            Arg::new("uses")
                .long("uses")
                .value_name("N")
                .value_parser(value_parser!(NonZeroU32))
                .default_value("1")
                .help("How many may register by it"),
        )
        .arg(
            Arg::new("expires")
                .long("expires")
                .value_name("TIME")
                .default_value(DEFAULT_LIFETIME)
                .help("How long it works (s, m, h or d)"),
        )
        .subcommand(
            lists::command("list")
                .about("Id, how many may still register, expiry (UTC), separated by tabs; the next to expire first"),
        )
        .subcommand(
            Command::new("revoke")
                .about("Ends an invitation; who registered by it stays")
                .arg(
                    Arg::new("invite")
                        .value_name("ID|LINK")
                        .required(true)
                        .help("As `invite list` shows it, or the link itself"),
                ),
        )
}

/// `accounts release`.
pub fn release_command() -> Command {
    Command::new("release")
        .about("Lets the name of a removed account be registered again, by anyone who may register")
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .required(true)
                .help("The name to release"),
        )
        .arg(
            Arg::new("yes")
                .long("yes")
                .action(ArgAction::SetTrue)
                .help("Do not ask"),
        )
}

/// Runs `invite`.
pub fn invite(of: &ArgMatches, config: &Config, reader: &Reader) -> anyhow::Result<()> {
    match of.subcommand() {
        Some(("list", of)) => {
            print(&lists::invites(&reader.invites(SystemClock.now())?, lists::json(of))?);
            Ok(())
        }
        Some(("revoke", of)) => {
            let which = of.get_one::<String>("invite").map_or("", String::as_str);
            revoke(which, &config.data_dir, reader)
        }
        _ => make(of, config, reader),
    }
}

fn make(of: &ArgMatches, config: &Config, reader: &Reader) -> anyhow::Result<()> {
    let uses = of.get_one::<NonZeroU32>("uses").copied().unwrap_or(NonZeroU32::MIN);
    let said = of.get_one::<String>("expires").map_or(DEFAULT_LIFETIME, String::as_str);
    let lifetime: Duration = parse_lifetime(said).with_context(|| {
        let said = redact::shown(said);
        format!("--expires is {said}, but it must be {EXPECTED_LIFETIME}. Example: --expires 7d")
    })?;
    let code = InviteCode::generate()?;
    let hash = code.hash();
    let expires = SystemClock.now().plus(lifetime);
    // On the disk before it is shown.
    done(&config.data_dir, &Errand::Invite { hash, uses, expires })?;
    if !reader.has_invite(&hash)? {
        bail!("there are {MAX_INVITES} invitations already: revoke some, or open the relay with --registration open");
    }
    let id = &hex::encode(hash)[..ID_DIGITS];
    let many = if uses.get() == 1 {
        "one account".to_owned()
    } else {
        format!("{uses} accounts")
    };
    let once = format!(
        "Invitation {id}: {many}, until {}. It is shown this once; the relay keeps a hash of it.",
        lists::moment(expires)?
    );
    // What this command was told counts first, then what the relay wrote down that runs there or ran there last.
    let written = running::read(&config.data_dir);
    let relay = written.as_ref().unwrap_or(config);
    let whose = if written.is_some() {
        "the relay's settings"
    } else {
        "this command's settings (no relay has run here yet)"
    };
    let origins = if config.is_set("origins") {
        &config.origins
    } else {
        &relay.origins
    };
    match banner::reached(origins, relay.listen, relay.tls.is_some()) {
        Some((url, flag)) => {
            print(&format!("{}\n", *code.link(&url)));
            complain(&format!(
                "{once}\nThe person you invite types: latchkey{flag} register NAME --invite LINK"
            ));
            advise(&url, relay, whose);
        }
        None => {
            print(&format!("{}\n", *code.reveal()));
            complain(&format!(
                "{once}\n\
                 This is the code alone: {whose} do not say under which URL the relay is reached (--origins).\n\
                 The person you invite types: latchkey --relay URL register NAME --invite CODE"
            ));
        }
    }
    let registration = if config.is_set("registration") {
        config.registration
    } else {
        relay.registration
    };
    if registration != Registrations::Invite {
        complain(&format!(
            "Registration is {} by {whose}: invitations are needed only with --registration invite.",
            registration.name()
        ));
    }
    Ok(())
}

/// Says so when a link leads nowhere for who gets it.
fn advise(url: &str, relay: &Config, whose: &str) {
    let Some(origin) = Origin::parse(url) else {
        return;
    };
    if origin.is_loopback() {
        complain(&format!(
            "The link works on this machine alone: by {whose} the relay is reached at {url} and nowhere else. For others start it with the URL that they dial, \
             such as --origins https://relay.example, or with TLS and --name relay.example, and invite again."
        ));
    } else if !relay.origins.is_empty() && !relay.origins.contains(&origin) {
        let taken: Vec<&str> = relay.origins.iter().map(Origin::as_str).collect();
        complain(&format!(
            "By {whose} nobody signs in at {url}: the relay takes {}. Start it with --origins {url} as well, or invite without --origins.",
            taken.join(" and ")
        ));
    }
}

fn revoke(which: &str, data_dir: &Path, reader: &Reader) -> anyhow::Result<()> {
    // A link tells of itself; what it says is not repeated.
    let is_link = which.contains('#');
    let hash = if is_link {
        let code = InviteCode::parse(which).context("this link carries no code of an invitation")?;
        Some(code.hash()).filter(|hash| reader.has_invite(hash).unwrap_or(false))
    } else {
        let named = |hash: &[u8; 32]| which.len() >= ID_DIGITS && hex::encode(hash).starts_with(which);
        let mut found = reader
            .invites(SystemClock.now())?
            .into_iter()
            .filter(|invite| named(&invite.hash));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => bail!("more than one invitation begins with that; give more digits"),
            (one, _) => one.map(|invite| invite.hash),
        }
    };
    let Some(hash) = hash else {
        bail!(
            "there is no such invitation (any more). `latchkey-relay invite list` shows those that still let somebody in"
        );
    };
    done(data_dir, &Errand::Revoke(hash))?;
    if reader.has_invite(&hash)? {
        bail!("the invitation was not revoked; see the relay's log");
    }
    print(&format!("Revoked invitation {}.\n", &hex::encode(hash)[..ID_DIGITS]));
    Ok(())
}

/// Runs `accounts release`.
pub fn release(data_dir: &Path, reader: &Reader, name: &str, sure: bool) -> anyhow::Result<()> {
    let user = UserName::parse(name)?;
    if Errand::removal(reader, &user)?.is_some() {
        bail!(
            "'{user}' has an account. To give the name to somebody else, remove that first: latchkey-relay accounts remove {user}"
        );
    }
    let Some(errand) = Errand::release(reader, &user)? else {
        let name = redact::shown(user.as_str());
        bail!("{name} is not kept from anyone: no account of that name was removed here");
    };
    if !sure {
        confirm(
            &format!(
                "This lets anyone who may register here have the name '{user}', under keys of their own. Contacts of the removed account keep the old identity: when they write to \
                 '{user}', or '{user}' to them, they are warned that it is another one and asked to compare safety numbers. Mail, delivery tokens and play licenses of the \
                 removed account are gone and do not come back. It cannot be undone once the name is registered."
            ),
            user.as_str(),
            "nothing was released",
        )?;
    }
    let by = done(data_dir, &errand)?;
    if Errand::release(reader, &user)? == Some(errand) {
        bail!("'{user}' was not released; see the relay's log");
    }
    print(&format!("Released '{user}'{by}\n"));
    Ok(())
}
