//! Logs as a crash leaves them, and as a failing disk does.

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;

fn judge(log: &[u8]) -> Log {
    super::judge(log).unwrap()
}

/// A log of `commits` commits as a killed process leaves it.
fn log(commits: u32) -> Vec<u8> {
    files(commits).1
}

/// The same, and the database before it.
fn files(commits: u32) -> (Vec<u8>, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (v)",
        )
        .unwrap();
    for i in 0..commits {
        connection
            .execute("INSERT INTO t VALUES (?1 || hex(zeroblob(300)))", [i])
            .unwrap();
    }
    (
        std::fs::read(&path).unwrap(),
        std::fs::read(directory.path().join("db-wal")).unwrap(),
    )
}

const FRAME: usize = FRAME_HEADER_BYTES + 1024;

#[test]
fn what_a_crash_leaves_is_readable() {
    let whole = log(8);
    assert!((whole.len() - HEADER_BYTES).is_multiple_of(FRAME));
    assert_eq!(judge(&[]), Log::Empty);
    assert_eq!(judge(&whole[..20]), Log::Empty);
    assert_eq!(judge(&whole[..HEADER_BYTES]), Log::Empty);
    // Cut off anywhere: a commit that was being written when the power went.
    for end in (HEADER_BYTES + 1..=whole.len()).step_by(97) {
        assert_eq!(judge(&whole[..end]), Log::Readable, "{end}");
    }
    // The last frame is wrong: it may never have been synced.
    let mut torn = whole;
    let last = torn.len() - 1;
    torn[last] ^= 1;
    assert_eq!(judge(&torn), Log::Readable);
}

#[test]
fn a_wrong_byte_before_a_later_commit_is_damage() {
    let whole = log(8);
    let frames = (whole.len() - HEADER_BYTES) / FRAME;
    for at in [0, 3, 9, 17, 25, 31] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        assert_eq!(judge(&damaged), Log::Damaged { frame: 0 }, "byte {at}");
    }
    for frame in 1..=frames - 3 {
        for at in [0, 7, 9, 13, 17, FRAME_HEADER_BYTES, FRAME - 1] {
            let mut damaged = whole.clone();
            damaged[HEADER_BYTES + (frame - 1) * FRAME + at] ^= 1;
            assert_eq!(judge(&damaged), Log::Damaged { frame }, "frame {frame}, byte {at}");
        }
    }
}

#[test]
fn room_that_was_kept_for_a_log_is_no_damage() {
    let (whole, room) = (log(8), vec![0; 3 * FRAME]);
    let with_room = |log: &[u8]| [log, &room].concat();
    assert_eq!(judge(&room), Log::Empty);
    // The header was being written when the power went.
    for end in 1..HEADER_BYTES {
        let torn = [&whole[..end], &[0; HEADER_BYTES][end..], &room].concat();
        assert_eq!(judge(&torn), Log::Empty, "{end}");
    }
    for end in (HEADER_BYTES + 1..=whole.len()).step_by(97) {
        assert_eq!(judge(&with_room(&whole[..end])), Log::Readable, "{end}");
    }
    // What is there is looked at as ever.
    let mut damaged = with_room(&whole);
    damaged[3] ^= 1;
    assert_eq!(judge(&damaged), Log::Damaged { frame: 0 });
    let mut damaged = with_room(&whole);
    damaged[HEADER_BYTES + FRAME + 9] ^= 1;
    assert_eq!(judge(&damaged), Log::Damaged { frame: 2 });
    let mut damaged = [vec![0; HEADER_BYTES], room.clone()].concat();
    damaged[HEADER_BYTES + 2 * FRAME] = 1;
    assert_eq!(judge(&damaged), Log::Damaged { frame: 0 });
}

#[test]
fn damage_in_a_log_that_is_written_is_what_two_looks_agree_on() {
    // What was seen; the header before and after, where they differ.
    let settled_anew = |looks: &[(Log, u8, u8)]| {
        let mut looks = looks.iter();
        let settled = settle(|| {
            let (log, before, after) = looks.next().expect("it has seen enough");
            Ok((*log, [*before; HEADER_BYTES], [*after; HEADER_BYTES]))
        });
        assert_eq!(looks.next(), None, "it has not seen enough");
        settled.unwrap()
    };
    let settled = |looks: &[(Log, u8)]| {
        let looks: Vec<_> = looks.iter().map(|(log, header)| (*log, *header, *header)).collect();
        settled_anew(&looks)
    };
    let wrong = |frame| Log::Damaged { frame };
    assert_eq!(settled(&[(Log::Readable, 1)]), Log::Readable);
    assert_eq!(settled(&[(wrong(7), 1), (wrong(7), 1)]), wrong(7));
    // A frame that was half written at the first look.
    assert_eq!(settled(&[(wrong(7), 1), (Log::Readable, 1)]), Log::Readable);
    assert_eq!(
        settled(&[(wrong(7), 1), (wrong(9), 1), (Log::Readable, 1)]),
        Log::Readable
    );
    assert_eq!(settled(&[(wrong(9), 1), (wrong(7), 1), (wrong(7), 1)]), wrong(7));
    // A log that began anew in between.
    assert_eq!(settled(&[(wrong(7), 1), (wrong(7), 2), (Log::Empty, 3)]), Log::Empty);
    // One that began anew under a look.
    let looks = [
        (wrong(7), 1, 1),
        (wrong(7), 1, 2),
        (wrong(7), 2, 2),
        (Log::Readable, 2, 2),
    ];
    assert_eq!(settled_anew(&looks), Log::Readable);
    assert_eq!(
        settled_anew(&[(Log::Readable, 1, 2), (wrong(7), 2, 2), (wrong(7), 2, 2)]),
        wrong(7)
    );
    let restless: Vec<_> = (0..LOOKS).map(|look| (wrong(look), 1)).collect();
    assert_eq!(settled(&restless), Log::Readable);
}

#[test]
fn a_log_that_is_being_written_is_not_called_damaged_and_damage_in_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let connection = Connection::open(&path).unwrap();
    // It begins anew again and again, and is read in several pieces.
    connection
        .execute_batch(
            "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 1500; CREATE TABLE t (v)",
        )
        .unwrap();
    let log = directory.path().join("db-wal");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut commits = 0_u32;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let row = "INSERT INTO t VALUES (?1 || hex(zeroblob(3000)))";
                connection.execute(row, [commits]).unwrap();
                connection.execute("DELETE FROM t WHERE rowid % 9 = 0", []).unwrap();
                commits += 1;
            }
            (commits, connection)
        });
        // As long as it takes until the writer is under way, and then some: on a busy machine it begins late.
        let mut looks = Vec::new();
        while looks.len() < 400 || !looks.contains(&Log::Readable) && looks.len() < 1_000_000 {
            looks.push(examine_in_use(&log).unwrap());
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        let (commits, connection) = writing.join().unwrap();
        let wrong = looks.iter().find(|look| matches!(look, Log::Damaged { .. }));
        assert_eq!(wrong, None, "after {commits} commits");
        assert!(commits > 0 && looks.contains(&Log::Readable));
        // The same while it is open, and one byte altered.
        connection
            .execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        for _ in 0..3 {
            connection.execute("INSERT INTO t VALUES (1)", []).unwrap();
        }
        let mut bytes = std::fs::read(&log).unwrap();
        bytes[HEADER_BYTES + FRAME_HEADER_BYTES] ^= 1;
        std::fs::write(&log, bytes).unwrap();
        assert_eq!(examine_in_use(&log).unwrap(), Log::Damaged { frame: 1 });
    });
}
const COMMITS: u32 = 8;

fn sample() -> &'static (Vec<u8>, Vec<u8>) {
    static SAMPLE: std::sync::OnceLock<(Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| files(COMMITS))
}

/// How many rows SQLite reads with this log; none when it reads nothing.
fn rows(log: &[u8]) -> Option<u32> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("db"), &sample().0).unwrap();
    std::fs::write(directory.path().join("db-wal"), log).unwrap();
    let connection = Connection::open(directory.path().join("db")).ok()?;
    connection
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
        .ok()
}

proptest! {
    /// It ends, in a verdict, and takes a frame into memory whatever the header says.
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        let verdict = judge(&bytes);
        let beyond = matches!(verdict, Log::Damaged { frame } if frame * FRAME_HEADER_BYTES > bytes.len());
        prop_assert!(!beyond);
    }

    /// The same behind a header that is right, where the frames begin to count.
    #[test]
    fn any_bytes_behind_a_sound_header_are_judged(frames in prop::collection::vec((any::<[u8; FRAME_HEADER_BYTES]>(), any::<[bool; 3]>()), 0..12), rest in 0..FRAME) {
        let whole = &sample().1;
        let mut bytes = whole[..HEADER_BYTES].to_vec();
        for (mut header, [first_salt, second_salt, ends]) in frames {
            if first_salt {
                header[8..12].copy_from_slice(&whole[16..20]);
            }
            if second_salt {
                header[12..16].copy_from_slice(&whole[20..24]);
            }
            if !ends {
                header[4..8].fill(0);
            }
            bytes.extend(header);
            bytes.extend([header[0]; FRAME - FRAME_HEADER_BYTES]);
        }
        bytes.extend(vec![1; rest]);
        let frames = (bytes.len() - HEADER_BYTES) / FRAME;
        match judge(&bytes) {
            Log::Empty => prop_assert_eq!(bytes.len(), HEADER_BYTES),
            Log::Readable => {}
            // A frame of an invented checksum is wrong, and it is told with a commit behind it.
            Log::Damaged { frame } => prop_assert!((1..frames).contains(&frame)),
        }
    }

    /// What it is for: where SQLite would drop a commit without a word, the log is damaged. It cannot be told of damage that reaches into the last commit, which may never have been
    /// finished, or into the frame before it: without where it ended the commit before may have been part of the last. `bytes` are written over whatever is there.
    #[test]
    fn no_commit_is_dropped_unseen_unless_the_damage_reaches_to_the_last(at in any::<prop::sample::Index>(), bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 1..40),
        (1_usize..1100).prop_map(|length| vec![0; length]),
    ]) {
        let whole = &sample().1;
        let mut altered = whole.clone();
        let at = at.index(whole.len());
        let to = (at + bytes.len()).min(whole.len());
        for (there, byte) in altered[at..to].iter_mut().zip(bytes) {
            *there = byte;
        }
        if judge(&altered) == Log::Readable {
            // Where each commit ends.
            let ends: Vec<usize> = (HEADER_BYTES..whole.len()).step_by(FRAME).filter(|frame| word(whole, frame + 4) != 0).map(|frame| frame + FRAME).collect();
            let touched = if to > ends[ends.len() - 2] - FRAME { ends.iter().filter(|end| **end > at).count() } else { 0 };
            let read = rows(&altered);
            prop_assert!(read.is_some_and(|rows| rows as usize + touched >= COMMITS as usize), "{:?} of {}, {} touched at {}", read, COMMITS, touched, at);
        } else {
            prop_assert_ne!(&altered, whole);
            prop_assert!(judge(&altered) != Log::Empty, "a log with commits in it is not empty");
        }
    }
}
