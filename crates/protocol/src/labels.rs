//! Every domain-separation string, in one place.
//!
//! All of them begin with `latchkey/1/`, the protocol and its version, so that no key or signature made here means anything elsewhere.
//! The strings are final: changing one is a new suite.

/// Prefixes the message of every hybrid signature.
pub const SIGNATURE: &[u8] = b"latchkey/1/sig";
/// Hash of an identity key together with the address that it speaks for.
pub const FINGERPRINT: &[u8] = b"latchkey/1/fingerprint";
/// Hash of a relay's own signing key; a relay has no address of the user@relay form.
pub const RELAY_FINGERPRINT: &[u8] = b"latchkey/1/relay-fingerprint";
/// The digits that two people compare.
pub const SAFETY_NUMBER: &[u8] = b"latchkey/1/safety-number";
/// What a registration commits to: its first bundle.
pub const BUNDLE: &[u8] = b"latchkey/1/bundle";
/// Combination of the two shared secrets of the hybrid KEM.
pub const KEM: &[u8] = b"latchkey/1/kem";
/// Start of the handshake's transcript P.
pub const HANDSHAKE: &[u8] = b"latchkey/1/handshake";
/// T1: the transcript with the initiator's identity.
pub const TRANSCRIPT: &[u8] = b"latchkey/1/transcript";
/// Key of the identity box.
pub const IDENTITY_BOX: &[u8] = b"latchkey/1/id";
/// Keys of an epoch.
pub const EPOCH: &[u8] = b"latchkey/1/epoch";
/// Key of the tags of boxed envelopes.
pub const ADVANCE_TAG: &[u8] = b"latchkey/1/adv-tag";
/// Key and nonce of a header box.
pub const ADVANCE_HEADER: &[u8] = b"latchkey/1/adv-hdr";
/// Start of a message's associated data.
pub const MESSAGE: &[u8] = b"latchkey/1/msg";
/// Key, nonce and commitment of a message.
pub const MESSAGE_KEY: &[u8] = b"latchkey/1/msg-key";
/// An envelope's id, from fresh randomness and what is in it.
pub const ENVELOPE_ID: &[u8] = b"latchkey/1/envelope-id";
/// What was asked in a play, as its receipt names it.
pub const PLAY_REQUEST: &[u8] = b"latchkey/1/play-request";
/// What was answered to a play, as its receipt names it.
pub const PLAY_ANSWER: &[u8] = b"latchkey/1/play-answer";
/// A play receipt, as the next one names it.
pub const PLAY_RECEIPT_ID: &[u8] = b"latchkey/1/play-receipt-id";
