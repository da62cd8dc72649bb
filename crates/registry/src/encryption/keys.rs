//! The keys of those who read encrypted layers: on the curves P-256, P-384 and P-521.

use cove_api::KeyFile;
use p256::elliptic_curve::sec1::ToSec1Point;
use ring::rand::{SecureRandom, SystemRandom};
use spki::DecodePublicKey;

/// A public key for which a layer's key is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct RecipientKey(pub(super) Public);

/// A private key, which opens what is sealed for its public key.
#[derive(Clone)]
pub struct DecryptionKey(Secret);

impl std::fmt::Debug for RecipientKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("RecipientKey").field(&self.0.curve()).finish()
    }
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DecryptionKey")
    }
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Public {
    P256(p256::PublicKey),
    P384(p384::PublicKey),
    P521(p521::PublicKey),
}

#[derive(Clone)]
enum Secret {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
}

impl RecipientKey {
    /// Of a file with a public key: PEM, or its plain form (SubjectPublicKeyInfo, DER).
    ///
    /// # Errors
    /// It is none, or one of another sort; a text.
    pub fn from_file(data: &[u8]) -> Result<Self, String> {
        let document = match pem_rfc7468::decode_vec(data) {
            Ok(("PUBLIC KEY", document)) => document,
            Ok((label, _)) => return Err(format!("no public key, but {label:?}")),
            Err(_) => data.to_vec(),
        };
        let key = p256::PublicKey::from_public_key_der(&document)
            .map(Public::P256)
            .or_else(|_| p384::PublicKey::from_public_key_der(&document).map(Public::P384))
            .or_else(|_| p521::PublicKey::from_public_key_der(&document).map(Public::P521));
        key.map(Self).map_err(|_| {
            "no public key of the curves P-256, P-384 or P-521 (others cannot be used)".to_owned()
        })
    }
}

impl DecryptionKey {
    /// Those in these files.
    ///
    /// # Errors
    /// As [`DecryptionKey::from_file`].
    pub fn of_files(files: &[KeyFile]) -> Result<Vec<Self>, String> {
        let keys = files.iter().map(|file| Self::from_file(&file.0));
        keys.collect::<Result<_, _>>().map_err(|reason| format!("--decryption-key: {reason}"))
    }

    /// Of a file with a private key: PEM (PKCS #8 or SEC 1), or its plain form.
    ///
    /// # Errors
    /// It is none, one of another sort, or encrypted itself; a text.
    pub fn from_file(data: &[u8]) -> Result<Self, String> {
        let document = match pem_rfc7468::decode_vec(data) {
            Ok(("PRIVATE KEY" | "EC PRIVATE KEY", document)) => document,
            Ok(("ENCRYPTED PRIVATE KEY", _)) => {
                return Err("the private key is encrypted itself: take one without a passphrase".to_owned());
            }
            Ok((label, _)) => return Err(format!("no private key that can be used, but {label:?}")),
            Err(_) => data.to_vec(),
        };
        let key = p256::SecretKey::from_der(&document)
            .map(Secret::P256)
            .or_else(|_| p384::SecretKey::from_der(&document).map(Secret::P384))
            .or_else(|_| p521::SecretKey::from_der(&document).map(Secret::P521));
        key.map(Self).map_err(|_| {
            "no private key of the curves P-256, P-384 or P-521 (others, or with a passphrase, cannot be used)"
                .to_owned()
        })
    }

    /// What this key and that public one have in common; `None` where it is of another curve.
    pub(super) fn agree(&self, public: &Public) -> Option<Vec<u8>> {
        Some(match (&self.0, public) {
            (Secret::P256(own), Public::P256(other)) => own.diffie_hellman(other).raw_secret_bytes().to_vec(),
            (Secret::P384(own), Public::P384(other)) => own.diffie_hellman(other).raw_secret_bytes().to_vec(),
            (Secret::P521(own), Public::P521(other)) => own.diffie_hellman(other).raw_secret_bytes().to_vec(),
            _ => return None,
        })
    }
}

impl Public {
    /// The curve's name in JSON Web Keys.
    pub(super) fn curve(&self) -> &'static str {
        match self {
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::P521(_) => "P-521",
        }
    }

    /// The point's two coordinates, at their whole length.
    pub(super) fn coordinates(&self) -> (Vec<u8>, Vec<u8>) {
        let point = match self {
            Self::P256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Self::P521(key) => key.to_sec1_point(false).as_bytes().to_vec(),
        };
        // The first byte says that both follow.
        let (x, y) = point[1..].split_at((point.len() - 1) / 2);
        (x.to_vec(), y.to_vec())
    }

    /// The point with these coordinates; `None` where it is none of the curve.
    pub(super) fn from_coordinates(curve: &str, x: &[u8], y: &[u8]) -> Option<Self> {
        let point = |length: usize| -> Option<Vec<u8>> {
            (x.len() == length && y.len() == length).then(|| [&[4], x, y].concat())
        };
        match curve {
            "P-256" => p256::PublicKey::from_sec1_bytes(&point(32)?).ok().map(Self::P256),
            "P-384" => p384::PublicKey::from_sec1_bytes(&point(48)?).ok().map(Self::P384),
            "P-521" => p521::PublicKey::from_sec1_bytes(&point(66)?).ok().map(Self::P521),
            _ => None,
        }
    }

    /// A new key for this once: its public part, and what it has in common with this key.
    pub(super) fn once(&self) -> Result<(Self, Vec<u8>), String> {
        let random = SystemRandom::new();
        let mut bytes = [0; 66];
        // A number beyond the curve's order is no key; that happens about never, but for P-521's odd bits.
        loop {
            random.fill(&mut bytes).map_err(|_| "no random numbers")?;
            if matches!(self, Self::P521(_)) {
                bytes[0] &= 1;
            }
            let made = match self {
                Self::P256(other) => p256::SecretKey::from_slice(&bytes[..32]).ok().map(|own| {
                    (Self::P256(own.public_key()), own.diffie_hellman(other).raw_secret_bytes().to_vec())
                }),
                Self::P384(other) => p384::SecretKey::from_slice(&bytes[..48]).ok().map(|own| {
                    (Self::P384(own.public_key()), own.diffie_hellman(other).raw_secret_bytes().to_vec())
                }),
                Self::P521(other) => p521::SecretKey::from_slice(&bytes).ok().map(|own| {
                    (Self::P521(own.public_key()), own.diffie_hellman(other).raw_secret_bytes().to_vec())
                }),
            };
            if let Some(made) = made {
                return Ok(made);
            }
        }
    }
}
