//! Envelopes with their database, and what is done with them.

mod erasure;
mod lifetime;
mod model;
mod sends;

use std::collections::BTreeMap;

use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::{
    model::{BodyDigest, Envelope, Incarnation, MessageId, Sender},
    store::{
        Ack, Acked, Deposit, Deposited, Part, Quota, migrations,
        sqlite::{
            checksums, mail, prepare_writer,
            writer::{Effects, Upkeep},
        },
    },
};

const NOW: Timestamp = Timestamp(1000);
const ROOM: Quota = Quota {
    envelopes: 1_000_000,
    bytes: u64::MAX,
    licenses: 0,
};

fn mailbox(n: u8) -> MailboxId {
    MailboxId::from_bytes([n; 16])
}

/// A database on the disk with mailboxes 1 to 3, and the envelopes in it.
struct Relay {
    dir: TempDir,
    c: Connection,
    envelopes: Envelopes,
}

impl Relay {
    fn new() -> Self {
        Self::with_limit(None)
    }

    fn with_limit(max_bytes: Option<u64>) -> Self {
        let dir = TempDir::new().unwrap();
        let mut c = Connection::open(dir.path().join("db")).unwrap();
        prepare_writer(&c, max_bytes).unwrap();
        migrations::run_sqlite(&mut c).unwrap();
        checksums::install(&c).unwrap();
        c.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")
            .unwrap();
        for n in 1..=3 {
            c.execute(
                "INSERT INTO mailbox (mailbox, incarnation) VALUES (?1, zeroblob(16))",
                [mailbox(n).as_bytes()],
            )
            .unwrap();
        }
        let envelopes = Envelopes::load(&c).unwrap();
        Self { dir, c, envelopes }
    }

    /// As after a crash: what is in memory only is lost.
    fn reopen(&mut self) {
        self.envelopes = Envelopes::load(&self.c).unwrap();
    }

    fn send_all(&mut self, deposits: Vec<Deposit>) -> Vec<Result<Deposited>> {
        let tasks: Vec<Sending> = deposits
            .into_iter()
            .map(|deposit| Sending {
                key: mail::receipt_key(&deposit),
                body_sum: body_sum(deposit.envelope.as_bytes()),
                deposit: Box::new(deposit),
                reply: oneshot::channel().0,
            })
            .collect();
        let outcomes: Vec<Outcome> = self.envelopes.store(&self.c, &tasks);
        assert!(self.c.is_autocommit());
        outcomes.into_iter().map(|outcome| outcome.answer).collect()
    }

    fn send(&mut self, to: u8, id: u128, body: &[u8]) -> Deposited {
        self.send_all(vec![deposit(to, id, body)]).pop().unwrap().unwrap()
    }

    fn read(&self, of: u8) -> Vec<(u64, Vec<u8>)> {
        let all = (u32::MAX, usize::MAX);
        let page = page(&self.c, &self.envelopes.index, mailbox(of), 0, all, NOW).unwrap();
        page.into_iter().map(|row| (row.sequence, row.body)).collect()
    }

    fn acknowledge(&mut self, of: u8, sequence: u64) -> Acked {
        let ack = Ack {
            incarnation: Incarnation(Uuid::nil()),
            sequence,
        };
        let mut effects = Effects::default();
        let index = self.envelopes.index();
        let acked = mail::acknowledge(&self.c, &index, &mut effects, mailbox(of), Some(ack), None).unwrap();
        for (mailbox, up_to) in effects.gone {
            self.envelopes.gone(mailbox, up_to);
        }
        acked
    }

    /// Everything that there is to do between commits.
    fn keep_up(&mut self) {
        for _ in 0..100_000 {
            if self.envelopes.upkeep(&self.c, true).unwrap() != Upkeep::More {
                return;
            }
        }
        panic!("the upkeep never ends");
    }

    fn count(&self, sql: &str) -> u64 {
        self.c.query_row(sql, [], |row| number(row, 0)).unwrap()
    }

    fn rows(&self) -> u64 {
        self.count("SELECT count(*) FROM envelope")
    }

    /// Folds the log in and reads the database's file: what is in no file is not in this one, and the log is empty.
    fn file(&self) -> Vec<u8> {
        self.c
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        assert_eq!(self.dir.path().join("db-wal").metadata().unwrap().len(), 0);
        std::fs::read(self.dir.path().join("db")).unwrap()
    }

    #[track_caller]
    fn is_sound(&self) {
        let integrity: String = self
            .c
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(integrity, "ok");
        assert_eq!(faults(&self.c).unwrap(), [""; 0]);
        assert_eq!(checksums::faults(&self.c).unwrap(), [""; 0]);
    }
}

fn deposit(to: u8, id: u128, body: &[u8]) -> Deposit {
    Deposit {
        mailbox: mailbox(to),
        principal: Sender::Account(mailbox(9)),
        id: MessageId::new(Uuid::from_u128(id)),
        envelope: Envelope::new(body.to_vec()).unwrap(),
        digest: {
            // Not the envelope's own bytes, which are searched for.
            let mut digest = [0; 16];
            digest.iter_mut().zip(body).for_each(|(digest, byte)| *digest = !byte);
            BodyDigest::from_bytes(digest)
        },
        license: None,
        expires: Timestamp(2000),
        forget_at: Timestamp(3000),
        part: Part::Known,
        quota: ROOM,
        now: NOW,
    }
}

const DONE: Deposited = Deposited::Done {
    stored_at: NOW,
    expires: Timestamp(2000),
};

/// As large as an envelope may be, about.
fn large(tag: u8) -> Vec<u8> {
    vec![tag; 200_000]
}
