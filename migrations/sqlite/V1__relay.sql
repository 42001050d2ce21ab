-- The relay's first schema. Every table leads with the mailbox and every transaction touches one mailbox, so the same shape shards by it.
-- Times are milliseconds since the Unix epoch. A mailbox id is SHA-256("latchkey/1/mailbox" || user name)[..16].

-- What must leave no trace when it is deleted: envelopes and shares. SQLite overwrites what it deletes (secure_delete), but not the copies that stay
-- behind in the free space of a page when rows are moved between pages. Pages of overflow chains are never moved and are overwritten whole. So
-- each content is put behind a pad of a page's length: the part of the row that lies in the tree is the pad, all of the content is in the chain.
-- Other tables hold the id (without a foreign key, which would search them at each deletion).
CREATE TABLE sealed (
    id      INTEGER PRIMARY KEY,
    pad     BLOB NOT NULL,
    content BLOB NOT NULL
);

-- One row: the relay itself, and the numbers of its status, kept in the transactions that change them so that nothing is ever counted.
CREATE TABLE relay (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    identity_seed   BLOB,                          -- 64 bytes, made at the first start
    accounts        INTEGER NOT NULL DEFAULT 0,
    pending         INTEGER NOT NULL DEFAULT 0,
    licenses_active INTEGER NOT NULL DEFAULT 0
);
INSERT INTO relay (one) VALUES (1);

-- Rows are never deleted: a name is never used again by another identity.
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
    created_at    INTEGER NOT NULL
);

CREATE TABLE batch (
    mailbox   BLOB NOT NULL REFERENCES account (mailbox),
    seq       INTEGER NOT NULL,
    payload   BLOB NOT NULL,
    signature BLOB NOT NULL,
    expires   INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    PRIMARY KEY (mailbox, seq)
);
CREATE INDEX batch_expires ON batch (expires);

CREATE TABLE one_time (
    mailbox BLOB NOT NULL,
    seq     INTEGER NOT NULL,                      -- of its batch
    id      INTEGER NOT NULL,
    key     BLOB NOT NULL CHECK (length(key) = 1600),
    path    BLOB NOT NULL,                         -- 64 bytes a node
    PRIMARY KEY (mailbox, seq, id),
    FOREIGN KEY (mailbox, seq) REFERENCES batch (mailbox, seq)
);

-- One live session an account.
CREATE TABLE token (
    mailbox BLOB PRIMARY KEY REFERENCES account (mailbox),
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE mailbox (
    mailbox       BLOB PRIMARY KEY REFERENCES account (mailbox),
    incarnation   BLOB NOT NULL CHECK (length(incarnation) = 16),
    last_seq      INTEGER NOT NULL DEFAULT 0,      -- given out in the inserting transaction: sequence order is commit order
    acked_seq     INTEGER NOT NULL DEFAULT 0,
    live_count    INTEGER NOT NULL DEFAULT 0,
    live_bytes    INTEGER NOT NULL DEFAULT 0,
    licenses      INTEGER NOT NULL DEFAULT 0,      -- tombstones included
    expired_total INTEGER NOT NULL DEFAULT 0,
    refused_total INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE envelope (
    mailbox   BLOB NOT NULL REFERENCES mailbox (mailbox),
    seq       INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    body      INTEGER NOT NULL,                    -- sealed.id
    PRIMARY KEY (mailbox, seq)
);
CREATE INDEX envelope_expires ON envelope (expires);

-- What makes a repeated send harmless. `key` is a hash over the sender and the message id, so that who wrote to whom is not stored plainly.
CREATE TABLE receipt (
    mailbox          BLOB NOT NULL REFERENCES mailbox (mailbox),
    key              BLOB NOT NULL CHECK (length(key) = 32),
    body_hash        BLOB NOT NULL CHECK (length(body_hash) = 32),
    stored_at        INTEGER NOT NULL,
    envelope_expires INTEGER NOT NULL,
    forget_at        INTEGER NOT NULL,
    PRIMARY KEY (mailbox, key)
) WITHOUT ROWID;
CREATE INDEX receipt_forget_at ON receipt (forget_at);

CREATE TABLE license (
    mailbox     BLOB NOT NULL REFERENCES mailbox (mailbox),
    license     BLOB NOT NULL CHECK (length(license) = 16),
    state       INTEGER NOT NULL DEFAULT 0,        -- 0 active, 1 exhausted, 2 revoked, 3 expired
    used        INTEGER NOT NULL DEFAULT 0,
    allowed     INTEGER NOT NULL,
    share       INTEGER,                           -- sealed.id; NULL from the moment the license is not active
    parameters  BLOB NOT NULL CHECK (length(parameters) = 32), -- SHA-256 of everything the sender chose
    play_hash   BLOB NOT NULL CHECK (length(play_hash) = 32),
    owner_hash  BLOB NOT NULL CHECK (length(owner_hash) = 32),
    expires     INTEGER NOT NULL,
    sweep_at    INTEGER NOT NULL,                  -- active: when it expires; after that: when the tombstone goes
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
    PRIMARY KEY (mailbox, license, play),
    FOREIGN KEY (mailbox, license) REFERENCES license (mailbox, license)
) WITHOUT ROWID;
CREATE INDEX play_op_answer_until ON play_op (answer_until) WHERE answer IS NOT NULL;
