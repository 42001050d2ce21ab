//! The relay's name against the one that its accounts have signed: it is inside every fingerprint and every published key, so a relay that started under another
//! would refuse each of its accounts and hand out keys that nobody accepts.

use std::path::Path;

use protocol::address::{Address, RelayName};

use super::StartError;
use crate::store::sqlite::{OpenError, admin::Reader};

/// Refuses a database whose accounts belong to a relay of another name. One without accounts takes any.
pub(super) fn check(data_dir: &Path, given: &RelayName) -> Result<(), StartError> {
    let reader = Reader::open(data_dir)?;
    let signed = reader.any_signed_prekey().map_err(|source| OpenError::Sqlite {
        path: data_dir.to_owned(),
        source,
    })?;
    match signed.as_deref().and_then(relay_of) {
        Some(stored) if stored != *given => Err(StartError::OtherName {
            given: given.clone(),
            stored,
            data_dir: data_dir.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The relay in the address that a signed prekey is for: a version, and then the address behind its length (docs/protocol.md).
fn relay_of(payload: &[u8]) -> Option<RelayName> {
    let (length, rest) = payload.get(1..)?.split_first_chunk::<4>()?;
    let address = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let address = Address::parse(std::str::from_utf8(address).ok()?).ok()?;
    Some(address.relay())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_out_of_what_was_signed_and_nonsense_has_none() {
        let of = |address: &str| {
            [
                &[1],
                &u32::try_from(address.len()).unwrap().to_be_bytes()[..],
                address.as_bytes(),
                &[7; 40],
            ]
            .concat()
        };
        assert_eq!(relay_of(&of("alice@relay.example")).unwrap().as_str(), "relay.example");
        for nonsense in [
            vec![],
            vec![1],
            vec![2; 1700],
            of("alice"),
            of("Alice@relay.example"),
            of("alice@relay.example")[..20].to_vec(),
        ] {
            assert_eq!(relay_of(&nonsense), None, "{nonsense:?}");
        }
    }
}
