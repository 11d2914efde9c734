-- The outbox: messages on their way, and for a day what was sent to whom by which host. The recipient stands here as a
-- keyed hash only; address and words are under the seal, which is emptied when a message is sent or failed. Services
-- written for the first schema serve on: they send nothing.

UPDATE countersign.schema_version SET version = 2;

CREATE TABLE countersign.outbox (
    sequence  bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never used again: a newer message has a greater one
    id        bytea   NOT NULL UNIQUE CHECK (octet_length(id) = 16),
    host      text    COLLATE "C" NOT NULL,
    account   bytea   CHECK (octet_length(account) = 16),
    recipient bytea   NOT NULL CHECK (octet_length(recipient) = 32),
    channel   text    COLLATE "C" NOT NULL CHECK (channel IN ('email', 'sms', 'call')),
    purpose   text    COLLATE "C" NOT NULL CHECK (purpose IN ('code', 'notice', 'trial')),
    queued    bigint  NOT NULL,
    expires   bigint  NOT NULL,
    state     text    COLLATE "C" NOT NULL DEFAULT 'queued',    -- queued, trying, sent, or the word of a failure
    attempts  bigint  NOT NULL DEFAULT 0,
    next_at   bigint  NOT NULL DEFAULT 0,                       -- at first at once, whatever the clock says
    used      boolean NOT NULL DEFAULT false,
    data_key  bigint  REFERENCES countersign.data_key (number),
    sealed    bytea,
    CHECK ((sealed IS NULL) = (data_key IS NULL)),
    CHECK ((sealed IS NULL) = (state NOT IN ('queued', 'trying')))
);

CREATE INDEX outbox_by_recipient ON countersign.outbox (recipient, sequence) WHERE purpose = 'code';
CREATE INDEX outbox_by_time ON countersign.outbox (host, queued);
CREATE INDEX outbox_by_expiry ON countersign.outbox (expires);
CREATE INDEX outbox_open ON countersign.outbox (host, state, next_at) WHERE sealed IS NOT NULL;
CREATE INDEX outbox_by_data_key ON countersign.outbox (data_key) WHERE sealed IS NOT NULL;

-- Writes final states; what is final already stays.
CREATE FUNCTION countersign.settle_1(message_ids bytea[], words text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM countersign.outbox WHERE id = ANY (message_ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE countersign.outbox SET state = given.word, data_key = NULL, sealed = NULL
        FROM unnest(message_ids, words) AS given (id, word)
        WHERE outbox.id = given.id AND outbox.sealed IS NOT NULL;
END
$$;

-- Commits a batch of changes as `commit_1` does, with what they say of messages. A change is stale, too, where a newer
-- code lies there for a recipient of its codes than the decision saw; of two in one batch the second is.
CREATE FUNCTION countersign.commit_2(
    this_host text, newest_key bigint,
    account_place integer[], ids bytea[], realms text[], names text[], revisions bigint[], epochs bigint[],
    rules text[], sinces bigint[], changes bigint[], documents text[], seals bytea[],
    event_place integer[], records text[], times bigint[],
    message_place integer[], message_ids bytea[], message_accounts bytea[], recipients bytea[], channels text[],
    purposes text[], queued_at bigint[], expire_at bigint[], seen bigint[], message_seals bytea[],
    used_place integer[], used_ids bytea[], settled_place integer[], settled_ids bytea[], settled_words text[]
) RETURNS integer[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    overtaken integer[];
    stale     integer[];
    turn      record;
BEGIN
    -- Accounts before recipients, recipients in one order, the host's own row last: no two commits wait for each other.
    PERFORM FROM countersign.account WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    FOR turn IN
        SELECT DISTINCT ('x' || encode(substr(given.recipient, 1, 8), 'hex'))::bit(64)::bigint AS lock
        FROM unnest(recipients, purposes) AS given (recipient, purpose) WHERE given.purpose = 'code' ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(turn.lock);
    END LOOP;
    SELECT coalesce(array_agg(DISTINCT given.place), '{}') INTO overtaken
        FROM unnest(message_place, recipients, purposes, seen) AS given (place, recipient, purpose, seen)
        WHERE given.purpose = 'code' AND (
            EXISTS (SELECT FROM countersign.outbox o
                WHERE o.recipient = given.recipient AND o.purpose = 'code' AND o.sequence > given.seen)
            OR EXISTS (SELECT FROM unnest(message_place, recipients, purposes) AS other (place, recipient, purpose)
                WHERE other.recipient = given.recipient AND other.purpose = 'code' AND other.place < given.place));

    SELECT overtaken || countersign.commit_1(this_host, newest_key,
            a.places, a.ids, a.realms, a.names, a.revisions, a.epochs, a.rules, a.sinces, a.changes, a.documents, a.seals,
            e.places, e.records, e.times)
        INTO STRICT stale
        FROM (SELECT coalesce(array_agg(g.place ORDER BY nth), '{}') AS places,
                coalesce(array_agg(g.id ORDER BY nth), '{}') AS ids,
                coalesce(array_agg(g.realm ORDER BY nth), '{}') AS realms,
                coalesce(array_agg(g.name ORDER BY nth), '{}') AS names,
                coalesce(array_agg(g.revision ORDER BY nth), '{}') AS revisions,
                coalesce(array_agg(g.epoch ORDER BY nth), '{}') AS epochs,
                coalesce(array_agg(g.rule ORDER BY nth), '{}') AS rules,
                coalesce(array_agg(g.since ORDER BY nth), '{}') AS sinces,
                coalesce(array_agg(g.changed ORDER BY nth), '{}') AS changes,
                coalesce(array_agg(g.document ORDER BY nth), '{}') AS documents,
                coalesce(array_agg(g.seal ORDER BY nth), '{}') AS seals
            FROM unnest(account_place, ids, realms, names, revisions, epochs, rules, sinces, changes, documents, seals)
                WITH ORDINALITY AS g (place, id, realm, name, revision, epoch, rule, since, changed, document, seal, nth)
            WHERE g.place <> ALL (overtaken)) a,
        (SELECT coalesce(array_agg(g.place ORDER BY nth), '{}') AS places,
                coalesce(array_agg(g.record ORDER BY nth), '{}') AS records,
                coalesce(array_agg(g.at ORDER BY nth), '{}') AS times
            FROM unnest(event_place, records, times) WITH ORDINALITY AS g (place, record, at, nth)
            WHERE g.place <> ALL (overtaken)) e;

    INSERT INTO countersign.outbox
        (id, host, account, recipient, channel, purpose, queued, expires, data_key, sealed)
        SELECT given.id, this_host, given.account, given.recipient, given.channel, given.purpose, given.queued,
            given.expires, newest_key, given.seal
        FROM unnest(message_place, message_ids, message_accounts, recipients, channels, purposes, queued_at, expire_at,
            message_seals) WITH ORDINALITY
            AS given (place, id, account, recipient, channel, purpose, queued, expires, seal, nth)
        WHERE given.place <> ALL (stale) ORDER BY given.nth;
    PERFORM FROM countersign.outbox WHERE id = ANY (used_ids) OR id = ANY (settled_ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE countersign.outbox SET used = true
        FROM unnest(used_place, used_ids) AS given (place, id)
        WHERE outbox.id = given.id AND given.place <> ALL (stale);
    PERFORM countersign.settle_1(array_agg(given.id), array_agg(given.word))
        FROM unnest(settled_place, settled_ids, settled_words) AS given (place, id, word)
        WHERE given.place <> ALL (stale) HAVING count(*) > 0;
    RETURN stale;
END
$$;

-- Takes a message of a host that waits; one of all who try is told so, once.
CREATE FUNCTION countersign.claim_1(this_host text, message_id bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A claim that is lost in a crash of the server would be a message sent twice.
    IF current_setting('synchronous_commit') = 'off' OR current_setting('fsync') = 'off' THEN
        RAISE EXCEPTION 'this server does not make commits durable' USING ERRCODE = 'CS002';
    END IF;
    UPDATE countersign.outbox SET state = 'trying', attempts = attempts + 1
        WHERE id = message_id AND host = this_host AND state = 'queued';
    RETURN FOUND;
END
$$;

-- Gives a message that was claimed back, until a time.
CREATE FUNCTION countersign.put_off_1(this_host text, message_id bytea, until bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE countersign.outbox SET state = 'queued', next_at = until
        WHERE id = message_id AND host = this_host AND state = 'trying';
    RETURN FOUND;
END
$$;

-- Removes some of what expired until a time, and tells how many; of which host does not matter.
CREATE FUNCTION countersign.purge_1(until bigint, most bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM countersign.outbox WHERE sequence IN (
        SELECT sequence FROM countersign.outbox WHERE expires <= until ORDER BY sequence LIMIT most
        FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

-- Replaces seals as `reseal_1` does; the last step leaves the data keys of messages that wait to the next walk.
CREATE FUNCTION countersign.reseal_2(
    newest_key bigint, ids bytea[], revisions bigint[], seals bytea[], is_last boolean
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM countersign.reseal_1(newest_key, ids, revisions, seals, false);
    IF is_last THEN
        BEGIN
            DELETE FROM countersign.data_key WHERE number < newest_key
                AND NOT EXISTS (SELECT FROM countersign.account WHERE account.data_key = data_key.number)
                AND NOT EXISTS (SELECT FROM countersign.outbox WHERE outbox.data_key = data_key.number);
        EXCEPTION WHEN foreign_key_violation THEN
            NULL; -- somebody sealed by an old key just now: the next walk forgets it
        END;
    END IF;
END
$$;

-- Nobody but the owner, and whom the owner's default privileges name (packaging/postgresql), may call these.
REVOKE EXECUTE ON FUNCTION countersign.settle_1, countersign.commit_2, countersign.claim_1, countersign.put_off_1,
    countersign.purge_1, countersign.reseal_2 FROM PUBLIC;
