//! How many people would have to enroll again.
//!
//! Owns the count, and the time that it may take. It is made of what the store holds, page by page.

use std::time::Duration;

use countersign_core::account::Account;
use countersign_core::policy::EnrolledAfter;
use countersign_core::time::WallTime;
use tokio::time::Instant;

use crate::engine::Handle;
use crate::store::PAGE_LIMIT;

/// How long people are counted at most.
const CENSUS_LIMIT: Duration = Duration::from_secs(2);

/// Counts the people whose enrollments count, for at most [`CENSUS_LIMIT`].
pub(super) async fn census(engine: &Handle, void_before: Option<WallTime>) -> String {
    let (begun, at) = (Instant::now(), engine.now().latest());
    let (mut count, mut after) = (0_u64, None);
    loop {
        let Ok(page) = engine.page(after.as_ref(), PAGE_LIMIT).await else {
            return "the store does not tell how many people are enrolled".to_owned();
        };
        let is_enrolled =
            |account: &&Account| account.seen_from(EnrolledAfter::from(void_before), at).is_enrolled();
        // Whose record cannot be read may be enrolled.
        let enrolled = page.accounts.iter().filter(is_enrolled).count().saturating_add(page.unreadable.len());
        count = count.saturating_add(u64::try_from(enrolled).unwrap_or(u64::MAX));
        match page.next {
            Some(_) if begun.elapsed() > CENSUS_LIMIT => {
                return format!("more than {count} people are enrolled");
            }
            Some(next) => after = Some(next),
            None if count == 1 => return "1 person is enrolled".to_owned(),
            None => return format!("{count} people are enrolled"),
        }
    }
}
