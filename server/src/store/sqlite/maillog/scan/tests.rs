use protocol::Timestamp;

use super::*;
use crate::model::{BodyDigest, MailboxId};

const FOUR: Mark = Mark { id: 4, salt: 44 };
const FIVE: Mark = Mark { id: 5, salt: 55 };

fn header(begin: u32, commit: u64, envelope: &[u8]) -> Header {
    Header {
        segment: FOUR.id,
        begin,
        commit,
        mailbox: MailboxId::from_bytes([1; 16]),
        sequence: commit - 1,
        stored_at: Timestamp(1),
        expires: Timestamp(2),
        forget_at: Timestamp(3),
        key: [2; 16],
        digest: BodyDigest::from_bytes([3; 16]),
        length: u32::try_from(envelope.len()).unwrap(),
        check: record::check(envelope),
    }
}

/// A segment of commits, each with records of these lengths.
fn segment(commits: &[&[usize]]) -> (Vec<u8>, Vec<u32>) {
    let (mut bytes, mut begins) = (vec![0; START as usize], Vec::new());
    for (n, lengths) in commits.iter().enumerate() {
        let begin = u32::try_from(bytes.len()).unwrap();
        begins.push(begin);
        for length in *lengths {
            let envelope = vec![7; *length];
            record::append(
                &mut bytes,
                &header(begin, n as u64 + 1, &envelope),
                FOUR.salt,
                &envelope,
            );
        }
    }
    begins.push(u32::try_from(bytes.len()).unwrap());
    bytes.resize(bytes.len() + 4096, 0);
    (bytes, begins)
}

fn never(_: &Header) -> bool {
    false
}

#[test]
fn a_sealed_segment_is_read_to_its_end_and_no_further() {
    let (mut bytes, begins) = segment(&[&[10, 200], &[1], &[5000]]);
    let end = *begins.last().unwrap();
    assert_eq!(sealed(&bytes, FOUR, end).unwrap().records.len(), 4);
    assert_eq!(sealed(&bytes, FOUR, begins[1]).unwrap().records.len(), 2);
    assert_eq!(sealed(&bytes, FIVE, end), Err(Damage(START)), "another segment's");
    assert_eq!(sealed(&bytes, FOUR, end + 8), Err(Damage(end)));
    assert_eq!(sealed(&bytes[..100], FOUR, end), Err(Damage(end)), "cut off");
    // An envelope that was overwritten is seen to be, and leads on.
    bytes[begins[1] as usize + HEADER] = 0;
    let scan = sealed(&bytes, FOUR, end).unwrap();
    assert_eq!(
        scan.records.iter().map(|found| found.whole).collect::<Vec<_>>(),
        [true, true, false, true]
    );
}

#[test]
fn the_last_commit_may_be_torn_unless_it_was_read() {
    let (mut bytes, begins) = segment(&[&[10], &[300, 400]]);
    bytes[begins[1] as usize + HEADER + 5] = 0;
    let torn = active(&bytes, FOUR, never).unwrap();
    assert_eq!((torn.records.len(), torn.end), (1, begins[1]));
    // Read, so it was whole once; then it was overwritten.
    let read = active(&bytes, FOUR, |header| header.sequence <= 1).unwrap();
    assert_eq!((read.records.len(), read.end), (3, begins[2]));
}

#[test]
fn a_later_commit_makes_it_damage() {
    let (mut bytes, begins) = segment(&[&[10], &[300], &[20]]);
    bytes[begins[1] as usize + 3] ^= 1;
    assert_eq!(active(&bytes, FOUR, never), Err(Damage(begins[1])));
}

/// An envelope holds what its sender likes: here whole headers of far later commits, as many as fit.
#[test]
fn headers_inside_a_torn_envelope_are_not_taken_for_a_later_commit() {
    let forged = |salt: u64| {
        let mut envelope = Vec::new();
        while envelope.len() < 20_000 {
            record::append(&mut envelope, &header(u32::MAX, u64::MAX, &[]), salt, &[]);
        }
        envelope
    };
    for (salt, taken) in [(FIVE.salt, false), (FOUR.salt, true)] {
        let (mut bytes, begins) = segment(&[&[10]]);
        let begin = begins[1];
        bytes.truncate(begin as usize);
        let envelope = forged(salt);
        record::append(&mut bytes, &header(begin, 2, &envelope), FOUR.salt, &envelope);
        // Torn at its end.
        let end = bytes.len();
        bytes[end - 200..].fill(0);
        bytes.resize(end + 4096, 0);
        // The control knows the segment's random number, which no sender does.
        assert_eq!(active(&bytes, FOUR, never).is_err(), taken);
    }
}

/// Two commits that failed at one place left a record each; together they look like one.
#[test]
fn leftovers_of_two_failed_commits_are_no_commit() {
    let (mut bytes, begins) = segment(&[&[10]]);
    let begin = begins[1];
    bytes.truncate(begin as usize);
    record::append(&mut bytes, &header(begin, 2, &[1; 50]), FOUR.salt, &[1; 50]);
    let second = u32::try_from(bytes.len()).unwrap();
    record::append(&mut bytes, &header(begin, 3, &[2; 50]), FOUR.salt, &[2; 50]);
    bytes.resize(bytes.len() + 4096, 0);
    let scan = active(&bytes, FOUR, never).unwrap();
    assert_eq!((scan.records.len(), scan.end), (2, second));
    assert_eq!(scan.records[1].header.commit, 2);
}
