//! A person at a login: knocks with the password, sets up a phone, writes the backup codes down, gives codes.
//!
//! Owns the dialogues that every test goes through, so that each test says only what is its own.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::dialogue::Dialogue;
use crate::machine::{CLIENT, Machine};
use crate::phone::Phone;

/// How long each answer of a machine may take.
pub const SOON: Duration = Duration::from_secs(30);
/// The password of everybody.
pub const PASSWORD: &str = "correct horse";
/// What is asked below the backup codes.
pub const SAVED: &str = "Type `saved` when you have written them down: ";

/// What is asked below a refusal, so that it is read.
const CLOSE: &str = "Press Enter to close: ";

/// Backup codes of one set.
const SET: usize = 10;
/// The groups of a backup code.
const GROUPS: [usize; 3] = [4, 5, 4];

/// Logs in by ssh with the password; the client asks for it once only, so that a refusal ends it.
///
/// # Errors
/// When no password is asked for.
pub fn knock(machine: &Machine, user: &str) -> Result<Dialogue> {
    knock_from(machine, user, CLIENT)
}

/// Logs in by ssh with the password from an address of the test's choice.
///
/// # Errors
/// When no password is asked for.
pub fn knock_from(machine: &Machine, user: &str, from: &str) -> Result<Dialogue> {
    let mut login = machine.ssh_with(user, from, &["-o", "NumberOfPasswordPrompts=1"])?;
    login.expect("assword: ", SOON)?;
    login.send_line(PASSWORD)?;
    Ok(login)
}

/// Logs in by ssh with the password and a code.
///
/// # Errors
/// When password and code are not asked for.
pub fn knock_with(machine: &Machine, user: &str, code: &str) -> Result<Dialogue> {
    let mut login = knock(machine, user)?;
    login.expect("Code: ", SOON)?;
    login.send_line(code)?;
    Ok(login)
}

/// Waits for the shell.
///
/// # Errors
/// When it does not come.
pub fn is_in(login: &mut Dialogue) -> Result<()> {
    login.expect("$ ", SOON).map(drop)
}

/// Logs in by ssh with the password and a new code of the phone.
///
/// # Errors
/// When that does not lead to a shell.
pub fn gets_in(machine: &Machine, user: &str, phone: &mut Phone) -> Result<()> {
    is_in(&mut knock_with(machine, user, &phone.unused_code()?)?)
}

/// Logs in by ssh for the first time; returns the phone that was set up and the backup codes.
///
/// # Errors
/// When that does not lead through the enrollment to a shell.
pub fn enroll(machine: &Machine, user: &str) -> Result<(Phone, Vec<String>)> {
    let mut login = knock(machine, user)?;
    let enrolled = set_up(&mut login)?;
    is_in(&mut login)?;
    Ok(enrolled)
}

/// Sets up a phone with the key that the dialogue shows, and writes the backup codes down.
///
/// # Errors
/// When key, prompt or codes do not appear.
pub fn set_up(dialogue: &mut Dialogue) -> Result<(Phone, Vec<String>)> {
    let mut phone = Phone::from_screen(&dialogue.expect("Code: ", SOON)?)?;
    dialogue.send_line(&phone.unused_code()?)?;
    Ok((phone, write_down(dialogue)?))
}

/// Writes the backup codes down and says so.
///
/// # Errors
/// When not ten of them are shown.
pub fn write_down(dialogue: &mut Dialogue) -> Result<Vec<String>> {
    let screen = dialogue.expect(SAVED, SOON)?;
    let codes = backup_codes(&screen);
    ensure!(codes.len() == SET, "{} backup codes on the screen:\n{screen}", codes.len());
    dialogue.send_line("saved")?;
    Ok(codes)
}

/// Finds the backup codes on a screen.
#[must_use]
pub fn backup_codes(screen: &str) -> Vec<String> {
    let is_group = |group: &str| group.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let is_code = |word: &&str| {
        let groups: Vec<&str> = word.split('-').collect();
        groups.iter().map(|group| group.len()).eq(GROUPS) && groups.iter().all(|group| is_group(group))
    };
    screen.split_whitespace().filter(is_code).map(str::to_owned).collect()
}

/// Waits for the refusal that ends ssh, and returns the whole dialogue.
///
/// # Errors
/// When ssh ends another way.
pub fn is_refused(mut login: Dialogue) -> Result<String> {
    let status = end(&mut login)?;
    ensure!(status == 255, "ssh ended with {status}:\n{}", login.transcript());
    Ok(login.transcript().to_owned())
}

/// Waits for the end and returns the exit code; a refusal that waits to be read is closed with the enter key.
///
/// # Errors
/// When the program goes on.
pub fn end(dialogue: &mut Dialogue) -> Result<i32> {
    if dialogue.expect(CLOSE, SOON).is_ok() {
        dialogue.send_line("")?;
    }
    dialogue.exit_status(SOON).context("waiting for the end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backup_codes_are_told_from_everything_else_on_the_screen() {
        let screen =
            "(ann@host) Your codes:\n  0123-45678-9ABC  DEFG-HJKMN-PQRS\nType `saved` 1234-5678-9012";
        assert_eq!(backup_codes(screen), ["0123-45678-9ABC", "DEFG-HJKMN-PQRS"]);
    }
}
