//! The backup codes of a first factor, shown once (rows L3, M6).
//!
//! Owns the last step of enrolling at login: factor and codes are committed before the codes are shown, so that hanging
//! up there leaves both valid. The login goes on only when the person has typed `saved`.

use crate::account::{Account, Epoch};
use crate::audit::EventId;
use crate::conversation::sheet::{is_saved, make_first, show};
use crate::conversation::{Effect, Turn, told, with_prompt};
use crate::factor::{Factor, Method};
use crate::login::LoginRequest;
use crate::notice::{Around, Notice, name_of, notices};
use crate::secret::Entropy;
use crate::time::Now;
use crate::words::{Message, Note, Prompt, Refusal, Setup};

use super::opening::Grounds;
use super::{Login, Stage};

/// A factor that is set up, and whose backup codes are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saving {
    method: Method,
    /// The account's epoch with this factor: whatever changes it meanwhile, a reset above all, ends the login.
    epoch: Epoch,
}

impl Login {
    /// Goes on from a confirmed factor: shows backup codes where the rule takes them and there are none, else lets in.
    pub(super) fn complete(
        &self,
        before: &Account,
        mut account: Account,
        factor: &Factor,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Turn {
        let notice = Notice::FactorAdded { name: name_of(factor) };
        let messages = self.notify(&notice, before, &mut account, now, entropy);
        let method = factor.kind.method();
        let completed = self.factor_event(EventId::EnrollmentCompleted, method, &account, now);
        let result = Message::Setup(Setup::Completed { label: factor.label.to_string() });
        let takes_codes = self.decision.methods.contains(&Method::Backup);
        let sheet = if takes_codes { make_first(&mut account, now.latest(), entropy) } else { None };
        let Some(sheet) = sheet else {
            return self.allow(vec![completed], account, method, vec![result], now).and_all(messages);
        };
        self.cover(&mut account, now.latest());
        self.note_uid(&mut account);
        let made = self.factor_event(EventId::BackupCodesMade, Method::Backup, &account, now);
        let stage = Stage::Saving(Saving { method, epoch: account.epoch });
        let effects =
            vec![Effect::Commit(Box::new(account)), Effect::Record(completed), Effect::Record(made)];
        self.ask(effects, show([result], sheet), stage).and_all(messages)
    }

    /// Tells the person of something by e-mail, counted in the account to commit.
    pub(super) fn notify(
        &self,
        notice: &Notice,
        before: &Account,
        after: &mut Account,
        now: Now,
        entropy: &mut dyn Entropy,
    ) -> Vec<Effect> {
        let LoginRequest { person, host, .. } = &self.request;
        let around = Around { person, host, settings: &self.policy.settings };
        told(notices(notice, before, after, &around, now, entropy))
    }

    pub(super) fn hear_saved(&self, text: &str, saving: &Saving, account: &Account, now: Now) -> Turn {
        if let Some(grounds) = self.barrier(account, now) {
            return self.refuse(Vec::new(), grounds, vec![self.explain(grounds, now)], account, now);
        }
        if account.epoch != saving.epoch {
            let text = Message::Refusal(Refusal::ChangedMeanwhile);
            return self.refuse(Vec::new(), Grounds::Changed, vec![text], account, now);
        }
        if is_saved(text) {
            return self.allow(Vec::new(), account.clone(), saving.method, Vec::new(), now);
        }
        if self.tally.is_spent_enrolling() {
            let text = Message::Refusal(Refusal::NotSaved);
            return self.refuse(Vec::new(), Grounds::NotSaved, vec![text], account, now);
        }
        let messages = with_prompt([Message::Note(Note::WriteDown)], Prompt::Saved);
        self.ask(Vec::new(), messages, Stage::Saving(*saving))
    }
}
