//! Break-glass on a booted machine: the listed account, on a console of the host, whatever became of the service.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON, end, is_refused, knock};
use countersign_tests::site;

const LIST: &str = "/etc/countersign/breakglass";
const SERVICE: &str = "countersignd.service";
/// A serial line, the device number of which is what counts.
const CONSOLE: &str = "tty=ttyS0";

/// Everybody needs a code and nobody has one: who gets in, got in by break-glass.
const CONFIGURATION: &str = "[default]\nrequire = \"always\"\n";

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_glass_breaks_on_the_console_only_and_whatever_became_of_the_service() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    machine.add_user("bob", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    // Refusals are as slow as guessing must be; that is not what is tried here.
    machine.run_ok(&["sed", "-i", "/pam_faildelay/d", "/etc/pam.d/login"]).unwrap();
    machine.run_ok(&["mknod", "/dev/ttyS0", "c", "4", "64"]).unwrap();

    nobody_is_let_in_without_a_list(&machine);
    list(&machine, "600");
    a_listed_account_is_let_in_with_an_alert_each_time(&machine);
    nowhere_else_and_nobody_else(&machine);
    a_list_that_others_could_have_written_is_not_honored(&machine);
    the_uses_are_taken_into_the_audit(&machine);
    a_broken_policy_does_not_matter(&machine);
    a_masked_service_does_not_matter(&machine);
    a_corrupt_store_does_not_matter(&machine);
}

/// Logs in by a PAM client of root's: password, then whatever the stack of the service says.
fn gets_in(machine: &Machine, service: &str, user: &str, items: &[&str]) -> bool {
    let items = items.iter().flat_map(|item| ["-I", item]);
    let words: Vec<&str> =
        ["pamtester"].into_iter().chain(items).chain([service, user, "authenticate"]).collect();
    let mut login = machine.dialogue(&words).unwrap();
    login.expect("assword: ", SOON).unwrap();
    login.send_line(PASSWORD).unwrap();
    let status = end(&mut login).unwrap();
    assert_eq!(status == 0, login.transcript().contains("successfully"), "{}", login.transcript());
    status == 0
}

fn is_let_in(machine: &Machine) -> bool {
    gets_in(machine, "login", "ann", &[CONSOLE])
}

/// Lists ann.
fn list(machine: &Machine, mode: &str) {
    let uid = machine.run_ok(&["id", "-u", "ann"]).unwrap();
    machine.write_file(LIST, format!("# the way in\n{uid}"), u32::from_str_radix(mode, 8).unwrap()).unwrap();
}

fn drill(machine: &Machine) -> Option<i32> {
    machine.run(&["countersign", "breakglass", "drill"]).unwrap().status.code()
}

fn nobody_is_let_in_without_a_list(machine: &Machine) {
    assert!(!is_let_in(machine));
    assert_eq!(drill(machine), Some(1));
}

fn a_listed_account_is_let_in_with_an_alert_each_time(machine: &Machine) {
    assert_eq!(drill(machine), Some(0));
    let alerts = || machine.journal(&["-p", "alert"]).unwrap().matches("BREAK-GLASS login of ann").count();
    for count in 1..=2 {
        assert!(gets_in(machine, "login", "ann", &["tty=/dev/ttyS0"]));
        let told = |_: &Machine| Ok(alerts() == count);
        machine.wait_until("an alert", Duration::from_secs(5), told).unwrap();
    }
}

fn nowhere_else_and_nobody_else(machine: &Machine) {
    for (service, items) in [
        ("sshd", vec![CONSOLE]),
        ("sudo", vec![CONSOLE]),
        ("login", vec![CONSOLE, "rhost=198.51.100.7"]),
        ("login", vec!["tty=pts/0"]),
        ("login", vec!["tty=/dev/null"]),
        ("login", vec!["tty=../dev/ttyS0"]),
        ("login", vec![]),
    ] {
        assert!(!gets_in(machine, service, "ann", &items), "{service} {items:?}");
    }
    assert!(!gets_in(machine, "login", "bob", &[CONSOLE]), "bob is not listed");
    is_refused(knock(machine, "ann").unwrap()).unwrap();
    let mut su = machine.dialogue_as("bob", &["su", "ann", "-c", "true"]).unwrap();
    su.expect("assword: ", SOON).unwrap();
    su.send_line(PASSWORD).unwrap();
    assert_ne!(end(&mut su).unwrap(), 0);
}

fn a_list_that_others_could_have_written_is_not_honored(machine: &Machine) {
    for mode in ["640", "604", "622"] {
        list(machine, mode);
        assert!(!is_let_in(machine), "{mode}");
        assert_eq!(drill(machine), Some(1), "{mode}");
    }
    for (spoil, mend) in [
        (["chown", "ann", LIST], ["chown", "root", LIST]),
        (["chgrp", "ann", LIST], ["chgrp", "root", LIST]),
        (["chmod", "0777", "/etc/countersign"], ["chmod", "0755", "/etc/countersign"]),
        (["chown", "ann", "/etc/countersign"], ["chown", "root", "/etc/countersign"]),
    ] {
        list(machine, "600");
        machine.run_ok(&spoil).unwrap();
        assert!(!is_let_in(machine), "{spoil:?}");
        machine.run_ok(&mend).unwrap();
    }
    machine.run_ok(&["mv", LIST, "/etc/elsewhere"]).unwrap();
    machine.run_ok(&["ln", "-s", "/etc/elsewhere", LIST]).unwrap();
    assert!(!is_let_in(machine), "a link");
    machine.run_ok(&["rm", LIST]).unwrap();
    list(machine, "600");
    assert!(is_let_in(machine));
}

fn the_uses_are_taken_into_the_audit(machine: &Machine) {
    machine.run_ok(&["systemctl", "restart", SERVICE]).unwrap();
    let noted = |machine: &Machine| {
        let said = machine.journal(&["_SYSTEMD_UNIT=countersignd.service"])?;
        Ok(said.matches("break-glass").count() >= 3 && said.contains("ttyS0"))
    };
    machine.wait_until("the uses in the audit", Duration::from_secs(10), noted).unwrap();
}

fn a_broken_policy_does_not_matter(machine: &Machine) {
    let broken = "[[policy]]\nrequire = \"perhaps\"\n";
    // Whether the service comes up with it is its own business.
    drop(site::configure(machine, broken));
    assert!(is_let_in(machine));
    assert!(!gets_in(machine, "login", "bob", &[CONSOLE]));
    site::configure(machine, CONFIGURATION).unwrap();
}

fn a_masked_service_does_not_matter(machine: &Machine) {
    machine.run_ok(&["systemctl", "mask", "--now", SERVICE, "countersignd.socket"]).unwrap();
    assert!(is_let_in(machine));
    assert!(!gets_in(machine, "login", "bob", &[CONSOLE]));
    assert!(!gets_in(machine, "sudo", "ann", &[CONSOLE]));
    machine.run_ok(&["systemctl", "unmask", SERVICE, "countersignd.socket"]).unwrap();
}

fn a_corrupt_store_does_not_matter(machine: &Machine) {
    let spoil = "rm -f /var/lib/countersign/countersign.db-* && \
        head -c 65536 /dev/urandom >/var/lib/countersign/countersign.db";
    machine.run_ok(&["sh", "-c", spoil]).unwrap();
    drop(machine.run(&["systemctl", "restart", "--no-block", SERVICE]).unwrap());
    assert!(is_let_in(machine));
    assert!(!gets_in(machine, "login", "bob", &[CONSOLE]));
}
