//! The logins played by themselves: password, QR code, code, backup codes, in; then a second login with the next code.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::Machine;
use countersign_tests::person::{SOON, write_down};
use countersign_tests::phone::Phone;

use crate::{NAME, PASSWORD};

/// Plays both logins and prints the dialogues; fails when one of them goes another way.
pub(crate) fn play(machine: &Machine) -> Result<()> {
    say("The first login: the newcomer has a password and no second factor yet.");
    let mut first = machine.ssh(NAME)?;
    let screen = password(&mut first)?;
    let phone = Phone::from_screen(&screen)?;
    let used = phone.code()?;
    first.send_line(&used)?;
    write_down(&mut first)?;
    arrive(first)?;

    // A code is accepted once, ever: the second login needs the next one.
    let wait = if phone.code()? == used { phone.shown_for()? } else { Duration::ZERO };
    say(&format!("The second login: the phone shows the next code in {} s.", wait.as_secs()));
    machine.run_ok(&["sleep", &wait.as_secs().to_string()])?;
    let mut second = machine.ssh(NAME)?;
    let screen = password(&mut second)?;
    ensure!(Phone::from_screen(&screen).is_err(), "the second login showed a setup key again");
    second.send_line(&phone.code()?)?;
    arrive(second)?;
    say("Both logins went as they should.");
    Ok(())
}

/// Gives the password and returns what is shown up to the prompt for a code.
fn password(login: &mut Dialogue) -> Result<String> {
    login.expect("assword: ", SOON)?;
    login.send_line(PASSWORD)?;
    login.expect("Code: ", SOON)
}

/// Checks that the newcomer is in, leaves again, and prints the dialogue.
fn arrive(mut login: Dialogue) -> Result<()> {
    login.expect("$ ", SOON)?;
    login.send_line("id --user --name")?;
    login.expect(&format!("\n{NAME}\n"), SOON)?;
    login.expect("$ ", SOON)?;
    login.send_line("exit")?;
    let status = login.exit_status(SOON).context("leaving")?;
    println!("{}", login.transcript());
    ensure!(status == 0, "ssh ended with {status}");
    Ok(())
}

fn say(text: &str) {
    println!("\n── {text}\n");
}
