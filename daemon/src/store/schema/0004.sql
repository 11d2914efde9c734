-- Rollback and the spool: which store this is among its copies, the restores that were accepted, whether this host keeps a
-- stamp of it, and how far a spool of audit records was imported.
ALTER TABLE meta ADD COLUMN store BLOB NOT NULL
    DEFAULT X'00000000000000000000000000000000' CHECK (length(store) = 16);
ALTER TABLE meta ADD COLUMN era INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN stamped INTEGER NOT NULL DEFAULT 0 CHECK (stamped IN (0, 1));
ALTER TABLE meta ADD COLUMN spool BLOB CHECK (length(spool) = 16);
ALTER TABLE meta ADD COLUMN spooled INTEGER NOT NULL DEFAULT 0;

UPDATE meta SET store = randomblob(16);
