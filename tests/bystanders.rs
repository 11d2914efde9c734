//! What logs in without a person, with the module in the shared stacks: cron, the user's own systemd, root's su.

use std::time::Duration;

use countersign_tests::machine::{Machine, Options};
use countersign_tests::person::{PASSWORD, SOON};
use countersign_tests::site;

/// Everybody needs a code and nobody has one.
const CONFIGURATION: &str = "[default]\nrequire = \"always\"\n";
/// cron wakes at each full minute.
const MINUTE: Duration = Duration::from_secs(75);

#[test]
#[ignore = "needs root and a booted machine: run by `cargo xtask test`"]
fn what_needs_no_person_goes_on_without_a_code() {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    site::switch_on(&machine, CONFIGURATION).unwrap();
    machine.write_file("/etc/cron.d/probe", "* * * * * ann touch /home/ann/cron-ran\n", 0o644).unwrap();

    let uid = machine.run_ok(&["id", "-u", "ann"]).unwrap();
    machine.run_ok(&["systemctl", "start", &format!("user@{}.service", uid.trim())]).unwrap();
    for command in ["cd /; su ann -c 'id -un'", "cd /; su - ann -c 'id -un'"] {
        let mut root = machine.dialogue(&["sh", "-c", command]).unwrap();
        assert_eq!(root.exit_status(SOON).unwrap(), 0, "{}", root.transcript());
        assert!(root.transcript().ends_with("ann\n"), "{}", root.transcript());
    }
    let ran = |machine: &Machine| Ok(machine.run(&["test", "-e", "/home/ann/cron-ran"])?.status.success());
    machine.wait_until("cron", MINUTE, ran).unwrap();
}
