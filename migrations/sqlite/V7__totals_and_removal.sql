-- What monitoring asks for, kept in the transactions that change it: bytes of all envelopes that wait.
ALTER TABLE relay ADD COLUMN pending_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE relay SET pending_bytes = (SELECT coalesce(sum(live_bytes), 0) FROM mailbox);

-- Accounts that the operator removed. Their rows are gone, names and keys with them; the hash of the name stays, so that nobody ever takes it again.
CREATE TABLE removed_account (
    mailbox    BLOB PRIMARY KEY CHECK (length(mailbox) = 16),
    removed_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A gate key outlives its owner's account: messages that were sent with it stay playable until they expire. So `owner` refers to no row any more.
CREATE TABLE gate_key_7 (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    owner           BLOB NOT NULL CHECK (length(owner) = 16),
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    bytes           INTEGER NOT NULL,
    capability_hash BLOB NOT NULL CHECK (length(capability_hash) = 32), -- SHA-256 of what a sender shows to attach a license
    retired         INTEGER NOT NULL DEFAULT 0,    -- 1: takes no new license, goes with its last
    used_at         INTEGER NOT NULL               -- when it was stored, or a license last attached to it
) WITHOUT ROWID;
INSERT INTO gate_key_7 (id, owner, sha256, bytes, capability_hash, retired, used_at)
    SELECT id, owner, sha256, bytes, capability_hash, retired, used_at FROM gate_key;
DROP TABLE gate_key;
ALTER TABLE gate_key_7 RENAME TO gate_key;
CREATE INDEX gate_key_owner ON gate_key (owner);
CREATE INDEX gate_key_retired ON gate_key (retired, used_at);
