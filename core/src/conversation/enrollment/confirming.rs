//! The code that confirms a new factor, and what comes with it.
//!
//! Owns the commit that makes the factor active, takes the replaced one away and makes backup codes with the first.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::answer::{Answer, Expected, Word, read};
use crate::conversation::naming::check_label;
use crate::conversation::proof::Confirmed;
use crate::conversation::self_service::{Failure, done};
use crate::conversation::sheet::{make_first, show};
use crate::conversation::{Effect, Turn, WRONG_LIMIT, with_prompt};
use crate::factor::{Factor, FactorId, FactorKind, Method};
use crate::notice::{Notice, name_of};
use crate::secret::{Entropy, Secret};
use crate::time::Now;
use crate::words::{Drawn, Message, Note, Prompt, Setup};

use super::{Confirming, Draft, Enrollment, Stage};

impl Enrollment {
    pub(super) fn hear_confirmation(
        &self,
        text: &str,
        confirming: &Confirming,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        if let Some(failure) = self.service.barrier(account, now) {
            return self.service.fail(Vec::new(), failure, account, now);
        }
        let kind = &confirming.factor.kind;
        let expected = Expected::CodeOf(kind, &self.service.policy.settings.sent);
        let again = |note| self.ask_again(Vec::new(), note, confirming.clone(), account, now);
        match (read(text, &[Word::Help, Word::Resend, Word::New], expected), kind) {
            (Answer::Nothing, _) => again(
                self.news_of(&confirming.factor, account, now)
                    .unwrap_or_else(|| self.nothing_entered(&confirming.factor, account, now)),
            ),
            (Answer::Other(_), _) => again(Message::Note(Note::NotACode)),
            (Answer::Word(Word::Resend), FactorKind::Sent(recipient)) if self.is_heard() => {
                self.send_again(confirming, recipient, account, now, entropy)
            }
            (Answer::Word(Word::New), FactorKind::Sent(recipient)) if self.is_heard() => {
                self.address(recipient.channel(), Draft::unchanged(account), now, entropy)
            }
            (Answer::Word(_), FactorKind::Sent(_)) => again(Message::Note(Note::SentWords)),
            (Answer::Word(_), key @ (FactorKind::Totp(_) | FactorKind::Hotp(_))) => {
                let note = Note::EnrollingWords { drawn: Drawn::No, method: key.method() };
                again(Message::Note(note))
            }
            (Answer::Code(code), _) => {
                let tried = Self { service: self.service.tried(), ..self.clone() };
                tried.confirm(&code, confirming, account, now, entropy)
            }
        }
    }

    fn confirm(
        &self,
        code: &str,
        confirming: &Confirming,
        account: &Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let Confirming { factor, distant: before } = confirming;
        let charged = match self.service.check(account, now).against_new(code, factor) {
            Ok(Confirmed { account: confirmed, request }) => {
                let redemption = request.map(Effect::Redeem);
                return self.complete(account, confirmed, factor, now, entropy).and(redemption);
            }
            Err(charged) => charged,
        };
        let settings = &self.service.policy.settings;
        let charged = charged.unless_host_clock(before, account, &now, settings);
        let clock = charged.clock_note(before);
        let confirming = Confirming { factor: factor.clone(), distant: charged.distant.clone() };
        let note = match &factor.kind {
            FactorKind::Sent(recipient) => self.service.wrong_sent(recipient, Vec::new(), &charged, now),
            FactorKind::Totp(_) | FactorKind::Hotp(_) => Message::Note(clock.unwrap_or(Note::WrongCode)),
        };
        match self.service.charge(EventId::CodeWrong, charged, account, now, entropy) {
            Ok((account, effects)) => self.ask_again(effects, note, confirming, &account, now),
            Err(turn) => turn,
        }
    }

    fn complete(
        &self,
        before: &Account,
        mut account: Account,
        factor: &Factor,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        // A renaming may have taken the label while the key stood on the screen.
        let own: Vec<FactorId> = self.old.into_iter().chain([factor.id]).collect();
        if let Err(failure) = check_label(&account, &factor.label, &own) {
            return self.service.fail(Vec::new(), failure, &account, now);
        }
        self.service.note_uid(&mut account);
        let mut records = vec![self.service.event(EventId::EnrollmentCompleted, &account, now)];
        let label = factor.label.to_string();
        let mut result = Setup::Completed { label: label.clone() };
        let mut notice = Notice::FactorAdded { name: name_of(factor) };
        if let Some(old) = self.take_old(&mut account) {
            records.push(self.service.event(EventId::FactorRemoved, &account, now));
            result = Setup::Replaced { label };
            notice = Notice::FactorReplaced { old: name_of(&old), new: name_of(factor) };
        }
        account.make_room();
        let messages = self.service.notify(&notice, before, &mut account, now, entropy);
        match self.first_codes(&mut account, now, entropy) {
            None => done(commit(account, records), vec![Message::Setup(result)]),
            Some(sheet) => self.show_codes(account, records, result, sheet, now),
        }
        .and_all(messages)
    }

    fn take_old(&self, account: &mut Account) -> Option<Factor> {
        let old = self.old.and_then(|old| account.factor(old)).cloned()?;
        account.factors.retain(|factor| factor.id != old.id);
        Some(old)
    }

    /// Makes the codes that come with a person's first factor, where a rule of theirs takes such.
    fn first_codes(
        &self,
        account: &mut Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Option<Secret<String>> {
        let is_first = account.active_factors().count() == 1 && self.old.is_none();
        let (person, host) = (&self.service.person, &self.service.host);
        let takes_codes = self.service.policy.allows_enrollment(person, host, Method::Backup);
        if is_first && takes_codes { make_first(account, now.latest(), entropy) } else { None }
    }

    fn show_codes(
        &self,
        account: Account,
        mut records: Vec<AuditEvent>,
        result: Setup,
        sheet: Secret<String>,
        now: Now,
    ) -> Turn {
        let service = self.service.saving(&account);
        records.push(service.event(EventId::BackupCodesMade, &account, now));
        let messages = show([], sheet);
        service.ask(commit(account, records), messages, |service| self.at(service, Stage::Saving(result)))
    }

    const fn is_heard(&self) -> bool {
        !self.service.tally.is_spent_enrolling()
    }

    fn ask_again(
        &self,
        effects: Vec<Effect>,
        note: Message,
        confirming: Confirming,
        account: &Account,
        now: Now,
    ) -> Turn {
        if self.service.tally.codes >= WRONG_LIMIT || !self.is_heard() {
            return self.service.fail(effects, Failure::wrong_code(), account, now);
        }
        let prompt = match &confirming.factor.kind {
            FactorKind::Sent(_) => self.prompt_of_sent(),
            FactorKind::Totp(_) | FactorKind::Hotp(_) => Prompt::Code,
        };
        self.ask(effects, with_prompt([note], prompt), Stage::Confirming(confirming))
    }
}

fn commit(account: Account, records: Vec<AuditEvent>) -> Vec<Effect> {
    let records = records.into_iter().map(Effect::Record);
    [Effect::Commit(Box::new(account))].into_iter().chain(records).collect()
}
