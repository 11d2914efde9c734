-- Removing an account (`user delete`). Older services serve on.

UPDATE countersign.schema_version SET version = 4;

-- Removes an account of a revision with the content of its messages, and records why in the chain of this host; false, and
-- nothing is written, where the account is gone or has another revision. What was sent goes on counting.
CREATE FUNCTION countersign.remove_account_1(
    this_host text, account_id bytea, account_realm text, account_name text, seen bigint, records text[], times bigint[]
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM countersign.account
        WHERE id = account_id AND realm = account_realm AND name = account_name AND revision = seen;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM countersign.outbox WHERE account = account_id ORDER BY id FOR NO KEY UPDATE;
    UPDATE countersign.outbox SET account = NULL, data_key = NULL, sealed = NULL,
        state = CASE WHEN sealed IS NULL THEN state ELSE 'refused' END
        WHERE account = account_id;
    PERFORM countersign.commit_1(this_host, NULL, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        array_fill(0, ARRAY[cardinality(records)]), records, times);
    -- The host that made it may be another: only the sum over all hosts says how many there are.
    UPDATE countersign.host SET accounts = accounts - 1 WHERE host = this_host;
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION countersign.remove_account_1 FROM PUBLIC;
