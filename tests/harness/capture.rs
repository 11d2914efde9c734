//! What crosses a booted machine's network, as somebody on the line sees it.
//!
//! Owns one tcpdump. It sees all interfaces, loopback too, because every address of a machine is there.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::smtp::wire::shows;

/// How long it may take to begin.
const LIMIT: Duration = Duration::from_secs(10);
/// Where it writes, in the machine.
const FILE: &str = "root/line.pcap";

/// A capture under way.
pub struct Capture(PathBuf);

/// What was captured: packets with their headers.
pub struct Line(Vec<u8>);

impl Capture {
    /// Begins to listen to what a filter lets through (`port 465`); returns when nothing is missed any more.
    ///
    /// # Errors
    /// When tcpdump does not start.
    pub fn start(machine: &Machine, filter: &str) -> Result<Self> {
        let file = format!("/{FILE}");
        let words =
            ["systemd-run", "--quiet", "--unit=line", "tcpdump", "--immediate-mode", "--packet-buffered"];
        let more =
            ["--relinquish-privileges=root", "--snapshot-length=0", "--interface=any", "-w", &file, filter];
        machine.run_ok(&[&words[..], &more].concat())?;
        let capture = Self(machine.tree().join(FILE));
        // The header of the file is written after the interface is open.
        let begun = |_: &Machine| Ok(fs::metadata(&capture.0).is_ok_and(|file| file.len() >= 24));
        machine.wait_until("the capture began", LIMIT, begun)?;
        Ok(capture)
    }

    /// Ends it and returns what was seen.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn stop(self, machine: &Machine) -> Result<Line> {
        machine.run_ok(&["systemctl", "stop", "line.service"])?;
        fs::read(&self.0).map(Line).context("reading the capture")
    }
}

impl Line {
    /// Whether somebody on the line could read `secret`: as it is, or inside something in base64.
    #[must_use]
    pub fn shows(&self, secret: &str) -> bool {
        shows(&self.0, secret)
    }

    /// How many bytes were seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was seen but the header of the file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() <= 24
    }
}
