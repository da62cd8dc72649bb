//! The way to a service over TCP with TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{Error, Result};
use cove_sys::pem;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::{Connect, Connecting};

/// What a connection is secured with; all files are PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities of which the service's certificate must be; without them the system's.
    pub authorities: Option<PathBuf>,
    /// The certificate to show, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A service behind TLS.
#[derive(Clone)]
pub struct SecureTcp {
    host: String,
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl SecureTcp {
    /// The service at `host` (`HOST:PORT`), whose certificate must be for that name; nothing is connected yet.
    ///
    /// # Errors
    /// A file cannot be read or is not what it should be, or the name is none.
    pub fn new(host: &str, files: &TlsFiles) -> Result<Self> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| Error::invalid(format!("{name:?} is no name of a host")))?;
        let wrong = |path: &Path, error: &dyn std::fmt::Display| {
            Error::invalid(format!("{}: {error}", path.display()))
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal(error.to_string()))?
            .with_root_certificates(roots(files.authorities.as_deref())?);
        let mut config = match &files.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(pem::certificates(certificate)?, pem::key(key)?)
                .map_err(|error| wrong(certificate, &error))?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { host: host.to_owned(), name, connector: TlsConnector::from(Arc::new(config)) })
    }
}

/// The authorities of a file, or the system's.
fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(path) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in pem::certificates(path)? {
        roots.add(certificate).map_err(|error| Error::invalid(format!("{}: {error}", path.display())))?;
    }
    if roots.is_empty() {
        return Err(Error::invalid(format!("{}: there is no PEM certificate in it", path.display())));
    }
    Ok(roots)
}

impl Connect for SecureTcp {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(&self.host).await?;
            let secured = self.connector.connect(self.name.clone(), stream).await?;
            Ok(Box::new(secured) as _)
        })
    }
}

impl std::fmt::Display for SecureTcp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "tcp://{}", self.host)
    }
}

impl std::fmt::Debug for SecureTcp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the connector, which holds a key.
        out.debug_struct("SecureTcp").field("host", &self.host).finish_non_exhaustive()
    }
}
