//! A user: an identity, what it publishes, and its calls.

use super::*;

/// Key pairs are slow to make in a debug build; the tests need few different ones.
pub fn key_pair() -> IdentityKeyPair {
    IdentityKeyPair::generate(&mut rng())
}

fn lp(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend(bytes);
}

pub struct User {
    pub api: Api,
    pub name: String,
    pub address: Address,
    pub keys: IdentityKeyPair,
    pub token: String,
    /// The clock that prekeys are dated by.
    pub now: Timestamp,
}

impl User {
    pub fn new(api: Api, name: &str) -> Self {
        let address = Address::parse(&format!("{name}@localhost")).unwrap();
        Self {
            api,
            name: name.into(),
            address,
            keys: key_pair(),
            token: String::new(),
            now: START,
        }
    }

    pub async fn register(api: Api, name: &str) -> Self {
        let mut user = Self::new(api, name);
        user.now = Timestamp(
            user.api.call(Method::GET, "/v1/status", None, None).await.ok()["time"]
                .as_u64()
                .unwrap(),
        );
        let body = user.registration(None).await;
        let answer = user.call(Method::POST, "/v1/accounts", Some(body)).await.ok();
        user.token = answer["token"].as_str().unwrap().into();
        user
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.keys.public().fingerprint(&self.address)
    }

    pub fn mailbox(&self) -> [u8; 16] {
        mailbox_of(&self.name)
    }

    pub fn sign(&self, purpose: Purpose, payload: &[u8]) -> Vec<u8> {
        self.keys.sign(purpose, &self.fingerprint(), payload, &mut rng())
    }

    fn head(&self, id: u32, seq: u64, lives: Duration) -> Vec<u8> {
        let mut out = vec![1];
        lp(&mut out, self.address.as_str().as_bytes());
        out.extend(self.fingerprint().as_bytes());
        out.extend(id.to_be_bytes());
        out.extend(seq.to_be_bytes());
        out.extend(self.now.as_millis().to_be_bytes());
        out.extend(self.now.plus(lives).as_millis().to_be_bytes());
        out
    }

    pub fn signed_prekey(&self, id: u32, seq: u64) -> PublishedSignedPreKey {
        let mut payload = self.head(id, seq, DAY * 14);
        payload.extend([7; 1600]);
        let signature = self.sign(Purpose::SignedPreKey, &payload);
        PublishedSignedPreKey { payload, signature }
    }

    /// A batch whose size is a power of two, so that the shape of its tree is plain.
    pub fn batch(&self, seq: u64, first_id: u32, count: u32) -> PublishedBatch {
        assert!(count.is_power_of_two());
        let keys: Vec<Vec<u8>> = (0..count)
            .map(|i| {
                let mut key = vec![0; 1600];
                key[..4].copy_from_slice(&(first_id + i).to_be_bytes());
                key
            })
            .collect();
        let mut level: Vec<Vec<u8>> = (first_id..)
            .zip(&keys)
            .map(|(id, key)| {
                Sha512::new()
                    .chain_update([0])
                    .chain_update(id.to_be_bytes())
                    .chain_update(key)
                    .finalize()
                    .to_vec()
            })
            .collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| {
                    Sha512::new()
                        .chain_update([1])
                        .chain_update(&pair[0])
                        .chain_update(&pair[1])
                        .finalize()
                        .to_vec()
                })
                .collect();
        }
        let mut payload = self.head(u32::try_from(seq).unwrap(), seq, DAY * 60);
        payload.extend(first_id.to_be_bytes());
        payload.extend(count.to_be_bytes());
        payload.extend(&level[0]);
        let signature = self.sign(Purpose::OneTimeBatch, &payload);
        PublishedBatch {
            payload,
            signature,
            keys,
        }
    }

    /// A body for `register`, with everything right.
    pub async fn registration(&self, batch: Option<PublishedBatch>) -> Value {
        let challenge = self.api.challenge(&self.name).await;
        self.registration_with(&challenge, &self.api.url, batch)
    }

    pub fn registration_with(&self, challenge: &Value, origin: &str, batch: Option<PublishedBatch>) -> Value {
        let spk = self.signed_prekey(1, 1);
        let digest = bundle_digest(&spk, batch.as_ref());
        let client_nonce = random();
        let payload = self.claim(challenge, origin, &client_nonce, |claim| {
            RegisterClaim {
                claim,
                bundle_digest: digest,
            }
            .payload()
        });
        let mut body = json!({
            "user": self.name,
            "identity_key": b64(self.keys.public().to_bytes()),
            "signed_prekey": spk_json(&spk),
            "origin": origin,
            "server_nonce": challenge["server_nonce"],
            "client_nonce": b64(client_nonce),
            "expires_at": challenge["expires_at"],
            "signature": b64(self.sign(Purpose::Register, &payload)),
        });
        if let Some(batch) = batch {
            body["one_time_batch"] = batch_json(&batch);
        }
        body
    }

    pub fn claim(
        &self,
        challenge: &Value,
        origin: &str,
        client_nonce: &[u8; 32],
        payload: impl FnOnce(SignInClaim<'_>) -> Vec<u8>,
    ) -> Vec<u8> {
        let mut relay = [0; 32];
        hex::decode_to_slice(challenge["relay_key_fingerprint"].as_str().unwrap(), &mut relay).unwrap();
        payload(SignInClaim {
            origin,
            relay: &Fingerprint::from_bytes(relay),
            address: &self.address,
            fingerprint: &self.fingerprint(),
            server_nonce: &unb64(&challenge["server_nonce"]).try_into().unwrap(),
            client_nonce,
            expires_at: Timestamp(challenge["expires_at"].as_u64().unwrap()),
        })
    }

    pub fn sign_in_with(&self, challenge: &Value, origin: &str) -> Value {
        let client_nonce = random();
        let payload = self.claim(challenge, origin, &client_nonce, |claim| claim.payload());
        json!({
            "user": self.name,
            "origin": origin,
            "server_nonce": challenge["server_nonce"],
            "client_nonce": b64(client_nonce),
            "expires_at": challenge["expires_at"],
            "signature": b64(self.sign(Purpose::SignIn, &payload)),
        })
    }

    pub async fn sign_in(&mut self) {
        let challenge = self.api.challenge(&self.name).await;
        let body = self.sign_in_with(&challenge, &self.api.url);
        let session = self.api.call(Method::POST, "/v1/session", None, Some(body)).await.ok();
        self.token = session["token"].as_str().unwrap().into();
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let token = (!self.token.is_empty()).then_some(self.token.as_str());
        self.api.call(method, path, token, body).await
    }

    pub fn send_request(&self, to: &str, id: Uuid, envelope: Vec<u8>) -> RequestBuilder {
        self.api
            .request(
                Method::POST,
                &format!("/v1/messages?to={to}&id={id}"),
                Some(&self.token),
            )
            .header("content-type", "application/octet-stream")
            .body(envelope)
    }

    pub async fn send(&self, to: &str, id: Uuid, envelope: impl Into<Vec<u8>>) -> Answer {
        answer(self.send_request(to, id, envelope.into())).await
    }

    pub async fn inbox(&self, body: Value) -> Answer {
        self.call(Method::POST, "/v1/inbox", Some(body)).await
    }

    /// Everything pending, without acknowledging.
    pub async fn envelopes(&self) -> Vec<Vec<u8>> {
        bodies(&self.inbox(json!({})).await.ok())
    }

    /// Everything pending, fetched and acknowledged until nothing is left.
    pub async fn everything(&self) -> Vec<Vec<u8>> {
        let (mut read, mut position) = (Vec::new(), json!({}));
        loop {
            let page = self.inbox(position).await.ok();
            if bodies(&page).is_empty() {
                return read;
            }
            read.extend(bodies(&page));
            position = json!({ "ack": ack(&page) });
        }
    }
}
