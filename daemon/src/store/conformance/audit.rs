//! What every store does with the audit: one chain a host, removed from its beginning only.

use std::sync::Arc;

use countersign_core::account::Revision;
use countersign_core::audit::{self, AuditEvent, Mark, Span};

use super::{Shared, event};
use crate::store::{BATCH_LIMIT, Change, PAGE_LIMIT, Store, StoredRecord};

pub(super) async fn all_records(store: &dyn Store) -> Vec<StoredRecord> {
    let mut records: Vec<StoredRecord> = Vec::new();
    loop {
        let after = records.last().map_or(0, |record| record.sequence);
        let page = store.audit(after, 7).await.unwrap();
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

pub(super) async fn assert_chain_holds(store: &dyn Store, length: usize) {
    let records = all_records(store).await;
    assert_eq!(records.len(), length);
    assert!(records.iter().zip(1..).all(|(record, sequence)| record.sequence == sequence));
    let reached = audit::follow(Mark::default(), records.iter().map(StoredRecord::lend), None).unwrap();
    assert_eq!(store.audit_span().await.unwrap(), Span { head: reached, ..Span::default() });
}

pub(crate) async fn events_alone_are_recorded(store: Shared) {
    assert!(store.commit(Vec::new()).await.unwrap().is_empty());
    let batch = vec![
        Change { account: None, events: vec![event(1), event(2)], ..Change::default() },
        Change { account: None, events: Vec::new(), ..Change::default() },
    ];
    assert_eq!(store.commit(batch).await.unwrap(), [Ok(Revision(0)), Ok(Revision(0))]);
    let records = all_records(&*store).await;
    let read: Vec<_> =
        records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap()).collect();
    assert_eq!(read, [event(1), event(2)]);
}

pub(crate) async fn audit_records_form_one_chain(store: Shared) {
    for number in 0..10 {
        let events = (0..number).map(event).collect();
        let _ = store.commit(vec![Change { account: None, events, ..Change::default() }]).await.unwrap();
    }
    assert_chain_holds(&*store, 45).await;
    let page = store.audit(40, 3).await.unwrap();
    assert_eq!(page.iter().map(|record| record.sequence).collect::<Vec<_>>(), [41, 42, 43]);
}

pub(crate) async fn racing_events_keep_the_chain_whole(store: Shared) {
    let writers: Vec<_> = (0..20)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for at in 0..5 {
                    let batch = vec![Change {
                        account: None,
                        events: vec![event(writer * 10 + at)],
                        ..Change::default()
                    }];
                    assert!(store.commit(batch).await.unwrap()[0].is_ok());
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_chain_holds(&*store, 100).await;
}

async fn record(store: &dyn Store, count: usize) {
    for _ in 0..count.div_ceil(BATCH_LIMIT) {
        let events = vec![event(1); BATCH_LIMIT.min(count)];
        store.commit(vec![Change { events, ..Change::default() }]).await.unwrap()[0].unwrap();
    }
}

pub(crate) async fn the_beginning_of_the_audit_goes_and_the_rest_holds(store: Shared) {
    assert_eq!(store.audit_span().await.unwrap(), Span::default());
    record(&*store, 5).await;
    let before = all_records(&*store).await;
    let span = store.trim_audit(2).await.unwrap();
    assert_eq!(span.anchor, Mark { sequence: 2, link: before[1].link });
    assert_eq!(span.head, Mark { sequence: 5, link: before[4].link });
    assert_eq!(all_records(&*store).await, before[2..]);
    assert_eq!(store.trim_audit(2).await.unwrap(), span, "done already");
    assert_eq!(store.trim_audit(1).await.unwrap(), span, "done already");
    record(&*store, 1).await;
    let records = all_records(&*store).await;
    let reached = audit::follow(span.anchor, records.iter().map(StoredRecord::lend), None).unwrap();
    assert_eq!(store.audit_span().await.unwrap(), Span { head: reached, ..span });
    assert_eq!((reached.sequence, records.len()), (6, 4));
}

pub(crate) async fn the_audit_is_not_removed_whole_nor_all_at_once(store: Shared) {
    assert!(store.trim_audit(1).await.is_err(), "there is nothing");
    record(&*store, 5 * BATCH_LIMIT).await;
    let head = store.audit_span().await.unwrap().head.sequence;
    let at_once = u64::from(PAGE_LIMIT);
    for refused in [head, head + 1, at_once + 1, u64::MAX] {
        assert!(store.trim_audit(refused).await.is_err(), "{refused}");
    }
    assert_eq!(store.audit_span().await.unwrap().anchor, Mark::default());
    assert_eq!(store.trim_audit(at_once).await.unwrap().anchor.sequence, at_once);
    assert_eq!(store.trim_audit(head - 1).await.unwrap().records(), 1);
}
