//! A policy as text: its file and the drop-ins that belong to it.
//!
//! Owns which files that are and in which order. Leaves what they say to the service, and what is wrong with them to
//! `countersign_config::check`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use countersign_config::{DROP_IN_LIMIT, FILE_LIMIT};

use crate::exit::{Exit, Failure};
use crate::output::printable;

/// The folder of drop-ins beside a file.
const DROP_INS: &str = "policy.d";

/// Finds the drop-ins that belong to a file: `policy.d` beside it, where there is one.
pub(crate) fn beside(main: &Path) -> Option<PathBuf> {
    let folder = main.parent().unwrap_or(Path::new("")).join(DROP_INS);
    folder.is_dir().then_some(folder)
}

/// Reads a file and its drop-ins in the order in which the service reads them: names and texts, the main file first.
///
/// # Errors
/// One of them cannot be read, or they are larger together than the service takes.
pub(crate) fn read(main: &Path, drop_ins: Option<&Path>) -> Result<Vec<(String, String)>, Failure> {
    let mut paths = vec![main.to_owned()];
    if let Some(folder) = drop_ins {
        paths.extend(listed(folder).map_err(|error| unreadable(folder, &error.to_string()))?);
    }
    let mut files = Vec::new();
    let mut left = FILE_LIMIT;
    for path in paths {
        let text = text(&path, left).map_err(|error| unreadable(&path, &error))?;
        left = left.saturating_sub(u64::try_from(text.len()).unwrap_or(u64::MAX));
        files.push((path.to_string_lossy().into_owned(), text));
    }
    Ok(files)
}

/// Lists the files of a folder that end in `.toml` and are not hidden, by name.
fn listed(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_meant = |name: &OsStr| {
        let name = name.as_bytes();
        name.ends_with(b".toml") && !name.starts_with(b".")
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_meant(&entry.file_name()) {
            paths.push(entry.path());
        }
        if paths.len() > DROP_IN_LIMIT {
            return Err(std::io::Error::other(format!("it holds more than {DROP_IN_LIMIT} files")));
        }
    }
    paths.sort();
    Ok(paths)
}

fn text(path: &Path, limit: u64) -> Result<String, String> {
    // A FIFO would be waited for when it is opened.
    if !fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(limit.saturating_add(1)).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= limit) {
        Ok(text)
    } else {
        Err("the files are larger than 1 MiB together".to_owned())
    }
}

fn unreadable(path: &Path, why: &str) -> Failure {
    let place = printable(&path.display().to_string());
    Failure::new(Exit::Refused, format!("{place} cannot be read: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_are_read_by_name_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("new.toml");
        fs::write(&main, "main").unwrap();
        assert_eq!(beside(&main), None);
        let drop_ins = folder.path().join("policy.d");
        fs::create_dir(&drop_ins).unwrap();
        for name in ["20-b.toml", "10-a.toml", ".hidden.toml", "10-a.toml.bak"] {
            fs::write(drop_ins.join(name), name).unwrap();
        }
        assert_eq!(beside(&main), Some(drop_ins.clone()));
        let files = read(&main, Some(&drop_ins)).unwrap();
        let texts: Vec<&str> = files.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["main", "10-a.toml", "20-b.toml"]);
        assert!(files[0].0.ends_with("new.toml"));
    }

    #[test]
    fn what_is_too_large_together_or_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let half = "#".repeat(usize::try_from(FILE_LIMIT).unwrap() / 2 + 1);
        for name in ["a.toml", "b.toml"] {
            fs::write(folder.path().join(name), &half).unwrap();
        }
        let main = folder.path().join("a.toml");
        assert!(read(&main, None).is_ok());
        assert!(read(&main, Some(folder.path())).unwrap_err().message.contains("1 MiB"));
        assert!(read(folder.path(), None).unwrap_err().message.contains("regular file"));
        assert!(read(Path::new("/dev/zero"), None).unwrap_err().message.contains("regular file"));
    }
}
