//! Lists for the operator: for people, with moments that they can read, or with `--json` for programs, an object a line.

use clap::{Arg, ArgAction, ArgMatches, Command};
use protocol::Timestamp;
use serde_json::json;
use server::store::sqlite::admin::{AccountLine, InviteLine};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Digits of a hash by which an invitation is named: among a thousand two never begin alike, and then more are asked for.
pub const ID_DIGITS: usize = 12;

/// A command that lists something.
pub fn command(name: &'static str) -> Command {
    Command::new(name).arg(
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("One JSON object a line; times are milliseconds since 1970"),
    )
}

/// Whether it is for a program.
pub fn json(of: &ArgMatches) -> bool {
    of.get_flag("json")
}

/// Accounts.
pub fn accounts(accounts: &[AccountLine], json: bool) -> anyhow::Result<String> {
    let line = |account: &AccountLine| {
        let AccountLine {
            user,
            created,
            pending,
            bytes,
        } = account;
        Ok(if json {
            let object =
                json!({ "name": user, "registered": created.as_millis(), "envelopes": pending, "bytes": bytes });
            format!("{object}\n")
        } else {
            format!("{user}\t{}\t{pending}\t{bytes}\n", moment(*created)?)
        })
    };
    accounts.iter().map(line).collect()
}

/// Invitations.
pub fn invites(invites: &[InviteLine], json: bool) -> anyhow::Result<String> {
    let line = |invite: &InviteLine| {
        let digits = hex::encode(invite.hash);
        let (id, uses) = (&digits[..ID_DIGITS], invite.uses);
        Ok(if json {
            let object = json!({ "id": id, "uses": uses, "expires": invite.expires.as_millis() });
            format!("{object}\n")
        } else {
            format!("{id}\t{uses}\t{}\n", moment(invite.expires)?)
        })
    };
    invites.iter().map(line).collect()
}

/// A moment in UTC, to the second.
pub fn moment(at: Timestamp) -> anyhow::Result<String> {
    let seconds = i64::try_from(at.as_millis() / 1000)?;
    Ok(OffsetDateTime::from_unix_timestamp(seconds)?.format(&Rfc3339)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_utc_to_the_second() {
        // `date -u -d @1799999999 --rfc-3339=seconds`
        for (milliseconds, said) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_709_208_000_999, "2024-02-29T12:00:00Z"),
            (1_799_999_999_000, "2027-01-15T07:59:59Z"),
        ] {
            assert_eq!(moment(Timestamp(milliseconds)).unwrap(), said);
        }
        assert!(moment(Timestamp(u64::MAX)).is_err());
    }
}
