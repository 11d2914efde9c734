-- The two roles and the database of a fleet's store. Run once, as a superuser of the server:
--
--     psql --file=roles.sql postgres
--
-- countersign_owner   owns the schema and changes it, with `countersignd --migrate`; hosts never use it
-- countersign         what the hosts log in as; it reads, and writes through the schema's functions: it can neither alter the
--                     schema nor change or delete a record of the audit
--
-- Both need a password (\password countersign) or a line for certificates in pg_hba.conf.

\set ON_ERROR_STOP on

CREATE ROLE countersign_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
CREATE ROLE countersign LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;

CREATE DATABASE countersign OWNER countersign_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE countersign FROM PUBLIC;
GRANT CONNECT ON DATABASE countersign TO countersign;
