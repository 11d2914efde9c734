//! A stand-in for the outbox and for everybody's mailboxes and phones: what was sent, to whom, and the code in it.

use std::time::Duration;

use countersign_core::delivery::{Channel, Outgoing, Purpose, Recipient, RequestId};
use countersign_core::sending::{HOUR, OutboxFacts};
use countersign_core::throttle::DAY;
use countersign_core::time::WallTime;

/// One message that went out.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) outgoing: Outgoing,
    pub(crate) is_used: bool,
}

/// Everything that went out, oldest first; a message's place is its sequence, counted from one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mailbox {
    pub(crate) mails: Vec<Mail>,
}

impl Mailbox {
    /// Takes a message; no id twice.
    pub(crate) fn put(&mut self, outgoing: Outgoing) {
        let is_new = self.mails.iter().all(|mail| mail.outgoing.id != outgoing.id);
        assert!(is_new, "one message per request");
        assert!(outgoing.expires > outgoing.queued, "a message that is worth nothing");
        self.mails.push(Mail { outgoing, is_used: false });
    }

    /// Marks the message whose code was used.
    pub(crate) fn redeem(&mut self, request: RequestId) {
        let mail = self.mails.iter_mut().find(|mail| mail.outgoing.id == request).expect("a message of ours");
        assert!(!mail.is_used, "a code is used once");
        mail.is_used = true;
    }

    /// Tells what the store tells before a decision.
    pub(crate) fn facts(&self, at: WallTime) -> OutboxFacts {
        let mut facts = OutboxFacts::default();
        for (sequence, Mail { outgoing, is_used }) in (1..).zip(&self.mails) {
            let Outgoing { recipient, purpose, queued, .. } = outgoing;
            if at.since(*queued) < HOUR {
                match recipient.channel() {
                    Channel::Email => facts.emails.push(*queued),
                    Channel::Sms | Channel::Call => facts.texts.push(*queued),
                }
            }
            if *purpose == Purpose::Code {
                let known = facts.recipients.entry(recipient.clone()).or_default();
                known.newest = sequence;
                if !is_used && at.since(*queued) < DAY {
                    known.unused.push(*queued);
                }
            }
        }
        facts
    }

    /// Tells the place of the newest code to a recipient; 0 where there is none.
    pub(crate) fn newest(&self, recipient: &Recipient) -> u64 {
        let is_it =
            |mail: &Mail| mail.outgoing.purpose == Purpose::Code && mail.outgoing.recipient == *recipient;
        (1..)
            .zip(&self.mails)
            .filter(|(_, mail)| is_it(mail))
            .map(|(sequence, _)| sequence)
            .last()
            .unwrap_or(0)
    }

    /// Lists the messages that brought codes, newest first.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &Mail> {
        self.mails.iter().rev().filter(|mail| mail.outgoing.purpose == Purpose::Code)
    }

    /// Counts the codes to a recipient within a span that are not used.
    pub(crate) fn unused_within(&self, recipient: &Recipient, span: Duration, at: WallTime) -> usize {
        let counts = |mail: &&Mail| {
            mail.outgoing.recipient == *recipient && !mail.is_used && at.since(mail.outgoing.queued) < span
        };
        self.codes().filter(counts).count()
    }
}

/// Reads the code in a message as its recipient would.
pub(crate) fn code_in(outgoing: &Outgoing) -> String {
    let letter = &outgoing.letter;
    match outgoing.recipient.channel() {
        Channel::Email => {
            let subject = letter.subject.expose();
            subject.split_whitespace().next().expect("the code is the first word of the subject").to_owned()
        }
        Channel::Sms => {
            let words: Vec<&str> = letter.text.expose().split(|c: char| !c.is_ascii_alphanumeric()).collect();
            let is_group = |word: &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
            let pair = words.windows(2).find(|pair| pair.iter().all(|word| is_group(word)));
            pair.expect("a code in two groups of four").join(" ")
        }
        Channel::Call => {
            let words = letter.text.expose().split(|c: char| !c.is_ascii_alphanumeric());
            let digits =
                words.filter(|word| word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_digit()));
            let spoken: String = digits.take(8).collect();
            assert_eq!(spoken.len(), 8, "a code digit by digit");
            spoken
        }
    }
}
