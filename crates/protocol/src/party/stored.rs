//! A party as stored records: which exist, which changed, and reading them back.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::peer::{Peer, Pending};
use super::record_key::{Part, RecordKey};
use super::{KnownHandshake, Party};
use crate::account::{Account, Successor};
use crate::address::Address;
use crate::error::DecodeError;
use crate::pickle::{PickleError, Record, Writer};
use crate::session::{Session, SessionId};

/// A record to store, or to delete.
pub struct Change {
    /// Its key: printable ASCII, at most 200 bytes. Keys of peers hold their addresses: a vault stores them so that they do not show.
    pub key: String,
    /// The new value; `None` deletes the record.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Change({}, {:?} bytes)",
            self.key,
            self.value.as_ref().map(|value| value.len())
        )
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(out)
}

impl Party {
    /// The records that changed since the last call. Store them in the same transaction as what the calls in between returned.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty
            .into_iter()
            .map(|key| Change {
                key: key.text(),
                value: self.record(&key),
            })
            .collect()
    }

    /// Every record, for a copy of the whole state.
    #[must_use]
    pub fn all_records(&self) -> Vec<Change> {
        let mut keys = vec![RecordKey::Identity, RecordKey::Prekeys, RecordKey::Publication];
        keys.extend(self.peers.keys().cloned().map(RecordKey::Peer));
        keys.extend(
            self.sessions
                .keys()
                .flat_map(|id| [RecordKey::Session(*id), RecordKey::Skipped(*id)]),
        );
        for (address, pending) in &self.pending {
            keys.extend(
                pending
                    .keys()
                    .map(|number| RecordKey::Pending(address.clone(), *number)),
            );
        }
        keys.extend(self.handshakes.keys().copied().map(RecordKey::Handshake));
        keys.extend(self.replay.slots().map(RecordKey::Replay));
        keys.extend(Part::ALL.map(RecordKey::Next));
        let changes = keys.into_iter().map(|key| Change {
            key: key.text(),
            value: self.record(&key),
        });
        changes.filter(|change| change.value.is_some()).collect()
    }

    fn record(&self, key: &RecordKey) -> Option<Zeroizing<Vec<u8>>> {
        match key {
            RecordKey::Identity => Some(self.account.store_identity()),
            RecordKey::Prekeys => Some(self.account.store_prekeys()),
            RecordKey::Publication => self.account.store_publication(),
            RecordKey::Peer(address) => self.peers.get(address).map(Peer::store),
            RecordKey::Session(id) => self.sessions.get(id).map(Session::store),
            RecordKey::Skipped(id) => self
                .sessions
                .get(id)
                .filter(|session| !session.skipped.is_empty())
                .map(Session::store_skipped),
            RecordKey::Pending(address, number) => self
                .pending
                .get(address)?
                .get(number)
                .map(|pending| pending.store(address)),
            RecordKey::Handshake(digest) => self.handshakes.get(digest).map(KnownHandshake::store),
            RecordKey::Replay(slot) => self.replay.store(*slot),
            RecordKey::Next(part) => {
                let successor = self.successor.as_ref()?;
                match part {
                    Part::Identity => Some(successor.account.store_identity()),
                    Part::Prekeys => Some(successor.account.store_prekeys()),
                    Part::Publication => successor.account.store_publication(),
                    Part::Statement => Some(successor.store_statement()),
                }
            }
        }
    }

    /// Loads a party from all of its records, in any order.
    ///
    /// # Errors
    /// [`PickleError`] names the record that is damaged, or `identity` when there is none.
    pub fn load(records: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, PickleError> {
        let records: BTreeMap<String, Zeroizing<Vec<u8>>> = records
            .into_iter()
            .map(|(key, value)| (key, Zeroizing::new(value)))
            .collect();
        let damaged = |key: &str| {
            let key = key.to_owned();
            move |why: DecodeError| PickleError { key, why }
        };
        let identity = records
            .get("identity")
            .ok_or_else(|| damaged("identity")(DecodeError::Truncated))?;
        let mut party = Self::with_account(Account::load_identity(identity).map_err(damaged("identity"))?);
        for (key, value) in &records {
            party.load_record(key, value, &records).map_err(damaged(key))?;
        }
        Ok(party)
    }

    /// Any part of a successor needs them all; the statement is read last and brings the others in.
    fn load_next(
        &mut self,
        name: &str,
        value: &[u8],
        all: &BTreeMap<String, Zeroizing<Vec<u8>>>,
    ) -> Result<(), DecodeError> {
        let part = |name: &str| all.get(&format!("next/{name}")).ok_or(DecodeError::Truncated);
        match name {
            "identity" => Account::load_identity(value).map(drop),
            "prekeys" => self.account.clone().load_prekeys(value),
            "publication" => self.account.clone().load_publication(value),
            "statement" => {
                let mut account = Account::load_identity(part("identity")?)?;
                account.load_prekeys(part("prekeys")?)?;
                account.load_publication(part("publication")?)?;
                self.successor = Some(Box::new(Successor::load(account, value)?));
                Ok(())
            }
            _ => Err(DecodeError::BadName),
        }
    }

    fn load_record(
        &mut self,
        key: &str,
        value: &[u8],
        all: &BTreeMap<String, Zeroizing<Vec<u8>>>,
    ) -> Result<(), DecodeError> {
        let (kind, name) = key.split_once('/').unwrap_or((key, ""));
        match kind {
            "identity" | "skipped" => {}
            "next" => self.load_next(name, value, all)?,
            "prekeys" => self.account.load_prekeys(value)?,
            "publication" => self.account.load_publication(value)?,
            "peer" => {
                self.peers
                    .insert(Address::from_wire(name.as_bytes())?, Peer::load(value)?);
            }
            "session" => {
                let skipped = all.get(&format!("skipped/{name}")).map(|bytes| bytes.as_slice());
                let id = SessionId(hex(name).ok_or(DecodeError::BadName)?);
                let session = Session::load(value, skipped)?;
                if session.id() != id {
                    return Err(DecodeError::BadName);
                }
                self.sessions.insert(session.id(), session);
            }
            "pending" => {
                let number = u64::from_str_radix(name, 16).map_err(|_| DecodeError::BadName)?;
                let (peer, pending) = Pending::load(value)?;
                self.next_pending = self.next_pending.max(number.saturating_add(1));
                self.pending.entry(peer).or_default().insert(number, pending);
            }
            "handshake" => {
                self.handshakes
                    .insert(hex(name).ok_or(DecodeError::BadName)?, KnownHandshake::load(value)?);
            }
            "replay" => self
                .replay
                .load(name.parse().map_err(|_| DecodeError::BadName)?, value)?,
            _ => return Err(DecodeError::BadName),
        }
        Ok(())
    }
}

impl KnownHandshake {
    fn store(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(256);
        out.raw(&self.session.0)
            .bytes(self.peer.as_str().as_bytes())
            .time(self.dies)
            .time(self.created_at);
        out.finish()
    }

    fn load(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Record::new(bytes)?;
        let known = Self {
            session: SessionId(input.array()?),
            peer: Address::from_wire(input.bytes()?)?,
            dies: input.time()?,
            created_at: input.time()?,
        };
        input.finish()?;
        Ok(known)
    }
}
