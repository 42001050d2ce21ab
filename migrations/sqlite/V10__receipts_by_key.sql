-- Receipts against repetitions, in the order of their keys and of no mailbox: some dozens of one segment in a row. `place` is the segment's number times 2^32, plus
-- the first four bytes of the first key, big end first: rows lie as they are put away, one behind the other. `items`: key (16 bytes), digest of the body (16), and as
-- 64-bit numbers, little end first, when it was stored, until when it was kept, until when this is remembered.
-- Receipts of earlier relays are forgotten: they have another digest, by which no repetition would be known.
DROP TABLE receipt;
DROP TABLE receipt_run;
DELETE FROM receipt_segment;
CREATE TABLE receipt_run (
    place INTEGER PRIMARY KEY,
    items BLOB NOT NULL
);
