//! Root keys: one an epoch, consumed by the next.

use zeroize::Zeroizing;

use super::{AdvanceKey, ChainKey, Direction, TagKey};
use crate::labels;
use crate::primitives::kdf::hkdf;
use crate::primitives::kem::SharedSecret;
use crate::primitives::secret::Secret;
use crate::wire::Put;

/// Everything that an epoch begins with: `root ‖ ck_i2r ‖ ck_r2i ‖ tk_i2r ‖ tk_r2i ‖ adv`, 32 bytes each.
pub struct EpochKeys {
    /// For the next epoch.
    pub root: RootKey,
    chains: [(ChainKey, TagKey); 2],
    /// For boxed envelopes.
    pub advance: AdvanceKey,
}

impl EpochKeys {
    /// Epoch 0: `E_0 = HKDF(salt = T1, ikm = ss1 ‖ (ss2 or 0^32), info = lp("latchkey/1/epoch") ‖ session_id ‖ u32 0 ‖ H(∅), 192)`.
    #[must_use]
    pub fn initial(
        t1: &[u8; 64],
        ss1: &SharedSecret,
        ss2: Option<&SharedSecret>,
        session_id: &[u8; 32],
        empty_header: &[u8; 64],
    ) -> Self {
        let none = [0; 32];
        let ss2 = ss2.map_or(&none, Secret::expose);
        let ikm = Zeroizing::new([&ss1.expose()[..], ss2].concat());
        Self::derive(t1, &ikm, session_id, 0, empty_header)
    }

    fn derive(salt: &[u8], ikm: &[u8], session_id: &[u8; 32], epoch: u32, header_hash: &[u8; 64]) -> Self {
        let mut info = Vec::with_capacity(128);
        info.put_lp(labels::EPOCH)
            .put(session_id)
            .put_u32(epoch)
            .put(header_hash);
        let okm = hkdf::<192>(salt, ikm, &info);
        let part = |i: usize| {
            let mut key = [0; 32];
            key.copy_from_slice(&okm[32 * i..32 * (i + 1)]);
            Secret::new(key)
        };
        Self {
            root: RootKey(part(0)),
            chains: [
                (ChainKey::new(part(1)), TagKey::new(part(3))),
                (ChainKey::new(part(2)), TagKey::new(part(4))),
            ],
            advance: AdvanceKey::new(part(5)),
        }
    }

    /// The chain and tag key of one direction, for a trial before the epoch is entered.
    #[must_use]
    pub fn peek(&self, direction: Direction) -> (ChainKey, TagKey) {
        self.chains[usize::from(direction.byte())].clone()
    }

    /// The parts: root, the chain and tag key that `sends` goes out on, those of the other direction, and the advance key.
    #[must_use]
    pub fn split(self, sends: Direction) -> (RootKey, (ChainKey, TagKey), (ChainKey, TagKey), AdvanceKey) {
        let [i2r, r2i] = self.chains;
        let (out, back) = match sends {
            Direction::InitiatorToResponder => (i2r, r2i),
            Direction::ResponderToInitiator => (r2i, i2r),
        };
        (self.root, out, back, self.advance)
    }
}

/// The root key of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKey(pub(crate) Secret<32>);

impl RootKey {
    /// Epoch e ≥ 1: `E_e = HKDF(salt = root_{e-1}, ikm = ss_e, info = lp("latchkey/1/epoch") ‖ session_id ‖ u32 e ‖ H(hdr_e), 192)`.
    ///
    /// Borrowed, because a received header is only a claim until a message opens under it; whoever installs the result erases this key.
    #[must_use]
    pub fn advance(&self, ss: &SharedSecret, session_id: &[u8; 32], epoch: u32, header_hash: &[u8; 64]) -> EpochKeys {
        EpochKeys::derive(self.0.expose(), ss.expose(), session_id, epoch, header_hash)
    }
}
