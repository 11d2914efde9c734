//! Takes uses of break-glass, which the PAM module noted while nobody else could, into the audit.
//!
//! Owns how far the notes were taken: a mark beside the store, moved only after the commit, so that a crash records a
//! use twice rather than never. The notes are root's; what is not a note of ours is passed over and said in the log.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_core::audit::{AuditEvent, EventId, Subject};
use countersign_core::time::WallTime;
use countersign_protocol::breakglass::BREAKGLASS_USES;
use tokio::time::interval;

use crate::engine::Handle;

/// How often the notes are looked at.
const REST: Duration = Duration::from_mins(1);
/// How much is taken at once, in bytes.
const AT_ONCE: u64 = 64 * 1024;

/// One use as the module noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    at: u64,
    uid: u32,
    user: String,
    tty: String,
}

/// Looks at the notes now and every minute, for as long as the service runs. `mark` is where it keeps how far it came.
pub async fn import(engine: Handle, mark: PathBuf) {
    let mut pulse = interval(REST);
    loop {
        pulse.tick().await;
        if let Err(error) = import_once(&engine, Path::new(BREAKGLASS_USES), &mark).await {
            tracing::error!(%error, "uses of break-glass could not be taken into the audit");
        }
    }
}

async fn import_once(engine: &Handle, notes: &Path, mark: &Path) -> Result<(), String> {
    let (text, from) = match unread(notes, mark) {
        Ok(unread) => unread,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    // A line without its end is being written at this moment.
    let Some(end) = text.rfind('\n') else { return Ok(()) };
    let whole = text.get(..=end).unwrap_or_default();
    for line in whole.lines() {
        if let Some(used) = parse(line) {
            engine.record(event(engine, &used)).await.map_err(|error| error.to_string())?;
        } else {
            tracing::warn!(line, "not a note of break-glass");
        }
    }
    let until = from.saturating_add(u64::try_from(whole.len()).unwrap_or(0));
    fs::write(mark, until.to_string()).map_err(|error| format!("{}: {error}", mark.display()))
}

/// Reads what was noted since the mark; notes that became shorter are read anew.
fn unread(notes: &Path, mark: &Path) -> std::io::Result<(String, u64)> {
    let mut file = fs::File::open(notes)?;
    let length = file.metadata()?.len();
    let marked = fs::read_to_string(mark).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let from = if marked > length { 0 } else { marked };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(AT_ONCE).read_to_end(&mut bytes)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), from))
}

fn parse(line: &str) -> Option<Use> {
    let mut fields = line.split(' ');
    let (at, uid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (user, tty) = (fields.next()?.to_owned(), fields.next()?.to_owned());
    fields.next().is_none().then_some(Use { at, uid, user, tty })
}

fn event(engine: &Handle, used: &Use) -> AuditEvent {
    let host = engine.host();
    let at = WallTime::from_seconds(used.at).min(engine.wall());
    let mut event = AuditEvent::new(EventId::BreakGlass, at, &host.name, "pam");
    let subject = Subject { user: used.user.clone(), realm: format!("local:{}", host.id), account: None };
    event.subject = Some(subject);
    event.verdict = Some("skip".to_owned());
    event.reason = Some(format!("uid {} on {}", used.uid, used.tty));
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_and_anything_else_is_not() {
        let used = Use { at: 1_790_000_000, uid: 1000, user: "alice".to_owned(), tty: "tty1".to_owned() };
        assert_eq!(parse("1790000000 1000 alice tty1"), Some(used));
        for line in ["", "x 1000 alice tty1", "1 -1 alice tty1", "1 1000 alice", "1 1000 alice tty1 more"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn reading_goes_on_from_the_mark_and_begins_anew_with_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (notes, mark) = (folder.path().join("uses"), folder.path().join("mark"));
        fs::write(&notes, "first\nsecond\n").unwrap();
        assert_eq!(unread(&notes, &mark).unwrap(), ("first\nsecond\n".to_owned(), 0));
        fs::write(&mark, "6").unwrap();
        assert_eq!(unread(&notes, &mark).unwrap(), ("second\n".to_owned(), 6));
        fs::write(&notes, "new\n").unwrap();
        assert_eq!(unread(&notes, &mark).unwrap(), ("new\n".to_owned(), 0));
    }
}
