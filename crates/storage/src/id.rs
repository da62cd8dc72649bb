//! Identifiers that become file names: checked when they come in, random when they are made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Result, StorageError};

/// The number of characters in a full id.
pub(crate) const ID_LENGTH: usize = 64;

/// A new random id: 64 hexadecimal digits, not all of the first twelve decimal (as containers/storage demands).
///
/// # Errors
/// The kernel's random numbers are not to be had.
pub fn random_id() -> Result<String> {
    loop {
        let id = hex(&random_bytes::<32>()?);
        // A short id that looks like a number would be taken for one in some places (host names).
        if id[..12].parse::<u64>().is_err() {
            return Ok(id);
        }
    }
}

/// Whether `id` is a full id: exactly 64 lower-case hexadecimal digits.
#[must_use]
pub fn is_full_id(id: &str) -> bool {
    id.len() == ID_LENGTH && id.bytes().all(is_lower_hex)
}

/// Refuses what is not a full id.
pub(crate) fn check_full_id(what: &'static str, id: &str) -> Result<()> {
    if is_full_id(id) { Ok(()) } else { Err(StorageError::invalid(what, id)) }
}

/// Refuses what could not be one harmless path component.
pub(crate) fn check_component(what: &'static str, value: &str) -> Result<()> {
    let harmless = !value.is_empty()
        && value.len() <= 255
        && value != "."
        && value != ".."
        && !value.bytes().any(|byte| byte == b'/' || byte == 0);
    if harmless { Ok(()) } else { Err(StorageError::invalid(what, value)) }
}

/// A new name for the short link of an overlay layer (26 characters, as containers/storage).
pub(crate) fn random_link() -> Result<String> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    Ok(random_bytes::<26>()?.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}

/// Bytes from the kernel's random number generator.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| StorageError::File(error.into()))?;
    }
    Ok(bytes)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// A content digest such as `sha256:…`, checked for form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hexadecimal part.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// Whether it is a SHA-256.
    #[must_use]
    pub fn is_sha256(&self) -> bool {
        self.0.starts_with("sha256:")
    }

    /// The SHA-256 of `data`.
    #[must_use]
    pub fn sha256(data: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_sha256(&sha2::Sha256::digest(data))
    }

    pub(crate) fn from_sha256(hash: &[u8]) -> Self {
        Self(format!("sha256:{}", hex(hash)))
    }
}

impl FromStr for Digest {
    type Err = StorageError;

    fn from_str(text: &str) -> Result<Self> {
        let length = match text.split_once(':') {
            Some(("sha256", _)) => 64,
            Some(("sha384", _)) => 96,
            Some(("sha512", _)) => 128,
            _ => return Err(StorageError::invalid("digest", text)),
        };
        let hex = &text[7..];
        if hex.len() == length && hex.bytes().all(is_lower_hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(StorageError::invalid("digest", text))
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = StorageError;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_checked() {
        let good = format!("sha256:{}", "a".repeat(64));
        assert_eq!(good.parse::<Digest>().unwrap().hex(), "a".repeat(64));
        for bad in ["", "sha256:", "sha256:../../x", "md5:00", "sha256", "sha25", &good.to_uppercase()] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
        assert_eq!(
            Digest::sha256(b"").as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn random_ids_are_full_ids() {
        assert!(is_full_id(&random_id().unwrap()));
        assert_eq!(random_link().unwrap().len(), 26);
        assert!(!is_full_id("ABC"));
        assert!(check_component("x", "..").is_err());
        assert!(check_component("x", "a/b").is_err());
    }
}
