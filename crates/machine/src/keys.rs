//! The two key pairs of a machine: who may log in, and which guest answers.

use std::path::Path;

use cove_sys::{atomic, fs};
use rand::RngCore;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};

use crate::error::{Error, Result};

/// Largest accepted key file, in bytes.
const KEY_LIMIT: u64 = 16 * 1024;

/// Makes an Ed25519 pair: `path` (0600) and `path.pub`. Answers the public key's line.
///
/// # Errors
/// The files cannot be written.
pub(crate) fn create(path: &Path, comment: &str) -> Result<String> {
    let bad =
        |error: russh::keys::ssh_key::Error| Error::BadKey { path: path.into(), reason: error.to_string() };
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    key.set_comment(comment);
    let private = key.to_openssh(LineEnding::LF).map_err(bad)?;
    let public = key.public_key().to_openssh().map_err(bad)?;
    atomic::write(path, private.as_bytes(), 0o600)?;
    atomic::write(&path.with_extension("pub"), format!("{public}\n").as_bytes(), 0o644)?;
    Ok(public)
}

/// Reads a private key's text; refuses one that others could have read.
///
/// # Errors
/// [`Error::BadKey`] with what to do.
pub(crate) fn read_private(path: &Path) -> Result<String> {
    let bad = |reason: String| Error::BadKey { path: path.into(), reason };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(bad("the key is lost: remove the machine and make it again".into()));
        }
        Err(error) => return Err(error.into()),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(bad(format!("other users can read this key (mode {mode:04o}): `chmod 600` it")));
        }
    }
    if metadata.len() > KEY_LIMIT {
        return Err(bad("it is too large for a key".into()));
    }
    Ok(fs::read_to_string(path)?)
}

/// Reads and decodes a private key.
///
/// # Errors
/// As [`read_private`], or it is no key.
pub(crate) fn load_private(path: &Path) -> Result<PrivateKey> {
    let text = read_private(path)?;
    PrivateKey::from_openssh(text.as_bytes())
        .map_err(|error| Error::BadKey { path: path.into(), reason: error.to_string() })
}

/// Decodes a public key's line.
///
/// # Errors
/// [`Error::BadKey`] naming `path`, where the line comes from.
pub(crate) fn parse_public(line: &str, path: &Path) -> Result<PublicKey> {
    PublicKey::from_openssh(line)
        .map_err(|error| Error::BadKey { path: path.into(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_belong_together_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let line = create(&path, "cove-dev").unwrap();
        let private = load_private(&path).unwrap();
        let public = parse_public(&line, &path).unwrap();
        assert_eq!(private.public_key().key_data(), public.key_data());
        assert!(line.ends_with(" cove-dev"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(load_private(&path).unwrap_err().to_string().contains("chmod 600"));
        }
        fs::remove_file(&path).unwrap();
        assert!(load_private(&path).unwrap_err().to_string().contains("lost"));
    }
}
