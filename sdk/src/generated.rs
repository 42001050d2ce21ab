// Generated from openapi.yaml by `cargo xtask generate`. Do not edit: change server/src/api, run it again, and commit what it writes.
// Formatting is the generator's own, so that a comparison of bytes shows whether this file is up to date.

#[allow(unused_imports)]
pub use progenitor_client::{ByteStream, ClientInfo, Error, ResponseValue};
#[allow(unused_imports)]
use progenitor_client::{encode_path, ClientHooks, OperationInfo, RequestBuilderExt};
/// Types used as operation parameters and responses.
#[allow(clippy::all)]
pub mod types {
    ///How far an inbox has been read.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Acknowledgement {
        ///The incarnation that `inbox` answered
        pub incarnation: ::uuid::Uuid,
        ///The sequence number of the last envelope that the client has stored safely; the relay deletes it and all before it
        pub sequence: u64,
    }
    impl Acknowledgement {
        pub fn builder() -> builder::Acknowledgement {
            Default::default()
        }
    }
    ///An account to be blocked.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct BlockRequest {
        ///Its user name; it need not exist
        pub user: ::std::string::String,
    }
    impl BlockRequest {
        pub fn builder() -> builder::BlockRequest {
            Default::default()
        }
    }
    ///How many accounts a mailbox blocks.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct BlockedAccounts {
        ///Accounts blocked, at most 1024
        pub blocked: u32,
    }
    impl BlockedAccounts {
        pub fn builder() -> builder::BlockedAccounts {
            Default::default()
        }
    }
    ///A nonce to sign, good for one attempt.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Challenge {
        ///When the nonce expires, milliseconds since the Unix epoch (60 s from now). It is part of what is signed
        pub expires_at: u64,
        ///Fingerprint of the relay's own identity key, 64 lower-case hex digits. It is part of what is signed
        pub relay_key_fingerprint: ::std::string::String,
        ///The relay's name: the part after the @ in addresses here
        pub relay_name: ::std::string::String,
        ///32 bytes to be signed; accepted once, whether the attempt succeeds or not
        pub server_nonce: crate::Base64,
    }
    impl Challenge {
        pub fn builder() -> builder::Challenge {
            Default::default()
        }
    }
    ///Who wants to sign in.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct ChallengeRequest {
        ///The user name, without the @ and the relay
        pub user: ::std::string::String,
    }
    impl ChallengeRequest {
        pub fn builder() -> builder::ChallengeRequest {
            Default::default()
        }
    }
    ///How much was deleted.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Cleared {
        ///Envelopes deleted
        pub deleted: u64,
    }
    impl Cleared {
        pub fn builder() -> builder::Cleared {
            Default::default()
        }
    }
    ///One envelope out of the inbox.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Delivery {
        ///The sealed envelope
        pub envelope: crate::Base64,
        ///When the relay received it, milliseconds since the Unix epoch
        pub received_at: u64,
        ///Its place in the mailbox, ascending
        pub sequence: u64,
    }
    impl Delivery {
        pub fn builder() -> builder::Delivery {
            Default::default()
        }
    }
    ///A delivery token, by its hash.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct DeliveryTokenRequest {
        ///SHA-256 of the token, 32 bytes. The token itself is 32 random bytes, which the contact gets inside a message
        pub token_hash: crate::Base64,
    }
    impl DeliveryTokenRequest {
        pub fn builder() -> builder::DeliveryTokenRequest {
            Default::default()
        }
    }
    ///How many tokens a mailbox has.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct DeliveryTokens {
        ///Delivery tokens registered, at most 4096
        pub tokens: u32,
    }
    impl DeliveryTokens {
        pub fn builder() -> builder::DeliveryTokens {
            Default::default()
        }
    }
    ///An empty object: the operation is done.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    #[serde(transparent)]
    pub struct Done(pub ::serde_json::Map<::std::string::String, ::serde_json::Value>);
    impl ::std::ops::Deref for Done {
        type Target = ::serde_json::Map<::std::string::String, ::serde_json::Value>;
        fn deref(
            &self,
        ) -> &::serde_json::Map<::std::string::String, ::serde_json::Value> {
            &self.0
        }
    }
    impl ::std::convert::From<Done>
    for ::serde_json::Map<::std::string::String, ::serde_json::Value> {
        fn from(value: Done) -> Self {
            value.0
        }
    }
    impl ::std::convert::From<
        ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    > for Done {
        fn from(
            value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
        ) -> Self {
            Self(value)
        }
    }
    ///What a gate key is good for.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    pub enum GateKeyState {
        #[serde(rename = "live")]
        Live,
        #[serde(rename = "retired")]
        Retired,
    }
    impl ::std::fmt::Display for GateKeyState {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            match *self {
                Self::Live => f.write_str("live"),
                Self::Retired => f.write_str("retired"),
            }
        }
    }
    impl ::std::str::FromStr for GateKeyState {
        type Err = self::error::ConversionError;
        fn from_str(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            match value {
                "live" => Ok(Self::Live),
                "retired" => Ok(Self::Retired),
                _ => Err("invalid value".into()),
            }
        }
    }
    impl ::std::convert::TryFrom<&str> for GateKeyState {
        type Error = self::error::ConversionError;
        fn try_from(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    impl ::std::convert::TryFrom<::std::string::String> for GateKeyState {
        type Error = self::error::ConversionError;
        fn try_from(
            value: ::std::string::String,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    ///A gate key as its owner sees it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct GateKeyStatus {
        ///How many bytes it has
        pub bytes: u64,
        ///Its id
        pub id: ::std::string::String,
        ///SHA-256 of them, 64 lower-case hex digits
        pub sha256: ::std::string::String,
        pub state: GateKeyState,
    }
    impl GateKeyStatus {
        pub fn builder() -> builder::GateKeyStatus {
            Default::default()
        }
    }
    ///The identity of an account, and the statements that led to it. The client that asks verifies everything in it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct IdentityHistory {
        ///name@relay
        pub address: ::std::string::String,
        ///The identity key, 2624 bytes
        pub identity_key: crate::Base64,
        ///The statements, oldest first, at most 8; empty if it is the first identity
        pub successions: ::std::vec::Vec<SuccessionStatement>,
    }
    impl IdentityHistory {
        pub fn builder() -> builder::IdentityHistory {
            Default::default()
        }
    }
    ///The waiting envelopes.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct InboxPage {
        ///The greatest commit_counter ever sent for this account, this request's included; 0 if none
        pub commit_counter: u64,
        ///The oldest envelopes that are not acknowledged, in order; empty if there are none. At most about 1 MiB at once
        pub envelopes: ::std::vec::Vec<Delivery>,
        ///How many envelopes of this mailbox have expired undelivered so far
        pub expired_total: u64,
        ///The life of the mailbox that the sequence numbers belong to; new after `clear_inbox`
        pub incarnation: ::uuid::Uuid,
        /**Senders whose sends were refused because there were too many of them, since the last answer: most first, at most 16. The relay reports each refusal once, and
forgets it when it restarts*/
        pub refused_senders: ::std::vec::Vec<RefusedSender>,
        ///How many sends to this mailbox have been refused so far because it was full
        pub refused_total: u64,
    }
    impl InboxPage {
        pub fn builder() -> builder::InboxPage {
            Default::default()
        }
    }
    ///Acknowledge and fetch.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct InboxRequest {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub ack: ::std::option::Option<Acknowledgement>,
        /**A number of the client's that only grows, below 2^53. The relay keeps the greatest, so that a client that was restored from a backup notices. A number more than
2^18 above the kept one is `counter_too_far`: sign in with it first*/
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub commit_counter: ::std::option::Option<u64>,
        ///At most this many envelopes, 1 to 64 (64 if absent)
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub limit: ::std::option::Option<u32>,
        ///How long to wait if there is nothing, 0 to 30 seconds (0 if absent)
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub wait_seconds: ::std::option::Option<u32>,
    }
    impl InboxRequest {
        pub fn builder() -> builder::InboxRequest {
            Default::default()
        }
    }
    ///What a sender needs to begin a conversation. The sender verifies everything in it, because it does not trust the relay.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct KeyBundle {
        ///name@relay
        pub address: ::std::string::String,
        ///The identity key, 2624 bytes
        pub identity_key: crate::Base64,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub one_time: ::std::option::Option<OneTimePreKey>,
        pub signed_prekey: SignedPreKey,
        ///The statements that led to this identity, oldest first, at most 8; absent if it is the first one
        #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
        pub successions: ::std::vec::Vec<SuccessionStatement>,
    }
    impl KeyBundle {
        pub fn builder() -> builder::KeyBundle {
            Default::default()
        }
    }
    ///What is left of the caller's published keys.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct KeyStatus {
        ///One-time prekeys that can still be handed out
        pub one_time_left: u32,
        ///When it expires, milliseconds since the Unix epoch
        pub signed_prekey_expires_at: u64,
        ///Id of the published signed prekey
        pub signed_prekey_id: u32,
    }
    impl KeyStatus {
        pub fn builder() -> builder::KeyStatus {
            Default::default()
        }
    }
    ///What can still be done with a license.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    pub enum LicenseState {
        #[serde(rename = "active")]
        Active,
        #[serde(rename = "exhausted")]
        Exhausted,
        #[serde(rename = "revoked")]
        Revoked,
        #[serde(rename = "expired")]
        Expired,
    }
    impl ::std::fmt::Display for LicenseState {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            match *self {
                Self::Active => f.write_str("active"),
                Self::Exhausted => f.write_str("exhausted"),
                Self::Revoked => f.write_str("revoked"),
                Self::Expired => f.write_str("expired"),
            }
        }
    }
    impl ::std::str::FromStr for LicenseState {
        type Err = self::error::ConversionError;
        fn from_str(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            match value {
                "active" => Ok(Self::Active),
                "exhausted" => Ok(Self::Exhausted),
                "revoked" => Ok(Self::Revoked),
                "expired" => Ok(Self::Expired),
                _ => Err("invalid value".into()),
            }
        }
    }
    impl ::std::convert::TryFrom<&str> for LicenseState {
        type Error = self::error::ConversionError;
        fn try_from(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    impl ::std::convert::TryFrom<::std::string::String> for LicenseState {
        type Error = self::error::ConversionError;
        fn try_from(
            value: ::std::string::String,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    ///A license as its sender sees it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct LicenseStatus {
        ///Oblivious mode: the greatest limit that the ciphertext can hold, 15 or 255
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub class: ::std::option::Option<u8>,
        ///Oblivious mode, while it is active: how many plays are left, encrypted; the sender's gate key opens it
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub counter: ::std::option::Option<crate::Base64>,
        ///When it expires, milliseconds since the Unix epoch
        pub expires_at: u64,
        pub mode: PlayMode,
        ///Counted mode: how often it may be played
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub plays: ::std::option::Option<u8>,
        ///The relay's signed receipt for the last play, if there was one. It must not be older than the receipts that the recipient has
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub receipt: ::std::option::Option<crate::Base64>,
        ///How many requests were answered; in oblivious mode this includes decoys and denied plays
        pub requests: u64,
        pub state: LicenseState,
        ///Counted mode: how often it was
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub used: ::std::option::Option<u8>,
    }
    impl LicenseStatus {
        pub fn builder() -> builder::LicenseStatus {
            Default::default()
        }
    }
    ///An envelope together with the license that goes with it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct LimitedRequest {
        ///The sealed envelope, 1 byte to 256 KiB
        pub envelope: crate::Base64,
        ///The message id, chosen by the sender
        pub id: ::uuid::Uuid,
        pub license: NewLicense,
        ///The recipient's user name
        pub to: ::std::string::String,
    }
    impl LimitedRequest {
        pub fn builder() -> builder::LimitedRequest {
            Default::default()
        }
    }
    ///A license to play, for the recipient of the envelope beside it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct NewLicense {
        ///When it expires, milliseconds since the Unix epoch
        pub expires_at: u64,
        ///The license id, 64 lower-case hex digits: the recipient's mailbox id followed by 16 random bytes of the sender
        pub id: ::std::string::String,
        ///SHA-256 of the capability to inspect and revoke, which the sender keeps, 32 bytes
        pub owner_capability_hash: crate::Base64,
        ///SHA-256 of the capability to play, which travels inside the envelope, 32 bytes
        pub play_capability_hash: crate::Base64,
        ///How many times it may be played, 1 to 255
        pub plays: u8,
        ///The relay's half of the content key, 32 bytes
        pub share: crate::Base64,
    }
    impl NewLicense {
        pub fn builder() -> builder::NewLicense {
            Default::default()
        }
    }
    ///A license in oblivious mode, for the recipient of the envelope beside it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct NewObliviousLicense {
        ///The sealed counter, at most 256 bytes: how many times it may be played, encrypted
        pub counter: crate::Base64,
        ///When it expires, milliseconds since the Unix epoch
        pub expires_at: u64,
        ///The gate key under which the relay computes, 32 lower-case hex digits
        pub gate_key: ::std::string::String,
        ///The write capability of that gate key, 32 bytes
        pub gate_key_capability: crate::Base64,
        ///The license id, 64 lower-case hex digits: the recipient's mailbox id followed by 16 random bytes of the sender
        pub id: ::std::string::String,
        ///SHA-256 of the capability to inspect and revoke, which the sender keeps, 32 bytes
        pub owner_capability_hash: crate::Base64,
        ///SHA-256 of the capability to play, which travels inside the envelope, 32 bytes
        pub play_capability_hash: crate::Base64,
        ///The relay's half of the content key, 32 bytes
        pub share: crate::Base64,
    }
    impl NewObliviousLicense {
        pub fn builder() -> builder::NewObliviousLicense {
            Default::default()
        }
    }
    ///One play in oblivious mode.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct ObliviousPlayRequest {
        ///The capability to play, 32 bytes, out of the envelope
        pub capability: crate::Base64,
        ///A fresh id for each play; if the answer was lost, repeat the same request with the same id
        pub play_id: ::uuid::Uuid,
        ///The encrypted request, at most 128 bytes: a play, or a decoy that costs none. Only its maker can tell which
        pub request: crate::Base64,
    }
    impl ObliviousPlayRequest {
        pub fn builder() -> builder::ObliviousPlayRequest {
            Default::default()
        }
    }
    ///An envelope together with the oblivious license that goes with it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct ObliviousRequest {
        ///The sealed envelope, 1 byte to 256 KiB
        pub envelope: crate::Base64,
        ///The message id, chosen by the sender
        pub id: ::uuid::Uuid,
        pub license: NewObliviousLicense,
        ///The recipient's user name
        pub to: ::std::string::String,
    }
    impl ObliviousRequest {
        pub fn builder() -> builder::ObliviousRequest {
            Default::default()
        }
    }
    ///A batch of one-time prekeys under one signature.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct OneTimeBatch {
        ///The keys in the order of the tree, 1600 bytes each
        pub keys: ::std::vec::Vec<crate::Base64>,
        ///The signed bytes: the fields of a signed prekey, with the count and the Merkle root of the keys
        pub payload: crate::Base64,
        ///The identity key's hybrid signature over the payload, 4691 bytes
        pub signature: crate::Base64,
    }
    impl OneTimeBatch {
        pub fn builder() -> builder::OneTimeBatch {
            Default::default()
        }
    }
    ///A one-time prekey with the proof that it belongs to its batch.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct OneTimePreKey {
        ///The key's id within the account
        pub id: u32,
        ///The key, 1600 bytes
        pub key: crate::Base64,
        ///Its Merkle path from the leaf's sibling upwards, 64 bytes each
        pub path: ::std::vec::Vec<crate::Base64>,
        ///The batch's signed bytes
        pub payload: crate::Base64,
        ///The signature over them
        pub signature: crate::Base64,
    }
    impl OneTimePreKey {
        pub fn builder() -> builder::OneTimePreKey {
            Default::default()
        }
    }
    ///How a limit is enforced.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    pub enum PlayMode {
        #[serde(rename = "counted")]
        Counted,
        #[serde(rename = "oblivious")]
        Oblivious,
    }
    impl ::std::fmt::Display for PlayMode {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            match *self {
                Self::Counted => f.write_str("counted"),
                Self::Oblivious => f.write_str("oblivious"),
            }
        }
    }
    impl ::std::str::FromStr for PlayMode {
        type Err = self::error::ConversionError;
        fn from_str(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            match value {
                "counted" => Ok(Self::Counted),
                "oblivious" => Ok(Self::Oblivious),
                _ => Err("invalid value".into()),
            }
        }
    }
    impl ::std::convert::TryFrom<&str> for PlayMode {
        type Error = self::error::ConversionError;
        fn try_from(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    impl ::std::convert::TryFrom<::std::string::String> for PlayMode {
        type Error = self::error::ConversionError;
        fn try_from(
            value: ::std::string::String,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    ///One counted play.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct PlayRequest {
        ///The capability to play, 32 bytes, out of the envelope
        pub capability: crate::Base64,
        ///A fresh id for each play; if the answer was lost, repeat the request with the same id
        pub play_id: ::uuid::Uuid,
    }
    impl PlayRequest {
        pub fn builder() -> builder::PlayRequest {
            Default::default()
        }
    }
    ///A counted play was granted.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Played {
        pub mode: PlayMode,
        ///Which play this is, from 1
        pub play: u8,
        ///How many plays there are in all
        pub plays: u8,
        ///The relay's signed receipt, 4852 bytes; the answer it is about is `play ‖ plays ‖ share`
        pub receipt: crate::Base64,
        ///The relay's half of the content key, 32 bytes
        pub share: crate::Base64,
    }
    impl Played {
        pub fn builder() -> builder::Played {
            Default::default()
        }
    }
    ///The one error body.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Problem {
        ///What to do about it, for a human
        pub action: ::std::string::String,
        pub code: ProblemCode,
        ///What was wrong, for a human
        pub detail: ::std::string::String,
        ///With `slot_used`: the first slot of the pad that is not
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub next_slot: ::std::option::Option<u16>,
        ///Names this answer in the relay's log, 16 lower-case hex digits: tell it to the operator. Also in the header `X-Request-Id` of every answer
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub request_id: ::std::option::Option<::std::string::String>,
        ///Seconds to wait before trying again, when that helps
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub retry_after_seconds: ::std::option::Option<u64>,
        ///The HTTP status, repeated
        pub status: u16,
        ///A short headline, the same for every problem of this code
        pub title: ::std::string::String,
        ///`urn:latchkey:problem:` followed by the code
        #[serde(rename = "type")]
        pub type_: ::std::string::String,
    }
    impl Problem {
        pub fn builder() -> builder::Problem {
            Default::default()
        }
    }
    ///Stable, machine-readable reasons. A client decides by these, never by the status or by the sentence.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    pub enum ProblemCode {
        #[serde(rename = "bad_request")]
        BadRequest,
        #[serde(rename = "bad_name")]
        BadName,
        #[serde(rename = "bad_signature")]
        BadSignature,
        #[serde(rename = "unauthorized")]
        Unauthorized,
        #[serde(rename = "not_found")]
        NotFound,
        #[serde(rename = "no_such_user")]
        NoSuchUser,
        #[serde(rename = "no_such_license")]
        NoSuchLicense,
        #[serde(rename = "no_such_gate_key")]
        NoSuchGateKey,
        #[serde(rename = "bad_gate_key")]
        BadGateKey,
        #[serde(rename = "gate_key_conflict")]
        GateKeyConflict,
        #[serde(rename = "gate_keys_full")]
        GateKeysFull,
        #[serde(rename = "slot_used")]
        SlotUsed,
        #[serde(rename = "name_taken")]
        NameTaken,
        #[serde(rename = "registration_closed")]
        RegistrationClosed,
        #[serde(rename = "invite_required")]
        InviteRequired,
        #[serde(rename = "invite_refused")]
        InviteRefused,
        #[serde(rename = "message_conflict")]
        MessageConflict,
        #[serde(rename = "license_conflict")]
        LicenseConflict,
        #[serde(rename = "play_conflict")]
        PlayConflict,
        #[serde(rename = "stale_incarnation")]
        StaleIncarnation,
        #[serde(rename = "counter_too_far")]
        CounterTooFar,
        #[serde(rename = "stale_key")]
        StaleKey,
        #[serde(rename = "identity_replaced")]
        IdentityReplaced,
        #[serde(rename = "mailbox_full")]
        MailboxFull,
        #[serde(rename = "too_large")]
        TooLarge,
        #[serde(rename = "play_limit_reached")]
        PlayLimitReached,
        #[serde(rename = "license_revoked")]
        LicenseRevoked,
        #[serde(rename = "license_expired")]
        LicenseExpired,
        #[serde(rename = "answer_gone")]
        AnswerGone,
        #[serde(rename = "rate_limited")]
        RateLimited,
        #[serde(rename = "busy")]
        Busy,
        #[serde(rename = "storage_full")]
        StorageFull,
        #[serde(rename = "method_not_allowed")]
        MethodNotAllowed,
        #[serde(rename = "internal")]
        Internal,
    }
    impl ::std::fmt::Display for ProblemCode {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            match *self {
                Self::BadRequest => f.write_str("bad_request"),
                Self::BadName => f.write_str("bad_name"),
                Self::BadSignature => f.write_str("bad_signature"),
                Self::Unauthorized => f.write_str("unauthorized"),
                Self::NotFound => f.write_str("not_found"),
                Self::NoSuchUser => f.write_str("no_such_user"),
                Self::NoSuchLicense => f.write_str("no_such_license"),
                Self::NoSuchGateKey => f.write_str("no_such_gate_key"),
                Self::BadGateKey => f.write_str("bad_gate_key"),
                Self::GateKeyConflict => f.write_str("gate_key_conflict"),
                Self::GateKeysFull => f.write_str("gate_keys_full"),
                Self::SlotUsed => f.write_str("slot_used"),
                Self::NameTaken => f.write_str("name_taken"),
                Self::RegistrationClosed => f.write_str("registration_closed"),
                Self::InviteRequired => f.write_str("invite_required"),
                Self::InviteRefused => f.write_str("invite_refused"),
                Self::MessageConflict => f.write_str("message_conflict"),
                Self::LicenseConflict => f.write_str("license_conflict"),
                Self::PlayConflict => f.write_str("play_conflict"),
                Self::StaleIncarnation => f.write_str("stale_incarnation"),
                Self::CounterTooFar => f.write_str("counter_too_far"),
                Self::StaleKey => f.write_str("stale_key"),
                Self::IdentityReplaced => f.write_str("identity_replaced"),
                Self::MailboxFull => f.write_str("mailbox_full"),
                Self::TooLarge => f.write_str("too_large"),
                Self::PlayLimitReached => f.write_str("play_limit_reached"),
                Self::LicenseRevoked => f.write_str("license_revoked"),
                Self::LicenseExpired => f.write_str("license_expired"),
                Self::AnswerGone => f.write_str("answer_gone"),
                Self::RateLimited => f.write_str("rate_limited"),
                Self::Busy => f.write_str("busy"),
                Self::StorageFull => f.write_str("storage_full"),
                Self::MethodNotAllowed => f.write_str("method_not_allowed"),
                Self::Internal => f.write_str("internal"),
            }
        }
    }
    impl ::std::str::FromStr for ProblemCode {
        type Err = self::error::ConversionError;
        fn from_str(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            match value {
                "bad_request" => Ok(Self::BadRequest),
                "bad_name" => Ok(Self::BadName),
                "bad_signature" => Ok(Self::BadSignature),
                "unauthorized" => Ok(Self::Unauthorized),
                "not_found" => Ok(Self::NotFound),
                "no_such_user" => Ok(Self::NoSuchUser),
                "no_such_license" => Ok(Self::NoSuchLicense),
                "no_such_gate_key" => Ok(Self::NoSuchGateKey),
                "bad_gate_key" => Ok(Self::BadGateKey),
                "gate_key_conflict" => Ok(Self::GateKeyConflict),
                "gate_keys_full" => Ok(Self::GateKeysFull),
                "slot_used" => Ok(Self::SlotUsed),
                "name_taken" => Ok(Self::NameTaken),
                "registration_closed" => Ok(Self::RegistrationClosed),
                "invite_required" => Ok(Self::InviteRequired),
                "invite_refused" => Ok(Self::InviteRefused),
                "message_conflict" => Ok(Self::MessageConflict),
                "license_conflict" => Ok(Self::LicenseConflict),
                "play_conflict" => Ok(Self::PlayConflict),
                "stale_incarnation" => Ok(Self::StaleIncarnation),
                "counter_too_far" => Ok(Self::CounterTooFar),
                "stale_key" => Ok(Self::StaleKey),
                "identity_replaced" => Ok(Self::IdentityReplaced),
                "mailbox_full" => Ok(Self::MailboxFull),
                "too_large" => Ok(Self::TooLarge),
                "play_limit_reached" => Ok(Self::PlayLimitReached),
                "license_revoked" => Ok(Self::LicenseRevoked),
                "license_expired" => Ok(Self::LicenseExpired),
                "answer_gone" => Ok(Self::AnswerGone),
                "rate_limited" => Ok(Self::RateLimited),
                "busy" => Ok(Self::Busy),
                "storage_full" => Ok(Self::StorageFull),
                "method_not_allowed" => Ok(Self::MethodNotAllowed),
                "internal" => Ok(Self::Internal),
                _ => Err("invalid value".into()),
            }
        }
    }
    impl ::std::convert::TryFrom<&str> for ProblemCode {
        type Error = self::error::ConversionError;
        fn try_from(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    impl ::std::convert::TryFrom<::std::string::String> for ProblemCode {
        type Error = self::error::ConversionError;
        fn try_from(
            value: ::std::string::String,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    ///New keys of the caller.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default)]
    pub struct PublishRequest {
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub one_time_batch: ::std::option::Option<OneTimeBatch>,
        ///Drop the one-time prekeys of all earlier batches, because their private halves are lost
        #[serde(default)]
        pub replace_one_time: bool,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub signed_prekey: ::std::option::Option<SignedPreKey>,
    }
    impl PublishRequest {
        pub fn builder() -> builder::PublishRequest {
            Default::default()
        }
    }
    ///A sender that sent too much: `user` or `token_hash` says which.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct RefusedSender {
        ///How many of its sends were refused, at least
        pub times: u64,
        ///SHA-256 of the delivery token that it showed, 64 lower-case hex digits, for `delete_delivery_token`
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub token_hash: ::std::option::Option<::std::string::String>,
        ///The account's name, for `block_account`
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub user: ::std::option::Option<::std::string::String>,
    }
    impl RefusedSender {
        pub fn builder() -> builder::RefusedSender {
            Default::default()
        }
    }
    ///A claim to a name.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct RegisterRequest {
        ///32 random bytes of the client
        pub client_nonce: crate::Base64,
        ///The challenge's expires_at, unchanged
        pub expires_at: u64,
        ///The identity key (Ed25519 and ML-DSA-87 verifying keys), 2624 bytes
        pub identity_key: crate::Base64,
        ///The code of an invitation, 32 hexadecimal digits, for relays whose status says `invite`. The request spends one use of it only if it creates an account
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub invite: ::std::option::Option<crate::Token>,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub one_time_batch: ::std::option::Option<OneTimeBatch>,
        ///The relay's base URL as the client dialled it, `scheme://host[:port]`
        pub origin: ::std::string::String,
        ///The challenge's nonce, 32 bytes
        pub server_nonce: crate::Base64,
        ///The identity key's hybrid signature over the registration claim, which covers the key bundle, 4691 bytes
        pub signature: crate::Base64,
        pub signed_prekey: SignedPreKey,
        ///The name: 1 to 32 characters of a-z, 0-9, `_`, `.` and `-`, beginning with a letter or a digit, without `..`
        pub user: ::std::string::String,
    }
    impl RegisterRequest {
        pub fn builder() -> builder::RegisterRequest {
            Default::default()
        }
    }
    ///An account, signed in.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Registered {
        ///name@relay
        pub address: ::std::string::String,
        ///The identity's fingerprint under this address, 64 lower-case hex digits
        pub fingerprint: ::std::string::String,
        ///Send it as `Authorization: Bearer …`
        pub token: crate::Token,
        ///When the token ends, milliseconds since the Unix epoch
        pub token_expires_at: u64,
    }
    impl Registered {
        pub fn builder() -> builder::Registered {
            Default::default()
        }
    }
    ///Who may register.
    #[derive(
        ::serde::Deserialize,
        ::serde::Serialize,
        Clone,
        Copy,
        Debug,
        Eq,
        Hash,
        Ord,
        PartialEq,
        PartialOrd
    )]
    pub enum Registration {
        #[serde(rename = "open")]
        Open,
        #[serde(rename = "invite")]
        Invite,
        #[serde(rename = "closed")]
        Closed,
    }
    impl ::std::fmt::Display for Registration {
        fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            match *self {
                Self::Open => f.write_str("open"),
                Self::Invite => f.write_str("invite"),
                Self::Closed => f.write_str("closed"),
            }
        }
    }
    impl ::std::str::FromStr for Registration {
        type Err = self::error::ConversionError;
        fn from_str(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            match value {
                "open" => Ok(Self::Open),
                "invite" => Ok(Self::Invite),
                "closed" => Ok(Self::Closed),
                _ => Err("invalid value".into()),
            }
        }
    }
    impl ::std::convert::TryFrom<&str> for Registration {
        type Error = self::error::ConversionError;
        fn try_from(
            value: &str,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    impl ::std::convert::TryFrom<::std::string::String> for Registration {
        type Error = self::error::ConversionError;
        fn try_from(
            value: ::std::string::String,
        ) -> ::std::result::Result<Self, self::error::ConversionError> {
            value.parse()
        }
    }
    ///The relay's own identity.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct RelayKey {
        ///Its fingerprint, 64 lower-case hex digits. Compare it with the one that was pinned at the first contact
        pub fingerprint: ::std::string::String,
        ///The key that signs play receipts: Ed25519 and ML-DSA-87, 2624 bytes
        pub identity_key: crate::Base64,
    }
    impl RelayKey {
        pub fn builder() -> builder::RelayKey {
            Default::default()
        }
    }
    ///The answer to a request. Only the request's maker can tell whether a play was granted.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Released {
        ///The relay's signed receipt, 4852 bytes; the answer it is about is the release
        pub receipt: crate::Base64,
        ///An encryption of the share, or of nothing, at most 4 KB
        pub release: crate::Base64,
    }
    impl Released {
        pub fn builder() -> builder::Released {
            Default::default()
        }
    }
    ///A session.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Session {
        ///The greatest commit_counter that was ever sent for this account, this request's included; 0 if none. A client whose own is lower was restored from a backup
        pub commit_counter: u64,
        ///When it ends, milliseconds since the Unix epoch
        pub expires_at: u64,
        ///Send it as `Authorization: Bearer …`
        pub token: crate::Token,
    }
    impl Session {
        pub fn builder() -> builder::Session {
            Default::default()
        }
    }
    ///Proof that the caller holds the identity key of the account.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct SignInRequest {
        ///32 random bytes of the client
        pub client_nonce: crate::Base64,
        ///As in `inbox`; here it may be any number below 2^53, however far above the number that the relay has
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub commit_counter: ::std::option::Option<u64>,
        ///The challenge's expires_at, unchanged
        pub expires_at: u64,
        ///The relay's base URL as the client dialled it, `scheme://host[:port]`
        pub origin: ::std::string::String,
        ///The challenge's nonce, 32 bytes
        pub server_nonce: crate::Base64,
        ///The identity key's hybrid signature over the sign-in claim, 4691 bytes
        pub signature: crate::Base64,
        ///The user name
        pub user: ::std::string::String,
    }
    impl SignInRequest {
        pub fn builder() -> builder::SignInRequest {
            Default::default()
        }
    }
    ///A signed prekey as its owner published it.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct SignedPreKey {
        ///The signed bytes: suite, address, fingerprint, id, sequence number, key, times
        pub payload: crate::Base64,
        ///The identity key's hybrid signature over the payload, 4691 bytes
        pub signature: crate::Base64,
    }
    impl SignedPreKey {
        pub fn builder() -> builder::SignedPreKey {
            Default::default()
        }
    }
    ///What the relay tells every client about itself. It has no user names.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Status {
        /**Accounts registered, roughly. This and the following numbers are taken once an hour and rounded at random to a power of two: within a factor of two once there are some
hundreds; 0 stands for few. Absent if the operator shows no numbers*/
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub accounts: ::std::option::Option<u64>,
        /**The hash that the audit log ended with when this hour began, 64 lower-case hex digits; it changes every hour, whatever happened. If you keep it, the operator can show later
that the log was not rewritten (`audit verify --kept`). Absent while the relay has not been able to write its log since its start*/
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub audit_head: ::std::option::Option<::std::string::String>,
        ///Gate keys stored, roughly
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub gate_keys: ::std::option::Option<u64>,
        ///Play licenses that can still be played, roughly
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub licenses_active: ::std::option::Option<u64>,
        ///Envelopes waiting to be fetched, in all mailboxes together, roughly
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub messages_pending: ::std::option::Option<u64>,
        pub registration: Registration,
        ///Fingerprint of the relay's own identity key, 64 lower-case hex digits
        pub relay_key_fingerprint: ::std::string::String,
        ///The relay's name: the part after the @ in addresses here
        pub relay_name: ::std::string::String,
        ///The database engine
        pub storage_engine: ::std::string::String,
        ///The protocol suite it serves
        pub suite: u8,
        ///The relay's clock, milliseconds since the Unix epoch
        pub time: u64,
        ///Version of the relay software
        pub version: ::std::string::String,
    }
    impl Status {
        pub fn builder() -> builder::Status {
            Default::default()
        }
    }
    ///An envelope is stored.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct Stored {
        ///When the relay gives up on delivering it, milliseconds since the Unix epoch
        pub expires_at: u64,
        ///The message id
        pub id: ::uuid::Uuid,
        ///When it was stored, milliseconds since the Unix epoch
        pub stored_at: u64,
    }
    impl Stored {
        pub fn builder() -> builder::Stored {
            Default::default()
        }
    }
    ///Another identity for an account.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct SuccessionRequest {
        ///32 random bytes of the client
        pub client_nonce: crate::Base64,
        ///The challenge's expires_at, unchanged
        pub expires_at: u64,
        ///The new identity key, 2624 bytes
        pub identity_key: crate::Base64,
        #[serde(skip_serializing_if = "::std::option::Option::is_none")]
        pub one_time_batch: ::std::option::Option<OneTimeBatch>,
        ///The relay's base URL as the client dialled it, `scheme://host[:port]`
        pub origin: ::std::string::String,
        ///The challenge's nonce, 32 bytes
        pub server_nonce: crate::Base64,
        ///The new key's hybrid signature over the registration claim, which covers the new key bundle, 4691 bytes: proof that the client holds the new key
        pub signature: crate::Base64,
        pub signed_prekey: SignedPreKey,
        pub statement: SuccessionStatement,
        ///The user name
        pub user: ::std::string::String,
    }
    impl SuccessionRequest {
        pub fn builder() -> builder::SuccessionRequest {
            Default::default()
        }
    }
    ///A statement by which an identity names its successor.
    #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug)]
    pub struct SuccessionStatement {
        ///The old identity key, 2624 bytes
        pub identity_key: crate::Base64,
        ///The signed bytes: suite, address, both fingerprints, counter, time
        pub payload: crate::Base64,
        ///The old key's hybrid signature over them, 4691 bytes
        pub signature: crate::Base64,
    }
    impl SuccessionStatement {
        pub fn builder() -> builder::SuccessionStatement {
            Default::default()
        }
    }
    /// Types for composing complex structures.
    pub mod builder {
        #[derive(Clone, Debug)]
        pub struct Acknowledgement {
            incarnation: ::std::result::Result<::uuid::Uuid, ::std::string::String>,
            sequence: ::std::result::Result<u64, ::std::string::String>,
        }
        impl ::std::default::Default for Acknowledgement {
            fn default() -> Self {
                Self {
                    incarnation: Err("no value supplied for incarnation".to_string()),
                    sequence: Err("no value supplied for sequence".to_string()),
                }
            }
        }
        impl Acknowledgement {
            pub fn incarnation<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::uuid::Uuid>,
                T::Error: ::std::fmt::Display,
            {
                self.incarnation = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for incarnation: {e}")
                    });
                self
            }
            pub fn sequence<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.sequence = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for sequence: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Acknowledgement> for super::Acknowledgement {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Acknowledgement,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    incarnation: value.incarnation?,
                    sequence: value.sequence?,
                })
            }
        }
        impl ::std::convert::From<super::Acknowledgement> for Acknowledgement {
            fn from(value: super::Acknowledgement) -> Self {
                Self {
                    incarnation: Ok(value.incarnation),
                    sequence: Ok(value.sequence),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct BlockRequest {
            user: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for BlockRequest {
            fn default() -> Self {
                Self {
                    user: Err("no value supplied for user".to_string()),
                }
            }
        }
        impl BlockRequest {
            pub fn user<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.user = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for user: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<BlockRequest> for super::BlockRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: BlockRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { user: value.user? })
            }
        }
        impl ::std::convert::From<super::BlockRequest> for BlockRequest {
            fn from(value: super::BlockRequest) -> Self {
                Self { user: Ok(value.user) }
            }
        }
        #[derive(Clone, Debug)]
        pub struct BlockedAccounts {
            blocked: ::std::result::Result<u32, ::std::string::String>,
        }
        impl ::std::default::Default for BlockedAccounts {
            fn default() -> Self {
                Self {
                    blocked: Err("no value supplied for blocked".to_string()),
                }
            }
        }
        impl BlockedAccounts {
            pub fn blocked<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u32>,
                T::Error: ::std::fmt::Display,
            {
                self.blocked = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for blocked: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<BlockedAccounts> for super::BlockedAccounts {
            type Error = super::error::ConversionError;
            fn try_from(
                value: BlockedAccounts,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { blocked: value.blocked? })
            }
        }
        impl ::std::convert::From<super::BlockedAccounts> for BlockedAccounts {
            fn from(value: super::BlockedAccounts) -> Self {
                Self { blocked: Ok(value.blocked) }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Challenge {
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            relay_key_fingerprint: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            relay_name: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            server_nonce: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for Challenge {
            fn default() -> Self {
                Self {
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    relay_key_fingerprint: Err(
                        "no value supplied for relay_key_fingerprint".to_string(),
                    ),
                    relay_name: Err("no value supplied for relay_name".to_string()),
                    server_nonce: Err("no value supplied for server_nonce".to_string()),
                }
            }
        }
        impl Challenge {
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn relay_key_fingerprint<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.relay_key_fingerprint = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for relay_key_fingerprint: {e}"
                        )
                    });
                self
            }
            pub fn relay_name<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.relay_name = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for relay_name: {e}")
                    });
                self
            }
            pub fn server_nonce<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.server_nonce = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for server_nonce: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Challenge> for super::Challenge {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Challenge,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    expires_at: value.expires_at?,
                    relay_key_fingerprint: value.relay_key_fingerprint?,
                    relay_name: value.relay_name?,
                    server_nonce: value.server_nonce?,
                })
            }
        }
        impl ::std::convert::From<super::Challenge> for Challenge {
            fn from(value: super::Challenge) -> Self {
                Self {
                    expires_at: Ok(value.expires_at),
                    relay_key_fingerprint: Ok(value.relay_key_fingerprint),
                    relay_name: Ok(value.relay_name),
                    server_nonce: Ok(value.server_nonce),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct ChallengeRequest {
            user: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for ChallengeRequest {
            fn default() -> Self {
                Self {
                    user: Err("no value supplied for user".to_string()),
                }
            }
        }
        impl ChallengeRequest {
            pub fn user<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.user = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for user: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<ChallengeRequest> for super::ChallengeRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: ChallengeRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { user: value.user? })
            }
        }
        impl ::std::convert::From<super::ChallengeRequest> for ChallengeRequest {
            fn from(value: super::ChallengeRequest) -> Self {
                Self { user: Ok(value.user) }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Cleared {
            deleted: ::std::result::Result<u64, ::std::string::String>,
        }
        impl ::std::default::Default for Cleared {
            fn default() -> Self {
                Self {
                    deleted: Err("no value supplied for deleted".to_string()),
                }
            }
        }
        impl Cleared {
            pub fn deleted<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.deleted = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for deleted: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Cleared> for super::Cleared {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Cleared,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { deleted: value.deleted? })
            }
        }
        impl ::std::convert::From<super::Cleared> for Cleared {
            fn from(value: super::Cleared) -> Self {
                Self { deleted: Ok(value.deleted) }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Delivery {
            envelope: ::std::result::Result<crate::Base64, ::std::string::String>,
            received_at: ::std::result::Result<u64, ::std::string::String>,
            sequence: ::std::result::Result<u64, ::std::string::String>,
        }
        impl ::std::default::Default for Delivery {
            fn default() -> Self {
                Self {
                    envelope: Err("no value supplied for envelope".to_string()),
                    received_at: Err("no value supplied for received_at".to_string()),
                    sequence: Err("no value supplied for sequence".to_string()),
                }
            }
        }
        impl Delivery {
            pub fn envelope<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.envelope = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for envelope: {e}")
                    });
                self
            }
            pub fn received_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.received_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for received_at: {e}")
                    });
                self
            }
            pub fn sequence<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.sequence = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for sequence: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Delivery> for super::Delivery {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Delivery,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    envelope: value.envelope?,
                    received_at: value.received_at?,
                    sequence: value.sequence?,
                })
            }
        }
        impl ::std::convert::From<super::Delivery> for Delivery {
            fn from(value: super::Delivery) -> Self {
                Self {
                    envelope: Ok(value.envelope),
                    received_at: Ok(value.received_at),
                    sequence: Ok(value.sequence),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct DeliveryTokenRequest {
            token_hash: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for DeliveryTokenRequest {
            fn default() -> Self {
                Self {
                    token_hash: Err("no value supplied for token_hash".to_string()),
                }
            }
        }
        impl DeliveryTokenRequest {
            pub fn token_hash<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.token_hash = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for token_hash: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<DeliveryTokenRequest>
        for super::DeliveryTokenRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: DeliveryTokenRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    token_hash: value.token_hash?,
                })
            }
        }
        impl ::std::convert::From<super::DeliveryTokenRequest> for DeliveryTokenRequest {
            fn from(value: super::DeliveryTokenRequest) -> Self {
                Self {
                    token_hash: Ok(value.token_hash),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct DeliveryTokens {
            tokens: ::std::result::Result<u32, ::std::string::String>,
        }
        impl ::std::default::Default for DeliveryTokens {
            fn default() -> Self {
                Self {
                    tokens: Err("no value supplied for tokens".to_string()),
                }
            }
        }
        impl DeliveryTokens {
            pub fn tokens<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u32>,
                T::Error: ::std::fmt::Display,
            {
                self.tokens = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for tokens: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<DeliveryTokens> for super::DeliveryTokens {
            type Error = super::error::ConversionError;
            fn try_from(
                value: DeliveryTokens,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self { tokens: value.tokens? })
            }
        }
        impl ::std::convert::From<super::DeliveryTokens> for DeliveryTokens {
            fn from(value: super::DeliveryTokens) -> Self {
                Self { tokens: Ok(value.tokens) }
            }
        }
        #[derive(Clone, Debug)]
        pub struct GateKeyStatus {
            bytes: ::std::result::Result<u64, ::std::string::String>,
            id: ::std::result::Result<::std::string::String, ::std::string::String>,
            sha256: ::std::result::Result<::std::string::String, ::std::string::String>,
            state: ::std::result::Result<super::GateKeyState, ::std::string::String>,
        }
        impl ::std::default::Default for GateKeyStatus {
            fn default() -> Self {
                Self {
                    bytes: Err("no value supplied for bytes".to_string()),
                    id: Err("no value supplied for id".to_string()),
                    sha256: Err("no value supplied for sha256".to_string()),
                    state: Err("no value supplied for state".to_string()),
                }
            }
        }
        impl GateKeyStatus {
            pub fn bytes<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.bytes = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for bytes: {e}")
                    });
                self
            }
            pub fn id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.id = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for id: {e}"));
                self
            }
            pub fn sha256<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.sha256 = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for sha256: {e}")
                    });
                self
            }
            pub fn state<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::GateKeyState>,
                T::Error: ::std::fmt::Display,
            {
                self.state = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for state: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<GateKeyStatus> for super::GateKeyStatus {
            type Error = super::error::ConversionError;
            fn try_from(
                value: GateKeyStatus,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    bytes: value.bytes?,
                    id: value.id?,
                    sha256: value.sha256?,
                    state: value.state?,
                })
            }
        }
        impl ::std::convert::From<super::GateKeyStatus> for GateKeyStatus {
            fn from(value: super::GateKeyStatus) -> Self {
                Self {
                    bytes: Ok(value.bytes),
                    id: Ok(value.id),
                    sha256: Ok(value.sha256),
                    state: Ok(value.state),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct IdentityHistory {
            address: ::std::result::Result<::std::string::String, ::std::string::String>,
            identity_key: ::std::result::Result<crate::Base64, ::std::string::String>,
            successions: ::std::result::Result<
                ::std::vec::Vec<super::SuccessionStatement>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for IdentityHistory {
            fn default() -> Self {
                Self {
                    address: Err("no value supplied for address".to_string()),
                    identity_key: Err("no value supplied for identity_key".to_string()),
                    successions: Err("no value supplied for successions".to_string()),
                }
            }
        }
        impl IdentityHistory {
            pub fn address<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.address = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for address: {e}")
                    });
                self
            }
            pub fn identity_key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.identity_key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for identity_key: {e}")
                    });
                self
            }
            pub fn successions<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::vec::Vec<super::SuccessionStatement>>,
                T::Error: ::std::fmt::Display,
            {
                self.successions = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for successions: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<IdentityHistory> for super::IdentityHistory {
            type Error = super::error::ConversionError;
            fn try_from(
                value: IdentityHistory,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    address: value.address?,
                    identity_key: value.identity_key?,
                    successions: value.successions?,
                })
            }
        }
        impl ::std::convert::From<super::IdentityHistory> for IdentityHistory {
            fn from(value: super::IdentityHistory) -> Self {
                Self {
                    address: Ok(value.address),
                    identity_key: Ok(value.identity_key),
                    successions: Ok(value.successions),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct InboxPage {
            commit_counter: ::std::result::Result<u64, ::std::string::String>,
            envelopes: ::std::result::Result<
                ::std::vec::Vec<super::Delivery>,
                ::std::string::String,
            >,
            expired_total: ::std::result::Result<u64, ::std::string::String>,
            incarnation: ::std::result::Result<::uuid::Uuid, ::std::string::String>,
            refused_senders: ::std::result::Result<
                ::std::vec::Vec<super::RefusedSender>,
                ::std::string::String,
            >,
            refused_total: ::std::result::Result<u64, ::std::string::String>,
        }
        impl ::std::default::Default for InboxPage {
            fn default() -> Self {
                Self {
                    commit_counter: Err(
                        "no value supplied for commit_counter".to_string(),
                    ),
                    envelopes: Err("no value supplied for envelopes".to_string()),
                    expired_total: Err(
                        "no value supplied for expired_total".to_string(),
                    ),
                    incarnation: Err("no value supplied for incarnation".to_string()),
                    refused_senders: Err(
                        "no value supplied for refused_senders".to_string(),
                    ),
                    refused_total: Err("no value supplied for refused_total".to_string()),
                }
            }
        }
        impl InboxPage {
            pub fn commit_counter<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.commit_counter = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for commit_counter: {e}"
                        )
                    });
                self
            }
            pub fn envelopes<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::vec::Vec<super::Delivery>>,
                T::Error: ::std::fmt::Display,
            {
                self.envelopes = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for envelopes: {e}")
                    });
                self
            }
            pub fn expired_total<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expired_total = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expired_total: {e}")
                    });
                self
            }
            pub fn incarnation<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::uuid::Uuid>,
                T::Error: ::std::fmt::Display,
            {
                self.incarnation = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for incarnation: {e}")
                    });
                self
            }
            pub fn refused_senders<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::vec::Vec<super::RefusedSender>>,
                T::Error: ::std::fmt::Display,
            {
                self.refused_senders = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for refused_senders: {e}"
                        )
                    });
                self
            }
            pub fn refused_total<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.refused_total = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for refused_total: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<InboxPage> for super::InboxPage {
            type Error = super::error::ConversionError;
            fn try_from(
                value: InboxPage,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    commit_counter: value.commit_counter?,
                    envelopes: value.envelopes?,
                    expired_total: value.expired_total?,
                    incarnation: value.incarnation?,
                    refused_senders: value.refused_senders?,
                    refused_total: value.refused_total?,
                })
            }
        }
        impl ::std::convert::From<super::InboxPage> for InboxPage {
            fn from(value: super::InboxPage) -> Self {
                Self {
                    commit_counter: Ok(value.commit_counter),
                    envelopes: Ok(value.envelopes),
                    expired_total: Ok(value.expired_total),
                    incarnation: Ok(value.incarnation),
                    refused_senders: Ok(value.refused_senders),
                    refused_total: Ok(value.refused_total),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct InboxRequest {
            ack: ::std::result::Result<
                ::std::option::Option<super::Acknowledgement>,
                ::std::string::String,
            >,
            commit_counter: ::std::result::Result<
                ::std::option::Option<u64>,
                ::std::string::String,
            >,
            limit: ::std::result::Result<
                ::std::option::Option<u32>,
                ::std::string::String,
            >,
            wait_seconds: ::std::result::Result<
                ::std::option::Option<u32>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for InboxRequest {
            fn default() -> Self {
                Self {
                    ack: Ok(Default::default()),
                    commit_counter: Ok(Default::default()),
                    limit: Ok(Default::default()),
                    wait_seconds: Ok(Default::default()),
                }
            }
        }
        impl InboxRequest {
            pub fn ack<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<
                    ::std::option::Option<super::Acknowledgement>,
                >,
                T::Error: ::std::fmt::Display,
            {
                self.ack = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for ack: {e}")
                    });
                self
            }
            pub fn commit_counter<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u64>>,
                T::Error: ::std::fmt::Display,
            {
                self.commit_counter = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for commit_counter: {e}"
                        )
                    });
                self
            }
            pub fn limit<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u32>>,
                T::Error: ::std::fmt::Display,
            {
                self.limit = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for limit: {e}")
                    });
                self
            }
            pub fn wait_seconds<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u32>>,
                T::Error: ::std::fmt::Display,
            {
                self.wait_seconds = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for wait_seconds: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<InboxRequest> for super::InboxRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: InboxRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    ack: value.ack?,
                    commit_counter: value.commit_counter?,
                    limit: value.limit?,
                    wait_seconds: value.wait_seconds?,
                })
            }
        }
        impl ::std::convert::From<super::InboxRequest> for InboxRequest {
            fn from(value: super::InboxRequest) -> Self {
                Self {
                    ack: Ok(value.ack),
                    commit_counter: Ok(value.commit_counter),
                    limit: Ok(value.limit),
                    wait_seconds: Ok(value.wait_seconds),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct KeyBundle {
            address: ::std::result::Result<::std::string::String, ::std::string::String>,
            identity_key: ::std::result::Result<crate::Base64, ::std::string::String>,
            one_time: ::std::result::Result<
                ::std::option::Option<super::OneTimePreKey>,
                ::std::string::String,
            >,
            signed_prekey: ::std::result::Result<
                super::SignedPreKey,
                ::std::string::String,
            >,
            successions: ::std::result::Result<
                ::std::vec::Vec<super::SuccessionStatement>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for KeyBundle {
            fn default() -> Self {
                Self {
                    address: Err("no value supplied for address".to_string()),
                    identity_key: Err("no value supplied for identity_key".to_string()),
                    one_time: Ok(Default::default()),
                    signed_prekey: Err(
                        "no value supplied for signed_prekey".to_string(),
                    ),
                    successions: Ok(Default::default()),
                }
            }
        }
        impl KeyBundle {
            pub fn address<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.address = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for address: {e}")
                    });
                self
            }
            pub fn identity_key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.identity_key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for identity_key: {e}")
                    });
                self
            }
            pub fn one_time<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<super::OneTimePreKey>>,
                T::Error: ::std::fmt::Display,
            {
                self.one_time = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for one_time: {e}")
                    });
                self
            }
            pub fn signed_prekey<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::SignedPreKey>,
                T::Error: ::std::fmt::Display,
            {
                self.signed_prekey = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signed_prekey: {e}")
                    });
                self
            }
            pub fn successions<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::vec::Vec<super::SuccessionStatement>>,
                T::Error: ::std::fmt::Display,
            {
                self.successions = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for successions: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<KeyBundle> for super::KeyBundle {
            type Error = super::error::ConversionError;
            fn try_from(
                value: KeyBundle,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    address: value.address?,
                    identity_key: value.identity_key?,
                    one_time: value.one_time?,
                    signed_prekey: value.signed_prekey?,
                    successions: value.successions?,
                })
            }
        }
        impl ::std::convert::From<super::KeyBundle> for KeyBundle {
            fn from(value: super::KeyBundle) -> Self {
                Self {
                    address: Ok(value.address),
                    identity_key: Ok(value.identity_key),
                    one_time: Ok(value.one_time),
                    signed_prekey: Ok(value.signed_prekey),
                    successions: Ok(value.successions),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct KeyStatus {
            one_time_left: ::std::result::Result<u32, ::std::string::String>,
            signed_prekey_expires_at: ::std::result::Result<u64, ::std::string::String>,
            signed_prekey_id: ::std::result::Result<u32, ::std::string::String>,
        }
        impl ::std::default::Default for KeyStatus {
            fn default() -> Self {
                Self {
                    one_time_left: Err(
                        "no value supplied for one_time_left".to_string(),
                    ),
                    signed_prekey_expires_at: Err(
                        "no value supplied for signed_prekey_expires_at".to_string(),
                    ),
                    signed_prekey_id: Err(
                        "no value supplied for signed_prekey_id".to_string(),
                    ),
                }
            }
        }
        impl KeyStatus {
            pub fn one_time_left<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u32>,
                T::Error: ::std::fmt::Display,
            {
                self.one_time_left = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for one_time_left: {e}")
                    });
                self
            }
            pub fn signed_prekey_expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.signed_prekey_expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for signed_prekey_expires_at: {e}"
                        )
                    });
                self
            }
            pub fn signed_prekey_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u32>,
                T::Error: ::std::fmt::Display,
            {
                self.signed_prekey_id = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for signed_prekey_id: {e}"
                        )
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<KeyStatus> for super::KeyStatus {
            type Error = super::error::ConversionError;
            fn try_from(
                value: KeyStatus,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    one_time_left: value.one_time_left?,
                    signed_prekey_expires_at: value.signed_prekey_expires_at?,
                    signed_prekey_id: value.signed_prekey_id?,
                })
            }
        }
        impl ::std::convert::From<super::KeyStatus> for KeyStatus {
            fn from(value: super::KeyStatus) -> Self {
                Self {
                    one_time_left: Ok(value.one_time_left),
                    signed_prekey_expires_at: Ok(value.signed_prekey_expires_at),
                    signed_prekey_id: Ok(value.signed_prekey_id),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct LicenseStatus {
            class: ::std::result::Result<
                ::std::option::Option<u8>,
                ::std::string::String,
            >,
            counter: ::std::result::Result<
                ::std::option::Option<crate::Base64>,
                ::std::string::String,
            >,
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            mode: ::std::result::Result<super::PlayMode, ::std::string::String>,
            plays: ::std::result::Result<
                ::std::option::Option<u8>,
                ::std::string::String,
            >,
            receipt: ::std::result::Result<
                ::std::option::Option<crate::Base64>,
                ::std::string::String,
            >,
            requests: ::std::result::Result<u64, ::std::string::String>,
            state: ::std::result::Result<super::LicenseState, ::std::string::String>,
            used: ::std::result::Result<
                ::std::option::Option<u8>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for LicenseStatus {
            fn default() -> Self {
                Self {
                    class: Ok(Default::default()),
                    counter: Ok(Default::default()),
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    mode: Err("no value supplied for mode".to_string()),
                    plays: Ok(Default::default()),
                    receipt: Ok(Default::default()),
                    requests: Err("no value supplied for requests".to_string()),
                    state: Err("no value supplied for state".to_string()),
                    used: Ok(Default::default()),
                }
            }
        }
        impl LicenseStatus {
            pub fn class<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u8>>,
                T::Error: ::std::fmt::Display,
            {
                self.class = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for class: {e}")
                    });
                self
            }
            pub fn counter<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<crate::Base64>>,
                T::Error: ::std::fmt::Display,
            {
                self.counter = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for counter: {e}")
                    });
                self
            }
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn mode<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::PlayMode>,
                T::Error: ::std::fmt::Display,
            {
                self.mode = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for mode: {e}")
                    });
                self
            }
            pub fn plays<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u8>>,
                T::Error: ::std::fmt::Display,
            {
                self.plays = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for plays: {e}")
                    });
                self
            }
            pub fn receipt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<crate::Base64>>,
                T::Error: ::std::fmt::Display,
            {
                self.receipt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for receipt: {e}")
                    });
                self
            }
            pub fn requests<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.requests = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for requests: {e}")
                    });
                self
            }
            pub fn state<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::LicenseState>,
                T::Error: ::std::fmt::Display,
            {
                self.state = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for state: {e}")
                    });
                self
            }
            pub fn used<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u8>>,
                T::Error: ::std::fmt::Display,
            {
                self.used = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for used: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<LicenseStatus> for super::LicenseStatus {
            type Error = super::error::ConversionError;
            fn try_from(
                value: LicenseStatus,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    class: value.class?,
                    counter: value.counter?,
                    expires_at: value.expires_at?,
                    mode: value.mode?,
                    plays: value.plays?,
                    receipt: value.receipt?,
                    requests: value.requests?,
                    state: value.state?,
                    used: value.used?,
                })
            }
        }
        impl ::std::convert::From<super::LicenseStatus> for LicenseStatus {
            fn from(value: super::LicenseStatus) -> Self {
                Self {
                    class: Ok(value.class),
                    counter: Ok(value.counter),
                    expires_at: Ok(value.expires_at),
                    mode: Ok(value.mode),
                    plays: Ok(value.plays),
                    receipt: Ok(value.receipt),
                    requests: Ok(value.requests),
                    state: Ok(value.state),
                    used: Ok(value.used),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct LimitedRequest {
            envelope: ::std::result::Result<crate::Base64, ::std::string::String>,
            id: ::std::result::Result<::uuid::Uuid, ::std::string::String>,
            license: ::std::result::Result<super::NewLicense, ::std::string::String>,
            to: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for LimitedRequest {
            fn default() -> Self {
                Self {
                    envelope: Err("no value supplied for envelope".to_string()),
                    id: Err("no value supplied for id".to_string()),
                    license: Err("no value supplied for license".to_string()),
                    to: Err("no value supplied for to".to_string()),
                }
            }
        }
        impl LimitedRequest {
            pub fn envelope<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.envelope = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for envelope: {e}")
                    });
                self
            }
            pub fn id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::uuid::Uuid>,
                T::Error: ::std::fmt::Display,
            {
                self.id = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for id: {e}"));
                self
            }
            pub fn license<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::NewLicense>,
                T::Error: ::std::fmt::Display,
            {
                self.license = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for license: {e}")
                    });
                self
            }
            pub fn to<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.to = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for to: {e}"));
                self
            }
        }
        impl ::std::convert::TryFrom<LimitedRequest> for super::LimitedRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: LimitedRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    envelope: value.envelope?,
                    id: value.id?,
                    license: value.license?,
                    to: value.to?,
                })
            }
        }
        impl ::std::convert::From<super::LimitedRequest> for LimitedRequest {
            fn from(value: super::LimitedRequest) -> Self {
                Self {
                    envelope: Ok(value.envelope),
                    id: Ok(value.id),
                    license: Ok(value.license),
                    to: Ok(value.to),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct NewLicense {
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            id: ::std::result::Result<::std::string::String, ::std::string::String>,
            owner_capability_hash: ::std::result::Result<
                crate::Base64,
                ::std::string::String,
            >,
            play_capability_hash: ::std::result::Result<
                crate::Base64,
                ::std::string::String,
            >,
            plays: ::std::result::Result<u8, ::std::string::String>,
            share: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for NewLicense {
            fn default() -> Self {
                Self {
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    id: Err("no value supplied for id".to_string()),
                    owner_capability_hash: Err(
                        "no value supplied for owner_capability_hash".to_string(),
                    ),
                    play_capability_hash: Err(
                        "no value supplied for play_capability_hash".to_string(),
                    ),
                    plays: Err("no value supplied for plays".to_string()),
                    share: Err("no value supplied for share".to_string()),
                }
            }
        }
        impl NewLicense {
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.id = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for id: {e}"));
                self
            }
            pub fn owner_capability_hash<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.owner_capability_hash = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for owner_capability_hash: {e}"
                        )
                    });
                self
            }
            pub fn play_capability_hash<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.play_capability_hash = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for play_capability_hash: {e}"
                        )
                    });
                self
            }
            pub fn plays<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u8>,
                T::Error: ::std::fmt::Display,
            {
                self.plays = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for plays: {e}")
                    });
                self
            }
            pub fn share<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.share = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for share: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<NewLicense> for super::NewLicense {
            type Error = super::error::ConversionError;
            fn try_from(
                value: NewLicense,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    expires_at: value.expires_at?,
                    id: value.id?,
                    owner_capability_hash: value.owner_capability_hash?,
                    play_capability_hash: value.play_capability_hash?,
                    plays: value.plays?,
                    share: value.share?,
                })
            }
        }
        impl ::std::convert::From<super::NewLicense> for NewLicense {
            fn from(value: super::NewLicense) -> Self {
                Self {
                    expires_at: Ok(value.expires_at),
                    id: Ok(value.id),
                    owner_capability_hash: Ok(value.owner_capability_hash),
                    play_capability_hash: Ok(value.play_capability_hash),
                    plays: Ok(value.plays),
                    share: Ok(value.share),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct NewObliviousLicense {
            counter: ::std::result::Result<crate::Base64, ::std::string::String>,
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            gate_key: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            gate_key_capability: ::std::result::Result<
                crate::Base64,
                ::std::string::String,
            >,
            id: ::std::result::Result<::std::string::String, ::std::string::String>,
            owner_capability_hash: ::std::result::Result<
                crate::Base64,
                ::std::string::String,
            >,
            play_capability_hash: ::std::result::Result<
                crate::Base64,
                ::std::string::String,
            >,
            share: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for NewObliviousLicense {
            fn default() -> Self {
                Self {
                    counter: Err("no value supplied for counter".to_string()),
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    gate_key: Err("no value supplied for gate_key".to_string()),
                    gate_key_capability: Err(
                        "no value supplied for gate_key_capability".to_string(),
                    ),
                    id: Err("no value supplied for id".to_string()),
                    owner_capability_hash: Err(
                        "no value supplied for owner_capability_hash".to_string(),
                    ),
                    play_capability_hash: Err(
                        "no value supplied for play_capability_hash".to_string(),
                    ),
                    share: Err("no value supplied for share".to_string()),
                }
            }
        }
        impl NewObliviousLicense {
            pub fn counter<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.counter = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for counter: {e}")
                    });
                self
            }
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn gate_key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.gate_key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for gate_key: {e}")
                    });
                self
            }
            pub fn gate_key_capability<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.gate_key_capability = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for gate_key_capability: {e}"
                        )
                    });
                self
            }
            pub fn id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.id = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for id: {e}"));
                self
            }
            pub fn owner_capability_hash<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.owner_capability_hash = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for owner_capability_hash: {e}"
                        )
                    });
                self
            }
            pub fn play_capability_hash<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.play_capability_hash = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for play_capability_hash: {e}"
                        )
                    });
                self
            }
            pub fn share<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.share = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for share: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<NewObliviousLicense>
        for super::NewObliviousLicense {
            type Error = super::error::ConversionError;
            fn try_from(
                value: NewObliviousLicense,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    counter: value.counter?,
                    expires_at: value.expires_at?,
                    gate_key: value.gate_key?,
                    gate_key_capability: value.gate_key_capability?,
                    id: value.id?,
                    owner_capability_hash: value.owner_capability_hash?,
                    play_capability_hash: value.play_capability_hash?,
                    share: value.share?,
                })
            }
        }
        impl ::std::convert::From<super::NewObliviousLicense> for NewObliviousLicense {
            fn from(value: super::NewObliviousLicense) -> Self {
                Self {
                    counter: Ok(value.counter),
                    expires_at: Ok(value.expires_at),
                    gate_key: Ok(value.gate_key),
                    gate_key_capability: Ok(value.gate_key_capability),
                    id: Ok(value.id),
                    owner_capability_hash: Ok(value.owner_capability_hash),
                    play_capability_hash: Ok(value.play_capability_hash),
                    share: Ok(value.share),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct ObliviousPlayRequest {
            capability: ::std::result::Result<crate::Base64, ::std::string::String>,
            play_id: ::std::result::Result<::uuid::Uuid, ::std::string::String>,
            request: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for ObliviousPlayRequest {
            fn default() -> Self {
                Self {
                    capability: Err("no value supplied for capability".to_string()),
                    play_id: Err("no value supplied for play_id".to_string()),
                    request: Err("no value supplied for request".to_string()),
                }
            }
        }
        impl ObliviousPlayRequest {
            pub fn capability<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.capability = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for capability: {e}")
                    });
                self
            }
            pub fn play_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::uuid::Uuid>,
                T::Error: ::std::fmt::Display,
            {
                self.play_id = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for play_id: {e}")
                    });
                self
            }
            pub fn request<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.request = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for request: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<ObliviousPlayRequest>
        for super::ObliviousPlayRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: ObliviousPlayRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    capability: value.capability?,
                    play_id: value.play_id?,
                    request: value.request?,
                })
            }
        }
        impl ::std::convert::From<super::ObliviousPlayRequest> for ObliviousPlayRequest {
            fn from(value: super::ObliviousPlayRequest) -> Self {
                Self {
                    capability: Ok(value.capability),
                    play_id: Ok(value.play_id),
                    request: Ok(value.request),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct ObliviousRequest {
            envelope: ::std::result::Result<crate::Base64, ::std::string::String>,
            id: ::std::result::Result<::uuid::Uuid, ::std::string::String>,
            license: ::std::result::Result<
                super::NewObliviousLicense,
                ::std::string::String,
            >,
            to: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for ObliviousRequest {
            fn default() -> Self {
                Self {
                    envelope: Err("no value supplied for envelope".to_string()),
                    id: Err("no value supplied for id".to_string()),
                    license: Err("no value supplied for license".to_string()),
                    to: Err("no value supplied for to".to_string()),
                }
            }
        }
        impl ObliviousRequest {
            pub fn envelope<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.envelope = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for envelope: {e}")
                    });
                self
            }
            pub fn id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::uuid::Uuid>,
                T::Error: ::std::fmt::Display,
            {
                self.id = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for id: {e}"));
                self
            }
            pub fn license<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::NewObliviousLicense>,
                T::Error: ::std::fmt::Display,
            {
                self.license = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for license: {e}")
                    });
                self
            }
            pub fn to<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.to = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for to: {e}"));
                self
            }
        }
        impl ::std::convert::TryFrom<ObliviousRequest> for super::ObliviousRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: ObliviousRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    envelope: value.envelope?,
                    id: value.id?,
                    license: value.license?,
                    to: value.to?,
                })
            }
        }
        impl ::std::convert::From<super::ObliviousRequest> for ObliviousRequest {
            fn from(value: super::ObliviousRequest) -> Self {
                Self {
                    envelope: Ok(value.envelope),
                    id: Ok(value.id),
                    license: Ok(value.license),
                    to: Ok(value.to),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct OneTimeBatch {
            keys: ::std::result::Result<
                ::std::vec::Vec<crate::Base64>,
                ::std::string::String,
            >,
            payload: ::std::result::Result<crate::Base64, ::std::string::String>,
            signature: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for OneTimeBatch {
            fn default() -> Self {
                Self {
                    keys: Err("no value supplied for keys".to_string()),
                    payload: Err("no value supplied for payload".to_string()),
                    signature: Err("no value supplied for signature".to_string()),
                }
            }
        }
        impl OneTimeBatch {
            pub fn keys<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::vec::Vec<crate::Base64>>,
                T::Error: ::std::fmt::Display,
            {
                self.keys = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for keys: {e}")
                    });
                self
            }
            pub fn payload<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.payload = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for payload: {e}")
                    });
                self
            }
            pub fn signature<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.signature = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signature: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<OneTimeBatch> for super::OneTimeBatch {
            type Error = super::error::ConversionError;
            fn try_from(
                value: OneTimeBatch,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    keys: value.keys?,
                    payload: value.payload?,
                    signature: value.signature?,
                })
            }
        }
        impl ::std::convert::From<super::OneTimeBatch> for OneTimeBatch {
            fn from(value: super::OneTimeBatch) -> Self {
                Self {
                    keys: Ok(value.keys),
                    payload: Ok(value.payload),
                    signature: Ok(value.signature),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct OneTimePreKey {
            id: ::std::result::Result<u32, ::std::string::String>,
            key: ::std::result::Result<crate::Base64, ::std::string::String>,
            path: ::std::result::Result<
                ::std::vec::Vec<crate::Base64>,
                ::std::string::String,
            >,
            payload: ::std::result::Result<crate::Base64, ::std::string::String>,
            signature: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for OneTimePreKey {
            fn default() -> Self {
                Self {
                    id: Err("no value supplied for id".to_string()),
                    key: Err("no value supplied for key".to_string()),
                    path: Err("no value supplied for path".to_string()),
                    payload: Err("no value supplied for payload".to_string()),
                    signature: Err("no value supplied for signature".to_string()),
                }
            }
        }
        impl OneTimePreKey {
            pub fn id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u32>,
                T::Error: ::std::fmt::Display,
            {
                self.id = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for id: {e}"));
                self
            }
            pub fn key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for key: {e}")
                    });
                self
            }
            pub fn path<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::vec::Vec<crate::Base64>>,
                T::Error: ::std::fmt::Display,
            {
                self.path = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for path: {e}")
                    });
                self
            }
            pub fn payload<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.payload = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for payload: {e}")
                    });
                self
            }
            pub fn signature<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.signature = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signature: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<OneTimePreKey> for super::OneTimePreKey {
            type Error = super::error::ConversionError;
            fn try_from(
                value: OneTimePreKey,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    id: value.id?,
                    key: value.key?,
                    path: value.path?,
                    payload: value.payload?,
                    signature: value.signature?,
                })
            }
        }
        impl ::std::convert::From<super::OneTimePreKey> for OneTimePreKey {
            fn from(value: super::OneTimePreKey) -> Self {
                Self {
                    id: Ok(value.id),
                    key: Ok(value.key),
                    path: Ok(value.path),
                    payload: Ok(value.payload),
                    signature: Ok(value.signature),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct PlayRequest {
            capability: ::std::result::Result<crate::Base64, ::std::string::String>,
            play_id: ::std::result::Result<::uuid::Uuid, ::std::string::String>,
        }
        impl ::std::default::Default for PlayRequest {
            fn default() -> Self {
                Self {
                    capability: Err("no value supplied for capability".to_string()),
                    play_id: Err("no value supplied for play_id".to_string()),
                }
            }
        }
        impl PlayRequest {
            pub fn capability<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.capability = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for capability: {e}")
                    });
                self
            }
            pub fn play_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::uuid::Uuid>,
                T::Error: ::std::fmt::Display,
            {
                self.play_id = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for play_id: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<PlayRequest> for super::PlayRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: PlayRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    capability: value.capability?,
                    play_id: value.play_id?,
                })
            }
        }
        impl ::std::convert::From<super::PlayRequest> for PlayRequest {
            fn from(value: super::PlayRequest) -> Self {
                Self {
                    capability: Ok(value.capability),
                    play_id: Ok(value.play_id),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Played {
            mode: ::std::result::Result<super::PlayMode, ::std::string::String>,
            play: ::std::result::Result<u8, ::std::string::String>,
            plays: ::std::result::Result<u8, ::std::string::String>,
            receipt: ::std::result::Result<crate::Base64, ::std::string::String>,
            share: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for Played {
            fn default() -> Self {
                Self {
                    mode: Err("no value supplied for mode".to_string()),
                    play: Err("no value supplied for play".to_string()),
                    plays: Err("no value supplied for plays".to_string()),
                    receipt: Err("no value supplied for receipt".to_string()),
                    share: Err("no value supplied for share".to_string()),
                }
            }
        }
        impl Played {
            pub fn mode<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::PlayMode>,
                T::Error: ::std::fmt::Display,
            {
                self.mode = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for mode: {e}")
                    });
                self
            }
            pub fn play<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u8>,
                T::Error: ::std::fmt::Display,
            {
                self.play = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for play: {e}")
                    });
                self
            }
            pub fn plays<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u8>,
                T::Error: ::std::fmt::Display,
            {
                self.plays = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for plays: {e}")
                    });
                self
            }
            pub fn receipt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.receipt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for receipt: {e}")
                    });
                self
            }
            pub fn share<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.share = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for share: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Played> for super::Played {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Played,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    mode: value.mode?,
                    play: value.play?,
                    plays: value.plays?,
                    receipt: value.receipt?,
                    share: value.share?,
                })
            }
        }
        impl ::std::convert::From<super::Played> for Played {
            fn from(value: super::Played) -> Self {
                Self {
                    mode: Ok(value.mode),
                    play: Ok(value.play),
                    plays: Ok(value.plays),
                    receipt: Ok(value.receipt),
                    share: Ok(value.share),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Problem {
            action: ::std::result::Result<::std::string::String, ::std::string::String>,
            code: ::std::result::Result<super::ProblemCode, ::std::string::String>,
            detail: ::std::result::Result<::std::string::String, ::std::string::String>,
            next_slot: ::std::result::Result<
                ::std::option::Option<u16>,
                ::std::string::String,
            >,
            request_id: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            retry_after_seconds: ::std::result::Result<
                ::std::option::Option<u64>,
                ::std::string::String,
            >,
            status: ::std::result::Result<u16, ::std::string::String>,
            title: ::std::result::Result<::std::string::String, ::std::string::String>,
            type_: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for Problem {
            fn default() -> Self {
                Self {
                    action: Err("no value supplied for action".to_string()),
                    code: Err("no value supplied for code".to_string()),
                    detail: Err("no value supplied for detail".to_string()),
                    next_slot: Ok(Default::default()),
                    request_id: Ok(Default::default()),
                    retry_after_seconds: Ok(Default::default()),
                    status: Err("no value supplied for status".to_string()),
                    title: Err("no value supplied for title".to_string()),
                    type_: Err("no value supplied for type_".to_string()),
                }
            }
        }
        impl Problem {
            pub fn action<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.action = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for action: {e}")
                    });
                self
            }
            pub fn code<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::ProblemCode>,
                T::Error: ::std::fmt::Display,
            {
                self.code = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for code: {e}")
                    });
                self
            }
            pub fn detail<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.detail = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for detail: {e}")
                    });
                self
            }
            pub fn next_slot<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u16>>,
                T::Error: ::std::fmt::Display,
            {
                self.next_slot = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for next_slot: {e}")
                    });
                self
            }
            pub fn request_id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.request_id = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for request_id: {e}")
                    });
                self
            }
            pub fn retry_after_seconds<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u64>>,
                T::Error: ::std::fmt::Display,
            {
                self.retry_after_seconds = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for retry_after_seconds: {e}"
                        )
                    });
                self
            }
            pub fn status<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u16>,
                T::Error: ::std::fmt::Display,
            {
                self.status = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for status: {e}")
                    });
                self
            }
            pub fn title<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.title = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for title: {e}")
                    });
                self
            }
            pub fn type_<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.type_ = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for type_: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Problem> for super::Problem {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Problem,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    action: value.action?,
                    code: value.code?,
                    detail: value.detail?,
                    next_slot: value.next_slot?,
                    request_id: value.request_id?,
                    retry_after_seconds: value.retry_after_seconds?,
                    status: value.status?,
                    title: value.title?,
                    type_: value.type_?,
                })
            }
        }
        impl ::std::convert::From<super::Problem> for Problem {
            fn from(value: super::Problem) -> Self {
                Self {
                    action: Ok(value.action),
                    code: Ok(value.code),
                    detail: Ok(value.detail),
                    next_slot: Ok(value.next_slot),
                    request_id: Ok(value.request_id),
                    retry_after_seconds: Ok(value.retry_after_seconds),
                    status: Ok(value.status),
                    title: Ok(value.title),
                    type_: Ok(value.type_),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct PublishRequest {
            one_time_batch: ::std::result::Result<
                ::std::option::Option<super::OneTimeBatch>,
                ::std::string::String,
            >,
            replace_one_time: ::std::result::Result<bool, ::std::string::String>,
            signed_prekey: ::std::result::Result<
                ::std::option::Option<super::SignedPreKey>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for PublishRequest {
            fn default() -> Self {
                Self {
                    one_time_batch: Ok(Default::default()),
                    replace_one_time: Ok(Default::default()),
                    signed_prekey: Ok(Default::default()),
                }
            }
        }
        impl PublishRequest {
            pub fn one_time_batch<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<super::OneTimeBatch>>,
                T::Error: ::std::fmt::Display,
            {
                self.one_time_batch = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for one_time_batch: {e}"
                        )
                    });
                self
            }
            pub fn replace_one_time<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<bool>,
                T::Error: ::std::fmt::Display,
            {
                self.replace_one_time = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for replace_one_time: {e}"
                        )
                    });
                self
            }
            pub fn signed_prekey<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<super::SignedPreKey>>,
                T::Error: ::std::fmt::Display,
            {
                self.signed_prekey = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signed_prekey: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<PublishRequest> for super::PublishRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: PublishRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    one_time_batch: value.one_time_batch?,
                    replace_one_time: value.replace_one_time?,
                    signed_prekey: value.signed_prekey?,
                })
            }
        }
        impl ::std::convert::From<super::PublishRequest> for PublishRequest {
            fn from(value: super::PublishRequest) -> Self {
                Self {
                    one_time_batch: Ok(value.one_time_batch),
                    replace_one_time: Ok(value.replace_one_time),
                    signed_prekey: Ok(value.signed_prekey),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct RefusedSender {
            times: ::std::result::Result<u64, ::std::string::String>,
            token_hash: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            user: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
        }
        impl ::std::default::Default for RefusedSender {
            fn default() -> Self {
                Self {
                    times: Err("no value supplied for times".to_string()),
                    token_hash: Ok(Default::default()),
                    user: Ok(Default::default()),
                }
            }
        }
        impl RefusedSender {
            pub fn times<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.times = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for times: {e}")
                    });
                self
            }
            pub fn token_hash<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.token_hash = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for token_hash: {e}")
                    });
                self
            }
            pub fn user<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.user = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for user: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<RefusedSender> for super::RefusedSender {
            type Error = super::error::ConversionError;
            fn try_from(
                value: RefusedSender,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    times: value.times?,
                    token_hash: value.token_hash?,
                    user: value.user?,
                })
            }
        }
        impl ::std::convert::From<super::RefusedSender> for RefusedSender {
            fn from(value: super::RefusedSender) -> Self {
                Self {
                    times: Ok(value.times),
                    token_hash: Ok(value.token_hash),
                    user: Ok(value.user),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct RegisterRequest {
            client_nonce: ::std::result::Result<crate::Base64, ::std::string::String>,
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            identity_key: ::std::result::Result<crate::Base64, ::std::string::String>,
            invite: ::std::result::Result<
                ::std::option::Option<crate::Token>,
                ::std::string::String,
            >,
            one_time_batch: ::std::result::Result<
                ::std::option::Option<super::OneTimeBatch>,
                ::std::string::String,
            >,
            origin: ::std::result::Result<::std::string::String, ::std::string::String>,
            server_nonce: ::std::result::Result<crate::Base64, ::std::string::String>,
            signature: ::std::result::Result<crate::Base64, ::std::string::String>,
            signed_prekey: ::std::result::Result<
                super::SignedPreKey,
                ::std::string::String,
            >,
            user: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for RegisterRequest {
            fn default() -> Self {
                Self {
                    client_nonce: Err("no value supplied for client_nonce".to_string()),
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    identity_key: Err("no value supplied for identity_key".to_string()),
                    invite: Ok(Default::default()),
                    one_time_batch: Ok(Default::default()),
                    origin: Err("no value supplied for origin".to_string()),
                    server_nonce: Err("no value supplied for server_nonce".to_string()),
                    signature: Err("no value supplied for signature".to_string()),
                    signed_prekey: Err(
                        "no value supplied for signed_prekey".to_string(),
                    ),
                    user: Err("no value supplied for user".to_string()),
                }
            }
        }
        impl RegisterRequest {
            pub fn client_nonce<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.client_nonce = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for client_nonce: {e}")
                    });
                self
            }
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn identity_key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.identity_key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for identity_key: {e}")
                    });
                self
            }
            pub fn invite<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<crate::Token>>,
                T::Error: ::std::fmt::Display,
            {
                self.invite = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for invite: {e}")
                    });
                self
            }
            pub fn one_time_batch<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<super::OneTimeBatch>>,
                T::Error: ::std::fmt::Display,
            {
                self.one_time_batch = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for one_time_batch: {e}"
                        )
                    });
                self
            }
            pub fn origin<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.origin = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for origin: {e}")
                    });
                self
            }
            pub fn server_nonce<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.server_nonce = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for server_nonce: {e}")
                    });
                self
            }
            pub fn signature<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.signature = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signature: {e}")
                    });
                self
            }
            pub fn signed_prekey<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::SignedPreKey>,
                T::Error: ::std::fmt::Display,
            {
                self.signed_prekey = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signed_prekey: {e}")
                    });
                self
            }
            pub fn user<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.user = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for user: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<RegisterRequest> for super::RegisterRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: RegisterRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    client_nonce: value.client_nonce?,
                    expires_at: value.expires_at?,
                    identity_key: value.identity_key?,
                    invite: value.invite?,
                    one_time_batch: value.one_time_batch?,
                    origin: value.origin?,
                    server_nonce: value.server_nonce?,
                    signature: value.signature?,
                    signed_prekey: value.signed_prekey?,
                    user: value.user?,
                })
            }
        }
        impl ::std::convert::From<super::RegisterRequest> for RegisterRequest {
            fn from(value: super::RegisterRequest) -> Self {
                Self {
                    client_nonce: Ok(value.client_nonce),
                    expires_at: Ok(value.expires_at),
                    identity_key: Ok(value.identity_key),
                    invite: Ok(value.invite),
                    one_time_batch: Ok(value.one_time_batch),
                    origin: Ok(value.origin),
                    server_nonce: Ok(value.server_nonce),
                    signature: Ok(value.signature),
                    signed_prekey: Ok(value.signed_prekey),
                    user: Ok(value.user),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Registered {
            address: ::std::result::Result<::std::string::String, ::std::string::String>,
            fingerprint: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            token: ::std::result::Result<crate::Token, ::std::string::String>,
            token_expires_at: ::std::result::Result<u64, ::std::string::String>,
        }
        impl ::std::default::Default for Registered {
            fn default() -> Self {
                Self {
                    address: Err("no value supplied for address".to_string()),
                    fingerprint: Err("no value supplied for fingerprint".to_string()),
                    token: Err("no value supplied for token".to_string()),
                    token_expires_at: Err(
                        "no value supplied for token_expires_at".to_string(),
                    ),
                }
            }
        }
        impl Registered {
            pub fn address<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.address = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for address: {e}")
                    });
                self
            }
            pub fn fingerprint<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.fingerprint = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for fingerprint: {e}")
                    });
                self
            }
            pub fn token<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Token>,
                T::Error: ::std::fmt::Display,
            {
                self.token = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for token: {e}")
                    });
                self
            }
            pub fn token_expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.token_expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for token_expires_at: {e}"
                        )
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Registered> for super::Registered {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Registered,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    address: value.address?,
                    fingerprint: value.fingerprint?,
                    token: value.token?,
                    token_expires_at: value.token_expires_at?,
                })
            }
        }
        impl ::std::convert::From<super::Registered> for Registered {
            fn from(value: super::Registered) -> Self {
                Self {
                    address: Ok(value.address),
                    fingerprint: Ok(value.fingerprint),
                    token: Ok(value.token),
                    token_expires_at: Ok(value.token_expires_at),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct RelayKey {
            fingerprint: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            identity_key: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for RelayKey {
            fn default() -> Self {
                Self {
                    fingerprint: Err("no value supplied for fingerprint".to_string()),
                    identity_key: Err("no value supplied for identity_key".to_string()),
                }
            }
        }
        impl RelayKey {
            pub fn fingerprint<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.fingerprint = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for fingerprint: {e}")
                    });
                self
            }
            pub fn identity_key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.identity_key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for identity_key: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<RelayKey> for super::RelayKey {
            type Error = super::error::ConversionError;
            fn try_from(
                value: RelayKey,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    fingerprint: value.fingerprint?,
                    identity_key: value.identity_key?,
                })
            }
        }
        impl ::std::convert::From<super::RelayKey> for RelayKey {
            fn from(value: super::RelayKey) -> Self {
                Self {
                    fingerprint: Ok(value.fingerprint),
                    identity_key: Ok(value.identity_key),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Released {
            receipt: ::std::result::Result<crate::Base64, ::std::string::String>,
            release: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for Released {
            fn default() -> Self {
                Self {
                    receipt: Err("no value supplied for receipt".to_string()),
                    release: Err("no value supplied for release".to_string()),
                }
            }
        }
        impl Released {
            pub fn receipt<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.receipt = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for receipt: {e}")
                    });
                self
            }
            pub fn release<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.release = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for release: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Released> for super::Released {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Released,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    receipt: value.receipt?,
                    release: value.release?,
                })
            }
        }
        impl ::std::convert::From<super::Released> for Released {
            fn from(value: super::Released) -> Self {
                Self {
                    receipt: Ok(value.receipt),
                    release: Ok(value.release),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Session {
            commit_counter: ::std::result::Result<u64, ::std::string::String>,
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            token: ::std::result::Result<crate::Token, ::std::string::String>,
        }
        impl ::std::default::Default for Session {
            fn default() -> Self {
                Self {
                    commit_counter: Err(
                        "no value supplied for commit_counter".to_string(),
                    ),
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    token: Err("no value supplied for token".to_string()),
                }
            }
        }
        impl Session {
            pub fn commit_counter<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.commit_counter = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for commit_counter: {e}"
                        )
                    });
                self
            }
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn token<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Token>,
                T::Error: ::std::fmt::Display,
            {
                self.token = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for token: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Session> for super::Session {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Session,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    commit_counter: value.commit_counter?,
                    expires_at: value.expires_at?,
                    token: value.token?,
                })
            }
        }
        impl ::std::convert::From<super::Session> for Session {
            fn from(value: super::Session) -> Self {
                Self {
                    commit_counter: Ok(value.commit_counter),
                    expires_at: Ok(value.expires_at),
                    token: Ok(value.token),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct SignInRequest {
            client_nonce: ::std::result::Result<crate::Base64, ::std::string::String>,
            commit_counter: ::std::result::Result<
                ::std::option::Option<u64>,
                ::std::string::String,
            >,
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            origin: ::std::result::Result<::std::string::String, ::std::string::String>,
            server_nonce: ::std::result::Result<crate::Base64, ::std::string::String>,
            signature: ::std::result::Result<crate::Base64, ::std::string::String>,
            user: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for SignInRequest {
            fn default() -> Self {
                Self {
                    client_nonce: Err("no value supplied for client_nonce".to_string()),
                    commit_counter: Ok(Default::default()),
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    origin: Err("no value supplied for origin".to_string()),
                    server_nonce: Err("no value supplied for server_nonce".to_string()),
                    signature: Err("no value supplied for signature".to_string()),
                    user: Err("no value supplied for user".to_string()),
                }
            }
        }
        impl SignInRequest {
            pub fn client_nonce<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.client_nonce = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for client_nonce: {e}")
                    });
                self
            }
            pub fn commit_counter<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u64>>,
                T::Error: ::std::fmt::Display,
            {
                self.commit_counter = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for commit_counter: {e}"
                        )
                    });
                self
            }
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn origin<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.origin = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for origin: {e}")
                    });
                self
            }
            pub fn server_nonce<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.server_nonce = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for server_nonce: {e}")
                    });
                self
            }
            pub fn signature<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.signature = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signature: {e}")
                    });
                self
            }
            pub fn user<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.user = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for user: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<SignInRequest> for super::SignInRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: SignInRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    client_nonce: value.client_nonce?,
                    commit_counter: value.commit_counter?,
                    expires_at: value.expires_at?,
                    origin: value.origin?,
                    server_nonce: value.server_nonce?,
                    signature: value.signature?,
                    user: value.user?,
                })
            }
        }
        impl ::std::convert::From<super::SignInRequest> for SignInRequest {
            fn from(value: super::SignInRequest) -> Self {
                Self {
                    client_nonce: Ok(value.client_nonce),
                    commit_counter: Ok(value.commit_counter),
                    expires_at: Ok(value.expires_at),
                    origin: Ok(value.origin),
                    server_nonce: Ok(value.server_nonce),
                    signature: Ok(value.signature),
                    user: Ok(value.user),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct SignedPreKey {
            payload: ::std::result::Result<crate::Base64, ::std::string::String>,
            signature: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for SignedPreKey {
            fn default() -> Self {
                Self {
                    payload: Err("no value supplied for payload".to_string()),
                    signature: Err("no value supplied for signature".to_string()),
                }
            }
        }
        impl SignedPreKey {
            pub fn payload<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.payload = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for payload: {e}")
                    });
                self
            }
            pub fn signature<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.signature = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signature: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<SignedPreKey> for super::SignedPreKey {
            type Error = super::error::ConversionError;
            fn try_from(
                value: SignedPreKey,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    payload: value.payload?,
                    signature: value.signature?,
                })
            }
        }
        impl ::std::convert::From<super::SignedPreKey> for SignedPreKey {
            fn from(value: super::SignedPreKey) -> Self {
                Self {
                    payload: Ok(value.payload),
                    signature: Ok(value.signature),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Status {
            accounts: ::std::result::Result<
                ::std::option::Option<u64>,
                ::std::string::String,
            >,
            audit_head: ::std::result::Result<
                ::std::option::Option<::std::string::String>,
                ::std::string::String,
            >,
            gate_keys: ::std::result::Result<
                ::std::option::Option<u64>,
                ::std::string::String,
            >,
            licenses_active: ::std::result::Result<
                ::std::option::Option<u64>,
                ::std::string::String,
            >,
            messages_pending: ::std::result::Result<
                ::std::option::Option<u64>,
                ::std::string::String,
            >,
            registration: ::std::result::Result<
                super::Registration,
                ::std::string::String,
            >,
            relay_key_fingerprint: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            relay_name: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            storage_engine: ::std::result::Result<
                ::std::string::String,
                ::std::string::String,
            >,
            suite: ::std::result::Result<u8, ::std::string::String>,
            time: ::std::result::Result<u64, ::std::string::String>,
            version: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for Status {
            fn default() -> Self {
                Self {
                    accounts: Ok(Default::default()),
                    audit_head: Ok(Default::default()),
                    gate_keys: Ok(Default::default()),
                    licenses_active: Ok(Default::default()),
                    messages_pending: Ok(Default::default()),
                    registration: Err("no value supplied for registration".to_string()),
                    relay_key_fingerprint: Err(
                        "no value supplied for relay_key_fingerprint".to_string(),
                    ),
                    relay_name: Err("no value supplied for relay_name".to_string()),
                    storage_engine: Err(
                        "no value supplied for storage_engine".to_string(),
                    ),
                    suite: Err("no value supplied for suite".to_string()),
                    time: Err("no value supplied for time".to_string()),
                    version: Err("no value supplied for version".to_string()),
                }
            }
        }
        impl Status {
            pub fn accounts<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u64>>,
                T::Error: ::std::fmt::Display,
            {
                self.accounts = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for accounts: {e}")
                    });
                self
            }
            pub fn audit_head<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<::std::string::String>>,
                T::Error: ::std::fmt::Display,
            {
                self.audit_head = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for audit_head: {e}")
                    });
                self
            }
            pub fn gate_keys<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u64>>,
                T::Error: ::std::fmt::Display,
            {
                self.gate_keys = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for gate_keys: {e}")
                    });
                self
            }
            pub fn licenses_active<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u64>>,
                T::Error: ::std::fmt::Display,
            {
                self.licenses_active = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for licenses_active: {e}"
                        )
                    });
                self
            }
            pub fn messages_pending<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<u64>>,
                T::Error: ::std::fmt::Display,
            {
                self.messages_pending = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for messages_pending: {e}"
                        )
                    });
                self
            }
            pub fn registration<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::Registration>,
                T::Error: ::std::fmt::Display,
            {
                self.registration = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for registration: {e}")
                    });
                self
            }
            pub fn relay_key_fingerprint<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.relay_key_fingerprint = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for relay_key_fingerprint: {e}"
                        )
                    });
                self
            }
            pub fn relay_name<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.relay_name = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for relay_name: {e}")
                    });
                self
            }
            pub fn storage_engine<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.storage_engine = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for storage_engine: {e}"
                        )
                    });
                self
            }
            pub fn suite<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u8>,
                T::Error: ::std::fmt::Display,
            {
                self.suite = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for suite: {e}")
                    });
                self
            }
            pub fn time<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.time = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for time: {e}")
                    });
                self
            }
            pub fn version<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.version = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for version: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Status> for super::Status {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Status,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    accounts: value.accounts?,
                    audit_head: value.audit_head?,
                    gate_keys: value.gate_keys?,
                    licenses_active: value.licenses_active?,
                    messages_pending: value.messages_pending?,
                    registration: value.registration?,
                    relay_key_fingerprint: value.relay_key_fingerprint?,
                    relay_name: value.relay_name?,
                    storage_engine: value.storage_engine?,
                    suite: value.suite?,
                    time: value.time?,
                    version: value.version?,
                })
            }
        }
        impl ::std::convert::From<super::Status> for Status {
            fn from(value: super::Status) -> Self {
                Self {
                    accounts: Ok(value.accounts),
                    audit_head: Ok(value.audit_head),
                    gate_keys: Ok(value.gate_keys),
                    licenses_active: Ok(value.licenses_active),
                    messages_pending: Ok(value.messages_pending),
                    registration: Ok(value.registration),
                    relay_key_fingerprint: Ok(value.relay_key_fingerprint),
                    relay_name: Ok(value.relay_name),
                    storage_engine: Ok(value.storage_engine),
                    suite: Ok(value.suite),
                    time: Ok(value.time),
                    version: Ok(value.version),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct Stored {
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            id: ::std::result::Result<::uuid::Uuid, ::std::string::String>,
            stored_at: ::std::result::Result<u64, ::std::string::String>,
        }
        impl ::std::default::Default for Stored {
            fn default() -> Self {
                Self {
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    id: Err("no value supplied for id".to_string()),
                    stored_at: Err("no value supplied for stored_at".to_string()),
                }
            }
        }
        impl Stored {
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn id<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::uuid::Uuid>,
                T::Error: ::std::fmt::Display,
            {
                self.id = value
                    .try_into()
                    .map_err(|e| format!("error converting supplied value for id: {e}"));
                self
            }
            pub fn stored_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.stored_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for stored_at: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<Stored> for super::Stored {
            type Error = super::error::ConversionError;
            fn try_from(
                value: Stored,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    expires_at: value.expires_at?,
                    id: value.id?,
                    stored_at: value.stored_at?,
                })
            }
        }
        impl ::std::convert::From<super::Stored> for Stored {
            fn from(value: super::Stored) -> Self {
                Self {
                    expires_at: Ok(value.expires_at),
                    id: Ok(value.id),
                    stored_at: Ok(value.stored_at),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct SuccessionRequest {
            client_nonce: ::std::result::Result<crate::Base64, ::std::string::String>,
            expires_at: ::std::result::Result<u64, ::std::string::String>,
            identity_key: ::std::result::Result<crate::Base64, ::std::string::String>,
            one_time_batch: ::std::result::Result<
                ::std::option::Option<super::OneTimeBatch>,
                ::std::string::String,
            >,
            origin: ::std::result::Result<::std::string::String, ::std::string::String>,
            server_nonce: ::std::result::Result<crate::Base64, ::std::string::String>,
            signature: ::std::result::Result<crate::Base64, ::std::string::String>,
            signed_prekey: ::std::result::Result<
                super::SignedPreKey,
                ::std::string::String,
            >,
            statement: ::std::result::Result<
                super::SuccessionStatement,
                ::std::string::String,
            >,
            user: ::std::result::Result<::std::string::String, ::std::string::String>,
        }
        impl ::std::default::Default for SuccessionRequest {
            fn default() -> Self {
                Self {
                    client_nonce: Err("no value supplied for client_nonce".to_string()),
                    expires_at: Err("no value supplied for expires_at".to_string()),
                    identity_key: Err("no value supplied for identity_key".to_string()),
                    one_time_batch: Ok(Default::default()),
                    origin: Err("no value supplied for origin".to_string()),
                    server_nonce: Err("no value supplied for server_nonce".to_string()),
                    signature: Err("no value supplied for signature".to_string()),
                    signed_prekey: Err(
                        "no value supplied for signed_prekey".to_string(),
                    ),
                    statement: Err("no value supplied for statement".to_string()),
                    user: Err("no value supplied for user".to_string()),
                }
            }
        }
        impl SuccessionRequest {
            pub fn client_nonce<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.client_nonce = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for client_nonce: {e}")
                    });
                self
            }
            pub fn expires_at<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<u64>,
                T::Error: ::std::fmt::Display,
            {
                self.expires_at = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for expires_at: {e}")
                    });
                self
            }
            pub fn identity_key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.identity_key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for identity_key: {e}")
                    });
                self
            }
            pub fn one_time_batch<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::option::Option<super::OneTimeBatch>>,
                T::Error: ::std::fmt::Display,
            {
                self.one_time_batch = value
                    .try_into()
                    .map_err(|e| {
                        format!(
                            "error converting supplied value for one_time_batch: {e}"
                        )
                    });
                self
            }
            pub fn origin<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.origin = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for origin: {e}")
                    });
                self
            }
            pub fn server_nonce<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.server_nonce = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for server_nonce: {e}")
                    });
                self
            }
            pub fn signature<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.signature = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signature: {e}")
                    });
                self
            }
            pub fn signed_prekey<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::SignedPreKey>,
                T::Error: ::std::fmt::Display,
            {
                self.signed_prekey = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signed_prekey: {e}")
                    });
                self
            }
            pub fn statement<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<super::SuccessionStatement>,
                T::Error: ::std::fmt::Display,
            {
                self.statement = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for statement: {e}")
                    });
                self
            }
            pub fn user<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<::std::string::String>,
                T::Error: ::std::fmt::Display,
            {
                self.user = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for user: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<SuccessionRequest> for super::SuccessionRequest {
            type Error = super::error::ConversionError;
            fn try_from(
                value: SuccessionRequest,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    client_nonce: value.client_nonce?,
                    expires_at: value.expires_at?,
                    identity_key: value.identity_key?,
                    one_time_batch: value.one_time_batch?,
                    origin: value.origin?,
                    server_nonce: value.server_nonce?,
                    signature: value.signature?,
                    signed_prekey: value.signed_prekey?,
                    statement: value.statement?,
                    user: value.user?,
                })
            }
        }
        impl ::std::convert::From<super::SuccessionRequest> for SuccessionRequest {
            fn from(value: super::SuccessionRequest) -> Self {
                Self {
                    client_nonce: Ok(value.client_nonce),
                    expires_at: Ok(value.expires_at),
                    identity_key: Ok(value.identity_key),
                    one_time_batch: Ok(value.one_time_batch),
                    origin: Ok(value.origin),
                    server_nonce: Ok(value.server_nonce),
                    signature: Ok(value.signature),
                    signed_prekey: Ok(value.signed_prekey),
                    statement: Ok(value.statement),
                    user: Ok(value.user),
                }
            }
        }
        #[derive(Clone, Debug)]
        pub struct SuccessionStatement {
            identity_key: ::std::result::Result<crate::Base64, ::std::string::String>,
            payload: ::std::result::Result<crate::Base64, ::std::string::String>,
            signature: ::std::result::Result<crate::Base64, ::std::string::String>,
        }
        impl ::std::default::Default for SuccessionStatement {
            fn default() -> Self {
                Self {
                    identity_key: Err("no value supplied for identity_key".to_string()),
                    payload: Err("no value supplied for payload".to_string()),
                    signature: Err("no value supplied for signature".to_string()),
                }
            }
        }
        impl SuccessionStatement {
            pub fn identity_key<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.identity_key = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for identity_key: {e}")
                    });
                self
            }
            pub fn payload<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.payload = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for payload: {e}")
                    });
                self
            }
            pub fn signature<T>(mut self, value: T) -> Self
            where
                T: ::std::convert::TryInto<crate::Base64>,
                T::Error: ::std::fmt::Display,
            {
                self.signature = value
                    .try_into()
                    .map_err(|e| {
                        format!("error converting supplied value for signature: {e}")
                    });
                self
            }
        }
        impl ::std::convert::TryFrom<SuccessionStatement>
        for super::SuccessionStatement {
            type Error = super::error::ConversionError;
            fn try_from(
                value: SuccessionStatement,
            ) -> ::std::result::Result<Self, super::error::ConversionError> {
                Ok(Self {
                    identity_key: value.identity_key?,
                    payload: value.payload?,
                    signature: value.signature?,
                })
            }
        }
        impl ::std::convert::From<super::SuccessionStatement> for SuccessionStatement {
            fn from(value: super::SuccessionStatement) -> Self {
                Self {
                    identity_key: Ok(value.identity_key),
                    payload: Ok(value.payload),
                    signature: Ok(value.signature),
                }
            }
        }
    }
    /// Error types.
    pub mod error {
        /// Error from a `TryFrom` or `FromStr` implementation.
        pub struct ConversionError(::std::borrow::Cow<'static, str>);
        impl ::std::error::Error for ConversionError {}
        impl ::std::fmt::Display for ConversionError {
            fn fmt(
                &self,
                f: &mut ::std::fmt::Formatter<'_>,
            ) -> Result<(), ::std::fmt::Error> {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
        impl ::std::fmt::Debug for ConversionError {
            fn fmt(
                &self,
                f: &mut ::std::fmt::Formatter<'_>,
            ) -> Result<(), ::std::fmt::Error> {
                ::std::fmt::Debug::fmt(&self.0, f)
            }
        }
        impl From<&'static str> for ConversionError {
            fn from(value: &'static str) -> Self {
                Self(value.into())
            }
        }
        impl From<String> for ConversionError {
            fn from(value: String) -> Self {
                Self(value.into())
            }
        }
    }
}
#[derive(Clone, Debug)]
/**Client for Latchkey relay

A relay for Latchkey, a post-quantum end-to-end encrypted chat. It stores sealed envelopes until they are acknowledged, and releases the shares of play-limited messages. It cannot read either.

**Conventions.** Time is milliseconds since the Unix epoch. Binary is standard base64 with padding in JSON, and lower-case hex or a UUID in paths. Every error is one `Problem`; a client decides by its `code`. Every operation that changes something can be repeated with the same ids: a lost answer loses nothing and costs nothing.

**Trying it out.** `latchkey token` prints a bearer token for "Authorize", or for `curl -H "Authorization: Bearer …"`, and says when it expires. The token is that of the client's own session: using it signs nothing out, but `DELETE /v1/session` signs the client out too. If the relay has an account `alice` and you are signed in as it, the relay accepts the examples as they are, with two exceptions. `register`, `sign_in`, `publish_key` and `succeed` need signatures that a program makes, and operations on gate keys and oblivious messages need keys of your own; their examples show only the form. Where a body is bytes, choose any small file. An example's envelope is a line of text that no client can open: a client that fetches it reports a message that it cannot read.

Version: 0.1.0*/
pub struct Client {
    pub(crate) baseurl: String,
    pub(crate) client: reqwest::Client,
    pub(crate) inner: crate::Session,
}
impl Client {
    /// Create a new client.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new(baseurl: &str, inner: crate::Session) -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        let client = {
            let dur = ::std::time::Duration::from_secs(15u64);
            reqwest::ClientBuilder::new().connect_timeout(dur).timeout(dur)
        };
        #[cfg(target_arch = "wasm32")]
        let client = reqwest::ClientBuilder::new();
        Self::new_with_client(baseurl, client.build().unwrap(), inner)
    }
    /// Construct a new client with an existing `reqwest::Client`,
    /// allowing more control over its configuration.
    ///
    /// `baseurl` is the base URL provided to the internal
    /// `reqwest::Client`, and should include a scheme and hostname,
    /// as well as port and a path stem if applicable.
    pub fn new_with_client(
        baseurl: &str,
        client: reqwest::Client,
        inner: crate::Session,
    ) -> Self {
        Self {
            baseurl: baseurl.to_string(),
            client,
            inner,
        }
    }
}
impl ClientInfo<crate::Session> for Client {
    fn api_version() -> &'static str {
        "0.1.0"
    }
    fn baseurl(&self) -> &str {
        self.baseurl.as_str()
    }
    fn client(&self) -> &reqwest::Client {
        &self.client
    }
    fn inner(&self) -> &crate::Session {
        &self.inner
    }
}
const _: () = {
    #[allow(dead_code)]
    fn assert_client_hooks()
    where
        Client: ClientHooks<crate::Session>,
    {}
};
impl Client {
    /**Ask for a nonce to sign

The first step of `register`, `sign_in` and `succeed`. The answer is the same whether the user exists or not.

Sends a `POST` request to `/v1/session/challenge`

```text
let response = client.challenge()
    .body(body)
    .send()
    .await;
```*/
    pub fn challenge(&self) -> builder::Challenge<'_> {
        builder::Challenge::new(self)
    }
    /**Sign in

An account has one session: signing in ends the earlier one. An unknown user, a wrong signature and a used or expired nonce get the same
answer.

Sends a `POST` request to `/v1/session`

```text
let response = client.sign_in()
    .body(body)
    .send()
    .await;
```*/
    pub fn sign_in(&self) -> builder::SignIn<'_> {
        builder::SignIn::new(self)
    }
    /**Sign out

The token is invalid from now on, and waiting calls of `inbox` end.

Sends a `DELETE` request to `/v1/session`

```text
let response = client.sign_out()
    .send()
    .await;
```*/
    pub fn sign_out(&self) -> builder::SignOut<'_> {
        builder::SignOut::new(self)
    }
    /**Claim a name

Proves possession of the identity key, publishes the first keys and signs in, all in one. Repeating it with the same identity key
succeeds again, so a lost answer loses nothing. Another identity key is refused with `name_taken`, also after the account was removed, unless the
operator has released the name.

Sends a `POST` request to `/v1/accounts`

```text
let response = client.register()
    .body(body)
    .send()
    .await;
```*/
    pub fn register(&self) -> builder::Register<'_> {
        builder::Register::new(self)
    }
    /**Count the caller's keys

Tells a client whether it has to publish new ones.

Sends a `GET` request to `/v1/keys`

```text
let response = client.key_status()
    .send()
    .await;
```*/
    pub fn key_status(&self) -> builder::KeyStatus<'_> {
        builder::KeyStatus::new(self)
    }
    /**Publish keys

Publishes a new signed prekey, a batch of one-time prekeys, or both. The relay checks the signatures too. Publishing the same again changes nothing.

Sends a `PUT` request to `/v1/keys`

```text
let response = client.publish_key()
    .body(body)
    .send()
    .await;
```*/
    pub fn publish_key(&self) -> builder::PublishKey<'_> {
        builder::PublishKey::new(self)
    }
    /**Fetch a user's key bundle

Consumes at most one of the user's one-time prekeys. An account that fetches the same user's bundle again and again gets bundles without one.

Sends a `GET` request to `/v1/keys/{user}`

Arguments:
- `user`: The user name, without the @ and the relay
```text
let response = client.fetch_key()
    .user(user)
    .send()
    .await;
```*/
    pub fn fetch_key(&self) -> builder::FetchKey<'_> {
        builder::FetchKey::new(self)
    }
    /**Replace the account's identity key

Needs both a statement by the present key that names the new one, and a registration claim by the new key over a challenge. In one step the
account gets the new identity and its prekeys, and loses every session, delivery token and prekey of the old one. Waiting mail stays.
Repeating it succeeds again, so a lost answer loses nothing. If the account has neither of the two identities, the request is refused with `identity_replaced`.

Sends a `POST` request to `/v1/accounts/succession`

```text
let response = client.succeed()
    .body(body)
    .send()
    .await;
```*/
    pub fn succeed(&self) -> builder::Succeed<'_> {
        builder::Succeed::new(self)
    }
    /**Fetch a user's identity and how it changed

For contacts that see another identity than the one they know. Consumes no prekey.

Sends a `GET` request to `/v1/keys/{user}/identity`

Arguments:
- `user`: The user name, without the @ and the relay
```text
let response = client.fetch_identity()
    .user(user)
    .send()
    .await;
```*/
    pub fn fetch_identity(&self) -> builder::FetchIdentity<'_> {
        builder::FetchIdentity::new(self)
    }
    /**Send an envelope

A 200 means that the envelope is on disk and survives a crash of the relay. Repeating the send with the same id and the same bytes
succeeds again (for 30 days); with other bytes it is `message_conflict`.

With a delivery token of the recipient no account is involved, and the relay ignores a bearer token beside it. An unknown token, a deleted
one and an unknown recipient get the same answer: `unauthorized`. A token allows 64 sends at once and 4 a second after that (`rate_limited`).

All accounts without a delivery token share one part of the mailbox, and each gets a small share of it, counted by time. If either is used up, or if the recipient
blocked the account, the answer is `rate_limited`: nothing was stored, and the same message may be sent again later.

Sends a `POST` request to `/v1/messages`

Arguments:
- `id`: The message id, chosen by the sender
- `to`: The recipient's user name
- `latchkey_delivery_token`: A delivery token of the recipient, 32 bytes as standard base64, instead of a session
- `body`: The sealed envelope, 1 byte to 256 KiB
```text
let response = client.send()
    .id(id)
    .to(to)
    .latchkey_delivery_token(latchkey_delivery_token)
    .body(body)
    .send()
    .await;
```*/
    pub fn send(&self) -> builder::Send<'_> {
        builder::Send::new(self)
    }
    /**Send an envelope with a play license

A 200 means that the envelope and the license are both stored; after a refusal neither is. If a license with this id and the same parameters exists, it stays as it is,
played or not; with other parameters the send is `license_conflict`, and nothing is stored. Delivery tokens work as in `send`.

Sends a `POST` request to `/v1/messages/limited`

Arguments:
- `latchkey_delivery_token`: A delivery token of the recipient, 32 bytes as standard base64, instead of a session
- `body`
```text
let response = client.send_limited()
    .latchkey_delivery_token(latchkey_delivery_token)
    .body(body)
    .send()
    .await;
```*/
    pub fn send_limited(&self) -> builder::SendLimited<'_> {
        builder::SendLimited::new(self)
    }
    /**Send an envelope with an oblivious play license

Like `send_limited`, but the relay gets the limit as a ciphertext under a gate key that was uploaded with `put_gate_key`, and does not learn it. An unknown gate key, a deleted one and a
wrong write capability get the same answer: `no_such_gate_key`. The gate key belongs to an account, so this names the sender to the relay even if a
delivery token is used.

Sends a `POST` request to `/v1/messages/oblivious`

Arguments:
- `latchkey_delivery_token`: A delivery token of the recipient, 32 bytes as standard base64, instead of a session
- `body`
```text
let response = client.send_oblivious()
    .latchkey_delivery_token(latchkey_delivery_token)
    .body(body)
    .send()
    .await;
```*/
    pub fn send_oblivious(&self) -> builder::SendOblivious<'_> {
        builder::SendOblivious::new(self)
    }
    /**Acknowledge, then fetch

Deletes what is acknowledged, then answers with what follows. If there is nothing, it waits up to `wait_seconds`. Envelopes come again until
they are acknowledged: store them first. An acknowledgement of an earlier incarnation is `stale_incarnation` and deletes nothing.

Sends a `POST` request to `/v1/inbox`

```text
let response = client.inbox()
    .body(body)
    .send()
    .await;
```*/
    pub fn inbox(&self) -> builder::Inbox<'_> {
        builder::Inbox::new(self)
    }
    /**Delete all waiting envelopes

The mailbox gets a new incarnation. The senders are not told.

Sends a `DELETE` request to `/v1/inbox`

```text
let response = client.clear_inbox()
    .send()
    .await;
```*/
    pub fn clear_inbox(&self) -> builder::ClearInbox<'_> {
        builder::ClearInbox::new(self)
    }
    /**Register a delivery token

From now on a client that shows the token may `send`, `send_limited` and `send_oblivious` to this mailbox without an account. Make a token for one contact, and give it to
that contact inside a message: then the requests of `send` and `send_limited` do not name the sender. Registering it again succeeds again.

Sends a `PUT` request to `/v1/delivery-tokens`

```text
let response = client.put_delivery_token()
    .body(body)
    .send()
    .await;
```*/
    pub fn put_delivery_token(&self) -> builder::PutDeliveryToken<'_> {
        builder::PutDeliveryToken::new(self)
    }
    /**Delete a delivery token

From now on sends with the token are refused. If no token has this hash, the answer is the same.

Sends a `DELETE` request to `/v1/delivery-tokens/{hash}`

Arguments:
- `hash`: SHA-256 of the token, 64 lower-case hex digits
```text
let response = client.delete_delivery_token()
    .hash(hash)
    .send()
    .await;
```*/
    pub fn delete_delivery_token(&self) -> builder::DeleteDeliveryToken<'_> {
        builder::DeleteDeliveryToken::new(self)
    }
    /**Block an account

From now on what the account sends to this mailbox is refused, with the same answer as if it had sent too much. If the contact holds a delivery token,
delete that too (`delete_delivery_token`). Blocking an account again succeeds again.

Sends a `PUT` request to `/v1/blocked-accounts`

```text
let response = client.block_account()
    .body(body)
    .send()
    .await;
```*/
    pub fn block_account(&self) -> builder::BlockAccount<'_> {
        builder::BlockAccount::new(self)
    }
    /**Unblock an account

If the account is not blocked, the answer is the same.

Sends a `DELETE` request to `/v1/blocked-accounts/{user}`

Arguments:
- `user`: Its user name
```text
let response = client.unblock_account()
    .user(user)
    .send()
    .await;
```*/
    pub fn unblock_account(&self) -> builder::UnblockAccount<'_> {
        builder::UnblockAccount::new(self)
    }
    /**Play once, counted

The relay counts before it answers. Repeating the request with the same play id costs nothing and gives the same answer, for ten minutes or until
`confirm_play`; after that it is `answer_gone`. An unknown license and a wrong capability get the same answer: `no_such_license`.

Sends a `POST` request to `/v1/licenses/{id}/plays`

Arguments:
- `id`: The license id, 64 lower-case hex digits
- `body`
```text
let response = client.play()
    .id(id)
    .body(body)
    .send()
    .await;
```*/
    pub fn play(&self) -> builder::Play<'_> {
        builder::Play::new(self)
    }
    /**Play once, obliviously

The relay computes the answer on ciphertexts, stores the new counter, and then answers. It learns only that a request came. Repeating a request with the
same play id and the same bytes costs nothing and gives the same bytes, for ten minutes or until `confirm_play`; after that it is
`answer_gone`. Another request under the same play id is `play_conflict`, and a used slot of the pad is `slot_used`; both change nothing. An
answer takes a few hundred milliseconds, or seconds if the gate key has to be loaded; if too many requests wait, it is `busy`. A license answers 4096
requests, then it is `play_limit_reached`.

Sends a `POST` request to `/v1/licenses/{id}/oblivious-plays`

Arguments:
- `id`: The license id, 64 lower-case hex digits
- `body`
```text
let response = client.play_oblivious()
    .id(id)
    .body(body)
    .send()
    .await;
```*/
    pub fn play_oblivious(&self) -> builder::PlayOblivious<'_> {
        builder::PlayOblivious::new(self)
    }
    /**Confirm that a play's answer arrived

For both modes. The relay erases the stored answer; from now on the play id answers `answer_gone`. Confirming twice succeeds too.

Sends a `DELETE` request to `/v1/licenses/{id}/plays/{play_id}`

Arguments:
- `id`: The license id, 64 lower-case hex digits
- `play_id`: The play's id
- `latchkey_capability`: The capability to play, standard base64
```text
let response = client.confirm_play()
    .id(id)
    .play_id(play_id)
    .latchkey_capability(latchkey_capability)
    .send()
    .await;
```*/
    pub fn confirm_play(&self) -> builder::ConfirmPlay<'_> {
        builder::ConfirmPlay::new(self)
    }
    /**Look up a license

For the holder of the owner's capability, which is the sender: what the relay enforces, and what is left, as far as the mode lets the relay know it.

Sends a `GET` request to `/v1/licenses/{id}`

Arguments:
- `id`: The license id, 64 lower-case hex digits
- `latchkey_capability`: The capability of the owner, standard base64
```text
let response = client.license()
    .id(id)
    .latchkey_capability(latchkey_capability)
    .send()
    .await;
```*/
    pub fn license(&self) -> builder::License<'_> {
        builder::License::new(self)
    }
    /**Revoke a license

At once and for good: the relay destroys the share, an encrypted counter and every stored answer. Revoking twice succeeds too.

Sends a `DELETE` request to `/v1/licenses/{id}`

Arguments:
- `id`: The license id, 64 lower-case hex digits
- `latchkey_capability`: The capability of the owner, standard base64
```text
let response = client.revoke()
    .id(id)
    .latchkey_capability(latchkey_capability)
    .send()
    .await;
```*/
    pub fn revoke(&self) -> builder::Revoke<'_> {
        builder::Revoke::new(self)
    }
    /**Look up a gate key

For the key's owner. Another account's key is `no_such_gate_key`. So is a key whose bytes the relay has lost: upload it again.

Sends a `GET` request to `/v1/gate-keys/{id}`

Arguments:
- `id`: The key's id, 32 lower-case hex digits
```text
let response = client.gate_key_status()
    .id(id)
    .send()
    .await;
```*/
    pub fn gate_key_status(&self) -> builder::GateKeyStatus<'_> {
        builder::GateKeyStatus::new(self)
    }
    /**Upload a gate key

The body is a sender's evaluation key, about 23 MB, streamed. A 200 means that the relay has checked it and that it is on disk. Repeating the upload with the same bytes
succeeds again; other bytes under the same id are `gate_key_conflict`, unless the relay has lost the first ones. Bytes that are no key are `bad_gate_key`, and
the relay keeps nothing of them. An account uploads one key at a time (`busy`), and may have a few (`gate_keys_full`). There is no download.

Sends a `PUT` request to `/v1/gate-keys/{id}`

Arguments:
- `id`: The key's id, 32 lower-case hex digits: 16 random bytes of the sender
- `latchkey_capability_hash`: SHA-256 of the write capability, 32 bytes as standard base64: a client that knows the capability can attach licenses to this key
- `body`: The evaluation key, at most 31.1 MB
```text
let response = client.put_gate_key()
    .id(id)
    .latchkey_capability_hash(latchkey_capability_hash)
    .body(body)
    .send()
    .await;
```*/
    pub fn put_gate_key(&self) -> builder::PutGateKey<'_> {
        builder::PutGateKey::new(self)
    }
    /**Delete a gate key

The key takes no new licenses from now on. Its licenses can still be played; the relay removes the key when the last of them ends, or at once if there is none.

Sends a `DELETE` request to `/v1/gate-keys/{id}`

Arguments:
- `id`: The key's id, 32 lower-case hex digits
```text
let response = client.delete_gate_key()
    .id(id)
    .send()
    .await;
```*/
    pub fn delete_gate_key(&self) -> builder::DeleteGateKey<'_> {
        builder::DeleteGateKey::new(self)
    }
    /**The relay's identity and rough numbers

The numbers are rough and up to an hour old, so that they do not reveal others' sends and fetches. There are no user names in it.

Sends a `GET` request to `/v1/status`

```text
let response = client.status()
    .send()
    .await;
```*/
    pub fn status(&self) -> builder::Status<'_> {
        builder::Status::new(self)
    }
    /**The relay's own key

Clients check play receipts with it.

Sends a `GET` request to `/v1/relay-key`

```text
let response = client.relay_key()
    .send()
    .await;
```*/
    pub fn relay_key(&self) -> builder::RelayKey<'_> {
        builder::RelayKey::new(self)
    }
}
/// Types for composing operation parameters.
#[allow(clippy::all)]
pub mod builder {
    use super::types;
    #[allow(unused_imports)]
    use super::{
        encode_path, ByteStream, ClientInfo, ClientHooks, Error, OperationInfo,
        RequestBuilderExt, ResponseValue,
    };
    /**Builder for [`Client::challenge`]

[`Client::challenge`]: super::Client::challenge*/
    #[derive(Debug, Clone)]
    pub struct Challenge<'a> {
        client: &'a super::Client,
        body: Result<types::builder::ChallengeRequest, String>,
    }
    impl<'a> Challenge<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::ChallengeRequest>,
            <V as std::convert::TryInto<
                types::ChallengeRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `ChallengeRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::ChallengeRequest,
            ) -> types::builder::ChallengeRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/session/challenge`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Challenge>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::ChallengeRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/session/challenge", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "challenge",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::sign_in`]

[`Client::sign_in`]: super::Client::sign_in*/
    #[derive(Debug, Clone)]
    pub struct SignIn<'a> {
        client: &'a super::Client,
        body: Result<types::builder::SignInRequest, String>,
    }
    impl<'a> SignIn<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::SignInRequest>,
            <V as std::convert::TryInto<types::SignInRequest>>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `SignInRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::SignInRequest,
            ) -> types::builder::SignInRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/session`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Session>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::SignInRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/session", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "sign_in",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::sign_out`]

[`Client::sign_out`]: super::Client::sign_out*/
    #[derive(Debug, Clone)]
    pub struct SignOut<'a> {
        client: &'a super::Client,
    }
    impl<'a> SignOut<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self { client: client }
        }
        ///Sends a `DELETE` request to `/v1/session`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Done>, Error<types::Problem>> {
            let Self { client } = self;
            let url = format!("{}/v1/session", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .delete(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "sign_out",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::register`]

[`Client::register`]: super::Client::register*/
    #[derive(Debug, Clone)]
    pub struct Register<'a> {
        client: &'a super::Client,
        body: Result<types::builder::RegisterRequest, String>,
    }
    impl<'a> Register<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::RegisterRequest>,
            <V as std::convert::TryInto<
                types::RegisterRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `RegisterRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::RegisterRequest,
            ) -> types::builder::RegisterRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/accounts`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Registered>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::RegisterRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/accounts", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "register",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::key_status`]

[`Client::key_status`]: super::Client::key_status*/
    #[derive(Debug, Clone)]
    pub struct KeyStatus<'a> {
        client: &'a super::Client,
    }
    impl<'a> KeyStatus<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self { client: client }
        }
        ///Sends a `GET` request to `/v1/keys`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::KeyStatus>, Error<types::Problem>> {
            let Self { client } = self;
            let url = format!("{}/v1/keys", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "key_status",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::publish_key`]

[`Client::publish_key`]: super::Client::publish_key*/
    #[derive(Debug, Clone)]
    pub struct PublishKey<'a> {
        client: &'a super::Client,
        body: Result<types::builder::PublishRequest, String>,
    }
    impl<'a> PublishKey<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::PublishRequest>,
            <V as std::convert::TryInto<
                types::PublishRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `PublishRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::PublishRequest,
            ) -> types::builder::PublishRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `PUT` request to `/v1/keys`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::KeyStatus>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::PublishRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/keys", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .put(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "publish_key",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::fetch_key`]

[`Client::fetch_key`]: super::Client::fetch_key*/
    #[derive(Debug, Clone)]
    pub struct FetchKey<'a> {
        client: &'a super::Client,
        user: Result<::std::string::String, String>,
    }
    impl<'a> FetchKey<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                user: Err("user was not initialized".to_string()),
            }
        }
        pub fn user<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.user = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for user failed"
                        .to_string()
                });
            self
        }
        ///Sends a `GET` request to `/v1/keys/{user}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::KeyBundle>, Error<types::Problem>> {
            let Self { client, user } = self;
            let user = user.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/keys/{}", client.baseurl, encode_path(& user.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "fetch_key",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::succeed`]

[`Client::succeed`]: super::Client::succeed*/
    #[derive(Debug, Clone)]
    pub struct Succeed<'a> {
        client: &'a super::Client,
        body: Result<types::builder::SuccessionRequest, String>,
    }
    impl<'a> Succeed<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::SuccessionRequest>,
            <V as std::convert::TryInto<
                types::SuccessionRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `SuccessionRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::SuccessionRequest,
            ) -> types::builder::SuccessionRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/accounts/succession`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Registered>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::SuccessionRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/accounts/succession", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "succeed",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::fetch_identity`]

[`Client::fetch_identity`]: super::Client::fetch_identity*/
    #[derive(Debug, Clone)]
    pub struct FetchIdentity<'a> {
        client: &'a super::Client,
        user: Result<::std::string::String, String>,
    }
    impl<'a> FetchIdentity<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                user: Err("user was not initialized".to_string()),
            }
        }
        pub fn user<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.user = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for user failed"
                        .to_string()
                });
            self
        }
        ///Sends a `GET` request to `/v1/keys/{user}/identity`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::IdentityHistory>, Error<types::Problem>> {
            let Self { client, user } = self;
            let user = user.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/keys/{}/identity", client.baseurl, encode_path(& user
                .to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "fetch_identity",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::send`]

[`Client::send`]: super::Client::send*/
    #[derive(Debug)]
    pub struct Send<'a> {
        client: &'a super::Client,
        id: Result<::uuid::Uuid, String>,
        to: Result<::std::string::String, String>,
        latchkey_delivery_token: Result<Option<crate::Base64>, String>,
        body: Result<reqwest::Body, String>,
    }
    impl<'a> Send<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
                to: Err("to was not initialized".to_string()),
                latchkey_delivery_token: Ok(None),
                body: Err("body was not initialized".to_string()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::uuid::Uuid>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: uuid :: Uuid` for id failed".to_string()
                });
            self
        }
        pub fn to<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.to = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for to failed"
                        .to_string()
                });
            self
        }
        pub fn latchkey_delivery_token<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<crate::Base64>,
        {
            self.latchkey_delivery_token = value
                .try_into()
                .map(Some)
                .map_err(|_| {
                    "conversion to `crate :: Base64` for latchkey_delivery_token failed"
                        .to_string()
                });
            self
        }
        pub fn body<B>(mut self, value: B) -> Self
        where
            B: std::convert::TryInto<reqwest::Body>,
        {
            self.body = value
                .try_into()
                .map_err(|_| {
                    "conversion to `reqwest::Body` for body failed".to_string()
                });
            self
        }
        ///Sends a `POST` request to `/v1/messages`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Stored>, Error<types::Problem>> {
            let Self { client, id, to, latchkey_delivery_token, body } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let to = to.map_err(Error::InvalidRequest)?;
            let latchkey_delivery_token = latchkey_delivery_token
                .map_err(Error::InvalidRequest)?;
            let body = body.map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/messages", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            if let Some(value) = latchkey_delivery_token {
                header_map
                    .append("Latchkey-Delivery-Token", value.to_string().try_into()?);
            }
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .header(
                    ::reqwest::header::CONTENT_TYPE,
                    ::reqwest::header::HeaderValue::from_static(
                        "application/octet-stream",
                    ),
                )
                .body(body)
                .query(&progenitor_client::QueryParam::new("id", &id))
                .query(&progenitor_client::QueryParam::new("to", &to))
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "send",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::send_limited`]

[`Client::send_limited`]: super::Client::send_limited*/
    #[derive(Debug, Clone)]
    pub struct SendLimited<'a> {
        client: &'a super::Client,
        latchkey_delivery_token: Result<Option<crate::Base64>, String>,
        body: Result<types::builder::LimitedRequest, String>,
    }
    impl<'a> SendLimited<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                latchkey_delivery_token: Ok(None),
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn latchkey_delivery_token<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<crate::Base64>,
        {
            self.latchkey_delivery_token = value
                .try_into()
                .map(Some)
                .map_err(|_| {
                    "conversion to `crate :: Base64` for latchkey_delivery_token failed"
                        .to_string()
                });
            self
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::LimitedRequest>,
            <V as std::convert::TryInto<
                types::LimitedRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `LimitedRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::LimitedRequest,
            ) -> types::builder::LimitedRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/messages/limited`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Stored>, Error<types::Problem>> {
            let Self { client, latchkey_delivery_token, body } = self;
            let latchkey_delivery_token = latchkey_delivery_token
                .map_err(Error::InvalidRequest)?;
            let body = body
                .and_then(|v| {
                    types::LimitedRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/messages/limited", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            if let Some(value) = latchkey_delivery_token {
                header_map
                    .append("Latchkey-Delivery-Token", value.to_string().try_into()?);
            }
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "send_limited",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::send_oblivious`]

[`Client::send_oblivious`]: super::Client::send_oblivious*/
    #[derive(Debug, Clone)]
    pub struct SendOblivious<'a> {
        client: &'a super::Client,
        latchkey_delivery_token: Result<Option<crate::Base64>, String>,
        body: Result<types::builder::ObliviousRequest, String>,
    }
    impl<'a> SendOblivious<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                latchkey_delivery_token: Ok(None),
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn latchkey_delivery_token<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<crate::Base64>,
        {
            self.latchkey_delivery_token = value
                .try_into()
                .map(Some)
                .map_err(|_| {
                    "conversion to `crate :: Base64` for latchkey_delivery_token failed"
                        .to_string()
                });
            self
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::ObliviousRequest>,
            <V as std::convert::TryInto<
                types::ObliviousRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `ObliviousRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::ObliviousRequest,
            ) -> types::builder::ObliviousRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/messages/oblivious`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Stored>, Error<types::Problem>> {
            let Self { client, latchkey_delivery_token, body } = self;
            let latchkey_delivery_token = latchkey_delivery_token
                .map_err(Error::InvalidRequest)?;
            let body = body
                .and_then(|v| {
                    types::ObliviousRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/messages/oblivious", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            if let Some(value) = latchkey_delivery_token {
                header_map
                    .append("Latchkey-Delivery-Token", value.to_string().try_into()?);
            }
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "send_oblivious",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::inbox`]

[`Client::inbox`]: super::Client::inbox*/
    #[derive(Debug, Clone)]
    pub struct Inbox<'a> {
        client: &'a super::Client,
        body: Result<types::builder::InboxRequest, String>,
    }
    impl<'a> Inbox<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::InboxRequest>,
            <V as std::convert::TryInto<types::InboxRequest>>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `InboxRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::InboxRequest,
            ) -> types::builder::InboxRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/inbox`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::InboxPage>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::InboxRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/inbox", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "inbox",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::clear_inbox`]

[`Client::clear_inbox`]: super::Client::clear_inbox*/
    #[derive(Debug, Clone)]
    pub struct ClearInbox<'a> {
        client: &'a super::Client,
    }
    impl<'a> ClearInbox<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self { client: client }
        }
        ///Sends a `DELETE` request to `/v1/inbox`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Cleared>, Error<types::Problem>> {
            let Self { client } = self;
            let url = format!("{}/v1/inbox", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .delete(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "clear_inbox",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::put_delivery_token`]

[`Client::put_delivery_token`]: super::Client::put_delivery_token*/
    #[derive(Debug, Clone)]
    pub struct PutDeliveryToken<'a> {
        client: &'a super::Client,
        body: Result<types::builder::DeliveryTokenRequest, String>,
    }
    impl<'a> PutDeliveryToken<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::DeliveryTokenRequest>,
            <V as std::convert::TryInto<
                types::DeliveryTokenRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!(
                        "conversion to `DeliveryTokenRequest` for body failed: {}", s
                    )
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::DeliveryTokenRequest,
            ) -> types::builder::DeliveryTokenRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `PUT` request to `/v1/delivery-tokens`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::DeliveryTokens>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::DeliveryTokenRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/delivery-tokens", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .put(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "put_delivery_token",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::delete_delivery_token`]

[`Client::delete_delivery_token`]: super::Client::delete_delivery_token*/
    #[derive(Debug, Clone)]
    pub struct DeleteDeliveryToken<'a> {
        client: &'a super::Client,
        hash: Result<::std::string::String, String>,
    }
    impl<'a> DeleteDeliveryToken<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                hash: Err("hash was not initialized".to_string()),
            }
        }
        pub fn hash<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.hash = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for hash failed"
                        .to_string()
                });
            self
        }
        ///Sends a `DELETE` request to `/v1/delivery-tokens/{hash}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::DeliveryTokens>, Error<types::Problem>> {
            let Self { client, hash } = self;
            let hash = hash.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/delivery-tokens/{}", client.baseurl, encode_path(& hash
                .to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .delete(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "delete_delivery_token",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::block_account`]

[`Client::block_account`]: super::Client::block_account*/
    #[derive(Debug, Clone)]
    pub struct BlockAccount<'a> {
        client: &'a super::Client,
        body: Result<types::builder::BlockRequest, String>,
    }
    impl<'a> BlockAccount<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::BlockRequest>,
            <V as std::convert::TryInto<types::BlockRequest>>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `BlockRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::BlockRequest,
            ) -> types::builder::BlockRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `PUT` request to `/v1/blocked-accounts`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::BlockedAccounts>, Error<types::Problem>> {
            let Self { client, body } = self;
            let body = body
                .and_then(|v| {
                    types::BlockRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!("{}/v1/blocked-accounts", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .put(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "block_account",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::unblock_account`]

[`Client::unblock_account`]: super::Client::unblock_account*/
    #[derive(Debug, Clone)]
    pub struct UnblockAccount<'a> {
        client: &'a super::Client,
        user: Result<::std::string::String, String>,
    }
    impl<'a> UnblockAccount<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                user: Err("user was not initialized".to_string()),
            }
        }
        pub fn user<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.user = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for user failed"
                        .to_string()
                });
            self
        }
        ///Sends a `DELETE` request to `/v1/blocked-accounts/{user}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::BlockedAccounts>, Error<types::Problem>> {
            let Self { client, user } = self;
            let user = user.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/blocked-accounts/{}", client.baseurl, encode_path(& user
                .to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .delete(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "unblock_account",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::play`]

[`Client::play`]: super::Client::play*/
    #[derive(Debug, Clone)]
    pub struct Play<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
        body: Result<types::builder::PlayRequest, String>,
    }
    impl<'a> Play<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::PlayRequest>,
            <V as std::convert::TryInto<types::PlayRequest>>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!("conversion to `PlayRequest` for body failed: {}", s)
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::PlayRequest,
            ) -> types::builder::PlayRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/licenses/{id}/plays`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Played>, Error<types::Problem>> {
            let Self { client, id, body } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let body = body
                .and_then(|v| types::PlayRequest::try_from(v).map_err(|e| e.to_string()))
                .map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/licenses/{}/plays", client.baseurl, encode_path(& id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "play",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::play_oblivious`]

[`Client::play_oblivious`]: super::Client::play_oblivious*/
    #[derive(Debug, Clone)]
    pub struct PlayOblivious<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
        body: Result<types::builder::ObliviousPlayRequest, String>,
    }
    impl<'a> PlayOblivious<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
                body: Ok(::std::default::Default::default()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        pub fn body<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<types::ObliviousPlayRequest>,
            <V as std::convert::TryInto<
                types::ObliviousPlayRequest,
            >>::Error: std::fmt::Display,
        {
            self.body = value
                .try_into()
                .map(From::from)
                .map_err(|s| {
                    format!(
                        "conversion to `ObliviousPlayRequest` for body failed: {}", s
                    )
                });
            self
        }
        pub fn body_map<F>(mut self, f: F) -> Self
        where
            F: std::ops::FnOnce(
                types::builder::ObliviousPlayRequest,
            ) -> types::builder::ObliviousPlayRequest,
        {
            self.body = self.body.map(f);
            self
        }
        ///Sends a `POST` request to `/v1/licenses/{id}/oblivious-plays`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Released>, Error<types::Problem>> {
            let Self { client, id, body } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let body = body
                .and_then(|v| {
                    types::ObliviousPlayRequest::try_from(v).map_err(|e| e.to_string())
                })
                .map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/licenses/{}/oblivious-plays", client.baseurl, encode_path(& id
                .to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .post(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .json(&body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "play_oblivious",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::confirm_play`]

[`Client::confirm_play`]: super::Client::confirm_play*/
    #[derive(Debug, Clone)]
    pub struct ConfirmPlay<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
        play_id: Result<::uuid::Uuid, String>,
        latchkey_capability: Result<crate::Base64, String>,
    }
    impl<'a> ConfirmPlay<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
                play_id: Err("play_id was not initialized".to_string()),
                latchkey_capability: Err(
                    "latchkey_capability was not initialized".to_string(),
                ),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        pub fn play_id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::uuid::Uuid>,
        {
            self.play_id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: uuid :: Uuid` for play_id failed".to_string()
                });
            self
        }
        pub fn latchkey_capability<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<crate::Base64>,
        {
            self.latchkey_capability = value
                .try_into()
                .map_err(|_| {
                    "conversion to `crate :: Base64` for latchkey_capability failed"
                        .to_string()
                });
            self
        }
        ///Sends a `DELETE` request to `/v1/licenses/{id}/plays/{play_id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Done>, Error<types::Problem>> {
            let Self { client, id, play_id, latchkey_capability } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let play_id = play_id.map_err(Error::InvalidRequest)?;
            let latchkey_capability = latchkey_capability
                .map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/licenses/{}/plays/{}", client.baseurl, encode_path(& id
                .to_string()), encode_path(& play_id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            header_map
                .append(
                    "Latchkey-Capability",
                    latchkey_capability.to_string().try_into()?,
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .delete(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "confirm_play",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::license`]

[`Client::license`]: super::Client::license*/
    #[derive(Debug, Clone)]
    pub struct License<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
        latchkey_capability: Result<crate::Base64, String>,
    }
    impl<'a> License<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
                latchkey_capability: Err(
                    "latchkey_capability was not initialized".to_string(),
                ),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        pub fn latchkey_capability<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<crate::Base64>,
        {
            self.latchkey_capability = value
                .try_into()
                .map_err(|_| {
                    "conversion to `crate :: Base64` for latchkey_capability failed"
                        .to_string()
                });
            self
        }
        ///Sends a `GET` request to `/v1/licenses/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::LicenseStatus>, Error<types::Problem>> {
            let Self { client, id, latchkey_capability } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let latchkey_capability = latchkey_capability
                .map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/licenses/{}", client.baseurl, encode_path(& id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            header_map
                .append(
                    "Latchkey-Capability",
                    latchkey_capability.to_string().try_into()?,
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "license",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::revoke`]

[`Client::revoke`]: super::Client::revoke*/
    #[derive(Debug, Clone)]
    pub struct Revoke<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
        latchkey_capability: Result<crate::Base64, String>,
    }
    impl<'a> Revoke<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
                latchkey_capability: Err(
                    "latchkey_capability was not initialized".to_string(),
                ),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        pub fn latchkey_capability<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<crate::Base64>,
        {
            self.latchkey_capability = value
                .try_into()
                .map_err(|_| {
                    "conversion to `crate :: Base64` for latchkey_capability failed"
                        .to_string()
                });
            self
        }
        ///Sends a `DELETE` request to `/v1/licenses/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::LicenseStatus>, Error<types::Problem>> {
            let Self { client, id, latchkey_capability } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let latchkey_capability = latchkey_capability
                .map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/licenses/{}", client.baseurl, encode_path(& id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            header_map
                .append(
                    "Latchkey-Capability",
                    latchkey_capability.to_string().try_into()?,
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .delete(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "revoke",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::gate_key_status`]

[`Client::gate_key_status`]: super::Client::gate_key_status*/
    #[derive(Debug, Clone)]
    pub struct GateKeyStatus<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
    }
    impl<'a> GateKeyStatus<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        ///Sends a `GET` request to `/v1/gate-keys/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::GateKeyStatus>, Error<types::Problem>> {
            let Self { client, id } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/gate-keys/{}", client.baseurl, encode_path(& id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "gate_key_status",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::put_gate_key`]

[`Client::put_gate_key`]: super::Client::put_gate_key*/
    #[derive(Debug)]
    pub struct PutGateKey<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
        latchkey_capability_hash: Result<crate::Base64, String>,
        body: Result<reqwest::Body, String>,
    }
    impl<'a> PutGateKey<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
                latchkey_capability_hash: Err(
                    "latchkey_capability_hash was not initialized".to_string(),
                ),
                body: Err("body was not initialized".to_string()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        pub fn latchkey_capability_hash<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<crate::Base64>,
        {
            self.latchkey_capability_hash = value
                .try_into()
                .map_err(|_| {
                    "conversion to `crate :: Base64` for latchkey_capability_hash failed"
                        .to_string()
                });
            self
        }
        pub fn body<B>(mut self, value: B) -> Self
        where
            B: std::convert::TryInto<reqwest::Body>,
        {
            self.body = value
                .try_into()
                .map_err(|_| {
                    "conversion to `reqwest::Body` for body failed".to_string()
                });
            self
        }
        ///Sends a `PUT` request to `/v1/gate-keys/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::GateKeyStatus>, Error<types::Problem>> {
            let Self { client, id, latchkey_capability_hash, body } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let latchkey_capability_hash = latchkey_capability_hash
                .map_err(Error::InvalidRequest)?;
            let body = body.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/gate-keys/{}", client.baseurl, encode_path(& id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(2usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            header_map
                .append(
                    "Latchkey-Capability-Hash",
                    latchkey_capability_hash.to_string().try_into()?,
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .put(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .header(
                    ::reqwest::header::CONTENT_TYPE,
                    ::reqwest::header::HeaderValue::from_static(
                        "application/octet-stream",
                    ),
                )
                .body(body)
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "put_gate_key",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::delete_gate_key`]

[`Client::delete_gate_key`]: super::Client::delete_gate_key*/
    #[derive(Debug, Clone)]
    pub struct DeleteGateKey<'a> {
        client: &'a super::Client,
        id: Result<::std::string::String, String>,
    }
    impl<'a> DeleteGateKey<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self {
                client: client,
                id: Err("id was not initialized".to_string()),
            }
        }
        pub fn id<V>(mut self, value: V) -> Self
        where
            V: std::convert::TryInto<::std::string::String>,
        {
            self.id = value
                .try_into()
                .map_err(|_| {
                    "conversion to `:: std :: string :: String` for id failed"
                        .to_string()
                });
            self
        }
        ///Sends a `DELETE` request to `/v1/gate-keys/{id}`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Done>, Error<types::Problem>> {
            let Self { client, id } = self;
            let id = id.map_err(Error::InvalidRequest)?;
            let url = format!(
                "{}/v1/gate-keys/{}", client.baseurl, encode_path(& id.to_string()),
            );
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .delete(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "delete_gate_key",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::status`]

[`Client::status`]: super::Client::status*/
    #[derive(Debug, Clone)]
    pub struct Status<'a> {
        client: &'a super::Client,
    }
    impl<'a> Status<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self { client: client }
        }
        ///Sends a `GET` request to `/v1/status`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::Status>, Error<types::Problem>> {
            let Self { client } = self;
            let url = format!("{}/v1/status", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "status",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
    /**Builder for [`Client::relay_key`]

[`Client::relay_key`]: super::Client::relay_key*/
    #[derive(Debug, Clone)]
    pub struct RelayKey<'a> {
        client: &'a super::Client,
    }
    impl<'a> RelayKey<'a> {
        pub fn new(client: &'a super::Client) -> Self {
            Self { client: client }
        }
        ///Sends a `GET` request to `/v1/relay-key`
        pub async fn send(
            self,
        ) -> Result<ResponseValue<types::RelayKey>, Error<types::Problem>> {
            let Self { client } = self;
            let url = format!("{}/v1/relay-key", client.baseurl,);
            let mut header_map = ::reqwest::header::HeaderMap::with_capacity(1usize);
            header_map
                .append(
                    ::reqwest::header::HeaderName::from_static("api-version"),
                    ::reqwest::header::HeaderValue::from_static(
                        super::Client::api_version(),
                    ),
                );
            #[allow(unused_mut)]
            let mut request = client
                .client
                .get(url)
                .header(
                    ::reqwest::header::ACCEPT,
                    ::reqwest::header::HeaderValue::from_static("application/json"),
                )
                .headers(header_map)
                .build()?;
            let info = OperationInfo {
                operation_id: "relay_key",
            };
            client.pre(&mut request, &info).await?;
            let result = client.exec(request, &info).await;
            client.post(&result, &info).await?;
            let response = result?;
            match response.status().as_u16() {
                200u16 => ResponseValue::from_response(response).await,
                400u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                401u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                403u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                404u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                405u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                409u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                410u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                413u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                429u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                500u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                503u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                507u16 => {
                    Err(
                        Error::ErrorResponse(
                            ResponseValue::from_response(response).await?,
                        ),
                    )
                }
                _ => Err(Error::UnexpectedResponse(response)),
            }
        }
    }
}
/// Items consumers will typically use such as the Client.
pub mod prelude {
    pub use self::super::Client;
}
/// The operations that want a bearer token, by operation id.
pub(crate) const WITH_TOKEN: &[&str] = &[
    "block_account",
    "clear_inbox",
    "delete_delivery_token",
    "delete_gate_key",
    "fetch_identity",
    "fetch_key",
    "gate_key_status",
    "inbox",
    "key_status",
    "publish_key",
    "put_delivery_token",
    "put_gate_key",
    "send",
    "send_limited",
    "send_oblivious",
    "sign_out",
    "unblock_account",
];
