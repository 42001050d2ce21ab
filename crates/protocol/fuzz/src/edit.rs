//! Edits: a fuzzer's bytes as a short program that alters a genuine value.

/// Steps of one program; more of them only blur what the value was.
const MAX_STEPS: usize = 16;
/// Bytes that one step may add.
const MAX_GROWTH: usize = 4096;

/// A cursor over the fuzzer's bytes that never runs dry: behind the end there are zeros.
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    /// A script of `data`.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// The next two bytes.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// The next four bytes.
    pub fn word(&mut self) -> u32 {
        u32::from(self.short()) << 16 | u32::from(self.short())
    }

    /// The next `length` bytes, or what is left.
    pub fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// A position in something of `length` bytes, counted from its front or, in every second case, from its end.
    fn position(&mut self, length: usize) -> usize {
        let at = usize::from(self.short());
        let offset = (at / 2) % length.max(1);
        if at % 2 == 0 {
            offset
        } else {
            length.saturating_sub(1 + offset)
        }
    }
}

/// Carries out the rest of `script` on a copy of `value`; `donors` lend their bytes.
#[must_use]
pub fn apply(value: &[u8], script: &mut Script<'_>, donors: &[&[u8]]) -> Vec<u8> {
    let mut value = value.to_vec();
    for _ in 0..MAX_STEPS {
        if script.is_empty() {
            break;
        }
        step(&mut value, script, donors);
    }
    value
}

fn step(value: &mut Vec<u8>, script: &mut Script<'_>, donors: &[&[u8]]) {
    match script.byte() % 9 {
        // One bit.
        0 => {
            let at = script.position(value.len());
            let bit = script.byte() % 8;
            if let Some(byte) = value.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        // One byte.
        1 => {
            let at = script.position(value.len());
            let new = script.byte();
            if let Some(byte) = value.get_mut(at) {
                *byte = new;
            }
        }
        // A few bytes overwritten.
        2 => {
            let at = script.position(value.len());
            let length = usize::from(script.byte() % 64);
            for (byte, new) in value.iter_mut().skip(at).zip(script.bytes(length)) {
                *byte = *new;
            }
        }
        // Cut.
        3 => {
            let at = script.position(value.len());
            value.truncate(at);
        }
        // Something behind.
        4 => {
            let length = usize::from(script.byte() % 64);
            value.extend_from_slice(script.bytes(length));
        }
        // A piece taken out.
        5 => {
            let (from, to) = range(script, value.len());
            value.drain(from..to);
        }
        // A piece again.
        6 => {
            let (from, to) = range(script, value.len());
            let piece = value[from..to.min(from + MAX_GROWTH)].to_vec();
            let at = script.position(value.len());
            value.splice(at..at, piece);
        }
        // The same stretch of another genuine value.
        7 => {
            let donor = donors
                .get(usize::from(script.byte()) % donors.len().max(1))
                .copied()
                .unwrap_or_default();
            let (from, to) = range(script, value.len().min(donor.len()));
            value[from..to].copy_from_slice(&donor[from..to]);
        }
        // A number that is an edge.
        _ => {
            const EDGES: [u32; 8] = [0, 1, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, u32::MAX - 1, u32::MAX];
            let at = script.position(value.len());
            let edge = EDGES[usize::from(script.byte()) % EDGES.len()].to_be_bytes();
            for (byte, new) in value.iter_mut().skip(at).zip(edge) {
                *byte = new;
            }
        }
    }
}

fn range(script: &mut Script<'_>, length: usize) -> (usize, usize) {
    let (a, b) = (script.position(length), script.position(length));
    (a.min(b).min(length), a.max(b).min(length))
}
