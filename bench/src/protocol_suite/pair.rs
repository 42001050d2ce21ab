//! Two parties that talk to each other, without a relay between them.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use protocol::Timestamp;
use protocol::address::Address;
use protocol::content::{Body, Content, ContentId};
use protocol::handshake::PreKeyBundle;
use protocol::party::{Party, Received};
use protocol::prekey::PublishedOneTime;
use protocol::session::RekeyPolicy;
use rand_chacha::ChaCha20Rng;

/// When everything happens.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Nobody's turn comes up.
pub fn never() -> RekeyPolicy {
    RekeyPolicy {
        messages: u32::MAX,
        after: Duration::from_secs(1 << 40),
    }
}

pub fn party(name: &str, rng: &mut ChaCha20Rng) -> Result<Party> {
    Ok(Party::generate(Address::parse(&format!("{name}@localhost"))?, rng))
}

pub fn text(len: usize, rng: &mut ChaCha20Rng) -> Content {
    Content {
        id: ContentId::random(rng),
        sent_at: NOW,
        body: Body::Text("a".repeat(len)),
    }
}

/// What a relay would serve of a freshly registered account.
pub fn bundle(party: &mut Party, rng: &mut ChaCha20Rng) -> Result<PreKeyBundle> {
    let publication = party
        .publication(None, true, NOW, rng)
        .context("a new account has nothing to publish")?;
    party.publication_confirmed(NOW);
    let batch = publication
        .one_time_batch
        .context("a new account publishes no one-time prekeys")?;
    let verified = batch.verify(party.identity_key(), party.address(), NOW)?;
    let entry = verified.entries().next().context("an empty batch")?;
    Ok(PreKeyBundle {
        address: party.address().clone(),
        identity_key: party.identity_key().clone(),
        signed_prekey: publication
            .signed_prekey
            .context("a new account publishes no signed prekey")?,
        one_time: Some(PublishedOneTime {
            payload: batch.payload.clone(),
            signature: batch.signature.clone(),
            id: entry.id,
            key: entry.key,
            path: entry.path,
        }),
    })
}

pub fn exchange(from: &mut Party, to: &mut Party, content: &Content, rng: &mut ChaCha20Rng) -> Result<()> {
    let sent = from.send(to.address(), content, NOW, rng)?;
    opened(&to.receive(&sent.envelope, NOW, rng))
}

pub fn opened(received: &Received) -> Result<()> {
    match received {
        Received::Opened(_) => Ok(()),
        other => bail!("a message did not open: {other:?}"),
    }
}
