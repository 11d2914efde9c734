//! The service or the bus is away: refused in bounded time, and logins come back by themselves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, enroll, gets_in, is_in, is_refused, knock, knock_with};
use countersign_tests::phone::Phone;
use countersign_tests::site;

const SERVICE: &str = "countersignd.service";

/// PRODUCT.md L15: denied within ten seconds; one more for ssh itself.
const REFUSED_WITHIN: Duration = Duration::from_secs(11);

/// What the guides quote, with the file's `help`.
const STOPPED: &str = "Your code cannot be checked, because the service that checks it does not answer. Try again in a \
                       minute, or ask the desk, ext. 4444.";

const CONFIGURATION: &str = r#"
help = "the desk, ext. 4444"

[[policy]]
name = "everybody"
users = ["ann"]
require = "always"
enroll = "at-login"

[default]
require = "enrolled"
"#;

/// A machine on which ann has enrolled.
fn machine() -> (Machine, Phone) {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &["sudo"]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    let (phone, _) = enroll(&machine, "ann").unwrap();
    (machine, phone)
}

/// Logs in with a client that shows what comes beside prompts, as one without options does.
fn knock_and_read(machine: &Machine) -> Dialogue {
    let options = ["-o", "NumberOfPasswordPrompts=1", "-o", "LogLevel=INFO"];
    let mut login = machine.ssh_with("ann", CLIENT, &options).unwrap();
    login.expect("assword: ", SOON).unwrap();
    login.send_line(PASSWORD).unwrap();
    login
}

/// Waits for the refusal and returns what was shown.
fn is_refused_in_time(mut login: Dialogue, since: Instant) -> String {
    let status = login.exit_status(SOON).unwrap();
    let (took, shown) = (since.elapsed(), login.transcript().to_owned());
    assert_eq!(status, 255, "{shown}");
    assert!(took < REFUSED_WITHIN, "{took:?}");
    shown
}

fn signal(machine: &Machine, signal: &str) {
    machine.run_ok(&["systemctl", "kill", "--kill-whom=main", "--signal", signal, SERVICE]).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_stopped_service_is_started_by_the_login() {
    let (machine, mut phone) = machine();
    machine.run_ok(&["systemctl", "stop", SERVICE]).unwrap();
    gets_in(&machine, "ann", &mut phone).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_masked_service_refuses_and_logins_come_back_when_it_is_unmasked() {
    let (machine, mut phone) = machine();
    machine.run_ok(&["systemctl", "mask", "--now", SERVICE]).unwrap();
    for _ in 0..3 {
        let since = Instant::now();
        let shown = is_refused_in_time(knock_and_read(&machine), since);
        assert!(!shown.contains("Code: "), "{shown}");
        assert!(shown.contains(STOPPED), "{shown}");
    }
    sudo_says_it_too(&machine);
    what_is_left_for_users_is_everybody_s_to_read_and_the_service_s_to_write(&machine);
    machine.run_ok(&["systemctl", "unmask", SERVICE]).unwrap();
    let listens = |machine: &Machine| {
        let state = machine.run(&["systemctl", "is-active", "countersignd.socket"])?;
        Ok(state.status.success())
    };
    machine.wait_until("listening again", Duration::from_secs(5), listens).unwrap();
    gets_in(&machine, "ann", &mut phone).unwrap();
}

/// sudo asks PAM for silence.
fn sudo_says_it_too(machine: &Machine) {
    let mut sudo = machine.dialogue_as("ann", &["sudo", "-k", "id"]).unwrap();
    sudo.expect("assword", SOON).unwrap();
    sudo.send_line(PASSWORD).unwrap();
    sudo.expect(STOPPED, SOON).unwrap();
}

fn what_is_left_for_users_is_everybody_s_to_read_and_the_service_s_to_write(machine: &Machine) {
    let stat = ["stat", "-c", "%U %a", "/var/cache/countersign", "/var/cache/countersign/outage"];
    assert_eq!(machine.run_ok(&stat).unwrap(), "countersign 755\ncountersign 644\n");
    let text = machine.read_file("/var/cache/countersign/outage").unwrap();
    let mut tags: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(tags.first(), Some(&"en"));
    tags.sort_unstable();
    assert_eq!(tags, ["de", "en", "es", "fr", "ja", "zh"]);
    assert!(text.lines().all(|line| line.contains("the desk, ext. 4444")), "{text}");
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_service_killed_in_the_middle_refuses_that_login_and_takes_the_next() {
    let (machine, mut phone) = machine();
    let mut login = knock(&machine, "ann").unwrap();
    login.expect("Code: ", SOON).unwrap();
    signal(&machine, "KILL");
    let since = Instant::now();
    login.send_line(&phone.unused_code().unwrap()).unwrap();
    is_refused_in_time(login, since);
    gets_in(&machine, "ann", &mut phone).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_hung_service_refuses_in_time_and_goes_on_where_it_stood() {
    let (machine, mut phone) = machine();
    signal(&machine, "STOP");
    let since = Instant::now();
    let shown = is_refused_in_time(knock_and_read(&machine), since);
    assert!(shown.contains(STOPPED), "{shown}");
    signal(&machine, "CONT");
    gets_in(&machine, "ann", &mut phone).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn logins_go_on_while_the_bus_is_away() {
    let (machine, mut phone) = machine();
    machine.run_ok(&["systemctl", "mask", "--now", "dbus.socket", "dbus.service"]).unwrap();
    gets_in(&machine, "ann", &mut phone).unwrap();
    // Also after a start without a bus.
    machine.run_ok(&["systemctl", "restart", SERVICE]).unwrap();
    gets_in(&machine, "ann", &mut phone).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_copy_of_the_store_that_is_put_back_lets_nobody_in_until_root_accepts_it() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &["sudo"]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    let (mut phone, backup_codes) = enroll(&machine, "ann").unwrap();
    let while_stopped = |command: &str| {
        machine.run_ok(&["systemctl", "stop", SERVICE]).unwrap();
        machine.run_ok(&["sh", "-ec", command]).unwrap();
        machine.run_ok(&["systemctl", "start", SERVICE]).unwrap();
    };
    while_stopped("cp -a /var/lib/countersign /root/copy");
    let used = backup_codes.first().unwrap();
    is_in(&mut knock_with(&machine, "ann", used).unwrap()).unwrap();

    while_stopped(
        "rm /var/lib/countersign/countersign.db*; cp -a /root/copy/countersign.db* /var/lib/countersign/",
    );
    let shown = is_refused(knock(&machine, "ann").unwrap()).unwrap();
    assert!(shown.contains("restored backup") && shown.contains("the desk, ext. 4444"), "{shown}");
    let said = machine.journal(&["-u", SERVICE]).unwrap();
    assert!(said.contains("accept-restore"), "{said}");

    machine.run_ok(&["countersign", "store", "accept-restore", "--reason", "the disk failed"]).unwrap();
    let mut login = knock_with(&machine, "ann", used).unwrap();
    login.expect("Code: ", SOON).unwrap();
    login.send_line(&phone.unused_code().unwrap()).unwrap();
    is_in(&mut login).unwrap();
}
