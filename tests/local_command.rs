//! The unit that runs a command of the administrator's, and the credentials of the ways out, under real systemd.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use countersign_tests::machine::{Machine, Options};
use countersign_tests::site::configure;

const SOON: Duration = Duration::from_secs(20);
const SOCKET: &str = "/run/countersign/command.sock";
const NOTHING_SENT: &str = "nothing can be sent over this channel";

/// What the unit says to an order that the service would give.
fn order(machine: &Machine, number: &str, text: &str) -> String {
    let inside = format!("/proc/{}/root{SOCKET}", machine.leader());
    let mut unit = UnixStream::connect(inside).unwrap();
    unit.set_read_timeout(Some(SOON)).unwrap();
    writeln!(unit, r#"{{"channel":"sms","number":"{number}","text":"{text}"}}"#).unwrap();
    let mut said = String::new();
    unit.read_to_string(&mut said).unwrap();
    said
}

fn policy(section: &str) -> String {
    format!("{section}\n\n[default]\nrequire = \"never\"\n")
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_command_runs_in_a_unit_of_its_own_with_nothing_of_the_service() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    assert_eq!(machine.run_ok(&["stat", "-c", "%U %a", SOCKET]).unwrap(), "countersign 600\n");
    machine.run_ok(&["systemctl", "is-enabled", "countersign-command.socket"]).unwrap();
    assert_eq!(order(&machine, "+4915112345678", "t"), "ready\nnot-configured\n", "no gateway, no command");

    let script = "#!/bin/sh\n\
        case $2 in *99) exit 75;; esac\n\
        key=unreadable; cat /run/credentials/countersignd.service/store-key >/dev/null 2>&1 && key=readable\n\
        ls /var/lib/countersign >/dev/null 2>&1 && key=\"$key, store too\"\n\
        logger -t sender \"args=$* user=$(id -un) key=$key text=$(cat)\"\n";
    machine.write_file("/usr/local/bin/send-text", script, 0o755).unwrap();
    let gateway = policy("[sms]\ncommand = [\"/usr/local/bin/send-text\", \"--to\", \"{number}\"]");
    configure(&machine, &gateway).unwrap();
    // The command need not be able to read the file.
    machine.run_ok(&["chmod", "0600", "/etc/countersign/countersign.toml"]).unwrap();
    assert_eq!(order(&machine, "+4915112345678", "4930 2718"), "ready\nexit 0\n");
    let said = machine.journal(&["-t", "sender", "-o", "cat"]).unwrap();
    assert!(said.contains("args=--to +4915112345678 ") && said.contains("text=4930 2718"), "{said}");
    assert!(said.contains("key=unreadable text") && !said.contains("user=root"), "{said}");
    assert!(!said.contains("user=countersign "), "{said}");
    assert_eq!(order(&machine, "+4915112345699", "t"), "ready\nexit 75\n");
    let left = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "countersign-command@*"];
    machine
        .wait_until("no unit stays behind", SOON, |machine| Ok(machine.run_ok(&left)?.trim().is_empty()))
        .unwrap();
}

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn the_password_of_the_mail_server_may_be_missing_and_is_a_credential_where_it_is_not() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    let server = policy(
        "[email]\nserver = \"smtps://localhost\"\nuser = \"mailer\"\nfrom = \"Login <login@example.org>\"",
    );
    configure(&machine, &server).unwrap();
    let said = || machine.journal(&["-u", "countersignd.service", "-o", "cat"]).unwrap();
    machine
        .wait_until("the service says what is missing", SOON, |_| {
            Ok(said().contains("the credential `email-password` is missing"))
        })
        .unwrap();
    machine.run_ok(&["systemctl", "is-active", "countersignd.service"]).unwrap();

    let write = "printf s3cret-of-mail | systemd-creds encrypt --name=email-password - \
        /etc/credstore.encrypted/countersign-email-password";
    machine.run_ok(&["sh", "-c", write]).unwrap();
    let times = || said().matches(NOTHING_SENT).count();
    let before = times();
    machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    let credential = "/run/credentials/countersignd.service/email-password";
    assert_eq!(machine.run_ok(&["cat", credential]).unwrap(), "s3cret-of-mail");
    machine.run_ok(&["systemctl", "reload", "countersignd.service"]).unwrap();
    machine.run_ok(&["systemctl", "is-active", "countersignd.service"]).unwrap();
    assert_eq!(times(), before, "{}", said());
    assert!(!said().contains("s3cret-of-mail"));

    // A drop-in takes the place of what the package looks for.
    machine.write_file("/etc/countersign/email-password", "of-a-file", 0o600).unwrap();
    let drop_in = "[Service]\nLoadCredential=email-password:/etc/countersign/email-password\n";
    machine.run_ok(&["mkdir", "-p", "/etc/systemd/system/countersignd.service.d"]).unwrap();
    machine.write_file("/etc/systemd/system/countersignd.service.d/mail.conf", drop_in, 0o644).unwrap();
    machine.run_ok(&["systemctl", "daemon-reload"]).unwrap();
    machine.run_ok(&["systemctl", "restart", "countersignd.service"]).unwrap();
    assert_eq!(machine.run_ok(&["cat", credential]).unwrap(), "of-a-file");
}
