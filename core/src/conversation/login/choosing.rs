//! Which way is set up: asked where the rule's methods let several be, else taken without a question (row L4).
//!
//! Owns the list and the choice. Nothing is evaluated here and nothing charged; an invitation that was right is used up
//! only when something is set up by it, so that a lost connection loses nothing. `addressing` has addresses and numbers,
//! `enrolling` keys and the code that confirms either.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::reach::{Closed, Reach};
use crate::conversation::ways::number_of;
use crate::conversation::{Turn, with_prompt};
use crate::factor::Method;
use crate::policy::Settings;
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{ListedWay, Message, Prompt, Setup};

use super::asking::Asking;
use super::enrolling::{Authority, Progress};
use super::opening::Grounds;
use super::{Login, Stage};

/// The words that mean something at the list.
const WORDS: [Word; 6] = [
    Word::Help,
    Word::Way(Method::Totp),
    Word::Way(Method::Hotp),
    Word::Way(Method::Email),
    Word::Way(Method::Sms),
    Word::Way(Method::Call),
];

/// A way that can be set up here.
struct Choice {
    method: Method,
    /// Where its codes may go, if they are sent.
    reach: Option<Reach>,
}

impl Login {
    /// Sets up the only way there is, or asks which.
    pub(super) fn begin_setup(
        &self,
        progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        match self.choices(account).as_slice() {
            [] => self.tell_closed(account, now),
            [only] if !self.sends_unasked(only, progress, account, now) => {
                self.set_up(only, progress, account, now, entropy)
            }
            several => self.ask_choice(None, several, progress, account, now),
        }
    }

    /// Tells whether that leads to a question for something new: there is a way, and where its code would be sent at once, one may
    /// be sent now.
    pub(super) fn can_begin_setup(&self, progress: Progress, account: &Account, now: Now) -> bool {
        let Settings { channels, sending, .. } = self.settings();
        match self.choices(account).as_slice() {
            [] => false,
            [only @ Choice { reach: Some(Reach::Only(recipient)), .. }]
                if !self.sends_unasked(only, progress, account, now) =>
            {
                account.may_send(recipient, channels, sending, now.latest()).is_ok()
            }
            _ => true,
        }
    }

    /// Tells whether a code would be sent to somebody who may want to put it off: a loop of logins that do would send many.
    fn sends_unasked(&self, only: &Choice, progress: Progress, account: &Account, now: Now) -> bool {
        let is_sent_at_once = matches!(only.reach, Some(Reach::Only(_)));
        is_sent_at_once && self.may_skip(progress.authority, account, now)
    }

    fn ask_choice(
        &self,
        before: Option<Message>,
        choices: &[Choice],
        progress: Progress,
        account: &Account,
        now: Now,
    ) -> Turn {
        let listed = |(number, choice): (usize, &Choice)| ListedWay {
            number: Some(number),
            method: choice.method,
            recipient: match &choice.reach {
                Some(Reach::Only(recipient)) => Some(recipient.masked()),
                Some(Reach::Any(_) | Reach::Closed(_)) | None => None,
            },
        };
        let ways = (1..).zip(choices).map(listed).collect();
        let messages = before.into_iter().chain([Message::Setup(Setup::ChooseWay { ways })]);
        let effects = self.begin_coverage(account, now);
        self.ask(effects, with_prompt(messages, Prompt::Choice), Stage::Choosing(progress))
    }

    pub(super) fn hear_choice(
        &self,
        text: &str,
        progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(turn) = self.interrupted(account, now) {
            return turn;
        }
        let choices = self.choices(account);
        let chosen = if text.trim().is_empty() {
            choices.first()
        } else {
            match read(text, &WORDS, Expected::NoCode) {
                Answer::Word(Word::Way(method)) => choices.iter().find(|choice| choice.method == method),
                Answer::Other(number) => number_of(&number).and_then(|place| choices.get(place)),
                Answer::Nothing | Answer::Word(_) | Answer::Code(_) => None,
            }
        };
        match chosen {
            Some(choice) => self.set_up(choice, progress, account, now, entropy),
            None if self.tally.is_spent_enrolling() => self.give_up(Vec::new(), account, now),
            None => self.ask_choice(None, &choices, progress, account, now),
        }
    }

    fn set_up(
        &self,
        choice: &Choice,
        progress: Progress,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        match (&choice.reach, choice.method.channel()) {
            (Some(Reach::Only(recipient)), _) => self.send_new(recipient, progress, account, now, entropy),
            (Some(reach @ Reach::Any(_)), Some(channel)) => {
                self.ask_address(None, (channel, reach), progress, account, now)
            }
            (Some(_), _) => self.tell_closed(account, now),
            (None, _) => self.show_new(choice.method, progress, account, now, entropy),
        }
    }

    /// Goes back to whatever else can be chosen, with a word of why; where there is nothing, the login ends below it.
    pub(super) fn choose_otherwise(
        &self,
        why: Message,
        progress: Progress,
        account: &Account,
        now: Now,
    ) -> Turn {
        let choices = self.choices(account);
        if self.tally.is_spent_enrolling() {
            return self.give_up(Vec::new(), account, now);
        }
        match choices.as_slice() {
            [Choice { method, reach: Some(reach @ Reach::Any(_)) }] => match method.channel() {
                Some(channel) => self.ask_address(Some(why), (channel, reach), progress, account, now),
                None => self.tell_closed(account, now),
            },
            [] | [_] => {
                let stage = Stage::Telling(Grounds::NotEnrolled);
                self.ask(self.begin_coverage(account, now), with_prompt([why], Prompt::Close), stage)
            }
            several => self.ask_choice(Some(why), several, progress, account, now),
        }
    }

    /// Tells why nothing can be set up, in a prompt, because a text after the last one may never be shown.
    fn tell_closed(&self, account: &Account, now: Now) -> Turn {
        let closed = |method: Method| match self.reach(method, account)? {
            Reach::Closed(Closed::NothingOnFile) => Some(Closed::NothingOnFile),
            Reach::Closed(Closed::NoChannel) | Reach::Only(_) | Reach::Any(_) => None,
        };
        match self.decision.methods.iter().copied().find_map(closed) {
            None => self.tell(Grounds::NotEnrolled, account, now),
            Some(closed) => {
                let text = Message::Refusal(closed.told(self.help()));
                let stage = Stage::Telling(Grounds::NotEnrolled);
                self.ask(self.begin_coverage(account, now), with_prompt([text], Prompt::Close), stage)
            }
        }
    }

    /// Lists what can be set up here, in the order of the rule. A key is one way, for an app or else for a token: who has an
    /// app is not asked about tokens.
    fn choices(&self, account: &Account) -> Vec<Choice> {
        let choice = |method: Method| match self.reach(method, account) {
            Some(Reach::Closed(_)) => None,
            reach => Some(Choice { method, reach }),
        };
        let key =
            self.decision.methods.iter().find(|method| method.is_enrollable() && method.channel().is_none());
        let is_listed = |method: &Method| method.channel().is_some() || Some(method) == key;
        self.decision.methods.iter().copied().filter(is_listed).filter_map(choice).collect()
    }

    /// Tells where codes of a method may go, if they are sent.
    pub(super) fn reach(&self, method: Method, account: &Account) -> Option<Reach> {
        let (person, channels) = (&self.request.person, &self.policy.settings.channels);
        method.channel().map(|channel| Reach::of(channel, self.decision.contacts, account, person, channels))
    }

    /// Tells why setting up does not go on: something stands in the way, or another login of the same person was quicker.
    pub(super) fn interrupted(&self, account: &Account, now: Now) -> Option<Turn> {
        if let Some(grounds) = self.barrier(account, now) {
            return Some(self.refuse(Vec::new(), grounds, vec![self.explain(grounds, now)], account, now));
        }
        if account.is_enrolled() {
            // From here on this is a login like any other.
            let asking = Asking::default();
            let notes = self.nothing_entered(&asking, account, now);
            return Some(self.ask_code(Vec::new(), notes, asking, account, now));
        }
        None
    }

    /// Uses up the invitation by which something is set up; nothing where it is gone meanwhile.
    pub(super) fn use_invitation(
        &self,
        account: &mut Account,
        progress: &mut Progress,
        now: Now,
    ) -> Option<Vec<AuditEvent>> {
        let Some(hash) = progress.invitation else { return Some(Vec::new()) };
        let at = now.latest();
        let is_it = account.invitation.as_ref().is_some_and(|invitation| invitation.hash == hash);
        if !is_it || !account.is_invited(at) {
            return None;
        }
        account.invitation = None;
        account.throttle.succeed(self.bucket(account, now), at);
        progress.invitation = None;
        progress.authority = Authority::Invited;
        Some(vec![self.event(EventId::InvitationUsed, account, now)])
    }
}
