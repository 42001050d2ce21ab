//! Gate keys: taken in pieces, checked, kept until their last license is over.

use std::{collections::HashSet, io, pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, SemaphorePermit};

use super::{
    GateRules, Refusal, Result, exactly, fill,
    gate::Gate,
    oblivious::{Oblivious, disk},
    sessions::Sessions,
};
use crate::{
    clock::Clock,
    model::{Bytes32, GateKeyId, MailboxId, Principal},
    store::{
        GateKeyPut, GateKeyQuota, GateKeyRoom, GateKeyRow, NewGateKey, Store,
        files::{KeyFiles, PartFile},
    },
};

/// Largest gate key, bytes: one of the only parameter set has 23 MB; the rest is room for a set of its neighbourhood, within what a license was designed to cost.
pub const MAX_GATE_KEY_BYTES: usize = 31_100_000;
/// Keys of one account that are kept, for each that may be live: those before stay until their last message has expired.
const KEPT_FOR_EACH_LIVE: u64 = 3;
/// Uploads at once, of all accounts. Each writes to the disk as fast as its sender sends.
const UPLOADS: usize = 8;
/// Pieces to the disk of this size, so that a slow sender does not cost a task a packet.
const PIECE: usize = 1 << 20;
/// A key that nobody attached a license to for this long, and that has none, goes: its owner has left, or has another. Longer than any license lives.
const IDLE: Duration = Duration::from_secs(400 * 24 * 3600);
/// Keys removed in one step of the sweep.
const SWEEP_STEP: u32 = 16;

/// The gate keys.
pub struct GateKeys {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    files: KeyFiles,
    oblivious: Arc<Oblivious>,
    sessions: Arc<Sessions>,
    quota: GateKeyQuota,
    uploads: Semaphore,
    uploading: Mutex<HashSet<MailboxId>>,
    /// Held while a file and its row come or go together.
    changing: AsyncMutex<()>,
}

impl GateKeys {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        files: KeyFiles,
        oblivious: Arc<Oblivious>,
        sessions: Arc<Sessions>,
        rules: &GateRules,
    ) -> Self {
        Self {
            store,
            clock,
            files,
            oblivious,
            sessions,
            quota: GateKeyQuota {
                live: rules.keys,
                kept: rules.keys.saturating_mul(KEPT_FOR_EACH_LIVE),
                bytes: rules.disk,
            },
            uploads: Semaphore::new(UPLOADS),
            uploading: Mutex::default(),
            changing: AsyncMutex::new(()),
        }
    }

    /// Takes a key in pieces; when this returns it is whole, checked and on the disk.
    ///
    /// # Errors
    /// [`Refusal::GateKeyConflict`] when the id has other bytes, [`Refusal::BadGateKey`], [`Refusal::TooLarge`], [`Refusal::GateKeysFull`],
    /// [`Refusal::StorageFull`], [`Refusal::Busy`], and what is wrong with the form.
    pub async fn put<E: std::fmt::Display>(
        &self,
        owner: Principal,
        id: &str,
        capability_hash: &[u8],
        bytes: impl Stream<Item = std::result::Result<impl AsRef<[u8]>, E>> + Send,
    ) -> Result<GateKeyRow> {
        let mut bytes = std::pin::pin!(bytes);
        let admitted = match self.admit(owner, id, capability_hash).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                drain(bytes).await;
                return Err(refusal);
            }
        };
        let Admitted {
            id,
            capability_hash,
            known,
            ..
        } = admitted;

        let there = known.filter(|row| self.files.has(id, &row.sha256));
        let taken = self.take(bytes.as_mut(), there.is_none()).await?;
        // A quarter of an hour may have passed.
        self.sessions.confirm(&owner).await?;
        let row = GateKeyRow {
            id,
            owner: owner.mailbox,
            sha256: taken.sha256,
            bytes: taken.length as u64,
            capability_hash,
            retired: false,
        };
        match (there, taken.part) {
            (Some(there), _) if there.sha256 == row.sha256 => Ok(row),
            (Some(_), _) | (None, None) => Err(Refusal::GateKeyConflict),
            (None, Some(part)) => {
                let part = self.check(part).await?;
                self.sessions.confirm(&owner).await?;
                // A row whose file is lost takes whatever its owner now sends.
                self.keep(part, row, known.map(|row| row.sha256)).await?;
                Ok(row)
            }
        }
    }

    /// What can be refused before a byte was read.
    async fn admit(&self, owner: Principal, id: &str, capability_hash: &[u8]) -> Result<Admitted<'_>> {
        let id = GateKeyId::parse(id)
            .ok_or_else(|| Refusal::BadRequest("a gate key's id is 32 lower-case hex digits".into()))?;
        let capability_hash: Bytes32 = exactly("Latchkey-Capability-Hash", capability_hash)?;
        let known = self.store.gate_key(id).await?;
        if let Some(row) = &known {
            let same = row.owner == owner.mailbox && row.capability_hash == capability_hash && !row.retired;
            if !same {
                return Err(Refusal::GateKeyConflict);
            }
        } else {
            self.check_room(owner.mailbox, 0).await?;
        }
        Ok(Admitted {
            id,
            capability_hash,
            known,
            _one: self.one_upload(owner.mailbox)?,
            _few: self.uploads.try_acquire().map_err(|_| Refusal::Busy)?,
        })
    }

    /// Receives everything; into a file only if it is `wanted`.
    async fn take<E: std::fmt::Display>(
        &self,
        mut bytes: Pin<&mut (impl Stream<Item = std::result::Result<impl AsRef<[u8]>, E>> + Send)>,
        wanted: bool,
    ) -> Result<Taken> {
        let mut part = if wanted { Some(self.begin().await?) } else { None };
        let (mut hash, mut length) = (Sha256::new(), 0);
        let mut piece = Vec::with_capacity(PIECE);
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|error| Refusal::BadRequest(format!("the body broke off: {error}")))?;
            let chunk = chunk.as_ref();
            length += chunk.len();
            if length > MAX_GATE_KEY_BYTES {
                return Err(Refusal::TooLarge(format!(
                    "a gate key has at most {MAX_GATE_KEY_BYTES} bytes"
                )));
            }
            hash.update(chunk);
            if let Some(open) = part.take() {
                piece.extend_from_slice(chunk);
                part = Some(if piece.len() >= PIECE {
                    write(open, std::mem::replace(&mut piece, Vec::with_capacity(PIECE))).await?
                } else {
                    open
                });
            }
        }
        if let Some(open) = part.take() {
            part = Some(write(open, piece).await?);
        }
        Ok(Taken {
            part,
            sha256: hash.finalize().into(),
            length,
        })
    }

    async fn begin(&self) -> Result<PartFile> {
        let mut random = [0; 16];
        fill(&mut random)?;
        let files = self.files.clone();
        on_disk(move || files.begin(random)).await
    }

    /// Whether the gate can compute with it. On the gate's own threads, since it takes as long as loading.
    async fn check(&self, part: PartFile) -> Result<PartFile> {
        let gate = Arc::clone(self.oblivious.gate());
        self.oblivious
            .run(move || {
                let bytes = part.read().map_err(|error| disk(&error))?;
                gate.load(&bytes).map_err(Refusal::BadGateKey)?;
                Ok(part)
            })
            .await?
    }

    /// The file first, then the row: a row always finds its file.
    async fn keep(&self, part: PartFile, row: GateKeyRow, replaces: Option<Bytes32>) -> Result<()> {
        let _changing = self.changing.lock().await;
        let files = self.files.clone();
        on_disk(move || files.keep(part, row.id, &row.sha256)).await?;
        let new = NewGateKey {
            row,
            replaces,
            quota: self.quota,
            now: self.clock.now(),
        };
        let refusal = match self.store.put_gate_key(new).await {
            Ok(GateKeyPut::Done) => {
                self.oblivious.forget(row.id);
                return Ok(());
            }
            Ok(GateKeyPut::Conflict) => Refusal::GateKeyConflict,
            Ok(GateKeyPut::NoRoom(room)) => self.refuse(room),
            Err(error) => error.into(),
        };
        // Only if no row names it: the same bytes may have come twice.
        let named = self.store.gate_key(row.id).await?;
        if named.is_none_or(|named| named.sha256 != row.sha256) {
            let files = self.files.clone();
            on_disk(move || files.remove(row.id, &row.sha256)).await?;
        }
        Err(refusal)
    }

    async fn check_room(&self, owner: MailboxId, bytes: u64) -> Result<()> {
        match self.store.gate_key_use(owner).await?.admits(&self.quota, bytes) {
            GateKeyRoom::Room => Ok(()),
            room => Err(self.refuse(room)),
        }
    }

    fn refuse(&self, room: GateKeyRoom) -> Refusal {
        match room {
            GateKeyRoom::AccountFull => Refusal::GateKeysFull(self.quota.live),
            GateKeyRoom::RelayFull | GateKeyRoom::Room => Refusal::StorageFull,
        }
    }

    /// A key of one's own.
    ///
    /// # Errors
    /// [`Refusal::NoSuchGateKey`] when there is none, it is another's, or its file is lost.
    pub async fn view(&self, owner: Principal, id: &str) -> Result<GateKeyRow> {
        let id = GateKeyId::parse(id).ok_or(Refusal::NoSuchGateKey)?;
        let row = self.store.gate_key(id).await?;
        let row = row.filter(|row| row.owner == owner.mailbox && self.files.has(id, &row.sha256));
        row.ok_or(Refusal::NoSuchGateKey)
    }

    /// From here on the key takes no license; it goes with its last one, at once if it has none.
    ///
    /// # Errors
    /// [`Refusal::NoSuchGateKey`] when there is none, or it is another's.
    pub async fn delete(&self, owner: Principal, id: &str) -> Result<()> {
        let id = GateKeyId::parse(id).ok_or(Refusal::NoSuchGateKey)?;
        if !self.store.retire_gate_key(id, owner.mailbox).await? {
            return Err(Refusal::NoSuchGateKey);
        }
        self.sweep().await
    }

    /// Removes the keys that nothing needs any more.
    pub(super) async fn sweep(&self) -> Result<()> {
        let now = self.clock.now();
        let idle_since = protocol::Timestamp::from_millis(
            now.as_millis()
                .saturating_sub(u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX)),
        );
        loop {
            let _changing = self.changing.lock().await;
            let gone = self.store.sweep_gate_keys(idle_since, SWEEP_STEP).await?;
            if gone.is_empty() {
                return Ok(());
            }
            for key in gone {
                self.oblivious.forget(key.id);
                let files = self.files.clone();
                on_disk(move || files.remove(key.id, &key.sha256)).await?;
            }
        }
    }

    /// Removes what a crash left in the directory.
    pub(super) async fn tidy(&self) -> Result<()> {
        let keys = self.store.gate_keys().await?;
        let files = self.files.clone();
        on_disk(move || files.remove_others(&keys)).await
    }

    /// What takes sealed counters.
    pub(super) fn gate(&self) -> &dyn Gate {
        &**self.oblivious.gate()
    }

    /// Whether licenses may be attached to this key as far as its file is concerned.
    pub(super) async fn check_file(&self, id: GateKeyId) -> Result<()> {
        let row = self.store.gate_key(id).await?;
        match row {
            Some(row) if !self.files.has(id, &row.sha256) => Err(Refusal::NoSuchGateKey),
            _ => Ok(()),
        }
    }

    fn one_upload(&self, owner: MailboxId) -> Result<Uploading<'_>> {
        let mut uploading = self.uploading.lock();
        if uploading.insert(owner) {
            Ok(Uploading {
                all: &self.uploading,
                owner,
            })
        } else {
            Err(Refusal::Busy)
        }
    }
}

/// An upload that may begin.
struct Admitted<'a> {
    id: GateKeyId,
    capability_hash: Bytes32,
    /// What is stored under this id already.
    known: Option<GateKeyRow>,
    _one: Uploading<'a>,
    _few: SemaphorePermit<'a>,
}

/// Reads what comes and keeps nothing of it: a client that is in the middle of 23 MB looks for no answer, and one that is sent to it all the same, on a connection
/// that is then closed, is lost. It would see a broken connection and try again for ever.
async fn drain<E>(mut bytes: Pin<&mut (impl Stream<Item = std::result::Result<impl AsRef<[u8]>, E>> + Send)>) {
    let mut length = 0;
    while let Some(Ok(chunk)) = bytes.next().await {
        length += chunk.as_ref().len();
        if length > MAX_GATE_KEY_BYTES {
            return;
        }
    }
}

/// What was received.
struct Taken {
    part: Option<PartFile>,
    sha256: Bytes32,
    length: usize,
}

/// An account uploads one key at a time.
struct Uploading<'a> {
    all: &'a Mutex<HashSet<MailboxId>>,
    owner: MailboxId,
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        all.remove(&self.owner);
    }
}

async fn write(mut part: PartFile, piece: Vec<u8>) -> Result<PartFile> {
    on_disk(move || {
        part.write(&piece)?;
        Ok(part)
    })
    .await
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Internal)?;
    done.map_err(|error| disk(&error))
}
