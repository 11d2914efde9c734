//! A machine whose people lie in a directory: SSSD before an LDAP server, each of them stopped and killed (row P10).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::{Duration, Instant};

use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, enroll, gets_in, is_in, is_refused, knock};
use countersign_tests::site;

const CONFIGURATION: &str = r#"
[[policy]]
name = "local"
users = ["lou"]
require = "always"
enroll = "at-login"

[[policy]]
name = "outer"
groups = ["outer"]
require = "always"
enroll = "at-login"

[default]
require = "never"
"#;

/// The LDAP server, in the foreground of its unit.
const DIRECTORY: &str = "\
[Service]
ExecStart=/usr/sbin/slapd -d 0 -f /srv/slapd.conf -h ldap://127.0.0.1:3389
";

/// Our module behind a first factor that is right, for logins whose program asks the name service nothing by itself:
/// sshd would hang before it came to us.
const STACK: &str =
    "auth required pam_permit.so\nauth [success=ok ignore=ignore default=die] pam_countersign.so\n";

/// How long the login of somebody of the directory may take, with what starting a program inside takes.
const IN_TIME: Duration = Duration::from_secs(3);
/// How long one that waits for nobody may take, likewise: less than a look-up that is waited for, on a busy host too.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What a login comes to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Asked,
    Passes,
    Refused,
}
use Outcome::{Asked, Passes, Refused};

/// A machine that knows dora, in a group that is in the group `outer`, and dirk from the directory, and lou from itself.
fn machine() -> Machine {
    let debian = vec!["ldap-utils", "libnss-sss", "libpam-sss", "slapd", "sssd-ldap"];
    let machine = Machine::boot(&Options { debian, ..Options::with_built_package().unwrap() }).unwrap();
    let files = [
        ("/srv/slapd.conf", include_str!("directory_machine/slapd.conf"), 0o644),
        ("/srv/people.ldif", include_str!("directory_machine/people.ldif"), 0o644),
        ("/etc/sssd/sssd.conf", include_str!("directory_machine/sssd.conf"), 0o600),
        ("/etc/systemd/system/directory.service", DIRECTORY, 0o644),
        ("/etc/pam.d/code", STACK, 0o644),
    ];
    for (path, text, mode) in files {
        machine.write_file(path, text, mode).unwrap();
    }
    machine.run_ok(&["install", "-d", "-m", "700", "/srv/ldap"]).unwrap();
    machine.run_ok(&["slapadd", "-f", "/srv/slapd.conf", "-l", "/srv/people.ldif"]).unwrap();
    machine.add_user("lou", PASSWORD, &[]).unwrap();
    machine.run_ok(&["systemctl", "daemon-reload"]).unwrap();
    machine.run_ok(&["systemctl", "start", "directory.service", "sssd.service"]).unwrap();
    machine
}

/// Begins a login and gives no answer.
fn login(machine: &Machine, user: &str) -> (Outcome, Duration) {
    let begun = Instant::now();
    let output = machine.run(&["pamtester", "code", user, "authenticate"]).unwrap();
    let took = begun.elapsed();
    let said = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
    let outcome = if said.contains("successfully authenticated") {
        Passes
    } else if said.contains("cannot be checked") {
        Refused
    } else {
        assert!(said.contains("Code: ") || said.contains("Code from the app"), "{user}: {said}");
        Asked
    };
    eprintln!("{user}: {outcome:?} after {took:?}");
    (outcome, took)
}

/// Begins a login that may take its time.
fn comes_to(machine: &Machine, user: &str, expected: &Outcome) {
    let (outcome, took) = login(machine, user);
    assert_eq!(outcome, *expected, "{user}");
    assert!(took < IN_TIME, "{user}: {took:?}");
}

/// Lou is asked without waiting for what hangs.
fn lou_does_not_wait(machine: &Machine) {
    let (outcome, took) = login(machine, "lou");
    assert!(outcome == Asked && took < AT_ONCE, "{outcome:?} after {took:?}");
}

/// Everything answers: the rule on the outer group decides over whoever is in the inner one, and over nobody else.
fn all_is_well(machine: &Machine) {
    for (user, expected) in
        [("dora", Asked), ("dirk", Passes), ("lou", Asked), ("nobody-of-this-name", Asked)]
    {
        let (outcome, took) = login(machine, user);
        assert_eq!(outcome, expected, "{user}");
        assert!(took < IN_TIME, "{user}: {took:?}");
    }
}

fn signal(machine: &Machine, name: &str, unit: &str) {
    machine.run_ok(&["systemctl", "kill", "--signal", name, unit]).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_rule_on_an_outer_group_decides_and_a_killed_sssd_refuses_until_it_is_back() {
    let machine = machine();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    let (mut phone, _) = enroll(&machine, "dora").unwrap();
    let (mut own, _) = enroll(&machine, "lou").unwrap();
    gets_in(&machine, "dora", &mut phone).unwrap();
    is_in(&mut knock(&machine, "dirk").unwrap()).unwrap();

    signal(&machine, "KILL", "sssd.service");
    machine.run_ok(&["systemctl", "stop", "sssd.service"]).unwrap();
    let begun = Instant::now();
    let shown = is_refused(knock(&machine, "dora").unwrap()).unwrap();
    assert!(!shown.contains("Code: "), "{shown}");
    gets_in(&machine, "lou", &mut own).unwrap();
    eprintln!("refused, and lou is in: {:?}", begun.elapsed());
    comes_to(&machine, "nobody-of-this-name", &Refused);
    // SSSD's memory of who they are outlives it; in which groups they are is not relied on.
    assert_ne!(login(&machine, "dirk").0, Passes);
    lou_does_not_wait(&machine);
    // Nobody is gone meanwhile: dora's app is there afterwards.
    machine.run(&["countersign", "user", "purge", "--gone", "--reason", "while SSSD is away"]).unwrap();

    machine.run_ok(&["systemctl", "start", "sssd.service"]).unwrap();
    gets_in(&machine, "dora", &mut phone).unwrap();
    is_in(&mut knock(&machine, "dirk").unwrap()).unwrap();
    all_is_well(&machine);
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_directory_that_hangs_is_not_waited_for_and_nobody_has_an_easier_rule_meanwhile() {
    let machine = machine();
    site::configure(&machine, CONFIGURATION).unwrap();
    all_is_well(&machine);

    machine.run_ok(&["pkill", "-STOP", "-x", "sssd_nss"]).unwrap();
    comes_to(&machine, "dora", &Asked);
    comes_to(&machine, "dirk", &Asked);
    lou_does_not_wait(&machine);
    for _ in 0..3 {
        comes_to(&machine, "nobody-of-another-name", &Refused);
        lou_does_not_wait(&machine);
    }
    machine.run_ok(&["pkill", "-CONT", "-x", "sssd_nss"]).unwrap();
    all_is_well(&machine);

    // The LDAP server hangs, and SSSD remembers nobody.
    machine.run_ok(&["systemctl", "stop", "sssd.service"]).unwrap();
    machine.run_ok(&["sh", "-c", "rm /var/lib/sss/db/* /var/lib/sss/mc/*"]).unwrap();
    signal(&machine, "STOP", "directory.service");
    machine.run_ok(&["systemctl", "start", "sssd.service"]).unwrap();
    comes_to(&machine, "dora", &Refused);
    comes_to(&machine, "lou", &Asked);
    lou_does_not_wait(&machine);
    assert_ne!(login(&machine, "dirk").0, Passes);
    lou_does_not_wait(&machine);

    signal(&machine, "CONT", "directory.service");
    machine.run_ok(&["pkill", "-USR2", "-x", "sssd"]).unwrap();
    let is_back = |machine: &Machine| Ok(login(machine, "dirk").0 == Passes);
    machine.wait_until("people of the directory", Duration::from_secs(20), is_back).unwrap();
    all_is_well(&machine);
}
