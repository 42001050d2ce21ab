//! Accounts and their keys.

use std::sync::Arc;

use protocol::{
    Timestamp,
    address::{Address, UserName},
    claim::{RegisterClaim, bundle_digest},
    identity::{Fingerprint, IDENTITY_KEY_LENGTH, IdentityKey, Purpose, SIGNATURE_LENGTH},
    prekey::{KEM_KEY_LENGTH, MAX_BATCH, PreKeyError, PublishedBatch, PublishedSignedPreKey},
    succession::{MAX_STATEMENT, MAX_SUCCESSIONS, PublishedSuccession, SuccessionError},
};
use uuid::Uuid;

use super::{
    Refusal, Registrations, RelayIdentity, Result,
    compute::{Asker, Compute},
    exactly,
    rates::Rates,
    sessions::{NewSession, Presented, ProofParts, Sessions},
};
use crate::{
    clock::Clock,
    invite::InviteCode,
    model::{Incarnation, MailboxId, Principal},
    store::{
        Admission, BatchRow, BundleRow, IdentityChange, IdentityChanged, IdentityRow, KeyCounts, Publication,
        Published, Registered, Registration, SignedPreKeyRow, Store,
    },
};

/// One-time prekeys an account may have lying here: ten refills of a client. They are 2 KiB each.
pub const MAX_ONE_TIME: u32 = 1024;
/// A payload is about 1.9 KiB (signed prekey) or 300 bytes (batch); the rest is room for a later suite.
pub(crate) const MAX_PAYLOAD: usize = 4096;

/// A claim to a name as it came in.
pub struct Claim {
    /// The proof of possession.
    pub proof: ProofParts,
    /// The identity key.
    pub identity_key: Vec<u8>,
    /// The first signed prekey.
    pub signed_prekey: PublishedSignedPreKey,
    /// The first batch.
    pub batch: Option<PublishedBatch>,
}

/// An account, signed in.
pub struct Account {
    /// name@relay.
    pub address: Address,
    /// The identity's fingerprint.
    pub fingerprint: Fingerprint,
    /// The first session.
    pub session: NewSession,
}

/// The directory.
pub struct Directory {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    relay: RelayIdentity,
    compute: Arc<Compute>,
    sessions: Arc<Sessions>,
    rates: Arc<Rates>,
    registrations: Registrations,
}

/// A claim that held.
struct Proved<T> {
    address: Address,
    fingerprint: Fingerprint,
    verified: Verified,
    /// Not spent yet.
    presented: Presented,
    more: T,
}

struct Verified {
    signed_prekey: Option<SignedPreKeyRow>,
    batch: Option<BatchRow>,
}

impl Directory {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        relay: RelayIdentity,
        compute: Arc<Compute>,
        sessions: Arc<Sessions>,
        rates: Arc<Rates>,
        registrations: Registrations,
    ) -> Self {
        Self {
            store,
            clock,
            relay,
            compute,
            sessions,
            rates,
            registrations,
        }
    }

    /// Claims a name, publishes the first keys, signs in. `invite` is what was shown as the code of an invitation.
    ///
    /// # Errors
    /// [`Refusal::RegistrationClosed`], [`Refusal::InviteRequired`], [`Refusal::InviteRefused`], [`Refusal::NameTaken`], [`Refusal::BadSignature`], [`Refusal::Unauthorized`] (used or expired challenge), and what is wrong with the form.
    pub async fn register(&self, claim: Claim, invite: Option<&str>) -> Result<Account> {
        let admission = match self.registrations {
            Registrations::Open => Admission::Anyone,
            Registrations::Closed => Admission::Nobody,
            // What cannot be a code is refused like one that is none: its hash is nobody's.
            Registrations::Invite => {
                Admission::Invited(invite.map(|text| InviteCode::parse(text).map_or([0; 32], |code| code.hash())))
            }
        };
        let identity_key = claim.identity_key.clone();
        let Proved {
            address,
            fingerprint,
            verified,
            presented,
            ..
        } = self.prove(claim, |_, _| Ok(())).await?;
        let (now, user) = (self.clock.now(), address.user());
        let mailbox = MailboxId::of(&user);
        // A proof under any key holds for its key. It takes from what the account may have a minute only with the account's own, or where there is none; otherwise the name is refused anyway.
        let account = self.store.account(mailbox).await?;
        let counts = account.is_none_or(|account| account.identity_key == identity_key);
        if counts {
            self.sessions.spend(&presented)?;
        }
        let session = self.sessions.open(mailbox)?;
        let registration = Registration {
            mailbox,
            user: user.clone(),
            identity_key,
            signed_prekey: verified.signed_prekey.ok_or(Refusal::Internal)?,
            batch: verified.batch,
            max_one_time: MAX_ONE_TIME,
            token: session.row.clone(),
            incarnation: Incarnation(Uuid::new_v4()),
            now,
        };
        let registered = self.store.admit(registration, admission).await;
        if counts && !matches!(registered, Ok(Registered::Done)) {
            self.sessions.give_back(&presented);
        }
        match registered? {
            Registered::Done => {
                if !counts {
                    // The name has become free since it was looked at.
                    self.sessions.spend(&presented)?;
                }
                // A repeated registration is a sign-in, too.
                self.sessions.changed(mailbox);
                Ok(Account {
                    address,
                    fingerprint,
                    session,
                })
            }
            Registered::NameTaken => Err(Refusal::NameTaken(user)),
            Registered::Closed => Err(Refusal::RegistrationClosed),
            Registered::InviteMissing => Err(Refusal::InviteRequired),
            Registered::InviteRefused => Err(Refusal::InviteRefused),
        }
    }

    /// Checks a claim to a name: the challenge, the signature of the key over it and over the keys that it publishes, and `more` between the two.
    async fn prove<T: Send + 'static>(
        &self,
        claim: Claim,
        more: impl FnOnce(&Address, &Fingerprint) -> Result<T> + Send + 'static,
    ) -> Result<Proved<T>> {
        exactly::<IDENTITY_KEY_LENGTH>("identity_key", &claim.identity_key)?;
        check_lengths(Some(&claim.signed_prekey), claim.batch.as_ref())?;
        let (proof, fresh) = self.sessions.receive(claim.proof)?;
        if !fresh {
            return Err(Refusal::Unauthorized);
        }
        let presented = proof.presented();
        let address = Address::new(proof.user.clone(), self.relay.name.clone());
        let (relay, now) = (self.relay.clone(), self.clock.now());
        self.compute
            .run(proof.asker, move || {
                let key = IdentityKey::from_bytes(&claim.identity_key)
                    .map_err(|error| Refusal::BadRequest(format!("identity_key: {error}")))?;
                let fingerprint = key.fingerprint(&address);
                let bundle_digest = bundle_digest(&claim.signed_prekey, claim.batch.as_ref());
                let payload =
                    proof.claim_payload(&relay, &key, |claim| RegisterClaim { claim, bundle_digest }.payload());
                key.verify(Purpose::Register, &fingerprint, &payload, &proof.signature)
                    .map_err(|error| Refusal::BadSignature(format!("the registration: {error}")))?;
                let more = more(&address, &fingerprint)?;
                let verified = verify(&key, &address, Some(claim.signed_prekey), claim.batch, now)?;
                Ok::<_, Refusal>(Proved {
                    address,
                    fingerprint,
                    verified,
                    presented,
                    more,
                })
            })
            .await?
    }

    /// Puts another identity in the place of the account's: `claim` is the new one's, `statement` the old one's word for it. Everything of the old one
    /// ends: sessions, delivery tokens, prekeys.
    ///
    /// # Errors
    /// [`Refusal::IdentityReplaced`], [`Refusal::NoSuchUser`], [`Refusal::BadSignature`], [`Refusal::Unauthorized`] (used or expired challenge), and
    /// what is wrong with the form.
    pub async fn succeed(&self, claim: Claim, statement: PublishedSuccession) -> Result<Account> {
        exactly::<IDENTITY_KEY_LENGTH>("statement.identity_key", &statement.identity_key)?;
        exactly::<SIGNATURE_LENGTH>("statement.signature", &statement.signature)?;
        if statement.payload.len() > MAX_STATEMENT {
            return Err(Refusal::TooLarge(format!(
                "statement.payload has {} bytes and may have {MAX_STATEMENT}",
                statement.payload.len()
            )));
        }
        let (user, identity_key) = (claim.proof.user.clone(), claim.identity_key.clone());
        let (now, signed) = (self.clock.now(), statement.clone());
        let proved = self
            .prove(claim, move |address, fingerprint| {
                let statement = signed.verify(address, now).map_err(|error| match error {
                    SuccessionError::Malformed(_) => Refusal::BadRequest(format!("statement: {error}")),
                    _ => Refusal::BadSignature(format!("the statement: {error}")),
                })?;
                if statement.new != *fingerprint {
                    return Err(Refusal::BadSignature("the statement names another identity".into()));
                }
                Ok(statement.counter)
            })
            .await?;
        let mailbox = MailboxId::of(&proved.address.user());
        // Both proofs hold for whoever made both keys; only with the account's own key among them do they count against it.
        let account = self.store.account(mailbox).await?;
        let account = account.ok_or_else(|| Refusal::NoSuchUser(proved.address.user()))?;
        if ![&statement.identity_key, &identity_key].contains(&&account.identity_key) {
            return Err(Refusal::IdentityReplaced(account.user));
        }
        self.sessions.spend(&proved.presented)?;
        self.rates.succeed(mailbox)?;
        let session = self.sessions.open(mailbox)?;
        let change = IdentityChange {
            mailbox,
            statement,
            counter: proved.more,
            identity_key,
            signed_prekey: proved.verified.signed_prekey.ok_or(Refusal::Internal)?,
            batch: proved.verified.batch,
            token: session.row.clone(),
            keep: MAX_SUCCESSIONS as u64,
        };
        match self.store.succeed(change).await? {
            IdentityChanged::Done => {
                self.sessions.changed(mailbox);
                tracing::info!("an account changed its identity");
                Ok(Account {
                    address: proved.address,
                    fingerprint: proved.fingerprint,
                    session,
                })
            }
            IdentityChanged::NotCurrent => Err(Refusal::IdentityReplaced(UserName::parse(&user)?)),
            IdentityChanged::NoSuchAccount => Err(Refusal::NoSuchUser(UserName::parse(&user)?)),
        }
    }

    /// A user's identity, and how the account came to it. Takes no prekey.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`], [`Refusal::BadName`].
    pub async fn identity(&self, user: &str) -> Result<(Address, IdentityRow)> {
        let user = UserName::parse(user)?;
        let identity = self.store.identity(MailboxId::of(&user)).await?;
        let identity = identity.ok_or_else(|| Refusal::NoSuchUser(user.clone()))?;
        Ok((Address::new(user, self.relay.name.clone()), identity))
    }

    /// Publishes keys of the caller.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`], [`Refusal::StaleKey`], [`Refusal::TooLarge`], [`Refusal::Unauthorized`] when the account was removed meanwhile, and what is
    /// wrong with the form.
    pub async fn publish(
        &self,
        principal: Principal,
        signed_prekey: Option<PublishedSignedPreKey>,
        batch: Option<PublishedBatch>,
        replace_one_time: bool,
    ) -> Result<KeyCounts> {
        check_lengths(signed_prekey.as_ref(), batch.as_ref())?;
        let account = self
            .store
            .account(principal.mailbox)
            .await?
            .ok_or(Refusal::Unauthorized)?;
        let address = Address::new(account.user, self.relay.name.clone());
        let now = self.clock.now();
        let verified = self
            .compute
            .run(Asker::Account(principal.mailbox), move || {
                let key = IdentityKey::from_bytes(&account.identity_key).map_err(|_| Refusal::Internal)?;
                verify(&key, &address, signed_prekey, batch, now)
            })
            .await??;
        let publication = Publication {
            mailbox: principal.mailbox,
            signed_prekey: verified.signed_prekey,
            batch: verified.batch,
            replace_one_time,
            max_one_time: MAX_ONE_TIME,
            now,
        };
        // The signatures took their time.
        self.sessions.confirm(&principal).await?;
        match self.store.publish(publication).await? {
            Published::Done(counts) => Ok(counts),
            Published::Stale => Err(Refusal::StaleKey),
            Published::TooMany => Err(Refusal::TooLarge(format!(
                "an account keeps at most {MAX_ONE_TIME} one-time prekeys here"
            ))),
            Published::NoSuchAccount => Err(Refusal::Unauthorized),
        }
    }

    /// What is left of the caller's keys.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails.
    pub async fn key_status(&self, principal: Principal) -> Result<KeyCounts> {
        self.store
            .key_counts(principal.mailbox, self.clock.now())
            .await?
            .ok_or(Refusal::Unauthorized)
    }

    /// A user's bundle for `asker`; takes one of the user's one-time prekeys, unless this asker took many lately: then the bundle comes without, and others
    /// still get some.
    ///
    /// # Errors
    /// [`Refusal::NoSuchUser`], [`Refusal::BadName`], [`Refusal::TooFast`].
    pub async fn fetch(&self, asker: Principal, user: &str) -> Result<(Address, BundleRow)> {
        let user = UserName::parse(user)?;
        self.rates.fetch_key(asker.mailbox)?;
        let target = MailboxId::of(&user);
        let one_time = self.rates.one_time(asker.mailbox, target);
        let bundle = self.store.take_bundle(target, self.clock.now(), one_time).await?;
        let bundle = bundle.ok_or_else(|| Refusal::NoSuchUser(user.clone()))?;
        Ok((Address::new(user, self.relay.name.clone()), bundle))
    }
}

/// Lengths before anything is parsed or computed.
fn check_lengths(signed_prekey: Option<&PublishedSignedPreKey>, batch: Option<&PublishedBatch>) -> Result<()> {
    let signed = |field: &str, payload: &[u8], signature: &[u8]| {
        if payload.len() > MAX_PAYLOAD {
            return Err(Refusal::TooLarge(format!(
                "{field}.payload has {} bytes and may have {MAX_PAYLOAD}",
                payload.len()
            )));
        }
        exactly::<SIGNATURE_LENGTH>(&format!("{field}.signature"), signature).map(drop)
    };
    if let Some(spk) = signed_prekey {
        signed("signed_prekey", &spk.payload, &spk.signature)?;
    }
    if let Some(batch) = batch {
        signed("one_time_batch", &batch.payload, &batch.signature)?;
        if batch.keys.is_empty() || batch.keys.len() > MAX_BATCH as usize {
            return Err(Refusal::BadRequest(format!(
                "one_time_batch.keys has {} keys and must have 1 to {MAX_BATCH}",
                batch.keys.len()
            )));
        }
        for key in &batch.keys {
            exactly::<KEM_KEY_LENGTH>("each of one_time_batch.keys", key)?;
        }
    }
    Ok(())
}

fn verify(
    key: &IdentityKey,
    address: &Address,
    signed_prekey: Option<PublishedSignedPreKey>,
    batch: Option<PublishedBatch>,
    now: Timestamp,
) -> Result<Verified> {
    let refuse = |field: &str, error: PreKeyError| match error {
        PreKeyError::Malformed(_) => Refusal::BadRequest(format!("{field}: {error}")),
        _ => Refusal::BadSignature(format!("{field}: {error}")),
    };
    let signed_prekey = signed_prekey
        .map(|published| {
            let info = published
                .verify(key, address, now)
                .map_err(|error| refuse("signed_prekey", error))?;
            Ok::<_, Refusal>(SignedPreKeyRow {
                id: info.id,
                seq: info.seq,
                expires: info.expires,
                published,
            })
        })
        .transpose()?;
    let batch = batch
        .map(|published| {
            let batch = published
                .verify(key, address, now)
                .map_err(|error| refuse("one_time_batch", error))?;
            Ok::<_, Refusal>(BatchRow {
                seq: batch.seq(),
                expires: batch.expires(),
                entries: batch.entries().collect(),
                payload: published.payload,
                signature: published.signature,
            })
        })
        .transpose()?;
    Ok(Verified { signed_prekey, batch })
}
