//! A code is asked for: what is typed is a word, a choice, or a code to evaluate.
//!
//! Owns what is said of an answer, and to whom: where others could watch, every answer looks wrong in the same words.
//! An answer while something stands in the way is not evaluated. `posting` has the codes that are sent.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::answer::{AT_CODES, Answer, Expected, Word, is_choice_like, read};
use crate::conversation::proof::{Charged, Distant, Outcome, Used, note_of_wrong};
use crate::conversation::ways::{Way, Ways};
use crate::conversation::{Effect, Turn, with_prompt};
use crate::login::{Existence, FirstFactor};
use crate::secret::Entropy;
use crate::throttle::Standing;
use crate::time::Now;
use crate::words::{Message, Note, Prompt, Refusal};

use super::opening::{Grounds, Manner};
use super::posting::Freshness;
use super::renewing::Purpose;
use super::{Login, Stage};

/// What the last answers leave for the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking {
    /// The way that the person chose, or to which a code is sent; any other code is taken as well.
    pub(super) way: Option<Way>,
    /// Where the last wrong code would have fitted: two may tell about the phone's clock.
    pub(super) distant: Vec<Distant>,
}

impl Asking {
    /// Tells the prompt, which makes an offer where there is one and the person chose nothing else.
    fn prompt(&self, purpose: Purpose, offering: Option<Prompt>) -> Prompt {
        match &self.way {
            None if purpose == Purpose::Renewal => Prompt::CurrentCode,
            None => offering.unwrap_or(Prompt::Code),
            Some(Way::Own(method)) => Prompt::CodeOf(*method),
            Some(Way::Sent(_)) => offering.unwrap_or(Prompt::CodeOrOther),
        }
    }

    fn after(&self, distant: Vec<Distant>) -> Self {
        Self { distant, ..self.clone() }
    }
}

impl Login {
    pub(super) fn hear_code(
        &self,
        text: &str,
        asking: &Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let fresh = asking.after(Vec::new());
        let (text, wish) = self.part_wish(text);
        match read(text, &AT_CODES, Expected::Code(&self.policy.settings.sent)) {
            Answer::Nothing => {
                let notes = self.nothing_entered(&fresh, account, now);
                self.ask_code(Vec::new(), notes, fresh, account, now)
            }
            Answer::Word(word) => self.hear_word(word, fresh, account, now, entropy),
            Answer::Code(code) => {
                if let Some(way) = self.ways(account).chosen(&code) {
                    return self.take_way(way.clone(), fresh, account, now, entropy);
                }
                let tried = Self { tally: self.tally.tried(), ..self.clone() };
                match tried.obstacle(account, now) {
                    Some(grounds) => tried.evaluate_nothing(&code, grounds, fresh, account, now),
                    None => tried.evaluate((&code, wish), asking, account, now, entropy),
                }
            }
            Answer::Other(text) => match self.ways(account).chosen(&text) {
                Some(way) => self.take_way(way.clone(), fresh, account, now, entropy),
                None => self.not_a_code(&text, fresh, account, now),
            },
        }
    }

    /// Asks again after what cannot be a code, with the list where it may have been meant as a choice. By the form of what was
    /// typed only, so that everybody sees the same.
    fn not_a_code(&self, text: &str, asking: Asking, account: &Account, now: Now) -> Turn {
        let listing = is_choice_like(text).then(|| self.listing(&self.ways(account)));
        let notes = [Message::Note(Note::NotACode)].into_iter().chain(listing).collect();
        self.ask_code(Vec::new(), notes, asking, account, now)
    }

    fn hear_word(
        &self,
        word: Word,
        asking: Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let ways = self.ways(account);
        let chosen = if word == Word::Resend { None } else { ways.named(word) };
        match chosen {
            Some(way) => self.take_way(way.clone(), asking, account, now, entropy),
            None if word == Word::Resend => self.hear_resend(&ways, asking, account, now, entropy),
            None => self.list_ways(&ways, asking, account, now),
        }
    }

    /// Asks for a code of the chosen way; where it has to be sent, it is.
    fn take_way(
        &self,
        way: Way,
        asking: Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        match way {
            Way::Own(_) => {
                self.ask_code(Vec::new(), Vec::new(), Asking { way: Some(way), ..asking }, account, now)
            }
            Way::Sent(to) => self.request(to, Freshness::AnyLive, asking, account, now, entropy),
        }
    }

    pub(super) fn list_ways(&self, ways: &Ways, asking: Asking, account: &Account, now: Now) -> Turn {
        let note = self.listing(ways);
        self.ask_code(Vec::new(), vec![note], asking, account, now)
    }

    /// Lists the ways in which a code can be given. Where others could watch it does not depend on what the person has:
    /// everything that the rule allows and that needs nothing sent, or for somebody unknown what people with an app have.
    pub(super) fn ways(&self, account: &Account) -> Ways {
        let allowed = self.decision.methods.iter().copied();
        match (self.request.first_factor, self.request.person.existence) {
            (FirstFactor::Late, _) => Ways::of_anybody(allowed),
            (FirstFactor::Settled, Existence::Unknown) => {
                let first = self.decision.methods.iter().copied().find(|method| method.is_enrollable());
                Ways::of_anybody(allowed.filter(|method| Some(*method) == first || !method.is_enrollable()))
            }
            (FirstFactor::Settled, Existence::Known { .. }) => Ways::of(account, self.methods()),
        }
    }

    /// Answers a code that may not be evaluated; where others could watch, as if it had been wrong.
    fn evaluate_nothing(
        &self,
        code: &str,
        grounds: Grounds,
        asking: Asking,
        account: &Account,
        now: Now,
    ) -> Turn {
        match self.manner(grounds) {
            // The record is written for the sake of time as well: a wrong code takes a commit.
            Manner::Pretend => {
                let record = AuditEvent {
                    reason: Some("not-evaluated".into()),
                    ..self.event(EventId::CodeWrong, account, now)
                };
                let note = note_of_wrong(code);
                self.ask_again(vec![Effect::Record(record)], Some(note), asking, account, now)
            }
            Manner::Tell => {
                let text = self.explain(grounds, now);
                self.refuse(Vec::new(), grounds, vec![text], account, now)
            }
        }
    }

    fn evaluate(
        &self,
        (code, wish): (&str, bool),
        asking: &Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        match self.check(account, now).against_active(code, self.methods()) {
            Outcome::Right { account: after, used } => match self.purpose {
                Purpose::Entry => self.accept(after, &used, wish, now),
                Purpose::Renewal => self.renew_by(&used, account, after, now, entropy),
            },
            Outcome::Repeated { note } => {
                let record = self.event(EventId::CodeRepeated, account, now);
                let note = match self.manner(Grounds::WrongCode) {
                    Manner::Tell => note,
                    Manner::Pretend => note_of_wrong(code),
                };
                let asking = asking.after(Vec::new());
                self.ask_again(vec![Effect::Record(record)], Some(note), asking, account, now)
            }
            Outcome::Wrong(charged) => {
                let settings = self.settings();
                let charged = charged.unless_host_clock(&asking.distant, account, &now, settings);
                self.answer_wrong(code, asking, charged, now)
            }
        }
    }

    /// Lets in, and remembers the place where the person wants it.
    fn accept(&self, mut account: Account, used: &Used, wish: bool, now: Now) -> Turn {
        let mut records = Vec::new();
        let mut told: Vec<Message> = used.told().into_iter().collect();
        if wish && self.remember(&mut account, now) {
            records.push(self.event(EventId::PlaceRemembered, &account, now));
        } else if wish && self.manner(Grounds::WrongCode) == Manner::Tell {
            told.push(Message::Note(Note::NotRemembered));
        }
        self.allow(records, account, used.method, told, now).and(used.redemption())
    }

    fn answer_wrong(&self, code: &str, asking: &Asking, charged: Charged, now: Now) -> Turn {
        let manner = self.manner(Grounds::WrongCode);
        let runs_ahead = charged.runs_ahead && manner == Manner::Tell;
        let note = match manner {
            Manner::Tell => charged
                .clock_note(&asking.distant)
                .map_or_else(|| self.wrong_note(code, asking, &charged, now), Message::Note),
            Manner::Pretend => Message::Note(note_of_wrong(code)),
        };
        self.charge(EventId::CodeWrong, charged, now, |login, effects, distant, account| {
            if runs_ahead && !login.tally.is_spent() {
                let stage = Stage::Asking(asking.after(distant));
                return login.ask(effects, with_prompt([], Prompt::NextTokenCode), stage);
            }
            login.ask_code(effects, vec![note], asking.after(distant), account, now)
        })
    }

    /// Commits a charged answer; the login ends if that locked, else `go_on` says how it goes on.
    pub(super) fn charge(
        &self,
        id: EventId,
        charged: Charged,
        now: Now,
        go_on: impl FnOnce(&Self, Vec<Effect>, Vec<Distant>, &Account) -> Turn,
    ) -> Turn {
        let (id, reason) = charged.record(id);
        let Charged { mut account, standing, distant, .. } = charged;
        self.cover(&mut account, now.latest());
        let mut effects = vec![Effect::Commit(Box::new(account.clone()))];
        effects.push(Effect::Record(AuditEvent { reason, ..self.event(id, &account, now) }));
        if standing == Standing::Open {
            return go_on(self, effects, distant, &account);
        }
        effects.push(Effect::Record(self.event(EventId::ThrottleLocked, &account, now)));
        let grounds = Grounds::Locked(standing);
        match self.manner(grounds) {
            Manner::Pretend => go_on(self, effects, distant, &account),
            Manner::Tell => self.refuse(effects, grounds, vec![self.explain(grounds, now)], &account, now),
        }
    }

    /// Asks for a code once more, or refuses when enough was answered.
    pub(super) fn ask_again(
        &self,
        effects: Vec<Effect>,
        note: Option<Note>,
        asking: Asking,
        account: &Account,
        now: Now,
    ) -> Turn {
        self.ask_code(effects, note.map(Message::Note).into_iter().collect(), asking, account, now)
    }

    /// Asks for a code, after what is to be said and what the person has to know of a code that did not go out; refuses
    /// when enough was answered.
    pub(super) fn ask_code(
        &self,
        effects: Vec<Effect>,
        notes: Vec<Message>,
        asking: Asking,
        account: &Account,
        now: Now,
    ) -> Turn {
        if self.tally.is_spent() {
            let grounds = self.obstacle(account, now).unwrap_or(Grounds::WrongCode);
            return self.refuse(effects, grounds, vec![Message::Refusal(Refusal::NoRightCode)], account, now);
        }
        let news = self.news(&asking, account, now);
        let messages =
            with_prompt(news.into_iter().chain(notes), asking.prompt(self.purpose, self.offering_prompt()));
        self.ask(effects, messages, Stage::Asking(asking))
    }
}
