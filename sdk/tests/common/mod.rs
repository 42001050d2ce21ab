//! A relay in this process and accounts that signed up to it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails loudly")]

use latchkey_sdk::types::{ChallengeRequest, RegisterRequest, SignInRequest, SignedPreKey};
use latchkey_sdk::{Base64, Client, SdkError, Token};
use protocol::Timestamp;
use protocol::address::{Address, RelayName, UserName};
use protocol::claim::{RegisterClaim, SignInClaim, bundle_digest};
use protocol::identity::{Fingerprint, Purpose};
use protocol::party::Party;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use server::RunningRelay;
use tempfile::TempDir;

/// A relay that is gone with this value.
pub struct TestRelay {
    pub relay: RunningRelay,
    _data: TempDir,
}

impl TestRelay {
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = server::Config::new(data.path()).unwrap();
        config.listen.set_port(0);
        Self {
            relay: server::Relay::start(config).await.unwrap(),
            _data: data,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.relay.addr())
    }
}

/// Someone with an identity.
pub struct User {
    pub client: Client,
    party: Party,
    rng: ChaCha20Rng,
}

impl User {
    /// Registers `name`, and is signed in.
    pub async fn register(relay: &TestRelay, name: &str) -> Self {
        let client = latchkey_sdk::connect(&relay.url()).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(name.bytes().map(u64::from).sum());
        let status = client.status().send().await.unwrap();
        let address = Address::new(
            UserName::parse(name).unwrap(),
            RelayName::parse(&status.relay_name).unwrap(),
        );
        let mut party = Party::generate(address, &mut rng);
        let prekey = party
            .publication(None, true, Timestamp(status.time), &mut rng)
            .unwrap()
            .signed_prekey
            .unwrap();
        let mut user = Self { client, party, rng };
        let proof = user.proof(Some(bundle_digest(&prekey, None))).await;
        let request = RegisterRequest {
            user: name.to_owned(),
            identity_key: user.party.identity_key().to_bytes().into(),
            signed_prekey: SignedPreKey {
                payload: prekey.payload.into(),
                signature: prekey.signature.into(),
            },
            one_time_batch: None,
            origin: proof.origin,
            server_nonce: proof.server_nonce,
            client_nonce: proof.client_nonce,
            expires_at: proof.expires_at,
            signature: proof.signature,
            invite: None,
        };
        let registered = user.client.register().body(request).send().await.unwrap().into_inner();
        assert_eq!(registered.address, user.party.address().as_str());
        user.client.session().sign_in(registered.token);
        user
    }

    /// Signs in anew.
    pub async fn sign_in(&mut self) -> Result<Token, SdkError> {
        let proof = self.proof(None).await;
        Ok(self.client.sign_in().body(proof).send().await?.into_inner().token)
    }

    /// Signs a fresh challenge; with a digest, for registering.
    async fn proof(&mut self, bundle_digest: Option<[u8; 64]>) -> SignInRequest {
        let user = self.party.address().user().as_str().to_owned();
        let challenge = self
            .client
            .challenge()
            .body(ChallengeRequest { user: user.clone() })
            .send()
            .await
            .unwrap();
        let mut relay_key = [0; 32];
        hex::decode_to_slice(&challenge.relay_key_fingerprint, &mut relay_key).unwrap();
        let claim = SignInClaim {
            origin: self.client.origin(),
            relay: &Fingerprint::from_bytes(relay_key),
            address: self.party.address(),
            fingerprint: &self.party.fingerprint(),
            server_nonce: &challenge.server_nonce.to_array().unwrap(),
            client_nonce: &[7; 32],
            expires_at: Timestamp(challenge.expires_at),
        };
        let (purpose, payload) = match bundle_digest {
            None => (Purpose::SignIn, claim.payload()),
            Some(bundle_digest) => (Purpose::Register, RegisterClaim { claim, bundle_digest }.payload()),
        };
        let signature = self.party.identity_sign(purpose, &payload, &mut self.rng);
        SignInRequest {
            user,
            origin: self.client.origin().to_owned(),
            server_nonce: challenge.server_nonce.clone(),
            client_nonce: Base64::from([7; 32]),
            expires_at: challenge.expires_at,
            signature: signature.into(),
            commit_counter: None,
        }
    }
}
