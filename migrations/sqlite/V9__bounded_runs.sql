-- Receipts of one mailbox out of one segment, in pieces of a few hundred in the order of their keys: looking for one reads one piece of each segment, however many
-- there are. `first` is the key of the first. What an earlier relay put away is one piece that begins before all keys, and in no order.
CREATE TABLE receipt_piece (
    segment INTEGER NOT NULL,
    mailbox BLOB NOT NULL CHECK (length(mailbox) = 16),
    first   BLOB NOT NULL,
    items   BLOB NOT NULL,
    PRIMARY KEY (segment, mailbox, first)
) WITHOUT ROWID;
INSERT INTO receipt_piece (segment, mailbox, first, items) SELECT segment, mailbox, x'', items FROM receipt_run ORDER BY segment, mailbox;
DROP TABLE receipt_run;
ALTER TABLE receipt_piece RENAME TO receipt_run;
CREATE INDEX receipt_run_mailbox ON receipt_run (mailbox, segment, first);
