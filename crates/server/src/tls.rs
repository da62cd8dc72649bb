//! TLS: who this service is, and whom it talks to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cove_api::{Error, Result};
use cove_sys::pem;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// Time in which a client must have finished the handshake.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// How connections are secured. All files are PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The service's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Authorities of which a client's certificate must be; without them no certificate is asked for.
    pub client_authorities: Option<PathBuf>,
}

impl Tls {
    /// # Errors
    /// A file cannot be read or is not what it should be, or key and certificate do not belong together.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let wrong = |what: &PathBuf, error: &dyn std::fmt::Display| {
            Error::invalid(format!("{}: {error}", what.display()))
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal(error.to_string()))?;
        let builder = match &self.client_authorities {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in pem::certificates(path)? {
                    roots.add(certificate).map_err(|error| wrong(path, &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| wrong(path, &error))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(pem::certificates(&self.certificate)?, pem::key(&self.key)?)
            .map_err(|error| wrong(&self.certificate, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
