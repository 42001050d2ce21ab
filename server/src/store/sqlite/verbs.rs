//! Each verb of the store, given to the writer or to a reader.

use std::sync::Arc;

use protocol::Timestamp;

use super::{
    Sqlite, audit, blocks, envelopes, gate_keys, identities, invitations, keys, licenses, mail, plays, removal,
    succession, sweep, tokens, totals,
};
use crate::model::{Bytes32, CommitCounter, GateKeyId, Incarnation, LicenseId, MailboxId};
use crate::store::known_senders::Change;
use crate::store::{
    AccountRow, Ack, Acked, Activity, Admission, AuditHead, AuditRecord, BlockPut, BundleRow, Committed, Deposit,
    Deposited, DiskUse, FoldCommit, GateKeyPut, GateKeyRow, GateKeyUse, IdentityChange, IdentityChanged, IdentityRow,
    InviteMade, KeyCounts, LicenseView, NewGateKey, NewInvite, Page, PlayCommit, PlayFound, PlayLookup, Publication,
    Published, Registered, Registration, Released, Removal, RoughNumbers, Seed, ShownRow, Store, SweepRules, Swept,
    TokenPut, TokenRow, Totals, Verb,
};

impl Store for Sqlite {
    fn engine(&self) -> &'static str {
        "sqlite"
    }
    fn relay_seed(&self, fresh: Seed) -> Verb<'_, Seed> {
        self.write(move |c, _| keys::relay_seed(c, fresh.clone()))
    }
    fn admit(&self, registration: Registration, admission: Admission) -> Verb<'_, Registered> {
        self.write(move |c, effects| {
            effects.change = Some(Change::Session(registration.mailbox));
            keys::register(c, &registration, admission)
        })
    }
    fn make_invite(&self, invite: NewInvite) -> Verb<'_, InviteMade> {
        self.write(move |c, _| invitations::make_invite(c, &invite))
    }
    fn revoke_invite(&self, hash: Bytes32, now: Timestamp) -> Verb<'_, bool> {
        self.write(move |c, _| invitations::revoke_invite(c, &hash, now))
    }
    fn release_name(&self, mailbox: MailboxId, removed: Timestamp, now: Timestamp) -> Verb<'_, Released> {
        self.write(move |c, _| invitations::release_name(c, mailbox, removed, now))
    }
    fn succeed(&self, change: IdentityChange) -> Verb<'_, IdentityChanged> {
        self.write(move |c, effects| {
            effects.change = Some(Change::Everything(change.mailbox));
            succession::succeed(c, &change)
        })
    }
    fn identity(&self, mailbox: MailboxId) -> Verb<'_, Option<IdentityRow>> {
        self.read(move |c| identities::identity(c, mailbox))
    }
    fn account(&self, mailbox: MailboxId) -> Verb<'_, Option<AccountRow>> {
        self.look_up(move |c| keys::account(c, mailbox))
    }
    fn publish(&self, publication: Publication) -> Verb<'_, Published> {
        self.write(move |c, _| keys::publish(c, &publication))
    }
    fn key_counts(&self, mailbox: MailboxId, now: Timestamp) -> Verb<'_, Option<KeyCounts>> {
        self.read(move |c| keys::key_counts(c, mailbox, now))
    }
    fn take_bundle(&self, mailbox: MailboxId, now: Timestamp, one_time: bool) -> Verb<'_, Option<BundleRow>> {
        self.write(move |c, _| keys::take_bundle(c, mailbox, now, one_time))
    }
    fn put_token(&self, mailbox: MailboxId, token: TokenRow, counter: Option<CommitCounter>) -> Verb<'_, Option<u64>> {
        self.write(move |c, effects| {
            effects.change = Some(Change::Session(mailbox));
            keys::put_token(c, mailbox, &token, counter)
        })
    }
    fn token(&self, mailbox: MailboxId) -> Verb<'_, Option<TokenRow>> {
        Box::pin(async move {
            let began = self.known.moment();
            let row = self.look_up(move |c| keys::token(c, mailbox)).await?;
            if let Some(row) = &row {
                self.known.learn_session(began, mailbox, row.clone());
            }
            Ok(row)
        })
    }
    fn known_token(&self, mailbox: MailboxId) -> Option<TokenRow> {
        self.known.session(mailbox)
    }
    fn drop_token(&self, mailbox: MailboxId, hash: Bytes32) -> Verb<'_, ()> {
        self.write(move |c, effects| {
            effects.change = Some(Change::Session(mailbox));
            keys::drop_token(c, mailbox, &hash)
        })
    }
    fn deposit(&self, deposit: Deposit) -> Verb<'_, Deposited> {
        let deposit = Box::new(deposit);
        Box::pin(async move {
            // Here, not in the writer's thread: it has enough to do, and there may be several of us.
            let (key, body_sum) = (
                mail::receipt_key(&deposit),
                envelopes::body_sum(deposit.envelope.as_bytes()),
            );
            self.writer.send(deposit, key, body_sum).await
        })
    }
    fn put_delivery_token(&self, mailbox: MailboxId, hash: Bytes32, most: u32) -> Verb<'_, TokenPut> {
        self.write(move |c, _| tokens::put(c, mailbox, &hash, most))
    }
    fn delete_delivery_token(&self, mailbox: MailboxId, hash: Bytes32) -> Verb<'_, Option<u32>> {
        self.write(move |c, effects| {
            effects.change = Some(Change::DeliveryToken(mailbox, hash));
            tokens::delete(c, mailbox, &hash)
        })
    }
    fn holds_delivery_token(&self, mailbox: MailboxId, hash: Bytes32) -> Verb<'_, bool> {
        Box::pin(async move {
            let began = self.known.moment();
            let held = self.look_up(move |c| tokens::holds(c, mailbox, &hash)).await?;
            if held {
                self.known.learn_delivery_token(began, mailbox, hash);
            }
            Ok(held)
        })
    }
    fn knows_delivery_token(&self, mailbox: MailboxId, hash: Bytes32) -> bool {
        self.known.delivery_token(mailbox, hash)
    }
    fn block_account(&self, mailbox: MailboxId, account: MailboxId, most: u32) -> Verb<'_, BlockPut> {
        self.write(move |c, effects| {
            effects.change = Some(Change::Block(mailbox, account));
            blocks::put(c, mailbox, account, most)
        })
    }
    fn unblock_account(&self, mailbox: MailboxId, account: MailboxId) -> Verb<'_, Option<u32>> {
        self.write(move |c, effects| {
            effects.change = Some(Change::Block(mailbox, account));
            blocks::delete(c, mailbox, account)
        })
    }
    fn blocks(&self, mailbox: MailboxId, account: MailboxId) -> Verb<'_, bool> {
        Box::pin(async move {
            let began = self.known.moment();
            let blocks = self.read(move |c| blocks::holds(c, mailbox, account)).await?;
            self.known.learn_block(began, mailbox, account, blocks);
            Ok(blocks)
        })
    }
    fn knows_block(&self, mailbox: MailboxId, account: MailboxId) -> Option<bool> {
        self.known.block(mailbox, account)
    }
    fn acknowledge(
        &self,
        mailbox: MailboxId,
        ack: Option<Ack>,
        commit_counter: Option<CommitCounter>,
    ) -> Verb<'_, Acked> {
        let index = Arc::clone(&self.index);
        self.write(move |c, effects| mail::acknowledge(c, &index, effects, mailbox, ack, commit_counter))
    }
    fn page(&self, mailbox: MailboxId, limit: u32, max_bytes: usize, now: Timestamp) -> Verb<'_, Option<Page>> {
        let index = Arc::clone(&self.index);
        self.read(move |c| mail::page(c, &index, mailbox, limit, max_bytes, now))
    }
    fn clear(&self, mailbox: MailboxId, incarnation: Incarnation) -> Verb<'_, Option<u64>> {
        let index = Arc::clone(&self.index);
        self.write(move |c, effects| mail::clear(c, &index, effects, mailbox, incarnation))
    }
    fn find_play(&self, lookup: PlayLookup) -> Verb<'_, PlayFound> {
        self.look_up(move |c| plays::find(c, &lookup))
    }
    fn commit_play(&self, commit: PlayCommit) -> Verb<'_, Committed> {
        self.write(move |c, effects| plays::commit(c, effects, &commit))
    }
    fn commit_fold(&self, fold: FoldCommit) -> Verb<'_, Committed> {
        self.write(move |c, effects| plays::fold(c, effects, &fold))
    }
    fn confirm_play(&self, license: LicenseId, capability_hash: Bytes32, play: [u8; 16]) -> Verb<'_, bool> {
        self.write(move |c, effects| plays::confirm(c, effects, license, &capability_hash, &play))
    }
    fn license(&self, license: LicenseId, owner_hash: Bytes32, now: Timestamp) -> Verb<'_, Option<LicenseView>> {
        self.look_up(move |c| licenses::view(c, license, &owner_hash, now))
    }
    fn revoke(
        &self,
        license: LicenseId,
        owner_hash: Bytes32,
        forget_at: Timestamp,
        now: Timestamp,
    ) -> Verb<'_, Option<LicenseView>> {
        self.write(move |c, effects| licenses::revoke(c, effects, license, &owner_hash, forget_at, now))
    }
    fn gate_key(&self, id: GateKeyId) -> Verb<'_, Option<GateKeyRow>> {
        self.read(move |c| gate_keys::get(c, id))
    }
    fn gate_keys(&self) -> Verb<'_, Vec<GateKeyRow>> {
        self.read(gate_keys::all)
    }
    fn gate_key_use(&self, owner: MailboxId) -> Verb<'_, GateKeyUse> {
        self.read(move |c| gate_keys::usage(c, owner))
    }
    fn put_gate_key(&self, key: NewGateKey) -> Verb<'_, GateKeyPut> {
        self.write(move |c, _| gate_keys::put(c, &key))
    }
    fn retire_gate_key(&self, id: GateKeyId, owner: MailboxId) -> Verb<'_, bool> {
        self.write(move |c, _| gate_keys::retire(c, id, owner))
    }
    fn sweep_gate_keys(&self, idle_since: Timestamp, step: u32) -> Verb<'_, Vec<GateKeyRow>> {
        self.write(move |c, _| gate_keys::sweep(c, idle_since, step))
    }
    fn totals(&self) -> Verb<'_, Totals> {
        let index = Arc::clone(&self.index);
        self.read(move |c| {
            let (pending, pending_bytes) = index.totals();
            Ok(Totals {
                pending,
                pending_bytes,
                ..totals::totals(c)?
            })
        })
    }
    fn audit(&self, records: Vec<AuditRecord>) -> Verb<'_, AuditHead> {
        self.write(move |c, _| audit::add(c, &records))
    }
    fn show(&self, numbers: RoughNumbers, record: AuditRecord) -> Verb<'_, AuditHead> {
        self.write(move |c, _| audit::show(c, &numbers, &record))
    }
    fn shown(&self) -> Verb<'_, Option<ShownRow>> {
        self.read(audit::shown)
    }
    fn sweep(&self, rules: SweepRules) -> Verb<'_, Swept> {
        let index = Arc::clone(&self.index);
        self.write(move |c, effects| sweep::step(c, &index, effects, &rules))
    }
    fn remove_account(
        &self,
        mailbox: MailboxId,
        registered: Timestamp,
        now: Timestamp,
        step: u32,
    ) -> Verb<'_, Removal> {
        let index = Arc::clone(&self.index);
        self.write(move |c, effects| removal::step(c, &index, effects, (mailbox, registered), now, step))
    }
    fn disk_use(&self) -> Verb<'_, DiskUse> {
        let log = self.log.clone();
        self.read(move |c| {
            let log = std::fs::metadata(log).map_or(0, |meta| meta.len());
            Ok(DiskUse {
                log,
                ..totals::disk_use(c)?
            })
        })
    }
    fn activity(&self) -> Option<&Activity> {
        Some(self.writer.activity())
    }
}
