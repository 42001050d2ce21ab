//! Padding.

use latchkey_protocol::padding::{pad, padded_length, unpad};

/// Unpadding accepts what padding makes, and nothing else.
pub fn run(data: &[u8]) {
    if let Some(text) = unpad(data) {
        let mut again = text.to_vec();
        pad(&mut again);
        assert_eq!(again, data);
    }
    let mut padded = data.to_vec();
    pad(&mut padded);
    assert_eq!(padded.len(), padded_length(data.len()));
    assert_eq!(unpad(&padded), Some(data));
    // As the fuzzer rarely grows a zero-filled bucket by itself: its bytes at the end of one.
    let mut tail = vec![0; padded_length(data.len() + 100)];
    let from = tail.len() - data.len().min(tail.len());
    tail[from..].copy_from_slice(&data[..data.len().min(padded_length(data.len() + 100))]);
    if let Some(text) = unpad(&tail) {
        let mut again = text.to_vec();
        pad(&mut again);
        assert_eq!(again, tail);
    }
}
