//! The relay's signature under each play that it answers.

use std::sync::Arc;

use protocol::{
    Timestamp,
    identity::IdentityKeyPair,
    play_receipt::{NO_RECEIPT, PlayReceipt, SignedPlayReceipt, answer_hash},
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use zeroize::Zeroizing;

use super::{Refusal, Result, fill};
use crate::{
    service::compute::{Asker, Compute},
    store::{OpenLicense, PlayLookup},
};

/// Signs receipts, away from the threads that serve connections: one takes about a millisecond.
pub(super) struct Receipts {
    keys: Arc<IdentityKeyPair>,
    compute: Arc<Compute>,
}

impl Receipts {
    pub fn new(keys: IdentityKeyPair, compute: Arc<Compute>) -> Self {
        Self {
            keys: Arc::new(keys),
            compute,
        }
    }

    /// The receipt for answering `answer` to this request, the next one on this license.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too many signatures wait.
    pub async fn sign(
        &self,
        lookup: &PlayLookup,
        open: &OpenLicense,
        answer: &[u8],
        time: Timestamp,
    ) -> Result<Vec<u8>> {
        let previous = match &open.last_receipt {
            None => NO_RECEIPT,
            Some(bytes) => SignedPlayReceipt::from_bytes(bytes)
                .map_err(|error| {
                    tracing::error!(%error, "a stored receipt is damaged");
                    Refusal::Internal
                })?
                .digest(),
        };
        let license = lookup.license.to_bytes();
        let receipt = PlayReceipt {
            license,
            play_id: lookup.play,
            number: open.number + 1,
            request: lookup.request_hash,
            answer: answer_hash(&license, &lookup.play, answer),
            previous,
            time,
        };
        let (keys, mut rng) = (Arc::clone(&self.keys), rng()?);
        self.compute
            .run(Asker::Account(lookup.license.mailbox), move || {
                receipt.sign(&keys, &mut rng).as_bytes().to_vec()
            })
            .await
    }
}

/// A generator of its own for one piece of work, seeded by the operating system.
pub(super) fn rng() -> Result<ChaCha20Rng> {
    let mut seed = Zeroizing::new([0; 32]);
    fill(&mut *seed)?;
    Ok(ChaCha20Rng::from_seed(*seed))
}
