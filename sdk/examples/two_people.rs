//! Two people register and talk, by this SDK and the protocol alone. The SDK carries; keys, proofs and envelopes are the protocol's.
//!
//! ```text
//! cargo run --example two_people -- http://127.0.0.1:5000 alice bob
//! ```
//!
//! It is the whole way from a name to an opened message, and the recipe for a client in another language. It is no client: it keeps nothing, so its
//! accounts are lost with the process, and a name that is taken stays taken. `commit` marks where a client writes to its disk; `latchkey-client` does.
#![allow(clippy::print_stdout, reason = "it is what an example is for")]

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use latchkey_protocol::Timestamp;
use latchkey_protocol::address::{Address, RelayName, UserName};
use latchkey_protocol::claim::{RegisterClaim, SignInClaim, bundle_digest};
use latchkey_protocol::content::{Body, Content, ContentId};
use latchkey_protocol::handshake::PreKeyBundle;
use latchkey_protocol::identity::{Fingerprint, IdentityKey, Purpose};
use latchkey_protocol::party::{Outgoing, Party, Received};
use latchkey_protocol::prekey::{PublishedOneTime, PublishedSignedPreKey};
use latchkey_sdk::types::{
    Acknowledgement, ChallengeRequest, InboxRequest, OneTimeBatch, RegisterRequest, SignInRequest, SignedPreKey,
};
use latchkey_sdk::{Base64, Client, SdkError};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use uuid::Uuid;

/// Somebody with keys, and a relay.
pub struct Person {
    /// The SDK: signed in, from [`Person::register`] on.
    pub relay: Client,
    party: Party,
    rng: ChaCha20Rng,
}

impl Person {
    /// Makes an identity and claims `name` with it, in one request with the first prekeys.
    ///
    /// # Errors
    /// A name that is none or is taken, a relay that is not there, …
    pub async fn register(url: &str, name: &str, mut rng: ChaCha20Rng) -> Result<Self> {
        let relay = latchkey_sdk::connect(url)?;
        let status = relay.status().send().await.map_err(SdkError::from)?;
        let address = Address::new(UserName::parse(name)?, RelayName::parse(&status.relay_name)?);
        let mut party = Party::generate(address, &mut rng);
        let made_at = now();
        let keys = party
            .publication(None, true, made_at, &mut rng)
            .context("a new party has keys to publish")?;
        let prekey = keys.signed_prekey.context("a new party has a signed prekey")?;
        let digest = bundle_digest(&prekey, keys.one_time_batch.as_ref());
        let mut person = Self { relay, party, rng };
        // commit: the keys are on the disk before the relay hears of them.
        let proof = person.prove(Some(digest)).await?;
        let request = RegisterRequest {
            user: proof.user,
            identity_key: person.party.identity_key().to_bytes().into(),
            signed_prekey: SignedPreKey {
                payload: prekey.payload.into(),
                signature: prekey.signature.into(),
            },
            one_time_batch: keys.one_time_batch.map(|batch| OneTimeBatch {
                payload: batch.payload.into(),
                signature: batch.signature.into(),
                keys: batch.keys.into_iter().map(Base64::from).collect(),
            }),
            origin: proof.origin,
            server_nonce: proof.server_nonce,
            client_nonce: proof.client_nonce,
            expires_at: proof.expires_at,
            signature: proof.signature,
            invite: None,
        };
        let registered = person.relay.register().body(request).send().await;
        let registered = registered.map_err(SdkError::from)?.into_inner();
        person.party.publication_confirmed(made_at);
        person.relay.session().sign_in(registered.token);
        Ok(person)
    }

    /// Signs in anew: sessions end after a while.
    ///
    /// # Errors
    /// The relay's refusals.
    pub async fn sign_in(&mut self) -> Result<()> {
        let proof = self.prove(None).await?;
        let session = self.relay.sign_in().body(proof).send().await.map_err(SdkError::from)?;
        self.relay.session().sign_in(session.into_inner().token);
        Ok(())
    }

    /// Signs a fresh challenge of the relay; with the digest of the first keys, for registering.
    async fn prove(&mut self, bundle_digest: Option<[u8; 64]>) -> Result<SignInRequest> {
        let user = self.party.address().user().to_string();
        let request = ChallengeRequest { user: user.clone() };
        let challenge = self.relay.challenge().body(request).send().await;
        let challenge = challenge.map_err(SdkError::from)?.into_inner();
        // A client pins this fingerprint at the first contact, and signs for no other relay.
        let mut relay_key = [0; 32];
        hex::decode_to_slice(&challenge.relay_key_fingerprint, &mut relay_key)?;
        let mut client_nonce = [0; 32];
        self.rng.fill_bytes(&mut client_nonce);
        let claim = SignInClaim {
            origin: self.relay.origin(),
            relay: &Fingerprint::from_bytes(relay_key),
            address: self.party.address(),
            fingerprint: &self.party.fingerprint(),
            server_nonce: &challenge.server_nonce.to_array()?,
            client_nonce: &client_nonce,
            expires_at: Timestamp(challenge.expires_at),
        };
        let (purpose, payload) = match bundle_digest {
            None => (Purpose::SignIn, claim.payload()),
            Some(bundle_digest) => (Purpose::Register, RegisterClaim { claim, bundle_digest }.payload()),
        };
        let signature = self.party.identity_sign(purpose, &payload, &mut self.rng);
        Ok(SignInRequest {
            user,
            origin: self.relay.origin().to_owned(),
            server_nonce: challenge.server_nonce,
            client_nonce: client_nonce.into(),
            expires_at: challenge.expires_at,
            signature: signature.into(),
            // Whether an account was put back from a copy is for clients that keep state on disk.
            commit_counter: None,
        })
    }

    /// Seals a text for somebody at the same relay and hands it over.
    ///
    /// # Errors
    /// Keys that do not verify, a changed identity, the relay's refusals.
    pub async fn say(&mut self, to: &str, text: &str) -> Result<()> {
        let to = Address::new(UserName::parse(to)?, self.party.address().relay());
        let written_at = now();
        let mut outgoing = Vec::new();
        if self.party.needs_bundle(&to) {
            let bundle = self.fetch_bundle(&to).await?;
            outgoing = self.party.start(&bundle, written_at, &mut self.rng)?;
        }
        let content = Content {
            id: ContentId::random(&mut self.rng),
            sent_at: written_at,
            body: Body::Text(text.to_owned()),
        };
        outgoing.push(self.party.send(&to, &content, written_at, &mut self.rng)?);
        self.hand_over(outgoing).await
    }

    /// The keys that `peer` published. The relay may lie about them: the protocol verifies what is signed, and safety numbers show the rest.
    async fn fetch_bundle(&self, peer: &Address) -> Result<PreKeyBundle> {
        let answer = self.relay.fetch_key().user(peer.user().as_str()).send().await;
        let keys = answer.map_err(SdkError::from)?.into_inner();
        ensure!(keys.address == peer.as_str(), "the relay answered for {}", keys.address);
        Ok(PreKeyBundle {
            address: peer.clone(),
            identity_key: IdentityKey::from_bytes(&keys.identity_key)?,
            signed_prekey: PublishedSignedPreKey {
                payload: keys.signed_prekey.payload.into_vec(),
                signature: keys.signed_prekey.signature.into_vec(),
            },
            one_time: keys.one_time.map(|key| PublishedOneTime {
                payload: key.payload.into_vec(),
                signature: key.signature.into_vec(),
                id: key.id,
                key: key.key.into_vec(),
                path: key.path.into_iter().map(Base64::into_vec).collect(),
            }),
        })
    }

    async fn hand_over(&self, outgoing: Vec<Outgoing>) -> Result<()> {
        // commit: the session moved on, and the envelope is on the disk before anybody sees it. Under its id it can be sent again and again.
        for one in outgoing {
            let request = self
                .relay
                .send()
                .to(one.to.user().as_str())
                .id(Uuid::from_bytes(one.id));
            request.body(one.envelope).send().await.map_err(SdkError::from)?;
        }
        Ok(())
    }

    /// Opens what waits, acknowledges it, and answers who said what.
    ///
    /// # Errors
    /// The relay's refusals.
    pub async fn hear(&mut self) -> Result<Vec<(Address, String)>> {
        let mut heard = Vec::new();
        let mut ack = None;
        loop {
            let request = InboxRequest {
                ack: ack.take(),
                wait_seconds: Some(0),
                limit: None,
                commit_counter: None,
            };
            let page = self.relay.inbox().body(request).send().await;
            let page = page.map_err(SdkError::from)?.into_inner();
            let Some(last) = page.envelopes.last().map(|delivery| delivery.sequence) else {
                return Ok(heard);
            };
            let mut outgoing = Vec::new();
            for delivery in &page.envelopes {
                match self.party.receive(&delivery.envelope, now(), &mut self.rng) {
                    Received::Opened(opened) => {
                        outgoing.extend(opened.outgoing);
                        if let Body::Text(text) = opened.content.body {
                            heard.push((opened.from, text));
                        }
                    }
                    // A client keeps what comes under a changed identity until its user has decided, and answers what cannot be opened any more with a
                    // handshake (`Party::wanted`).
                    other => println!("an envelope was not opened: {other:?}"),
                }
            }
            // commit: what is acknowledged is deleted at the relay.
            ack = Some(Acknowledgement {
                incarnation: page.incarnation,
                sequence: last,
            });
            self.hand_over(outgoing).await?;
        }
    }

    /// What both compare by another channel, to know that no relay stands in between.
    #[must_use]
    pub fn safety_number(&self, peer: &Address) -> Option<String> {
        self.party.safety_number(peer).map(|number| number.digits())
    }
}

/// The protocol reads no clock.
fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// A generator of the protocol's randomness, seeded by the operating system.
///
/// # Errors
/// When that has none.
pub fn seeded() -> Result<ChaCha20Rng> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(ChaCha20Rng::from_seed(seed))
}

#[tokio::main]
#[allow(dead_code, reason = "a test includes this file as a module")]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, one, other] = args.as_slice() else {
        anyhow::bail!("usage: two_people URL NAME NAME");
    };
    let mut alice = Person::register(url, one, seeded()?).await?;
    let mut bob = Person::register(url, other, seeded()?).await?;
    alice.say(other, "hello").await?;
    for (from, text) in bob.hear().await? {
        println!("{from}: {text}");
        println!(
            "their safety number: {}",
            bob.safety_number(&from).context("they are no stranger")?
        );
        bob.say(from.user().as_str(), "hello yourself").await?;
    }
    for (from, text) in alice.hear().await? {
        println!("{from}: {text}");
    }
    Ok(())
}
