//! What a write-ahead log looks like before SQLite is let near it.
//!
//! SQLite reads a log up to the first frame whose checksum is wrong and takes the rest for the remains of a commit that never finished. After a crash
//! that is right; after a failing disk it drops commits that were answered with 200, and says nothing. The two can be told apart: a commit is synced
//! before the next one begins, so a frame that is wrong with a whole commit and more behind it was right once.
//!
//! Format: <https://www.sqlite.org/fileformat2.html#walformat>.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Read at once: some hundred frames.
const BUFFER_BYTES: usize = 1 << 19;
/// The last bit says how the words of the checksum are ordered.
const MAGIC: u32 = 0x377f_0682;
/// Looks at a log that is being written before it counts as sound. Two that agree show damage; each that says otherwise means that what was wrong has been written anew since.
const LOOKS: usize = 8;

/// A log's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// None, or nothing in it: the last end was an orderly one.
    Empty,
    /// What a crash may leave behind: every finished commit can be read.
    Readable,
    /// Finished commits cannot be read any more. The frame is counted from 1; 0 is the header.
    Damaged {
        /// The first frame that is wrong.
        frame: usize,
    },
}

/// Looks at the log under `path`; changes nothing.
///
/// # Errors
/// When it cannot be read.
pub(super) fn examine(path: &Path) -> io::Result<Log> {
    match File::open(path) {
        Ok(file) => judge(BufReader::with_capacity(BUFFER_BYTES, file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Log::Empty),
        Err(error) => Err(error),
    }
}

/// Looks at the log under `path`, which a relay may be writing meanwhile; changes nothing.
///
/// One look may then see a frame that is half written and whole commits behind it, which came while it read on; or the frames of a log that began anew before those of the old
/// one. Neither is damage: a frame with a commit behind it is written no more until the log begins anew, and then it has another header, which is written before any frame. So a
/// log is damaged when two looks in a row, both with the same header before and after, find the same frame wrong.
///
/// # Errors
/// When it cannot be read.
pub(super) fn examine_in_use(path: &Path) -> io::Result<Log> {
    settle(|| {
        let before = header(path)?;
        let seen = examine(path)?;
        Ok((seen, before, header(path)?))
    })
}

type Header = [u8; HEADER_BYTES];

/// The header as it is now; zeros where there is none.
fn header(path: &Path) -> io::Result<Header> {
    let mut header = [0; HEADER_BYTES];
    match File::open(path) {
        Ok(mut file) => fill(&mut file, &mut header).map(|_| header),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(header),
        Err(error) => Err(error),
    }
}

/// What looks at a log agree on, each with the header before and after it.
fn settle(mut look: impl FnMut() -> io::Result<(Log, Header, Header)>) -> io::Result<Log> {
    let mut last = None;
    for _ in 0..LOOKS {
        let (seen, before, after) = look()?;
        if before != after {
            // It began anew under this look, which has seen some of both.
            last = None;
            continue;
        }
        if !matches!(seen, Log::Damaged { .. }) || last == Some((seen, before)) {
            return Ok(seen);
        }
        last = Some((seen, before));
    }
    Ok(Log::Readable)
}

/// Fills `buffer` as far as the log goes; how far that is.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match log.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads a log once, a frame at a time: a log that a long backup let grow is not taken into memory. A fuzz target reads this file by its path.
pub(super) fn judge(mut log: impl Read) -> io::Result<Log> {
    let mut header = [0; HEADER_BYTES];
    if fill(&mut log, &mut header)? < HEADER_BYTES {
        // A header that was never written to its end has no commit behind it.
        return Ok(Log::Empty);
    }
    let magic = word(&header, 0);
    let page = usize::try_from(word(&header, 8)).unwrap_or(0);
    let mut sum = Checksum {
        big_endian: magic & 1 == 1,
        words: (0, 0),
    };
    sum.add(&header[..24]);
    let sound =
        magic & !1 == MAGIC && (512..=65_536).contains(&page) && sum.words == (word(&header, 24), word(&header, 28));
    if !sound {
        // The header is synced before the first frame is written. Zeros behind it are room that was kept on a full disk (`reserve`).
        return Ok(if has_only_zeros(&mut log)? {
            Log::Empty
        } else {
            Log::Damaged { frame: 0 }
        });
    }
    let salt = &header[16..24];
    let mut frame = vec![0; FRAME_HEADER_BYTES + page];
    let mut wrong = None;
    let mut commit_behind = false;
    let mut number = 0;
    loop {
        match fill(&mut log, &mut frame)? {
            0 if number == 0 => return Ok(Log::Empty),
            read if read < frame.len() => return Ok(Log::Readable),
            _ => number += 1,
        }
        // A frame left over from before the log began anew has neither of the two salts; the eight bytes lie in one sector, so one of them alone is damage.
        let ours = frame[8..12] == salt[..4] || frame[12..16] == salt[4..];
        if &frame[8..16] != salt {
            wrong.get_or_insert(number);
            if !ours {
                continue;
            }
        }
        if let Some(frame) = wrong
            && commit_behind
        {
            return Ok(Log::Damaged { frame });
        }
        if wrong.is_none() {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER_BYTES..]);
            if sum.words != (word(&frame, 16), word(&frame, 20)) {
                wrong = Some(number);
            }
        }
        // A frame that ends a commit carries the size of the database after it.
        commit_behind |= wrong.is_some() && word(&frame, 4) != 0;
    }
}

fn has_only_zeros(log: &mut impl Read) -> io::Result<bool> {
    let mut piece = [0; 4096];
    loop {
        let read = fill(log, &mut piece)?;
        if piece.iter().take(read).any(|byte| *byte != 0) {
            return Ok(false);
        }
        if read < piece.len() {
            return Ok(true);
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|word| word.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

struct Checksum {
    big_endian: bool,
    words: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let read = |word: &[u8]| {
            let word = word.try_into().unwrap_or_default();
            if self.big_endian {
                u32::from_be_bytes(word)
            } else {
                u32::from_le_bytes(word)
            }
        };
        let (mut a, mut b) = self.words;
        for pair in bytes.chunks_exact(8) {
            a = a.wrapping_add(read(&pair[..4])).wrapping_add(b);
            b = b.wrapping_add(read(&pair[4..])).wrapping_add(a);
        }
        self.words = (a, b);
    }
}

#[cfg(test)]
mod tests;
