//! Padding: an envelope's size says little about its content.
//!
//! The inner text is filled with `0x80` and zeros to a multiple of 256 bytes up to 4 KiB, and above to the next Padmé length (Nikitin et al.,
//! "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019, section 5), at most 12 % more.

/// Granularity below [`PADME_FROM`].
const STEP: usize = 256;
/// From this length on Padmé takes over.
const PADME_FROM: usize = 4096;

/// The length that an inner text of `length` bytes (the 0x80 not counted) is padded to.
#[must_use]
pub fn padded_length(length: usize) -> usize {
    let least = length + 1; // the 0x80
    if least <= PADME_FROM {
        return least.next_multiple_of(STEP);
    }
    let exponent = least.ilog2();
    let mantissa_bits = exponent.ilog2() + 1;
    least.next_multiple_of(1 << (exponent - mantissa_bits))
}

/// Pads in place.
pub fn pad(text: &mut Vec<u8>) {
    let padded = padded_length(text.len());
    text.push(0x80);
    text.resize(padded, 0);
}

/// The text without its padding; `None` when the padding is not exactly what [`pad`] makes.
#[must_use]
pub fn unpad(padded: &[u8]) -> Option<&[u8]> {
    // In words from the end: byte by byte takes as long as deciphering.
    let zeros = padded.rchunks_exact(16).take_while(|word| **word == [0; 16]).count() * 16;
    let end = padded[..padded.len() - zeros].iter().rposition(|byte| *byte != 0)?;
    (padded[end] == 0x80 && padded_length(end) == padded.len()).then(|| &padded[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fall_into_the_documented_buckets() {
        for (length, padded) in [
            (0, 256),
            (255, 256),
            (256, 512),
            (4095, 4096),
            (4096, 4352),
            (4351, 4352),
            (9000, 9216),
            (65_535, 65_536),
            (65_536, 67_584),
            (1_000_000, 1_015_808),
        ] {
            assert_eq!(padded_length(length), padded, "{length}");
        }
        for length in (0..200_000).step_by(37) {
            let padded = padded_length(length);
            assert!(
                padded > length && (padded <= 4096 || padded as f64 <= (length + 1) as f64 * 1.12),
                "{length}"
            );
            assert_eq!(padded_length(padded - 1), padded, "a bucket is its own");
        }
    }

    #[test]
    fn only_exact_padding_is_accepted() {
        let mut text = b"hello\x80\0\0".to_vec();
        let plain = text.clone();
        pad(&mut text);
        assert_eq!(unpad(&text), Some(&plain[..]));
        for i in plain.len()..text.len() {
            let mut bad = text.clone();
            bad[i] ^= 1;
            assert_ne!(unpad(&bad), Some(&plain[..]), "byte {i}");
        }
        assert_eq!(unpad(&text[..255]), None);
        assert_eq!(unpad(&[0; 256]), None);
        assert_eq!(unpad(&[]), None);
        let longer = [&text[..], &[0; 256]].concat();
        assert_eq!(unpad(&longer), None, "a bucket too large");
    }
}
