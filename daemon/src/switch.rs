//! The master switch: what is kept of its being off, and what becomes of enrollments when it is on again (row P3).
//!
//! Owns the file `switch` in the service's own folder. Leaves what follows from a switch to core, and what the
//! file of the policy says to `config`. Invariants: the marks are on the disk before a policy
//! that goes by them is in force; marks that cannot be read or believed start no service; nobody's enrollment is deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use countersign_core::policy::Policy;
use countersign_core::policy::switch::{Marks, Moment, NoTime, Occasion, Outcome, Switch};
use countersign_core::time::WallTime;
use serde_json::{Map, Value};

use crate::host::durable;
use crate::store::guarded_file::{self, Links};

/// The name of the file.
const NAME: &str = "switch";
/// The largest file that is read, in bytes.
const LIMIT: u64 = 1024;

/// Why the marks cannot be read or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// They are there and cannot be believed.
    #[error("{path}: {cause}; it tells whether the second factor was off, and nobody is let in without it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// They were not written; everything is as before.
    #[error("{path}: {cause}; the second factor was not switched")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// Nobody knows from when on enrollments are void.
    #[error(transparent)]
    NoTime(#[from] NoTime),
    /// There is nowhere to keep them.
    #[error(
        "the service has no folder of its own (STATE_DIRECTORY) to keep since when the second factor is off"
    )]
    NoFolder,
}

/// The keeper of the marks.
#[derive(Debug)]
pub struct Keeper {
    folder: Option<PathBuf>,
    marks: Mutex<Marks>,
}

impl Keeper {
    /// Reads the marks in the service's folder; where there is no file, the second factor was never off.
    ///
    /// # Errors
    /// [`SwitchError::Unreadable`].
    pub fn open(folder: Option<PathBuf>) -> Result<Self, SwitchError> {
        let marks = folder.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(Self { folder, marks: Mutex::new(marks) })
    }

    /// Takes what a file says, and keeps what follows from it before it is told. It waits for the disk.
    ///
    /// # Errors
    /// [`SwitchError::Unwritable`], [`SwitchError::NoFolder`], with a reload [`SwitchError::NoTime`]; the marks are as they
    /// were.
    pub fn take(&self, wanted: Switch, occasion: Occasion, moment: Moment) -> Result<Outcome, SwitchError> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, outcome) = marks.follow(wanted, occasion, moment)?;
        if next != *marks {
            let folder = self.folder.as_deref().ok_or(SwitchError::NoFolder)?;
            write(folder, next).map_err(|cause| SwitchError::Unwritable {
                path: folder.join(NAME),
                cause: cause.to_string(),
            })?;
            *marks = next;
        }
        Ok(outcome)
    }

    /// Tells from when on enrollments count, where not all do.
    #[must_use]
    pub fn void_before(&self) -> Option<WallTime> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.void_before()
    }

    /// Puts into a policy what follows from the switch.
    #[must_use]
    pub fn settle(&self, policy: Policy) -> Policy {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        Policy { enrolled_after: marks.void_before(), open_from: marks.open_from(), ..policy }
    }
}

fn read(folder: &Path) -> Result<Marks, SwitchError> {
    let path = folder.join(NAME);
    let unreadable = |cause: String| SwitchError::Unreadable { path: path.clone(), cause };
    // Without the folder nobody knows what was in it.
    fs::read_dir(folder).map_err(|error| unreadable(error.to_string()))?;
    match path.symlink_metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Marks::default()),
        Err(error) => return Err(unreadable(error.to_string())),
    }
    let text = guarded_file::read(&path, durable::MODE, Links::Refused, LIMIT).map_err(unreadable)?;
    // A list would do for a structure as well, an empty one for no marks.
    let marks: serde_json::Result<Map<String, Value>> = serde_json::from_slice(&text);
    let marks = marks.and_then(|marks| serde_json::from_value(Value::Object(marks)));
    marks.map_err(|error| unreadable(error.to_string()))
}

fn write(folder: &Path, marks: Marks) -> io::Result<()> {
    durable::replace(folder, NAME, &serde_json::to_vec(&marks)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use countersign_core::policy::switch::{Change, Reenable};
    use tempfile::TempDir;

    use Occasion::{Reload, Start};

    const OFF: Switch = Switch { is_enabled: false, on_reenable: None };
    const ON: Switch = Switch { is_enabled: true, on_reenable: None };
    const KEEP: Switch = Switch { is_enabled: true, on_reenable: Some(Reenable::Keep) };
    const AGAIN: Switch = Switch { is_enabled: true, on_reenable: Some(Reenable::EnrollAgain) };

    fn at(seconds: u64) -> WallTime {
        WallTime::from_seconds(seconds)
    }

    /// A moment that the store tells.
    fn exact(seconds: u64) -> Moment {
        Moment::of(at(seconds), Some(at(0)))
    }

    fn folder() -> TempDir {
        tempfile::tempdir().unwrap()
    }

    fn open(folder: &TempDir) -> Keeper {
        Keeper::open(Some(folder.path().to_owned())).unwrap()
    }

    fn text(folder: &TempDir) -> String {
        fs::read_to_string(folder.path().join(NAME)).unwrap()
    }

    #[test]
    fn each_step_is_on_the_disk_and_holds_after_a_restart() {
        let folder = folder();
        let of = |change| Outcome::Switched(change);
        // What the file says, who takes it, when; what comes of it; what is kept.
        for (wanted, occasion, now, outcome, kept) in [
            (OFF, Reload, 100, of(Change::Off), r#"{"off_since":100}"#),
            (OFF, Start, 200, Outcome::Stays, r#"{"off_since":100}"#),
            (ON, Reload, 300, Outcome::Unsettled, r#"{"off_since":100}"#),
            (KEEP, Reload, 400, of(Change::OnKeep), r#"{"on_since":400}"#),
            (AGAIN, Start, 450, Outcome::Stays, r#"{"on_since":400}"#),
            (OFF, Start, 500, of(Change::Off), r#"{"off_since":500}"#),
            (AGAIN, Start, 600, of(Change::OnEnrollAgain), r#"{"on_since":600,"void_before":500}"#),
            (ON, Reload, 650, Outcome::Stays, r#"{"on_since":600,"void_before":500}"#),
            (OFF, Reload, 700, of(Change::Off), r#"{"off_since":700,"void_before":500}"#),
            (KEEP, Reload, 800, of(Change::OnKeep), r#"{"on_since":800,"void_before":500}"#),
        ] {
            assert_eq!(open(&folder).take(wanted, occasion, exact(now)), Ok(outcome), "at {now}");
            assert_eq!(text(&folder), kept, "at {now}");
        }
        let marks = *open(&folder).marks.lock().unwrap();
        assert_eq!((marks.void_before(), marks.open_from()), (Some(at(500)), Some(at(800))));
    }

    #[test]
    fn a_factor_that_was_never_off_leaves_no_file() {
        let folder = folder();
        for wanted in [ON, KEEP, AGAIN] {
            assert_eq!(open(&folder).take(wanted, Start, exact(100)), Ok(Outcome::Stays));
        }
        assert!(!folder.path().join(NAME).exists());
    }

    #[test]
    fn marks_that_are_torn_or_not_ours_are_not_believed() {
        let whole = r#"{"off_since":100,"void_before":50}"#;
        let torn = (0..whole.len()).map(|length| &whole[..length]);
        let foreign = [
            "null",
            "[]",
            "[100]",
            "{\"off_since\":-1}",
            "{\"off\":1}",
            "{\"off_since\":\"100\"}",
            "{\"off_by_wall\":1}",
            "{}{}",
        ];
        let is_believed = |text: &str| {
            let folder = folder();
            let file = folder.path().join(NAME);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(durable::MODE)).unwrap();
            Keeper::open(Some(folder.path().to_owned())).is_ok()
        };
        assert!(is_believed(whole), "as versions before wrote it");
        assert!(is_believed(r#"{"off_since":100,"off_by_wall":true,"on_since":200,"void_before":50}"#));
        for text in torn.chain(foreign) {
            assert!(!is_believed(text), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_others_could_have_written_or_read_is_not_believed() {
        let folder = folder();
        let file = folder.path().join(NAME);
        fs::write(&file, "{}").unwrap();
        for mode in [0o640, 0o604, 0o666, 0o4600] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert!(Keeper::open(Some(folder.path().to_owned())).is_err(), "{mode:o}");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Keeper::open(Some(folder.path().to_owned())).is_ok());
        fs::rename(&file, folder.path().join("elsewhere")).unwrap();
        symlink(folder.path().join("elsewhere"), &file).unwrap();
        assert!(Keeper::open(Some(folder.path().to_owned())).is_err(), "a link");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(Keeper::open(Some(folder.path().to_owned())).is_err(), "a folder");
    }

    #[test]
    fn without_its_folder_nothing_is_believed_and_nothing_is_switched() {
        let folder = folder();
        let missing = folder.path().join("missing");
        assert!(matches!(Keeper::open(Some(missing)), Err(SwitchError::Unreadable { .. })));
        let keeper = open(&folder);
        folder.close().unwrap();
        assert!(matches!(keeper.take(OFF, Reload, exact(100)), Err(SwitchError::Unwritable { .. })));
        assert_eq!(keeper.take(ON, Reload, exact(100)), Ok(Outcome::Stays), "it is on as before");
        let homeless = Keeper::open(None).unwrap();
        assert_eq!(homeless.take(OFF, Reload, exact(100)), Err(SwitchError::NoFolder));
        assert_eq!(homeless.take(ON, Reload, exact(100)), Ok(Outcome::Stays));
    }

    #[test]
    fn what_a_crash_left_of_a_write_is_neither_read_nor_in_the_way() {
        let folder = folder();
        assert_eq!(open(&folder).take(OFF, Reload, exact(100)), Ok(Outcome::Switched(Change::Off)));
        fs::write(folder.path().join("switch.new"), "{\"off_si").unwrap();
        fs::set_permissions(folder.path().join("switch.new"), fs::Permissions::from_mode(0o400)).unwrap();
        let keeper = open(&folder);
        assert_eq!(keeper.take(AGAIN, Reload, exact(200)), Ok(Outcome::Switched(Change::OnEnrollAgain)));
        assert_eq!(text(&folder), r#"{"on_since":200,"void_before":100}"#);
        assert!(!folder.path().join("switch.new").exists());
    }
}
