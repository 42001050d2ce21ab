//! The numbers of `docs/protocol.md`, sections 2, 5 and 9, against the constants that the code has for them.

use std::time::Duration;

use crate::account::{
    BATCH_LIFETIME, MAX_BATCHES, MAX_SIGNED_PREKEYS, SIGNED_PREKEY_GRACE, SIGNED_PREKEY_LIFETIME,
    SIGNED_PREKEY_ROTATION,
};
use crate::address::MAX_ADDRESS;
use crate::content::MAX_CONTENT;
use crate::envelope::{
    HEADER_BOX_LENGTH, HEADER_LENGTH, MAX_ENVELOPE, MAX_IDENTITY_BOX, MIN_SEALED, NUMBER_BOX_LENGTH,
    SIGNED_HEADER_BOX_LENGTH,
};
use crate::party::{MAX_HANDSHAKES, MAX_HANDSHAKES_OF_PEER, MAX_PEERS, MAX_PENDING};
use crate::play_receipt::{PAYLOAD_LENGTH, RECEIPT_LENGTH};
use crate::prekey::MAX_CLOCK_SKEW;
use crate::primitives::aead::{BOX_KEY_LENGTH, COMMITTED_KEY_LENGTH};
use crate::primitives::signature::{SIGNATURE_LENGTH, VERIFYING_KEY_LENGTH};
use crate::ratchet::{MAX_KEPT_OF_JUMP, MAX_SKIPPED};
use crate::session::{MAX_CHAIN, WINDOW};
use crate::succession::{MAX_STATEMENT, MAX_SUCCESSIONS};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn lengths_on_the_wire() {
    assert_eq!((VERIFYING_KEY_LENGTH, SIGNATURE_LENGTH), (2624, 4691));
    assert_eq!((BOX_KEY_LENGTH, COMMITTED_KEY_LENGTH), (44, 64));
    assert_eq!(
        (
            HEADER_LENGTH,
            NUMBER_BOX_LENGTH,
            HEADER_BOX_LENGTH,
            SIGNED_HEADER_BOX_LENGTH
        ),
        (3200, 20, 3220, 7911)
    );
    assert_eq!((MIN_SEALED, MAX_IDENTITY_BOX), (48, 8192));
    assert_eq!((MAX_ENVELOPE, MAX_CONTENT), (262_144, 204_800));
    assert_eq!((PAYLOAD_LENGTH, RECEIPT_LENGTH), (161, 161 + 4691));
    assert_eq!((MAX_ADDRESS, MAX_STATEMENT), (32 + 1 + 128, 1 + 4 + 161 + 80));
}

#[test]
fn what_is_kept_and_for_how_long() {
    assert_eq!((MAX_CHAIN, WINDOW, MAX_PENDING), (32_768, 64, 16_384));
    assert_eq!((MAX_SKIPPED, MAX_KEPT_OF_JUMP, MAX_SUCCESSIONS), (2000, 1000, 8));
    assert_eq!((MAX_PEERS, MAX_HANDSHAKES, MAX_HANDSHAKES_OF_PEER), (4096, 8192, 256));
    assert_eq!((SIGNED_PREKEY_ROTATION, SIGNED_PREKEY_LIFETIME), (7 * DAY, 14 * DAY));
    assert_eq!((SIGNED_PREKEY_GRACE, BATCH_LIFETIME), (30 * DAY, 60 * DAY));
    assert_eq!((MAX_BATCHES, MAX_SIGNED_PREKEYS), (64, 64));
    assert_eq!((crate::ratchet::SKIPPED_LIFETIME, MAX_CLOCK_SKEW), (30 * DAY, DAY));
}
