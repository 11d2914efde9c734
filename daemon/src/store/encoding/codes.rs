//! Backup codes and invitation in the open document: keyed hashes, which are worth nothing without the sealed key.

use countersign_core::factor::{BACKUP_CODES, BackupCodes};
use countersign_core::invitation::Invitation;
use countersign_core::keyed::CodeHash;
use countersign_core::time::WallTime;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupRecord {
    made: u64,
    unused: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationRecord {
    hash: String,
    expires: u64,
    wrong: u32,
}

impl BackupRecord {
    pub(super) fn of(codes: &BackupCodes) -> Self {
        let BackupCodes { made, unused } = codes;
        Self { made: made.as_seconds(), unused: unused.iter().map(spell).collect() }
    }

    pub(super) fn read(self) -> Result<BackupCodes, String> {
        let Self { made, unused } = self;
        if unused.len() > BACKUP_CODES {
            return Err("it holds more backup codes than a person may have".to_owned());
        }
        let unused = unused.iter().map(|text| unspell(text)).collect::<Result<_, _>>()?;
        Ok(BackupCodes { made: WallTime::from_seconds(made), unused })
    }
}

impl InvitationRecord {
    pub(super) fn of(invitation: &Invitation) -> Self {
        let Invitation { hash, expires, wrong } = invitation;
        Self { hash: spell(hash), expires: expires.as_seconds(), wrong: *wrong }
    }

    pub(super) fn read(self) -> Result<Invitation, String> {
        let Self { hash, expires, wrong } = self;
        Ok(Invitation { hash: unspell(&hash)?, expires: WallTime::from_seconds(expires), wrong })
    }
}

pub(super) fn spell(hash: &CodeHash) -> String {
    BASE64.encode(hash.as_bytes())
}

pub(super) fn unspell(text: &str) -> Result<CodeHash, String> {
    let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(CodeHash::from_bytes).ok_or_else(|| "a code of it is not as written".to_owned())
}
