-- The outbox: messages on their way, and for a day what was sent to whom. The recipient stands here as a keyed hash only;
-- address and words are under the seal, which is emptied when a message is sent or failed.
CREATE TABLE outbox (
    sequence  INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again: a newer message has a greater one
    id        BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    account   BLOB    CHECK (length(account) = 16),
    recipient BLOB    NOT NULL CHECK (length(recipient) = 32),
    channel   TEXT    NOT NULL CHECK (channel IN ('email', 'sms', 'call')),
    purpose   TEXT    NOT NULL CHECK (purpose IN ('code', 'notice', 'trial')),
    queued    INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    state     TEXT    NOT NULL,                  -- queued, trying, sent, or the word of a failure
    attempts  INTEGER NOT NULL DEFAULT 0,
    next_at   INTEGER NOT NULL,                  -- 0 at first: at once, whatever the clock says
    used      INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1)),
    data_key  INTEGER REFERENCES data_key (number),
    sealed    BLOB,
    CHECK ((sealed IS NULL) = (data_key IS NULL)),
    CHECK ((sealed IS NULL) = (state NOT IN ('queued', 'trying')))
) STRICT;

CREATE INDEX outbox_by_recipient ON outbox (recipient, purpose, used, sequence);
CREATE INDEX outbox_by_time ON outbox (queued, channel);
CREATE INDEX outbox_by_expiry ON outbox (expires);
CREATE INDEX outbox_open ON outbox (state, next_at) WHERE sealed IS NOT NULL;
CREATE INDEX outbox_by_data_key ON outbox (data_key) WHERE sealed IS NOT NULL;
