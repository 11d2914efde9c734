//! Codes that are sent to the person who logs in (rows L6, D1 to D3).
//!
//! Owns when one is sent: at once where it is the only way, else when it is chosen, and never before the first factor, to
//! anybody unknown, or while nothing may be evaluated. A code that still lives is not sent again unless the person asks
//! for that. What became of it is told at the next prompt, once.

use crate::account::Account;
use crate::conversation::mailing::{Mailing, Posted, not_now, resend, undelivered};
use crate::conversation::proof::note_of_wrong;
use crate::conversation::ways::{SentTo, Way, Ways};
use crate::conversation::{Effect, Turn};
use crate::delivery::Progress;
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
            (Some((code, to)), _) if !has_failed(code) => {
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
        let is_live =
            self.live_code(account, now).is_some_and(|code| code.factor == to.factor && !has_failed(code));
        let recipient = to.recipient.masked();
        if freshness == Freshness::AnyLive && is_live {
            let asking = Asking { way: Some(Way::Sent(to)), ..asking };
            let note = Message::Sending(Sending::StillValid { recipient });
            return self.ask_code(Vec::new(), vec![note], asking, account, now);
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
        let binding = self.binding();
        let mailing = Mailing {
            policy: &self.policy,
            language: self.language(),
            person: &self.request.person,
            host: &self.request.host,
            binding: &binding,
        };
        let event = |id, account: &Account| self.event(id, account, now);
        match mailing.post((to.factor, &to.recipient), account, now, entropy, event) {
            Posted::OnItsWay { mut account, effects: posted } => {
                self.cover(&mut account, now.latest());
                self.note_uid(&mut account);
                let effects = [Effect::Commit(account.clone())].into_iter().chain(posted).collect();
                let note = Message::Sending(Sending::OnItsWay { recipient: to.recipient.masked() });
                let asking = Asking { way: Some(Way::Sent(to)), ..asking };
                self.ask_code(effects, vec![note], asking, &account, now)
            }
            Posted::NotNow { why, effects } => {
                let others = self.ways(account).others(to.factor);
                let note = not_now(why, &to.recipient, others, self.help(), now);
                self.ask_code(effects, vec![Message::Sending(note)], asking, account, now)
            }
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

    /// Tells of a code that did not go out, once, with what else there is.
    pub(super) fn failed(&self, asking: &mut Asking, account: &Account, now: Now) -> Option<Message> {
        if self.request.first_factor == FirstFactor::Late || self.obstacle(account, now).is_some() {
            return None;
        }
        let code = self.live_code(account, now)?;
        if !has_failed(code) || asking.told == Some(code.request) {
            return None;
        }
        let ways = self.ways(account);
        let recipient = &ways.sent_to(code.factor)?.recipient;
        asking.told = Some(code.request);
        Some(Message::Sending(undelivered(code.progress, recipient, ways.others(code.factor))))
    }

    /// Tells the code for which this person waits: the one of the chosen way, or of the only kind that they have.
    fn awaited(&self, asking: &Asking, account: &Account) -> Option<SentTo> {
        let chosen = asking.way.as_ref().and_then(Way::sent).cloned();
        if asking.way.is_some() { chosen } else { self.ways(account).only_sent().first().copied().cloned() }
    }

    /// Says what is said of a wrong code, by what the person waits for and by the form of what was typed.
    pub(super) fn wrong_note(&self, code: &str, asking: &Asking, account: &Account, now: Now) -> Message {
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
        if self.failed(&mut asking.clone(), account, now).is_some() {
            return Vec::new();
        }
        vec![match asking.way.as_ref().and_then(Way::sent) {
            Some(to) => Message::Sending(Sending::EnterCode { recipient: to.recipient.masked() }),
            None => Message::Note(Note::EnterCode { help: self.help() }),
        }]
    }

    pub(super) fn listing(&self, ways: &Ways) -> Message {
        let help = self.help();
        if ways.is_empty() {
            return Message::Sending(Sending::NothingToChoose { help });
        }
        Message::Note(Note::Ways { ways: ways.listed(), help })
    }
}

const fn has_failed(code: &SentCode) -> bool {
    matches!(code.progress, Progress::Failed(_))
}
