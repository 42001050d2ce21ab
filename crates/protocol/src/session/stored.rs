//! A session as stored records: its state, and its skipped keys apart, because they change seldom and may be many.

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::missing::{Known, Missing};
use super::{OwnAdvance, ReceiveChain, SendChain, Session, SessionId, Status, Turn};
use crate::error::DecodeError;
use crate::identity::{Fingerprint, IDENTITY_KEY_LENGTH, IdentityKey};
use crate::inner::{Hole, MAX_HOLES};
use crate::pickle::{Record, Writer};
use crate::primitives::kem::{KemPublicKey, KemSecretKey};
use crate::ratchet::{AdvanceKey, ChainKey, MessageKey, Role, RootKey, SkippedKey, SkippedKeys, TagKey};

/// A session without its skipped keys: at most about 16 KB, while it repeats its handshake.
const STATE_CAPACITY: usize = 20 * 1024;
/// An epoch that no session reaches (two thousand million turns); a record that says more is damaged, and counting on would overflow.
const MAX_EPOCH: u32 = 1 << 31;

impl Session {
    /// The state without the skipped keys.
    pub(crate) fn store(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(STATE_CAPACITY);
        out.raw(&self.id.0)
            .bool(self.role == Role::Responder)
            .raw(self.own.as_bytes())
            .raw(self.peer.as_bytes())
            .option(self.peer_identity.as_ref(), |out, key| {
                out.raw(&key.to_bytes());
            })
            .time(self.created_at)
            .u8(match self.status {
                Status::Active => 0,
                Status::ReceiveOnly => 1,
                Status::Forked => 2,
                Status::SetAside => 3,
            })
            .option(self.first.as_deref(), |out, first| {
                out.bytes(first);
            })
            .u32(self.epoch)
            .secret(&self.root.0)
            .list(self.advance_keys.iter(), |out, (epoch, key)| {
                out.u32(*epoch).secret(&key.0);
            })
            .secret(&self.send.key.0)
            .secret(self.send.tags.secret())
            .u32(self.send.n)
            .u32(self.sent_before.0)
            .u32(self.sent_before.1)
            .u32(self.acknowledged.0)
            .u32(self.acknowledged.1)
            .list(self.header_hashes.iter(), |out, (epoch, hash)| {
                out.u32(*epoch).raw(hash);
            })
            .list(self.receive.iter(), |out, (epoch, chain)| {
                out.u32(*epoch)
                    .secret(&chain.key.0)
                    .secret(chain.tags.secret())
                    .u32(chain.n);
            });
        match &self.turn {
            Turn::Mine { peer_key } => out.u8(0).raw(peer_key.as_bytes()),
            Turn::Theirs { own_key } => out.u8(1).secret(own_key.secret()),
        };
        out.option(self.header.as_ref(), |out, advance| {
            out.raw(&advance.header[..])
                .option(advance.signature.as_deref(), |out, signature| {
                    out.raw(&signature[..]);
                });
        })
        .option(self.heard, |out, epoch| {
            out.u32(epoch);
        })
        .u32(self.since.0)
        .time(self.since.1)
        .list(self.missing.0.iter(), |out, Known { hole, told }| {
            out.u32(hole.epoch)
                .u32(hole.first)
                .u32(hole.count)
                .option(*told, |out, (epoch, n)| {
                    out.u32(epoch).u32(n);
                });
        });
        out.finish()
    }

    /// The skipped keys.
    pub(crate) fn store_skipped(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(16 + self.skipped.len() * 64);
        let keys: Vec<_> = self.skipped.iter().collect();
        out.list(keys.into_iter(), |out, ((epoch, n), key)| {
            out.u32(*epoch).u32(*n).raw(&key.tag).secret(&key.key.0).time(key.since);
        });
        out.finish()
    }

    /// Reads both records back; `skipped` is `None` when there were none.
    pub(crate) fn load(state: &[u8], skipped: Option<&[u8]>) -> Result<Self, DecodeError> {
        let mut record = Record::new(state)?;
        let input = &mut record;
        let session = Self {
            id: SessionId(input.array()?),
            role: if input.bool()? {
                Role::Responder
            } else {
                Role::Initiator
            },
            own: Fingerprint::from_bytes(input.array()?),
            peer: Fingerprint::from_bytes(input.array()?),
            peer_identity: input.option(|input| IdentityKey::from_bytes(&input.array::<IDENTITY_KEY_LENGTH>()?))?,
            created_at: input.time()?,
            status: match input.u8()? {
                0 => Status::Active,
                1 => Status::ReceiveOnly,
                2 => Status::Forked,
                3 => Status::SetAside,
                other => return Err(DecodeError::Unknown(other)),
            },
            first: input.option(|input| Ok(Arc::from(input.bytes()?)))?,
            epoch: input.u32()?,
            root: RootKey(input.secret()?),
            advance_keys: input
                .list(|input| Ok((input.u32()?, AdvanceKey::new(input.secret()?))))?
                .into_iter()
                .collect(),
            send: SendChain {
                key: ChainKey::new(input.secret()?),
                tags: TagKey::new(input.secret()?),
                n: input.u32()?,
            },
            sent_before: (input.u32()?, input.u32()?),
            acknowledged: (input.u32()?, input.u32()?),
            header_hashes: input
                .list(|input| Ok((input.u32()?, input.array()?)))?
                .into_iter()
                .collect(),
            receive: read_chains(input)?,
            skipped: skipped.map(load_skipped).transpose()?.unwrap_or_default(),
            turn: match input.u8()? {
                0 => Turn::Mine {
                    peer_key: KemPublicKey::from_bytes(&input.array::<1600>()?)?,
                },
                1 => Turn::Theirs {
                    own_key: KemSecretKey::from_secret(input.secret()?),
                },
                other => return Err(DecodeError::Unknown(other)),
            },
            header: input.option(|input| {
                Ok(OwnAdvance {
                    header: Arc::new(input.array()?),
                    signature: input.option(|input| Ok(Arc::new(input.array()?)))?,
                })
            })?,
            heard: input.option(Record::u32)?,
            since: (input.u32()?, input.time()?),
            missing: Missing(input.list(read_hole)?),
        };
        record.finish()?;
        if session.epoch > MAX_EPOCH || session.missing.0.len() > MAX_HOLES {
            return Err(DecodeError::TooLong);
        }
        Ok(session)
    }
}

fn read_hole(input: &mut Record<'_>) -> Result<Known, DecodeError> {
    let hole = Hole {
        epoch: input.u32()?,
        first: input.u32()?,
        count: input.u32()?,
    };
    let told = input.option(|input| Ok((input.u32()?, input.u32()?)))?;
    if hole.count == 0 || hole.first.checked_add(hole.count).is_none() {
        return Err(DecodeError::NotCanonical);
    }
    Ok(Known { hole, told })
}

fn read_chains(input: &mut Record<'_>) -> Result<BTreeMap<u32, ReceiveChain>, DecodeError> {
    let chains = input.list(|input| {
        let epoch = input.u32()?;
        let key = ChainKey::new(input.secret()?);
        Ok((
            epoch,
            ReceiveChain {
                key,
                tags: TagKey::new(input.secret()?),
                n: input.u32()?,
            },
        ))
    })?;
    Ok(chains.into_iter().collect())
}

fn load_skipped(bytes: &[u8]) -> Result<SkippedKeys, DecodeError> {
    let mut input = Record::new(bytes)?;
    let keys = input.list(|input| {
        let position = (input.u32()?, input.u32()?);
        let tag = input.array()?;
        Ok((
            position,
            SkippedKey {
                tag,
                key: MessageKey::new(input.secret()?),
                since: input.time()?,
            },
        ))
    })?;
    input.finish()?;
    let mut skipped = SkippedKeys::default();
    for (position, key) in keys {
        skipped.insert(position, key);
    }
    Ok(skipped)
}
