//! Setting up a first factor is put off (row L5).
//!
//! Owns who may, how often, and what becomes of it: without a number of times the choice is kept and the person is not asked
//! again until the rule's day is over; with one, each login asks again, and at most one choice is counted in 24 h, so that a
//! loop of copies does not use them up. Never for somebody enrolled, unknown or behind a first factor that may fail late, nor for whom something
//! is void that they had set up: whoever has the password alone would put off what they would have to give.
//! The count goes on under other rules: going to and fro between two rules is no way to begin anew.

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::{Conversation, Effect, Reply, Turn};
use crate::login::{Existence, FirstFactor, LoginRequest, Phase};
use crate::policy::SkipRule;
use crate::remember::Skipped;
use crate::throttle::DAY;
use crate::time::{Now, WallTime};
use crate::words::{Message, Note};

use super::enrolling::Authority;
use super::{Login, Stage};

/// Why a login that was put off ends without a code.
const PUT_OFF: &str = "put-off";

/// How long and how often setting up can be put off yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SkipOffer {
    /// Days until it has to be done, begun ones counted.
    days_left: Option<u64>,
    /// Logins that can do without, this one among them; without it the choice is kept.
    times_left: Option<u32>,
}

impl SkipOffer {
    /// Says it.
    const fn told(self) -> Message {
        Message::Note(Note::MaySkip { days: self.days_left, times: self.times_left })
    }
}

impl Login {
    /// Adds the offer to a screen of setting up, above its prompt: the first, and the one that lists what can be typed.
    pub(super) fn offer_on(&self, mut turn: Turn, account: &Account, now: Now) -> Turn {
        let Conversation::Login(next) = &turn.next else { return turn };
        let offer = if next.sets_up_by_rule() { self.offer_skip(account, now) } else { None };
        let Some(offer) = offer else { return turn };
        for effect in &mut turn.effects {
            if let Effect::Reply(Reply { lines, .. }) = effect
                && let Some(line) = lines.last_mut()
            {
                line.messages.insert(line.messages.len().saturating_sub(1), offer.told());
            }
        }
        turn
    }

    /// Tells whether the person may put off setting up: then nothing is sent before they choose it.
    pub(super) fn may_skip(&self, authority: Authority, account: &Account, now: Now) -> bool {
        authority == Authority::Rule && self.offer_skip(account, now).is_some()
    }

    /// Hears the word while a first factor is set up. Where it is not theirs to use, it asks what can be typed.
    pub(super) fn hear_skip<'t>(&self, text: &'t str, account: &Account, now: Now) -> Result<Turn, &'t str> {
        let is_word = matches!(read(text, &[Word::Skip], Expected::NoCode), Answer::Word(Word::Skip));
        if !is_word || !self.sets_up_by_rule() {
            return Err(text);
        }
        self.take_skip(account, now).ok_or("?")
    }

    /// Tells whether a first factor is being set up because the rule says so.
    fn sets_up_by_rule(&self) -> bool {
        let authority = match &self.stage {
            Stage::Choosing(progress) | Stage::Addressing(_, progress) => progress.authority,
            Stage::Enrolling(enrolling) => enrolling.authority(),
            Stage::Begin | Stage::Asking(_) | Stage::Inviting | Stage::Telling(_) | Stage::Saving(_) => {
                return false;
            }
        };
        authority == Authority::Rule
    }

    /// Tells whether the person may put off setting up a first factor now.
    fn offer_skip(&self, account: &Account, now: Now) -> Option<SkipOffer> {
        let rule = self.skip_rule(account, now).filter(|_| self.request.phase == Phase::Auth)?;
        let at = now.latest();
        let left = match rule.times {
            None => None,
            Some(times) => Some(times_left(account.skipped.as_ref(), times, at)?),
        };
        Some(SkipOffer { days_left: self.days_left(rule, account, at), times_left: left })
    }

    /// Puts it off: lets through, and counts that. Whoever may not is asked on.
    fn take_skip(&self, account: &Account, now: Now) -> Option<Turn> {
        let rule = self.skip_rule(account, now)?;
        let _ = self.offer_skip(account, now)?;
        let at = now.latest();
        let mut account = account.clone();
        self.cover(&mut account, at);
        self.note_uid(&mut account);
        let counted = account.skipped.as_ref().filter(|skipped| is_recent(skipped, at));
        let (count, counted) = match (rule.times, counted, &account.skipped) {
            (Some(_), Some(skipped), _) => (skipped.count, skipped.counted),
            (_, _, Some(skipped)) => (skipped.count.saturating_add(1), at),
            (_, _, None) => (1, at),
        };
        account.skipped = Some(Skipped { rule: self.decision.rule.clone(), count, counted });
        account.changed = account.changed.max(at);
        let record = self.event(EventId::EnrollmentSkipped, &account, now);
        let mut turn = self.skip_for(PUT_OFF, &account, now);
        turn.effects.splice(0..0, [Effect::Commit(Box::new(account)), Effect::Record(record)]);
        Some(turn)
    }

    /// Tells whether an earlier choice under this rule still holds.
    pub(super) fn has_put_off(&self, account: &Account, now: Now) -> bool {
        let holds = |skipped: &Skipped| skipped.rule == self.decision.rule;
        self.skip_rule(account, now).is_some_and(|rule| rule.times.is_none())
            && account.skipped.as_ref().is_some_and(holds)
    }

    /// The terms of the rule, for somebody to whom they apply now.
    fn skip_rule(&self, account: &Account, now: Now) -> Option<SkipRule> {
        let LoginRequest { person, first_factor, .. } = &self.request;
        let is_known = matches!(person.existence, Existence::Known { .. });
        let is_theirs = is_known
            && *first_factor == FirstFactor::Settled
            && !account.is_enrolled()
            && !account.has_void()
            && self.barrier(account, now).is_none();
        self.decision.skip.filter(|rule| is_theirs && rule.until.is_none_or(|until| now.latest() < until))
    }

    /// Counts the days until the rule's day is over, or until the time for enrolling is, whichever comes first.
    fn days_left(&self, rule: SkipRule, account: &Account, at: WallTime) -> Option<u64> {
        let LoginRequest { person, host, .. } = &self.request;
        let since = self.policy.open_since(&self.decision.rule, person, host, account).unwrap_or(at);
        // A choice that is kept is not asked about again when the time for enrolling is over.
        let within = self.decision.enroll_within.filter(|_| rule.times.is_some());
        let end = [rule.until, within.map(|within| since.after(within))].into_iter().flatten().min()?;
        Some(end.since(at).as_secs().div_ceil(DAY.as_secs()))
    }
}

/// Counts the logins that can do without, this one among them; none where it cannot. What follows a counted choice within
/// 24 h uses up none of them.
fn times_left(skipped: Option<&Skipped>, times: u32, at: WallTime) -> Option<u32> {
    let count = skipped.map_or(0, |skipped| skipped.count);
    if skipped.is_some_and(|skipped| is_recent(skipped, at)) {
        return Some(times.saturating_sub(count).saturating_add(1));
    }
    times.checked_sub(count).filter(|left| *left > 0)
}

fn is_recent(skipped: &Skipped, at: WallTime) -> bool {
    skipped.count > 0 && at.since(skipped.counted) < DAY
}
