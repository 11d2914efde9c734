//! The master switch: what follows when a file is taken in which the second factor is on or off (row P3).
//!
//! Owns the marks that are kept between files, and their steps; reads no clock and writes no file. Invariants: what was enrolled
//! before the last time that the factor was switched off is void once everybody is to enroll again; the time for enrolling
//! begins when they can; a reload that leaves open what becomes of enrollments changes nothing.

use serde::{Deserialize, Serialize};

use crate::time::WallTime;

/// What the file says of the master switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Whether the second factor is on; the policy has the same.
    pub is_enabled: bool,
    /// What becomes of the enrollments from before it was off, when it is on again; none where the file does not say.
    pub on_reenable: Option<Reenable>,
}

/// What becomes of enrollments when the second factor is switched on again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reenable {
    /// They are void: everybody enrolls again.
    EnrollAgain,
    /// They are kept.
    Keep,
}

/// A switch that was thrown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Off.
    Off,
    /// On, and all enrollments are kept.
    OnKeep,
    /// On, and everybody enrolls again.
    OnEnrollAgain,
    /// On with a start, and all enrollments are kept until a file says what becomes of them.
    OnUndecided,
}

impl Change {
    /// Tells the words that the audit keeps.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::OnKeep => "on keep",
            Self::OnEnrollAgain => "on enroll-again",
            Self::OnUndecided => "on undecided",
        }
    }
}

/// What comes of a file in which the second factor is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is as it was.
    Stays,
    /// It was switched.
    Switched(Change),
    /// It would be on again, and the file does not say what becomes of enrollments; it stays off.
    Unsettled,
    /// It is on since a start, and still nothing says what becomes of enrollments.
    Undecided,
}

/// Who takes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The service comes up: there is nobody to ask, and no last good policy.
    Start,
    /// A reload, which can be refused.
    Reload,
}

/// When a file is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    at: WallTime,
    is_exact: bool,
}

impl Moment {
    /// Takes the wall clock and the newest time in the store, where the store tells it: enrollments carry the later of both.
    #[must_use]
    pub fn of(wall: WallTime, newest: Option<WallTime>) -> Self {
        Self { at: wall.max(newest.unwrap_or_default()), is_exact: newest.is_some() }
    }
}

/// The second factor was switched off while the store did not tell the time, nor does it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the store does not tell from when on enrollments are void; the second factor was not switched, reload again"
)]
pub struct NoTime;

/// What is kept, in seconds since 1970. Off is `off_since` alone; both `off_since` and `on_since` is on and undecided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// Since when the second factor is off, until it is on again and settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    off_since: Option<u64>,
    /// The store did not tell the time then: enrollments may carry a later one that were made before.
    #[serde(default, skip_serializing_if = "is_no")]
    off_by_wall: bool,
    /// Since when it is on again; nobody could enroll before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_since: Option<u64>,
    /// Enrollments made before are void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    void_before: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
const fn is_no(flag: &bool) -> bool {
    !*flag
}

impl Marks {
    /// Tells from when on enrollments count, where not all do.
    #[must_use]
    pub fn void_before(self) -> Option<WallTime> {
        self.void_before.map(WallTime::from_seconds)
    }

    /// Tells since when people can enroll, where the factor was off.
    #[must_use]
    pub fn open_from(self) -> Option<WallTime> {
        self.on_since.map(WallTime::from_seconds)
    }

    /// Takes what a file says.
    ///
    /// # Errors
    /// [`NoTime`].
    pub fn follow(
        self,
        wanted: Switch,
        occasion: Occasion,
        moment: Moment,
    ) -> Result<(Self, Outcome), NoTime> {
        let known = self.corrected(moment);
        let is_off = known.off_since.is_some() && known.on_since.is_none();
        let step = match (wanted.is_enabled, known.off_since, wanted.on_reenable) {
            (false, _, _) if is_off => (known, Outcome::Stays),
            (false, _, _) => (known.off(moment), Outcome::Switched(Change::Off)),
            (true, None, _) => (known, Outcome::Stays),
            (true, Some(_), Some(Reenable::Keep)) => {
                let on_since = known.on_since.or(Some(moment.at.as_seconds()));
                let on = Self { off_since: None, off_by_wall: false, on_since, ..known };
                (on, Outcome::Switched(Change::OnKeep))
            }
            (true, Some(since), Some(Reenable::EnrollAgain)) if !known.off_by_wall => {
                (known.void(since, moment), Outcome::Switched(Change::OnEnrollAgain))
            }
            (true, Some(_), Some(Reenable::EnrollAgain)) if occasion == Occasion::Reload => {
                return Err(NoTime);
            }
            (true, Some(_), Some(Reenable::EnrollAgain) | None) if !is_off => (known, Outcome::Undecided),
            (true, Some(_), Some(Reenable::EnrollAgain) | None) => match occasion {
                Occasion::Reload => (known, Outcome::Unsettled),
                Occasion::Start => {
                    let on = Self { on_since: Some(moment.at.as_seconds()), ..known };
                    (on, Outcome::Switched(Change::OnUndecided))
                }
            },
        };
        Ok(step)
    }

    /// Makes good what a clock or a silent store left wrong, once the store tells the time.
    fn corrected(self, moment: Moment) -> Self {
        if !moment.is_exact {
            return self;
        }
        let now = moment.at.as_seconds();
        let off_since = self.off_since.map(|since| if self.off_by_wall { since.max(now) } else { since });
        // A clock that was ahead must not leave enrolling open until the time that it told.
        let on_since = self.on_since.map(|since| since.min(now));
        Self { off_since, off_by_wall: false, on_since, ..self }
    }

    /// Each time that it is off counts by itself: who enrolled between two of them may have been let in by the first.
    fn off(self, moment: Moment) -> Self {
        let off_since = Some(moment.at.as_seconds());
        Self { off_since, off_by_wall: !moment.is_exact, on_since: None, ..self }
    }

    /// Nobody enrolls while it is off: its beginning is the same for every host of a fleet, and voids the same as its end.
    fn void(self, since: u64, moment: Moment) -> Self {
        let now = moment.at.as_seconds();
        let void_before = self.void_before.map_or(since, |before| before.max(since));
        // A moment to come would void nothing: a clock was ahead, and nothing in the store is later than now.
        let void_before = if moment.is_exact { void_before.min(now) } else { void_before };
        Self { off_since: None, off_by_wall: false, on_since: Some(now), void_before: Some(void_before) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Occasion::{Reload, Start};

    const OFF: Switch = Switch { is_enabled: false, on_reenable: None };
    const ON: Switch = Switch { is_enabled: true, on_reenable: None };
    const KEEP: Switch = Switch { is_enabled: true, on_reenable: Some(Reenable::Keep) };
    const AGAIN: Switch = Switch { is_enabled: true, on_reenable: Some(Reenable::EnrollAgain) };

    fn at(seconds: u64) -> WallTime {
        WallTime::from_seconds(seconds)
    }

    /// A moment that the store tells.
    fn exact(seconds: u64) -> Moment {
        Moment::of(at(seconds), Some(at(0)))
    }

    /// A moment at which it does not.
    fn by_wall(seconds: u64) -> Moment {
        Moment::of(at(seconds), None)
    }

    /// Takes files one after another; tells the changes, and what is kept in the end.
    fn play(steps: &[(Switch, Occasion, Moment)]) -> (Vec<Change>, Marks) {
        let (mut changes, mut marks) = (Vec::new(), Marks::default());
        for (wanted, occasion, moment) in steps {
            let (next, outcome) = marks.follow(*wanted, *occasion, *moment).unwrap();
            changes.extend(match outcome {
                Outcome::Switched(change) => Some(change),
                Outcome::Stays | Outcome::Unsettled | Outcome::Undecided => None,
            });
            marks = next;
        }
        (changes, marks)
    }

    #[test]
    fn the_time_for_enrolling_begins_with_every_switch_to_on() {
        for (on, occasion) in [(KEEP, Reload), (AGAIN, Reload), (KEEP, Start), (AGAIN, Start), (ON, Start)] {
            let (_, marks) = play(&[(OFF, Reload, exact(100)), (on, occasion, exact(900))]);
            assert_eq!(marks.open_from(), Some(at(900)), "{on:?} {occasion:?}");
            let again = play(&[
                (OFF, Reload, exact(100)),
                (on, occasion, exact(900)),
                (on, Start, exact(950)),
                (on, Reload, exact(960)),
            ]);
            assert_eq!(again.1.open_from(), Some(at(900)), "{on:?} {occasion:?}: it is not switched again");
        }
    }

    #[test]
    fn a_start_that_does_not_settle_it_is_a_switch_and_so_is_the_next_one_to_off() {
        let undecided = [(OFF, Reload, exact(100)), (ON, Start, exact(200)), (ON, Start, exact(300))];
        let (changes, marks) = play(&undecided);
        assert_eq!(changes, [Change::Off, Change::OnUndecided]);
        assert_eq!(marks.follow(ON, Reload, exact(350)), Ok((marks, Outcome::Undecided)));
        let more = [(OFF, Reload, exact(400)), (OFF, Start, exact(450)), (AGAIN, Reload, exact(500))];
        let (changes, marks) = play(&[undecided.as_slice(), more.as_slice()].concat());
        assert_eq!(changes, [Change::Off, Change::OnUndecided, Change::Off, Change::OnEnrollAgain]);
        assert_eq!(marks.void_before(), Some(at(400)), "who enrolled between the two enrolls again");
        assert_eq!(marks.open_from(), Some(at(500)));
    }

    #[test]
    fn what_a_start_left_open_is_settled_by_a_reload_or_the_next_start() {
        let undecided = [(OFF, Reload, exact(100)), (ON, Start, exact(200))];
        for occasion in [Reload, Start] {
            let (changes, marks) = play(&[undecided.as_slice(), &[(KEEP, occasion, exact(300))]].concat());
            assert_eq!(changes.last(), Some(&Change::OnKeep));
            assert_eq!((marks.void_before(), marks.open_from()), (None, Some(at(200))), "it was open since");
            let (changes, marks) = play(&[undecided.as_slice(), &[(AGAIN, occasion, exact(300))]].concat());
            assert_eq!(changes.last(), Some(&Change::OnEnrollAgain));
            assert_eq!((marks.void_before(), marks.open_from()), (Some(at(100)), Some(at(300))));
        }
    }

    #[test]
    fn a_clock_behind_the_store_does_not_spare_what_was_enrolled_before() {
        let behind = |seconds| Moment::of(at(seconds), Some(at(1000)));
        let (_, marks) = play(&[(OFF, Reload, behind(100)), (AGAIN, Reload, behind(200))]);
        assert_eq!((marks.void_before(), marks.open_from()), (Some(at(1000)), Some(at(1000))));
    }

    #[test]
    fn a_store_that_is_silent_when_it_is_switched_off_is_asked_when_it_is_switched_on() {
        let off = [(OFF, Reload, by_wall(100))];
        let marks = play(&off).1;
        assert_eq!(marks.follow(AGAIN, Reload, by_wall(200)), Err(NoTime), "it stays off");
        for late in [
            [(AGAIN, Reload, exact(900))].as_slice(),
            &[(OFF, Start, exact(900)), (AGAIN, Start, by_wall(950))],
        ] {
            let marks = play(&[off.as_slice(), late].concat()).1;
            assert_eq!(marks.void_before(), Some(at(900)));
        }
        let (changes, marks) = play(&[off.as_slice(), &[(AGAIN, Start, by_wall(200))]].concat());
        assert_eq!(changes, [Change::Off, Change::OnUndecided], "codes are asked for, a reload settles it");
        assert_eq!(marks.follow(AGAIN, Reload, by_wall(250)), Err(NoTime));
        assert_eq!(marks.follow(AGAIN, Reload, exact(900)).unwrap().0.void_before(), Some(at(900)));
        let kept = play(&[off.as_slice(), &[(KEEP, Reload, by_wall(200))]].concat());
        assert_eq!(kept.0, [Change::Off, Change::OnKeep], "what is kept needs no time");
    }

    #[test]
    fn a_clock_that_was_ahead_neither_spares_enrollments_nor_leaves_enrolling_open() {
        let (_, marks) = play(&[(OFF, Reload, exact(9000)), (AGAIN, Reload, exact(200))]);
        assert_eq!(marks.void_before(), Some(at(200)), "a moment to come voids nothing");
        let ahead = [(OFF, Reload, exact(100)), (KEEP, Reload, exact(9000)), (KEEP, Start, exact(300))];
        assert_eq!(play(&ahead).1.open_from(), Some(at(300)));
    }

    #[test]
    fn marks_of_versions_before_are_followed() {
        let old: Marks = serde_json::from_str(r#"{"off_since":100,"void_before":50}"#).unwrap();
        let (marks, outcome) = old.follow(ON, Start, exact(200)).unwrap();
        assert_eq!(outcome, Outcome::Switched(Change::OnUndecided));
        assert_eq!((marks.void_before(), marks.open_from()), (Some(at(50)), Some(at(200))));
        let (marks, _) = old.follow(AGAIN, Reload, exact(200)).unwrap();
        assert_eq!((marks.void_before(), marks.open_from()), (Some(at(100)), Some(at(200))));
    }
}
