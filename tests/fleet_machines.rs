//! Two machines with the package, one database: enroll on one, log in on the other, and a code counts once for both.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::time::Duration;

use countersign_tests::dialogue::Dialogue;
use countersign_tests::machine::{CLIENT, Machine, Options};
use countersign_tests::phone::Phone;
use countersign_tests::postgres::{self, Server};
use countersign_tests::site;
use nix::unistd::User;

const SOON: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct horse";
const DATABASE: &str = "countersign";
/// Where the database's socket lies in every machine.
const SOCKETS: &str = "/srv/database";
/// The key that both machines' services wrap data keys by.
const KEY: &str = "8f1d2b7a3c5e69804f7e6d5c4b3a29180716253443526170f0e1d2c3b4a59687\n";

/// Boots a machine in whose tree a server can lay its socket: that way needs no network between them.
fn boot() -> (Machine, PathBuf) {
    let machine = Machine::boot(&Options::with_built_package().unwrap()).unwrap();
    let sockets = machine.tree().join(SOCKETS.trim_start_matches('/'));
    fs::create_dir_all(&sockets).unwrap();
    let user = User::from_name("postgres").unwrap().unwrap();
    chown(&sockets, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    fs::set_permissions(&sockets, fs::Permissions::from_mode(0o755)).unwrap();
    machine.add_user("ann", PASSWORD, &[]).unwrap();
    (machine, sockets)
}

/// Does what the guide says, with the machine's own service for the schema.
fn set_up(server: &Server, machine: &Machine) {
    server.run_file("postgres", include_str!("../packaging/postgresql/roles.sql")).unwrap();
    server.run_file(DATABASE, include_str!("../packaging/postgresql/privileges.sql")).unwrap();
    let owner = format!("postgresql://countersign_owner@/{DATABASE}?host={SOCKETS}&port={}", server.port());
    let said = machine.run_ok(&["/usr/libexec/countersignd", "--migrate", &owner]).unwrap();
    assert!(said.starts_with("the schema of the store is"), "{said}");
}

fn join(machine: &Machine, server: &Server) {
    machine.write_file("/etc/countersign/store-key", KEY, 0o640).unwrap();
    machine.run_ok(&["chgrp", "countersign", "/etc/countersign/store-key"]).unwrap();
    let url = format!("postgresql:///{DATABASE}?host={SOCKETS}&port={}", server.port());
    let configuration = format!(
        "[store]\nurl = \"{url}\"\nkey_file = \"/etc/countersign/store-key\"\nlocal_names = \"fleet\"\n\n\
         [[policy]]\nname = \"everybody\"\nusers = [\"ann\"]\nrequire = \"always\"\nmethods = [\"totp\"]\n\
         enroll = \"at-login\"\n\n[default]\nrequire = \"enrolled\"\n"
    );
    site::switch_on(machine, &configuration).unwrap();
}

/// Gives the password; the client asks once only, so that a refusal ends it.
fn knock(machine: &Machine) -> Dialogue {
    let mut login = machine.ssh_with("ann", CLIENT, &["-o", "NumberOfPasswordPrompts=1"]).unwrap();
    login.expect("assword: ", SOON).unwrap();
    login.send_line(PASSWORD).unwrap();
    login
}

fn knock_with(machine: &Machine, code: &str) -> Dialogue {
    let mut login = knock(machine);
    login.expect("Code: ", SOON).unwrap();
    login.send_line(code).unwrap();
    login
}

#[test]
#[ignore = "needs root and booted machines: run by `cargo xtask test`"]
fn who_enrolled_on_one_machine_logs_in_on_the_other_and_a_code_counts_once_for_both() {
    if !postgres::is_here() {
        return;
    }
    let [(one, first), (two, second)] = [boot(), boot()];
    let mut server = Server::start_with_sockets(&[first, second]).unwrap();
    set_up(&server, &one);
    for machine in [&one, &two] {
        join(machine, &server);
    }

    let mut login = knock(&one);
    let mut phone = Phone::from_screen(&login.expect("Code: ", SOON).unwrap()).unwrap();
    login.send_line(&phone.unused_code().unwrap()).unwrap();
    login.expect("$ ", SOON).unwrap();

    let code = phone.unused_code().unwrap();
    knock_with(&two, &code).expect("$ ", SOON).unwrap();
    for machine in [&one, &two] {
        knock_with(machine, &code).expect("already used", SOON).unwrap();
    }

    // Without its database nobody gets in, and soon; with it, everybody does again.
    server.crash().unwrap();
    let mut refused = knock(&two);
    assert_eq!(refused.exit_status(SOON).unwrap(), 255, "{}", refused.transcript());
    let log = two.journal(&["-u", "countersignd.service"]).unwrap();
    assert!(log.contains("no server of the store can be used"), "{log}");
    server.begin().unwrap();
    knock_with(&two, &phone.unused_code().unwrap()).expect("$ ", SOON).unwrap();
}
