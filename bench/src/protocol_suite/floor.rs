//! What the primitives alone cost: the least that the specification leaves to an implementation of a steady message.

use anyhow::{Result, bail};
use protocol::padding::padded_length;
use protocol::primitives::aead::CommittedKey;
use protocol::primitives::hash;
use protocol::primitives::kdf::{MacKey, expand};

use super::{BURST, TEXT_LEN, timed};

/// Bytes that a content and the counts put around a text, about.
const AROUND: usize = 40;
/// Bytes of a message's associated data.
const AAD: usize = 221;
/// Bytes of the label, its length, and a hash: what a message key is expanded with.
const INFO: usize = 86;
/// Bytes by which a duplicate is recognised.
const ENDS: usize = 106;

/// One message's primitives, for [`BURST`] messages: microseconds a message to seal, and to open.
///
/// Tag (its key ready), two steps of the chain, hash of the associated data, message key, committed AES-256-GCM; a receiver also hashes the ends of
/// the envelope.
pub fn round() -> Result<(f64, f64)> {
    let tags = MacKey::new(&[1; 32]);
    let text = vec![b'a'; padded_length(TEXT_LEN + AROUND)];
    let keys = |n: u8| {
        let (tag, chain) = (tags.mac(&[&[n; 4]]), MacKey::new(&[n; 32]));
        std::hint::black_box((tag, chain.mac(&[&[1]]), chain.mac(&[&[2]]), hash(&[&[n; AAD]])));
        CommittedKey::new(expand::<76>(&[n; 32], &[n; INFO]))
    };
    let burst = (0..BURST).map(|n| n as u8);
    let (seal, sealed) = timed(|| {
        burst
            .clone()
            .map(|n| keys(n).seal(&[n; AAD], &text, Vec::new()))
            .collect::<Vec<_>>()
    });
    let (open, opened) = timed(|| {
        burst.zip(&sealed).all(|(n, sealed)| {
            std::hint::black_box(hash(&[&sealed[..ENDS]]));
            let opened = keys(n).open(&[n; AAD], sealed);
            opened.is_ok_and(|opened| opened.len() == text.len())
        })
    });
    if !opened {
        bail!("the primitives do not open what they sealed");
    }
    Ok((seal / f64::from(BURST), open / f64::from(BURST)))
}
