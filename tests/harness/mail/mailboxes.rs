//! What came, and for whom: the Maildir of a machine's post office, read from the host.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::letter::Letter;
use crate::machine::Machine;

/// Where the mails lie in the machine.
const FOLDER: &str = "var/spool/post/all/new";

/// Everybody's mail.
pub struct Mailboxes {
    folder: PathBuf,
    /// The files that were given out by [`Mailboxes::next`].
    read: Mutex<HashSet<PathBuf>>,
}

impl Mailboxes {
    /// The mail of a machine.
    #[must_use]
    pub fn of(machine: &Machine) -> Self {
        Self::at(machine.tree().join(FOLDER))
    }

    /// The mail in a folder of this host.
    #[must_use]
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, read: Mutex::default() }
    }

    /// Where the files lie on this host.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The mail that came last, for whomever.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn newest(&self) -> Result<Option<Letter>> {
        self.files()?.pop().map(|file| read(&file)).transpose()
    }

    /// All mails that came for an address, the oldest first.
    ///
    /// # Errors
    /// When a mail cannot be read.
    pub fn mails(&self, address: &str) -> Result<Vec<Letter>> {
        Ok(self.delivered(address)?.into_iter().map(|(_, letter)| letter).collect())
    }

    /// How many mails came for anybody.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn count(&self) -> Result<usize> {
        Ok(self.files()?.len())
    }

    /// Waits for the next mail for an address that this has not yet returned.
    ///
    /// # Errors
    /// When none comes within the limit.
    pub fn next(&self, address: &str, limit: Duration) -> Result<Letter> {
        let until = Instant::now() + limit;
        loop {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            let mails = self.delivered(address)?;
            if let Some((_, letter)) = mails.into_iter().find(|(file, _)| read.insert(file.clone())) {
                return Ok(letter);
            }
            drop(read);
            if Instant::now() > until {
                bail!("no new mail for {address} within {limit:?}");
            }
            // A mailbox is a folder: nothing tells that a file is there.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the next mail for an address that brings a code and that this has not yet returned; notices are passed
    /// over.
    ///
    /// # Errors
    /// When none comes within the limit.
    pub fn next_code(&self, address: &str, limit: Duration) -> Result<Letter> {
        let until = Instant::now() + limit;
        loop {
            let mail = self.next(address, until.saturating_duration_since(Instant::now()))?;
            if mail.code().is_ok() {
                return Ok(mail);
            }
        }
    }

    /// Fails when a code came for an address that this has not returned.
    ///
    /// # Errors
    /// With that mail.
    pub fn no_more_codes(&self, address: &str) -> Result<()> {
        let unread = self.next_code(address, Duration::ZERO);
        ensure!(unread.is_err(), "there is another code for {address}: {:?}", unread.ok());
        Ok(())
    }

    /// The mails for an address in the order of their arrival, with their files.
    fn delivered(&self, address: &str) -> Result<Vec<(PathBuf, Letter)>> {
        let with_letter = |path: PathBuf| {
            let letter = read(&path)?;
            Ok((path, letter))
        };
        let all: Vec<_> = self.files()?.into_iter().map(with_letter).collect::<Result<_>>()?;
        let is_for = |letter: &Letter| letter.header("Delivered-To").is_some_and(|to| to == address);
        Ok(all.into_iter().filter(|(_, letter)| is_for(letter)).collect())
    }

    /// All files in the order of their arrival.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        let timed = entries.map(|entry| {
            let entry = entry?;
            Ok((entry.metadata()?.modified()?, entry.path()))
        });
        let mut files: Vec<_> = timed.collect::<Result<_>>()?;
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }
}

fn read(file: &Path) -> Result<Letter> {
    let raw = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Letter::parse(&String::from_utf8_lossy(&raw))
}
