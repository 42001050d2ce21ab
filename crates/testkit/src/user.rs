//! An account without a client around it: what a modified or hostile program can do.

use protocol::Timestamp;
use protocol::address::Address;
use protocol::claim::{RegisterClaim, SignInClaim, bundle_digest};
use protocol::handshake::PreKeyBundle;
use protocol::identity::{Fingerprint, IdentityKey, Purpose};
use protocol::party::Party;
use protocol::prekey::{PublishedOneTime, PublishedSignedPreKey};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sdk::{Base64, Client, types};

/// A registered account, driven by hand.
pub struct Raw {
    /// Its calls, signed in.
    pub client: Client,
    /// What its keys were made from, and what else is drawn.
    pub rng: ChaCha20Rng,
}

impl Raw {
    /// Registers `name` with keys that follow from `seed`.
    pub async fn register(url: &str, name: &str, seed: u64, now: Timestamp) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut party = Party::generate(Address::parse(&format!("{name}@localhost")).unwrap(), &mut rng);
        let keys = party.publication(None, false, now, &mut rng).unwrap();
        party.publication_confirmed(now);
        let client = sdk::connect(url).unwrap();
        let challenge = client
            .challenge()
            .body(types::ChallengeRequest { user: name.to_owned() })
            .send()
            .await
            .unwrap()
            .into_inner();
        let mut client_nonce = [0; 32];
        rng.fill_bytes(&mut client_nonce);
        let mut relay = [0; 32];
        hex::decode_to_slice(&challenge.relay_key_fingerprint, &mut relay).unwrap();
        let (signed, batch) = (keys.signed_prekey.unwrap(), keys.one_time_batch.unwrap());
        let payload = RegisterClaim {
            claim: SignInClaim {
                origin: client.origin(),
                relay: &Fingerprint::from_bytes(relay),
                address: party.address(),
                fingerprint: &party.fingerprint(),
                server_nonce: &challenge.server_nonce.to_array().unwrap(),
                client_nonce: &client_nonce,
                expires_at: Timestamp(challenge.expires_at),
            },
            bundle_digest: bundle_digest(&signed, Some(&batch)),
        }
        .payload();
        let signature = party.identity_sign(Purpose::Register, &payload, &mut rng);
        let registered = client
            .register()
            .body(types::RegisterRequest {
                invite: None,
                user: name.to_owned(),
                identity_key: Base64::from(party.identity_key().to_bytes()),
                signed_prekey: types::SignedPreKey {
                    payload: Base64::from(signed.payload),
                    signature: Base64::from(signed.signature),
                },
                one_time_batch: Some(types::OneTimeBatch {
                    payload: Base64::from(batch.payload),
                    signature: Base64::from(batch.signature),
                    keys: batch.keys.into_iter().map(Base64::from).collect(),
                }),
                origin: client.origin().to_owned(),
                server_nonce: challenge.server_nonce,
                client_nonce: Base64::from(client_nonce),
                expires_at: challenge.expires_at,
                signature: Base64::from(signature),
            })
            .send()
            .await
            .unwrap()
            .into_inner();
        client.session().sign_in(registered.token);
        Self { client, rng }
    }

    /// Somebody's keys, as a first message needs them.
    pub async fn fetch(&self, peer: &Address) -> PreKeyBundle {
        let bundle = self
            .client
            .fetch_key()
            .user(peer.user().to_string())
            .send()
            .await
            .unwrap()
            .into_inner();
        PreKeyBundle {
            address: peer.clone(),
            identity_key: IdentityKey::from_bytes(&bundle.identity_key).unwrap(),
            signed_prekey: PublishedSignedPreKey {
                payload: bundle.signed_prekey.payload.into_vec(),
                signature: bundle.signed_prekey.signature.into_vec(),
            },
            one_time: bundle.one_time.map(|key| PublishedOneTime {
                payload: key.payload.into_vec(),
                signature: key.signature.into_vec(),
                id: key.id,
                key: key.key.into_vec(),
                path: key.path.into_iter().map(Base64::into_vec).collect(),
            }),
        }
    }

    /// Puts bytes into somebody's mailbox.
    pub async fn deposit(&mut self, to: &Address, envelope: Vec<u8>) {
        self.try_deposit(to, envelope).await.unwrap();
    }

    /// The same, if the relay lets it.
    ///
    /// # Errors
    /// What the relay refused with.
    pub async fn try_deposit(&mut self, to: &Address, envelope: Vec<u8>) -> Result<(), sdk::SdkError> {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        let id = uuid::Uuid::from_bytes(id);
        self.client
            .send()
            .to(to.user().to_string())
            .id(id)
            .body(envelope)
            .send()
            .await?;
        Ok(())
    }
}
