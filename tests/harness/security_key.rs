//! A FIDO key in software, in the hands of who sits at the machine's ssh client.
//!
//! Owns making the middleware that ssh takes for a key (`software_key.c`, `SSH_SK_PROVIDER`) and making keys with it. What
//! ssh signs with it is a signature like that of a real key: sshd and everything behind it cannot tell the difference.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::machine::Machine;

/// Where the middleware lies in the machine.
const PROVIDER: &str = "/usr/local/lib/software-key.so";
/// The option by which ssh uses it.
pub const OPTION: &str = "SecurityKeyProvider=/usr/local/lib/software-key.so";

/// Puts the middleware into the machine.
///
/// # Errors
/// When it cannot be compiled or written.
pub fn install(machine: &Machine) -> Result<()> {
    let folder = tempfile::tempdir().context("a folder to compile in")?;
    let (source, library) = (folder.path().join("software_key.c"), folder.path().join("software-key.so"));
    std::fs::write(&source, include_str!("security_key/software_key.c")).context("the source")?;
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&library, &source])
        .arg("-l:libcrypto.so.3")
        .output()
        .context("starting cc")?;
    ensure!(compiled.status.success(), "cc: {}", String::from_utf8_lossy(&compiled.stderr));
    machine.write_file(PROVIDER, std::fs::read(&library).context("the middleware")?, 0o755)
}

/// Makes a key (`ed25519-sk`, `ecdsa-sk`) of root's at `path`, and returns its public half as a line of `authorized_keys`.
///
/// # Errors
/// When ssh-keygen fails.
pub fn make(machine: &Machine, kind: &str, path: &str) -> Result<String> {
    machine.run_ok(&["ssh-keygen", "-q", "-t", kind, "-w", PROVIDER, "-N", "", "-f", path])?;
    machine.read_file(&format!("{path}.pub"))
}
