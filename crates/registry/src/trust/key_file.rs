//! Private keys for sigstore's signatures, in files that only a passphrase opens: cosign's form (scrypt, then NaCl's
//! secretbox).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use serde::{Deserialize, Serialize};

use super::keys;

/// What stands around a private key; the second is what cosign wrote first.
const LABELS: [&str; 2] = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];
const KDF: &str = "scrypt";
const CIPHER: &str = "nacl/secretbox";
/// The cost of opening a key that is written: 2 to the power of this. More is not read by older programs.
const LOG_COST: u8 = 15;
/// The highest that is read: 128 MB of memory.
const MOST_LOG_COST: u32 = 17;
const TAG: usize = 16;

/// A new pair of keys, in PEM.
pub struct KeyPair {
    /// The private key, encrypted with a passphrase.
    pub private: String,
    /// The public key.
    pub public: String,
}

#[derive(Serialize, Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Cost,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Cost {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Makes a pair of keys (ECDSA, P-256). Blocks for some tenths of a second.
///
/// # Errors
/// The system has no random numbers; a text.
pub fn generate_key_pair(passphrase: &[u8]) -> Result<KeyPair, String> {
    let random = SystemRandom::new();
    let failed = |_| "making a key failed".to_owned();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random)
        .map_err(|error| error.to_string())?;
    Ok(KeyPair {
        private: encrypt(key.as_ref(), passphrase)?,
        public: keys::p256_pem(pair.public_key().as_ref())?,
    })
}

fn encrypt(key: &[u8], passphrase: &[u8]) -> Result<String, String> {
    let (mut salt, mut nonce) = ([0; 32], [0; 24]);
    let random = SystemRandom::new();
    random.fill(&mut salt).and_then(|()| random.fill(&mut nonce)).map_err(|_| "no random numbers")?;
    let secret = derive(passphrase, &salt, LOG_COST)?;
    let encrypted = Encrypted {
        kdf: Kdf {
            name: KDF.into(),
            params: Cost { n: 1 << LOG_COST, r: 8, p: 1 },
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher { name: CIPHER.into(), nonce: STANDARD.encode(nonce) },
        ciphertext: STANDARD.encode(seal(&secret, &nonce, key)),
    };
    let text = serde_json::to_vec(&encrypted).map_err(|error| error.to_string())?;
    pem_rfc7468::encode_string(LABELS[0], pem_rfc7468::LineEnding::LF, &text)
        .map_err(|error| error.to_string())
}

/// The PKCS #8 document of a private key's file. Blocks for some tenths of a second.
///
/// # Errors
/// It is no such file, or the passphrase is another one; a text.
pub(super) fn decrypt(file: &[u8], passphrase: &[u8]) -> Result<Vec<u8>, String> {
    let (label, text) = pem_rfc7468::decode_vec(file).map_err(|error| format!("no private key: {error}"))?;
    if !LABELS.contains(&label) {
        return Err(format!("no private key as cosign and skopeo write them, but {label:?}"));
    }
    let encrypted: Encrypted =
        serde_json::from_slice(&text).map_err(|error| format!("no usable private key: {error}"))?;
    let Kdf { name, params: Cost { n, r, p }, salt } = encrypted.kdf;
    let log_cost = n.trailing_zeros();
    if name != KDF || !n.is_power_of_two() || log_cost > MOST_LOG_COST || r != 8 || p != 1 {
        return Err(format!(
            "the private key is encrypted in an unknown way ({name:?}, N={n}, r={r}, p={p})"
        ));
    }
    if encrypted.cipher.name != CIPHER {
        return Err(format!("the private key is encrypted in an unknown way ({:?})", encrypted.cipher.name));
    }
    let decode =
        |text: &str| STANDARD.decode(text).map_err(|_| "no usable private key: no base64".to_owned());
    let nonce: [u8; 24] = decode(&encrypted.cipher.nonce)?
        .try_into()
        .map_err(|_| "no usable private key: its nonce has another length".to_owned())?;
    // At most 17, so it fits.
    let secret = derive(passphrase, &decode(&salt)?, log_cost as u8)?;
    open(&secret, &nonce, &decode(&encrypted.ciphertext)?)
        .ok_or_else(|| "the private key cannot be opened: another passphrase is needed".to_owned())
}

fn derive(passphrase: &[u8], salt: &[u8], log_cost: u8) -> Result<[u8; 32], String> {
    let cost = scrypt::Params::new(log_cost, 8, 1).map_err(|error| error.to_string())?;
    let mut secret = [0; 32];
    scrypt::scrypt(passphrase, salt, &cost, &mut secret).map_err(|error| error.to_string())?;
    Ok(secret)
}

/// NaCl's secretbox: a tag, then the text under XSalsa20, whose first 32 bytes are the tag's key.
fn seal(secret: &[u8; 32], nonce: &[u8; 24], text: &[u8]) -> Vec<u8> {
    let (tag_key, mut cipher) = begin(secret, nonce);
    let mut sealed = [&[0; TAG], text].concat();
    cipher.apply_keystream(&mut sealed[TAG..]);
    let tag = Poly1305::new(&tag_key.into()).compute_unpadded(&sealed[TAG..]);
    sealed[..TAG].copy_from_slice(&tag);
    sealed
}

fn open(secret: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Vec<u8>> {
    let (tag, text) = sealed.split_at_checked(TAG)?;
    let (tag_key, mut cipher) = begin(secret, nonce);
    let right = Poly1305::new(&tag_key.into()).compute_unpadded(text);
    // Who has the file to try may measure what he likes; the comparison tells him nothing that he could use.
    if right.as_slice() != tag {
        return None;
    }
    let mut text = text.to_vec();
    cipher.apply_keystream(&mut text);
    Some(text)
}

fn begin(secret: &[u8; 32], nonce: &[u8; 24]) -> ([u8; 32], XSalsa20) {
    let mut cipher = XSalsa20::new(&(*secret).into(), &(*nonce).into());
    let mut tag_key = [0; 32];
    cipher.apply_keystream(&mut tag_key);
    (tag_key, cipher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secretbox_as_nacl_has_it() {
        // The example of "Cryptography in NaCl", section 10, by its first bytes.
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let secret: [u8; 32] =
            hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389").try_into().unwrap();
        let nonce: [u8; 24] = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37").try_into().unwrap();
        let text = hex(concat!(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129",
            "6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde",
            "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705"
        ));
        let sealed = seal(&secret, &nonce, &text);
        assert_eq!(sealed[..TAG], hex("f3ffc7703f9400e52a7dfb4b3d3305d9"));
        assert_eq!(sealed[TAG..TAG + 4], hex("8e993b9f"));
        assert_eq!(open(&secret, &nonce, &sealed), Some(text));
    }

    #[test]
    fn only_the_passphrase_opens_a_key() {
        let pair = generate_key_pair(b"words").unwrap();
        let key = decrypt(pair.private.as_bytes(), b"words").unwrap();
        assert!(
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key, &SystemRandom::new()).is_ok()
        );
        let error = decrypt(pair.private.as_bytes(), b"other").unwrap_err();
        assert!(error.contains("another passphrase"), "{error}");
        assert!(pair.public.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{}", pair.public);
    }

    #[test]
    fn costs_are_bounded() {
        let text = |n: u64, name: &str| {
            let body = format!(
                r#"{{"kdf":{{"name":"{name}","params":{{"N":{n},"r":8,"p":1}},"salt":"AA=="}},"cipher":{{"name":"{CIPHER}","nonce":"AA=="}},"ciphertext":"AA=="}}"#
            );
            pem_rfc7468::encode_string(LABELS[1], pem_rfc7468::LineEnding::LF, body.as_bytes()).unwrap()
        };
        for (file, expected) in [
            (text(1 << 40, KDF), "unknown way"),
            (text(3, KDF), "unknown way"),
            (text(0, KDF), "unknown way"),
            (text(1 << 15, "argon2"), "unknown way"),
            (text(1 << 15, KDF), "nonce"),
            ("words".to_owned(), "no private key"),
        ] {
            let error = decrypt(file.as_bytes(), b"").unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
