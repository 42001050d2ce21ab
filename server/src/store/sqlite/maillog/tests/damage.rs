//! Crashes, and disks that misbehave.

use proptest::prelude::*;

use super::*;

/// Wherever the last commit was cut off, everything before it is there and the log goes on; a cut in an earlier commit is refused.
#[test]
fn a_torn_commit_is_none_and_damage_before_it_is_refused() {
    let mut relay = Relay::new();
    let mut begins = Vec::new();
    for id in 0..6 {
        begins.push(relay.log().tail as usize);
        let two = vec![
            deposit(1, id * 2, &[1 + id as u8; 300]),
            deposit(2, id * 2 + 1, &[1 + id as u8; 77]),
        ];
        assert!(relay.send_all(two).iter().all(Result::is_ok));
    }
    let end = relay.log().tail as usize;
    let active = relay.log().active.id;
    let path = segment::path(relay.dir.path(), active);
    relay.log = None;
    let whole = std::fs::read(&path).unwrap();
    let last = begins[5];
    for cut in (last..end).step_by(3) {
        let mut torn = whole.clone();
        torn[cut..end].fill(0);
        std::fs::write(&path, &torn).unwrap();
        let (log, index) = open(relay.dir.path(), &relay.c).unwrap();
        let found = index.usage(mailbox(1)).count + index.usage(mailbox(2)).count;
        // The second of the last commit's two ends in five bytes of padding.
        assert!(
            (10..=12).contains(&found) && (found < 12 || cut >= end - 8),
            "{found} at {cut}"
        );
        drop(log);
    }
    for begin in &begins[..5] {
        for at in [0, 5, 9, 20, 130, 200] {
            let mut damaged = whole.clone();
            damaged[begin + at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            assert!(
                matches!(open(relay.dir.path(), &relay.c), Err(OpenError::Damaged { .. })),
                "a bit at {begin} + {at}"
            );
            assert!(std::fs::read(&path).unwrap() == damaged, "it was made worse");
        }
    }
    std::fs::write(&path, &whole).unwrap();
    relay.reopen();
    assert_eq!((relay.read(1).len(), relay.read(2).len()), (6, 6));
}

/// What a disk does with a write of which nobody waited for the end when the power goes: any of its sectors may be there, and in any order.
const SECTOR: usize = 512;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whichever sectors of the last commit reached the disk: all before it is there, of itself a beginning or nothing, and what is stored afterwards stays.
    #[test]
    fn any_sectors_of_the_last_commit_may_be_missing(
        before in proptest::collection::vec((1..=3u8, 1..3000usize), 1..6),
        last in proptest::collection::vec((1..=3u8, 1..3000usize), 1..6),
        kept: u64,
    ) {
        let mut relay = Relay::new();
        let of = |all: &[(u8, usize)], first: usize| {
            let with_id = |(n, (to, length)): (usize, &(u8, usize))| deposit(*to, (first + n) as u128, &vec![1 + (first + n) as u8; *length]);
            all.iter().enumerate().map(with_id).collect::<Vec<_>>()
        };
        prop_assert!(relay.send_all(of(&before, 0)).iter().all(Result::is_ok));
        let active = relay.log().active.id;
        let path = segment::path(relay.dir.path(), active);
        let old = std::fs::read(&path).unwrap();
        let durable: Vec<_> = (1..=3).map(|n| relay.read(n)).collect();
        prop_assert!(relay.send_all(of(&last, 100)).iter().all(Result::is_ok));
        let stored: Vec<_> = (1..=3).map(|n| relay.read(n)).collect();
        relay.log = None;
        let mut disk = std::fs::read(&path).unwrap();
        let written = (0..disk.len()).step_by(SECTOR).filter(|at| disk[*at..at + SECTOR] != old[*at..at + SECTOR]);
        for (n, at) in written.collect::<Vec<_>>().into_iter().enumerate() {
            // At most 33 of them.
            if (kept >> n) & 1 == 0 {
                disk[at..at + SECTOR].copy_from_slice(&old[at..at + SECTOR]);
            }
        }
        std::fs::write(&path, &disk).unwrap();
        for round in 0..2_u8 {
            relay.reopen();
            for n in 1..=3_u8 {
                let (found, at) = (relay.read(n), usize::from(n) - 1);
                let (found, next) = found.split_at(found.len() - usize::from(round));
                prop_assert!(found.starts_with(&durable[at]), "something that was stored is gone");
                prop_assert!(stored[at].starts_with(found), "something is there that was not sent");
                prop_assert!(next.iter().all(|(_, body)| body == b"next"));
            }
            if round == 0 {
                for n in 1..=3_u8 {
                    prop_assert_eq!(relay.send(n, 1000 + u128::from(n), b"next"), DONE);
                }
            }
        }
    }
}

#[test]
fn a_commit_that_failed_leaves_nothing_that_a_later_one_could_meet() {
    let mut relay = Relay::new();
    relay.send(1, 1, b"one");
    // As if the disk had taken most of a commit and then refused: whole records, of which nobody was told.
    let log = relay.log();
    let (tail, commit) = (log.tail, log.commit);
    let before = std::fs::read(segment::path(&log.directory, log.active.id)).unwrap();
    relay.send_all(vec![
        deposit(1, 2, &[2; 10]),
        deposit(1, 3, &[3; 10]),
        deposit(1, 4, &[4; 500]),
    ]);
    let active = relay.log().active.id;
    let path = segment::path(relay.dir.path(), active);
    let failed = std::fs::read(&path).unwrap();
    relay.log = None;
    std::fs::write(&path, &before).unwrap();
    relay.reopen();
    std::fs::write(&path, &failed).unwrap();
    relay.log().commit = commit + 1;
    assert_eq!(relay.log().tail, tail);
    assert_eq!(relay.send(1, 5, &[5; 10]), DONE);
    relay.reopen();
    assert_eq!(relay.read(1), [(1, b"one".to_vec()), (2, vec![5; 10])]);
    assert_eq!(relay.send(1, 3, &[3; 10]), DONE);
    assert_eq!(relay.read(1).last().unwrap(), &(3, vec![3; 10]), "that was a new one");
}

/// A crash at the worst moments of a segment's life.
#[test]
fn rows_and_files_that_do_not_agree_are_put_right_or_refused() {
    let mut relay = Relay::new();
    for id in 0..8 {
        relay.send(1, id, &large(id as u8));
    }
    let names = relay.files();
    let active = relay.log().active.id;
    relay.log = None;
    // Made, and not known yet; then one that was to be deleted.
    Segment::create(relay.dir.path(), active + 1, 1 << 20, 7, None).unwrap();
    std::fs::copy(
        segment::path(relay.dir.path(), active),
        segment::path(relay.dir.path(), 0),
    )
    .unwrap();
    std::fs::write(relay.dir.path().join("mail-spare-3"), b"anything").unwrap();
    relay.reopen();
    assert_eq!(relay.files(), names);
    assert_eq!(relay.read(1).len(), 8);
    // One that another database knew.
    relay.log = None;
    std::fs::copy(
        segment::path(relay.dir.path(), active),
        segment::path(relay.dir.path(), active + 5),
    )
    .unwrap();
    let foreign = segment::path(relay.dir.path(), active + 5);
    assert!(matches!(
        open(relay.dir.path(), &relay.c),
        Err(OpenError::Damaged { .. })
    ));
    std::fs::remove_file(foreign).unwrap();
    let first = segment::path(relay.dir.path(), 1);
    let aside = relay.dir.path().join("aside");
    std::fs::rename(&first, &aside).unwrap();
    assert!(matches!(
        open(relay.dir.path(), &relay.c),
        Err(OpenError::MailLog { .. })
    ));
    std::fs::rename(&aside, &first).unwrap();
    relay.reopen();
    assert_eq!(relay.read(1).len(), 8);
}

#[test]
fn mail_of_another_database_is_not_deleted() {
    let mut relay = Relay::new();
    relay.send(1, 1, b"one");
    relay.log = None;
    let mut other = Connection::open_in_memory().unwrap();
    migrations::run_sqlite(&mut other).unwrap();
    let Err(error) = open(relay.dir.path(), &other) else {
        panic!("it was taken")
    };
    assert!(error.to_string().contains("another database"), "{error}");
    relay.reopen();
    assert_eq!(relay.read(1).len(), 1);
}
