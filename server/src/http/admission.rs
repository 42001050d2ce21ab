//! Places: who is connected, and how much memory is held for whom.
//!
//! Two things run short when a relay is attacked by clients that do nothing: connections, and the memory of bodies and answers on their way. Both are
//! counted here, and both have an end. When one runs short, room is made by closing connections: first those of strangers, which have shown no session and no
//! delivery token, then those of accounts that do nothing; of each kind those first that have made no headway for longest. So clients that hold connections or memory for nothing push out each
//! other, and a client with an account is served. A request that stops before its end is nothing: it spares its connection only while it moves.
//!
//! Not its concern: how long a part of a request may take (`config::Patience`), and how many requests there may be (`service::rates`).

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::{log_throttle::LogThrottle, model::MailboxId, service::rates::Network};

/// Memory for bodies and answers on their way, of all connections together: a hundred of the largest envelopes, or thirty full pages of mail, at any moment. A relay that serves a thousand clients has less than that on
/// its way; what idles in it is closed.
pub(crate) const MOST_BYTES: usize = 32 << 20;
/// What a connection may hold without being counted: no more than its buffer for reading.
pub(crate) const FREE_BYTES: usize = 16 << 10;
/// So much has to be moved until that is headway. A client that reads a byte now and then makes none.
const HEADWAY: usize = 16 << 10;
/// How long an account's connection may make no headway until its memory is taken when that runs short, or its place while the relay waits for the rest of a request: 3 KiB a second is
/// what the slowest telephone has.
const STALLED: Duration = Duration::from_secs(5);
/// Connections of one account that are spared as its own, and of all who show delivery tokens of one mailbox together; any further is as good as a stranger's. A client of ours has two or three.
const SPARED: u32 = 16;
/// Of all places or bytes, the part that is made free at once, so that connections are not compared for each newcomer.
const AT_ONCE: usize = 64;
/// What `bytes` of a connection says when it was closed.
const GONE: usize = usize::MAX;

/// Whose connection it is: shown by its requests, never by its address.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Standing {
    Stranger,
    /// Beyond what is spared of its account.
    Surplus,
    Known,
}

/// Who is shown to have a connection, and shares what is spared with whoever shows the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shown {
    /// A session of this account.
    Account(MailboxId),
    /// A delivery token of this mailbox, whichever: it has thousands, and may give all of them to itself. Not counted with its own sessions, from which friends must not take the places.
    TokenOf(MailboxId),
}

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Turn {
    /// The client's: nothing is asked.
    Idle,
    /// The client's: a request has begun, and its body is not all here.
    Receiving,
    /// Ours: all of the request is here. It is worked on, or waits for mail for as long as the contract lets it.
    Working,
}

/// The places of a listener.
pub(crate) struct Places {
    most: usize,
    most_bytes: usize,
    /// Connections of one address at once; none where a proxy is in front, whose they all are.
    per_address: Option<NonZeroU32>,
    begun: Instant,
    /// Held by all guests together.
    bytes: AtomicUsize,
    inside: Mutex<Inside>,
    crowded: LogThrottle,
    short: LogThrottle,
    refused: LogThrottle,
}

#[derive(Default)]
struct Inside {
    guests: HashMap<u64, Arc<Guest>>,
    next: u64,
    addresses: HashMap<Network, u32>,
    accounts: HashMap<Shown, u32>,
}

impl Inside {
    /// Connections of an address.
    fn of(&self, address: Network) -> usize {
        let count = self.addresses.get(&address).copied().unwrap_or_default();
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Closes connections that do nothing at `now`, of `most` that there may be, so that others find a place; how many.
    fn make_room(&mut self, most: usize, now: u64, among: impl Fn(&Guest) -> bool) -> usize {
        let idle: Vec<_> = self
            .guests
            .values()
            .filter(|guest| among(guest) && !(guest.is_known() && guest.is_served(now)))
            .cloned()
            .collect();
        let mut closed = 0;
        for guest in in_order(idle).take((most / AT_ONCE).max(1)) {
            guest.close(self);
            closed += 1;
        }
        closed
    }
}

impl Places {
    /// `most` connections, of which each address may have `per_address`.
    pub fn new(most: usize, per_address: Option<NonZeroU32>) -> Arc<Self> {
        Self::with_memory(most, per_address, MOST_BYTES)
    }

    fn with_memory(most: usize, per_address: Option<NonZeroU32>, most_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_bytes,
            per_address,
            begun: Instant::now(),
            bytes: AtomicUsize::new(0),
            inside: Mutex::default(),
            crowded: LogThrottle::default(),
            short: LogThrottle::default(),
            refused: LogThrottle::default(),
        })
    }

    /// A place for a connection from `address`; none when that has as many as it may, or all places are taken, and those who have them are accounts that are being served.
    pub fn take(self: &Arc<Self>, address: Option<Network>) -> Option<Place> {
        let mut inside = self.inside();
        if let (Some(most), Some(of)) = (self.per_address, address) {
            let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
            if inside.of(of) >= most {
                let closed = inside.make_room(most, self.now(), |guest| guest.address == Some(of));
                self.refused.warn(|left_out| {
                    tracing::warn!(
                        left_out,
                        most,
                        closed,
                        "an address has as many connections as --address-connections allows; those of it that did nothing for longest were closed"
                    );
                });
                if inside.of(of) >= most {
                    return None;
                }
            }
        }
        if inside.guests.len() >= self.most {
            let closed = inside.make_room(self.most, self.now(), |_| true);
            self.crowded.warn(|left_out| {
                tracing::warn!(
                    left_out,
                    most = self.most,
                    closed,
                    "all connections are in use; those that did nothing for longest were closed"
                );
            });
            if inside.guests.len() >= self.most {
                return None;
            }
        }
        if let Some(address) = address {
            *inside.addresses.entry(address).or_default() += 1;
        }
        let number = inside.next;
        inside.next += 1;
        let guest = Arc::new(Guest {
            places: Arc::clone(self),
            number,
            address,
            since: AtomicU64::new(self.now()),
            moved: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            standing: AtomicU8::new(Standing::Stranger as u8),
            turn: AtomicU8::new(Turn::Idle as u8),
            fresh: AtomicBool::new(false),
            account: Mutex::new(None),
            leave: Notify::new(),
        });
        inside.guests.insert(number, Arc::clone(&guest));
        Some(Place { guest })
    }

    /// Closes connections that hold memory and make no headway, until there is some again.
    fn make_memory(&self) {
        let now = self.now();
        let mut inside = self.inside();
        let holding: Vec<_> = inside
            .guests
            .values()
            .filter(|guest| !matches!(guest.bytes.load(Relaxed), 0 | GONE))
            .filter(|guest| !guest.is_known() || guest.stalls(now))
            .cloned()
            .collect();
        let enough = self.most_bytes - self.most_bytes / AT_ONCE;
        let mut closed = 0;
        for guest in in_order(holding) {
            if self.bytes.load(Relaxed) <= enough {
                break;
            }
            guest.close(&mut inside);
            closed += 1;
        }
        drop(inside);
        self.short.warn(|left_out| {
            tracing::warn!(
                left_out,
                closed,
                "much memory is held for bodies and answers on their way; connections that made no headway were closed"
            );
        });
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock()
    }

    /// Milliseconds since these places exist.
    fn now(&self) -> u64 {
        milliseconds(self.begun.elapsed())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Who has to go first: strangers, and of each kind whoever made no headway for longest.
fn in_order(guests: Vec<Arc<Guest>>) -> impl Iterator<Item = Arc<Guest>> {
    let mut keyed: Vec<_> = guests
        .into_iter()
        .map(|guest| (guest.is_known(), guest.since.load(Relaxed), guest.number, guest))
        .collect();
    keyed.sort_unstable_by_key(|(known, since, number, _)| (*known, *since, *number));
    keyed.into_iter().map(|(.., guest)| guest)
}

/// A place that is taken; given back when it is dropped.
pub(crate) struct Place {
    guest: Arc<Guest>,
}

impl Place {
    /// Who has it.
    pub const fn guest(&self) -> &Arc<Guest> {
        &self.guest
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.guest.places.inside();
        self.guest.close(&mut inside);
    }
}

fn give_back<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// A connection.
pub(crate) struct Guest {
    places: Arc<Places>,
    number: u64,
    address: Option<Network>,
    /// When it last made headway, as [`Places::now`] says it.
    since: AtomicU64,
    /// Bytes read and written since then.
    moved: AtomicUsize,
    /// Held for it, beyond [`FREE_BYTES`]; [`GONE`] when it was closed.
    bytes: AtomicUsize,
    /// Of that, what is for the answer to the request under way; a connection has one at a time.
    reserved: AtomicUsize,
    standing: AtomicU8,
    /// Whether a request of it is under way, and who has to go on with it.
    turn: AtomicU8,
    /// The runtime has taken it up, and no request has begun since.
    fresh: AtomicBool,
    /// Whose it is, where that is counted.
    account: Mutex<Option<Shown>>,
    leave: Notify,
}

impl Guest {
    fn is_known(&self) -> bool {
        self.standing.load(Relaxed) == Standing::Known as u8
    }

    /// Whether it has made no headway for too long.
    fn stalls(&self, now: u64) -> bool {
        now.saturating_sub(self.since.load(Relaxed)) >= milliseconds(STALLED)
    }

    /// Whether a request of it is under way for which its client has done what there is to do, or is doing so.
    fn is_served(&self, now: u64) -> bool {
        let turn = self.turn.load(Relaxed);
        turn == Turn::Working as u8 || (turn == Turn::Receiving as u8 && !self.stalls(now))
    }

    /// The runtime has taken its connection up.
    pub fn is_taken_up(&self) {
        self.fresh.store(true, Relaxed);
    }

    /// Whether a request may begin: the first one since then.
    pub fn may_begin(&self) -> bool {
        self.fresh.swap(false, Relaxed)
    }

    /// The head of a request is here.
    pub fn begins(&self) {
        self.turn.store(Turn::Receiving as u8, Relaxed);
        self.makes_headway();
    }

    /// All of its body is here as well.
    pub fn has_asked(&self) {
        self.turn.store(Turn::Working as u8, Relaxed);
    }

    /// Its answer is there.
    pub fn is_answered(&self) {
        self.turn.store(Turn::Idle as u8, Relaxed);
        self.makes_headway();
    }

    /// So many bytes were read or written.
    pub fn moved(&self, bytes: usize) {
        if self.moved.fetch_add(bytes, Relaxed) + bytes >= HEADWAY {
            self.makes_headway();
        }
    }

    fn makes_headway(&self) {
        self.moved.store(0, Relaxed);
        self.since.store(self.places.now(), Relaxed);
    }

    /// It has shown a session or a delivery token. What is beyond what is spared of one may be spared of the other: a client sends by its friends' tokens before it asks for its own mail.
    pub fn recognise(&self, account: Shown) {
        if self.is_known() {
            return;
        }
        let mut inside = self.places.inside();
        if !inside.guests.contains_key(&self.number) {
            return;
        }
        let count = inside.accounts.entry(account).or_default();
        if *count >= SPARED {
            self.standing.store(Standing::Surplus as u8, Relaxed);
            return;
        }
        *count += 1;
        *self.account.lock() = Some(account);
        self.standing.store(Standing::Known as u8, Relaxed);
    }

    /// Memory for a body or an answer of it. None when there is none to be had: others hold it, and make headway.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        self.makes_headway();
        let mut held = Held {
            guest: Arc::clone(self),
            bytes: 0,
        };
        held.grow(bytes).then_some(held)
    }

    /// Holds memory for the answer to the request under way, before what is asked for is done. False when there is none to be had.
    pub fn reserve(self: &Arc<Self>, bytes: usize) -> bool {
        let Some(mut held) = self.hold(bytes) else {
            return false;
        };
        self.reserved.fetch_add(std::mem::take(&mut held.bytes), Relaxed);
        true
    }

    /// What was reserved, for whoever sends the answer, whatever that has become.
    pub fn reserved(self: &Arc<Self>) -> Option<Held> {
        let bytes = self.reserved.swap(0, Relaxed);
        (bytes > 0).then(|| Held {
            guest: Arc::clone(self),
            bytes,
        })
    }

    /// Done when the connection has to be closed.
    pub async fn has_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Takes it off every list, once.
    fn close(&self, inside: &mut Inside) {
        if inside.guests.remove(&self.number).is_none() {
            return;
        }
        let bytes = self.bytes.swap(GONE, Relaxed);
        self.places.bytes.fetch_sub(bytes, Relaxed);
        if let Some(address) = self.address {
            give_back(&mut inside.addresses, &address);
        }
        if let Some(account) = self.account.lock().take() {
            give_back(&mut inside.accounts, &account);
        }
        self.leave.notify_one();
    }
}

/// Memory that is held; given back when it is dropped.
pub(crate) struct Held {
    guest: Arc<Guest>,
    bytes: usize,
}

impl Held {
    /// More of it; false when there is none to be had.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let (guest, places) = (&self.guest, &self.guest.places);
        // First in the sum: it is taken from there when the guest is closed, and must not fall below zero.
        let all = places.bytes.fetch_add(bytes, Relaxed) + bytes;
        let taken = guest
            .bytes
            .fetch_update(Relaxed, Relaxed, |held| (held != GONE).then(|| held + bytes));
        if taken.is_err() {
            places.bytes.fetch_sub(bytes, Relaxed);
            return false;
        }
        self.bytes += bytes;
        if all <= places.most_bytes {
            return true;
        }
        places.make_memory();
        let closed = self.guest.bytes.load(Relaxed) == GONE;
        if closed || self.guest.places.bytes.load(Relaxed) > self.guest.places.most_bytes {
            self.shrink(bytes);
            return false;
        }
        true
    }

    /// So much, no more and no less; false when there is not so much to be had.
    pub fn fit(&mut self, bytes: usize) -> bool {
        match self.bytes.checked_sub(bytes) {
            Some(over) => {
                self.shrink(over);
                true
            }
            None => self.grow(bytes - self.bytes),
        }
    }

    fn shrink(&mut self, bytes: usize) {
        self.bytes -= bytes;
        let given_back = self
            .guest
            .bytes
            .fetch_update(Relaxed, Relaxed, |held| (held != GONE).then(|| held - bytes));
        // Of one that was closed all has been given back.
        if given_back.is_ok() {
            self.guest.places.bytes.fetch_sub(bytes, Relaxed);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests;
