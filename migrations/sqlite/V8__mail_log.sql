-- Envelopes lie in the mail log, files beside the database; `envelope` and `sealed` take those that a backup carries, until the relay that starts on it has them in
-- its log. A record of the log counts as long as its mailbox exists and its place lies behind `acked_seq`.

-- The segments. Exactly one is not sealed: the one that is being written.
CREATE TABLE mail_segment (
    id     INTEGER PRIMARY KEY,
    sealed INTEGER,                                -- where its records end
    away   INTEGER NOT NULL DEFAULT 0              -- 1: the receipts of its records are in receipt_run
);

-- Receipts, many in a row: those of one mailbox out of one segment. `items`: key (16 bytes), body hash (32), and as 64-bit numbers, little end first, when it was
-- stored, until when it was kept, until when this is remembered.
-- In the order of the segments, so that what is put away together lies together; the other order needs an index of 24 bytes a row.
CREATE TABLE receipt_run (
    segment INTEGER NOT NULL,
    mailbox BLOB NOT NULL CHECK (length(mailbox) = 16),
    items   BLOB NOT NULL,
    PRIMARY KEY (segment, mailbox)
) WITHOUT ROWID;
CREATE INDEX receipt_run_mailbox ON receipt_run (mailbox);

-- When the receipts of a segment can be forgotten: the latest of their times.
CREATE TABLE receipt_segment (
    segment   INTEGER PRIMARY KEY,
    forget_at INTEGER NOT NULL
);

-- Counted in memory, out of the log.
ALTER TABLE mailbox DROP COLUMN live_count;
ALTER TABLE mailbox DROP COLUMN live_bytes;
ALTER TABLE relay DROP COLUMN pending;
ALTER TABLE relay DROP COLUMN pending_bytes;
DROP INDEX envelope_expires;
