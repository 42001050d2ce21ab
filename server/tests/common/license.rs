//! A play license and what is done with it.

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
