-- Oblivious play limits, and signed play receipts.

-- Evaluation keys of senders. The bytes themselves are 30 MB and lie in a file beside the database, named by id and hash; a row is written when its
-- file is whole, checked and on the disk.
CREATE TABLE gate_key (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    owner           BLOB NOT NULL REFERENCES account (mailbox),
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    bytes           INTEGER NOT NULL,
    capability_hash BLOB NOT NULL CHECK (length(capability_hash) = 32), -- SHA-256 of what a sender shows to attach a license
    retired         INTEGER NOT NULL DEFAULT 0,    -- 1: takes no new license, goes with its last
    used_at         INTEGER NOT NULL               -- when it was stored, or a license last attached to it
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
    PRIMARY KEY (mailbox, license),
    FOREIGN KEY (mailbox, license) REFERENCES license (mailbox, license),
    CHECK ((gate_key IS NULL) = (state IS NULL))
) WITHOUT ROWID;
CREATE INDEX oblivious_gate_key ON oblivious (gate_key) WHERE gate_key IS NOT NULL;

-- The receipt of the last play of each license, and those whose answers are still kept. Not WITHOUT ROWID: they have 5 KB.
CREATE TABLE play_receipt (
    mailbox BLOB NOT NULL,
    license BLOB NOT NULL,
    number  INTEGER NOT NULL,
    receipt BLOB NOT NULL,
    FOREIGN KEY (mailbox, license) REFERENCES license (mailbox, license)
);
CREATE UNIQUE INDEX play_receipt_number ON play_receipt (mailbox, license, number);

ALTER TABLE relay ADD COLUMN gate_keys INTEGER NOT NULL DEFAULT 0;
ALTER TABLE relay ADD COLUMN gate_key_bytes INTEGER NOT NULL DEFAULT 0;
