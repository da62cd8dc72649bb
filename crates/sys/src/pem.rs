//! Certificates and keys from files.

use std::io::{self, Error, ErrorKind};
use std::path::Path;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::read::bounded;

/// Most bytes of a file with certificates or a key.
const MOST: u64 = 4 << 20;

/// All certificates of a file, in its order; perhaps none.
///
/// # Errors
/// It cannot be read, or one is broken; the text names the path.
pub fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text(path)?).collect();
    found.map_err(|error| wrong(path, "not a PEM certificate", &error))
}

/// The first key of a file.
///
/// # Errors
/// It cannot be read, or there is none in it; the text names the path.
pub fn key(path: &Path) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&text(path)?).map_err(|error| wrong(path, "not a PEM key", &error))
}

fn text(path: &Path) -> io::Result<Vec<u8>> {
    bounded(path, MOST)?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("{}: no such file or directory", path.display()))
    })
}

fn wrong(path: &Path, what: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{}: {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_names_its_file() {
        let folder = std::env::temp_dir().join(format!("cove-pem-{}", std::process::id()));
        crate::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("file");
        let text =
            |path: &Path| (certificates(path).unwrap_err().to_string(), key(path).unwrap_err().to_string());
        assert!(text(&path).0.ends_with("file: no such file or directory"), "{:?}", text(&path));
        crate::fs::write(&path, "words").unwrap();
        assert_eq!(certificates(&path).unwrap(), []);
        assert!(key(&path).unwrap_err().to_string().contains("file: not a PEM key"), "{:?}", key(&path));
        let of = |name: &str, body: &str| format!("-----BEGIN {name}-----\n{body}\n-----END {name}-----\n");
        crate::fs::write(&path, of("CERTIFICATE", "AAAA") + &of("CERTIFICATE", "AQ==")).unwrap();
        assert_eq!(certificates(&path).unwrap().len(), 2);
        crate::fs::write(&path, of("PRIVATE KEY", "AAAA")).unwrap();
        assert_eq!(key(&path).unwrap().secret_der(), [0, 0, 0]);
        crate::fs::remove_dir_all(&folder).unwrap();
    }
}
