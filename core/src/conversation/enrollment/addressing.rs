//! An address or number that a person sets up by themselves (rows S1, L4).
//!
//! Owns where codes may go by the rules that cover the person, and that a code is sent there before anything is set up.
//! The address stays in this conversation until its code is right.

use crate::account::Account;
use crate::audit::EventId;
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::mailing::Posted;
use crate::conversation::reach::{NAMED_LIMIT, Reach, question, read_recipient};
use crate::conversation::self_service::{Failure, SelfService};
use crate::conversation::setup::new_factor;
use crate::conversation::{Effect, Turn, with_prompt};
use crate::delivery::{Channel, Recipient};
use crate::factor::{Factor, FactorKind};
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Message, Note, Prompt, Refusal, Sending};

use super::{Confirming, Draft, Enrollment, Stage};

impl Enrollment {
    /// Tells why codes of this method cannot be sent to this person, or not where they want them.
    pub(super) fn check_reach(&self, account: &Account) -> Result<(), Failure> {
        let Some(channel) = self.method.channel() else { return Ok(()) };
        let help = self.service.help();
        match self.reach(channel, account) {
            Reach::Closed(closed) => Err(Failure { reason: closed.reason(), text: closed.told(help) }),
            Reach::Only(only) => {
                let wanted = self.recipient.as_deref().map(|text| self.read_recipient(channel, text));
                if wanted.is_none_or(|wanted| wanted == Ok(only.clone())) {
                    return Ok(());
                }
                let text = Refusal::OnlyOnFile { recipient: only.masked(), help };
                Err(Failure { reason: "only-on-file", text })
            }
            Reach::Any(_) => Ok(()),
        }
    }

    /// Sends a code to the address or number that was asked for, or asks for one.
    pub(super) fn address(
        &self,
        channel: Channel,
        draft: Draft,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let named = Self { recipient: None, ..self.clone() };
        match (self.reach(channel, &draft.account), &self.recipient) {
            (Reach::Closed(closed), _) => {
                let account = draft.account.clone();
                let failure = Failure { reason: closed.reason(), text: closed.told(self.service.help()) };
                self.service.fail(draft.commit(Vec::new()).0, failure, &account, now)
            }
            (Reach::Only(recipient), _) => self.send_new(&recipient, draft, now, entropy),
            (reach @ Reach::Any(_), None) => named.ask_address(None, (channel, &reach), draft),
            (reach @ Reach::Any(_), Some(text)) => match self.read_recipient(channel, text) {
                Ok(recipient) => named.send_new(&recipient, draft, now, entropy),
                Err(why) => named.ask_address(Some(why), (channel, &reach), draft),
            },
        }
    }

    fn ask_address(&self, why: Option<Message>, (channel, reach): (Channel, &Reach), draft: Draft) -> Turn {
        let (effects, before) = draft.commit(Vec::new());
        let messages = before.into_iter().chain(question(why, channel, reach)).collect();
        self.ask(effects, messages, Stage::Addressing(channel))
    }

    pub(super) fn hear_address(
        &self,
        text: &str,
        channel: Channel,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(failure) = self.service.barrier(account, now) {
            return self.service.fail(Vec::new(), failure, account, now);
        }
        let draft = Draft::unchanged(account);
        let reach = match self.reach(channel, account) {
            reach @ Reach::Any(_) => reach,
            // What is on file has changed meanwhile.
            Reach::Only(_) | Reach::Closed(_) => return self.address(channel, draft, now, entropy),
        };
        let words = [Word::Help, Word::New, Word::Resend];
        let read = match (read(text, &words, Expected::NoCode), reach.on_file()) {
            (Answer::Nothing, Some(recipient)) if text.trim().is_empty() => Ok(recipient.clone()),
            (Answer::Nothing | Answer::Word(_), _) => Err(None),
            (Answer::Code(_) | Answer::Other(_), _) => self.read_recipient(channel, text).map_err(Some),
        };
        match read {
            Ok(recipient) => self.send_new(&recipient, draft, now, entropy),
            Err(_) if self.service.tally.is_spent_enrolling() => {
                self.service.fail(Vec::new(), Failure::wrong_code(), account, now)
            }
            Err(why) => self.ask_address(why, (channel, &reach), draft),
        }
    }

    /// Sends a code to what is to be set up.
    fn send_new(&self, recipient: &Recipient, draft: Draft, now: Now, entropy: &mut dyn Entropy) -> Turn {
        if self.named >= NAMED_LIMIT {
            let account = draft.account.clone();
            let failure = Failure { reason: "too-many-recipients", text: Refusal::TooManyRecipients };
            return self.service.fail(draft.commit(Vec::new()).0, failure, &account, now);
        }
        let kind = FactorKind::Sent(recipient.clone());
        let label = self.label_of_new(&draft.account);
        let factor = new_factor(&draft.account, label.as_ref(), kind, now.latest(), entropy);
        let begun = Effect::Record(self.service.event(EventId::EnrollmentBegun, &draft.account, now));
        let posted = self.service.post((factor.id, recipient), Vec::new(), &draft.account, now, entropy);
        let sent = u32::from(matches!(posted, Posted::OnItsWay { .. }));
        let (draft, note) = Self::with_posted(posted, recipient, draft);
        let (mut effects, before) = draft.commit(Vec::new());
        effects.push(begun);
        let messages = with_prompt(before.into_iter().chain([note]), self.prompt_of_sent());
        let named = Self { named: self.named.saturating_add(sent), ..self.clone() };
        let confirming = Confirming { factor: Box::new(factor), distant: Vec::new() };
        named.ask(effects, messages, Stage::Confirming(confirming))
    }

    /// Sends another code, or tells why not.
    pub(super) fn send_again(
        &self,
        confirming: &Confirming,
        recipient: &Recipient,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let to = (confirming.factor.id, recipient);
        let posted = self.service.post(to, Vec::new(), account, now, entropy);
        let (draft, note) = Self::with_posted(posted, recipient, Draft::unchanged(account));
        let (effects, _) = draft.commit(Vec::new());
        let messages = with_prompt([note], self.prompt_of_sent());
        self.ask(effects, messages, Stage::Confirming(confirming.clone()))
    }

    fn with_posted(posted: Posted, recipient: &Recipient, draft: Draft) -> (Draft, Message) {
        let Draft { account: before, is_changed, mut effects, before: said } = draft;
        match posted {
            Posted::OnItsWay { account, effects: posted } => {
                effects.extend(posted);
                let note = Message::Sending(Sending::OnItsWay { recipient: recipient.masked() });
                (Draft { account: *account, is_changed: true, effects, before: said }, note)
            }
            Posted::NotNow { told, effects: records } => {
                effects.extend(records);
                (Draft { account: before, is_changed, effects, before: said }, Message::Sending(told))
            }
        }
    }

    /// Tells that the code of what is set up has not left.
    pub(super) fn news_of(&self, factor: &Factor, account: &Account, now: Now) -> Option<Message> {
        let FactorKind::Sent(recipient) = &factor.kind else { return None };
        self.service.news_of(factor.id, recipient, Vec::new, account, now)
    }

    /// Says what to enter while something is set up.
    pub(super) fn nothing_entered(&self, factor: &Factor, account: &Account, now: Now) -> Message {
        let note = match &factor.kind {
            FactorKind::Sent(recipient) => {
                let enter = self.service.enter_sent(factor.id, recipient, account, now);
                return enter.unwrap_or(Message::Note(Note::SentWords));
            }
            FactorKind::Totp(_) | FactorKind::Hotp(_) => Note::EnterNewCode { method: factor.kind.method() },
        };
        Message::Note(note)
    }

    pub(super) const fn prompt_of_sent(&self) -> Prompt {
        Prompt::CodeOf(self.method)
    }

    fn reach(&self, channel: Channel, account: &Account) -> Reach {
        let SelfService { person, host, policy, .. } = &self.service;
        let rule = policy.contact_rule(person, host, self.method);
        Reach::of(channel, rule, account, person, &policy.settings.channels)
    }

    fn read_recipient(&self, channel: Channel, text: &str) -> Result<Recipient, Message> {
        read_recipient(channel, text, &self.service.policy.settings)
    }
}
