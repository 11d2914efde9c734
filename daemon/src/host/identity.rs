//! The identity of this host: its name and machine-id.

use std::fs;
use std::path::Path;

use countersign_core::account::HostId;
use countersign_core::login::Host;

/// A host that cannot say who it is; realms of local people hang on it, so the service refuses to start.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The machine-id is missing or not one.
    #[error("{path} holds no machine-id ({cause}); `systemd-machine-id-setup` makes one")]
    MachineId {
        /// The file.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// The host has no name.
    #[error("the host name cannot be read: {0}")]
    Name(nix::Error),
}

/// Reads name and machine-id of this host.
///
/// # Errors
/// [`IdentityError`], where either is missing.
pub fn read(machine_id: &Path) -> Result<Host, IdentityError> {
    let name = nix::unistd::gethostname().map_err(IdentityError::Name)?.to_string_lossy().into_owned();
    Ok(Host { name, id: read_machine_id(machine_id)? })
}

fn read_machine_id(path: &Path) -> Result<HostId, IdentityError> {
    let fault = |cause: String| IdentityError::MachineId { path: path.display().to_string(), cause };
    let text = fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let id = text.trim();
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(fault("32 hexadecimal digits are expected".to_owned()));
    }
    HostId::try_from(id).map_err(|error| fault(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_id_is_32_hexadecimal_digits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("machine-id");
        assert!(read(&path).is_err());
        for wrong in ["", "uninitialized\n", "0123", "zz23456789abcdef0123456789abcdef"] {
            fs::write(&path, wrong).unwrap();
            assert!(read(&path).is_err(), "{wrong:?}");
        }
        fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(read(&path).unwrap().id.as_str(), "0123456789abcdef0123456789abcdef");
    }
}
