//! What to do about a failure.

use client::{Code, Error, RelayError, RelayUrl, UserName};

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
            // The relay answers, so reaching it is not what is missing.
            Failure::Queued(Error::Relay(RelayError::Refused { .. })) => vec![format!(
                "The message is kept here and tried again {} until it is taken; do not send it again.",
                if self.menu {
                    "by itself"
                } else {
                    "with each command that reaches the relay,"
                }
            )],
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
                (
                    "To go on without comparing",
                    "verify",
                    peer.user().as_str(),
                    " --accept",
                ),
            ]),
            Failure::Client(Error::NotRegistered) => vec![self.how("register NAME", "start latchkey again")],
            Failure::Client(Error::RegistrationPending { name, relay }) | Failure::Unfinished { name, relay } => {
                vec![if self.menu {
                    "Start latchkey again with the same passphrase: it goes on from here.".to_owned()
                } else {
                    format!("To finish it: {}", self.registers(name, relay))
                }]
            }
            _ => Vec::new(),
        }
    }

    /// The command that finishes a registration. The relay is named: the environment may name another one by then.
    fn registers(&self, name: &UserName, relay: &RelayUrl) -> String {
        let mut options = format!("--relay {relay}");
        if let Some(pin) = relay.certificate() {
            options.push_str(&format!(" --pin {pin}"));
        }
        if !relay.is_tls() && !relay.is_loopback() {
            options.push_str(" --allow-plain-http");
        }
        self.command(&format!("{options} register {name}"))
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
    use super::super::said::said;
    use super::*;

    #[test]
    fn a_stranger_is_told_who_is_full_when_it_is_tried_again_and_what_helps() {
        let refused = RelayError::Refused {
            code: Code::RateLimited,
            detail: "'bob' has little room for senders that it has not answered (they have no delivery token), and takes no more from you for now; nothing was stored"
                .to_owned(),
            action: "wait retry_after_seconds".to_owned(),
            retry_after: None,
            next_slot: None,
        };
        let failure = Failure::Queued(refused.into());
        let all = |menu| {
            let render = Render {
                json: false,
                menu,
                program: "latchkey".to_owned(),
            };
            [vec![said(&failure, menu)], render.advice(&failure)]
                .concat()
                .join("\n")
        };
        assert_eq!(
            all(false),
            "the relay refused: 'bob' has little room for senders that it has not answered (they have no delivery token), and takes no more from you for now; nothing was stored. \
             You have room of your own as soon as the recipient writes to you or verifies you: ask for that on another channel\n\
             The message is kept here and tried again with each command that reaches the relay, until it is taken; do not send it again."
        );
        assert!(
            all(true).ends_with(
                "The message is kept here and tried again by itself until it is taken; do not send it again."
            )
        );
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
