-- Retention: the chain is kept from its anchor on, the last record that was removed. Records are removed from the
-- beginning only, and only behind an anchor that was moved onto one of them first.
ALTER TABLE meta ADD COLUMN anchor_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN anchor_link BLOB NOT NULL
    DEFAULT X'0000000000000000000000000000000000000000000000000000000000000000' CHECK (length(anchor_link) = 32);

DROP TRIGGER audit_is_not_removed;

CREATE TRIGGER audit_is_removed_up_to_its_anchor BEFORE DELETE ON audit
    WHEN OLD.sequence > (SELECT anchor_sequence FROM meta)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append only');
END;

CREATE TRIGGER anchor_moves_onto_a_record BEFORE UPDATE OF anchor_sequence, anchor_link ON meta
    WHEN NOT EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.anchor_sequence AND link = NEW.anchor_link
        AND sequence > OLD.anchor_sequence AND sequence < OLD.chain_sequence)
BEGIN
    SELECT RAISE(ABORT, 'the anchor of the audit moves forward only, onto a record');
END;

CREATE TRIGGER meta_is_not_removed BEFORE DELETE ON meta BEGIN
    SELECT RAISE(ABORT, 'this row stays');
END;
