//! A play-limited content, and what its recipient tells its author about the relay that counts.

use std::fmt;

use minicbor::Decoder;
use zeroize::Zeroize;

use super::cbor::{CborResult, encode_with};

/// Bytes of the key that opens the relay's answers in oblivious mode: a binary secret of 2048 bits.
pub const OPENING_KEY_LENGTH: usize = 256;
/// Bytes of the secret from which the pad of the requests is made.
pub const PAD_KEY_LENGTH: usize = 32;

/// A play-limited content: everything but the relay's share of its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Limited {
    /// Where the share waits: `mailbox[16] ‖ license[16]`.
    pub license: [u8; 32],
    /// Entitles to plays.
    pub play_capability: [u8; 32],
    /// The recipient's share C of the content key.
    pub content_share: [u8; 32],
    /// Commitment to the content key.
    pub commit: [u8; 32],
    /// The limit's terms, encoded; associated data of the ciphertext.
    pub policy: Vec<u8>,
    /// The inner ciphertext.
    pub ciphertext: Vec<u8>,
    /// What an oblivious limit needs besides. That it fits the mode in `policy` is checked by whoever reads the policy.
    pub oblivious: Option<Oblivious>,
}

/// The recipient's keys of an oblivious limit: opaque here.
#[derive(Clone, PartialEq, Eq)]
pub struct Oblivious {
    /// Opens the relay's answers.
    pub opening_key: Box<[u8; OPENING_KEY_LENGTH]>,
    /// Hides what is asked.
    pub pad_key: [u8; PAD_KEY_LENGTH],
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limited({} bytes)", self.ciphertext.len())
    }
}

impl fmt::Debug for Oblivious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Oblivious(…)")
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        self.content_share.zeroize();
        self.play_capability.zeroize();
    }
}

impl Drop for Oblivious {
    fn drop(&mut self) {
        self.opening_key.zeroize();
        self.pad_key.zeroize();
    }
}

impl Limited {
    /// `{0: bstr license[32], 1: bstr capability[32], 2: bstr C[32], 3: bstr commit[32], 4: bstr policy, 5: bstr ciphertext}`, and in oblivious mode
    /// `6: bstr opening key[256], 7: bstr pad key[32]`.
    pub(super) fn encode(&self) -> Vec<u8> {
        let more = if self.oblivious.is_some() {
            OPENING_KEY_LENGTH + PAD_KEY_LENGTH + 8
        } else {
            0
        };
        encode_with(self.policy.len() + self.ciphertext.len() + 176 + more, |cbor| {
            cbor.map(if self.oblivious.is_some() { 8 } else { 6 })?
                .u8(0)?
                .bytes(&self.license)?
                .u8(1)?
                .bytes(&self.play_capability)?;
            cbor.u8(2)?.bytes(&self.content_share)?.u8(3)?.bytes(&self.commit)?;
            cbor.u8(4)?.bytes(&self.policy)?.u8(5)?.bytes(&self.ciphertext)?;
            if let Some(oblivious) = &self.oblivious {
                cbor.u8(6)?
                    .bytes(&*oblivious.opening_key)?
                    .u8(7)?
                    .bytes(&oblivious.pad_key)?;
            }
            Ok(())
        })
    }

    pub(super) fn read(bytes: &[u8]) -> CborResult<Option<Self>> {
        let mut cbor = Decoder::new(bytes);
        let entries = cbor.map()?;
        let more = match entries {
            Some(6) => false,
            Some(8) => true,
            _ => return Ok(None),
        };
        let mut fields = [&[][..]; 6];
        for (key, field) in (0_u8..).zip(&mut fields) {
            if cbor.u8()? != key {
                return Ok(None);
            }
            *field = cbor.bytes()?;
        }
        let oblivious = if more {
            let Some(oblivious) = Oblivious::read(&mut cbor)? else {
                return Ok(None);
            };
            Some(oblivious)
        } else {
            None
        };
        let [license, capability, share, commit, policy, ciphertext] = fields;
        let (Ok(license), Ok(play_capability), Ok(content_share), Ok(commit)) = (
            license.try_into(),
            capability.try_into(),
            share.try_into(),
            commit.try_into(),
        ) else {
            return Ok(None);
        };
        Ok(Some(Self {
            license,
            play_capability,
            content_share,
            commit,
            policy: policy.to_vec(),
            ciphertext: ciphertext.to_vec(),
            oblivious,
        }))
    }
}

impl Oblivious {
    fn read(cbor: &mut Decoder<'_>) -> CborResult<Option<Self>> {
        if cbor.u8()? != 6 {
            return Ok(None);
        }
        let opening = cbor.bytes()?;
        if cbor.u8()? != 7 {
            return Ok(None);
        }
        let (Ok(opening_key), Ok(pad_key)) = (opening.try_into(), cbor.bytes()?.try_into()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            opening_key: Box::new(opening_key),
            pad_key,
        }))
    }
}

/// The last receipt that the relay signed for plays of a license, named by its holder to the license's giver: whatever the relay shows the giver later must not
/// go back behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayHead {
    /// The license.
    pub license: [u8; 32],
    /// The receipt's number, from 1.
    pub number: u64,
    /// The receipt's digest.
    pub digest: [u8; 32],
}

impl PlayHead {
    /// `{0: bstr license[32], 1: uint number, 2: bstr digest[32]}`.
    pub(super) fn encode(&self) -> Vec<u8> {
        encode_with(84, |cbor| {
            cbor.map(3)?.u8(0)?.bytes(&self.license)?.u8(1)?.u64(self.number)?;
            cbor.u8(2)?.bytes(&self.digest)?;
            Ok(())
        })
    }

    pub(super) fn read(bytes: &[u8]) -> CborResult<Option<Self>> {
        let mut cbor = Decoder::new(bytes);
        if cbor.map()? != Some(3) || cbor.u8()? != 0 {
            return Ok(None);
        }
        let license = cbor.bytes()?;
        if cbor.u8()? != 1 {
            return Ok(None);
        }
        let number = cbor.u64()?;
        if cbor.u8()? != 2 {
            return Ok(None);
        }
        let (Ok(license), Ok(digest)) = (license.try_into(), cbor.bytes()?.try_into()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            license,
            number,
            digest,
        }))
    }
}
