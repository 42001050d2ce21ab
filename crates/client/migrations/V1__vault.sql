-- The vault: everything a client knows, sealed record by record (docs/decisions/0003-vault.md).

-- One row: how the passphrase becomes the key that wraps the data key.
CREATE TABLE header (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    format      INTEGER NOT NULL,
    memory_kib  INTEGER NOT NULL,
    passes      INTEGER NOT NULL,
    lanes       INTEGER NOT NULL,
    salt        BLOB    NOT NULL,
    wrapped_key BLOB    NOT NULL
);

-- Sealed records. `row` is a keyed hash of the record's key, `position` the order in which records of a kind were first written.
CREATE TABLE record (
    kind     INTEGER NOT NULL,
    row      BLOB    NOT NULL,
    position INTEGER NOT NULL,
    sealed   BLOB    NOT NULL,
    PRIMARY KEY (kind, row)
) WITHOUT ROWID;

CREATE UNIQUE INDEX record_order ON record (kind, position);
