//! Backup codes: ten codes on paper, each good for one login (row M6).
//!
//! Owns their form (13 characters, 65 bits) and their use: a code that was used is gone from the set, in the commit
//! that lets in. Only keyed hashes are kept; the codes exist while they are shown, once.

use crate::account::Account;
use crate::keyed::{CodeHash, Purpose};
use crate::letters;
use crate::secret::{Entropy, Secret};
use crate::time::WallTime;

/// How many codes are made at once (SECURITY.md 3).
pub const BACKUP_CODES: usize = 10;
/// How a code is written: `XXXX-XXXXX-XXXX`.
const GROUPS: [usize; 3] = [4, 5, 4];
/// The characters of a code: 65 bits.
const LETTERS: usize = 13;
/// How many stand in a row of the sheet; two rows of 15 characters fit every terminal.
const PER_ROW: usize = 2;

/// The backup codes of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupCodes {
    /// When the set was made.
    pub made: WallTime,
    /// Those that were not used yet; at most [`BACKUP_CODES`].
    pub unused: Vec<CodeHash>,
}

/// Tells whether an answer has the form of a backup code.
pub(crate) fn is_backup_like(answer: &str) -> bool {
    letters::read(answer, LETTERS).is_some()
}

impl Account {
    /// Makes a new set in place of the old one, whose codes are void then. Tells the codes, this once: two in a row.
    pub fn make_backup_codes(&mut self, at: WallTime, entropy: &mut dyn Entropy) -> Secret<String> {
        let mut sheet = String::with_capacity(BACKUP_CODES.saturating_mul(LETTERS.saturating_add(8)));
        let mut unused = Vec::with_capacity(BACKUP_CODES);
        for position in 0..BACKUP_CODES {
            let code = letters::draw(&GROUPS, entropy);
            let letters = letters::read(&code, LETTERS).unwrap_or_default();
            unused.push(CodeHash::of(&self.code_key, Purpose::Backup, &letters));
            if position > 0 {
                sheet.push_str(if position.is_multiple_of(PER_ROW) { "\n" } else { "   " });
            }
            sheet.push_str("  ");
            sheet.push_str(&code);
        }
        self.backup_codes = Some(BackupCodes { made: at, unused });
        Secret::new(sheet)
    }

    /// Tells how many backup codes are left; none where none were made.
    #[must_use]
    pub fn backup_codes_left(&self) -> Option<usize> {
        self.backup_codes
            .as_ref()
            .filter(|codes| self.void_before <= codes.made)
            .map(|codes| codes.unused.len())
    }

    /// Finds the unused backup code that an answer is. Every place is compared, and as much work is done where there
    /// are fewer codes or none (SECURITY.md TH05).
    pub(crate) fn find_backup_code(&self, answer: &str) -> Option<CodeHash> {
        let letters = letters::read(answer, LETTERS);
        let is_formed = letters.is_some();
        let hash = CodeHash::of(&self.code_key, Purpose::Backup, &letters.unwrap_or_default());
        let valid = self.backup_codes.as_ref().filter(|codes| self.void_before <= codes.made);
        let unused = valid.map(|codes| codes.unused.as_slice()).unwrap_or_default();
        let mut found = false;
        for place in 0..BACKUP_CODES {
            found |= unused.get(place).unwrap_or(&CodeHash::NONE) == &hash;
        }
        (found && is_formed).then_some(hash)
    }

    /// Uses a backup code up and tells how many are left.
    pub(crate) fn spend_backup_code(&mut self, hash: CodeHash) -> usize {
        let Some(codes) = &mut self.backup_codes else { return 0 };
        codes.unused.retain(|unused| *unused != hash);
        codes.unused.len()
    }
}
