//! The files that a connection needs: authorities, certificate, key, password.
//!
//! Owns what the server's certificate must be: of a known authority and for the name that the URL says, in TLS 1.2 or
//! later. Leaves who may hold a file to `guarded_file`. Files are read at every connection, so that they can be renewed.

use std::path::Path;
use std::sync::Arc;

use countersign_config::ClientCertificate;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;
use zeroize::Zeroizing;

use crate::store::StoreError;
use crate::store::guarded_file::{self, Links, PRIVATE, PUBLIC};

/// The largest file of certificates, in bytes: a whole system's authorities.
const CERTIFICATES_LIMIT: u64 = 1024 * 1024;
/// The largest file of a key, in bytes.
const KEY_LIMIT: u64 = 64 * 1024;
/// The longest password, in bytes.
const PASSWORD_LIMIT: u64 = 1024;

/// Makes the connector that verifies the server.
///
/// # Errors
/// [`StoreError::Failed`]: a file is missing, somebody else's, or not what it should be.
pub(super) fn connector(
    authorities: Option<&Path>,
    client: Option<&ClientCertificate>,
) -> Result<MakeRustlsConnect, StoreError> {
    let roots = match authorities {
        Some(file) => named_authorities(file)?,
        None => system_authorities()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(ClientCertificate { certificate, key }) => {
            let chain = certificates(certificate)?;
            let secret = read(key, PRIVATE, Links::Refused, KEY_LIMIT)?;
            let secret =
                PrivateKeyDer::from_pem_slice(&secret).map_err(|_| about(key, "it holds no private key"))?;
            builder
                .with_client_auth_cert(chain, secret)
                .map_err(|error| about(certificate, &error.to_string()))?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

/// Reads a password: the file's only line.
///
/// # Errors
/// [`StoreError::Failed`]: as for a key, or it is empty or has several lines.
pub(super) fn password(file: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut text = read(file, PRIVATE, Links::Refused, PASSWORD_LIMIT)?;
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    if text.is_empty() || text.iter().any(|byte| [b'\n', b'\r', 0].contains(byte)) {
        return Err(about(file, "it does not hold exactly one line with the password"));
    }
    Ok(text)
}

fn named_authorities(file: &Path) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| about(file, &error.to_string()))?;
    }
    Ok(roots)
}

fn system_authorities() -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(failed(
            "the system has no certificate authorities; name a file by sslrootcert".to_owned(),
        ));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let text = read(file, PUBLIC, Links::Followed, CERTIFICATES_LIMIT)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(about(file, "it holds no certificates in PEM")),
    }
}

fn read(file: &Path, widest: u32, links: Links, limit: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    guarded_file::read(file, widest, links, limit).map_err(|cause| about(file, &cause))
}

fn about(file: &Path, cause: &str) -> StoreError {
    failed(format!("{}: {cause}", file.display()))
}

fn failed(cause: String) -> StoreError {
    StoreError::Failed { doing: "preparing a connection", cause }
}
