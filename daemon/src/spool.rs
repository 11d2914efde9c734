//! The spool: audit records of logins that were let in while the store did not answer (row L15, decision 14).
//!
//! Owns the file `spool` in the state folder: its id in the first line, then a record a line, numbered from 1. Leaves who
//! is let in to core, and importing once to the store, which notes the id and the number in the commit of the records.
//! Invariants: a record is on the disk before its login is answered; what cannot be kept refuses the login; what a crash
//! cut off was never answered.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::audit::AuditEvent;
use countersign_core::secret::{Entropy, draw};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::host::durable::{self, MODE};
use crate::store::guarded_file::{self, Links};
use crate::store::{BATCH_LIMIT, Spooled};

/// The name of the file.
const NAME: &str = "spool";
/// Where a file that cannot be read is put aside.
const DAMAGED: &str = "spool.damaged";
/// The most bytes kept: some ten thousand logins.
pub const LIMIT: usize = 4 * 1024 * 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    spool: String,
}

/// The spool of this host.
#[derive(Debug)]
pub struct Spool {
    folder: Option<PathBuf>,
    kept: Mutex<Option<Kept>>,
}

/// What is in the file.
#[derive(Debug)]
struct Kept {
    id: [u8; 16],
    events: Vec<AuditEvent>,
    /// How many of them are in the store.
    imported: usize,
    size: usize,
    /// Whether the end of the file may be cut off: then it is written anew.
    is_torn: bool,
}

impl Spool {
    /// Reads what an earlier run left; without a folder nothing can be kept.
    #[must_use]
    pub fn open(folder: Option<PathBuf>) -> Self {
        let kept = folder.as_deref().and_then(read);
        Self { folder, kept: Mutex::new(kept) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps records, on the disk before it returns. It waits for the disk.
    ///
    /// # Errors
    /// Nothing of them counts: the login must be refused. The spool is full, or the disk is.
    pub fn keep(&self, events: &[AuditEvent], entropy: &mut dyn Entropy) -> io::Result<()> {
        let folder = self.folder.as_deref().ok_or_else(|| io::Error::other("there is no state folder"))?;
        let mut kept = self.lock();
        let is_new = kept.is_none();
        let spool = kept.get_or_insert_with(|| Kept::new(draw(entropy)));
        let lines = lines(events);
        if spool.size.saturating_add(lines.len()) > LIMIT {
            return Err(io::Error::other("the spool is full"));
        }
        let written = if is_new || spool.is_torn {
            durable::replace(folder, NAME, format!("{}{lines}", spool.text()?).as_bytes())
        } else {
            append(&folder.join(NAME), lines.as_bytes())
        };
        match written {
            Ok(()) => {
                spool.is_torn = false;
                spool.size = spool.size.saturating_add(lines.len());
                spool.events.extend_from_slice(events);
            }
            Err(_) if is_new => *kept = None,
            Err(_) => spool.is_torn = true,
        }
        written
    }

    /// Tells the next records to import, in their order.
    #[must_use]
    pub fn next(&self) -> Option<Spooled> {
        let kept = self.lock();
        let Kept { id, events, imported, .. } = kept.as_ref()?;
        let first = u64::try_from(imported.saturating_add(1)).ok()?;
        let events: Vec<AuditEvent> = events.iter().skip(*imported).take(BATCH_LIMIT).cloned().collect();
        (!events.is_empty()).then_some(Spooled { spool: *id, first, events })
    }

    /// Notes that records are in the store; the file goes with the last of them. It waits for the disk.
    pub fn imported(&self, spooled: &Spooled) {
        let mut kept = self.lock();
        let Some(spool) = kept.as_mut().filter(|kept| kept.id == spooled.spool) else { return };
        let last = usize::try_from(spooled.first).unwrap_or_default().saturating_add(spooled.events.len());
        spool.imported = spool.imported.max(last.saturating_sub(1));
        if spool.imported < spool.events.len() {
            return;
        }
        // What stays behind is passed over by the store, which knows its id and numbers.
        if let Some(folder) = &self.folder
            && let Err(error) = fs::remove_file(folder.join(NAME))
        {
            tracing::error!(%error, "the spool was imported and cannot be removed");
            return;
        }
        *kept = None;
    }
}

impl Kept {
    const fn new(id: [u8; 16]) -> Self {
        Self { id, events: Vec::new(), imported: 0, size: 0, is_torn: false }
    }

    fn text(&self) -> io::Result<String> {
        let first = serde_json::to_string(&First { spool: HEXLOWER.encode(&self.id) })?;
        Ok(format!("{first}\n{}", lines(&self.events)))
    }
}

fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(lines)?;
    file.sync_data()
}

/// Reads the file; one that cannot be read is put aside, so that later logins can be kept.
fn read(folder: &Path) -> Option<Kept> {
    let path = folder.join(NAME);
    if !path.symlink_metadata().is_ok_and(|_| true) {
        return None;
    }
    let limit = u64::try_from(LIMIT.saturating_mul(2)).unwrap_or(u64::MAX);
    let text = guarded_file::read(&path, MODE, Links::Refused, limit);
    match text.and_then(|text| parse(&text).ok_or_else(|| "it is not as written".to_owned())) {
        Ok(kept) => Some(kept),
        Err(cause) => {
            tracing::error!(
                path = %path.display(), cause, "the spool cannot be read and is put aside; its records are in the journal"
            );
            let _ = fs::rename(&path, folder.join(DAMAGED));
            None
        }
    }
}

fn parse(text: &[u8]) -> Option<Kept> {
    let whole = text.iter().rposition(|byte| *byte == b'\n')?;
    let mut lines = std::str::from_utf8(text.get(..whole)?).ok()?.split('\n');
    let First { spool } = serde_json::from_str(lines.next()?).ok()?;
    let id = HEXLOWER.decode(spool.as_bytes()).ok()?.try_into().ok()?;
    let is_torn = whole.saturating_add(1) < text.len();
    let mut kept = Kept { is_torn, ..Kept::new(id) };
    for line in lines {
        kept.events.push(AuditEvent::from_canonical(line).ok()?);
        kept.size = kept.size.saturating_add(line.len()).saturating_add(1);
    }
    Some(kept)
}

/// Writes records as the spool has them, one a line.
fn lines(events: &[AuditEvent]) -> String {
    events.iter().flat_map(|event| [event.canonical(), "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::audit::EventId;
    use countersign_core::time::WallTime;
    use tempfile::TempDir;

    use crate::host::entropy::SystemEntropy;

    fn event(number: u64) -> AuditEvent {
        AuditEvent::new(EventId::LoginSkipped, WallTime::from_seconds(number), "h1", "self")
    }

    fn keep(spool: &Spool, number: u64) -> io::Result<()> {
        spool.keep(&[event(number)], &mut SystemEntropy)
    }

    fn open(folder: &TempDir) -> Spool {
        Spool::open(Some(folder.path().to_owned()))
    }

    fn waiting(spool: &Spool) -> Vec<u64> {
        spool.next().map(|spooled| spooled.events.iter().map(|event| event.at).collect()).unwrap_or_default()
    }

    #[test]
    fn records_outlast_a_crash_in_their_order_and_go_when_they_are_imported() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..3 {
            keep(&open(&folder), number).unwrap();
        }
        let spool = open(&folder);
        assert_eq!(waiting(&spool), [0, 1, 2]);
        let first = spool.next().unwrap();
        assert_eq!(open(&folder).next(), Some(first.clone()), "the same numbers after a crash");
        keep(&spool, 3).unwrap();
        spool.imported(&first);
        let second = spool.next().unwrap();
        assert_eq!((second.spool, second.first, waiting(&spool)), (first.spool, 4, vec![3]));
        spool.imported(&second);
        assert_eq!((spool.next(), folder.path().join(NAME).exists()), (None, false));
        keep(&spool, 4).unwrap();
        assert_ne!(spool.next().unwrap().spool, first.spool, "another file, another id");
    }

    #[test]
    fn a_line_that_a_crash_cut_off_is_left_out_and_not_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        keep(&open(&folder), 1).unwrap();
        let path = folder.path().join(NAME);
        append(&path, b"{\"event\":\"login-sk").unwrap();
        let spool = open(&folder);
        assert_eq!(waiting(&spool), [1]);
        keep(&spool, 2).unwrap();
        assert_eq!(waiting(&open(&folder)), [1, 2]);
    }

    #[test]
    fn a_file_that_is_not_a_spool_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        keep(&open(&folder), 1).unwrap();
        append(&folder.path().join(NAME), b"{}\n").unwrap();
        let spool = open(&folder);
        assert_eq!(spool.next(), None);
        assert!(folder.path().join(DAMAGED).exists());
        keep(&spool, 2).unwrap();
        assert_eq!(waiting(&open(&folder)), [2]);
    }

    #[test]
    fn a_full_spool_and_a_missing_folder_keep_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let spool = open(&folder);
        let long = AuditEvent { reason: Some("x".repeat(LIMIT / 2)), ..event(1) };
        spool.keep(std::slice::from_ref(&long), &mut SystemEntropy).unwrap();
        assert!(spool.keep(&[long], &mut SystemEntropy).is_err());
        keep(&spool, 2).unwrap();
        assert_eq!(waiting(&open(&folder)), [1, 2]);
        assert!(keep(&Spool::open(None), 1).is_err());
        assert!(keep(&Spool::open(Some(folder.path().join("gone"))), 1).is_err());
    }
}
