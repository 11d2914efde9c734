//! The timeline of this host: what durations are measured on.
//!
//! Owns that it never goes back and never stands still: it follows the wall clock ahead, and where that goes back it goes on
//! with the time since boot. So a lock of half an hour takes half an hour, whatever becomes of the wall clock. Kept in the
//! file `timeline` of the service's own folder is one number: how far the timeline is ahead of the time since boot. After
//! a restart it still holds; after a reboot it says too little, and the newest time of the store counts.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_core::time::{CLOCK_TOLERANCE, Now, WallTime};
use tokio::time::{MissedTickBehavior, interval};

use super::clock::Clock;
use crate::store::guarded_file::{self, Links};

/// The name of the file.
const NAME: &str = "timeline";
/// The name of the file while it is written.
const NEW_NAME: &str = "timeline.new";
/// What the file may allow at most: its owner alone reads and writes it.
const MODE: u32 = 0o600;
/// The largest file that is read, in bytes.
const LIMIT: u64 = 64;
/// How often the file is looked after. It changes where the wall clock was set ahead, which is rare.
const REST: Duration = Duration::from_secs(10);
/// The end of the year 9999: a timeline beyond is no time.
const LAST: u64 = 253_402_300_799;

/// The timeline, shared by all who ask for the time.
pub struct Timeline {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// How far the timeline is ahead of the time since boot, in seconds, and up to two seconds less: whole seconds of two
    /// clocks must not make a timeline that is ahead of a wall clock that nobody touched. It never shrinks.
    offset: u64,
    /// The latest time that was told, in seconds since the epoch.
    told: u64,
    /// How far the wall clock was behind when a code of an app showed that it is right.
    settled: Duration,
    /// Whether the wall clock was set ahead while the service ran, and is not back yet.
    is_leapt: bool,
}

impl Timeline {
    /// Goes on from a time that was committed.
    #[must_use]
    pub fn from(clock: Arc<dyn Clock>, floor: WallTime) -> Self {
        let told = floor.max(clock.wall()).as_seconds();
        let offset = told.saturating_sub(rounded_up(clock.since_boot()));
        let state = State { offset, told, settled: Duration::ZERO, is_leapt: false };
        Self { clock, state: Mutex::new(state) }
    }

    /// Tells the time.
    #[must_use]
    pub fn now(&self) -> Now {
        let (wall, since_boot) = (self.clock.wall(), self.clock.since_boot());
        let up = since_boot.as_secs();
        let mut state = self.lock();
        let before = WallTime::from_seconds(state.offset.saturating_add(up));
        state.is_leapt |= wall.since(before) > CLOCK_TOLERANCE;
        state.offset = state.offset.max(wall.as_seconds().saturating_sub(rounded_up(since_boot)));
        let floor = WallTime::from_seconds(state.offset.saturating_add(up).max(state.told));
        state.told = floor.max(wall).as_seconds();
        let lead = floor.since(wall);
        if lead > CLOCK_TOLERANCE {
            state.is_leapt = false;
        }
        state.settled = state.settled.min(lead);
        Now { wall, since_boot, floor, behind: lead.saturating_sub(state.settled), is_leapt: state.is_leapt }
    }

    /// Takes note of a time that was committed and is later than this.
    pub fn raise(&self, newest: WallTime) {
        let up = rounded_up(self.clock.since_boot());
        let mut state = self.lock();
        state.offset = state.offset.max(newest.as_seconds().saturating_sub(up));
        state.told = state.told.max(newest.as_seconds());
    }

    /// Takes note that the wall clock is right: an app, whose clock is its own, showed the code of the present.
    pub fn settle(&self) {
        let now = self.now();
        self.lock().settled = now.latest().since(now.wall);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rounds up to whole seconds.
fn rounded_up(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// Tells the time that the service of before had reached, as far as this boot goes: never more than has really passed.
#[must_use]
pub fn kept(folder: &Path, since_boot: Duration) -> Option<WallTime> {
    let path = folder.join(NAME);
    if let Err(error) = path.symlink_metadata()
        && error.kind() == io::ErrorKind::NotFound
    {
        return None;
    }
    let text = guarded_file::read(&path, MODE, Links::Refused, LIMIT);
    let offset = text.and_then(|text| {
        let text = std::str::from_utf8(&text).map_err(|error| error.to_string())?;
        text.trim_end().parse::<u64>().map_err(|error| error.to_string())
    });
    match offset.map(|offset| offset.saturating_add(since_boot.as_secs())) {
        Ok(time) if time <= LAST => Some(WallTime::from_seconds(time)),
        Ok(_) => {
            tracing::warn!(path = %path.display(), "it holds no time; the newest time of the store counts");
            None
        }
        Err(cause) => {
            tracing::warn!(path = %path.display(), cause, "the newest time of the store counts");
            None
        }
    }
}

/// Keeps the file up to date as long as the service runs.
pub async fn keep(timeline: Arc<Timeline>, folder: PathBuf) {
    let mut pulse = interval(REST);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = None;
    loop {
        pulse.tick().await;
        let _ = timeline.now();
        let offset = timeline.lock().offset;
        if written == Some(offset) {
            continue;
        }
        match write(&folder, offset) {
            Ok(()) => written = Some(offset),
            Err(error) => tracing::warn!(%error, "the timeline could not be kept; it is tried again"),
        }
    }
}

/// Puts the number in the place of the old one. It need not outlive the boot, so nothing waits for the disk.
fn write(folder: &Path, offset: u64) -> io::Result<()> {
    let new = folder.join(NEW_NAME);
    // What a crash left behind may have any owner or mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(MODE).open(&new)?;
    writeln!(file, "{offset}")?;
    fs::rename(&new, folder.join(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clocks that are set by hand: wall and since boot, in seconds.
    struct Hands(Mutex<(u64, Duration)>);

    impl Clock for Hands {
        fn wall(&self) -> WallTime {
            WallTime::from_seconds(self.0.lock().unwrap().0)
        }

        fn since_boot(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }

    const DAY: u64 = 24 * 60 * 60;

    fn at(wall: u64, up: u64) -> Arc<Hands> {
        Arc::new(Hands(Mutex::new((wall, Duration::from_secs(up)))))
    }

    fn set(hands: &Hands, wall: u64, up: u64) {
        *hands.0.lock().unwrap() = (wall, Duration::from_secs(up));
    }

    #[test]
    fn a_wall_clock_that_nobody_touches_is_never_behind_the_timeline() {
        let hands = at(1_000_000, 100);
        let timeline = Timeline::from(hands.clone(), WallTime::default());
        // Tenths of seconds; the second of the wall clock and that of the time since boot begin at different ones.
        for tenth in 0..100_u64 {
            let up = Duration::from_millis(100_100 + 100 * tenth);
            *hands.0.lock().unwrap() = (1_000_000 + tenth.div_ceil(10), up);
            let now = timeline.now();
            assert_eq!(now.latest(), now.wall, "{tenth}");
        }
        let last = timeline.now().latest();
        *hands.0.lock().unwrap() = (900_000, Duration::from_millis(110_050));
        assert!(timeline.now().latest() >= last, "it does not go back with the wall clock");
    }

    #[test]
    fn after_a_day_ahead_and_back_the_timeline_goes_on_with_the_time_since_boot() {
        let hands = at(1_000_000, 100);
        let timeline = Timeline::from(hands.clone(), WallTime::default());
        assert_eq!(timeline.now().latest().as_seconds(), 1_000_000);
        set(&hands, 1_000_010 + DAY, 110);
        assert!(timeline.now().is_leapt);
        set(&hands, 1_000_020, 120);
        let now = timeline.now();
        assert_eq!(now.latest().as_seconds(), 1_000_020 + DAY);
        assert_eq!((now.behind.as_secs(), now.is_leapt), (DAY, false));
        set(&hands, 1_000_020 + 1_800, 120 + 1_800);
        assert_eq!(
            timeline.now().latest().as_seconds(),
            1_000_020 + 1_800 + DAY,
            "half an hour is half an hour"
        );
    }

    #[test]
    fn a_code_of_an_app_shows_that_the_clock_is_right_until_it_goes_back_again() {
        let hands = at(1_000_000, 100);
        let timeline = Timeline::from(hands.clone(), WallTime::from_seconds(1_000_000 + DAY));
        assert!(timeline.now().is_clock_fault());
        timeline.settle();
        assert!(!timeline.now().is_clock_fault());
        set(&hands, 1_000_000 - 1_200, 100);
        assert_eq!(timeline.now().behind.as_secs(), 1_200);
    }

    #[test]
    fn a_restart_within_the_boot_goes_on_and_a_reboot_counts_from_the_store() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path(), Duration::from_secs(5)), None);
        write(folder.path(), 2_000_000).unwrap();
        let kept = |up| kept(folder.path(), Duration::from_secs(up)).unwrap().as_seconds();
        assert_eq!(kept(500), 2_000_500);
        assert_eq!(kept(3), 2_000_003, "after a reboot: less than the newest time of the store");
    }

    #[test]
    fn what_stands_in_the_file_and_is_no_time_counts_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "x", "-1", "1 2", "18446744073709551615", "99999999999999"] {
            write(folder.path(), 0).unwrap();
            fs::write(folder.path().join(NAME), text).unwrap();
            assert_eq!(kept(folder.path(), Duration::ZERO), None, "{text:?}");
        }
    }
}
