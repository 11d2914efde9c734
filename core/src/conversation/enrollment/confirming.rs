//! The code that confirms a new factor, and what comes with it.
//!
//! Owns the commit that makes the factor active, takes the replaced one away and makes backup codes with the first.

use crate::account::Account;
use crate::audit::{AuditEvent, EventId};
use crate::conversation::answer::{Answer, Word, read};
use crate::conversation::naming::check_label;
use crate::conversation::proof::{Confirmed, clock_off};
use crate::conversation::self_service::{Failure, done};
use crate::conversation::sheet::{make_first, show};
use crate::conversation::{ENROLLING_PROMPT_LIMIT, Effect, Turn, WRONG_LIMIT, with_prompt};
use crate::factor::{Factor, FactorId, Method};
use crate::secret::{Entropy, Secret};
use crate::time::Now;
use crate::words::{Drawn, Message, Note, Prompt, Setup};

use super::{Confirming, Enrollment, Stage};

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
        match read(text, &[Word::Help]) {
            Answer::Nothing => {
                self.ask_again(Vec::new(), Note::EnterNewCode, confirming.clone(), account, now)
            }
            Answer::Word(_) => {
                let note = Note::EnrollingWords { drawn: Drawn::No };
                self.ask_again(Vec::new(), note, confirming.clone(), account, now)
            }
            Answer::Code(code) => {
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
            Ok(Confirmed { account, request }) => {
                let redemption = request.map(Effect::Redeem);
                return self.complete(account, factor, now, entropy).and(redemption);
            }
            Err(charged) => charged,
        };
        let note = clock_off(before, &charged.distant).unwrap_or(Note::WrongCode);
        let confirming = Confirming { factor: factor.clone(), distant: charged.distant.clone() };
        match self.service.charge(EventId::CodeWrong, *charged, now) {
            Ok((account, effects)) => self.ask_again(effects, note, confirming, &account, now),
            Err(turn) => turn,
        }
    }

    fn complete(&self, mut account: Account, factor: &Factor, now: Now, entropy: &mut dyn Entropy) -> Turn {
        // A renaming may have taken the label while the key stood on the screen.
        let own: Vec<FactorId> = self.old.into_iter().chain([factor.id]).collect();
        if let Err(failure) = check_label(&account, &factor.label, &own) {
            return self.service.fail(Vec::new(), failure, &account, now);
        }
        self.service.note_uid(&mut account);
        let mut records = vec![self.service.event(EventId::EnrollmentCompleted, &account, now)];
        let label = factor.label.to_string();
        let mut result = Setup::Completed { label: label.clone() };
        if self.take_old(&mut account) {
            records.push(self.service.event(EventId::FactorRemoved, &account, now));
            result = Setup::Replaced { label };
        }
        match self.first_codes(&mut account, now, entropy) {
            None => done(commit(account, records), vec![Message::Setup(result)]),
            Some(sheet) => self.show_codes(account, records, result, sheet, now),
        }
    }

    fn take_old(&self, account: &mut Account) -> bool {
        let held = account.factors.len();
        account.factors.retain(|factor| Some(factor.id) != self.old);
        account.factors.len() < held
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

    fn ask_again(
        &self,
        effects: Vec<Effect>,
        note: Note,
        confirming: Confirming,
        account: &Account,
        now: Now,
    ) -> Turn {
        let tally = self.service.tally;
        if tally.codes >= WRONG_LIMIT || tally.prompts >= ENROLLING_PROMPT_LIMIT {
            return self.service.fail(effects, Failure::wrong_code(), account, now);
        }
        let messages = with_prompt([Message::Note(note)], Prompt::Code);
        self.ask(effects, messages, Stage::Confirming(confirming))
    }
}

fn commit(account: Account, records: Vec<AuditEvent>) -> Vec<Effect> {
    let records = records.into_iter().map(Effect::Record);
    [Effect::Commit(Box::new(account))].into_iter().chain(records).collect()
}
