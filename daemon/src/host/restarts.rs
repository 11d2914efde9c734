//! How soon a service that failed to start is tried again.
//!
//! Owns the pause before the end of a process that could not start: it grows with each failed start, so that a fault that
//! only an administrator can mend does not fill the journal. systemd restarts the service shortly after each end; a service
//! that ran and then ended is restarted at once. The manager ends the pause by SIGTERM, whose default action holds here.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::durable;

/// The file that counts failed starts in a row.
const NAME: &str = "failed-starts";
/// The pauses after the first failed start, the second, and so on; the last holds from then on. All of them are within
/// `TimeoutStartSec` of the unit. An administrator who starts the service by hand sees the first failure at once.
const PAUSES: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// Counts a failed start and tells how long to wait before the process ends. Without a folder nothing is counted.
#[must_use]
pub fn failed(folder: Option<&Path>) -> Duration {
    let Some(folder) = folder else { return Duration::ZERO };
    let path = folder.join(NAME);
    let before = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<usize>().ok());
    let before = before.unwrap_or(0).min(PAUSES.len());
    // A count that cannot be kept must not lead to the shortest pause each time.
    match durable::replace(folder, NAME, format!("{}\n", before.saturating_add(1)).as_bytes()) {
        Ok(()) => PAUSES.get(before).or(PAUSES.last()).copied().unwrap_or_default(),
        Err(_) => PAUSES.last().copied().unwrap_or_default(),
    }
}

/// Forgets the failed starts: the service runs.
pub fn succeeded(folder: Option<&Path>) {
    if let Some(folder) = folder {
        // One that stays makes the next pause longer than need be, and nothing worse.
        let _ = durable::remove(&folder.join(NAME));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_each_failed_start_until_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let seconds = || failed(Some(folder.path())).as_secs();
        assert_eq!([(); 8].map(|()| seconds()), [0, 1, 2, 4, 8, 15, 15, 15]);
        succeeded(Some(folder.path()));
        assert_eq!([(); 2].map(|()| seconds()), [0, 1]);
        fs::write(folder.path().join(NAME), "99999999999999999999999").unwrap();
        assert_eq!(seconds(), 0, "what is not a count is none");
    }

    #[test]
    fn a_count_that_cannot_be_kept_means_the_longest_pause() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(failed(Some(&folder.path().join("gone"))).as_secs(), 15);
        assert_eq!(failed(None), Duration::ZERO);
        succeeded(None);
    }
}
