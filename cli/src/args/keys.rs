//! What `--json` prints on standard output, command by command: the last lines of each command's help. `cli/tests/help.rs` compares them with what is printed.

/// Which objects, the keys that each of them has, and those that it has where they apply. Keys of an object inside stand in braces.
macro_rules! keys {
    ($what:literal, $always:literal) => {
        concat!("With --json: ", $what, " with the keys ", $always, ".")
    };
    ($what:literal, $always:literal, $sometimes:literal) => {
        concat!(
            "With --json: ",
            $what,
            " with the keys ",
            $always,
            "; where they apply ",
            $sometimes,
            "."
        )
    };
}

pub(super) const REGISTER: &str = keys!("an object", "address, fingerprint, home");
pub(super) const SEND: &str = concat!(
    keys!(
        "an object",
        "id, to, state",
        "limited {mode, limit}, first_contact, safety_number, new_identity"
    ),
    " state is sent or queued."
);
pub(super) const INBOX: &str = concat!(
    keys!(
        "one object per message",
        "id, from, sent_at",
        "text, limited {mode, limit, used}, unknown"
    ),
    " Each message has one of these three."
);
pub(super) const PLAY: &str = keys!("an object", "id, from, text, play, plays");
pub(super) const HISTORY: &str = concat!(
    keys!(
        "one object per message",
        "id, direction, from, to, sent_at, state",
        "text, limited {mode, limit, used}, unknown, reason"
    ),
    " direction is in or out. state is queued, sent, delivered, read or failed (then reason says why) of a message that you sent, new or seen of one that you received."
);
pub(super) const CONTACTS: &str = concat!(
    keys!(
        "one object per contact",
        "address, fingerprint, standing, first_seen",
        "offered, verified, blocked"
    ),
    " standing is unverified, verified, changed, succeeded or forked."
);
pub(super) const VERIFY: &str = keys!(
    "an object",
    "address, fingerprint, standing, first_seen, safety_number",
    "offered, verified, blocked"
);
pub(super) const REJECT_IDENTITY: &str = keys!(
    "an object",
    "address, fingerprint, standing, first_seen",
    "offered, verified, blocked"
);
pub(super) const BLOCK: &str = concat!(
    keys!(
        "an object",
        "address",
        "fingerprint, standing, first_seen, offered, verified, blocked"
    ),
    " An account that is not a contact has address and blocked alone."
);
pub(super) const ROTATE_IDENTITY: &str = keys!("an object", "address, fingerprint, identity");
pub(super) const RECEIPTS: &str = keys!("an object", "delivery, read");
pub(super) const SAFETY_NUMBER: &str = keys!("an object", "address, safety_number, standing");
pub(super) const KEYS: &str = keys!(
    "an object",
    "address, fingerprint, one_time_left, signed_prekey_id, signed_prekey_created_at, signed_prekey_rotates_at, signed_prekey_expires_at"
);
pub(super) const STATUS: &str = concat!(
    keys!(
        "an object",
        "address, fingerprint, admitted, relay {url, name, fingerprint, version, storage_engine, time, registration, accounts, messages_pending, licenses_active, clock_off_seconds}, contacts, messages, unread, outbox, outbox_notes, quarantined, early"
    ),
    " relay is null when the relay cannot be reached; a number that the relay does not show is null. admitted is false when the relay does not know this account any more, and null when it did not say. clock_off_seconds is how far this device's clock is ahead of the relay's, negative when it is behind, and null when the relay did not say."
);
pub(super) const TOKEN: &str = keys!("an object", "token, expires_at, relay");
pub(super) const CLEAR_INBOX: &str = keys!("an object", "deleted");
pub(super) const PLAYS: &str = concat!(
    keys!(
        "an object",
        "id, to, limited {mode, limit, used, state, requests, relay_went_back_behind, unreadable}"
    ),
    " state is active, exhausted, revoked or expired. relay_went_back_behind and unreadable are there only when the count cannot be relied on."
);
pub(super) const GATE_KEY: &str = concat!(
    keys!(
        "one object per key",
        "id, created_at, replaced_at, uploaded, contact, retired"
    ),
    " contact is null for the general key."
);
pub(super) const DECOYS: &str = keys!("an object", "decoys");
pub(super) const PASSPHRASE: &str = keys!("an object", "passphrase");
