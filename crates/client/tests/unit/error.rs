//! Each error that a person can meet says what to do about it. A new variant does not compile before it has a row here.

use std::io;
use std::path::PathBuf;

use protocol::identity::Fingerprint;

use super::*;
use crate::relay::Code;
use crate::vault::Unwritable;

/// What an author of a client may be told and a person must not: headers, the contract, an author's next call.
const FOR_AUTHORS: &[&str] = &[
    "Authorization",
    "Bearer",
    "openapi",
    "header",
    "endpoint",
    "sequence number",
    "message id",
    "license id",
    "play id",
    "capability",
];

/// Rows of one enum: which variant, one of it, and the words of its text that say what to do. The variants are a `match` without a wildcard.
macro_rules! rows {
    ($of:ty: $($variant:pat => $one:expr, $to_do:literal;)+) => {{
        #[allow(dead_code, reason = "it is there to be compiled")]
        fn every_variant_has_a_row(error: &$of) {
            match error { $($variant => {})+ }
        }
        vec![$({
            let one: $of = $one;
            assert!(matches!(one, $variant), "{one:?} stands in the row of another variant");
            (one.to_string(), $to_do)
        }),+]
    }};
}

fn bob() -> Address {
    Address::parse("bob@relay.example").unwrap()
}

fn says_what_to_do(rows: Vec<(String, &str)>) {
    for (text, to_do) in rows {
        assert!(text.contains(to_do), "{to_do:?} is missing in: {text}");
        let begins_well = text.starts_with(|first: char| !first.is_uppercase());
        assert!(begins_well && !text.trim_end().ends_with('.'), "{text}");
        for word in FOR_AUTHORS {
            assert!(!text.contains(word), "{word:?} is for authors of clients: {text}");
        }
    }
}

#[test]
fn what_the_messenger_does_not_do_it_says_with_what_to_do() {
    let url = "https://relay.example".to_owned();
    says_what_to_do(rows! { Error:
        Error::Vault(_) => VaultError::WrongPassphrase.into(), "try again";
        Error::Relay(_) => RelayError::Malformed("x").into(), "check the address";
        Error::Name(_) => NameError::Length.into(), "has 1 to";
        Error::NotRegistered => Error::NotRegistered, "register one first";
        Error::AlreadyRegistered(_) => Error::AlreadyRegistered(bob()), "use another home";
        Error::RegistrationPending { .. } => Error::RegistrationPending { name: bob().user(), relay: RelayUrl::parse(&url).unwrap() }, "register bob there again";
        Error::RestartsSpent => Error::RestartsSpent, "use only one of them";
        Error::NumberImplausible { .. } => Error::NumberImplausible { at_relay: 1 << 60, ours: 5 }, "ask its operator";
        Error::ShutOut { .. } => Error::ShutOut { address: bob(), url: url.clone() }, "ask the relay's operator";
        Error::ForeignRelay { .. } => Error::ForeignRelay { address: bob(), own: RelayName::parse("own.example").unwrap() }, "register a name at that relay";
        Error::Oneself => Error::Oneself, "name another recipient";
        Error::AccountGone(_) => Error::AccountGone(bob()), "which address counts now";
        Error::IdentityChanged { .. } => Error::IdentityChanged { peer: bob(), pinned: None, offered: None }, "Compare safety numbers";
        Error::IdentitySucceeded { .. } => Error::IdentitySucceeded { peer: bob(), verified: Fingerprint::from_bytes([7; 32]) }, "Compare the new safety number";
        Error::IdentityForked(_) => Error::IdentityForked(bob()), "accept or reject";
        Error::UnknownContact(_) => Error::UnknownContact(bob()), "send or receive a message first";
        Error::Blocked(_) => Error::Blocked(bob()), "Unblock bob@relay.example first";
        Error::NothingToReject(_) => Error::NothingToReject(bob()), "block bob";
        Error::NothingToAccept(_) => Error::NothingToAccept(bob()), "verify bob";
        Error::KeysRefused { .. } => Error::KeysRefused { peer: bob(), reason: "old".to_owned() }, "try again when";
        Error::TooLarge => Error::TooLarge, "send it in parts";
        Error::Empty => Error::Empty, "give it some text";
        Error::PeerSilent(_) => Error::PeerSilent(bob()), "Send it again when";
        Error::BadLimit => Error::BadLimit, "change the number or the time";
        Error::NoSuchMessage(_) => Error::NoSuchMessage("77".to_owned()), "the history lists";
        Error::PlayUnnoted(_) => Error::PlayUnnoted(VaultError::Database(rusqlite::Error::QueryReturnedNoRows)), "check the disk's space";
        Error::Unnoted(_) => Error::Unnoted(VaultError::Database(rusqlite::Error::QueryReturnedNoRows)), "Give the same command again";
        Error::AmbiguousMessage(_) => Error::AmbiguousMessage("7".to_owned()), "give more characters";
        Error::NotLimited => Error::NotLimited, "read it in the history";
        Error::NotPlayable => Error::NotPlayable, "You can read its count";
        Error::NotOurs => Error::NotOurs, "ask its sender";
        Error::NotReceived => Error::NotReceived, "choose a received one";
        Error::Ended(_) => Error::Ended(Ended::Exhausted), "ask the sender to send it again";
        Error::Unopened(_) => playgate::OpenError::RelayFault.into(), "ask the sender to send the message again";
        Error::Receipt(_) => protocol::play_receipt::ReceiptError::Forked.into(), "do not rely on the count";
        Error::NoGateKey(_) => Error::NoGateKey(bob()), "the general one seals";
        Error::GateKeyTaken => Error::GateKeyTaken, "send it again";
        Error::GateKeyReplaced => Error::GateKeyReplaced, "give the same command again";
        Error::Protocol(_) => Error::Protocol("x".to_owned()), "report it if it happens again";
        Error::ClockWrong { .. } => Error::ClockWrong { apart: Duration::from_secs(200_000), ahead: true }, "Set the clock";
        Error::Randomness => Error::Randomness, "try again";
    });
    let of_sender = |how| match how {
        Ended::Exhausted | Ended::Expired => "ask the sender to send it again",
        Ended::Revoked => "ask the sender",
    };
    let all = [Ended::Exhausted, Ended::Revoked, Ended::Expired];
    says_what_to_do(all.map(|how| (Error::Ended(how).to_string(), of_sender(how))).to_vec());
}

#[test]
fn what_is_wrong_with_a_vault_is_said_with_what_to_do() {
    let home = || PathBuf::from("/home/bob/latchkey");
    for (why, to_do) in [
        (Unwritable::Full, "Free some space"),
        (Unwritable::ReadOnly, "Make it writable"),
        (Unwritable::Busy, "Wait until it is done, or end it"),
    ] {
        let said = VaultError::Unwritable { dir: home(), why }.to_string();
        assert!(
            said.contains(to_do) && said.contains("give the same command again"),
            "{said}"
        );
    }
    says_what_to_do(rows! { VaultError:
        VaultError::NotFound(_) => VaultError::NotFound(home()), "register a name first";
        VaultError::Exists(_) => VaultError::Exists(home()), "choose another home";
        VaultError::WrongPassphrase => VaultError::WrongPassphrase, "try again";
        VaultError::BadPassphrase => VaultError::BadPassphrase, "choose another";
        VaultError::Busy(_) => VaultError::Busy(home()), "Wait until it is done";
        VaultError::Truncated(_) => VaultError::Truncated(home()), "restore the home directory from a backup";
        VaultError::Tampered(_) => VaultError::Tampered("x"), "restore the home directory from a backup";
        VaultError::Corrupt(_) => VaultError::Corrupt("x"), "restore the home directory from a backup";
        VaultError::TooNew(_) => VaultError::TooNew(99), "use a newer latchkey";
        VaultError::Randomness => VaultError::Randomness, "try again";
        VaultError::Io { .. } => VaultError::Io { path: home(), source: io::Error::other("full") }, "check the path";
        VaultError::Database(_) => VaultError::Database(rusqlite::Error::QueryReturnedNoRows), "check the disk's space";
        VaultError::Unwritable { .. } => VaultError::Unwritable { dir: home(), why: Unwritable::Full }, "Free some space";
        VaultError::NotOverwritten(_) => VaultError::NotOverwritten(rusqlite::Error::QueryReturnedNoRows), "change the passphrase once more";
        VaultError::NoRoom(_) => VaultError::NoRoom(io::Error::other("full")), "check the disk's space";
        VaultError::Migration(_) => VaultError::Migration("x".to_owned()), "copy the home directory away";
    });
}

#[test]
fn what_is_wrong_with_the_way_to_a_relay_is_said_with_what_to_do() {
    let url = || "https://relay.example".to_owned();
    let pin = |digit: &str| format!("sha256:{}", digit.repeat(64)).parse().unwrap();
    says_what_to_do(rows! { RelayError:
        RelayError::Network { .. } => RelayError::Network { url: url(), reason: "no connection".to_owned() }, "check the address and the network";
        RelayError::Refused { .. } => refused(Code::NameTaken), "Choose another name";
        RelayError::OtherRelay { .. } => RelayError::OtherRelay { url: url(), pinned: Fingerprint::from_bytes([1; 32]), offered: Fingerprint::from_bytes([2; 32]) }, "ask the relay's operator";
        RelayError::RenamedRelay { .. } => RelayError::RenamedRelay { url: url(), pinned: "a".to_owned(), offered: "b".to_owned() }, "Ask its operator";
        RelayError::OtherCertificate { .. } => RelayError::OtherCertificate { url: url(), pinned: pin("a"), offered: pin("b") }, "Ask its operator";
        RelayError::UntrustedCertificate { .. } => RelayError::UntrustedCertificate { url: url(), reason: "expired".to_owned() }, "Check the address";
        RelayError::Malformed(_) => RelayError::Malformed("x"), "update the older";
        RelayError::BadProxy { .. } => RelayError::BadProxy { variable: "HTTP_PROXY", proxy: None, reason: "it is no URL" }, "or unset the variable";
        RelayError::BadUrl { .. } => RelayError::BadUrl { url: url(), reason: "it has a path; give the host alone" }, "give the host alone";
    });
}

#[test]
fn of_what_goes_out_by_itself_nothing_is_to_be_tried_again() {
    let away = RelayError::Network {
        url: "https://relay.example".to_owned(),
        reason: "no connection".to_owned(),
    };
    assert!(away.to_string().ends_with("then try again"));
    let busy = Error::from(VaultError::Busy(PathBuf::from("/home/bob/latchkey"))).while_it_waits();
    for wrong in ["again", "nothing was done"] {
        assert!(!busy.contains(wrong), "a message is kept, and goes by itself: {busy}");
    }
    let waits = Error::Relay(away).while_it_waits();
    assert!(
        waits.contains("check the address and the network") && !waits.contains("again"),
        "{waits}"
    );
}

fn refused(code: Code) -> RelayError {
    RelayError::Refused {
        code,
        detail: "what was wrong".to_owned(),
        action: "Ask for a challenge, sign in, and send the token as 'Authorization: Bearer …'.".to_owned(),
        retry_after: None,
        next_slot: None,
    }
}

#[test]
fn a_refusal_is_told_in_words_for_a_person_whatever_its_code() {
    // The codes as the contract has them.
    let contract = include_str!("../../../../openapi.yaml");
    let (_, list) = contract.split_once("    ProblemCode:\n").unwrap();
    let (_, list) = list.split_once("enum:\n").unwrap();
    let codes: Vec<Code> = list
        .lines()
        .map_while(|line| line.trim_start().strip_prefix("- "))
        .map(|code| code.parse().unwrap())
        .collect();
    assert!(codes.len() > 30, "{codes:?}");
    for code in &codes {
        let waits = refused(*code).while_it_waits();
        assert!(waits.starts_with("the relay refused: what was wrong"), "{waits}");
        assert!(!waits.contains("again") || *code == Code::Unauthorized, "{waits}");
    }
    let texts = codes
        .into_iter()
        .map(|code| (refused(code).to_string(), "what was wrong. "));
    says_what_to_do(texts.collect());
}

#[test]
fn a_relay_that_gives_no_reason_leaves_no_hole_in_the_sentence() {
    for detail in ["", " "] {
        let refused = RelayError::Refused {
            code: Code::Busy,
            detail: detail.to_owned(),
            action: String::new(),
            retry_after: None,
            next_slot: None,
        };
        assert_eq!(
            refused.to_string(),
            "the relay refused: it gives no reason. Try again later"
        );
    }
}
