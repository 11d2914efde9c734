//! An address or number is set up in the login that needs it (row L4).
//!
//! Owns what is sent there and when: only after the first factor, within the caps of the person and of the recipient, to
//! few recipients a login, and again only where the person asks for it. The pending factor and its code are one commit, so
//! that a lost connection loses nothing. The code that confirms it is heard by `enrolling`.

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::mailing::{Posted, resend, undelivered, under_way};
use crate::conversation::proof::Charged;
use crate::conversation::reach::{NAMED_LIMIT, Reach, question, read_recipient};
use crate::conversation::setup::{new_factor, pending, replace_pending};
use crate::conversation::{Effect, Turn};
use crate::delivery::{Channel, Recipient};
use crate::factor::sent::SentCode;
use crate::factor::{Factor, FactorKind};
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Message, Note, Prompt, Refusal, Sending};

use super::enrolling::{Authority, Enrolling, Progress};
use super::opening::Grounds;
use super::{Login, Stage};

impl Login {
    /// Asks for an address or number; what is on file can be taken with Enter.
    pub(super) fn ask_address(
        &self,
        before: Option<Message>,
        (channel, reach): (Channel, &Reach),
        progress: Progress,
        account: &Account,
        now: Now,
    ) -> Turn {
        let messages = question(before, channel, reach);
        self.ask(self.begin_coverage(account, now), messages, Stage::Addressing(channel, progress))
    }

    pub(super) fn hear_address(
        &self,
        text: &str,
        (channel, progress): (Channel, Progress),
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(turn) = self.interrupted(account, now) {
            return turn;
        }
        let reach = match self.reach(channel.method(), account) {
            Some(reach @ Reach::Any(_)) => reach,
            // What is on file has changed meanwhile.
            Some(Reach::Only(_) | Reach::Closed(_)) | None => {
                return self.begin_setup(progress, account, now, entropy);
            }
        };
        let words = [Word::Help, Word::New, Word::Resend];
        let read = match (read(text, &words, Expected::NoCode), reach.on_file()) {
            (Answer::Nothing, Some(recipient)) if text.trim().is_empty() => Ok(recipient.clone()),
            (Answer::Word(Word::New), _) => return self.begin_setup(progress, account, now, entropy),
            (Answer::Nothing | Answer::Word(_), _) => Err(None),
            (Answer::Code(_) | Answer::Other(_), _) => {
                read_recipient(channel, text, &self.policy.settings).map_err(Some)
            }
        };
        match read {
            Ok(recipient) => self.send_new(&recipient, progress, account, now, entropy),
            Err(_) if self.tally.is_spent_enrolling() => self.give_up(Vec::new(), account, now),
            Err(why) => self.ask_address(why, (channel, &reach), progress, account, now),
        }
    }

    /// Keeps an address or number as pending and sends a code there.
    pub(super) fn send_new(
        &self,
        recipient: &Recipient,
        mut progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if progress.named >= NAMED_LIMIT {
            let text = Message::Refusal(Refusal::TooManyRecipients);
            return self.refuse(Vec::new(), Grounds::NotEnrolled, vec![text], account, now);
        }
        let kind = FactorKind::Sent(recipient.clone());
        let before = progress;
        let mut drafted = account.clone();
        let Some(used) = self.use_invitation(&mut drafted, &mut progress, now) else {
            return self.ask_invitation(Vec::new(), None);
        };
        let factor = new_factor(&drafted, None, kind, now.latest(), entropy);
        replace_pending(&mut drafted, factor.clone());
        self.cover(&mut drafted, now.latest());
        self.note_uid(&mut drafted);
        match self.post_to(&factor, recipient, &drafted, now, entropy) {
            Posted::OnItsWay { account, effects: posted } => {
                progress.named = progress.named.saturating_add(1);
                let begun = self.factor_event(EventId::EnrollmentBegun, factor.kind.method(), &account, now);
                let mut effects = vec![Effect::Commit(account)];
                effects.extend(used.into_iter().chain([begun]).map(Effect::Record));
                effects.extend(posted);
                let note = Message::Sending(Sending::OnItsWay { recipient: recipient.masked() });
                self.wait_with(effects, vec![note], Enrolling::of(&factor, progress))
            }
            Posted::NotNow { told, effects } => {
                // Nothing is committed: an invitation is not used up.
                self.keep_or_choose(Message::Sending(told), before, account, now).and_all(effects)
            }
        }
    }

    /// Nothing new can be sent now: what waits for its code already can still be confirmed.
    fn keep_or_choose(&self, why: Message, progress: Progress, account: &Account, now: Now) -> Turn {
        let is_sent = |factor: &&Factor| matches!(factor.kind, FactorKind::Sent(_));
        let waiting = pending(account, now.latest()).filter(is_sent);
        match waiting.filter(|factor| self.is_reachable(factor, account)) {
            Some(factor) if progress.invitation.is_none() => {
                self.wait_with(Vec::new(), vec![why], Enrolling::of(factor, progress))
            }
            Some(_) | None => self.choose_otherwise(why, progress, account, now),
        }
    }

    /// Takes up an enrollment whose code was sent before: it is still good, or another one is sent.
    pub(super) fn resume_sent(
        &self,
        factor: &Factor,
        recipient: &Recipient,
        progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let enrolling = Enrolling::of(factor, progress);
        match self.code_for(factor, account, now) {
            Some(code) if !code.has_failed() => {
                let still_valid = |recipient| Sending::StillValid { recipient };
                let note = under_way(code, recipient, (self.host_id(), now), still_valid);
                let news = self.news_of(factor, account, now);
                self.wait_with(Vec::new(), news.into_iter().chain(note).collect(), enrolling)
            }
            Some(_) | None if self.may_skip(progress.authority, account, now) => {
                self.begin_setup(progress, account, now, entropy)
            }
            Some(_) | None => self.send_again(factor, recipient, enrolling, account, now, entropy),
        }
    }

    /// Sends another code to what is pending, or tells why not.
    pub(super) fn send_again(
        &self,
        factor: &Factor,
        recipient: &Recipient,
        enrolling: Enrolling,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        match self.post_to(factor, recipient, account, now, entropy) {
            Posted::OnItsWay { account, effects: posted } => {
                let effects = [Effect::Commit(account)].into_iter().chain(posted).collect();
                let note = Sending::OnItsWay { recipient: recipient.masked() };
                self.wait_with(effects, vec![Message::Sending(note)], enrolling.without_news())
            }
            Posted::NotNow { told, effects } => {
                self.wait_with(effects, vec![Message::Sending(told)], enrolling)
            }
        }
    }

    fn post_to(
        &self,
        factor: &Factor,
        recipient: &Recipient,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Posted {
        let binding = self.binding();
        let event = |id, account: &Account| self.event(id, account, now);
        let to = (factor.id, recipient);
        self.mailing(&binding).post(to, Vec::new(), account, now, entropy, event)
    }

    /// Says what is said of a wrong code that was sent.
    pub(super) fn wrong_sent(&self, recipient: &Recipient, charged: &Charged, now: Now) -> Message {
        let resend = resend(&charged.account, recipient, &self.policy, now);
        Message::Sending(match charged.elsewhere {
            Some(_) => Sending::Elsewhere { resend, others: Vec::new() },
            None => Sending::WrongCode { resend },
        })
    }

    /// Tells that the code of what is set up has not left.
    pub(super) fn news_of(&self, factor: &Factor, account: &Account, now: Now) -> Option<Message> {
        let FactorKind::Sent(recipient) = &factor.kind else { return None };
        let code = self.code_for(factor, account, now)?;
        undelivered(code, recipient, Vec::new, (self.host_id(), now))
    }

    /// Says what to enter while something is set up.
    pub(super) fn nothing_entered_of(&self, factor: &Factor, account: &Account, now: Now) -> Option<Message> {
        let FactorKind::Sent(recipient) = &factor.kind else {
            return Some(Message::Note(Note::EnterNewCode { method: factor.kind.method() }));
        };
        let enter_code = |recipient| Sending::EnterCode { recipient };
        let code = self.code_for(factor, account, now)?;
        under_way(code, recipient, (self.host_id(), now), enter_code)
    }

    fn code_for<'a>(&self, factor: &Factor, account: &'a Account, now: Now) -> Option<&'a SentCode> {
        let binding = self.binding();
        let is_live = |code: &&SentCode| code.is_live(account.epoch, self.host_id(), now);
        account.sent.iter().filter(is_live).find(|code| code.factor == factor.id && code.binding == binding)
    }

    /// Tells whether a pending factor may still be confirmed: the rule and the file may have changed since, or another rule was the
    /// one under which it was begun.
    pub(super) fn is_reachable(&self, factor: &Factor, account: &Account) -> bool {
        if !self.decision.methods.contains(&factor.kind.method()) {
            return false;
        }
        let FactorKind::Sent(recipient) = &factor.kind else { return true };
        let reach = self.reach(factor.kind.method(), account);
        reach.is_some_and(|reach| reach.takes(recipient, &self.policy.settings.channels))
    }
}

/// The prompt for the code of what is pending.
pub(super) const fn prompt_of_sent(authority: Authority, factor: &Factor) -> Prompt {
    match authority {
        Authority::Rule | Authority::Invited => Prompt::SentCodeOrNew,
        Authority::Resumed => Prompt::CodeOf(factor.kind.method()),
    }
}
