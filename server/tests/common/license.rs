//! A play license and what is done with it.

use protocol::{
    identity::{IdentityKey, relay_fingerprint},
    play_receipt::{PlayReceipt, SignedPlayReceipt},
};

use super::*;

/// A license with its two capabilities.
pub struct License {
    pub id: String,
    pub play: [u8; 32],
    pub owner: [u8; 32],
    pub share: [u8; 32],
    pub plays: u8,
    pub expires_at: u64,
}

impl License {
    pub fn new(to: &str, plays: u8) -> Self {
        let id = format!("{}{}", hex::encode(mailbox_of(to)), hex::encode(random::<16>()));
        let expires_at = START.plus(DAY * 90).as_millis();
        Self {
            id,
            play: random(),
            owner: random(),
            share: random(),
            plays,
            expires_at,
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "id": self.id, "plays": self.plays, "expires_at": self.expires_at, "share": b64(self.share),
            "play_capability_hash": b64(Sha256::digest(self.play)),
            "owner_capability_hash": b64(Sha256::digest(self.owner)),
        })
    }

    pub fn message(&self, to: &str, id: Uuid, envelope: &[u8]) -> Value {
        json!({ "to": to, "id": id, "envelope": b64(envelope), "license": self.json() })
    }

    pub async fn play(&self, api: &Api, play_id: Uuid) -> Answer {
        self.play_with(api, play_id, &self.play).await
    }

    pub async fn play_with(&self, api: &Api, play_id: Uuid, capability: &[u8]) -> Answer {
        let body = json!({ "play_id": play_id, "capability": b64(capability) });
        api.call(
            Method::POST,
            &format!("/v1/licenses/{}/plays", self.id),
            None,
            Some(body),
        )
        .await
    }

    pub async fn owned(&self, api: &Api, method: Method, capability: &[u8]) -> Answer {
        let request = api.request(method, &format!("/v1/licenses/{}", self.id), None);
        answer(request.header("Latchkey-Capability", b64(capability))).await
    }

    pub async fn confirm(&self, api: &Api, play_id: Uuid, capability: &[u8]) -> Answer {
        let request = api.request(
            Method::DELETE,
            &format!("/v1/licenses/{}/plays/{play_id}", self.id),
            None,
        );
        answer(request.header("Latchkey-Capability", b64(capability))).await
    }
}

/// What the relay signed, checked.
pub async fn receipt(api: &Api, receipt: &Value) -> PlayReceipt {
    let answer = api.call(Method::GET, "/v1/relay-key", None, None).await.ok();
    let key = IdentityKey::from_bytes(&unb64(&answer["identity_key"])).unwrap();
    assert_eq!(answer["fingerprint"], relay_fingerprint(&key).to_string());
    let signed = SignedPlayReceipt::from_bytes(&unb64(receipt)).unwrap();
    signed.verify(&key).unwrap()
}

/// A license in oblivious mode, with its capabilities and the gate key that it is under.
pub struct ObliviousLicense {
    pub license: License,
    pub gate_key: [u8; 16],
    pub gate_capability: [u8; 32],
    pub counter: Vec<u8>,
}

impl ObliviousLicense {
    pub fn new(to: &str, gate_key: [u8; 16], gate_capability: [u8; 32], counter: Vec<u8>) -> Self {
        Self {
            license: License::new(to, 0),
            gate_key,
            gate_capability,
            counter,
        }
    }

    pub fn message(&self, to: &str, id: Uuid, envelope: &[u8]) -> Value {
        let mut license = self.license.json();
        license.as_object_mut().unwrap().remove("plays");
        license["gate_key"] = json!(hex::encode(self.gate_key));
        license["gate_key_capability"] = json!(b64(self.gate_capability));
        license["counter"] = json!(b64(&self.counter));
        json!({ "to": to, "id": id, "envelope": b64(envelope), "license": license })
    }

    /// One attempt.
    pub async fn ask(&self, api: &Api, play_id: Uuid, request: &[u8]) -> Answer {
        self.ask_with(api, play_id, request, &self.license.play).await
    }

    pub async fn ask_with(&self, api: &Api, play_id: Uuid, request: &[u8], capability: &[u8]) -> Answer {
        let body = json!({ "play_id": play_id, "capability": b64(capability), "request": b64(request) });
        let path = format!("/v1/licenses/{}/oblivious-plays", self.license.id);
        api.call(Method::POST, &path, None, Some(body)).await
    }

    /// Attempts until the relay has a place, more rarely each time; every other answer is the answer.
    pub async fn insist(&self, api: &Api, play_id: Uuid, request: &[u8]) -> Answer {
        let mut pause = Duration::from_millis(20);
        loop {
            let answer = self.ask(api, play_id, request).await;
            if answer.status != 503 {
                return answer;
            }
            answer.refused(503, "busy");
            let jitter = u64::from(random::<1>()[0]) * pause.as_millis() as u64 / 256;
            tokio::time::sleep(pause + Duration::from_millis(jitter)).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Asks for all of `plays` at once. Those for which the relay has no place come again, eight at a time, which is more than it lets into one line: were they to
    /// come all at once each time, the test would measure how fast they are refused.
    pub async fn storm(&self, api: &Api, plays: &[(Uuid, Vec<u8>)]) -> Vec<Value> {
        let again = tokio::sync::Semaphore::new(8);
        let asks = plays.iter().map(async |(id, request)| {
            let answer = self.ask(api, *id, request).await;
            if answer.status != 503 {
                return answer.ok();
            }
            let _turn = again.acquire().await.unwrap();
            self.insist(api, *id, request).await.ok()
        });
        futures_util::future::join_all(asks).await
    }

    pub fn id(&self) -> [u8; 32] {
        hex::decode(&self.license.id).unwrap().try_into().unwrap()
    }
}

/// Uploads a gate key.
pub async fn put_gate_key(user: &User, id: [u8; 16], capability: [u8; 32], key: Vec<u8>) -> Answer {
    let path = format!("/v1/gate-keys/{}", hex::encode(id));
    let request = user.api.request(Method::PUT, &path, Some(&user.token));
    let request = request
        .header("Latchkey-Capability-Hash", b64(Sha256::digest(capability)))
        .header("Content-Type", "application/octet-stream");
    answer(request.body(key)).await
}

pub async fn gate_key(user: &User, method: Method, id: [u8; 16]) -> Answer {
    let path = format!("/v1/gate-keys/{}", hex::encode(id));
    user.call(method, &path, None).await
}
