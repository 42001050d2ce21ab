use protocol::address::UserName;

use super::*;
use crate::{
    model::{Envelope, MessageId},
    store::{Quota, migrations, sqlite::rows::totals},
};

const NOW: Timestamp = Timestamp(1000);
const OLD: Incarnation = Incarnation(Uuid::from_u128(1));
const NEW: Incarnation = Incarnation(Uuid::from_u128(2));
const SMALL: Slice = Slice {
    envelopes: 7,
    bytes: 1000,
};

fn bob() -> MailboxId {
    MailboxId::of(&UserName::parse("bob").unwrap())
}

struct Mail {
    connection: Connection,
    sent: u128,
}

impl Mail {
    /// A mailbox that holds envelopes of these sizes.
    fn with(sizes: impl IntoIterator<Item = usize>) -> Self {
        let mut connection = Connection::open_in_memory().unwrap();
        migrations::run_sqlite(&mut connection).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        connection
            .execute(
                "INSERT INTO mailbox (mailbox, incarnation) VALUES (?1, ?2)",
                params![bob().as_bytes(), OLD.0.as_bytes()],
            )
            .unwrap();
        let mut mail = Self { connection, sent: 0 };
        sizes.into_iter().for_each(|size| mail.send(size));
        mail
    }

    fn send(&mut self, size: usize) {
        self.sent += 1;
        let deposit_of = Deposit {
            mailbox: bob(),
            principal: Sender::Token([0; 32]),
            id: MessageId::new(Uuid::from_u128(self.sent)),
            envelope: Envelope::new(vec![1; size]).unwrap(),
            body_hash: [0; 32],
            license: None,
            expires: Timestamp(5000),
            forget_at: Timestamp(9000),
            quota: Quota {
                envelopes: u64::MAX,
                bytes: u64::MAX,
                licenses: 0,
            },
            now: NOW,
        };
        let stored = self.commit(|c, effects| deposit(c, effects, &deposit_of)).unwrap();
        assert!(matches!(stored, Deposited::Done { .. }));
    }

    /// A commit as the writer makes it, with its sums.
    fn commit<T>(&self, verb: impl Fn(&Connection, &mut Effects) -> Result<T>) -> Result<T> {
        let mut effects = Effects::default();
        let value = verb(&self.connection, &mut effects)?;
        let sums = crate::store::writer::Sums {
            pending: effects.pending,
            bytes: effects.bytes,
            ..Default::default()
        };
        super::super::rows::add_totals(&self.connection, sums)?;
        Ok(value)
    }

    fn acknowledge(&self, incarnation: Incarnation, sequence: u64) -> Acked {
        let ack = Ack { incarnation, sequence };
        self.commit(|c, effects| acknowledge(c, effects, bob(), Some(ack), None, SMALL))
            .unwrap()
    }

    fn clear(&self) -> Deleted {
        self.commit(|c, effects| clear(c, effects, bob(), NEW, SMALL))
            .unwrap()
            .unwrap()
    }

    /// One slice more, which must not be more than one: rows are counted by SQLite, bytes by what is left.
    fn go_on(&self) -> Deleted {
        let (rows, bytes) = (self.connection.total_changes(), self.left().1);
        let deleted = self
            .commit(|c, effects| delete_acknowledged(c, effects, bob(), SMALL))
            .unwrap()
            .unwrap();
        // Of each envelope itself and its content; the mailbox's row and the totals.
        let rows = self.connection.total_changes() - rows;
        assert!(
            rows <= 2 * u64::from(SMALL.envelopes) + 2,
            "a commit touched {rows} rows"
        );
        let bytes = bytes - self.left().1;
        assert!(
            bytes <= SMALL.bytes || deleted.envelopes == 1,
            "a commit deleted {bytes} bytes"
        );
        deleted
    }

    /// Everything that was acknowledged; how many that were.
    fn finish(&self, first: Deleted) -> u64 {
        let (mut slice, mut sum) = (first, first.envelopes);
        while slice.more {
            slice = self.go_on();
            sum += slice.envelopes;
        }
        sum
    }

    /// Envelopes and their bytes, which every count must agree with.
    fn left(&self) -> (u64, u64) {
        let read = |sql: &str| -> (u64, u64) {
            self.connection
                .query_row(sql, [], |row| Ok((number(row, 0)?, number(row, 1)?)))
                .unwrap()
        };
        let left = read("SELECT count(*), coalesce(sum(size), 0) FROM envelope");
        assert_eq!(read("SELECT live_count, live_bytes FROM mailbox"), left);
        assert_eq!(
            read("SELECT count(*), coalesce(sum(length(content)), 0) FROM sealed"),
            left
        );
        let totals = totals(&self.connection).unwrap();
        assert_eq!((totals.pending, totals.pending_bytes), left);
        left
    }

    /// What a reader is shown: in which life, and which numbers.
    fn shown(&self) -> (Incarnation, Vec<u64>) {
        let page = page(&self.connection, bob(), 1000, usize::MAX, NOW).unwrap().unwrap();
        (
            page.incarnation,
            page.envelopes.iter().map(|envelope| envelope.sequence).collect(),
        )
    }
}

#[test]
fn no_commit_deletes_more_than_a_slice_and_all_of_it_goes() {
    // Many small ones, such as fill a slice by their bytes, and such as do not fit one.
    let sizes = [&[10; 30][..], &[300; 9], &[999, 1000, 1001, 5000, 1], &[10; 12]].concat();
    for clears in [false, true] {
        let mail = Mail::with(sizes.iter().copied());
        let all = sizes.len() as u64;
        let first = if clears {
            mail.clear()
        } else {
            match mail.acknowledge(OLD, all) {
                Acked::Done(first) => first,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            first,
            Deleted {
                envelopes: 7,
                more: true
            }
        );
        assert_eq!(mail.left().0, all - 7);
        assert!(
            mail.shown().1.is_empty(),
            "what was read is shown to nobody from the first commit on"
        );
        assert_eq!(mail.finish(first), all);
        assert_eq!(mail.left(), (0, 0));
        assert_eq!(mail.go_on(), Deleted::default());
    }
}

#[test]
fn what_exactly_fills_a_slice_leaves_nothing_to_go_on_with() {
    let mail = Mail::with([10; 8]);
    assert_eq!(
        mail.acknowledge(OLD, 7),
        Acked::Done(Deleted {
            envelopes: 7,
            more: false
        })
    );
    assert_eq!(mail.shown(), (OLD, vec![8]));
    let mail = Mail::with([500; 3]);
    assert_eq!(
        mail.acknowledge(OLD, 2),
        Acked::Done(Deleted {
            envelopes: 2,
            more: false
        })
    );
    assert_eq!(mail.left(), (1, 500));
}

#[test]
fn a_repetition_finishes_what_was_interrupted_and_then_writes_nothing() {
    let mail = Mail::with([10; 40]);
    let done = |envelopes, more| Acked::Done(Deleted { envelopes, more });
    assert_eq!(mail.acknowledge(OLD, 20), done(7, true));
    // A crash: nobody goes on. Then the same again, or one that says less.
    assert_eq!(mail.acknowledge(OLD, 20), done(7, true));
    assert_eq!(mail.acknowledge(OLD, 3), done(6, false));
    let written = mail.connection.total_changes();
    let ack = Ack {
        incarnation: OLD,
        sequence: 20,
    };
    let again = acknowledge(&mail.connection, &mut Effects::default(), bob(), Some(ack), None, SMALL).unwrap();
    assert_eq!(again, done(0, false));
    assert_eq!(mail.connection.total_changes(), written);
    assert_eq!(mail.shown().1, (21..=40).collect::<Vec<_>>());
}

#[test]
fn two_acknowledgements_at_once_are_each_done_when_all_they_name_is_gone() {
    let mail = Mail::with([10; 40]);
    assert!(matches!(
        mail.acknowledge(OLD, 10),
        Acked::Done(Deleted { more: true, .. })
    ));
    let Acked::Done(further) = mail.acknowledge(OLD, 30) else {
        panic!("the second is as good as the first")
    };
    // The first one's next slice deletes for both, and says that there is more as long as there is.
    let other = mail.go_on();
    assert!(other.more);
    assert_eq!(mail.finish(further), 30 - 7 - 7);
    assert_eq!(mail.go_on(), Deleted::default());
    assert_eq!(mail.shown().1, (31..=40).collect::<Vec<_>>());
}

#[test]
fn mail_that_comes_between_the_slices_of_a_clear_stays_whatever_is_acknowledged() {
    let mut mail = Mail::with([10; 30]);
    assert_eq!(
        mail.acknowledge(OLD, 2),
        Acked::Done(Deleted {
            envelopes: 2,
            more: false
        })
    );
    let first = mail.clear();
    assert!(first.more);
    mail.send(10);
    assert_eq!(mail.shown(), (NEW, vec![31]), "the new life has begun");
    // The reader of the old life has not heard of it.
    for sequence in [0, 5, 30, 31] {
        assert_eq!(mail.acknowledge(OLD, sequence), Acked::Stale);
    }
    assert_eq!(mail.left().0, 22);
    mail.go_on();
    mail.send(10);
    // A second clear in the midst takes what came since, too; the first goes on until there is nothing left.
    let second = mail
        .commit(|c, effects| clear(c, effects, bob(), OLD, SMALL))
        .unwrap()
        .unwrap();
    assert!(second.more);
    mail.send(10);
    assert_eq!(mail.finish(second), 30 - 2 - 7 - 7 + 2);
    assert_eq!(mail.shown(), (OLD, vec![33]));
    assert_eq!(mail.go_on(), Deleted::default());
    assert_eq!(mail.left(), (1, 10));
}

#[test]
fn what_a_clear_left_behind_goes_with_any_acknowledgement_of_the_new_life() {
    let mut mail = Mail::with([10; 10]);
    assert!(mail.clear().more);
    mail.send(10);
    assert_eq!(
        mail.acknowledge(NEW, 0),
        Acked::Done(Deleted {
            envelopes: 3,
            more: false
        })
    );
    assert_eq!(mail.shown(), (NEW, vec![11]));
}

#[test]
fn what_was_read_and_expires_before_it_is_deleted_is_not_said_to_have_been_lost() {
    let mail = Mail::with([10; 10]);
    assert!(matches!(
        mail.acknowledge(OLD, 9),
        Acked::Done(Deleted { more: true, .. })
    ));
    let rules = crate::store::SweepRules {
        forget_at: Timestamp(6000),
        step: 100,
        now: Timestamp(6000),
    };
    let swept = super::super::sweep::step(&mail.connection, &mut Effects::default(), &rules).unwrap();
    assert_eq!((swept.envelopes, mail.left()), (3, (0, 0)));
    let expired = page(&mail.connection, bob(), 1, 1, NOW).unwrap().unwrap().expired_total;
    assert_eq!(expired, 1, "the tenth alone was never read");
}
