//! Crashes, and disks that misbehave.

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
