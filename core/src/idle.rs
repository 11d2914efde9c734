//! Sessions that nobody uses (row L8).
//!
//! Owns whose sessions have a limit, and when one is told, hung up or locked. Its person is told first, always: a session that is found idle for a whole
//! weekend, because nobody looked before, gets the same five minutes. Whoever types something has ended the idleness, and
//! it begins anew. Leaves to the daemon how idleness is measured, and to `remember` what ends with the session.

use std::time::Duration;

use crate::policy::{Certainty, Decision, Force, Policy};

/// So long before it is hung up a session is told.
pub const NOTICE: Duration = Duration::from_mins(5);
/// How exactly the beginning of an idleness is known: terminals keep the time of their last use in steps of 8 s.
const SLACK: Duration = Duration::from_mins(1);

impl Decision {
    /// Tells for how long a session under this decision may be idle. Nobody is hung up by a rule that is only watched, while
    /// the second factor is off, or where not everything is known of the person.
    #[must_use]
    pub fn idle_limit(&self) -> Option<Duration> {
        let holds = self.force == Force::InForce && self.certainty == Certainty::Certain;
        self.idle_timeout.filter(|_| holds)
    }
}

impl Policy {
    /// Tells the shortest limit of all rules; none where there is none, or the second factor is off.
    #[must_use]
    pub fn shortest_idle_limit(&self) -> Option<Duration> {
        let rules = self.rules.iter().chain([&self.default]);
        rules.filter_map(|rule| rule.idle_timeout).min().filter(|_| self.is_enabled)
    }
}

/// What a session is, as far as its being idle goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It has a terminal: ssh, a console.
    Terminal,
    /// It has a screen that can be locked.
    Graphical,
    /// It has neither: nobody knows whether it is used, and it is left alone.
    None,
}

/// What is to be done about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Step {
    /// Nothing.
    Leave,
    /// Its person is told.
    Tell {
        /// In so many minutes it is ended.
        minutes_left: u64,
    },
    /// It is ended.
    HangUp,
    /// Its screen is locked.
    Lock,
}

impl Step {
    /// Tells the word that the audit keeps as the record's change; none where nothing was done.
    #[must_use]
    pub const fn change(self) -> Option<&'static str> {
        match self {
            Self::Leave => None,
            Self::Tell { .. } => Some("told"),
            Self::HangUp => Some("hung-up"),
            Self::Lock => Some("locked"),
        }
    }
}

/// Decides what is to be done about a session that was idle for `idle` under a limit. `told` is how long ago the last step but
/// [`Step::Leave`] was taken about it, in whatever idleness of it.
pub fn step(kind: Kind, idle: Duration, limit: Duration, told: Option<Duration>) -> Step {
    let told = told.filter(|told| is_of_this_idleness(*told, idle, limit));
    match (kind, told) {
        (Kind::Graphical, None) if idle >= limit => Step::Lock,
        (Kind::Terminal, None) if idle.saturating_add(NOTICE) >= limit => {
            Step::Tell { minutes_left: NOTICE.as_secs().div_ceil(60) }
        }
        (Kind::Terminal, Some(told)) if told >= NOTICE && idle >= limit => Step::HangUp,
        (Kind::Graphical | Kind::Terminal | Kind::None, _) => Step::Leave,
    }
}

/// Tells whether what was done was done about this idleness under this limit: the session was as idle by then as it has to be
/// for that, and not used since.
fn is_of_this_idleness(told: Duration, idle: Duration, limit: Duration) -> bool {
    let least = limit.saturating_sub(NOTICE).saturating_sub(SLACK).max(SLACK);
    idle.checked_sub(told).is_some_and(|idle_when_told| idle_when_told >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 240;

    const fn minutes(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    fn of_terminal(idle: u64, told: Option<u64>) -> Step {
        step(Kind::Terminal, minutes(idle), minutes(LIMIT), told.map(minutes))
    }

    #[test]
    fn a_terminal_is_told_five_minutes_before_and_then_hung_up() {
        const TELL: Step = Step::Tell { minutes_left: 5 };
        for (idle, told, expected, why) in [
            (0, None, Step::Leave, "in use"),
            (234, None, Step::Leave, "not near the limit"),
            (235, None, TELL, "five minutes before"),
            (236, None, TELL, "a minute later, because nobody looked"),
            (235, Some(0), Step::Leave, "just told"),
            (239, Some(4), Step::Leave, "told, and not over"),
            (240, Some(5), Step::HangUp, "told five minutes ago, and over"),
            (247, Some(12), Step::HangUp, "over, and it has not gone"),
            (239, None, TELL, "a minute before the limit it is told all the same"),
            (241, Some(2), Step::Leave, "told late: it has its five minutes"),
            (244, Some(5), Step::HangUp, "told late, and they are over"),
            (3_000, None, TELL, "found far beyond the limit for the first time"),
            (3_004, Some(4), Step::Leave, "found late, and told four minutes ago"),
            (3_005, Some(5), Step::HangUp, "found late, and told five minutes ago"),
            (1, Some(2), Step::Leave, "used since it was told"),
            (236, Some(900), TELL, "told in an idleness before"),
            (240, Some(240), TELL, "used just after it was told"),
        ] {
            assert_eq!(of_terminal(idle, told), expected, "{why}: idle {idle}, told {told:?}");
        }
    }

    #[test]
    fn a_terminal_used_within_the_coarseness_of_its_clock_is_in_use() {
        let told = minutes(300);
        let idle = told.saturating_add(Duration::from_secs(8));
        assert_eq!(step(Kind::Terminal, idle, minutes(LIMIT), Some(told)), Step::Tell { minutes_left: 5 });
    }

    #[test]
    fn a_limit_that_was_raised_since_tells_again() {
        let [idle, told] = [minutes(475), minutes(240)];
        assert_eq!(step(Kind::Terminal, idle, minutes(480), Some(told)), Step::Tell { minutes_left: 5 });
        assert_eq!(step(Kind::Terminal, minutes(470), minutes(480), Some(told)), Step::Leave);
    }

    #[test]
    fn a_screen_is_locked_at_the_limit_once_in_an_idleness() {
        let of_screen =
            |idle, told: Option<u64>| step(Kind::Graphical, minutes(idle), minutes(LIMIT), told.map(minutes));
        assert_eq!(of_screen(239, None), Step::Leave);
        assert_eq!(of_screen(240, None), Step::Lock);
        assert_eq!(of_screen(250, Some(10)), Step::Leave);
        assert_eq!(of_screen(240, Some(300)), Step::Lock);
    }

    #[test]
    fn a_session_without_a_terminal_is_left_alone() {
        for told in [None, Some(minutes(5))] {
            assert_eq!(step(Kind::None, minutes(100_000), minutes(10), told), Step::Leave);
        }
    }

    #[test]
    fn nothing_is_ever_hung_up_that_was_not_told_five_minutes_before() {
        for idle in 0..600 {
            for told in (0..600).map(Some).chain([None]) {
                let step = of_terminal(idle, told);
                let is_fair = idle >= LIMIT && told.is_some_and(|told| (5..=idle).contains(&told));
                assert!(step != Step::HangUp || is_fair, "idle {idle}, told {told:?}");
                assert_ne!(step, Step::Lock);
            }
        }
    }

    #[test]
    fn a_session_looked_at_every_minute_is_told_once_and_then_hung_up() {
        let mut told_at = None;
        let mut steps = Vec::new();
        for idle in 0..=LIMIT {
            let step = of_terminal(idle, told_at.map(|at| idle - at));
            if step != Step::Leave {
                told_at = Some(idle);
                steps.push((idle, step));
            }
        }
        assert_eq!(steps, [(LIMIT - 5, Step::Tell { minutes_left: 5 }), (LIMIT, Step::HangUp)]);
    }
}
