//! Content digests, checked when they are parsed, so that one can be a file name or part of a URL without a second look.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The hash functions that are accepted: those that both containers/storage and registries use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// SHA-256, 64 hexadecimal digits.
    Sha256,
    /// SHA-384, 96 hexadecimal digits.
    Sha384,
    /// SHA-512, 128 hexadecimal digits.
    Sha512,
}

impl DigestAlgorithm {
    /// Its name as written before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

/// A text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid digest {input:?}: {reason}")]
pub struct InvalidDigest {
    /// As given, shortened.
    pub input: String,
    /// The rule it breaks.
    pub reason: String,
}

/// A digest such as `sha256:…`: a known algorithm and exactly its number of lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    text: Box<str>,
}

impl Digest {
    /// The SHA-256 of `data`.
    pub fn sha256(data: &[u8]) -> Self {
        Self::of(DigestAlgorithm::Sha256, data)
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
    /// It is something else.
    pub fn from_sha256_hex(hex: &str) -> Result<Self, InvalidDigest> {
        Self::checked(DigestAlgorithm::Sha256, hex, hex)
    }

    /// The hash function.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// `ALGORITHM:DIGITS`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The hexadecimal digits, safe as a file name.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.name().len() + 1..]
    }

    /// Whether `data` has this digest.
    pub fn matches(&self, data: &[u8]) -> bool {
        Self::of(self.algorithm, data) == *self
    }

    fn checked(algorithm: DigestAlgorithm, hex: &str, input: &str) -> Result<Self, InvalidDigest> {
        let wrong = |reason: String| InvalidDigest { input: shorten(input), reason };
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
        Ok(Self { algorithm, text: format!("{}:{hex}", algorithm.name()).into() })
    }

    fn from_hash(algorithm: DigestAlgorithm, hash: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(8 + hash.len() * 2);
        text.push_str(algorithm.name());
        text.push(':');
        for byte in hash {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Self { algorithm, text: text.into() }
    }
}

fn shorten(input: &str) -> String {
    input.chars().take(160).collect()
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(input: &str) -> Result<Self, InvalidDigest> {
        let wrong = |reason: &str| InvalidDigest { input: shorten(input), reason: reason.into() };
        let (algorithm, hex) =
            input.split_once(':').ok_or_else(|| wrong("expected ALGORITHM:HEXADECIMAL-DIGITS"))?;
        let algorithm = match algorithm {
            "sha256" => DigestAlgorithm::Sha256,
            "sha384" => DigestAlgorithm::Sha384,
            "sha512" => DigestAlgorithm::Sha512,
            _ => return Err(wrong("unsupported digest algorithm (known: sha256, sha384, sha512)")),
        };
        Self::checked(algorithm, hex, input)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
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
pub struct Hasher(State);

#[derive(Clone, Debug)]
enum State {
    Sha256(Sha256),
    Sha384(Box<Sha384>),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// An empty hash of `algorithm`.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            DigestAlgorithm::Sha384 => State::Sha384(Box::new(Sha384::new())),
            DigestAlgorithm::Sha512 => State::Sha512(Box::new(Sha512::new())),
        })
    }

    /// Adds `data`.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(data),
            State::Sha384(state) => state.update(data),
            State::Sha512(state) => state.update(data),
        }
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::from_hash(DigestAlgorithm::Sha256, &state.finalize()),
            State::Sha384(state) => Digest::from_hash(DigestAlgorithm::Sha384, &state.finalize()),
            State::Sha512(state) => Digest::from_hash(DigestAlgorithm::Sha512, &state.finalize()),
        }
    }
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
        assert_eq!(digest.hex(), &EMPTY[7..]);
        for algorithm in [DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
            let long = Digest::of(algorithm, b"x");
            assert_eq!(long.as_str().parse::<Digest>().unwrap(), long);
            assert!(long.matches(b"x") && !long.matches(b"y"));
        }
    }

    #[test]
    fn refuses_everything_else() {
        for input in [
            "",
            "sha256",
            "sha25",
            "sha256:",
            "sha256:../../../etc/passwd",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &EMPTY.to_uppercase(),
            &EMPTY.replace("e3b0", "E3B0"),
            &EMPTY.replace("sha256", "sha512"),
            &format!("{EMPTY}0"),
            &EMPTY[..EMPTY.len() - 1],
            &EMPTY[7..],
        ] {
            assert!(input.parse::<Digest>().is_err(), "{input}");
        }
        let long = "x".repeat(100_000).parse::<Digest>().unwrap_err();
        assert!(long.to_string().len() < 300);
    }
}
