-- What the role of the hosts may do in the database of a fleet's store. Run once, after roles.sql and before the first
-- `countersignd --migrate`, as a superuser of the server:
--
--     psql --file=privileges.sql countersign

\set ON_ERROR_STOP on

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA countersign AUTHORIZATION countersign_owner;
GRANT USAGE ON SCHEMA countersign TO countersign;

-- Whatever the owner makes from now on: tables are read, functions are called, by the hosts and nobody else.
ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner IN SCHEMA countersign GRANT SELECT ON TABLES TO countersign;
ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner IN SCHEMA countersign GRANT EXECUTE ON FUNCTIONS TO countersign;
