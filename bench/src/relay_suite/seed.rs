//! Accounts and envelopes by the thousand, put straight into a relay's database through its store: a registration costs milliseconds of signatures
//! that say nothing about the size of a store. What is put there is what registrations and sends would have put, except that the keys are noise.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use protocol::Timestamp;
use protocol::address::UserName;
use protocol::prekey::PublishedSignedPreKey;
use server::model::{BearerToken, BodyDigest, Envelope, Incarnation, MailboxId, MessageId, Sender};
use server::store::sqlite::Sqlite;
use server::store::waiters::Waiters;
use server::store::{Deposit, Deposited, Part, Quota, Registered, Registration, SignedPreKeyRow, Store, TokenRow};
use tokio::task::JoinSet;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::account::Account;

/// Verbs under way at once: one commit's worth.
const AT_ONCE: usize = 256;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Makes a database in `directory` with `accounts` accounts that are signed in, and `envelopes` envelopes of `body` spread over them.
pub async fn seed(directory: &Path, accounts: usize, envelopes: usize, body: &[u8]) -> Result<Vec<Account>> {
    let lock = File::create(directory.join("relay.lock"))?;
    let store = Arc::new(Sqlite::open(directory, lock, None, Arc::new(Waiters::default()))?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = Timestamp::from_millis(u64::try_from(now.as_millis())?);
    let mut seeded = Vec::with_capacity(accounts);
    let mut verbs = JoinSet::new();
    for n in 0..accounts {
        let user = UserName::parse(&format!("u{n}"))?;
        let mailbox = MailboxId::of(&user);
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&(n as u64).to_be_bytes());
        let token = BearerToken::new(mailbox, Zeroizing::new(secret));
        seeded.push(Account {
            user: user.to_string(),
            authorization: format!("Authorization: Bearer {}\r\n", token.reveal()),
        });
        let row = TokenRow {
            hash: token.hash(),
            expires: now.plus(DAY),
        };
        let (store, registration) = (Arc::clone(&store), registration(mailbox, user, row, now));
        verbs.spawn(async move { Ok::<_, anyhow::Error>(store.register(registration).await? == Registered::Done) });
        settle(&mut verbs, AT_ONCE).await?;
    }
    settle(&mut verbs, 1).await?;
    for n in 0..envelopes {
        let mailbox = MailboxId::of(&UserName::parse(&seeded[n % accounts].user)?);
        let deposit = Deposit {
            mailbox,
            principal: Sender::Account(mailbox),
            id: MessageId::new(Uuid::new_v4()),
            envelope: Envelope::new(body.to_vec())?,
            digest: BodyDigest::from_bytes([1; 16]),
            license: None,
            expires: now.plus(DAY * 30),
            forget_at: now.plus(DAY * 30),
            part: Part::Known,
            quota: Quota {
                envelopes: u64::MAX,
                bytes: u64::MAX,
                licenses: u64::MAX,
            },
            now,
        };
        let store = Arc::clone(&store);
        verbs.spawn(async move { Ok(matches!(store.deposit(deposit).await?, Deposited::Done { .. })) });
        settle(&mut verbs, AT_ONCE).await?;
    }
    settle(&mut verbs, 1).await?;
    Ok(seeded)
}

/// Waits until fewer than `limit` verbs are under way.
async fn settle(verbs: &mut JoinSet<Result<bool>>, limit: usize) -> Result<()> {
    while verbs.len() >= limit {
        let Some(done) = verbs.join_next().await else { break };
        ensure!(done??, "the store refused what it was seeded with");
    }
    Ok(())
}

fn registration(mailbox: MailboxId, user: UserName, token: TokenRow, now: Timestamp) -> Registration {
    Registration {
        mailbox,
        user,
        identity_key: vec![1; 2624],
        signed_prekey: SignedPreKeyRow {
            id: 1,
            seq: 1,
            expires: now.plus(DAY * 30),
            published: PublishedSignedPreKey {
                payload: vec![2; 1700],
                signature: vec![3; 4691],
            },
        },
        batch: None,
        max_one_time: 0,
        token,
        incarnation: Incarnation(Uuid::new_v4()),
        now,
    }
}
