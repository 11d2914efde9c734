-- Rollback and the spool: which store this is among its copies, the restores that were accepted, how often each host has
-- committed and whether it keeps a stamp, and how far its spool of audit records was imported. Older services serve on.

UPDATE countersign.schema_version SET version = 5;

CREATE TABLE countersign.store (
    one     integer PRIMARY KEY CHECK (one = 1),
    id      bytea   NOT NULL CHECK (octet_length(id) = 16),
    era     bigint  NOT NULL, -- restores that were accepted
    doubted bigint  NOT NULL  -- the last of them that left every account doubtful
);

INSERT INTO countersign.store VALUES (1, decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 0, 0);

ALTER TABLE countersign.host
    ADD COLUMN generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN stamped boolean NOT NULL DEFAULT false,
    ADD COLUMN spool bytea CHECK (octet_length(spool) = 16),
    ADD COLUMN spooled bigint NOT NULL DEFAULT 0;

-- Every commit writes the row of its host: their sum is the generation of the store, and no two hosts wait for each other.
CREATE FUNCTION countersign.host_counts_its_commits() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.generation := OLD.generation + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER host_counts_its_commits BEFORE UPDATE ON countersign.host
    FOR EACH ROW EXECUTE FUNCTION countersign.host_counts_its_commits();

-- Notes that a host keeps a stamp of this store.
CREATE FUNCTION countersign.note_stamp_1(this_host text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO countersign.host VALUES (this_host, 0, 0, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    UPDATE countersign.host SET stamped = true WHERE host = this_host AND NOT stamped;
END
$$;

-- Accepts a restore: eras grow only.
CREATE FUNCTION countersign.accept_restore_1(next_era bigint, last_doubted bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE countersign.store SET era = next_era, doubted = greatest(doubted, last_doubted) WHERE era < next_era;
END
$$;

-- Appends records of a host's spool to its chain, those that it does not have yet. `first` is the number of the first one.
CREATE FUNCTION countersign.import_1(
    this_host text, spool_id bytea, first bigint, records text[], times bigint[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    skipped integer;
    taken   text[];
BEGIN
    INSERT INTO countersign.host VALUES (this_host, 0, 0, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT greatest(0, CASE WHEN spool = spool_id THEN spooled ELSE 0 END - first + 1) INTO STRICT skipped
        FROM countersign.host WHERE host = this_host FOR NO KEY UPDATE;
    taken := records[skipped + 1 : ];
    IF cardinality(taken) > 0 THEN
        PERFORM countersign.commit_1(this_host, NULL, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
            array_fill(0, ARRAY[cardinality(taken)]), taken, times[skipped + 1 : ]);
        UPDATE countersign.host SET spool = spool_id, spooled = first - 1 + cardinality(records) WHERE host = this_host;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION countersign.host_counts_its_commits, countersign.note_stamp_1, countersign.accept_restore_1,
    countersign.import_1 FROM PUBLIC;
