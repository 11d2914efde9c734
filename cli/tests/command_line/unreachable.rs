//! No bus, no service, a service that hangs, a bus that hangs: exit 3, with what to do, in bounded time.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::bus::{Bus, countersign, run};
use crate::service::{Script, Service};

const COMMANDS: [&[&str]; 14] = [
    &["status"],
    &["enroll"],
    &["remove", "phone"],
    &["user", "show", "alice"],
    &["user", "reset", "alice", "--reason", "x"],
    &["user", "unlock", "alice", "--reason", "x"],
    &["remembered"],
    &["forget", "--all"],
    &["user", "set-contact", "alice", "--clear-email", "--reason", "x"],
    &["delivery", "test", "email", "alice@example.org"],
    &["user", "list"],
    &["policy", "explain", "--user", "alice", "--service", "sshd"],
    &["store", "accept-restore", "--reason", "x"],
    &["store", "rotate-key"],
];

#[test]
fn a_bus_without_the_service_is_unavailable() {
    let bus = Bus::start();
    for arguments in COMMANDS {
        let ran = bus.run(arguments, "");
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{arguments:?} {ran:?}");
        assert_eq!(
            ran.err,
            "error: The Countersign service cannot be reached on the system bus.\n\
             Is it running? Try: systemctl status countersignd\n"
        );
    }
}

#[test]
fn no_bus_is_unavailable() {
    for arguments in COMMANDS {
        let mut command = countersign(arguments);
        command.arg("--bus=unix:path=/nonexistent/bus");
        let ran = run(command, "");
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{arguments:?} {ran:?}");
        assert!(ran.err.contains("systemctl status countersignd"), "{ran:?}");
    }
}

#[test]
fn the_environment_does_not_move_the_bus() {
    let service = Service::start(Script::default());
    let mut command = countersign(&["user", "unlock", "alice", "--reason", "x"]);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", service.bus.address());
    command.env("DBUS_SESSION_BUS_ADDRESS", service.bus.address());
    run(command, "");
    assert!(service.asked().is_empty());
}

#[test]
fn with_borrowed_privileges_no_other_bus_is_taken() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not checked: only root can make a file of another owner");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let copy = folder.path().join("countersign");
    std::fs::copy(env!("CARGO_BIN_EXE_countersign"), &copy).unwrap();
    std::os::unix::fs::chown(&copy, Some(65534), Some(65534)).unwrap();
    std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o4755)).unwrap();
    let service = Service::start(Script::default());
    let mut command = std::process::Command::new(&copy);
    command.env_clear().args(["user", "unlock", "alice", "--reason", "x", "--bus", &service.bus.address()]);
    let ran = run(command, "");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("--bus is refused"), "{ran:?}");
    assert!(service.asked().is_empty());
}

#[test]
fn a_service_that_hangs_is_given_up_after_five_seconds() {
    // `status` asks nobody; a call in which polkit may ask waits longer for others than root.
    let service = Service::start(Script { hangs: true, ..Script::default() });
    let begun = Instant::now();
    let ran = service.bus.run(&["status"], "");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("did not answer in time"), "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn a_bus_that_is_stopped_is_given_up_after_five_seconds() {
    let bus = Bus::start();
    kill(bus.pid(), Signal::SIGSTOP).unwrap();
    let begun = Instant::now();
    let ran = bus.run(&["status"], "");
    kill(bus.pid(), Signal::SIGCONT).unwrap();
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(begun.elapsed() < Duration::from_secs(9));
}
