//! Finding the records of a segment.
//!
//! A sealed segment ends where its row in the database says, and all of it was on the disk before that row was written. In the one that is being written the
//! records end somewhere: at the first place that holds no whole record. Either the last commit did not get that far before the power went, and then
//! nobody was told that it was stored; or something is damaged, and then a later commit lies behind the place, which was begun only when everything before it was
//! on the disk. The difference decides between going on and refusing.

use super::{
    record::{self, ALIGN, HEADER, Header, Mark},
    segment::START,
};

/// A record and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// The header.
    pub header: Header,
    /// Where it begins.
    pub offset: u32,
    /// Whether the envelope is the one that was stored; it is not once it was overwritten.
    pub whole: bool,
}

impl Found {
    /// Its envelope among the segment's bytes.
    pub fn envelope<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let from = self.offset as usize + HEADER;
        bytes.get(from..from + self.header.length as usize).unwrap_or_default()
    }
}

/// What a segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Its records, in order.
    pub records: Vec<Found>,
    /// Where they end.
    pub end: u32,
}

/// Something is where no record can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no record at byte {0}, where one was stored")]
pub(super) struct Damage(pub u32);

fn header_at(bytes: &[u8], at: usize, of: Mark) -> Option<Header> {
    Header::decode(bytes.get(at..)?.first_chunk::<HEADER>()?, of)
}

fn found(bytes: &[u8], at: usize, header: Header) -> Option<Found> {
    let from = at + HEADER;
    let envelope = bytes.get(from..from + header.length as usize)?;
    Some(Found {
        header,
        offset: u32::try_from(at).ok()?,
        whole: record::check(envelope) == header.check,
    })
}

/// The records of a segment, which end at `end` if it is sealed. `gone` says of which records it is known that they were delivered, or otherwise done with.
pub(super) fn records(
    bytes: &[u8],
    of: Mark,
    end: Option<u32>,
    gone: impl Fn(&Header) -> bool,
) -> Result<Scan, Damage> {
    match end {
        Some(end) => sealed(bytes, of, end),
        None => active(bytes, of, gone),
    }
}

fn sealed(bytes: &[u8], of: Mark, end: u32) -> Result<Scan, Damage> {
    let mut records = Vec::new();
    let mut at = START as usize;
    let bytes = bytes.get(..end as usize).ok_or(Damage(end))?;
    while at < bytes.len() {
        let place = Damage(u32::try_from(at).unwrap_or(end));
        match header_at(bytes, at, of).and_then(|header| found(bytes, at, header)) {
            Some(found) => {
                at += record::span(found.header.length);
                records.push(found);
            }
            None => return Err(place),
        }
    }
    Ok(Scan { records, end })
}

fn active(bytes: &[u8], of: Mark, gone: impl Fn(&Header) -> bool) -> Result<Scan, Damage> {
    let mut records: Vec<Found> = Vec::new();
    let mut at = START as usize;
    let mut last = (0, 0);
    while let Some(found) = header_at(bytes, at, of).and_then(|header| found(bytes, at, header)) {
        let order = (found.header.commit, found.header.begin);
        // Of the same commit, or the first of a later one that begins here. Anything else is left over from a commit that failed and whose place a later one took.
        if order != last && (order.0 <= last.0 || found.header.begin as usize != at) {
            break;
        }
        last = order;
        at += record::span(found.header.length);
        records.push(found);
    }
    let end = settle_torn(&mut records, at, gone);
    let later = (end..bytes.len())
        .step_by(ALIGN)
        .filter(|at| bytes.get(*at..*at + 4).is_some_and(|start| start == record::MAGIC))
        .filter_map(|at| header_at(bytes, at, of))
        .any(|header| header.begin as usize > end && header.commit > last.0);
    let end = u32::try_from(end).unwrap_or(u32::MAX);
    if later {
        Err(Damage(end))
    } else {
        Ok(Scan { records, end })
    }
}

/// Takes the records of the last commit out from the first on whose envelope is not whole though nobody can have read it: of that commit no sender was told.
/// In earlier commits, and where it was read, such an envelope was overwritten on purpose, or is damaged.
fn settle_torn(records: &mut Vec<Found>, end: usize, gone: impl Fn(&Header) -> bool) -> usize {
    let Some(last) = records.last().map(|found| found.header.commit) else {
        return end;
    };
    let torn = |found: &Found| found.header.commit == last && !found.whole && !gone(&found.header);
    match records.iter().position(torn) {
        None => end,
        Some(torn) => {
            let at = records.get(torn).map_or(end, |found| found.offset as usize);
            records.truncate(torn);
            at
        }
    }
}

#[cfg(test)]
mod tests;
