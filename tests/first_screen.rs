//! What a newcomer sees in a terminal of 80 columns and 24 rows over ssh: the QR code, then the backup codes.
//!
//! A terminal emulator that is not ours (tmux) lays the text out; the stable parts are compared with `screens/*.txt`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use countersign_tests::machine::{CLIENT, Machine, Options, SERVER, SSH};
use countersign_tests::person::{PASSWORD, SAVED, SOON, backup_codes};
use countersign_tests::phone::{Phone, setup_key};
use countersign_tests::{scanner, site};

const CONFIGURATION: &str = r#"
organization = "Example"

[[policy]]
name = "everybody"
users = ["ann"]
require = "always"
enroll = "at-login"

[default]
require = "enrolled"
"#;

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_first_login_fits_a_terminal_of_80_by_24() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine.write_file("/etc/tmux.conf", "set -g status off\n", 0o644).unwrap();
    let target = format!("ann@{SERVER}");
    let ssh = SSH.into_iter().chain(["-b", CLIENT, &target]);
    let tmux = ["tmux", "-u", "new-session", "-d", "-x", "80", "-y", "24"];
    machine.run_ok(&tmux.into_iter().chain(ssh).collect::<Vec<_>>()).unwrap();

    shown(&machine, "assword:");
    types(&machine, PASSWORD);
    let screen = shown(&machine, "Code:");
    let key = setup_key(&screen).unwrap();
    assert!(scanner::scan(&screen).unwrap().contains(&key), "a phone reads it off the screen");
    assert_eq!(stable(&screen), include_str!("screens/qr-code.txt"));

    types(&machine, &Phone::with_setup_key(&key).unwrap().unused_code().unwrap());
    let screen = shown(&machine, SAVED.trim_end());
    assert_eq!(backup_codes(&screen).len(), 10, "{screen}");
    let sheet = screen.split("Your backup codes").nth(1).unwrap();
    assert_eq!(stable(sheet), include_str!("screens/backup-codes.txt"));
}

fn types(machine: &Machine, text: &str) {
    machine.run_ok(&["tmux", "send-keys", "-l", text]).unwrap();
    machine.run_ok(&["tmux", "send-keys", "Enter"]).unwrap();
}

/// Waits until the screen shows a text, and returns the screen.
fn shown(machine: &Machine, text: &str) -> String {
    let screen = |machine: &Machine| machine.run_ok(&["tmux", "capture-pane", "-p"]);
    machine.wait_until(text, SOON, |machine| Ok(screen(machine)?.contains(text))).unwrap();
    screen(machine).unwrap()
}

/// The screen with what differs each time covered up: the drawing, the key, the codes.
fn stable(screen: &str) -> String {
    let is_block = |c: char| "█▀▄".contains(c);
    let key = setup_key(screen).ok();
    let codes = backup_codes(screen);
    let line = |line: &str| {
        if line.chars().filter(|c| is_block(*c)).count() >= 8 {
            return "▒".repeat(line.trim_end().chars().count());
        }
        let words = line.split(' ').map(|word| match &key {
            _ if codes.iter().any(|code| code == word) => "XXXX-XXXXX-XXXX",
            Some(key) if word.len() == 4 && key.contains(word) => "XXXX",
            Some(_) | None => word,
        });
        words.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    let lines: Vec<String> = screen.trim_end().lines().map(line).collect();
    lines.join("\n") + "\n"
}
