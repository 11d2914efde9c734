-- Retention: the chain of a host is kept from its anchor on, the last record that was removed. Records are removed from
-- the beginning only, and only behind an anchor that was moved onto one of them first. Older services serve on.

UPDATE countersign.schema_version SET version = 3;

ALTER TABLE countersign.host
    ADD COLUMN anchor_sequence bigint NOT NULL DEFAULT 0,
    ADD COLUMN anchor_link bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(anchor_link) = 32);

CREATE FUNCTION countersign.audit_is_removed_up_to_its_anchor() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.sequence <= (SELECT anchor_sequence FROM countersign.host WHERE host = OLD.host) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit is append only';
END
$$;

CREATE FUNCTION countersign.anchor_moves_onto_a_record() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM countersign.audit WHERE host = OLD.host AND sequence = NEW.anchor_sequence
        AND link = NEW.anchor_link AND sequence > OLD.anchor_sequence AND sequence < OLD.chain_sequence)
    THEN
        RAISE EXCEPTION 'the anchor of the audit moves forward only, onto a record';
    END IF;
    RETURN NEW;
END
$$;

DROP TRIGGER audit_is_not_altered ON countersign.audit;

CREATE TRIGGER audit_is_not_altered BEFORE UPDATE ON countersign.audit
    FOR EACH ROW EXECUTE FUNCTION countersign.audit_is_append_only();

CREATE TRIGGER audit_is_removed_up_to_its_anchor BEFORE DELETE ON countersign.audit
    FOR EACH ROW EXECUTE FUNCTION countersign.audit_is_removed_up_to_its_anchor();

CREATE TRIGGER anchor_moves_onto_a_record BEFORE UPDATE ON countersign.host FOR EACH ROW
    WHEN ((NEW.anchor_sequence, NEW.anchor_link) IS DISTINCT FROM (OLD.anchor_sequence, OLD.anchor_link))
    EXECUTE FUNCTION countersign.anchor_moves_onto_a_record();

-- Removes the records of a host up to a number. Tells how many.
CREATE FUNCTION countersign.trim_audit_1(this_host text, up_to bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM FROM countersign.host WHERE host = this_host FOR NO KEY UPDATE;
    UPDATE countersign.host SET anchor_sequence = up_to, anchor_link =
            coalesce((SELECT link FROM countersign.audit WHERE host = this_host AND sequence = up_to), anchor_link)
        WHERE host = this_host AND anchor_sequence < up_to;
    DELETE FROM countersign.audit WHERE host = this_host AND sequence <= up_to;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

REVOKE EXECUTE ON FUNCTION countersign.trim_audit_1, countersign.audit_is_removed_up_to_its_anchor,
    countersign.anchor_moves_onto_a_record FROM PUBLIC;
