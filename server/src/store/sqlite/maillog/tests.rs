use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::{
    model::{Envelope, MessageId, Sender},
    store::{
        Ack, Acked, Deposit, Deposited, Quota, migrations,
        sqlite::{OpenError, mail},
        writer::{Effects, Mail as _, Outcome, Sending, Upkeep},
    },
};

const NOW: Timestamp = Timestamp(1000);
const ROOM: Quota = Quota {
    envelopes: 1000,
    bytes: u64::MAX,
    licenses: 0,
};

fn mailbox(n: u8) -> MailboxId {
    MailboxId::from_bytes([n; 16])
}

/// A log with its database, and mailboxes 1 to 3.
struct Relay {
    dir: TempDir,
    c: Connection,
    log: Option<MailLog>,
    index: Arc<Index>,
}

fn open(dir: &Path, c: &Connection) -> std::result::Result<(MailLog, Arc<Index>), OpenError> {
    MailLog::open(dir, c, None, MailLog::read(dir, c)?)
}

impl Relay {
    fn new() -> Self {
        let mut c = Connection::open_in_memory().unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        c.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        for n in 1..=3 {
            c.execute(
                "INSERT INTO mailbox (mailbox, incarnation) VALUES (?1, zeroblob(16))",
                [mailbox(n).as_bytes()],
            )
            .unwrap();
        }
        let dir = TempDir::new().unwrap();
        let (log, index) = open(dir.path(), &c).unwrap();
        Self {
            dir,
            c,
            log: Some(log),
            index,
        }
    }

    fn log(&mut self) -> &mut MailLog {
        self.log.as_mut().unwrap()
    }

    /// Stops and starts; what is in memory only is lost.
    fn reopen(&mut self) {
        self.log = None;
        let (log, index) = open(self.dir.path(), &self.c).unwrap();
        (self.log, self.index) = (Some(log), index);
    }

    fn send_all(&mut self, deposits: Vec<Deposit>) -> Vec<Result<Deposited>> {
        let tasks: Vec<Sending> = deposits
            .into_iter()
            .map(|deposit| Sending {
                key: mail::receipt_key(&deposit),
                check: check(deposit.envelope.as_bytes()),
                deposit: Box::new(deposit),
                reply: oneshot::channel().0,
            })
            .collect();
        let outcomes: Vec<Outcome> = self.log.as_mut().unwrap().send(&self.c, &tasks);
        assert!(self.c.is_autocommit());
        outcomes.into_iter().map(|outcome| outcome.answer).collect()
    }

    fn send(&mut self, to: u8, id: u128, body: &[u8]) -> Deposited {
        self.send_all(vec![deposit(to, id, body)]).pop().unwrap().unwrap()
    }

    fn read(&self, of: u8) -> Vec<(u64, Vec<u8>)> {
        let page = page(&self.index, mailbox(of), 0, (1000, usize::MAX), NOW).unwrap();
        page.into_iter().map(|row| (row.sequence, row.body)).collect()
    }

    fn acknowledge(&mut self, of: u8, sequence: u64) -> Acked {
        let ack = Ack {
            incarnation: crate::model::Incarnation(Uuid::nil()),
            sequence,
        };
        let mut effects = Effects::default();
        let acked = mail::acknowledge(&self.c, &self.index, &mut effects, mailbox(of), Some(ack), None).unwrap();
        for (mailbox, up_to) in effects.gone {
            self.log().gone(mailbox, up_to);
        }
        acked
    }

    /// Everything that there is to do between commits.
    fn keep_up(&mut self) {
        for _ in 0..10_000 {
            if self.log.as_mut().unwrap().upkeep(&self.c, true).unwrap() != Upkeep::More {
                return;
            }
        }
        panic!("the upkeep never ends");
    }

    fn files(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = names
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| name.ends_with(".log"));
        names.sort();
        names
    }
}

fn deposit(to: u8, id: u128, body: &[u8]) -> Deposit {
    Deposit {
        mailbox: mailbox(to),
        principal: Sender::Account(mailbox(9)),
        id: MessageId::new(Uuid::from_u128(id)),
        envelope: Envelope::new(body.to_vec()).unwrap(),
        body_hash: {
            // Not the envelope's own bytes, which are searched for.
            let mut hash = [0; 32];
            hash.iter_mut().zip(body).for_each(|(hash, byte)| *hash = !byte);
            hash
        },
        license: None,
        expires: Timestamp(2000),
        forget_at: Timestamp(3000),
        quota: ROOM,
        now: NOW,
    }
}

const DONE: Deposited = Deposited::Done {
    stored_at: NOW,
    expires: Timestamp(2000),
};

/// Large enough that a few fill the first segments.
fn large(tag: u8) -> Vec<u8> {
    vec![tag; 200_000]
}

#[test]
fn what_was_stored_is_there_after_a_restart_and_repetitions_are_known() {
    let mut relay = Relay::new();
    assert_eq!(relay.send(1, 1, b"one"), DONE);
    assert_eq!(relay.send(2, 2, b"two"), DONE);
    assert_eq!(relay.send(1, 3, b"three"), DONE);
    assert_eq!(relay.send(7, 4, b"nobody"), Deposited::NoSuchMailbox);
    for _ in 0..2 {
        assert_eq!(relay.read(1), [(1, b"one".to_vec()), (2, b"three".to_vec())]);
        assert_eq!(relay.read(2), [(1, b"two".to_vec())]);
        assert_eq!(relay.send(1, 1, b"one"), DONE);
        assert_eq!(relay.send(1, 1, b"else"), Deposited::Conflict);
        assert_eq!(relay.index.totals(), (3, 11));
        relay.reopen();
    }
    assert_eq!(relay.acknowledge(1, 1), Acked::Done(1));
    assert_eq!(relay.acknowledge(1, 3), Acked::Stale);
    relay.reopen();
    assert_eq!(relay.read(1), [(2, b"three".to_vec())]);
    assert_eq!(relay.acknowledge(1, 2), Acked::Done(1));
    relay.keep_up();
    relay.reopen();
    assert_eq!(relay.send(1, 5, b"five"), DONE);
    assert_eq!(relay.read(1), [(3, b"five".to_vec())], "numbers go on");
    assert_eq!(relay.send(1, 3, b"three"), DONE, "read, and still known");
    assert_eq!(relay.read(1).len(), 1);
}

#[test]
fn sends_of_one_commit_know_of_each_other() {
    let mut relay = Relay::new();
    let mut third = deposit(1, 3, b"three");
    third.quota.envelopes = 2;
    let answers = relay.send_all(vec![
        deposit(1, 1, b"one"),
        deposit(1, 1, b"one"),
        deposit(1, 1, b"other"),
        deposit(1, 2, b"two"),
        third,
    ]);
    let answers: Vec<Deposited> = answers.into_iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(answers, [DONE, DONE, Deposited::Conflict, DONE, Deposited::Full]);
    assert_eq!(relay.read(1), [(1, b"one".to_vec()), (2, b"two".to_vec())]);
    let refused: i64 = relay
        .c
        .query_row("SELECT sum(refused_total) FROM mailbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(refused, 1);
}

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

#[test]
fn a_segment_lives_from_its_sealing_to_its_deletion() {
    let mut relay = Relay::new();
    for id in 0..40 {
        assert_eq!(relay.send(1 + (id % 3) as u8, id, &large(id as u8)), DONE);
    }
    assert!(relay.files().len() >= 3, "{:?}", relay.files());
    relay.keep_up();
    relay.reopen();
    assert_eq!((0..3).map(|n| relay.read(1 + n).len()).sum::<usize>(), 40);
    let single: i64 = relay
        .c
        .query_row("SELECT count(*) FROM receipt_run", [], |row| row.get(0))
        .unwrap();
    assert!(single >= 3, "receipts were put away");
    for id in 0..40 {
        assert_eq!(
            relay.send(1 + (id % 3) as u8, id, &large(id as u8)),
            DONE,
            "known, wherever its receipt is"
        );
        assert_eq!(relay.send(1 + (id % 3) as u8, id, b"else"), Deposited::Conflict);
    }
    assert_eq!(relay.index.totals().0, 40);
    // One stays; its segment is almost empty then, and gives it up.
    for of in 1..=3 {
        let last = relay.index.usage(mailbox(of)).last;
        relay.acknowledge(of, if of == 2 { last - 1 } else { last });
    }
    let kept = relay.read(2);
    assert_eq!(kept.len(), 1);
    relay.keep_up();
    assert_eq!(
        relay.files().len(),
        1,
        "only the one that is written: {:?}",
        relay.files()
    );
    assert_eq!(relay.read(2), kept);
    relay.reopen();
    assert_eq!(relay.read(2), kept);
    for id in [0, 20, 39] {
        assert_eq!(relay.send(1 + (id % 3) as u8, id, &large(id as u8)), DONE);
    }
    assert_eq!(relay.index.totals().0, 1, "known still");
    relay.log().forget_receipts(Timestamp(3000));
    segments::forget_receipts(&relay.c, Timestamp(3000), 1000).unwrap();
    assert_eq!(relay.send(1, 0, &large(0)), DONE);
    assert_eq!(relay.index.totals().0, 2, "forgotten when its time was over");
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
    Segment::create(relay.dir.path(), active + 1, 1 << 20, None).unwrap();
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

#[test]
fn a_full_log_is_said_and_has_room_again_when_something_was_read() {
    let mut relay = Relay::new();
    relay.log().limit = Some(7 << 20);
    let mut stored = 0;
    for id in 0..60 {
        match relay.send_all(vec![deposit(1, id, &large(id as u8))]).pop().unwrap() {
            Ok(answer) => {
                assert_eq!(answer, DONE);
                stored += 1;
            }
            Err(StoreError::Full(_)) => break,
            Err(other) => panic!("{other}"),
        }
    }
    assert!((25..40).contains(&stored), "{stored}");
    assert_eq!(relay.read(1).len(), stored);
    relay.acknowledge(1, stored as u64);
    relay.keep_up();
    relay.reopen();
    assert_eq!(relay.send(1, 100, &large(1)), DONE);
    assert_eq!(relay.read(1), [(stored as u64 + 1, large(1))]);
}

#[test]
fn what_was_read_is_overwritten_and_nothing_else_is() {
    let mut relay = Relay::new();
    relay.send(1, 1, &[0xaa; 5000]);
    relay.send(1, 2, &[0xbb; 5000]);
    relay.acknowledge(1, 1);
    relay.keep_up();
    let active = relay.log().active.id;
    let path = segment::path(relay.dir.path(), active);
    // The keeper is done when the log is closed.
    relay.log = None;
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(32).any(|piece| piece == [0xaa; 32]));
    assert!(bytes.windows(5000).any(|piece| piece == [0xbb; 5000]));
    relay.reopen();
    assert_eq!(relay.read(1), [(2, vec![0xbb; 5000])]);
    assert_eq!(relay.send(1, 1, &[0xaa; 5000]), DONE);
    assert_eq!(relay.read(1).len(), 1);
}

/// A crash after the acknowledgement and before the bytes were overwritten.
#[test]
fn the_next_start_overwrites_what_the_last_one_did_not() {
    let mut relay = Relay::new();
    relay.send(1, 1, &[0xaa; 5000]);
    relay.send(1, 2, &[0xbb; 50]);
    let active = relay.log().active.id;
    let path = segment::path(relay.dir.path(), active);
    let before = std::fs::read(&path).unwrap();
    relay.acknowledge(1, 1);
    relay.log = None;
    std::fs::write(&path, before).unwrap();
    relay.reopen();
    assert_eq!(relay.read(1).len(), 1);
    relay.keep_up();
    relay.log = None;
    assert!(
        !std::fs::read(&path)
            .unwrap()
            .windows(32)
            .any(|piece| piece == [0xaa; 32])
    );
}

#[test]
fn envelopes_in_tables_are_taken_over_once() {
    let mut relay = Relay::new();
    relay.send(1, 1, b"in the log");
    let put = |sequence: u64, body: &[u8]| {
        mail::put_into_tables(&relay.c, mailbox(1), sequence, [NOW, Timestamp(2000)], body).unwrap();
    };
    // As after a crash between the log and the tables.
    put(1, b"in the log");
    for sequence in 2..=300 {
        put(sequence, &sequence.to_be_bytes());
    }
    relay.reopen();
    let read = relay.read(1);
    assert_eq!(read.len(), 300);
    assert_eq!(read[299], (300, 300_u64.to_be_bytes().to_vec()));
    let left: i64 = relay
        .c
        .query_row(
            "SELECT (SELECT count(*) FROM envelope) + (SELECT count(*) FROM sealed)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    relay.send(1, 5, b"next");
    assert_eq!(relay.read(1).last().unwrap().0, 301);
}

#[derive(Debug, Clone)]
enum Op {
    Send { to: u8, id: u128, size: usize },
    Acknowledge { of: u8, back: u64 },
    KeepUp,
    Reopen,
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (1..=3u8, 0..60u128, 1..120_000usize).prop_map(|(to, id, size)| Op::Send { to, id, size }),
        3 => (1..=3u8, 0..4u64).prop_map(|(of, back)| Op::Acknowledge { of, back }),
        1 => Just(Op::KeepUp),
        1 => Just(Op::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever is sent, read and tidied, and whenever the log is closed: what it holds is what a list of each mailbox would.
    #[test]
    fn the_log_does_what_a_list_would(ops in proptest::collection::vec(ops(), 1..120)) {
        let mut relay = Relay::new();
        let mut lists: BTreeMap<u8, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        let mut last: BTreeMap<u8, u64> = BTreeMap::new();
        let mut known: BTreeMap<(u8, u128), Vec<u8>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Send { to, id, size } => {
                    let body = vec![1 + (size % 250) as u8; size];
                    let same = known.get(&(to, id)).map(|before| before[..before.len().min(32)] == body[..body.len().min(32)]);
                    let answer = relay.send(to, id, &body);
                    prop_assert_eq!(answer, if same == Some(false) { Deposited::Conflict } else { DONE });
                    if same.is_none() {
                        let next = last.entry(to).or_default();
                        *next += 1;
                        lists.entry(to).or_default().push((*next, body.clone()));
                        known.insert((to, id), body);
                    }
                }
                Op::Acknowledge { of, back } => {
                    let up_to = last.get(&of).copied().unwrap_or(0).saturating_sub(back);
                    let list = lists.entry(of).or_default();
                    let read = list.iter().filter(|(sequence, _)| *sequence <= up_to).count() as u64;
                    list.retain(|(sequence, _)| *sequence > up_to);
                    prop_assert_eq!(relay.acknowledge(of, up_to), Acked::Done(read));
                }
                Op::KeepUp => relay.keep_up(),
                Op::Reopen => relay.reopen(),
            }
        }
        for of in 1..=3 {
            prop_assert!(relay.read(of) == lists.remove(&of).unwrap_or_default());
        }
    }
}
