//! Content digests: validated on parsing, so that one can be a file name or part of a URL without a second look.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha512};

use crate::error::Error;

/// The hash functions that the OCI image specification registers and that are accepted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// SHA-256, 64 hexadecimal digits.
    Sha256,
    /// SHA-512, 128 hexadecimal digits.
    Sha512,
}

impl DigestAlgorithm {
    /// Its name as written before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A digest such as `sha256:…`: a known algorithm and exactly its number of lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    hex: Box<str>,
}

impl Digest {
    /// The SHA-256 of `data`.
    pub fn sha256(data: &[u8]) -> Self {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(data);
        hasher.finish()
    }

    /// The digest of `data` by `algorithm`.
    pub fn of(algorithm: DigestAlgorithm, data: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(data);
        hasher.finish()
    }

    /// A SHA-256 digest from its 64 hexadecimal digits alone, as image ids and old archives write it.
    ///
    /// # Errors
    /// [`Error::InvalidDigest`].
    pub fn from_sha256_hex(hex: &str) -> Result<Self, Error> {
        Self::checked(DigestAlgorithm::Sha256, hex, hex)
    }

    /// The hash function.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The hexadecimal digits, safe as a file name.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Whether `data` has this digest.
    pub fn matches(&self, data: &[u8]) -> bool {
        Self::of(self.algorithm, data) == *self
    }

    fn checked(algorithm: DigestAlgorithm, hex: &str, input: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::InvalidDigest { input: shorten(input), reason };
        if hex.len() != algorithm.hex_length() {
            return Err(wrong(format!(
                "{} has {} hexadecimal digits",
                algorithm.name(),
                algorithm.hex_length()
            )));
        }
        if !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(wrong("only the digits 0-9 and a-f may follow the algorithm".into()));
        }
        Ok(Self { algorithm, hex: hex.into() })
    }
}

fn shorten(input: &str) -> String {
    input.chars().take(160).collect()
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(input: &str) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::InvalidDigest { input: shorten(input), reason: reason.into() };
        let (algorithm, hex) =
            input.split_once(':').ok_or_else(|| wrong("expected ALGORITHM:HEXADECIMAL-DIGITS"))?;
        let algorithm = match algorithm {
            "sha256" => DigestAlgorithm::Sha256,
            "sha512" => DigestAlgorithm::Sha512,
            _ => return Err(wrong("unsupported digest algorithm (known: sha256, sha512)")),
        };
        Self::checked(algorithm, hex, input)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.name(), self.hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Hashes data piece by piece into a [`Digest`].
#[derive(Clone, Debug)]
pub struct Hasher {
    state: HasherState,
}

#[derive(Clone, Debug)]
enum HasherState {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// An empty hash of `algorithm`.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        let state = match algorithm {
            DigestAlgorithm::Sha256 => HasherState::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => HasherState::Sha512(Box::new(Sha512::new())),
        };
        Self { state }
    }

    /// Adds `data`.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.state {
            HasherState::Sha256(state) => state.update(data),
            HasherState::Sha512(state) => state.update(data),
        }
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        match self.state {
            HasherState::Sha256(state) => {
                Digest { algorithm: DigestAlgorithm::Sha256, hex: to_hex(&state.finalize()) }
            }
            HasherState::Sha512(state) => {
                Digest { algorithm: DigestAlgorithm::Sha512, hex: to_hex(&state.finalize()) }
            }
        }
    }
}

fn to_hex(bytes: &[u8]) -> Box<str> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn accepts_what_it_prints() {
        let digest: Digest = EMPTY.parse().unwrap();
        assert_eq!(digest, Digest::sha256(b""));
        assert_eq!(digest.to_string(), EMPTY);
        let long = Digest::of(DigestAlgorithm::Sha512, b"x");
        assert_eq!(long.to_string().parse::<Digest>().unwrap(), long);
    }

    #[test]
    fn refuses_everything_else() {
        for input in [
            "",
            "sha256:",
            "sha256:../../../etc/passwd",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &EMPTY.to_uppercase(),
            &EMPTY.replace("e3b0", "E3B0"),
            &format!("{EMPTY}0"),
            &EMPTY[..EMPTY.len() - 1],
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ] {
            assert!(input.parse::<Digest>().is_err(), "{input}");
        }
    }
}
