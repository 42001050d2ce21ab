//! What a record is: where it is filed, and its bytes.

use zeroize::Zeroizing;

use super::error::VaultError;
use super::kind::Kind;

/// A record of one kind.
pub trait Record: Sized {
    /// Where it is filed.
    const KIND: Kind;
    /// The bytes to seal.
    ///
    /// # Errors
    /// Never in practice; an encoder's error is passed on rather than hidden.
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, VaultError>;
    /// The inverse of [`Record::encode`].
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] for bytes that this program does not write.
    fn decode(bytes: &[u8]) -> Result<Self, VaultError>;
}

macro_rules! record {
    ($type:ty, $kind:ident, $name:literal) => {
        impl Record for $type {
            const KIND: Kind = Kind::$kind;
            fn encode(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
                minicbor::to_vec(self)
                    .map(Zeroizing::new)
                    .map_err(|_| VaultError::Corrupt($name))
            }
            fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
                minicbor::decode(bytes).map_err(|_| VaultError::Corrupt($name))
            }
        }
    };
}

pub(super) use record;
