//! The master switch: what is kept of its being off, and what becomes of enrollments when it is on again (row P3).
//!
//! Owns the file `switch` in the service's own folder: since when the second factor is off, and from when on enrollments
//! count. Leaves to `config` what the file of the policy says, and to core what follows from it. Invariants: the marks are on
//! the disk before a policy that goes by them is in force; marks that cannot be read or believed start no service; nobody's
//! enrollment is deleted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use countersign_config::{Reenable, Switch};
use countersign_core::time::WallTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::store::guarded_file::{self, Links};

/// The name of the file.
const NAME: &str = "switch";
/// The name of the file while it is written.
const NEW_NAME: &str = "switch.new";
/// What the file may allow at most: its owner alone reads and writes it.
const MODE: u32 = 0o600;
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
    /// There is nowhere to keep them.
    #[error(
        "the service has no folder of its own (STATE_DIRECTORY) to keep since when the second factor is off"
    )]
    NoFolder,
}

/// A switch that was thrown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Off.
    Off,
    /// On, and all enrollments are kept.
    OnKeep,
    /// On, and everybody enrolls again.
    OnEnrollAgain,
}

impl Change {
    /// Tells the words that the audit keeps.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::OnKeep => "on keep",
            Self::OnEnrollAgain => "on enroll-again",
        }
    }
}

/// What comes of a file in which the second factor is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It is as it was.
    Stays,
    /// It was switched.
    Switched(Change),
    /// It would be on again, and the file does not say what becomes of enrollments; the marks are as they were.
    Unsettled,
}

/// What is kept, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marks {
    /// Since when the second factor is off, until it is on again and settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    off_since: Option<u64>,
    /// Enrollments made before are void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    void_before: Option<u64>,
    /// When it was switched on again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_since: Option<u64>,
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
    /// [`SwitchError::Unwritable`], [`SwitchError::NoFolder`]; the marks are as they were.
    pub fn take(&self, wanted: Switch, at: WallTime) -> Result<Outcome, SwitchError> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, outcome) = marks.follow(wanted, at);
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
        marks.void_before.map(WallTime::from_seconds)
    }

    /// Tells when the second factor was switched on again, where it was: nobody could enroll before.
    #[must_use]
    pub fn open_from(&self) -> Option<WallTime> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.on_since.map(WallTime::from_seconds)
    }
}

impl Marks {
    fn follow(self, wanted: Switch, at: WallTime) -> (Self, Outcome) {
        match (wanted.is_enabled, self.off_since, wanted.on_reenable) {
            (false, None, _) => {
                let off = Self { off_since: Some(at.as_seconds()), ..self };
                (off, Outcome::Switched(Change::Off))
            }
            (false, Some(_), _) | (true, None, _) => (self, Outcome::Stays),
            (true, Some(_), None) => (self, Outcome::Unsettled),
            (true, Some(_), Some(Reenable::Keep)) => {
                let on = Self { off_since: None, on_since: Some(at.as_seconds()), ..self };
                (on, Outcome::Switched(Change::OnKeep))
            }
            (true, Some(since), Some(Reenable::EnrollAgain)) => {
                // Nobody enrolls while it is off: the beginning is the same for every host of a fleet.
                let void_before = self.void_before.max(Some(since));
                let on = Self { off_since: None, void_before, on_since: Some(at.as_seconds()) };
                (on, Outcome::Switched(Change::OnEnrollAgain))
            }
        }
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
    let text = guarded_file::read(&path, MODE, Links::Refused, LIMIT).map_err(unreadable)?;
    // A list would do for a structure as well, an empty one for no marks.
    let marks: serde_json::Result<Map<String, Value>> = serde_json::from_slice(&text);
    let marks = marks.and_then(|marks| serde_json::from_value(Value::Object(marks)));
    marks.map_err(|error| unreadable(error.to_string()))
}

/// Puts the marks in the place of the old ones: either is there, whatever happens meanwhile.
fn write(folder: &Path, marks: Marks) -> io::Result<()> {
    let new = folder.join(NEW_NAME);
    // What a crash left behind may have any owner or mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&new)?;
    file.write_all(&serde_json::to_vec(&marks)?)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(NAME))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    const OFF: Switch = Switch { is_enabled: false, on_reenable: None };
    const ON: Switch = Switch { is_enabled: true, on_reenable: None };
    const KEEP: Switch = Switch { is_enabled: true, on_reenable: Some(Reenable::Keep) };
    const AGAIN: Switch = Switch { is_enabled: true, on_reenable: Some(Reenable::EnrollAgain) };

    fn at(seconds: u64) -> WallTime {
        WallTime::from_seconds(seconds)
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
        // What the file says, when; what comes of it; what is kept; from when on enrollments count; when it was on again.
        for (wanted, now, outcome, kept, void_before, on_since) in [
            (OFF, 100, Outcome::Switched(Change::Off), r#"{"off_since":100}"#, None, None),
            (OFF, 200, Outcome::Stays, r#"{"off_since":100}"#, None, None),
            (ON, 300, Outcome::Unsettled, r#"{"off_since":100}"#, None, None),
            (KEEP, 400, Outcome::Switched(Change::OnKeep), r#"{"on_since":400}"#, None, Some(400)),
            (AGAIN, 450, Outcome::Stays, r#"{"on_since":400}"#, None, Some(400)),
            (
                OFF,
                500,
                Outcome::Switched(Change::Off),
                r#"{"off_since":500,"on_since":400}"#,
                None,
                Some(400),
            ),
            (
                AGAIN,
                600,
                Outcome::Switched(Change::OnEnrollAgain),
                r#"{"void_before":500,"on_since":600}"#,
                Some(500),
                Some(600),
            ),
            (ON, 650, Outcome::Stays, r#"{"void_before":500,"on_since":600}"#, Some(500), Some(600)),
            (
                OFF,
                700,
                Outcome::Switched(Change::Off),
                r#"{"off_since":700,"void_before":500,"on_since":600}"#,
                Some(500),
                Some(600),
            ),
            (
                KEEP,
                800,
                Outcome::Switched(Change::OnKeep),
                r#"{"void_before":500,"on_since":800}"#,
                Some(500),
                Some(800),
            ),
        ] {
            let keeper = open(&folder);
            assert_eq!(keeper.take(wanted, at(now)), Ok(outcome), "at {now}");
            assert_eq!(text(&folder), kept, "at {now}");
            let again = open(&folder);
            assert_eq!(again.void_before(), void_before.map(at), "at {now}");
            assert_eq!(again.open_from(), on_since.map(at), "at {now}");
        }
    }

    #[test]
    fn a_factor_that_was_never_off_leaves_no_file() {
        let folder = folder();
        for wanted in [ON, KEEP, AGAIN] {
            assert_eq!(open(&folder).take(wanted, at(100)), Ok(Outcome::Stays));
        }
        assert!(!folder.path().join(NAME).exists());
    }

    #[test]
    fn marks_that_are_torn_or_not_ours_are_not_believed() {
        let whole = r#"{"off_since":100,"void_before":50,"on_since":60}"#;
        let torn = (0..whole.len()).map(|length| &whole[..length]);
        let foreign =
            ["null", "[]", "[100]", "{\"off_since\":-1}", "{\"off\":1}", "{\"off_since\":\"100\"}", "{}{}"];
        let is_believed = |text: &str| {
            let folder = folder();
            let file = folder.path().join(NAME);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(MODE)).unwrap();
            Keeper::open(Some(folder.path().to_owned())).is_ok()
        };
        assert!(is_believed(whole));
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
        assert!(matches!(keeper.take(OFF, at(100)), Err(SwitchError::Unwritable { .. })));
        assert_eq!(keeper.take(ON, at(100)), Ok(Outcome::Stays), "it is on as before");
        let homeless = Keeper::open(None).unwrap();
        assert_eq!(homeless.take(OFF, at(100)), Err(SwitchError::NoFolder));
        assert_eq!(homeless.take(ON, at(100)), Ok(Outcome::Stays));
    }

    #[test]
    fn what_a_crash_left_of_a_write_is_neither_read_nor_in_the_way() {
        let folder = folder();
        assert_eq!(open(&folder).take(OFF, at(100)), Ok(Outcome::Switched(Change::Off)));
        fs::write(folder.path().join(NEW_NAME), "{\"off_si").unwrap();
        fs::set_permissions(folder.path().join(NEW_NAME), fs::Permissions::from_mode(0o400)).unwrap();
        let keeper = open(&folder);
        assert_eq!(keeper.take(AGAIN, at(200)), Ok(Outcome::Switched(Change::OnEnrollAgain)));
        assert_eq!(text(&folder), r#"{"void_before":100,"on_since":200}"#);
        assert!(!folder.path().join(NEW_NAME).exists());
    }
}
