//! A person who uses e-mail only, by real ssh, with a mail server in the machine: enrolling, codes, waits, failures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use anyhow::Result;
use countersign_tests::capture::Capture;
use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::mail::{Letter, PASSWORD as MAIL_PASSWORD, PostOffice, Way};
use countersign_tests::person::{PASSWORD, SOON, is_in, knock, knock_from, write_down};
use countersign_tests::site;
use countersign_tests::smtp;
use countersign_tests::smtp::certificate::Trust;
use countersign_tests::smtp::script::{ALWAYS, Fault, ONCE, Script, Security, Step};

const ADDRESS: &str = "ann@example.org";
/// Another address that people log in from.
const ELSEWHERE: &str = "198.51.100.8";
/// How soon the prompt has to be there, whatever the mail server does (row D3); a second more for ssh itself.
const PROMPT_WITHIN: Duration = Duration::from_secs(3);

/// What is asked before anything is sent where setting up can be put off.
const CHOICE: &str = "Number or name (Enter for 1): ";

const RULES: &str = r#"
[[policy]]
name = "everybody"
users = ["ann"]
require = "always"
methods = ["email", "backup"]
enroll = "at-login"
"#;

/// A machine with a mail server, on which ann's address is on file.
fn machine(way: Way, more: &str) -> (Machine, PostOffice) {
    let mut options = Options::with_built_package().unwrap();
    options.addresses.push(ELSEWHERE.to_owned());
    let machine = Machine::boot(&options).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    machine.run_ok(&["usermod", "--comment", &format!("Ann Example,,,,{ADDRESS}"), "ann"]).unwrap();
    let office = PostOffice::open(&machine).unwrap();
    site::switch_on(&machine, &configuration(&office, way, more)).unwrap();
    (machine, office)
}

fn configuration(office: &PostOffice, way: Way, more: &str) -> String {
    let general = "organization = \"Example\"\nhelp = \"the helpdesk\"\n";
    format!("{general}{}{RULES}{more}\n[default]\nrequire = \"enrolled\"\n", office.settings(way))
}

/// Waits for a prompt for a code and returns the screen up to it.
fn prompted(login: &mut Dialogue) -> String {
    let screen = login.expect("Code", SOON).unwrap();
    screen + &login.expect(": ", SOON).unwrap()
}

/// The next mail for ann that brings a code.
fn mailed(office: &PostOffice) -> Letter {
    office.mail.next_code(ADDRESS, SOON).unwrap()
}

/// The next code for ann.
fn code(office: &PostOffice) -> String {
    mailed(office).code().unwrap()
}

/// A code of the same form that is another one.
fn wrong(code: &str) -> String {
    code.chars()
        .map(|c| c.to_digit(10).map_or(c, |digit| char::from_digit((digit + 1) % 10, 10).unwrap()))
        .collect()
}

/// Ann's first login, to the shell; returns the backup codes and the mail.
fn enroll(machine: &Machine, office: &PostOffice) -> (Vec<String>, Letter) {
    let mut login = knock(machine, "ann").unwrap();
    prompted(&mut login);
    let mail = mailed(office);
    login.send_line(&mail.code().unwrap()).unwrap();
    let codes = write_down(&mut login).unwrap();
    is_in(&mut login).unwrap();
    (codes, mail)
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_address_on_file_enrolls_and_each_mailed_code_lets_in_once() {
    let (machine, office) = machine(Way::Tls, "");
    let (_, mail) = enroll(&machine, &office);
    says_what_for(&mail);

    let mut second = knock(&machine, "ann").unwrap();
    let screen = prompted(&mut second);
    assert!(
        !screen.contains(ADDRESS) && screen.contains("a\u{2022}\u{2022}\u{2022}@example.org"),
        "{screen}"
    );
    let fresh = code(&office);
    second.send_line(&wrong(&fresh)).unwrap();
    second.expect("That code is not right. Use the newest message, or type `resend`", SOON).unwrap();
    prompted(&mut second);
    second.send_line(&mail.code().unwrap()).unwrap();
    second.expect("That code is not right", SOON).unwrap();
    prompted(&mut second);
    second.send_line(&fresh).unwrap();
    is_in(&mut second).unwrap();

    let mut third = knock(&machine, "ann").unwrap();
    prompted(&mut third);
    third.send_line(&fresh).unwrap();
    third.expect("That code is not right", SOON).unwrap();
    prompted(&mut third);
    third.send_line(&code(&office).replace('-', " ")).unwrap();
    is_in(&mut third).unwrap();
    assert_eq!(
        office.mail.count().unwrap(),
        office.mail.mails(ADDRESS).unwrap().len(),
        "nobody else got mail"
    );
}

/// Row M3: the code first, both parts, from where to where, and the headers that keep robots quiet.
fn says_what_for(mail: &Letter) {
    let code = mail.code().unwrap();
    let spaced = code.replace('-', " ");
    assert_eq!(code.len(), 9, "{code}");
    for part in [&mail.text, &mail.html] {
        for what in [spaced.as_str(), CLIENT, "sshd", "Example"] {
            assert!(part.contains(what), "no {what} in: {part}");
        }
    }
    for name in ["Date", "Message-ID"] {
        assert!(mail.header(name).is_some_and(|value| !value.is_empty()), "{name}: {}", mail.raw);
    }
    assert!(
        mail.header("Auto-Submitted").is_some_and(|value| value.starts_with("auto-generated")),
        "{}",
        mail.raw
    );
    assert!(mail.header("To").is_some_and(|to| to.contains(ADDRESS) && to.matches('@').count() == 1));
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn another_code_too_early_is_told_the_seconds_and_not_sent() {
    let (machine, office) = machine(Way::StartTls, "");
    enroll(&machine, &office);
    let mut login = knock(&machine, "ann").unwrap();
    prompted(&mut login);
    let fresh = code(&office);
    login.send_line("resend").unwrap();
    let said = login.expect("You can ask for another code in ", SOON).unwrap() + &prompted(&mut login);
    assert!(!said.contains(&fresh), "{said}");
    login.send_line(&fresh).unwrap();
    is_in(&mut login).unwrap();
    office.mail.no_more_codes(ADDRESS).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn setting_up_is_put_off_as_long_as_the_rule_lets() {
    let (machine, office) = machine(Way::Tls, "skip = { allow = true, times = 2 }\n");
    let mut login = knock(&machine, "ann").unwrap();
    let screen = login.expect(CHOICE, SOON).unwrap();
    assert!(screen.contains("Type `skip`") && screen.contains("2 logins, whichever comes first"), "{screen}");
    login.send_line("skip").unwrap();
    is_in(&mut login).unwrap();
    drop(login);
    assert_eq!(office.mail.count().unwrap(), 0, "nothing is sent to who puts it off");

    let mut login = knock(&machine, "ann").unwrap();
    let screen = login.expect(CHOICE, SOON).unwrap();
    assert!(screen.contains("Type `skip`"), "{screen}");
    login.send_line("").unwrap();
    prompted(&mut login);
    login.send_line(&code(&office)).unwrap();
    write_down(&mut login).unwrap();
    is_in(&mut login).unwrap();
    let mut login = knock(&machine, "ann").unwrap();
    let screen = prompted(&mut login);
    assert!(!screen.contains("skip"), "{screen}");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_remembered_place_is_not_asked_until_a_reset() {
    let (machine, office) = machine(Way::Tls, "remember = \"30d\"\n");
    enroll(&machine, &office);
    let mut login = knock(&machine, "ann").unwrap();
    let screen = prompted(&mut login);
    assert!(screen.contains(&format!("`r` to be remembered from {CLIENT} for 30 days")), "{screen}");
    login.send_line(&format!("{} r", code(&office))).unwrap();
    is_in(&mut login).unwrap();

    for _ in 0..2 {
        let mut remembered = knock(&machine, "ann").unwrap();
        is_in(&mut remembered).unwrap();
        assert!(!remembered.transcript().contains("Code"), "{}", remembered.transcript());
    }
    let mut elsewhere = knock_from(&machine, "ann", ELSEWHERE).unwrap();
    prompted(&mut elsewhere);
    elsewhere.send_line(&code(&office)).unwrap();
    is_in(&mut elsewhere).unwrap();

    machine.run_ok(&["countersign", "user", "reset", "ann", "--reason", "lost laptop"]).unwrap();
    let mut after = knock(&machine, "ann").unwrap();
    prompted(&mut after);
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_mail_server_that_is_down_neither_delays_the_prompt_nor_hides_it() {
    let (machine, office) = machine(Way::Tls, "");
    let (codes, _) = enroll(&machine, &office);
    office.close(&machine).unwrap();
    let begun = Instant::now();
    let mut login = knock(&machine, "ann").unwrap();
    prompted(&mut login);
    assert!(begun.elapsed() < PROMPT_WITHIN, "{:?}", begun.elapsed());
    drop(login);

    let refusing = Fault::Reply("550 5.1.1 no such person");
    let script = Script::new(Security::Implicit, office.certify(Trust::Valid).unwrap());
    let _server = office.replaced_by(&machine, script.fault(Step::Recipient, refusing, ALWAYS)).unwrap();
    let mut login = knock(&machine, "ann").unwrap();
    let mut said = prompted(&mut login);
    machine.wait_until("the mail was refused", SOON, |machine| recorded(machine, "delivery-failed")).unwrap();
    login.send_line("").unwrap();
    said += &prompted(&mut login);
    assert!(said.contains("could not be sent to a") && said.contains("Other ways: backup code"), "{said}");
    login.send_line(codes.first().unwrap()).unwrap();
    is_in(&mut login).unwrap();
}

/// Whether the service has written an event to the log.
fn recorded(machine: &Machine, event: &str) -> Result<bool> {
    Ok(machine.journal(&["-u", "countersignd.service"])?.contains(event))
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_silent_mail_server_does_not_delay_the_prompt() {
    let (machine, office) = machine(Way::Tls, "");
    enroll(&machine, &office);
    let silence = Fault::Silence(Duration::from_mins(1));
    let script = Script::new(Security::Implicit, office.certify(Trust::Valid).unwrap());
    let server = office.replaced_by(&machine, script.fault(Step::Greeting, silence, ALWAYS)).unwrap();
    let begun = Instant::now();
    let mut login = knock(&machine, "ann").unwrap();
    prompted(&mut login);
    assert!(begun.elapsed() < PROMPT_WITHIN, "{:?}", begun.elapsed());
    assert_eq!(server.wait_for_connections(1, SOON), 1);
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_grey_listed_mail_is_good_on_the_next_connection_from_the_same_place() {
    let (machine, office) = machine(Way::StartTls, "");
    enroll(&machine, &office);
    let greylisting = Fault::Reply("451 4.7.1 come back later");
    let script = Script::new(Security::StartTls, office.certify(Trust::Valid).unwrap());
    let server = office.replaced_by(&machine, script.fault(Step::Recipient, greylisting, ONCE)).unwrap();
    let mut first = knock(&machine, "ann").unwrap();
    prompted(&mut first);
    first.cut();
    let late = only_mail(&server).code().unwrap();

    let mut elsewhere = knock_from(&machine, "ann", ELSEWHERE).unwrap();
    prompted(&mut elsewhere);
    elsewhere.send_line(&late).unwrap();
    elsewhere.expect("is for a different login and is not valid here.", SOON).unwrap();
    drop(elsewhere);

    let mut next = knock(&machine, "ann").unwrap();
    prompted(&mut next);
    next.send_line(&late).unwrap();
    is_in(&mut next).unwrap();
    assert_eq!(server.mails().len(), 1, "{:?}", server.mails());
}

/// The one mail that a scripted server took.
fn only_mail(server: &smtp::Server) -> Letter {
    let mails = server.wait_for_mails(1, SOON);
    assert_eq!(mails.len(), 1, "{:?}", server.commands());
    Letter::parse(&mails.first().unwrap().data).unwrap()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_service_killed_while_it_sends_sends_no_second_mail() {
    let (machine, office) = machine(Way::Tls, "");
    enroll(&machine, &office);
    // The server has the mail and does not say so: nobody can know.
    let silence = Fault::Silence(Duration::from_mins(1));
    let script = Script::new(Security::Implicit, office.certify(Trust::Valid).unwrap());
    let server = office.replaced_by(&machine, script.fault(Step::Body, silence, ONCE)).unwrap();
    let mut login = knock(&machine, "ann").unwrap();
    prompted(&mut login);
    let mail = only_mail(&server);
    machine.run_ok(&["systemctl", "kill", "--signal", "KILL", "countersignd.service"]).unwrap();
    drop(login);
    let again = |machine: &Machine| {
        Ok(machine.run(&["systemctl", "is-active", "countersignd.service"])?.status.success())
    };
    machine.wait_until("the service is back", SOON, again).unwrap();

    let mut next = knock(&machine, "ann").unwrap();
    prompted(&mut next);
    next.send_line(&mail.code().unwrap()).unwrap();
    is_in(&mut next).unwrap();
    assert_eq!(server.mails().len(), 1, "{:?}", server.mails());
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn no_code_and_no_credential_crosses_the_line_in_clear() {
    let (machine, office) = machine(Way::Tls, "");
    let capture = Capture::start(&machine, "port 465 or port 587 or port 25").unwrap();
    let (_, mail) = enroll(&machine, &office);
    let mut secrets = vec![mail.code().unwrap(), MAIL_PASSWORD.to_owned()];
    site::configure(&machine, &configuration(&office, Way::StartTls, "")).unwrap();
    let mut login = knock(&machine, "ann").unwrap();
    prompted(&mut login);
    secrets.push(code(&office));
    login.send_line(secrets.last().unwrap()).unwrap();
    is_in(&mut login).unwrap();
    let line = capture.stop(&machine).unwrap();
    assert!(line.shows("STARTTLS"), "the capture saw {} bytes", line.len());
    for secret in secrets {
        for form in [secret.clone(), secret.replace('-', " "), secret.replace('-', "")] {
            assert!(!line.shows(&form), "{form} crossed in clear");
        }
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_mail_server_that_nobody_vouches_for_gets_neither_code_nor_credential() {
    let (machine, office) = machine(Way::Tls, "");
    let bad = [
        (Way::Tls, Security::Implicit, Trust::SelfSigned),
        (Way::Tls, Security::Implicit, Trust::Expired),
        (Way::Tls, Security::Implicit, Trust::OtherName),
        (Way::Tls, Security::Tls10, Trust::Valid),
        (Way::StartTls, Security::NotOffered, Trust::Valid),
        (Way::StartTls, Security::Garbled, Trust::Valid),
        (Way::StartTls, Security::Refused, Trust::Valid),
        (Way::StartTls, Security::Pretended, Trust::Valid),
    ];
    for (way, security, trust) in bad {
        site::configure(&machine, &configuration(&office, way, "")).unwrap();
        let script = Script::new(security, office.certify(trust).unwrap());
        let server = office.replaced_by(&machine, script).unwrap();
        let test = machine.run(&["countersign", "delivery", "test", "email", ADDRESS]).unwrap();
        assert_eq!(test.status.code(), Some(1), "{security:?} {trust:?}: {test:?}");
        assert!(server.connections() >= 1 && server.mails().is_empty(), "{security:?} {trust:?}");
        assert!(!server.crossed_in_clear(MAIL_PASSWORD), "{security:?} {trust:?}");
    }
}
