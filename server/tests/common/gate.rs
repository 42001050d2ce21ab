//! A gate without arithmetic: the counter is a byte, the release says in clear what a real one says to its maker alone. With it the relay's queues, races
//! and crashes are tested as often as one likes.

use std::sync::{
    Condvar, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use playgate::PlayShare;
use rand_core::Rng as _;
use server::service::gate::{Admitted, Computed, Gate, GateContext, GateError, LoadedKey};

use super::*;

/// What the fake calls a key: this, and then how many bytes it claims to have when it is loaded.
const KEY: &[u8] = b"KEY!";
/// Slots of the pad.
pub const SLOTS: u16 = 24;

#[derive(Default)]
pub struct FakeGate {
    pub loads: AtomicUsize,
    pub plays: Arc<AtomicUsize>,
    pub folds: Arc<AtomicUsize>,
    pub door: Arc<Door>,
}

/// Where plays stop while it is shut.
#[derive(Default)]
pub struct Door {
    shut: Mutex<bool>,
    opened: Condvar,
    reached: AtomicUsize,
}

impl Door {
    pub fn shut(&self) {
        *self.shut.lock().unwrap() = true;
    }

    pub fn open(&self) {
        *self.shut.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// Until `times` plays have come to the door.
    pub async fn reached(&self, times: usize) {
        eventually("a play is computed", || self.reached.load(Ordering::SeqCst) >= times).await;
    }

    fn pass(&self) {
        self.reached.fetch_add(1, Ordering::SeqCst);
        let mut shut = self.shut.lock().unwrap();
        while *shut {
            shut = self.opened.wait(shut).unwrap();
        }
    }
}

struct FakeKey {
    bytes: u64,
    plays: Arc<AtomicUsize>,
    folds: Arc<AtomicUsize>,
    door: Arc<Door>,
}

/// A key that takes `loaded` bytes when it is loaded; `extra` makes it another one.
pub fn fake_key(loaded: u64, extra: &[u8]) -> Vec<u8> {
    [KEY, &loaded.to_be_bytes(), extra].concat()
}

/// A counter of `limit`.
pub fn fake_counter(limit: u8) -> Vec<u8> {
    vec![b'C', limit]
}

/// A request: a play or a decoy, by a slot of the pad or (none) sealed.
pub fn fake_request(want: bool, slot: Option<u16>) -> Vec<u8> {
    let mut request = vec![b'R', u8::from(want)];
    request.extend(slot.unwrap_or(u16::MAX).to_be_bytes());
    request
}

impl Gate for FakeGate {
    fn load(&self, bytes: &[u8]) -> Result<Box<dyn LoadedKey>, String> {
        let size = bytes.strip_prefix(KEY).and_then(|rest| rest.get(..8));
        let size = size.ok_or("it does not begin like one")?;
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(FakeKey {
            bytes: u64::from_be_bytes(size.try_into().unwrap()),
            plays: self.plays.clone(),
            folds: self.folds.clone(),
            door: self.door.clone(),
        }))
    }

    fn admit(&self, sealed: &[u8]) -> Result<Admitted, String> {
        match sealed {
            // left, folded, next slot
            [b'C', limit] => Ok(Admitted {
                class: if *limit < 16 { 15 } else { 255 },
                state: vec![*limit, 1, 0, 0],
            }),
            _ => Err("it is no counter".into()),
        }
    }

    fn check_request(&self, request: &[u8]) -> Result<(), String> {
        match request {
            [b'R', 0 | 1, _, _] => Ok(()),
            _ => Err("it is no request".into()),
        }
    }

    fn view(&self, state: &[u8]) -> Result<Vec<u8>, GateError> {
        Ok(vec![state[0]])
    }
}

impl LoadedKey for FakeKey {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn play(
        &self,
        state: &[u8],
        request: &[u8],
        share: &PlayShare,
        context: &GateContext,
        rng: &mut ChaCha20Rng,
    ) -> Result<Computed, GateError> {
        self.door.pass();
        let slot = u16::from_be_bytes([request[2], request[3]]);
        let next = u16::from_be_bytes([state[2], state[3]]);
        if slot < next {
            return Err(GateError::Slot { next });
        }
        self.plays.fetch_add(1, Ordering::SeqCst);
        let granted = request[1] == 1 && state[0] > 0;
        let next = if slot < SLOTS { slot + 1 } else { next };
        let [high, low] = next.to_be_bytes();
        // Like the real one: another release each time, bound to its play.
        let mut release = vec![u8::from(granted)];
        release.extend(if granted { *share.as_bytes() } else { [0; 32] });
        release.extend(context.play_id);
        release.extend(rng.next_u64().to_be_bytes());
        Ok(Computed {
            state: vec![state[0] - u8::from(granted), 0, high, low],
            folded: false,
            release,
        })
    }

    fn fold(&self, state: &[u8]) -> Result<Vec<u8>, GateError> {
        self.folds.fetch_add(1, Ordering::SeqCst);
        let mut state = state.to_vec();
        state[1] = 1;
        Ok(state)
    }
}
