-- The first schema. Times are seconds since the Unix epoch; numbers are as in `core`.
PRAGMA application_id = 1129542705; -- "CSt1"

-- Data keys, wrapped by the key outside the store. The highest number seals.
CREATE TABLE data_key (
    number  INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 4294967295),
    wrapped BLOB    NOT NULL,
    made    INTEGER NOT NULL
) STRICT;

-- One row a person. The columns beside `sealed` are bound into its seal: a row edited by hand is refused.
CREATE TABLE account (
    id            BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    realm         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    revision      INTEGER NOT NULL CHECK (revision > 0),
    epoch         INTEGER NOT NULL,
    covered_rule  TEXT,
    covered_since INTEGER,
    changed       INTEGER NOT NULL,
    data_key      INTEGER NOT NULL REFERENCES data_key (number),
    document      TEXT    NOT NULL,
    sealed        BLOB    NOT NULL,
    UNIQUE (realm, name),
    CHECK ((covered_rule IS NULL) = (covered_since IS NULL))
) STRICT;

CREATE INDEX account_by_data_key ON account (data_key);

-- The audit of this host, chained: link = SHA-256(previous link ‖ record).
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
    record   TEXT    NOT NULL,
    link     BLOB    NOT NULL CHECK (length(link) = 32)
) STRICT;

CREATE TRIGGER audit_is_not_altered BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append only');
END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append only');
END;

-- One row: how often the store was written, the newest time in it, how many accounts, the end of the chain.
CREATE TABLE meta (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    generation     INTEGER NOT NULL,
    newest_time    INTEGER NOT NULL,
    accounts       INTEGER NOT NULL,
    chain_sequence INTEGER NOT NULL,
    chain_head     BLOB    NOT NULL CHECK (length(chain_head) = 32)
) STRICT;

INSERT INTO meta VALUES (1, 0, 0, 0, 0, zeroblob(32));
