//! The current code that comes before every change (row S1).
//!
//! Owns what is asked for, sent, told and charged until it is right, in the words and by the limits of a login. A code is
//! sent without a question where that is the only way; it is good for self-service on this host alone. A backup code that
//! is used is told to the person.

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::answer::{AT_CODES, Answer, Expected, Word, is_choice_like, read};
use crate::conversation::mailing::{Mailing, Posted, resend, undelivered, under_way};
use crate::conversation::proof::{Charged, Outcome, Used, note_of_wrong};
use crate::conversation::ways::{SentTo, Way, Ways};
use crate::conversation::{Effect, Turn, with_prompt};
use crate::delivery::Recipient;
use crate::factor::sent::{Binding, SentCode};
use crate::factor::{FactorId, Method};
use crate::notice::Notice;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{ListedWay, Message, Note, Prompt, Sending};

use super::{Failure, SelfService};

/// What came of a current code.
pub(in crate::conversation) enum Proof {
    /// It was right.
    Proven(Box<Proven>),
    /// Another one is asked for.
    Again(Box<Asked>),
    /// The dialogue is over.
    Over(Turn),
}

/// A right current code.
pub(in crate::conversation) struct Proven {
    /// To be committed, with whatever follows from it.
    pub(in crate::conversation) account: Account,
    pub(in crate::conversation) used: Used,
    /// What belongs into the same commit.
    pub(in crate::conversation) effects: Vec<Effect>,
}

/// A current code is asked for.
pub(in crate::conversation) struct Asked {
    /// The state that has counted it.
    pub(in crate::conversation) service: SelfService,
    pub(in crate::conversation) effects: Vec<Effect>,
    /// The text of the prompt.
    pub(in crate::conversation) messages: Vec<Message>,
}

/// Whether a code that was sent before will do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    AnyLive,
    New,
}

impl SelfService {
    /// Asks for a current code for the first time, and sends one where that is the only way.
    pub(in crate::conversation) fn open_proof(
        &self,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Asked {
        let ways = Self::ways(account);
        match ways.only_sent().as_slice() {
            [] => self.asked(Vec::new(), Vec::new()),
            [to] => self.request(to, Freshness::AnyLive, account, now, entropy),
            _ => self.asked(Vec::new(), vec![self.listing(&ways)]),
        }
    }

    /// Evaluates an answer as a current code.
    pub(in crate::conversation) fn prove(
        &self,
        text: &str,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Proof {
        if let Some(failure) = self.barrier(account, now) {
            return Proof::Over(self.fail(Vec::new(), failure, account, now));
        }
        let ways = Self::ways(account);
        let asked = match read(text, &AT_CODES, Expected::Code(&self.policy.settings.sent)) {
            Answer::Nothing => self.asked(Vec::new(), self.nothing_entered(account, now)),
            Answer::Word(Word::Resend) => self.hear_resend(&ways, account, now, entropy),
            Answer::Word(word) => self.choose(ways.named(word), &ways, account, now, entropy),
            Answer::Code(code) => match ways.chosen(&code) {
                Some(way) => self.choose(Some(way), &ways, account, now, entropy),
                None => return self.tried().evaluate(&code, account, now, entropy),
            },
            Answer::Other(text) => match ways.chosen(&text) {
                Some(way) => self.choose(Some(way), &ways, account, now, entropy),
                None => self.not_a_code(&text, &ways),
            },
        };
        self.again(asked, account, now)
    }

    /// Asks for a code of the chosen way, sending it where it has to be, or lists the ways.
    fn choose(
        &self,
        way: Option<&Way>,
        ways: &Ways,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Asked {
        match way {
            Some(Way::Sent(to)) => self.request(to, Freshness::AnyLive, account, now, entropy),
            Some(own) => Self { way: Some(own.clone()), ..self.clone() }.asked(Vec::new(), Vec::new()),
            None => self.asked(Vec::new(), vec![self.listing(ways)]),
        }
    }

    fn listing(&self, ways: &Ways) -> Message {
        Message::Note(Note::Ways { ways: ways.listed(), help: self.help() })
    }

    /// Asks again after what cannot be a code, with the list where it may have been meant as a choice.
    fn not_a_code(&self, text: &str, ways: &Ways) -> Asked {
        let listing = is_choice_like(text).then(|| self.listing(ways));
        self.asked(Vec::new(), [Message::Note(Note::NotACode)].into_iter().chain(listing).collect())
    }

    /// Sends another code the way that was chosen, or the only one there is; else asks which.
    fn hear_resend(&self, ways: &Ways, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Asked {
        let sent: Vec<&SentTo> = ways.sent().collect();
        let chosen = self.way.as_ref().and_then(Way::sent).filter(|to| sent.contains(to)).cloned();
        let only = if let [to] = sent.as_slice() { Some((*to).clone()) } else { None };
        match chosen.or(only) {
            Some(to) => self.request(&to, Freshness::New, account, now, entropy),
            None => self.choose(None, ways, account, now, entropy),
        }
    }

    fn request(
        &self,
        to: &SentTo,
        freshness: Freshness,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Asked {
        let recipient = to.recipient.masked();
        let chosen = Self { way: Some(Way::Sent(to.clone())), ..self.clone() };
        let live = self.code_for(to.factor, account, now).filter(|code| !code.has_failed());
        if let (Freshness::AnyLive, Some(code)) = (freshness, live) {
            let still_valid = |recipient| Sending::StillValid { recipient };
            let note = under_way(code, &to.recipient, (&self.host.id, now), still_valid);
            return chosen.asked(Vec::new(), note.into_iter().collect());
        }
        if self.tally.is_spent() {
            // There is no prompt left at which the code could be typed.
            return chosen.asked(Vec::new(), Vec::new());
        }
        let others = Self::ways(account).others(to.factor);
        match self.post((to.factor, &to.recipient), others, account, now, entropy) {
            Posted::OnItsWay { account, effects: posted } => {
                let effects = [Effect::Commit(account)].into_iter().chain(posted).collect();
                chosen.asked(effects, vec![Message::Sending(Sending::OnItsWay { recipient })])
            }
            Posted::NotNow { told, effects } => self.asked(effects, vec![Message::Sending(told)]),
        }
    }

    /// Has a code sent to a factor of the person, or to one that they are setting up.
    pub(in crate::conversation) fn post(
        &self,
        to: (FactorId, &Recipient),
        others: Vec<ListedWay>,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Posted {
        let event = |id, account: &Account| self.event(id, account, now);
        self.mailing(&self.binding()).post(to, others, account, now, entropy, event)
    }

    fn mailing<'a>(&'a self, binding: &'a Binding) -> Mailing<'a> {
        let Self { policy, language, person, host, .. } = self;
        Mailing { policy, language: *language, person, host, binding }
    }

    fn evaluate(&self, code: &str, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Proof {
        match self.check(account, now).against_active(code, &Method::ALL) {
            Outcome::Right { account: mut after, used } => {
                let mut effects: Vec<Effect> = used.redemption().into_iter().collect();
                if let Some(left) = used.backup_codes_left() {
                    let notice = Notice::BackupCodeUsed { left };
                    effects.extend(self.notify(&notice, account, &mut after, now, entropy));
                }
                Proof::Proven(Box::new(Proven { account: after, used, effects }))
            }
            Outcome::Repeated { note } => {
                let record = Effect::Record(self.event(EventId::CodeRepeated, account, now));
                self.again(self.asked(vec![record], vec![Message::Note(note)]), account, now)
            }
            Outcome::Wrong(charged) => {
                let settings = &self.policy.settings;
                let charged = charged.unless_host_clock(&self.distant, account, &now, settings);
                let note = charged.clock_note(&self.distant);
                let note = note.map_or_else(|| self.wrong_note(code, &charged, now), Message::Note);
                let runs_ahead = charged.runs_ahead;
                let missed = Self { distant: charged.distant.clone(), ..self.clone() };
                let (after, effects) = match missed.charge(EventId::CodeWrong, charged, account, now, entropy)
                {
                    Ok(charged) => charged,
                    Err(turn) => return Proof::Over(turn),
                };
                let mut asked = missed.asked(effects, vec![note]);
                if runs_ahead {
                    asked.messages = with_prompt([], Prompt::NextTokenCode);
                }
                missed.again(asked, &after, now)
            }
        }
    }

    fn asked(&self, effects: Vec<Effect>, notes: Vec<Message>) -> Asked {
        let prompt = match &self.way {
            None => Prompt::CurrentCode,
            Some(Way::Own(method)) => Prompt::CodeOf(*method),
            Some(Way::Sent(_)) => Prompt::CodeOrOther,
        };
        Asked { service: self.clone(), effects, messages: with_prompt(notes, prompt) }
    }

    /// Asks once more, or ends when enough was answered. What has not left is told first.
    fn again(&self, mut asked: Asked, account: &Account, now: Now) -> Proof {
        if self.tally.is_spent() {
            return Proof::Over(self.fail(asked.effects, Failure::wrong_code(), account, now));
        }
        let committed = asked.effects.iter().find_map(|effect| match effect {
            Effect::Commit(account) => Some(account.as_ref()),
            Effect::Record(_)
            | Effect::Deliver(_)
            | Effect::Redeem(_)
            | Effect::CodeGiven(_)
            | Effect::Reply(_) => None,
        });
        if let Some(told) = asked.service.news(committed.unwrap_or(account), now) {
            asked.messages.insert(0, told);
        }
        Proof::Again(Box::new(asked))
    }

    fn wrong_note(&self, code: &str, charged: &Charged, now: Now) -> Message {
        let ways = Self::ways(&charged.account);
        if let Some(to) = charged.elsewhere.and_then(|factor| ways.sent_to(factor)) {
            return self.wrong_sent(&to.recipient, ways.others(to.factor), charged, now);
        }
        match (note_of_wrong(code), self.way.as_ref().and_then(Way::sent)) {
            (Note::WrongCode, Some(to)) => self.wrong_sent(&to.recipient, Vec::new(), charged, now),
            (note, _) => Message::Note(note),
        }
    }

    /// Says what is said of a wrong code that was sent.
    pub(in crate::conversation) fn wrong_sent(
        &self,
        recipient: &Recipient,
        others: Vec<ListedWay>,
        charged: &Charged,
        now: Now,
    ) -> Message {
        let resend = resend(&charged.account, recipient, &self.policy, now);
        Message::Sending(match charged.elsewhere {
            Some(_) => Sending::Elsewhere { resend, others },
            None => Sending::WrongCode { resend },
        })
    }

    fn nothing_entered(&self, account: &Account, now: Now) -> Vec<Message> {
        if self.news(account, now).is_some() {
            return Vec::new();
        }
        let ways = Self::ways(account);
        let sent = self.way.as_ref().and_then(Way::sent);
        let awaited = sent.and_then(|to| self.enter_sent(to.factor, &to.recipient, account, now));
        let from = || Some(Note::EnterCode { from: ways.shows(self.way.as_ref())?, help: self.help() });
        let own = || from().map(Message::Note);
        let told = awaited.or_else(own).or_else(|| self.why_not_sent(&ways, account, now));
        vec![told.unwrap_or_else(|| self.listing(&ways))]
    }

    /// Tells why no code can be sent now to somebody who has nothing else to give it by.
    fn why_not_sent(&self, ways: &Ways, account: &Account, now: Now) -> Option<Message> {
        let only = ways.only_sent();
        let [to] = only.as_slice() else { return None };
        let others = ways.others(to.factor);
        let told = self.mailing(&self.binding()).why_not((to.factor, &to.recipient), others, account, now)?;
        Some(Message::Sending(told))
    }

    /// Says that the code that was sent to a factor is to be entered, or that it is on its way.
    pub(in crate::conversation) fn enter_sent(
        &self,
        factor: FactorId,
        recipient: &Recipient,
        account: &Account,
        now: Now,
    ) -> Option<Message> {
        let code = self.code_for(factor, account, now)?;
        under_way(code, recipient, (&self.host.id, now), |recipient| Sending::EnterCode { recipient })
    }

    /// Tells of the code to the chosen factor where it has not left.
    fn news(&self, account: &Account, now: Now) -> Option<Message> {
        let to = self.way.as_ref().and_then(Way::sent)?;
        self.news_of(to.factor, &to.recipient, || Self::ways(account).others(to.factor), account, now)
    }

    /// Tells of a code to a factor that has not left.
    pub(in crate::conversation) fn news_of(
        &self,
        factor: FactorId,
        recipient: &Recipient,
        others: impl FnOnce() -> Vec<ListedWay>,
        account: &Account,
        now: Now,
    ) -> Option<Message> {
        undelivered(self.code_for(factor, account, now)?, recipient, others, (&self.host.id, now))
    }

    fn code_for<'a>(&self, factor: FactorId, account: &'a Account, now: Now) -> Option<&'a SentCode> {
        let binding = self.binding();
        let is_live = |code: &&SentCode| code.is_live(account.epoch, &self.host.id, now);
        account.sent.iter().filter(is_live).find(|code| code.factor == factor && code.binding == binding)
    }

    /// Lists the ways in which this person can prove that it is they.
    fn ways(account: &Account) -> Ways {
        Ways::of(account, &Method::ALL)
    }
}
