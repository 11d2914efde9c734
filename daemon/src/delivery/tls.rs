//! Whom the mail server and the gateways have to be vouched for by.
//!
//! Owns the authorities: those of the file that `ca_file` names and no other, else the system's. Certificates are always
//! checked, for the name that the configuration says, in TLS 1.2 or later.

use std::path::Path;
use std::sync::Arc;

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::store::guarded_file::{self, Links, PUBLIC};

/// The largest file of certificates, in bytes: a whole system's authorities.
const LIMIT: u64 = 1024 * 1024;

/// What a mail server's certificate is checked by.
///
/// # Errors
/// What is wrong with the file, or with the name.
pub(super) fn for_mail(server: &str, file: Option<&Path>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(server.to_owned()).certificate_store(CertificateStore::None);
    for authority in authorities(file)? {
        let authority = Certificate::from_der(authority.to_vec()).map_err(|error| error.to_string())?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build_rustls().map_err(|error| error.to_string())
}

/// What a gateway's certificate is checked by.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn for_http(file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(file)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Reads the authorities; at least one.
fn authorities(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = match file {
        Some(file) => named(file).map_err(|cause| format!("{}: {cause}", file.display()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    // What is no authority's certificate is passed over, as long as one is.
    let usable: Vec<_> =
        found.into_iter().filter(|found| RootCertStore::empty().add(found.clone()).is_ok()).collect();
    if usable.is_empty() {
        return Err("there are no certificate authorities to check a certificate by; name a `ca_file`".into());
    }
    Ok(usable)
}

fn named(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = guarded_file::read(file, PUBLIC, Links::Followed, LIMIT)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| "it holds no certificates in PEM".to_owned())
}
