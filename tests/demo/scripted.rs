//! The logins played by themselves: password, QR code, code, backup codes, in; then a second login with the next code. And
//! the same by e-mail: the code that was mailed, backup codes, in; then a second login with another.

use anyhow::{Context, Result, ensure};
use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::Machine;
use countersign_tests::mail::PostOffice;
use countersign_tests::person::{SOON, write_down};
use countersign_tests::phone::Phone;

use crate::{ADA, GRACE, GRACES_ADDRESS, Newcomer};

/// Plays all logins and prints the dialogues; fails when one of them goes another way.
pub(crate) fn play(machine: &Machine, office: &PostOffice) -> Result<()> {
    say("ada's first login: she has a password, a phone, and no second factor yet.");
    let mut login = machine.ssh(ADA.name)?;
    let screen = prompted(&mut login, &ADA)?;
    let phone = Phone::from_screen(&screen)?;
    let used = phone.code()?;
    login.send_line(&used)?;
    write_down(&mut login)?;
    arrive(login, &ADA)?;

    say("grace's first login: she has no app; her address is on file.");
    let mut login = by_mail(machine, office)?;
    write_down(&mut login)?;
    arrive(login, &GRACE)?;
    say("grace's second login: another code comes by mail.");
    arrive(by_mail(machine, office)?, &GRACE)?;

    // A code is accepted once, ever: the second login needs the next one.
    if phone.code()? == used {
        let wait = phone.shown_for()?.as_secs();
        say(&format!("ada's second login: her phone shows the next code in {wait} s."));
        machine.run_ok(&["sleep", &wait.to_string()])?;
    } else {
        say("ada's second login: her phone shows the next code.");
    }
    let mut login = machine.ssh(ADA.name)?;
    let screen = prompted(&mut login, &ADA)?;
    ensure!(Phone::from_screen(&screen).is_err(), "the second login showed a setup key again");
    login.send_line(&phone.code()?)?;
    arrive(login, &ADA)?;
    say("All logins went as they should.");
    Ok(())
}

/// Logs grace in up to what follows the code that was mailed to her, and prints the mail.
fn by_mail(machine: &Machine, office: &PostOffice) -> Result<Dialogue> {
    let mut login = machine.ssh(GRACE.name)?;
    prompted(&mut login, &GRACE)?;
    let mail = office.mail.next_code(GRACES_ADDRESS, SOON)?;
    println!("(a mail to {GRACES_ADDRESS})\nSubject: {}\n\n{}", mail.subject, mail.text);
    login.send_line(&mail.code()?)?;
    Ok(login)
}

/// Gives the password and returns what is shown up to the prompt for a code.
fn prompted(login: &mut Dialogue, who: &Newcomer) -> Result<String> {
    login.expect("assword: ", SOON)?;
    login.send_line(who.password)?;
    let screen = login.expect("Code", SOON)?;
    Ok(screen + &login.expect(": ", SOON)?)
}

/// Checks that the newcomer is in, leaves again, and prints the dialogue.
fn arrive(mut login: Dialogue, who: &Newcomer) -> Result<()> {
    login.expect("$ ", SOON)?;
    login.send_line("id --user --name")?;
    login.expect(&format!("\n{}\n", who.name), SOON)?;
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
