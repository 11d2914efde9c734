//! A fresh Debian machine on which the package is installed and nothing is configured.

use std::time::Duration;

use countersign_tests::machine::{Machine, Options};

const SOON: Duration = Duration::from_secs(20);

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn a_login_with_a_password_works_as_before_without_the_package() {
    let machine = Machine::boot(&Options::default()).unwrap();
    machine.add_user("ann", "correct horse", &[]).unwrap();
    let mut ssh = machine.ssh("ann").unwrap();
    ssh.expect("password: ", SOON).unwrap();
    ssh.send_line("correct horse").unwrap();
    ssh.expect("$ ", SOON).unwrap();
    ssh.send_line("echo $SSH_CONNECTION; exit 3").unwrap();
    ssh.expect("198.51.100.7", SOON).unwrap();
    assert_eq!(ssh.exit_status(SOON).unwrap(), 3);
}
