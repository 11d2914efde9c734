//! Certificates of a test's servers: by an authority of its own, valid and otherwise.
//!
//! Owns the ways in which a certificate can be wrong. Nothing is kept; each test has its own authority.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// The name in a valid certificate; it resolves on every host.
pub const NAME: &str = "localhost";

/// What becomes of a certificate when it is checked against the authority and [`NAME`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It holds.
    Valid,
    /// Nobody vouches for it but itself.
    SelfSigned,
    /// Its time is over.
    Expired,
    /// It was made out to another server.
    OtherName,
    /// An authority vouches for it that the client does not know.
    OtherAuthority,
}

/// An authority that a client can be told to trust.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate with its key.
#[derive(Debug, Clone)]
pub struct Certified {
    pub(super) config: Arc<ServerConfig>,
    certificate: String,
    key: String,
}

impl Authority {
    /// Makes an authority.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        CertifiedIssuer::self_signed(params, key()?).map(Self).map_err(io::Error::other)
    }

    /// The authority's own certificate, as a client's configuration takes it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Makes a certificate for [`NAME`] and loopback, or one that is wrong.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn certify(&self, trust: Trust) -> io::Result<Certified> {
        self.certify_names(&[if trust == Trust::OtherName { "other.example" } else { NAME }], trust)
    }

    /// Makes a certificate for names and addresses of the test's choice.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn certify_names(&self, names: &[&str], trust: Trust) -> io::Result<Certified> {
        let mut subject: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        if trust != Trust::OtherName {
            subject.push("127.0.0.1".to_owned());
        }
        let mut params = CertificateParams::new(subject).map_err(io::Error::other)?;
        if trust == Trust::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        }
        let key = key()?;
        let certificate = match trust {
            Trust::SelfSigned => params.self_signed(&key),
            Trust::OtherAuthority => params.signed_by(&key, &*Self::new()?.0),
            Trust::Valid | Trust::Expired | Trust::OtherName => params.signed_by(&key, &*self.0),
        }
        .map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .map_err(io::Error::other)?;
        Ok(Certified { config: Arc::new(config), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl Certified {
    /// The certificate, as a server's configuration takes it.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its key, as a server's configuration takes it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn key() -> io::Result<KeyPair> {
    KeyPair::generate().map_err(io::Error::other)
}
