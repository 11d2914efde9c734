//! Who may do what in the database: the hosts' role neither alters the schema nor rewrites the audit.

use super::*;
use crate::store::conformance::{event, full, get, plain, put};

#[tokio::test]
async fn the_role_of_the_hosts_reads_and_calls_and_nothing_else() {
    with_site!(site => {
        let store = site.open("h1").await;
        put(&*store, &mut full("alice")).await;
        let events = vec![event(1)];
        let _ = store.commit(vec![Change { account: None, events, ..Change::default() }]).await.unwrap();
        for forbidden in [
            "DELETE FROM countersign.audit",
            "UPDATE countersign.audit SET record = ''",
            "TRUNCATE countersign.audit",
            "INSERT INTO countersign.audit VALUES ('h1', 99, 'x', '')",
            "UPDATE countersign.host SET chain_sequence = 0",
            "UPDATE countersign.account SET revision = 1",
            "DELETE FROM countersign.account",
            "DELETE FROM countersign.data_key",
            "INSERT INTO countersign.data_key VALUES (9, '')",
            "UPDATE countersign.schema_version SET version = 9",
            "ALTER TABLE countersign.audit ADD COLUMN note text",
            "ALTER TABLE countersign.audit DISABLE TRIGGER ALL",
            "DROP TABLE countersign.audit CASCADE",
            "DROP FUNCTION countersign.audit_is_append_only CASCADE",
            "CREATE TABLE countersign.mine (x int)",
            "CREATE TABLE public.mine (x int)",
            "CREATE FUNCTION countersign.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE SCHEMA mine",
            "SET ROLE countersign_owner",
        ] {
            let refused = site.server.sql_as("countersign", &site.database, forbidden).unwrap_err().to_string();
            let is_right = refused.contains("permission denied") || refused.contains("must be owner");
            assert!(is_right, "{forbidden}: {refused}");
        }
        assert_eq!(site.sql("SELECT count(*) FROM countersign.audit"), "1");
    });
}

#[tokio::test]
async fn even_the_owner_does_not_rewrite_the_audit_by_mistake() {
    with_site!(site => {
        let store = site.open("h1").await;
        let _ = store.commit(vec![Change { account: None, events: vec![event(1)], ..Change::default() }]).await.unwrap();
        for forbidden in
            ["DELETE FROM countersign.audit", "UPDATE countersign.audit SET sequence = 2", "TRUNCATE countersign.audit"]
        {
            let refused = site.server.sql_as("countersign_owner", &site.database, forbidden).unwrap_err();
            assert!(refused.to_string().contains("append only"), "{forbidden}: {refused}");
        }
    });
}

#[tokio::test]
async fn other_roles_of_the_server_may_neither_read_nor_call() {
    with_site!(site => {
        let store = site.open("h1").await;
        put(&*store, &mut full("alice")).await;
        site.sql("DROP ROLE IF EXISTS stranger");
        site.sql("CREATE ROLE stranger LOGIN");
        for forbidden in [
            "SELECT sealed FROM countersign.account",
            "SELECT record FROM countersign.audit",
            "SELECT countersign.add_key_1(2, '', 16)",
            "SELECT countersign.reseal_1(1, '{}', '{}', '{}', false)",
        ] {
            let refused = site.server.sql_as("stranger", &site.database, forbidden).unwrap_err().to_string();
            assert!(refused.contains("permission denied"), "{forbidden}: {refused}");
        }
        site.sql("DROP ROLE stranger");
    });
}

#[tokio::test]
async fn no_secret_lies_open_in_the_database() {
    with_site!(site => {
        let store = site.open("h1").await;
        let mut alice = full("alice");
        put(&*store, &mut alice).await;
        let dump = site.sql("SELECT account::text FROM countersign.account");
        let hex = data_encoding::HEXLOWER.encode(&[1; 20]);
        assert!(dump.contains("alice") && !dump.contains(&hex) && !dump.contains(&data_encoding::BASE32.encode(&[1; 20])));
    });
}

#[tokio::test]
async fn a_row_altered_swapped_or_of_a_newer_form_is_refused_and_others_are_not() {
    with_site!(site => {
        let store = site.open("h1").await;
        for name in ["alice", "bob", "carol"] {
            put(&*store, &mut full(name)).await;
        }
        for (change, undo) in [
            ("epoch = epoch + 1", "epoch = epoch - 1"),
            ("revision = revision + 1", "revision = revision - 1"),
            ("changed = -1", "changed = 1700000003"),
            ("document = '{}'", ""),
        ] {
            site.sql(&format!("UPDATE countersign.account SET {change} WHERE name = 'alice'"));
            let refused = store.load(&[crate::store::conformance::key("alice")]).await.unwrap_err();
            assert!(matches!(refused, StoreError::Unreadable(_)), "{change}: {refused}");
            assert!(get(&*store, &crate::store::conformance::key("bob")).await.is_some());
            if !undo.is_empty() {
                site.sql(&format!("UPDATE countersign.account SET {undo} WHERE name = 'alice'"));
                assert!(get(&*store, &crate::store::conformance::key("alice")).await.is_some(), "{undo}");
            }
        }
        site.sql("UPDATE countersign.account SET sealed = (SELECT sealed FROM countersign.account WHERE name = 'carol') WHERE name = 'bob'");
        let refused = store.load(&[crate::store::conformance::key("bob")]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unreadable(_)), "{refused}");
    });
}

#[tokio::test]
async fn another_wrapping_key_is_refused_at_the_door() {
    with_site!(site => {
        put(&*site.open("h1").await, &mut plain("alice")).await;
        let opened = Postgres::open(parse(&site.url()), wrapping(8), &host("h2")).await;
        assert!(matches!(opened.err(), Some(StoreError::Key(_))));
    });
}

#[tokio::test]
async fn a_store_whose_keys_are_gone_does_not_begin_anew() {
    with_site!(site => {
        let store = site.open("h1").await;
        let _ = store.commit(vec![Change { account: None, events: vec![event(1)], ..Change::default() }]).await.unwrap();
        site.sql("DELETE FROM countersign.data_key");
        let opened = Postgres::open(parse(&site.url()), wrapping(7), &host("h1")).await;
        assert!(matches!(opened.err(), Some(StoreError::Key(_))));
    });
}

#[tokio::test]
async fn a_record_that_cannot_be_read_hides_no_other_and_can_be_removed() {
    use crate::store::conformance::key;
    with_site!(site => {
        let store = site.open("h1").await;
        for name in ["alice", "bob", "carol", "dora", "zoe"] {
            put(&*store, &mut full(name)).await;
        }
        site.sql("UPDATE countersign.account SET document = '{}' WHERE name = 'alice'");
        site.sql("UPDATE countersign.account SET sealed = '\\x00' WHERE name = 'bob'");
        site.sql("UPDATE countersign.account SET name = 'a/b' WHERE name = 'dora'");
        for limit in [1, 2, 10] {
            let (mut readable, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
            loop {
                let page = store.page(after.as_ref(), limit).await.unwrap();
                readable.extend(page.accounts.into_iter().map(|account| account.key));
                unreadable.extend(page.unreadable.into_iter().map(|stub| stub.key));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!((readable, unreadable), (["carol", "zoe"].map(key).to_vec(), ["alice", "bob"].map(key).to_vec()));
        }
        let stub = store.stub(&key("alice")).await.unwrap().unwrap();
        assert_eq!(store.remove(&stub, vec![event(1)]).await.unwrap(), Ok(()));
        put(&*store, &mut plain("alice")).await;
        // Another host takes an account away that this one made: the sum is right.
        let stub = store.stub(&key("zoe")).await.unwrap().unwrap();
        assert_eq!(site.open("h2").await.remove(&stub, vec![event(2)]).await.unwrap(), Ok(()));
        assert_eq!(store.page(None, 10).await.unwrap().total, 4);
    });
}
