//! The fuzz targets, as plain functions: libFuzzer drives them (`fuzz_targets/`), and `cargo test` replays the committed corpus through them
//! on any toolchain.
//!
//! | target | input | what must hold |
//! |---|---|---|
//! | [`address`] | text | what parses prints back as it was |
//! | [`content`] | bytes | what decodes encodes to the same bytes |
//! | [`padding`] | bytes | unpadding accepts what padding makes, and nothing else |
//! | [`identity`] | edits of an identity key and of a signature | an altered signature does not verify |
//! | [`prekey`] | edits of a signed prekey, a batch and a one-time prekey; or bytes | altered, they do not verify |
//! | [`envelope`] | bytes | a party that nobody has written to opens none of them and stays as it was |
//! | [`session`] | which envelope of a conversation, and edits of it | altered, it does not open, and the receiver's records stay byte for byte |
//! | [`conversation`] | what two people, a lossy relay and a forger do, step by step | what opens was said; what is refused changes nothing |
//! | [`succession`] | edits of a statement, its key and its signature; or bytes | altered, it does not hold |
//! | [`pickle`] | edits of a stored record | it is refused, or loads to a state that stores and loads again |
//!
//! Edits are little programs over a genuine value ([`edit::apply`]): random bytes never get past a signature or a message authentication
//! code, nearly genuine ones get to everything before it.
//!
//! Panics are how a fuzz target speaks, so this crate asserts and unwraps.

pub mod address;
pub mod content;
pub mod conversation;
pub mod edit;
pub mod envelope;
pub mod identity;
pub mod padding;
pub mod pickle;
pub mod play_receipt;
pub mod prekey;
pub mod session;
pub mod succession;
pub mod world;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 11] = [
    ("address", address::run),
    ("content", content::run),
    ("padding", padding::run),
    ("identity", identity::run),
    ("prekey", prekey::run),
    ("envelope", envelope::run),
    ("session", session::run),
    ("conversation", conversation::run),
    ("pickle", pickle::run),
    ("succession", succession::run),
    ("play_receipt", play_receipt::run),
];
