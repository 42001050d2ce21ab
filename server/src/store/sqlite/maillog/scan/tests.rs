use protocol::Timestamp;

use super::*;
use crate::model::MailboxId;

/// A segment of commits, each with records of these lengths.
fn segment(commits: &[&[usize]]) -> (Vec<u8>, Vec<u32>) {
    let (mut bytes, mut begins) = (vec![0; START as usize], Vec::new());
    for (n, lengths) in commits.iter().enumerate() {
        let begin = u32::try_from(bytes.len()).unwrap();
        begins.push(begin);
        for length in *lengths {
            let envelope = vec![7; *length];
            let header = Header {
                segment: 4,
                begin,
                commit: n as u64 + 1,
                mailbox: MailboxId::from_bytes([1; 16]),
                sequence: n as u64,
                stored_at: Timestamp(1),
                expires: Timestamp(2),
                forget_at: Timestamp(3),
                key: [2; 16],
                body_hash: [3; 32],
                length: u32::try_from(*length).unwrap(),
                check: record::check(&envelope),
            };
            record::append(&mut bytes, &header, &envelope);
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
    assert_eq!(sealed(&bytes, 4, end).unwrap().records.len(), 4);
    assert_eq!(sealed(&bytes, 4, begins[1]).unwrap().records.len(), 2);
    assert_eq!(sealed(&bytes, 5, end), Err(Damage(START)), "another segment's");
    assert_eq!(sealed(&bytes, 4, end + 8), Err(Damage(end)));
    assert_eq!(sealed(&bytes[..100], 4, end), Err(Damage(end)), "cut off");
    // An envelope that was overwritten is seen to be, and leads on.
    bytes[begins[1] as usize + HEADER] = 0;
    let scan = sealed(&bytes, 4, end).unwrap();
    assert_eq!(
        scan.records.iter().map(|found| found.whole).collect::<Vec<_>>(),
        [true, true, false, true]
    );
}

#[test]
fn the_last_commit_may_be_torn_unless_it_was_read() {
    let (mut bytes, begins) = segment(&[&[10], &[300, 400]]);
    bytes[begins[1] as usize + HEADER + 5] = 0;
    let torn = active(&bytes, 4, never).unwrap();
    assert_eq!((torn.records.len(), torn.end), (1, begins[1]));
    // Read, so it was whole once; then it was overwritten.
    let read = active(&bytes, 4, |header| header.sequence <= 1).unwrap();
    assert_eq!((read.records.len(), read.end), (3, begins[2]));
}

#[test]
fn a_later_commit_makes_it_damage() {
    let (mut bytes, begins) = segment(&[&[10], &[300], &[20]]);
    bytes[begins[1] as usize + 3] ^= 1;
    assert_eq!(active(&bytes, 4, never), Err(Damage(begins[1])));
}
