//! TLS for each registry: the system's roots, plus what `certs.d` holds for the host.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_sys::{fs, pem};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::RegistryOptions;
use crate::error::{Error, Result};

/// The system's trusted roots; reading them is slow, so it is done once.
pub(super) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let loaded = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(loaded.certs);
    if ignored > 0 {
        tracing::debug!(ignored, "some of the system's certificates cannot be parsed");
    }
    for error in loaded.errors {
        tracing::debug!(%error, "reading the system's certificates");
    }
    roots
}

/// A configuration for `host`. With `insecure` the server's certificate is not checked, and the
/// system's roots are not read.
pub(super) fn client_config<'a>(
    host: &str,
    options: &RegistryOptions,
    system: impl FnOnce() -> &'a RootCertStore,
    insecure: bool,
) -> Result<ClientConfig> {
    let tls = |reason: String| Error::Tls { registry: host.into(), reason };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let files = HostFiles::read(host, options)?;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(error.to_string()))?;
    let verifier: Arc<dyn ServerCertVerifier> = if insecure {
        Arc::new(Unchecked { provider })
    } else {
        let mut roots = system().clone();
        for certificate in &files.roots {
            roots
                .add(certificate.clone())
                .map_err(|error| tls(format!("a CA certificate in certs.d is unusable: {error}")))?;
        }
        if roots.is_empty() {
            return Err(tls(
                "no trusted CA certificates found: install the system's (ca-certificates) or put the registry's into certs.d"
                    .into(),
            ));
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| tls(error.to_string()))?;
        Arc::new(Checked { inner, pinned: files.roots })
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match files.identity {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| tls(format!("the client certificate in certs.d is unusable: {error}")))?,
        None => builder.with_no_client_auth(),
    };
    // HTTP/1.1 alone: layers arrive over connections of their own and are decrypted in parallel.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

#[derive(Default)]
struct HostFiles {
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
}

impl HostFiles {
    /// As containers-certs.d(5): `*.crt` are CAs, `NAME.cert` with `NAME.key` is the client's identity.
    fn read(host: &str, options: &RegistryOptions) -> Result<Self> {
        let mut files = Self::default();
        let directory = match &options.certificate_dir {
            Some(directory) => directory.clone(),
            None if host.is_empty() || host.contains(['/', '\\']) || host.starts_with('.') => {
                return Ok(files);
            }
            None => {
                let mut paths = options.certificate_dirs.iter().map(|directory| directory.join(host));
                let Some(directory) = paths.find(|path| path.is_dir()) else { return Ok(files) };
                directory
            }
        };
        let failed = |error: std::io::Error| Error::io(format!("certificates of {host}"), error);
        let mut names: Vec<PathBuf> = fs::read_dir(&directory)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()
            .map_err(failed)?;
        names.sort();
        for path in names {
            match path.extension().and_then(OsStr::to_str) {
                Some("crt") => files.roots.extend(certificates(&path)?),
                Some("cert") => {
                    let key = path.with_extension("key");
                    if !key.exists() {
                        return Err(Error::Tls {
                            registry: host.into(),
                            reason: format!("{} is missing beside its certificate", key.display()),
                        });
                    }
                    let key_der = pem::key(&key).map_err(|error| Error::io("a key", error))?;
                    files.identity = Some((certificates(&path)?, key_der));
                }
                Some("key") if !path.with_extension("cert").exists() => {
                    return Err(Error::Tls {
                        registry: host.into(),
                        reason: format!(
                            "{} is missing beside its key (CA certificates are named *.crt, client certificates *.cert)",
                            path.with_extension("cert").display()
                        ),
                    });
                }
                _ => (),
            }
        }
        Ok(files)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    pem::certificates(path).map_err(|error| Error::io("a certificate", error))
}

/// The usual check, which also accepts a self-signed certificate that certs.d or the system's store holds itself: that is how private
/// registries are mostly set up, and webpki alone refuses a CA certificate as a server's.
#[derive(Debug)]
struct Checked {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let result =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let Err(rustls::Error::InvalidCertificate(CertificateError::Other(error))) = &result else {
            return result;
        };
        if error.0.downcast_ref() != Some(&webpki::Error::CaUsedAsEndEntity) {
            return result;
        }
        let is_it = |trusted: &CertificateDer<'_>| trusted.as_ref() == end_entity.as_ref();
        // Read once more in this rare case only: a root store keeps no whole certificates.
        if !self.pinned.iter().any(is_it) && !rustls_native_certs::load_native_certs().certs.iter().any(is_it)
        {
            return Err(CertificateError::UnknownIssuer.into());
        }
        // webpki looks at the dates before it looks at this, so they are right.
        let certificate = ParsedCertificate::try_from(end_entity)?;
        rustls::client::verify_server_name(&certificate, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// For registries that the user called insecure: any certificate will do.
#[derive(Debug)]
struct Unchecked {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
