-- Delivery tokens: whoever shows one whose hash a mailbox holds may send to it without an account. Its owner makes one for each contact; deleting
-- it blocks them. The count is bounded in the update that gives a place out, like the quota of a mailbox.
CREATE TABLE delivery_token (
    mailbox BLOB NOT NULL REFERENCES mailbox (mailbox),
    hash    BLOB NOT NULL CHECK (length(hash) = 32),  -- SHA-256 of the token
    PRIMARY KEY (mailbox, hash)
) WITHOUT ROWID;

ALTER TABLE mailbox ADD COLUMN delivery_tokens INTEGER NOT NULL DEFAULT 0;

-- The greatest number of commits that the owner's vault has told of: a vault with fewer was restored from an older copy.
ALTER TABLE mailbox ADD COLUMN commit_counter INTEGER NOT NULL DEFAULT 0;
