-- The relay's schema. Every table leads with the mailbox and every transaction of a client touches one mailbox, so the same shape shards by it.
-- Times are milliseconds since the Unix epoch. A mailbox id is SHA-256("latchkey/1/mailbox" || user name)[..16].
-- `checksum`: CRC-32 over the row's other columns (server/src/store/sqlite/checksums.rs). SQLite has checksums in its log but none in its file.

-- What must leave no trace when it is deleted and cannot be erased in its place: shares, encrypted counters, kept answers. SQLite overwrites what it deletes
-- (secure_delete), but not the copies that stay behind in the free space of a page when rows are moved between pages. Pages of overflow chains are
-- never moved and are overwritten whole. So each content is put behind a pad of a page's length: the part of the row that lies in the tree is the
-- pad, all of the content is in the chain. Other tables hold the id (without a foreign key, which would search them at each deletion).
CREATE TABLE sealed (
    id       INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    pad      BLOB NOT NULL,
    content  BLOB NOT NULL
);

-- One row: the relay itself, and the numbers of its status, kept in the transactions that change them so that nothing is ever counted.
CREATE TABLE relay (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    identity_seed   BLOB,                          -- 64 bytes, made at the first start
    accounts        INTEGER NOT NULL DEFAULT 0,
    licenses_active INTEGER NOT NULL DEFAULT 0,
    gate_keys       INTEGER NOT NULL DEFAULT 0,
    gate_key_bytes  INTEGER NOT NULL DEFAULT 0,
    audit_length    INTEGER NOT NULL DEFAULT 0,
    audit_head      BLOB,                          -- the hash of the last record
    is_backup       INTEGER NOT NULL DEFAULT 0,    -- 1 in a backup: a relay that starts on it gives every mailbox a new incarnation and ends every session
    checksum        INTEGER NOT NULL DEFAULT 0
);

-- One row: what `status` shows for an hour (docs/decisions/0025-doors.md). A relay that is restarted shows the same on.
CREATE TABLE bulletin (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    at               INTEGER NOT NULL,             -- when it was drawn
    accounts         INTEGER NOT NULL,             -- this and the following: rounded by chance
    messages_pending INTEGER NOT NULL,
    licenses_active  INTEGER NOT NULL,
    gate_keys        INTEGER NOT NULL,
    audit_head       BLOB NOT NULL CHECK (length(audit_head) = 32),
    checksum         INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE account (
    mailbox       BLOB PRIMARY KEY CHECK (length(mailbox) = 16),
    user_name     TEXT NOT NULL,
    identity_key  BLOB NOT NULL CHECK (length(identity_key) = 2624),
    spk_payload   BLOB NOT NULL,
    spk_signature BLOB NOT NULL,
    spk_id        INTEGER NOT NULL,
    spk_seq       INTEGER NOT NULL,
    spk_expires   INTEGER NOT NULL,
    batch_seq     INTEGER NOT NULL DEFAULT -1,     -- the highest sequence number of any batch so far
    created_at    INTEGER NOT NULL,
    checksum      INTEGER NOT NULL DEFAULT 0
);

-- Accounts that the operator removed. Their rows are gone, names and keys with them; the hash of the name stays, so that nobody takes it again before the
-- operator releases it, and after that how far its mailbox came, until somebody registers it: the next one begins behind that, whether its mail could be erased or not.
CREATE TABLE removed_account (
    mailbox    BLOB PRIMARY KEY CHECK (length(mailbox) = 16),
    removed_at INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL DEFAULT 0,
    released   INTEGER NOT NULL DEFAULT 0,
    checksum   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Invitations. The code itself is nowhere. The row stays until it expires, also when it is used up or revoked: what asked for it may come back.
CREATE TABLE invite (
    hash     BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of a label and the code
    uses     INTEGER NOT NULL CHECK (uses >= 0),   -- how many may still register by it
    expires  INTEGER NOT NULL,
    checksum INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE batch (
    mailbox   BLOB NOT NULL REFERENCES account (mailbox),
    seq       INTEGER NOT NULL,
    payload   BLOB NOT NULL,
    signature BLOB NOT NULL,
    expires   INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    checksum  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, seq)
);
CREATE INDEX batch_expires ON batch (expires);

CREATE TABLE one_time (
    mailbox  BLOB NOT NULL,
    seq      INTEGER NOT NULL,                     -- of its batch
    id       INTEGER NOT NULL,
    key      BLOB NOT NULL CHECK (length(key) = 1600),
    path     BLOB NOT NULL,                        -- 64 bytes a node
    checksum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, seq, id),
    FOREIGN KEY (mailbox, seq) REFERENCES batch (mailbox, seq)
);

-- Identities that were replaced: the old key, the statement by which it named the next one, and its signature over that. The last few of each account,
-- for contacts that pinned one of them.
CREATE TABLE succession (
    mailbox      BLOB NOT NULL REFERENCES account (mailbox),
    counter      INTEGER NOT NULL,                 -- from 1, one more each time
    identity_key BLOB NOT NULL CHECK (length(identity_key) = 2624),
    payload      BLOB NOT NULL,
    signature    BLOB NOT NULL,
    checksum     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, counter)
);

-- One live session an account.
CREATE TABLE token (
    mailbox  BLOB PRIMARY KEY REFERENCES account (mailbox),
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    expires  INTEGER NOT NULL,
    checksum INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE mailbox (
    mailbox         BLOB PRIMARY KEY REFERENCES account (mailbox),
    incarnation     BLOB NOT NULL CHECK (length(incarnation) = 16),
    acked_seq       INTEGER NOT NULL DEFAULT 0,    -- an envelope waits while its sequence number is greater
    licenses        INTEGER NOT NULL DEFAULT 0,    -- tombstones included; without those of strangers
    stranger_licenses INTEGER NOT NULL DEFAULT 0,  -- that came without a delivery token, tombstones included
    expired_total   INTEGER NOT NULL DEFAULT 0,
    refused_total   INTEGER NOT NULL DEFAULT 0,
    delivery_tokens INTEGER NOT NULL DEFAULT 0,
    commit_counter  INTEGER NOT NULL DEFAULT 0,    -- the greatest number of commits that the owner's vault has told of
    checksum        INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Delivery tokens: who shows one whose hash a mailbox holds may send to it without an account. Its owner makes one for each contact; deleting
-- it blocks them.
CREATE TABLE delivery_token (
    mailbox  BLOB NOT NULL REFERENCES mailbox (mailbox),
    hash     BLOB NOT NULL CHECK (length(hash) = 32),  -- SHA-256 of the token
    checksum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, hash)
) WITHOUT ROWID;

-- Accounts from which a mailbox takes nothing. Not checked against `account`: a name may be blocked before it is claimed.
CREATE TABLE blocked_account (
    mailbox  BLOB NOT NULL REFERENCES mailbox (mailbox),
    account  BLOB NOT NULL CHECK (length(account) = 16),
    checksum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, account)
) WITHOUT ROWID;

-- Envelopes in the order of their arrival. A row waits while its mailbox exists and its sequence number is greater than `acked_seq`. One that does not is
-- erased in its place: `mailbox` and `body` become zeros of the same lengths. Rows are deleted only at the left edge, where all are erased
-- (docs/decisions/0020-mail-in-rows.md). `body` is last, so that a start reads everything else without it, and looks at `checksum`: CRC-32 over the other columns, the id among them,
-- and the body's length, but over `body_sum` instead of the body, which is the body's own.
CREATE TABLE envelope (
    id        INTEGER PRIMARY KEY,
    mailbox   BLOB NOT NULL CHECK (length(mailbox) = 16),
    seq       INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    stranger  INTEGER NOT NULL,                    -- 1: counts in the strangers' part of the mailbox; 0 when erased
    checksum  INTEGER NOT NULL,
    body_sum  INTEGER NOT NULL,
    body      BLOB NOT NULL
);

-- What makes a repeated send harmless. A receipt has 56 bytes: key (16, of a hash over sender, recipient and message id), digest of the body (16), and as
-- 64-bit numbers, little end first, when it was stored, until when it was kept, until when this is remembered.

-- Generations of receipts, some ten thousands each.
CREATE TABLE receipt_generation (
    generation INTEGER PRIMARY KEY,
    merged     INTEGER NOT NULL DEFAULT 0,         -- 1: all of them are in receipt_run
    forget_at  INTEGER NOT NULL,                   -- when the last of them can be forgotten
    checksum   INTEGER NOT NULL DEFAULT 0
);
-- Receipts as they came, a row for each commit. `place`: the generation times 2^32, plus a number that grows.
CREATE TABLE receipt_batch (
    place    INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    items    BLOB NOT NULL
);
-- The same in the order of their keys, some dozens in a row. `place`: the generation times 2^32, plus the first four bytes of the first key, big end first.
CREATE TABLE receipt_run (
    place    INTEGER PRIMARY KEY,
    checksum INTEGER NOT NULL,
    items    BLOB NOT NULL
);

CREATE TABLE license (
    mailbox    BLOB NOT NULL REFERENCES mailbox (mailbox),
    license    BLOB NOT NULL CHECK (length(license) = 16),
    state      INTEGER NOT NULL DEFAULT 0,         -- 0 active, 1 exhausted, 2 revoked, 3 expired
    used       INTEGER NOT NULL DEFAULT 0,
    allowed    INTEGER NOT NULL,
    share      INTEGER,                            -- sealed.id; NULL from the moment the license is not active
    parameters BLOB NOT NULL CHECK (length(parameters) = 32), -- SHA-256 of everything the sender chose
    play_hash  BLOB NOT NULL CHECK (length(play_hash) = 32),
    owner_hash BLOB NOT NULL CHECK (length(owner_hash) = 32),
    expires    INTEGER NOT NULL,
    sweep_at   INTEGER NOT NULL,                   -- active: when it expires; after that: when the tombstone goes
    stranger   INTEGER NOT NULL DEFAULT 0,         -- 1: counts in mailbox.stranger_licenses
    checksum   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, license),
    CHECK (used <= allowed),
    CHECK ((state = 0) = (share IS NOT NULL))
) WITHOUT ROWID;
CREATE INDEX license_sweep_at ON license (sweep_at);

CREATE TABLE play_op (
    mailbox      BLOB NOT NULL,
    license      BLOB NOT NULL,
    play         BLOB NOT NULL CHECK (length(play) = 16),
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    number       INTEGER NOT NULL,
    answer       INTEGER,                          -- sealed.id: the share, until it is confirmed or its ten minutes are over
    answer_until INTEGER NOT NULL,
    checksum     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, license, play),
    FOREIGN KEY (mailbox, license) REFERENCES license (mailbox, license)
) WITHOUT ROWID;
CREATE INDEX play_op_answer_until ON play_op (answer_until) WHERE answer IS NOT NULL;

-- Evaluation keys of senders. The bytes themselves are 23 MB and lie in a file beside the database, named by id and hash; a row is written when its
-- file is whole, checked and on the disk. A key outlives its owner's account: messages that were sent with it stay playable until they expire.
CREATE TABLE gate_key (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    owner           BLOB NOT NULL CHECK (length(owner) = 16),
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    bytes           INTEGER NOT NULL,
    capability_hash BLOB NOT NULL CHECK (length(capability_hash) = 32), -- SHA-256 of what a sender shows to attach a license
    retired         INTEGER NOT NULL DEFAULT 0,    -- 1: takes no new license, goes with its last
    used_at         INTEGER NOT NULL,              -- when it was stored, or a license last attached to it
    checksum        INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX gate_key_owner ON gate_key (owner);
CREATE INDEX gate_key_retired ON gate_key (retired, used_at);

-- The rest of a license in oblivious mode. In `license` it has allowed = 0 and used = 0: the relay knows neither.
CREATE TABLE oblivious (
    mailbox  BLOB NOT NULL,
    license  BLOB NOT NULL,
    gate_key BLOB,                                 -- NULL, with the state, from the moment the license is not active
    class    INTEGER NOT NULL,                     -- the greatest limit that the ciphertext can hold
    requests INTEGER NOT NULL DEFAULT 0,           -- plays and decoys answered; what a computed answer is compared and swapped by
    folded   INTEGER NOT NULL DEFAULT 1,           -- 0: the deferred half of the last play is still due
    state    INTEGER,                              -- sealed.id: the encrypted counter
    checksum INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailbox, license),
    FOREIGN KEY (mailbox, license) REFERENCES license (mailbox, license),
    CHECK ((gate_key IS NULL) = (state IS NULL))
) WITHOUT ROWID;
CREATE INDEX oblivious_gate_key ON oblivious (gate_key) WHERE gate_key IS NOT NULL;

-- The receipt of the last play of each license, and those whose answers are still kept. Not WITHOUT ROWID: they have 5 KB.
CREATE TABLE play_receipt (
    mailbox  BLOB NOT NULL,
    license  BLOB NOT NULL,
    number   INTEGER NOT NULL,
    receipt  BLOB NOT NULL,
    checksum INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (mailbox, license) REFERENCES license (mailbox, license)
);
CREATE UNIQUE INDEX play_receipt_number ON play_receipt (mailbox, license, number);

-- The audit log: security events, each hashed together with everything before it. `hash` is SHA-256 over a label, the hash before, and the record
-- (`server/src/store/audit.rs` has the bytes). No content, no names: a mailbox id is what the rest of the database goes by.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,                   -- from 1, without gaps
    at      INTEGER NOT NULL,
    event   INTEGER NOT NULL,
    mailbox BLOB CHECK (length(mailbox) = 16),     -- whom it concerns, if one; of a head that is shown: randomness
    times   INTEGER NOT NULL,                      -- how often, where many were put into one record
    hash    BLOB NOT NULL CHECK (length(hash) = 32)
);
-- Against mistakes of ours. Whoever can write the file is caught by the chain.
CREATE TRIGGER audit_is_not_edited BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

INSERT INTO relay (one) VALUES (1);
