use protocol::Timestamp;

use super::*;
use crate::{
    model::{BodyDigest, MailboxId},
    store::sqlite::maillog::{
        record::{self, Header},
        segment::START,
    },
};

const SIZE: u32 = 64 << 10;

fn ready(keeper: &mut Keeper) -> PathBuf {
    loop {
        if let Some(path) = keeper.take_spare(SIZE) {
            return path;
        }
        std::thread::yield_now();
    }
}

/// Segment `id`, with `tag` all over it.
fn written(dir: &Path, id: u32, tag: u8) -> Vec<Span> {
    let file = Segment::create(dir, id, SIZE, 1, None).unwrap();
    let length = SIZE - START;
    file.write(&vec![tag; length as usize], START).unwrap();
    vec![Span {
        segment: id,
        at: START,
        length,
    }]
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

/// The writer has taken it; what is filled after that is another file.
#[test]
fn a_spare_file_that_was_taken_is_never_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut keeper = Keeper::start(dir.path(), false).unwrap();
    keeper.want_spare(SIZE);
    let first = ready(&mut keeper);
    fs::write(&first, vec![7; SIZE as usize]).unwrap();
    // Twice, as when a segment is full before its successor is ready.
    for _ in 0..2 {
        keeper.asked = 0;
        keeper.want_spare(SIZE);
    }
    let second = ready(&mut keeper);
    assert_ne!(first, second);
    drop(keeper);
    assert_eq!(fs::read(&first).unwrap(), vec![7; SIZE as usize]);
    assert_eq!(fs::read(&second).unwrap(), vec![0; SIZE as usize]);
    fs::remove_file(second).unwrap();
    assert_eq!(files(dir.path()), 1, "what nobody took is gone");
}

#[test]
fn a_segment_is_overwritten_before_it_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let spans = written(dir.path(), 3, 9);
    let path = segment::path(dir.path(), 3);
    // Whoever has the file open sees what was in it, and what a disk may keep of it.
    let link = dir.path().join("kept");
    fs::hard_link(&path, &link).unwrap();
    let keeper = Keeper::start(dir.path(), false).unwrap();
    keeper.retire(3, spans, None);
    drop(keeper);
    assert!(!path.exists());
    assert!(!fs::read(link).unwrap().contains(&9));
}

#[test]
fn a_segment_that_is_used_again_holds_nothing_of_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let spans = written(dir.path(), 3, 9);
    let old = Segment::open(dir.path(), 3, false).unwrap();
    let envelope = b"news".as_slice();
    let header = |segment| Header {
        segment,
        begin: START,
        commit: 1,
        mailbox: MailboxId::from_bytes([1; 16]),
        sequence: 1,
        stored_at: Timestamp(1),
        expires: Timestamp(2),
        forget_at: Timestamp(3),
        key: [2; 16],
        digest: BodyDigest::from_bytes([3; 16]),
        length: 4,
        check: record::check(envelope),
    };
    let record = |segment: &Segment| {
        let mut bytes = Vec::new();
        record::append(&mut bytes, &header(segment.id), segment.mark().salt, envelope);
        bytes
    };
    let mut keeper = Keeper::start(dir.path(), false).unwrap();
    keeper.retire(3, spans, Some(SIZE));
    let spare = ready(&mut keeper);
    assert!(!segment::path(dir.path(), 3).exists());
    assert_eq!(fs::read(&spare).unwrap(), vec![0; SIZE as usize], "its header too");
    let new = Segment::create(dir.path(), 4, SIZE, 2, Some(&spare)).unwrap();
    new.write(&record(&new), START).unwrap();
    assert_eq!(new.record(START, 4).unwrap(), Some((header(4), envelope.to_vec())));
    // Whoever still reads the old one, at the very place where one begins, finds no record of it.
    assert_eq!(old.record(START, 4).unwrap(), None);
}

#[test]
fn there_are_not_more_spare_files_than_there_may_be() {
    for (limited, most) in [(false, SPARES), (true, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::start(dir.path(), limited).unwrap();
        for id in 0..SPARES as u32 + 4 {
            keeper.retire(id, written(dir.path(), id, 9), Some(SIZE));
        }
        // In its order: when this one has been made, those are done.
        keeper.give(Chore::Spare(SIZE / 2));
        while !lock(&keeper.ready).has(SIZE / 2) {
            std::thread::yield_now();
        }
        assert_eq!((files(dir.path()), lock(&keeper.ready).files.len()), (most, most));
        // The oldest made room for it.
        assert_eq!(lock(&keeper.ready).files.last().map(|(size, _)| *size), Some(SIZE / 2));
        let changed = lock(&keeper.ready).changed;
        lock(&keeper.ready).trim(changed + KEPT - Duration::from_millis(1));
        assert_eq!(files(dir.path()), most);
        lock(&keeper.ready).trim(changed + KEPT);
        assert_eq!(files(dir.path()), 1, "the load is over");
        keeper.drop_spares();
        assert_eq!(files(dir.path()), 0);
    }
}

/// A disk that refuses for a while: everything is done after all, and in its order.
#[test]
fn what_the_disk_refused_is_tried_again_and_nothing_is_deleted_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = Worker {
        directory: dir.path().to_owned(),
        ready: Arc::new(Mutex::new(Ready {
            files: Vec::new(),
            most: SPARES,
            changed: Instant::now(),
        })),
        made: 0,
        failed: Vec::new(),
    };
    let spans = written(dir.path(), 3, 9);
    let path = segment::path(dir.path(), 3);
    let bytes = fs::read(&path).unwrap();
    // A file that does not begin as a segment does is refused like one that cannot be written.
    fs::write(&path, b"no segment").unwrap();
    worker.attempt(Chore::Erase(3, spans));
    worker.attempt(Chore::Retire(3, Vec::new(), None));
    assert_eq!(worker.failed.len(), 2);
    assert!(path.exists(), "deleted before it was overwritten");
    assert_eq!(worker.patience(Instant::now()), Some(RETRY));
    fs::write(&path, bytes).unwrap();
    let link = dir.path().join("kept");
    fs::hard_link(&path, &link).unwrap();
    for chore in std::mem::take(&mut worker.failed) {
        worker.attempt(chore);
    }
    assert!(worker.failed.is_empty() && !path.exists());
    assert!(!fs::read(link).unwrap().contains(&9));
    // Gone by another hand: that is no reason to try for ever.
    worker.attempt(Chore::Retire(3, Vec::new(), None));
    assert!(worker.failed.is_empty());
}
