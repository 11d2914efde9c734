//! The outbox of several hosts: each sends its own, all count together, and older hosts serve on.

use countersign_core::delivery::Progress;

use super::*;
use crate::store::conformance::outbox::{AT, code, email, queue, send};
use crate::store::conformance::{event, full, get, key, plain, put};

#[tokio::test]
async fn a_host_sends_its_own_messages_and_counts_the_sends_of_all() {
    with_site!(site => {
        let (one, two) = (site.open("h1").await, site.open("h2").await);
        let recipient = email("family@example.org");
        let outgoing = code(recipient.clone(), AT);
        let mut alice = plain("alice");
        send(&*one, &mut alice, &outgoing).await;
        assert!(two.due(AT, 10).await.unwrap().is_empty());
        assert!(!two.claim(outgoing.id).await.unwrap());
        assert_eq!(two.host_use(AT).await.unwrap(), HostUse::default());
        assert_eq!(one.host_use(AT).await.unwrap().emails, [AT]);
        let late = two.commit(vec![queue(&plain("bob"), &code(recipient.clone(), AT), 0)]).await.unwrap();
        assert_eq!(late, [Err(Stale)]);
        send(&*two, &mut plain("bob"), &code(recipient, AT)).await;

        assert!(one.claim(outgoing.id).await.unwrap());
        assert!(two.interrupted(10).await.unwrap().is_empty());
        assert_eq!(one.interrupted(10).await.unwrap().len(), 1);
        assert!(!two.put_off(outgoing.id, AT).await.unwrap());
        let used = Change { redeemed: vec![outgoing.id], account: Some(alice), ..Change::default() };
        assert!(two.commit(vec![used]).await.unwrap()[0].is_ok(), "a code may be used on another host");
        let settled = vec![(outgoing.id, Progress::Sent)];
        assert!(one.commit(vec![Change { settled, ..Change::default() }]).await.unwrap()[0].is_ok());
        assert_eq!(site.sql("SELECT count(*) FROM countersign.outbox WHERE state = 'sent' AND used AND sealed IS NULL"), "1");
    });
}

#[tokio::test]
async fn of_hosts_that_race_for_the_same_recipients_each_sends_once_and_none_waits_for_ever() {
    with_site!(site => {
        let stores = [site.open("h1").await, site.open("h2").await];
        for round in 0..10 {
            let recipients: Vec<_> = (0..20).map(|number| email(&format!("r{round}n{number}@example.org"))).collect();
            let racers: Vec<_> = stores.iter().enumerate().map(|(host, store)| {
                let mut batch: Vec<Change> = recipients.iter().enumerate()
                    .map(|(number, to)| queue(&plain(&format!("r{round}h{host}n{number}")), &code(to.clone(), AT), 0))
                    .collect();
                if host == 1 {
                    batch.reverse();
                }
                let store = Arc::clone(store);
                tokio::spawn(async move { store.commit(batch).await.unwrap().iter().filter(|answer| answer.is_ok()).count() })
            }).collect();
            let mut sent = 0;
            for racer in racers {
                sent += racer.await.unwrap();
            }
            assert_eq!(sent, 20, "in round {round}");
        }
        assert_eq!(site.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), "0");
        assert_eq!(site.sql("SELECT count(*) = count(DISTINCT recipient) FROM countersign.outbox"), "t");
    });
}

#[tokio::test]
async fn neither_recipient_nor_code_can_be_read_in_the_table() {
    with_site!(site => {
        let store = site.open("h1").await;
        send(&*store, &mut plain("person"), &code(email("alice@example.org"), AT)).await;
        let row = site.sql("SELECT encode(convert_to(outbox::text, 'UTF8'), 'escape') || encode(sealed, 'escape') FROM countersign.outbox");
        for word in ["alice", "example.org", "4930", "2718"] {
            assert!(!row.contains(word), "{word}: {row}");
        }
    });
}

#[tokio::test]
async fn hosts_may_not_alter_the_outbox_but_by_its_functions() {
    with_site!(site => {
        let store = site.open("h1").await;
        send(&*store, &mut plain("alice"), &code(email("alice@example.org"), AT)).await;
        for forbidden in [
            "DELETE FROM countersign.outbox",
            "UPDATE countersign.outbox SET state = 'queued'",
            "INSERT INTO countersign.outbox (id) VALUES ('')",
            "TRUNCATE countersign.outbox",
        ] {
            let refused = site.server.sql_as("countersign", &site.database, forbidden).unwrap_err().to_string();
            assert!(refused.contains("permission denied"), "{forbidden}: {refused}");
        }
    });
}

#[tokio::test]
async fn an_altered_message_is_never_sent_and_stands_in_nobodys_way() {
    with_site!(site => {
        let store = site.open("h1").await;
        let mut alice = plain("alice");
        let [altered, whole] = ["alice@example.org", "bob@example.org"].map(|to| code(email(to), AT));
        send(&*store, &mut alice, &altered).await;
        send(&*store, &mut alice, &whole).await;
        site.sql("UPDATE countersign.outbox SET expires = expires + 1 WHERE sequence = (SELECT min(sequence) FROM countersign.outbox)");
        for limit in [10, 1] {
            let waiting = store.due(AT, limit).await.unwrap();
            assert_eq!(waiting.iter().map(|waiting| waiting.id).collect::<Vec<_>>(), [whole.id]);
        }
        assert!(!store.claim(altered.id).await.unwrap());
    });
}

#[tokio::test]
async fn a_claim_on_a_server_that_forgets_is_refused() {
    with_site!(site => {
        let store = site.open("h1").await;
        let outgoing = code(email("alice@example.org"), AT);
        send(&*store, &mut plain("alice"), &outgoing).await;
        site.sql("ALTER FUNCTION countersign.claim_1 SET synchronous_commit = off");
        assert!(store.claim(outgoing.id).await.is_err());
        site.sql("ALTER FUNCTION countersign.claim_1 RESET synchronous_commit");
        assert!(store.claim(outgoing.id).await.unwrap());
    });
}

/// Makes the schema as the first step left it, empty.
fn turn_back(site: &Site) {
    site.sql("DROP SCHEMA countersign CASCADE");
    site.sql("CREATE SCHEMA countersign AUTHORIZATION countersign_owner; GRANT USAGE ON SCHEMA countersign TO countersign");
    site.sql("ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner IN SCHEMA countersign GRANT SELECT ON TABLES TO countersign");
    site.sql("ALTER DEFAULT PRIVILEGES FOR ROLE countersign_owner IN SCHEMA countersign GRANT EXECUTE ON FUNCTIONS TO countersign");
    let first = format!("SET ROLE countersign_owner; {}", include_str!("../../schema/postgres/0001.sql"));
    site.server.run_file(&site.database, &first).unwrap();
}

#[tokio::test]
async fn a_schema_of_the_first_step_is_migrated_keeps_everything_and_serves_older_hosts() {
    with_site!(site => {
        turn_back(&site);
        assert_eq!(site.sql("SELECT version FROM countersign.schema_version"), "1");
        let refused = Postgres::open(parse(&site.url()), wrapping(7), &host("h1")).await.err().unwrap().to_string();
        assert!(refused.contains("has schema 1") && refused.contains("--migrate"), "{refused}");

        // What an older host does: a key, and a commit by the first function.
        let owner = parse(&site.server.socket_url("countersign_owner", &site.database));
        assert_eq!(migrate(owner).await.unwrap(), Migrated { from: 1, to: 5 });
        assert_eq!(site.sql("SELECT version || ' ' || serves_from FROM countersign.schema_version"), "5 1");
        let store = site.open("h1").await;
        let mut alice = full("alice");
        put(&*store, &mut alice).await;
        let arrays = "'{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}'";
        let older = format!("SELECT countersign.commit_1('old', 1, {arrays}, '{{0}}', '{{x}}', '{{7}}')");
        assert_eq!(site.server.sql_as("countersign", &site.database, &older).unwrap().trim(), "{}");
        let outgoing = code(email("alice@example.org"), AT);
        send(&*store, &mut alice, &outgoing).await;
        assert_eq!(get(&*store, &key("alice")).await, Some(alice));
        let _ = store.commit(vec![Change { events: vec![event(1)], ..Change::default() }]).await.unwrap();
        assert_eq!(store.due(AT, 10).await.unwrap()[0].outgoing, outgoing);
    });
}

#[tokio::test]
async fn accounts_of_the_first_schema_are_there_after_the_last_step() {
    with_site!(site => {
        let store = site.open("h1").await;
        let mut alice = full("alice");
        put(&*store, &mut alice).await;
        drop(store);
        site.sql("DROP TABLE countersign.store; DROP FUNCTION countersign.host_counts_its_commits CASCADE; \
            DROP FUNCTION countersign.note_stamp_1, countersign.accept_restore_1, countersign.import_1; \
            ALTER TABLE countersign.host DROP COLUMN generation, DROP COLUMN stamped, DROP COLUMN spool, \
            DROP COLUMN spooled");
        site.sql("DROP TABLE countersign.outbox CASCADE; UPDATE countersign.schema_version SET version = 1");
        site.sql("DROP FUNCTION countersign.settle_1, countersign.commit_2, countersign.claim_1, countersign.put_off_1, \
            countersign.purge_1, countersign.reseal_2");
        site.sql("DROP FUNCTION countersign.trim_audit_1, countersign.audit_is_removed_up_to_its_anchor, \
            countersign.anchor_moves_onto_a_record CASCADE; DROP FUNCTION countersign.remove_account_1; \
            DROP TRIGGER audit_is_not_altered ON countersign.audit");
        site.sql("ALTER TABLE countersign.host DROP COLUMN anchor_sequence, DROP COLUMN anchor_link; \
            CREATE TRIGGER audit_is_not_altered BEFORE UPDATE OR DELETE ON countersign.audit \
            FOR EACH ROW EXECUTE FUNCTION countersign.audit_is_append_only()");
        let owner = parse(&site.server.socket_url("countersign_owner", &site.database));
        assert_eq!(migrate(owner).await.unwrap(), Migrated { from: 1, to: 5 });
        let store = site.open("h1").await;
        assert_eq!(get(&*store, &key("alice")).await.as_ref(), Some(&alice));
        send(&*store, &mut alice, &code(email("alice@example.org"), AT)).await;
    });
}
