//! The dialogue on a terminal: the QR code that a phone sees, and Ctrl-C.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::service::{Script, Service, standing};
use crate::simulate::{pages, policy};
use crate::status::{by_mail, with_void_app};

const URI: &str = "otpauth://totp/Example:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example";

struct Terminal {
    child: Child,
    master: File,
    seen: String,
}

impl Terminal {
    fn run(service: &Service, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).unwrap();
        let stream = || Stdio::from(slave.try_clone().unwrap());
        let mut command = service.bus.command(arguments);
        let child =
            command.env("TERM", "xterm").stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap();
        Self { child, master: File::from(master), seen: String::new() }
    }

    /// Reads until a text has come.
    fn expect(&mut self, text: &str) -> &str {
        let mut buffer = [0; 4096];
        let mut bytes = self.seen.clone().into_bytes();
        while !String::from_utf8_lossy(&bytes).contains(text) {
            let read = self.master.read(&mut buffer).unwrap_or(0);
            assert_ne!(read, 0, "ended before {text:?}: {}", String::from_utf8_lossy(&bytes));
            bytes.extend(&buffer[..read]);
        }
        self.seen = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        &self.seen
    }

    fn code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

/// Decodes a code drawn in half-blocks, whose ink is dark or light.
fn scan(drawing: &[&str], ink_is_dark: bool) -> String {
    const ZOOM: usize = 4;
    let dark = |block: char, inks: &str| inks.contains(block) == ink_is_dark;
    let mut rows: Vec<Vec<bool>> = Vec::new();
    for line in drawing {
        rows.push(line.chars().map(|block| dark(block, "█▀")).collect());
        rows.push(line.chars().map(|block| dark(block, "█▄")).collect());
    }
    let (width, height) = (rows[0].len() * ZOOM, rows.len() * ZOOM);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |column, row| {
        if rows[row / ZOOM][column / ZOOM] { 0 } else { 255 }
    });
    image.detect_grids()[0].decode().unwrap().1
}

#[test]
fn the_code_on_the_terminal_is_the_setup_uri_in_black_on_white() {
    let service = Service::with_steps(&[("ask", &[(5, URI), (4, "Code: ")]), ("done", &[(1, "Set up.")])]);
    let mut terminal = Terminal::run(&service, &["enroll"], 80, 24);
    let seen = terminal.expect("Code: ").to_owned();
    let ink = "\u{1b}[38;5;16;48;5;231m";
    let lines = seen.lines().filter_map(|line| line.strip_prefix(ink));
    let lines: Vec<&str> = lines.map(|line| line.trim_end_matches("\u{1b}[0m")).collect();
    assert_eq!(scan(&lines, true), URI);
    assert!(!seen.contains("otpauth"), "the URI itself is not shown");
    terminal.master.write_all(b"123456\n").unwrap();
    terminal.expect("Set up.");
    assert_eq!(terminal.code(), Some(0));
    assert_eq!(service.asked()[1..], ["Answer 123456"]);
}

#[test]
fn without_color_the_light_modules_are_the_ink() {
    let service = Service::with_steps(&[("ask", &[(5, URI), (4, "Code: ")])]);
    let mut terminal = Terminal::run(&service, &["enroll", "--color", "never"], 80, 24);
    let seen = terminal.expect("Code: ").to_owned();
    assert!(!seen.contains('\u{1b}'));
    let lines: Vec<&str> = seen.lines().filter(|line| line.contains('█') || line.contains('▄')).collect();
    assert_eq!(scan(&lines, false), URI);
    terminal.child.kill().unwrap();
    assert_eq!(terminal.code(), None);
}

#[test]
fn a_terminal_that_is_too_small_says_what_to_do() {
    let service = Service::with_steps(&[("ask", &[(5, URI), (4, "Code: ")]), ("done", &[])]);
    let mut terminal = Terminal::run(&service, &["enroll"], 30, 10);
    assert!(terminal.expect("Code: ").contains("--qr"));
    terminal.master.write_all(b"1\n").unwrap();
    assert_eq!(terminal.code(), Some(0));
}

#[test]
fn an_interrupt_cancels_the_dialogue_and_removes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.svg");
    let service = Service::with_steps(&[("ask", &[(5, URI), (4, "Code: ")])]);
    let mut terminal = Terminal::run(&service, &["enroll", "--qr", file.to_str().unwrap()], 80, 24);
    terminal.expect("Code: ");
    assert!(file.exists());
    kill(Pid::from_raw(i32::try_from(terminal.child.id()).unwrap()), Signal::SIGINT).unwrap();
    terminal.expect("Cancelled.");
    assert_eq!(terminal.code(), Some(130));
    assert_eq!(service.asked()[1..], ["Cancel"]);
    assert!(!file.exists());
}

/// Tells how wide the widest line is once it stands on the terminal; escapes take no room.
fn widest(seen: &str) -> usize {
    let width = |line: &str| {
        let shown = line.rsplit('\r').next().unwrap_or_default();
        let parts = shown.split('\u{1b}').enumerate();
        let cut = |(index, part): (usize, &str)| {
            let end = if index == 0 { 0 } else { part.find('m').map_or(0, |end| end + 1) };
            part[end..].chars().count()
        };
        parts.map(cut).sum()
    };
    seen.lines().map(width).max().unwrap_or(0)
}

#[test]
fn a_replay_shows_its_progress_and_its_result_within_the_terminal() {
    let (_folder, file) = policy();
    for columns in [80, 60] {
        let service = Service::start(Script { replay: pages(), ..Script::default() });
        let mut terminal = Terminal::run(&service, &["policy", "simulate", &file], columns, 24);
        let seen = terminal.expect("code.").to_owned();
        assert!(seen.contains("Replaying [") && seen.contains("/s") && seen.contains(" left"), "{seen}");
        let result = seen.split_once("looked at.").unwrap().1;
        assert!(widest(result) <= usize::from(columns), "{} of {columns}: {result}", widest(result));
        assert_eq!(terminal.code(), Some(0));
    }
}

#[test]
fn what_no_longer_counts_is_said_within_the_terminal() {
    let status = standing("alice", with_void_app(false));
    let service = Service::start(Script { status, ..Script::default() });
    let mut terminal = Terminal::run(&service, &["status"], 60, 24);
    let seen = terminal.expect("countersign enroll totp").to_owned();
    assert!(seen.contains("counts") && widest(&seen) <= 60, "{}: {seen}", widest(&seen));
    assert_eq!(terminal.code(), Some(0));
}

#[test]
fn no_value_of_a_status_is_broken_on_a_terminal_of_eighty_columns() {
    let status = standing("alice", by_mail());
    let service = Service::start(Script { status, ..Script::default() });
    let mut terminal = Terminal::run(&service, &["status"], 80, 24);
    let seen = terminal.expect("Sent to        alice@example.org").to_owned();
    for value in
        ["Set up         2026-11-02 14:32\n", "Last used      never\n", "alice@example.org, +491712345642\n"]
    {
        assert!(seen.contains(value), "{value:?}: {seen}");
    }
    assert!(widest(&seen) <= 80, "{}: {seen}", widest(&seen));
    assert_eq!(terminal.code(), Some(0));
}

#[test]
fn an_interrupted_replay_leaves_no_bar_and_no_result() {
    let (_folder, file) = policy();
    let service = Service::start(Script { replay: pages(), hangs: true, ..Script::default() });
    let mut terminal = Terminal::run(&service, &["policy", "simulate", &file], 80, 24);
    terminal.expect("10,000/20,000");
    kill(Pid::from_raw(i32::try_from(terminal.child.id()).unwrap()), Signal::SIGINT).unwrap();
    let seen = terminal.expect("Cancelled. Nothing was changed.").to_owned();
    let wiped = seen.rfind("\r\u{1b}[2K").unwrap();
    assert!(wiped > seen.rfind("Replaying").unwrap(), "the bar is wiped: {seen:?}");
    assert!(!seen.contains("looked at"), "{seen}");
    assert_eq!(terminal.code(), Some(130));
}
