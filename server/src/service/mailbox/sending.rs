//! Sends: who may, as what, and what a repetition is.

use protocol::{Timestamp, address::UserName};
use twox_hash::XxHash3_128;
use uuid::Uuid;

use super::Mailboxes;
use crate::{
    model::{BodyDigest, Envelope, MailboxId, MessageId, Sender},
    service::{
        REMEMBERED, Refusal, Result,
        licenses::{self, LicenseParts},
        shares::{LATER, Taken, UsedUp},
    },
    store::{Deposit, Deposited, LicenseRow, LimitRow, Part},
};

/// Where an envelope went.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// The sender's id for it.
    pub id: MessageId,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// Until when it is kept.
    pub expires: Timestamp,
}

impl Mailboxes {
    /// Stores an envelope, with a license if one goes with it; when this returns it is on the disk.
    ///
    /// To an account an unknown recipient is said to be one: it is signed in, and `fetch_key` shows which names exist anyway. To the holder of a
    /// token it is not.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] when the token is not one of the recipient's, [`Refusal::RateLimited`], [`Refusal::StrangersWait`],
    /// [`Refusal::MailboxFull`], [`Refusal::MessageConflict`], [`Refusal::LicenseConflict`], [`Refusal::NoSuchGateKey`], [`Refusal::NoSuchUser`], [`Refusal::StorageFull`],
    /// and what is wrong with the form.
    pub async fn deposit(
        &self,
        from: Sender,
        to: &str,
        id: Uuid,
        envelope: Vec<u8>,
        license: Option<LicenseParts>,
    ) -> Result<Receipt> {
        let user = UserName::parse(to)?;
        let envelope = Envelope::new(envelope)?;
        let (gate, now) = (self.gate_keys.gate(), self.clock.now());
        let license = license
            .map(|parts| licenses::read(parts, MailboxId::of(&user), gate, now).map(Box::new))
            .transpose()?;
        self.put(from, user, id, envelope, license).await
    }

    /// [`Self::deposit`] of what is parsed already.
    ///
    /// # Errors
    /// As there, except what is wrong with the form.
    pub(crate) async fn put(
        &self,
        from: Sender,
        user: UserName,
        id: Uuid,
        envelope: Envelope,
        license: Option<Box<LicenseRow>>,
    ) -> Result<Receipt> {
        let mailbox = MailboxId::of(&user);
        let id = MessageId::new(id);
        let stranger = match from {
            // What looks into the database is boxed: hardly any send needs it, and each would have room for it.
            Sender::Token(hash) => {
                let admitted = Box::pin(self.tokens.admit(mailbox, &hash)).await;
                if matches!(admitted, Err(Refusal::RateLimited)) {
                    self.floods.note(mailbox, from);
                }
                admitted?;
                None
            }
            Sender::Account(account) => Some(account).filter(|account| *account != mailbox),
        };
        let taken = match stranger {
            Some(account) => {
                let (bytes, license) = (envelope.as_bytes().len(), license.is_some());
                self.admit(account, &user, id, bytes, license).await?
            }
            None => None,
        };
        let part = match stranger {
            Some(_) if self.shares.are_on() => Part::Stranger,
            _ => Part::Known,
        };
        let outcome = self.store(from, part, user, id, envelope, license).await;
        match (&outcome, stranger, &taken) {
            (Ok(_), Some(account), Some(_)) => self.shares.note_stored(mailbox, account, id, self.clock.now()),
            (Err(_), _, Some(taken)) => self.shares.give_back(taken, self.clock.now()),
            _ => {}
        }
        outcome
    }

    /// Lets a stranger's send go on, or not: decided in memory, as long as its recipient was written to lately. What it took of the shares, if it is no repetition.
    async fn admit(
        &self,
        account: MailboxId,
        user: &UserName,
        id: MessageId,
        bytes: usize,
        license: bool,
    ) -> Result<Option<Taken>> {
        let mailbox = MailboxId::of(user);
        if self.shares.was_stored(mailbox, account, id, self.clock.now()) {
            return Ok(None);
        }
        let wait = || Refusal::StrangersWait {
            user: user.clone(),
            wait: LATER,
        };
        let blocked = match self.store.knows_block(mailbox, account) {
            Some(blocked) => blocked,
            None => Box::pin(self.store.blocks(mailbox, account)).await?,
        };
        if blocked {
            self.shares.note_refused();
            return Err(wait());
        }
        let taken = self.shares.take(mailbox, account, bytes, license, self.clock.now());
        taken.map_err(|used_up| {
            // Who came when the share of all was used up did not use it up.
            if used_up == UsedUp::Own {
                self.floods.note(mailbox, Sender::Account(account));
            }
            wait()
        })
    }

    async fn store(
        &self,
        from: Sender,
        part: Part,
        user: UserName,
        id: MessageId,
        envelope: Envelope,
        license: Option<Box<LicenseRow>>,
    ) -> Result<Receipt> {
        let (mailbox, now) = (MailboxId::of(&user), self.clock.now());
        if let Some(LimitRow::Oblivious(gate)) = license.as_ref().map(|license| &license.limit) {
            Box::pin(self.gate_keys.check_file(gate.gate_key)).await?;
        }
        let deposit = Deposit {
            mailbox,
            principal: from,
            id,
            digest: digest(&envelope, license.as_deref()),
            envelope,
            license,
            expires: now.plus(self.envelope_ttl),
            forget_at: now.plus(REMEMBERED.max(self.envelope_ttl)),
            part,
            quota: self.quota,
            now,
        };
        match self.store.deposit(deposit).await? {
            Deposited::Done { stored_at, expires } => Ok(Receipt { id, stored_at, expires }),
            Deposited::Conflict => Err(Refusal::MessageConflict),
            Deposited::LicenseConflict => Err(Refusal::LicenseConflict),
            Deposited::LicenseExpired => Err(Refusal::BadRequest("license.expires_at is in the past".into())),
            Deposited::NoSuchGateKey => Err(Refusal::NoSuchGateKey),
            Deposited::Full => {
                // The owner knows what it sends itself.
                if from != Sender::Account(mailbox) {
                    self.floods.note(mailbox, from);
                }
                Err(match part {
                    Part::Known => Refusal::MailboxFull(user),
                    // Only after restarts of the relay, which fill the shares. A stranger is told what it always is.
                    Part::Stranger => {
                        self.shares.note_refused();
                        Refusal::StrangersWait { user, wait: LATER }
                    }
                })
            }
            Deposited::NoSuchMailbox => Err(Refusal::NoSuchUser(user)),
        }
    }
}

/// What a repetition must repeat: the envelope, and the license with it, whose parameters are hashed by SHA-256 already.
fn digest(envelope: &Envelope, license: Option<&LicenseRow>) -> BodyDigest {
    let of = XxHash3_128::oneshot(envelope.as_bytes()).to_be_bytes();
    BodyDigest::from_bytes(match license {
        None => of,
        // Another seed, so that no envelope alone passes for one with a license.
        Some(license) => XxHash3_128::oneshot_with_seed(1, &[&of[..], &license.parameters].concat()).to_be_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use playgate::{PlayLimit, PlayShare};

    use super::*;
    use crate::model::LicenseId;

    /// What is remembered for thirty days must be read by the next build, on another processor perhaps. Values of the reference implementation (xxHash 0.8, `xxhsum -H2`).
    #[test]
    fn digests_are_the_same_everywhere() {
        for (length, expected) in [
            (1, "a6cd5e9392000f6ac44bdff4074eecdb"),
            (64, "d547448717805e49ab83f2ba7371c91f"),
            (200, "5451071ed36ad47079ad90815b45bbd9"),
            (4096, "dec463517b2529a15d9027c84d5f33f7"),
            (256 << 10, "91fbf8f6934b1863789173d32626cddb"),
        ] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 7 % 251) as u8).collect();
            let digest = digest(&Envelope::new(bytes).unwrap(), None);
            assert_eq!(hex::encode(digest.as_bytes()), expected, "{length} bytes");
        }
        let license = LicenseRow {
            id: LicenseId::parse(&"00".repeat(32)).unwrap(),
            limit: LimitRow::Counted(PlayLimit::new(1).unwrap()),
            expires: Timestamp(0),
            share: PlayShare::from_bytes([0; 32]),
            play_hash: [0; 32],
            owner_hash: [0; 32],
            parameters: [9; 32],
        };
        let limited = digest(&Envelope::new(vec![1; 100]).unwrap(), Some(&license));
        assert_eq!(hex::encode(limited.as_bytes()), "560fc4701c418ca5c2c0ae1b6ad35f08");
    }
}
