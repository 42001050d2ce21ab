//! Writing CBOR of contents; what reading answers.

use minicbor::Encoder;

pub type CborResult<T> = Result<T, minicbor::decode::Error>;

/// Writing CBOR into a vector cannot fail.
pub(crate) fn encode_with(
    capacity: usize,
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), minicbor::encode::Error<std::convert::Infallible>>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity);
    let result = write(&mut Encoder::new(&mut out));
    debug_assert!(result.is_ok());
    out
}
