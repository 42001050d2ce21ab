//! Contents: the CBOR inside an opened envelope.

use latchkey_protocol::content::Content;

/// What decodes is the one encoding of what it decodes to.
pub fn run(data: &[u8]) {
    if let Ok(content) = Content::decode(data) {
        assert_eq!(content.encode(), data);
        let _ = format!("{content:?}");
    }
}
