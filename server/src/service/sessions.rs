//! Who is there: challenges, sign-in, tokens.
//!
//! An unknown user, a wrong signature and a used challenge take the same way and get the same answer, down to a signature check against a key that
//! nobody signed with.

use std::{sync::Arc, time::Duration};

use protocol::{
    Timestamp,
    address::{Address, UserName},
    claim::SignInClaim,
    identity::{IdentityKey, Purpose, SIGNATURE_LENGTH},
};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{
    Refusal, RelayIdentity, Result, Rules,
    audit::Audit,
    challenges::{Challenges, Issued},
    compute::{Asker, Compute},
    counter, exactly, fill,
    rates::Network,
};
use crate::{
    clock::Clock,
    model::{BearerToken, Bytes32, MailboxId, Principal},
    origin::Origin,
    store::{AuditEvent, Store, TokenRow, waiters::Waiters},
};

/// How much of a refused origin is repeated: any real one, and no more of what a caller made up.
const SHOWN_ORIGIN: usize = 80;

/// A proof of possession as it came in, not yet looked at.
pub struct ProofParts {
    /// The user name.
    pub user: String,
    /// The relay's base URL as the client dialled it.
    pub origin: String,
    /// The request's Host.
    pub host: Option<String>,
    /// Where it comes from, as far as that is known: work for it counts as that address's.
    pub address: Option<Network>,
    /// The challenge's nonce.
    pub server_nonce: Vec<u8>,
    /// The client's nonce.
    pub client_nonce: Vec<u8>,
    /// The challenge's expiry.
    pub expires_at: u64,
    /// The signature over the claim.
    pub signature: Vec<u8>,
}

/// A proof whose parts have their right form; whether it holds is another matter.
pub(super) struct Proof {
    pub user: UserName,
    pub origin: String,
    pub server_nonce: Bytes32,
    pub client_nonce: Bytes32,
    pub expires_at: Timestamp,
    pub signature: Vec<u8>,
    /// For whom the work is.
    pub asker: Asker,
}

impl Proof {
    /// What it is a proof of possession for, to be spent when it holds.
    pub fn presented(&self) -> Presented {
        Presented {
            user: self.user.clone(),
            nonce: self.server_nonce,
            expires: self.expires_at,
        }
    }

    /// The claim under `key`, to be checked.
    pub fn claim_payload<T>(
        &self,
        relay: &RelayIdentity,
        key: &IdentityKey,
        payload: impl FnOnce(SignInClaim<'_>) -> T,
    ) -> T {
        let address = Address::new(self.user.clone(), relay.name.clone());
        payload(SignInClaim {
            origin: &self.origin,
            relay: &relay.fingerprint,
            address: &address,
            fingerprint: &key.fingerprint(&address),
            server_nonce: &self.server_nonce,
            client_nonce: &self.client_nonce,
            expires_at: self.expires_at,
        })
    }
}

/// The challenge that a proof was made for.
#[derive(Clone)]
pub(super) struct Presented {
    user: UserName,
    nonce: Bytes32,
    expires: Timestamp,
}

/// A token and when it ends.
pub struct NewSession {
    /// For the client.
    pub token: BearerToken,
    /// For the store.
    pub row: TokenRow,
}

/// The sessions.
pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    wakes: Arc<Waiters>,
    relay: RelayIdentity,
    compute: Arc<Compute>,
    audit: Arc<Audit>,
    challenges: Challenges,
    origins: Vec<Origin>,
    token_ttl: Duration,
}

impl Sessions {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        wakes: Arc<Waiters>,
        relay: RelayIdentity,
        compute: Arc<Compute>,
        audit: Arc<Audit>,
        rules: &Rules,
    ) -> Result<Self> {
        Ok(Self {
            store,
            clock,
            wakes,
            relay,
            compute,
            audit,
            challenges: Challenges::new()?,
            origins: rules.origins.clone(),
            token_ttl: rules.token_ttl,
        })
    }

    /// A nonce to sign, and the relay that wants it signed.
    ///
    /// # Errors
    /// [`Refusal::BadName`].
    pub fn challenge(&self, user: &str) -> Result<(Issued, &RelayIdentity)> {
        let user = UserName::parse(user)?;
        Ok((self.challenges.issue(&user, self.clock.now())?, &self.relay))
    }

    /// Looks at the form of a proof and at its challenge; the flag says whether that is good. It is spent when the proof has turned out to hold.
    pub(super) fn receive(&self, parts: ProofParts) -> Result<(Proof, bool)> {
        let user = UserName::parse(&parts.user)?;
        self.check_origin(&parts.origin, parts.host.as_deref())?;
        let proof = Proof {
            user,
            server_nonce: exactly("server_nonce", &parts.server_nonce)?,
            client_nonce: exactly("client_nonce", &parts.client_nonce)?,
            expires_at: Timestamp::from_millis(parts.expires_at),
            signature: exactly::<SIGNATURE_LENGTH>("signature", &parts.signature)?.to_vec(),
            origin: parts.origin,
            asker: Asker::Stranger(parts.address),
        };
        let good = self
            .challenges
            .is_good(&proof.user, &proof.server_nonce, proof.expires_at, self.clock.now())?;
        Ok((proof, good))
    }

    /// Spends the challenge of a proof that holds, under a key of the account or of one that is about to be: the caller sees to that, since each account has so many.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] when it was spent before; [`Refusal::TooFast`]; [`Refusal::Busy`].
    pub(super) fn spend(&self, presented: &Presented) -> Result<()> {
        let Presented { user, nonce, expires } = presented;
        let spent = self.challenges.spend(user, nonce, *expires, self.clock.now())?;
        spent.then_some(()).ok_or(Refusal::Unauthorized)
    }

    /// The proof came to nothing.
    pub(super) fn give_back(&self, presented: &Presented) {
        self.challenges.give_back(&presented.nonce, presented.expires);
    }

    /// Opens a session; takes a commit counter, and answers the account's.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] for whatever reason the proof does not hold; [`Refusal::BadRequest`] when it has not even the form of one.
    pub async fn sign_in(&self, parts: ProofParts, commit_counter: Option<u64>) -> Result<(NewSession, u64)> {
        let told = counter(commit_counter)?;
        let (proof, fresh) = self.receive(parts)?;
        let presented = proof.presented();
        let mailbox = MailboxId::of(&proof.user);
        let account = self.store.account(mailbox).await?;
        let known = account.is_some();
        // Without an account the signature is checked against the relay's own key, with which nobody signs in.
        let key = account.map_or_else(|| self.relay.key.to_bytes(), |account| account.identity_key);
        let relay = self.relay.clone();
        let holds = self
            .compute
            .run(proof.asker, move || {
                let key = IdentityKey::from_bytes(&key).map_err(|_| Refusal::Internal)?;
                let payload = proof.claim_payload(&relay, &key, |claim| claim.payload());
                let fingerprint = key.fingerprint(&Address::new(proof.user, relay.name));
                Ok::<_, Refusal>(
                    key.verify(Purpose::SignIn, &fingerprint, &payload, &proof.signature)
                        .is_ok(),
                )
            })
            .await??;
        // Last, and only of what holds. A proof that was accepted meanwhile fails like any other.
        let spent = if fresh & known & holds {
            match self.spend(&presented) {
                Err(Refusal::Unauthorized) => false,
                spent => spent.map(|()| true)?,
            }
        } else {
            false
        };
        if !spent {
            // Names that nobody has are put together: what is made up must not decide what is in the log.
            self.audit.count(AuditEvent::SignInFailed, known.then_some(mailbox));
            return Err(Refusal::Unauthorized);
        }
        let session = self.open(mailbox)?;
        let commit_counter = self.store.put_token(mailbox, session.row.clone(), told).await?;
        // Removed since it was looked up: then it is as unknown as any.
        let commit_counter = commit_counter.ok_or(Refusal::Unauthorized)?;
        self.changed(mailbox);
        Ok((session, commit_counter))
    }

    /// A session that is to be stored.
    pub(super) fn open(&self, mailbox: MailboxId) -> Result<NewSession> {
        let mut secret = Zeroizing::new([0; 32]);
        fill(&mut *secret)?;
        let token = BearerToken::new(mailbox, secret);
        let row = TokenRow {
            hash: token.hash(),
            expires: self.clock.now().plus(self.token_ttl),
        };
        Ok(NewSession { token, row })
    }

    /// Who holds this token.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] when it is none, or not that of a live session.
    pub async fn authenticate(&self, token: &str) -> Result<Principal> {
        let shown = shown(token).ok_or(Refusal::Unauthorized)?;
        self.confirm(&shown).await?;
        Ok(shown)
    }

    /// When the session ends that is still going on: to be asked again right before something is done for it, since it may have ended while a body was on its way.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] when it is over: by a sign-out, another sign-in, another identity, the account's removal, or time.
    pub async fn confirm(&self, shown: &Principal) -> Result<Timestamp> {
        // Only success is quick. Whoever is refused, for whatever reason, was looked up in the database.
        if let Some(ends) = self.right(self.store.known_token(shown.mailbox), shown) {
            return Ok(ends);
        }
        let row = self.store.token(shown.mailbox).await?;
        self.right(row, shown).ok_or(Refusal::Unauthorized)
    }

    /// Who waits with a session.
    pub(super) const fn wakes(&self) -> &Arc<Waiters> {
        &self.wakes
    }

    /// Whose session began or ended: who waits with another one is told at once.
    pub(super) fn changed(&self, mailbox: MailboxId) {
        self.wakes.wake(mailbox);
    }

    /// Who shows this token, if that is known without asking the database. None says nothing: [`Self::authenticate`] decides.
    #[must_use]
    pub fn recognise(&self, token: &str) -> Option<Principal> {
        shown(token).filter(|shown| self.right(self.store.known_token(shown.mailbox), shown).is_some())
    }

    /// When the session ends, if it is the shown one and goes on.
    fn right(&self, row: Option<TokenRow>, shown: &Principal) -> Option<Timestamp> {
        // Unknown mailboxes are compared as well, so that they take the same way as wrong tokens.
        let row = row.unwrap_or(TokenRow {
            hash: [0; 32],
            expires: Timestamp(0),
        });
        let right = bool::from(row.hash.ct_eq(&shown.session)) & (row.expires > self.clock.now());
        right.then_some(row.expires)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Refusal`] when the store fails.
    pub async fn sign_out(&self, principal: Principal) -> Result<()> {
        self.store.drop_token(principal.mailbox, principal.session).await?;
        self.changed(principal.mailbox);
        Ok(())
    }

    /// The origin that was signed must be this relay: a relay in the middle has another.
    fn check_origin(&self, origin: &str, host: Option<&str>) -> Result<()> {
        let short = |text: &str| text.chars().take(SHOWN_ORIGIN).collect::<String>();
        if !self.origins.is_empty() {
            if self.origins.iter().any(|ours| ours.as_str() == origin) {
                return Ok(());
            }
            let ours: Vec<_> = self.origins.iter().map(Origin::as_str).collect();
            return Err(Refusal::BadRequest(format!(
                "the proof is for the origin {:?}, and this relay's is {} (its setting 'origins')",
                short(origin),
                ours.join(" or ")
            )));
        }
        // Nobody said which are ours. The machine's own are no one else's; anything further may be that of a server that passes proofs on.
        let host = host.unwrap_or_default();
        if Origin::parse(origin).is_some_and(|origin| origin.is_loopback() && origin.is_of_host(host)) {
            return Ok(());
        }
        Err(Refusal::BadRequest(format!(
            "the proof is for the origin {:?}, and the request was sent to {:?}. Without the setting 'origins' this relay takes proofs for \
             http://localhost and other names of the loopback alone, and the two must be the same",
            short(origin),
            short(host),
        )))
    }
}

/// Whose session a token says that it is, if it has a token's form.
fn shown(token: &str) -> Option<Principal> {
    let token = BearerToken::parse(token)?;
    Some(Principal {
        mailbox: token.mailbox,
        session: token.hash(),
    })
}
