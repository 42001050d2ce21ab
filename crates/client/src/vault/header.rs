//! The vault's head: what wraps the data key, and how.

use rusqlite::{Connection, OptionalExtension};
use zeroize::Zeroizing;

use super::kdf::{KEY_LEN, KdfCost, Passphrase, SALT_LEN};
use super::{VaultError, seal};

/// What this build writes. Readers refuse what they do not know.
const FORMAT: i64 = 1;

/// How the data key is wrapped.
#[derive(PartialEq, Eq)]
pub(super) struct Header {
    cost: KdfCost,
    salt: Vec<u8>,
    wrapped: Vec<u8>,
}

impl Header {
    pub(super) fn wrap(data: &[u8; KEY_LEN], passphrase: &Passphrase, cost: KdfCost) -> Result<Self, VaultError> {
        let salt = seal::random::<SALT_LEN>()?.to_vec();
        let key = cost.derive(passphrase, &salt)?;
        let wrapped = seal::seal(&key, &Self::aad(cost, &salt), data)?;
        Ok(Self { cost, salt, wrapped })
    }

    pub(super) fn unwrap(&self, passphrase: &Passphrase) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
        let key = self.cost.derive(passphrase, &self.salt)?;
        let data =
            seal::unseal(&key, &Self::aad(self.cost, &self.salt), &self.wrapped).ok_or(VaultError::WrongPassphrase)?;
        let data: [u8; KEY_LEN] = data
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::Corrupt("data key"))?;
        Ok(Zeroizing::new(data))
    }

    fn aad(cost: KdfCost, salt: &[u8]) -> Vec<u8> {
        let mut aad = b"latchkey/1/vault/data-key".to_vec();
        for number in [cost.memory_kib, cost.passes, cost.lanes] {
            aad.extend_from_slice(&number.to_be_bytes());
        }
        aad.extend_from_slice(salt);
        aad
    }
}

pub(super) fn read_header(db: &Connection) -> Result<Option<Header>, VaultError> {
    let row = db
        .query_row(
            "SELECT format, memory_kib, passes, lanes, salt, wrapped_key FROM header WHERE id = 1",
            [],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    (row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?),
                    row.get::<_, Vec<u8>>(4)?,
                    row.get::<_, Vec<u8>>(5)?,
                ))
            },
        )
        .optional()?;
    let Some((format, (memory_kib, passes, lanes), salt, wrapped)) = row else {
        return Ok(None);
    };
    if format != FORMAT {
        return Err(VaultError::TooNew(format));
    }
    if salt.len() != SALT_LEN {
        return Err(VaultError::Corrupt("salt"));
    }
    Ok(Some(Header {
        cost: KdfCost::from_stored(memory_kib, passes, lanes)?,
        salt,
        wrapped,
    }))
}

pub(super) fn write_header(db: &mut Connection, header: &Header) -> Result<(), VaultError> {
    db.execute(
        "INSERT INTO header (id, format, memory_kib, passes, lanes, salt, wrapped_key) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET format = excluded.format, memory_kib = excluded.memory_kib, passes = excluded.passes,
             lanes = excluded.lanes, salt = excluded.salt, wrapped_key = excluded.wrapped_key",
        rusqlite::params![
            FORMAT,
            header.cost.memory_kib,
            header.cost.passes,
            header.cost.lanes,
            header.salt,
            header.wrapped
        ],
    )?;
    Ok(())
}
