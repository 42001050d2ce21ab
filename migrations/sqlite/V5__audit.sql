-- The audit log: security events, each hashed together with everything before it. `hash` is SHA-256 over a label, the hash before, and the record
-- (`server/src/store/audit.rs` has the bytes). No content, no names: a mailbox id is what the rest of the database goes by.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,                   -- from 1, without gaps
    at      INTEGER NOT NULL,
    event   INTEGER NOT NULL,
    mailbox BLOB CHECK (length(mailbox) = 16),     -- whom it concerns, if one
    times   INTEGER NOT NULL,                      -- how often, where many were put into one record
    hash    BLOB NOT NULL CHECK (length(hash) = 32)
);
-- Against mistakes of ours. Whoever can write the file is caught by the chain.
CREATE TRIGGER audit_is_not_edited BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

ALTER TABLE relay ADD COLUMN audit_length INTEGER NOT NULL DEFAULT 0;
ALTER TABLE relay ADD COLUMN audit_head BLOB;      -- the hash of the last record
-- 1 in a backup, from which a relay begins anew: every mailbox gets a new incarnation, and every session ends.
ALTER TABLE relay ADD COLUMN is_backup INTEGER NOT NULL DEFAULT 0;
