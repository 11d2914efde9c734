//! What an administrator does after installing the package: a policy, the PAM profile, sshd.

use anyhow::Result;

use crate::machine::Machine;

/// A first value wins in sshd: the code needs a dialogue, and enrolling takes longer than two minutes.
const SSHD: &str = "\
KbdInteractiveAuthentication yes
PasswordAuthentication no
LoginGraceTime 300
";

/// Switches the second factor on: writes the configuration, wires PAM and sshd.
///
/// # Errors
/// When the service does not take the configuration, or a step of the wiring fails.
pub fn switch_on(machine: &Machine, configuration: &str) -> Result<()> {
    configure(machine, configuration)?;
    wire(machine)
}

/// Wires PAM and sshd: from here on every login passes the service.
///
/// # Errors
/// When a step fails.
pub fn wire(machine: &Machine) -> Result<()> {
    machine.run_ok(&["pam-auth-update", "--package", "--enable", "countersign"])?;
    machine.write_file("/etc/ssh/sshd_config.d/00-countersign.conf", SSHD, 0o644)?;
    // Not a reload: sshd closes its socket for a moment then, and systemd does not wait for it.
    machine.run_ok(&["systemctl", "restart", "ssh.service"]).map(drop)
}

/// Puts another configuration in force by a restart.
///
/// # Errors
/// When the service does not come up under it; with what it said.
pub fn configure(machine: &Machine, configuration: &str) -> Result<()> {
    machine.write_file("/etc/countersign/countersign.toml", configuration, 0o644)?;
    let restart = machine.run_ok(&["systemctl", "restart", "countersignd.service"]);
    restart.map(drop).map_err(|error| match machine.journal(&["-u", "countersignd.service"]) {
        Ok(said) => error.context(format!("the service did not start:\n{said}")),
        Err(_) => error,
    })
}
