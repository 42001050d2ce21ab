//! What to do about a failure.

use client::{Code, Error, RelayError};

use super::Render;
use crate::exit::Failure;

impl Render {
    /// Lines to be said behind the error.
    pub(super) fn advice(&self, failure: &Failure) -> Vec<String> {
        match failure {
            Failure::Queued(error) if is_shut_out(error) => {
                vec![
                    "The message is kept here, and does not go out before the relay knows this account again."
                        .to_owned(),
                ]
            }
            Failure::Queued(_) | Failure::Unsure => vec![format!(
                "The message is kept and goes out {}; do not send it again.",
                if self.menu {
                    "when the relay can be reached"
                } else {
                    "with the next command that reaches the relay"
                }
            )],
            Failure::Client(Error::IdentityChanged { peer, .. }) => self.lines(&[
                ("New safety number", "safety-number", peer.user().as_str(), ""),
                ("To accept it", "verify", peer.user().as_str(), " --accept"),
                ("To keep the old one", "reject-identity", peer.user().as_str(), ""),
            ]),
            Failure::Client(Error::IdentityForked(peer)) => self.lines(&[
                (
                    "Safety number of the one that is offered",
                    "safety-number",
                    peer.user().as_str(),
                    "",
                ),
                ("To accept it", "verify", peer.user().as_str(), " --accept"),
                ("To keep the other", "reject-identity", peer.user().as_str(), ""),
            ]),
            Failure::Client(Error::IdentitySucceeded { peer, .. }) => self.lines(&[
                ("New safety number", "safety-number", peer.user().as_str(), ""),
                (
                    "When it is the same on the other side",
                    "verify",
                    peer.user().as_str(),
                    "",
                ),
                ("To go on without", "verify", peer.user().as_str(), " --accept"),
            ]),
            Failure::Client(Error::NotRegistered) => vec![self.how("register NAME", "start latchkey again")],
            Failure::Client(Error::RegistrationPending(name)) => {
                vec![self.how(&format!("register {name}"), "start latchkey again")]
            }
            _ => Vec::new(),
        }
    }

    fn lines(&self, lines: &[(&str, &str, &str, &str)]) -> Vec<String> {
        if self.menu {
            return lines
                .first()
                .map(|(_, _, user, _)| format!("Choose Contacts, then {user}: compare and decide there."))
                .into_iter()
                .collect();
        }
        lines
            .iter()
            .map(|(what, command, user, option)| {
                let command = self.how(&format!("{command} {user}{option}"), "");
                format!("{what}: {command}")
            })
            .collect()
    }
}

/// What failed, to a person; in the menu without the options of a command line.
pub(super) fn said(failure: &Failure, menu: bool) -> String {
    match failure {
        Failure::Client(Error::Relay(RelayError::BadUrl { .. })) if menu => without_options(&failure.to_string()),
        // The relay's own words are for a program that holds a token.
        Failure::Queued(Error::Relay(error)) | Failure::Client(Error::Relay(error))
            if error.code() == Some(Code::Unauthorized) =>
        {
            "the relay does not know this account any more, or not with these keys; ask its operator whether it was removed".to_owned()
        }
        other => other.to_string(),
    }
}

/// The same without the clause in which an option is named: where nothing was typed behind a command there is none to be given.
#[must_use]
pub fn without_options(text: &str) -> String {
    const ENDS: [&str; 4] = ["; ", ", or ", ", ", ". "];
    let mut text = text.to_owned();
    while let Some(at) = text.find(" --") {
        let begins = ENDS.iter().filter_map(|end| text[..at].rfind(end)).max().unwrap_or(0);
        let ends = ENDS
            .iter()
            .filter_map(|end| text[at..].find(end))
            .min()
            .map_or(text.len(), |end| at + end);
        text.replace_range(begins..ends, "");
    }
    text
}

/// Whether this account cannot sign in.
fn is_shut_out(error: &Error) -> bool {
    match error {
        Error::ShutOut { .. } => true,
        Error::Relay(error) => error.code() == Some(Code::Unauthorized),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_that_names_an_option_is_left_out() {
        for (text, left) in [
            (
                "plain http is for this machine alone; use https",
                "plain http is for this machine alone; use https",
            ),
            (
                "it is plain; use https, or --allow in a safe network",
                "it is plain; use https",
            ),
            ("it is more; give it with --invite", "it is more"),
            ("first, give --one; then --two. Last", "first. Last"),
            ("give --one", ""),
        ] {
            assert_eq!(without_options(text), left, "{text}");
        }
    }

    #[test]
    fn a_person_whose_account_is_gone_is_not_told_of_tokens_or_of_later() {
        let refused = || RelayError::Refused {
            code: Code::Unauthorized,
            detail: "no session".to_owned(),
            action: "sign in and send the token as Authorization".to_owned(),
            retry_after: None,
            next_slot: None,
        };
        let render = Render {
            json: false,
            menu: false,
            program: "latchkey".to_owned(),
        };
        for failure in [Failure::Queued(refused().into()), Failure::from(refused())] {
            let all = [vec![said(&failure, false)], render.advice(&failure)]
                .concat()
                .join("\n");
            assert!(all.contains("does not know this account"), "{all}");
            for wrong in ["Authorization", "token", "next command", "sign in"] {
                assert!(!all.contains(wrong), "{wrong}: {all}");
            }
        }
    }
}
