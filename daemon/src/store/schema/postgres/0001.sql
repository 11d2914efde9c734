-- The first schema of a fleet's store. Times are seconds since the Unix epoch; numbers are as in `core`.
--
-- Steps run while older services still serve: they add, and what an older service uses is taken away only by a later
-- step, which raises `serves_from`. Functions carry the number of their form; a new form stands beside the old one.
-- Texts compare by their bytes (COLLATE "C"), as in `core`, whatever the database's locale.

CREATE TABLE countersign.schema_version (
    one         integer PRIMARY KEY CHECK (one = 1),
    version     integer NOT NULL, -- the last step done
    serves_from integer NOT NULL  -- the oldest schema that a service may be written for
);

INSERT INTO countersign.schema_version VALUES (1, 1, 1);

-- Data keys, wrapped by the key outside the store. The highest number seals.
CREATE TABLE countersign.data_key (
    number  bigint PRIMARY KEY CHECK (number BETWEEN 1 AND 4294967295),
    wrapped bytea  NOT NULL,
    made    timestamptz NOT NULL DEFAULT now()
);

-- One row a person. The columns beside `sealed` are bound into its seal: a row edited by hand is refused.
CREATE TABLE countersign.account (
    id            bytea  PRIMARY KEY CHECK (octet_length(id) = 16),
    realm         text   COLLATE "C" NOT NULL,
    name          text   COLLATE "C" NOT NULL,
    revision      bigint NOT NULL CHECK (revision > 0),
    epoch         bigint NOT NULL,
    covered_rule  text   COLLATE "C",
    covered_since bigint,
    changed       bigint NOT NULL,
    data_key      bigint NOT NULL REFERENCES countersign.data_key (number),
    document      text   COLLATE "C" NOT NULL,
    sealed        bytea  NOT NULL,
    UNIQUE (realm, name),
    CHECK ((covered_rule IS NULL) = (covered_since IS NULL))
) WITH (fillfactor = 70); -- an update finds room beside the row that it replaces

CREATE INDEX account_by_data_key ON countersign.account (data_key);

-- What each host has written: the end of its audit chain, its newest time, how many accounts it made. A commit locks
-- the row of its own host, after those of the accounts.
CREATE TABLE countersign.host (
    host           text   COLLATE "C" PRIMARY KEY,
    newest_time    bigint NOT NULL,
    accounts       bigint NOT NULL,
    chain_sequence bigint NOT NULL,
    chain_head     bytea  NOT NULL CHECK (octet_length(chain_head) = 32)
) WITH (fillfactor = 50);

-- The audit, one chain a host: link = SHA-256(previous link ‖ record).
CREATE TABLE countersign.audit (
    host     text   COLLATE "C" NOT NULL,
    sequence bigint NOT NULL CHECK (sequence > 0),
    record   text   COLLATE "C" NOT NULL,
    link     bytea  NOT NULL CHECK (octet_length(link) = 32),
    PRIMARY KEY (host, sequence)
);

CREATE FUNCTION countersign.audit_is_append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append only';
END
$$;

CREATE TRIGGER audit_is_not_altered BEFORE UPDATE OR DELETE ON countersign.audit
    FOR EACH ROW EXECUTE FUNCTION countersign.audit_is_append_only();

CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON countersign.audit
    FOR EACH STATEMENT EXECUTE FUNCTION countersign.audit_is_append_only();

-- Commits a batch of changes and tells the places of those that are stale; nothing of these is written. The arrays are
-- parallel: accounts by `account_place`, and the events of each place in their order. One statement, one round trip.
CREATE FUNCTION countersign.commit_1(
    this_host text, newest_key bigint,
    account_place integer[], ids bytea[], realms text[], names text[], revisions bigint[], epochs bigint[],
    rules text[], sinces bigint[], changes bigint[], documents text[], seals bytea[],
    event_place integer[], records text[], times bigint[]
) RETURNS integer[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stale  integer[] := '{}';
    newest bigint := 0;
    made   bigint := 0;
    chain  countersign.host%ROWTYPE;
    turn   record;
BEGIN
    -- Settings may change under an open connection, and an answer must outlast a crash of the server.
    IF current_setting('synchronous_commit') = 'off' OR current_setting('fsync') = 'off' THEN
        RAISE EXCEPTION 'this server does not make commits durable' USING ERRCODE = 'CS002';
    END IF;
    IF cardinality(ids) > 0 AND newest_key IS DISTINCT FROM (SELECT max(number) FROM countersign.data_key) THEN
        RAISE EXCEPTION 'another data key is the newest' USING ERRCODE = 'CS001';
    END IF;

    -- Rows that are there, by id; then new ones, by name; then the host's own: no two commits wait for each other.
    PERFORM FROM countersign.account WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    FOR turn IN
        SELECT * FROM unnest(account_place, ids, realms, names, revisions, epochs, rules, sinces, changes, documents, seals)
            WITH ORDINALITY AS given (place, id, realm, name, revision, epoch, rule, since, changed, document, seal, nth)
        ORDER BY given.realm COLLATE "C", given.name COLLATE "C", nth
    LOOP
        IF turn.revision = 1 THEN
            INSERT INTO countersign.account
                (id, realm, name, revision, epoch, covered_rule, covered_since, changed, data_key, document, sealed)
            VALUES (turn.id, turn.realm, turn.name, 1, turn.epoch, turn.rule, turn.since, turn.changed, newest_key,
                turn.document, turn.seal)
            ON CONFLICT DO NOTHING;
        ELSE
            UPDATE countersign.account SET revision = turn.revision, epoch = turn.epoch, covered_rule = turn.rule,
                covered_since = turn.since, changed = turn.changed, data_key = newest_key, document = turn.document,
                sealed = turn.seal
            WHERE id = turn.id AND realm = turn.realm AND name = turn.name AND revision = turn.revision - 1;
        END IF;
        IF NOT FOUND THEN
            stale := stale || turn.place;
            CONTINUE;
        END IF;
        newest := greatest(newest, turn.changed);
        IF turn.revision = 1 THEN
            made := made + 1;
        END IF;
    END LOOP;

    SELECT * INTO chain FROM countersign.host WHERE host = this_host FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO countersign.host VALUES (this_host, 0, 0, 0, decode(repeat('00', 32), 'hex'))
            ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT chain FROM countersign.host WHERE host = this_host FOR NO KEY UPDATE;
    END IF;
    FOR turn IN
        SELECT * FROM unnest(event_place, records, times) WITH ORDINALITY AS given (place, entry, at, nth)
        WHERE place <> ALL (stale) ORDER BY nth
    LOOP
        chain.chain_sequence := chain.chain_sequence + 1;
        chain.chain_head := sha256(chain.chain_head || convert_to(turn.entry, 'UTF8'));
        newest := greatest(newest, turn.at);
        INSERT INTO countersign.audit VALUES (this_host, chain.chain_sequence, turn.entry, chain.chain_head);
    END LOOP;
    UPDATE countersign.host SET newest_time = greatest(newest_time, newest), accounts = accounts + made,
        chain_sequence = chain.chain_sequence, chain_head = chain.chain_head
    WHERE host = this_host;
    RETURN stale;
END
$$;

-- Adds the data key of a number: `added`, `taken` where that number is not the next one, `full`, or `used` where the
-- first key would be made in a store that was written before.
CREATE FUNCTION countersign.add_key_1(next bigint, wrapped_key bytea, most bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    LOCK TABLE countersign.data_key IN SHARE ROW EXCLUSIVE MODE;
    IF next IS DISTINCT FROM (SELECT coalesce(max(number), 0) + 1 FROM countersign.data_key) THEN
        RETURN 'taken';
    END IF;
    IF (SELECT count(*) FROM countersign.data_key) >= most THEN
        RETURN 'full';
    END IF;
    IF next = 1 AND EXISTS (SELECT FROM countersign.host) THEN
        RETURN 'used';
    END IF;
    INSERT INTO countersign.data_key (number, wrapped) VALUES (next, wrapped_key);
    RETURN 'added';
END
$$;

-- Replaces the seals of rows that nobody wrote meanwhile; the last step forgets the data keys that no account uses.
CREATE FUNCTION countersign.reseal_1(
    newest_key bigint, ids bytea[], revisions bigint[], seals bytea[], is_last boolean
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM countersign.account WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE countersign.account SET data_key = newest_key, sealed = given.seal
        FROM unnest(ids, revisions, seals) AS given (id, revision, seal)
        WHERE account.id = given.id AND account.revision = given.revision;
    IF is_last THEN
        BEGIN
            DELETE FROM countersign.data_key WHERE number < newest_key
                AND NOT EXISTS (SELECT FROM countersign.account WHERE account.data_key = data_key.number);
        EXCEPTION WHEN foreign_key_violation THEN
            NULL; -- somebody sealed by an old key just now: the next walk forgets it
        END;
    END IF;
END
$$;

-- Nobody but the owner, and whom the owner's default privileges name (packaging/postgresql), may call these.
REVOKE EXECUTE ON FUNCTION countersign.commit_1, countersign.add_key_1, countersign.reseal_1,
    countersign.audit_is_append_only FROM PUBLIC;
