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
            Failure::Queued(_) => vec![format!(
                "The message is kept and goes out {}; do not send it again.",
                if self.menu {
                    "when the relay can be reached"
                } else {
                    "with the next command"
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

/// What failed, to a person.
pub(super) fn said(failure: &Failure) -> String {
    match failure {
        // The relay's own words are for a program that holds a token.
        Failure::Queued(error) | Failure::Client(Error::Relay(error)) if is_shut_out(error) => {
            "the relay does not know this account any more, or not with these keys; its operator may have removed it: ask them".to_owned()
        }
        other => other.to_string(),
    }
}

/// Whether this account cannot sign in.
fn is_shut_out(error: &RelayError) -> bool {
    error.code() == Some(Code::Unauthorized)
}
