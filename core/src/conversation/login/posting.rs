//! Codes that are sent to the person who logs in (rows L6, D1 to D3).
//!
//! Owns when one is sent: at once where it is the only way, else when it is chosen, and never before the first factor, to
//! anybody unknown, or while nothing may be evaluated. A code that still lives is not sent again unless the person asks
//! for that. How far its message is, is told at each prompt.

use crate::account::Account;
use crate::conversation::mailing::{Mailing, Posted, resend, undelivered, under_way};
use crate::conversation::proof::{Charged, note_of_wrong};
use crate::conversation::ways::{SentTo, Way, Ways};
use crate::conversation::{Effect, Turn};
use crate::factor::FactorId;
use crate::factor::sent::{Bind, Binding, SentCode};
use crate::login::{FirstFactor, Source};
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Message, Note, Sending};

use super::Login;
use super::asking::Asking;
use super::opening::Manner;

/// Whether a code that was sent before will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It will, while it lives.
    AnyLive,
    /// The person asks for another one.
    New,
}

impl Login {
    /// Asks for a code for the first time, and sends one where that is the only way.
    pub(super) fn open_asking(&self, account: &Account, now: Now, entropy: &mut dyn Entropy) -> Turn {
        let asking = Asking::default();
        if self.request.first_factor == FirstFactor::Late || self.obstacle(account, now).is_some() {
            return self.ask_code(Vec::new(), Vec::new(), asking, account, now);
        }
        let ways = self.ways(account);
        let only = ways.only_sent();
        let waiting = self.live_code(account, now).and_then(|code| Some((code, ways.sent_to(code.factor)?)));
        match (waiting, only.as_slice()) {
            (Some((code, to)), _) if !code.has_failed() => {
                self.request(to.clone(), Freshness::AnyLive, asking, account, now, entropy)
            }
            (_, [to]) => self.request((*to).clone(), Freshness::AnyLive, asking, account, now, entropy),
            (Some((_, to)), _) => {
                let asking = Asking { way: Some(Way::Sent(to.clone())), ..asking };
                self.ask_code(Vec::new(), Vec::new(), asking, account, now)
            }
            (None, []) => self.ask_code(Vec::new(), Vec::new(), asking, account, now),
            (None, _) => self.list_ways(&ways, asking, account, now),
        }
    }

    /// Sends a code to the chosen address or number and asks for it; or tells why not.
    pub(super) fn request(
        &self,
        to: SentTo,
        freshness: Freshness,
        asking: Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(grounds) = self.obstacle(account, now) {
            return match self.manner(grounds) {
                Manner::Tell => {
                    self.refuse(Vec::new(), grounds, vec![self.explain(grounds, now)], account, now)
                }
                Manner::Pretend => self.list_ways(&self.ways(account), asking, account, now),
            };
        }
        let live = self.code_to(to.factor, account, now).filter(|code| !code.has_failed());
        if let (Freshness::AnyLive, Some(code)) = (freshness, live) {
            let still_valid = |recipient| Sending::StillValid { recipient };
            let note = under_way(code, &to.recipient, (self.host_id(), now), still_valid);
            let asking = Asking { way: Some(Way::Sent(to)), ..asking };
            return self.ask_code(Vec::new(), note.into_iter().collect(), asking, account, now);
        }
        if self.tally.is_spent() {
            // There is no prompt left at which the code could be typed.
            return self.ask_code(Vec::new(), Vec::new(), asking, account, now);
        }
        self.post(to, asking, account, now, entropy)
    }

    fn post(
        &self,
        to: SentTo,
        asking: Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let others = self.ways(account).others(to.factor);
        let event = |id, account: &Account| self.event(id, account, now);
        let binding = self.binding();
        let posted =
            self.mailing(&binding).post((to.factor, &to.recipient), others, account, now, entropy, event);
        match posted {
            Posted::OnItsWay { mut account, effects: posted } => {
                self.cover(&mut account, now.latest());
                self.note_uid(&mut account);
                let effects = [Effect::Commit(account.clone())].into_iter().chain(posted).collect();
                let note = Message::Sending(Sending::OnItsWay { recipient: to.recipient.masked() });
                let asking = Asking { way: Some(Way::Sent(to)), ..asking };
                self.ask_code(effects, vec![note], asking, &account, now)
            }
            Posted::NotNow { told, effects } => {
                self.ask_code(effects, vec![Message::Sending(told)], asking, account, now)
            }
        }
    }

    /// Lends what codes are sent with in this login.
    pub(super) fn mailing<'a>(&'a self, binding: &'a Binding) -> Mailing<'a> {
        Mailing {
            policy: &self.policy,
            language: self.language(),
            person: &self.request.person,
            host: &self.request.host,
            binding,
        }
    }

    /// Sends another code the way that was chosen, or the only one there is; else asks which.
    pub(super) fn hear_resend(
        &self,
        ways: &Ways,
        asking: Asking,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let sent: Vec<&SentTo> = ways.sent().collect();
        let chosen = asking.way.as_ref().and_then(Way::sent).filter(|to| sent.contains(to)).cloned();
        let only = if let [to] = sent.as_slice() { Some((*to).clone()) } else { None };
        match chosen.or(only) {
            Some(to) => self.request(to, Freshness::New, asking, account, now, entropy),
            None => self.list_ways(ways, asking, account, now),
        }
    }

    /// Tells of which kind this login is, for the codes that are good for it.
    pub(super) fn binding(&self) -> Binding {
        let source = match self.request.source {
            Source::Address(address) => Source::Address(address.to_canonical()),
            other @ (Source::Local | Source::Unknown) => other,
        };
        let key = self.request.ssh.public_key.as_ref().map(|key| key.fingerprint.clone());
        let login = match self.policy.settings.sent.bind {
            Bind::Place => None,
            Bind::Login => self.id,
        };
        Binding { service: self.request.service.clone(), source, key, login }
    }

    fn live_code<'a>(&self, account: &'a Account, now: Now) -> Option<&'a SentCode> {
        account.live_codes(&self.binding(), self.host_id(), now).next()
    }

    fn code_to<'a>(&self, factor: FactorId, account: &'a Account, now: Now) -> Option<&'a SentCode> {
        self.live_code(account, now).filter(|code| code.factor == factor)
    }

    /// Tells of a code that has not left, with what else there is; nothing where the user has chosen what they have.
    pub(super) fn news(&self, asking: &Asking, account: &Account, now: Now) -> Option<Message> {
        let is_watched = self.request.first_factor == FirstFactor::Late;
        if is_watched || matches!(asking.way, Some(Way::Own(_))) || self.obstacle(account, now).is_some() {
            return None;
        }
        let code = self.live_code(account, now)?;
        let ways = self.ways(account);
        let recipient = &ways.sent_to(code.factor)?.recipient;
        undelivered(code, recipient, || ways.others(code.factor), (self.host_id(), now))
    }

    /// Tells the code for which this person waits: the one of the chosen way, or of the only kind that they have.
    fn awaited(&self, asking: &Asking, account: &Account) -> Option<SentTo> {
        let chosen = asking.way.as_ref().and_then(Way::sent).cloned();
        if asking.way.is_some() { chosen } else { self.ways(account).only_sent().first().copied().cloned() }
    }

    /// Says what is said of a wrong code, by what the person waits for and by the form of what was typed.
    pub(super) fn wrong_note(&self, code: &str, asking: &Asking, charged: &Charged, now: Now) -> Message {
        let account = &charged.account;
        let ways = self.ways(account);
        if let Some(to) = charged.elsewhere.and_then(|factor| ways.sent_to(factor)) {
            let resend = resend(account, &to.recipient, &self.policy, now);
            return Message::Sending(Sending::Elsewhere { resend, others: ways.others(to.factor) });
        }
        match (note_of_wrong(code), self.awaited(asking, account)) {
            (Note::WrongCode, Some(to)) => {
                let resend = resend(account, &to.recipient, &self.policy, now);
                Message::Sending(Sending::WrongCode { resend })
            }
            (note, _) => Message::Note(note),
        }
    }

    /// Says what to enter, unless there is news of the code that the person waits for.
    pub(super) fn nothing_entered(&self, asking: &Asking, account: &Account, now: Now) -> Vec<Message> {
        if self.news(asking, account, now).is_some() {
            return Vec::new();
        }
        let ways = self.ways(account);
        let enter_code = |recipient| Sending::EnterCode { recipient };
        let awaited = asking.way.as_ref().and_then(Way::sent).and_then(|to| {
            let code = self.code_to(to.factor, account, now)?;
            under_way(code, &to.recipient, (self.host_id(), now), enter_code)
        });
        let own = || {
            Some(Message::Note(Note::EnterCode { from: ways.shows(asking.way.as_ref())?, help: self.help() }))
        };
        vec![
            awaited
                .or_else(own)
                .or_else(|| self.why_not_sent(&ways, account, now))
                .unwrap_or_else(|| self.listing(&ways)),
        ]
    }

    /// Tells why no code can be sent now to somebody who has nothing else to give it by.
    fn why_not_sent(&self, ways: &Ways, account: &Account, now: Now) -> Option<Message> {
        let only = ways.only_sent();
        let [to] = only.as_slice() else { return None };
        let binding = self.binding();
        let others = ways.others(to.factor);
        let told = self.mailing(&binding).why_not((to.factor, &to.recipient), others, account, now)?;
        Some(Message::Sending(told))
    }

    pub(super) fn listing(&self, ways: &Ways) -> Message {
        let help = self.help();
        if ways.is_empty() {
            return Message::Sending(Sending::NothingToChoose { help });
        }
        Message::Note(Note::Ways { ways: ways.listed(), help })
    }
}
