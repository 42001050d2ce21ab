//! A log with its database, and what is done with it.

mod damage;
mod erasure;
mod lifetime;
mod model;
mod sends;

use std::{collections::BTreeMap, path::Path};

use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::{
    model::{BodyDigest, Envelope, MessageId, Sender},
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
        digest: {
            // Not the envelope's own bytes, which are searched for.
            let mut digest = [0; 16];
            digest.iter_mut().zip(body).for_each(|(digest, byte)| *digest = !byte);
            BodyDigest::from_bytes(digest)
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
