//! The sheet of backup codes, shown once inside a prompt.
//!
//! Owns what login and self-service share of it. The codes are not kept by any conversation.

use crate::account::Account;
use crate::audit::EventId;
use crate::factor::Method;
use crate::secret::{Entropy, Secret};
use crate::time::{Now, WallTime};
use crate::words::{Message, Note, Prompt, Refusal, Setup};

use super::answer::{Answer, Expected, Word, read};
use super::self_service::{Failure, SelfService, done};
use super::{Conversation, Effect, Turn, with_prompt};

/// Makes the codes that come with a first factor; none where the person has a set already that is not void.
pub(super) fn make_first(
    account: &mut Account,
    at: WallTime,
    entropy: &mut dyn Entropy,
) -> Option<Secret<String>> {
    let has_set = account.backup_codes_left().is_some();
    (!has_set).then(|| account.make_backup_codes(at, entropy))
}

/// Composes the prompt that shows the codes.
pub(super) fn show(before: impl IntoIterator<Item = Message>, sheet: Secret<String>) -> Vec<Message> {
    let shown = [
        Message::Setup(Setup::BackupCodesIntro),
        Message::Setup(Setup::BackupCodes(sheet)),
        Message::Prompt(Prompt::Saved),
    ];
    before.into_iter().chain(shown).collect()
}

/// Tells whether the person says that the codes are written down.
pub(super) fn is_saved(text: &str) -> bool {
    matches!(read(text, &[Word::Saved], Expected::NoCode), Answer::Word(_))
}

impl SelfService {
    /// The same dialogue once the codes are committed and shown: they stay valid however it ends.
    pub(super) fn saving(&self, account: &Account) -> Self {
        Self {
            method: Some(Method::Backup),
            failure: EventId::BackupCodesUnsaved,
            epoch: account.epoch,
            ..self.clone()
        }
    }

    /// Ends with `saved`; asks for it otherwise.
    pub(super) fn hear_saved(
        &self,
        text: &str,
        account: &Account,
        now: Now,
        result: Setup,
        into: impl FnOnce(Self) -> Conversation,
    ) -> Turn {
        if let Some(failure) = self.barrier(account, now) {
            return self.fail(Vec::new(), failure, account, now);
        }
        if is_saved(text) {
            let record = self.event(EventId::BackupCodesSaved, account, now);
            return done(vec![Effect::Record(record)], vec![Message::Setup(result)]);
        }
        if self.tally.is_spent_enrolling() {
            let failure = Failure { reason: "not-saved", text: Refusal::NotSaved };
            return self.fail(Vec::new(), failure, account, now);
        }
        self.ask(Vec::new(), with_prompt([Message::Note(Note::WriteDown)], Prompt::Saved), into)
    }
}
