-- Identities that were replaced: the old key, the statement by which it named the next one, and its signature over that. The last few of each account,
-- for contacts that pinned one of them.
CREATE TABLE succession (
    mailbox      BLOB NOT NULL REFERENCES account (mailbox),
    counter      INTEGER NOT NULL,                 -- from 1, one more each time
    identity_key BLOB NOT NULL CHECK (length(identity_key) = 2624),
    payload      BLOB NOT NULL,
    signature    BLOB NOT NULL,
    PRIMARY KEY (mailbox, counter)
);
