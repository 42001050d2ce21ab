-- A send wrote into a table and two indexes for its envelope; now the table is its own first index. The mailbox of an envelope or a receipt is checked by
-- the transaction that counts it there, so the foreign keys, which looked it up a second and a third time, are gone.
CREATE TABLE envelope_6 (
    mailbox   BLOB NOT NULL CHECK (length(mailbox) = 16),
    seq       INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    body      INTEGER NOT NULL,                    -- sealed.id
    PRIMARY KEY (mailbox, seq)
) WITHOUT ROWID;
INSERT INTO envelope_6 (mailbox, seq, stored_at, expires, size, body) SELECT mailbox, seq, stored_at, expires, size, body FROM envelope;
DROP TABLE envelope;
ALTER TABLE envelope_6 RENAME TO envelope;
CREATE INDEX envelope_expires ON envelope (expires);

CREATE TABLE receipt_6 (
    mailbox          BLOB NOT NULL CHECK (length(mailbox) = 16),
    key              BLOB NOT NULL CHECK (length(key) = 32),
    body_hash        BLOB NOT NULL CHECK (length(body_hash) = 32),
    stored_at        INTEGER NOT NULL,
    envelope_expires INTEGER NOT NULL,
    forget_at        INTEGER NOT NULL,
    PRIMARY KEY (mailbox, key)
) WITHOUT ROWID;
INSERT INTO receipt_6 (mailbox, key, body_hash, stored_at, envelope_expires, forget_at)
    SELECT mailbox, key, body_hash, stored_at, envelope_expires, forget_at FROM receipt;
DROP TABLE receipt;
ALTER TABLE receipt_6 RENAME TO receipt;
CREATE INDEX receipt_forget_at ON receipt (forget_at);
