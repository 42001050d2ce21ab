//! Real accounts: identities that registered by proof of possession and are signed in.

use anyhow::{Context, Result};
use protocol::Timestamp;
use protocol::address::{Address, RelayName, UserName};
use protocol::claim::{RegisterClaim, SignInClaim, bundle_digest};
use protocol::identity::{Fingerprint, Purpose};
use protocol::party::Party;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sdk::{Base64, Client, types};

/// Who sends and receives in a measurement.
pub struct Account {
    pub user: String,
    /// The header line, with its end.
    pub authorization: String,
}

/// Registers `user`.
pub async fn register(relay: &Client, user: &str, rng: &mut ChaCha20Rng) -> Result<Account> {
    let challenge = relay
        .challenge()
        .body(types::ChallengeRequest { user: user.to_owned() })
        .send()
        .await
        .map_err(sdk::SdkError::from)?
        .into_inner();
    let now = relay.status().send().await.map_err(sdk::SdkError::from)?.time;
    let address = Address::new(UserName::parse(user)?, RelayName::parse(&challenge.relay_name)?);
    let mut party = Party::generate(address, rng);
    let publication = party
        .publication(None, true, Timestamp(now), rng)
        .context("nothing to publish")?;
    // Nobody starts a session in these measurements, so one-time prekeys would only cost time.
    let signed_prekey = publication.signed_prekey.context("no signed prekey")?;
    let mut relay_key = [0; 32];
    hex(&challenge.relay_key_fingerprint, &mut relay_key).context("the relay's fingerprint is not 64 hex digits")?;
    let mut client_nonce = [0; 32];
    rng.fill_bytes(&mut client_nonce);
    let claim = RegisterClaim {
        claim: SignInClaim {
            origin: relay.origin(),
            relay: &Fingerprint::from_bytes(relay_key),
            address: party.address(),
            fingerprint: &party.fingerprint(),
            server_nonce: &challenge.server_nonce.to_array()?,
            client_nonce: &client_nonce,
            expires_at: Timestamp(challenge.expires_at),
        },
        bundle_digest: bundle_digest(&signed_prekey, None),
    };
    let signature = party.identity_sign(Purpose::Register, &claim.payload(), rng);
    let request = types::RegisterRequest {
        user: user.to_owned(),
        identity_key: party.identity_key().to_bytes().into(),
        signed_prekey: types::SignedPreKey {
            payload: Base64::from(signed_prekey.payload),
            signature: Base64::from(signed_prekey.signature),
        },
        one_time_batch: None,
        origin: relay.origin().to_owned(),
        server_nonce: challenge.server_nonce,
        client_nonce: client_nonce.into(),
        expires_at: challenge.expires_at,
        signature: signature.into(),
        invite: None,
    };
    let registered = relay
        .register()
        .body(request)
        .send()
        .await
        .map_err(sdk::SdkError::from)?;
    Ok(Account {
        user: user.to_owned(),
        authorization: format!("Authorization: Bearer {}\r\n", registered.token.expose()),
    })
}

fn hex(text: &str, out: &mut [u8; 32]) -> Option<()> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in out.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(())
}
