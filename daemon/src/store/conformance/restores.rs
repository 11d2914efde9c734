//! What every store tells of itself among its copies, and how it imports a spool.

use countersign_core::audit::AuditEvent;
use countersign_core::restore::Restores;

use super::audit::{all_records, assert_chain_holds};
use super::{Shared, event, plain, put};
use crate::store::{Change, Spooled, Standing};

const SPOOL: [u8; 16] = [7; 16];

fn spooled(spool: [u8; 16], first: u64, numbers: std::ops::Range<u64>) -> Spooled {
    Spooled { spool, first, events: numbers.map(event).collect() }
}

async fn recorded(store: &Shared) -> Vec<AuditEvent> {
    let records = all_records(&**store).await;
    records.iter().map(|record| AuditEvent::from_canonical(&record.record).unwrap()).collect()
}

pub(crate) async fn every_commit_raises_the_generation(store: Shared) {
    let mut last = store.standing().await.unwrap();
    assert!(!last.is_stamped);
    assert_eq!(last.restores, Restores::default());
    for round in 0..3 {
        put(&*store, &mut plain(&format!("user{round}"))).await;
        let events = vec![event(round)];
        let _ = store.commit(vec![Change { events, ..Change::default() }]).await.unwrap();
        let next = store.standing().await.unwrap();
        assert!(next.generation >= last.generation + 2, "{next:?} after {last:?}");
        assert_eq!(next, Standing { generation: next.generation, ..last });
        last = next;
    }
}

pub(crate) async fn accepted_restores_and_the_stamp_are_kept(store: Shared) {
    store.note_stamp().await.unwrap();
    store.note_stamp().await.unwrap();
    assert!(store.standing().await.unwrap().is_stamped);
    let everybody = Restores { era: 3, doubted: 3 };
    for (accepted, kept) in [
        (everybody, everybody),
        (Restores { era: 2, doubted: 0 }, everybody),
        (Restores { era: 3, doubted: 0 }, everybody),
        (Restores { era: 4, doubted: 0 }, Restores { era: 4, doubted: 3 }),
    ] {
        store.accept_restore(accepted).await.unwrap();
        assert_eq!(store.standing().await.unwrap().restores, kept);
    }
}

pub(crate) async fn a_spool_is_imported_in_order_and_once(store: Shared) {
    let _ = store.commit(vec![Change { events: vec![event(100)], ..Change::default() }]).await.unwrap();
    store.import(&spooled(SPOOL, 1, 0..3)).await.unwrap();
    // A crash before the file was cut: all again, and what came meanwhile.
    store.import(&spooled(SPOOL, 1, 0..3)).await.unwrap();
    store.import(&spooled(SPOOL, 1, 0..5)).await.unwrap();
    store.import(&spooled(SPOOL, 4, 3..6)).await.unwrap();
    // Another spool begins at 1 again.
    store.import(&spooled([8; 16], 1, 6..7)).await.unwrap();
    store.import(&spooled([8; 16], 2, 7..7)).await.unwrap();
    let expected: Vec<AuditEvent> = [100].into_iter().chain(0..7).map(event).collect();
    assert_eq!(recorded(&store).await, expected);
    assert_chain_holds(&*store, 8).await;
}
