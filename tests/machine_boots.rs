//! A fresh Debian machine and the package on it: what starts, what stays as it was, what removal does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use countersign_tests::machine::{Machine, Options};

const SOON: Duration = Duration::from_secs(20);
const PASSWORD: &str = "correct horse";

/// A machine with the package and one ordinary user.
fn machine() -> Machine {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    machine
}

fn logs_in_with_the_password_alone(machine: &Machine) {
    let mut ssh = machine.ssh("ann").unwrap();
    ssh.expect("password: ", SOON).unwrap();
    ssh.send_line(PASSWORD).unwrap();
    ssh.expect("$ ", SOON).unwrap();
    ssh.send_line("echo $SSH_CONNECTION; exit 3").unwrap();
    ssh.expect("198.51.100.7", SOON).unwrap();
    assert_eq!(ssh.exit_status(SOON).unwrap(), 3);
}

/// The lines of a shared PAM stack, with single spaces and without comments.
fn stack(machine: &Machine, name: &str) -> Vec<String> {
    let text = machine.read_file(&format!("/etc/pam.d/common-{name}")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn all_stacks(machine: &Machine) -> Vec<Vec<String>> {
    ["auth", "account", "password", "session"].map(|name| stack(machine, name)).to_vec()
}

fn switch_on(machine: &Machine, profile: &str) {
    machine.run_ok(&["pam-auth-update", "--package", "--enable", profile]).unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_package_starts_its_service_and_changes_nobodys_login() {
    let machine = Machine::boot(&Options::default()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    let before = all_stacks(&machine);
    machine.install(&Options::with_built_package().unwrap().package.unwrap()).unwrap();
    assert_eq!(all_stacks(&machine), before);
    let units = ["countersignd.socket", "countersignd.service"];
    machine.run_ok(&["systemctl", "is-active", units[0], units[1]]).unwrap();
    machine.run_ok(&["systemctl", "is-enabled", units[0], units[1]]).unwrap();
    assert_eq!(machine.run_ok(&["stat", "-c", "%U %a", "/run/countersign"]).unwrap(), "root 755\n");
    assert_eq!(machine.run_ok(&["stat", "-c", "%a", "/run/countersign/login.sock"]).unwrap(), "666\n");
    logs_in_with_the_password_alone(&machine);
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_profiles_make_the_stacks_that_were_tested() {
    let machine = machine();
    switch_on(&machine, "countersign");
    let code = "auth [success=ok ignore=ignore default=die] pam_countersign.so";
    assert_eq!(
        stack(&machine, "auth"),
        [
            "auth [success=1 default=ignore] pam_unix.so nullok",
            "auth requisite pam_deny.so",
            "auth required pam_permit.so",
            code,
        ]
    );
    // First: after pam_unix an expired password would end the stack before the backstop.
    assert_eq!(
        stack(&machine, "account").first().unwrap(),
        "account required pam_countersign.so require_auth"
    );
    assert!(stack(&machine, "session").contains(&"session optional pam_countersign.so".to_owned()));
    assert!(stack(&machine, "password").contains(&"password optional pam_countersign.so".to_owned()));
    switch_on(&machine, "countersign-publickey");
    assert_eq!(
        stack(&machine, "auth"),
        [
            "auth [success=2 default=ignore] pam_countersign.so first_factor",
            "auth [success=1 default=ignore] pam_unix.so nullok try_first_pass",
            "auth requisite pam_deny.so",
            "auth required pam_permit.so",
            code,
        ]
    );
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_key_of_the_store_is_made_once_and_a_lost_one_is_not_replaced() {
    let machine = machine();
    let key = "/etc/credstore.encrypted/countersign-store-key";
    let read = || machine.run_ok(&["sha256sum", key]).unwrap();
    let first = read();
    assert_eq!(machine.run_ok(&["stat", "-c", "%U %a", key]).unwrap(), "root 600\n");
    machine.run_ok(&["/usr/libexec/countersign-store-key"]).unwrap();
    machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    assert_eq!(read(), first);

    machine.write_file("/var/lib/countersign/countersign.db", "", 0o600).unwrap();
    machine.run_ok(&["rm", key]).unwrap();
    let restart = machine.run(&["systemctl", "restart", "countersignd.service"]).unwrap();
    assert!(!restart.status.success(), "no key, no service");
    assert!(!machine.run(&["test", "-e", key]).unwrap().status.success());
    let said = machine.journal(&["-u", "countersign-store-key.service"]).unwrap();
    assert!(said.contains("put the key back"), "{said}");
}

/// Answers the questions of the package's purge beforehand, as an administrator may.
fn answer_purge(machine: &Machine, folder: &str) {
    let answers = format!(
        "countersign countersign/purge-enrollments boolean true\n\
         countersign countersign/purge-copy string {folder}\n"
    );
    machine.write_file("/root/answers", answers, 0o600).unwrap();
    machine.run_ok(&["debconf-set-selections", "/root/answers"]).unwrap();
}

/// Makes the package anew with another version, and installs it; returns what dpkg said.
fn install_as(machine: &Machine, version: &str) -> String {
    let pack = format!(
        "cd /root && rm -rf tree && dpkg-deb -R package.deb tree && \
         sed -i 's/^Version: .*/Version: {version}/' tree/DEBIAN/control && dpkg-deb -Znone -b tree other.deb >/dev/null && \
         dpkg --install other.deb 2>&1"
    );
    machine.run_ok(&["sh", "-c", &pack]).unwrap()
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn an_upgrade_restarts_the_service_and_never_takes_the_socket_down() {
    let machine = machine();
    let property = |unit: &str, name: &str| {
        machine.run_ok(&["systemctl", "show", "--value", "--property", name, unit]).unwrap()
    };
    let listening_since = || property("countersignd.socket", "ActiveEnterTimestampMonotonic");
    let pid = || property("countersignd.service", "MainPID");
    switch_on(&machine, "countersign");
    let stacks = all_stacks(&machine);
    let (since, first) = (listening_since(), pid());
    machine.install(&Options::with_built_package().unwrap().package.unwrap()).unwrap();
    let upgraded = pid();
    assert_ne!(upgraded, first);
    install_as(&machine, "0.0.1");
    assert_ne!(pid(), upgraded, "a downgrade too");
    assert_eq!(all_stacks(&machine), stacks, "the profile stays on");

    let running = pid();
    let file = "/etc/countersign/countersign.toml";
    let good = machine.read_file(file).unwrap();
    machine.write_file(file, format!("{good}\nrequier = true\n"), 0o644).unwrap();
    let said = install_as(&machine, "9.9.9");
    assert!(said.contains("NOT restarted") && said.contains("requier"), "{said}");
    assert_eq!(pid(), running, "a service with a good policy is not replaced by one that cannot start");
    machine.run_ok(&["dpkg", "--verify", "countersign"]).unwrap();
    machine.write_file(file, &good, 0o644).unwrap();
    machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    assert_eq!(listening_since(), since);
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn removal_takes_the_lines_out_of_the_stacks_first_and_a_purge_keeps_enrollments_unless_told() {
    let machine = machine();
    let package = Options::with_built_package().unwrap().package.unwrap();
    let key = "/etc/credstore.encrypted/countersign-store-key";
    let sum = || machine.run_ok(&["sha256sum", key, "/var/lib/countersign/countersign.db"]).unwrap();
    let before = all_stacks(&machine);
    switch_on(&machine, "countersign");
    let on = all_stacks(&machine);
    assert_ne!(on, before);
    machine.run_ok(&["dpkg", "--remove", "countersign"]).unwrap();
    assert_eq!(all_stacks(&machine), before);
    logs_in_with_the_password_alone(&machine);
    let kept = sum();
    machine.install(&package).unwrap();
    assert_eq!(all_stacks(&machine), on, "what was on before the removal is on again");

    machine.run_ok(&["dpkg", "--purge", "countersign"]).unwrap();
    assert_eq!(all_stacks(&machine), before);
    assert_eq!(
        sum().split_whitespace().next(),
        kept.split_whitespace().next(),
        "nobody was asked: the key stays"
    );
    machine.install(&package).unwrap();
    assert_eq!(all_stacks(&machine), before, "a purge forgets what was on");
    machine.run_ok(&["systemctl", "is-active", "countersignd.service"]).unwrap();

    answer_purge(&machine, "/srv/kept");
    machine.run_ok(&["dpkg", "--purge", "countersign"]).unwrap();
    let left = machine.run_ok(&["find", "/etc", "/var/lib", "/usr", "-name", "*countersign*"]).unwrap();
    assert_eq!(left, "");
    let copy = machine.run_ok(&["sh", "-c", "stat -c '%U %a' /srv/kept/*; tar -tzf /srv/kept/*"]).unwrap();
    for part in
        ["root 600", "var/lib/countersign/countersign.db", "etc/credstore.encrypted/countersign-store-key"]
    {
        assert!(copy.contains(part), "{part}: {copy}");
    }
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_refused_removal_changes_nothing() {
    let machine = machine();
    switch_on(&machine, "countersign");
    switch_on(&machine, "countersign-publickey");
    let stacks = all_stacks(&machine);
    let pid = machine.run_ok(&["systemctl", "show", "-P", "MainPID", "countersignd.service"]).unwrap();
    let by_hand = [
        // A comment in another encoding hides nothing.
        ("/etc/pam.d/su", "printf '# na\\357ve\\nauth required pam_countersign.so\\n' >>/etc/pam.d/su"),
        (
            "/usr/lib/pam.d/probe",
            "mkdir -p /usr/lib/pam.d; echo 'auth required pam_countersign.so' >/usr/lib/pam.d/probe",
        ),
        // Behind the blocks of pam-auth-update, and within one.
        ("/etc/pam.d/common-auth", "echo 'auth optional pam_countersign.so' >>/etc/pam.d/common-auth"),
        (
            "/etc/pam.d/common-account",
            "sed -i '/pam_countersign/a account optional pam_countersign.so' /etc/pam.d/common-account",
        ),
    ];
    machine.run_ok(&["cp", "-a", "/etc/pam.d", "/root/pam.d"]).unwrap();
    for (file, command) in by_hand {
        machine.run_ok(&["sh", "-c", command]).unwrap();
        let changed = machine.run_ok(&["sh", "-c", "sha256sum /etc/pam.d/* /var/lib/pam/*"]).unwrap();
        let removal = machine.run(&["dpkg", "--remove", "countersign"]).unwrap();
        assert!(!removal.status.success(), "{file}");
        let said = String::from_utf8_lossy(&removal.stderr);
        assert!(said.contains(file) && said.contains("pam_countersign.so"), "{said}");
        let after = machine.run_ok(&["sh", "-c", "sha256sum /etc/pam.d/* /var/lib/pam/*"]).unwrap();
        assert_eq!(after, changed, "{file}: {said}");
        machine.run_ok(&["sh", "-c", "cp -a /root/pam.d/* /etc/pam.d/; rm -rf /usr/lib/pam.d"]).unwrap();
        assert_eq!(all_stacks(&machine), stacks);
    }
    let status =
        machine.run_ok(&["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}", "countersign"]).unwrap();
    assert_eq!(status.chars().nth(1), Some('i'), "it is still installed: {status}");
    machine.run_ok(&["systemctl", "is-active", "countersignd.socket", "countersignd.service"]).unwrap();
    assert_eq!(machine.run_ok(&["systemctl", "show", "-P", "MainPID", "countersignd.service"]).unwrap(), pid);
}
