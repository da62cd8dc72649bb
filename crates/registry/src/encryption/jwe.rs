//! Sealing for public keys: JSON Web Encryption (RFC 7516) in its JSON form, with ECDH-ES+A256KW and A256GCM, which is
//! what containers/ocicrypt writes for keys on curves.

use aes_kw::{KeyInit, KwAes256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::keys::{DecryptionKey, Public, RecipientKey};

const AGREEMENT: &str = "ECDH-ES+A256KW";
const CONTENT: &str = "A256GCM";
const TAG: usize = 16;
/// Most recipients that are tried.
const MAX_RECIPIENTS: usize = 128;

#[derive(Default, Serialize, Deserialize)]
struct Message {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protected: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unprotected: Option<Header>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encrypted_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipients: Option<Vec<Recipient>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aad: Option<String>,
    iv: String,
    ciphertext: String,
    tag: String,
}

#[derive(Serialize, Deserialize)]
struct Recipient {
    #[serde(default)]
    header: Header,
    #[serde(default)]
    encrypted_key: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Header {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enc: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epk: Option<PointKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apu: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

/// A public key on a curve (RFC 7518, 6.2).
#[derive(Clone, Serialize, Deserialize)]
struct PointKey {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

impl Header {
    /// What this says, and where it says nothing the other.
    fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            alg: self.alg.or(other.alg),
            enc: self.enc.or(other.enc),
            epk: self.epk.or(other.epk),
            apu: self.apu.or(other.apu),
            apv: self.apv.or(other.apv),
            zip: self.zip.or(other.zip),
            crit: self.crit.or(other.crit),
        }
    }
}

/// Seals a text for everybody who has one of these keys.
///
/// # Errors
/// There is no key, or the system has no random numbers; a text.
pub(super) fn seal(text: &[u8], keys: &[RecipientKey]) -> Result<Vec<u8>, String> {
    let random = SystemRandom::new();
    let (mut content_key, mut iv) = ([0; 32], [0; 12]);
    random.fill(&mut content_key).and_then(|()| random.fill(&mut iv)).map_err(|_| "no random numbers")?;
    let mut recipients = Vec::new();
    for key in keys {
        let (once, secret) = key.0.once()?;
        let (x, y) = once.coordinates();
        let epk = PointKey {
            kty: "EC".into(),
            crv: once.curve().into(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        };
        let mut wrapped = [0; 40];
        wrapping(&secret, &[], &[])
            .wrap_key(&content_key, &mut wrapped)
            .map_err(|error| error.to_string())?;
        let header = Header { alg: Some(AGREEMENT.into()), epk: Some(epk), ..Header::default() };
        recipients.push(Recipient { header, encrypted_key: URL_SAFE_NO_PAD.encode(wrapped) });
    }
    let mut protected = Header { enc: Some(CONTENT.into()), ..Header::default() };
    let mut message = Message::default();
    // A single one is written without a list, and its header is protected, too.
    match <[Recipient; 1]>::try_from(recipients) {
        Ok([only]) => {
            protected = only.header.or(&protected);
            message.encrypted_key = Some(only.encrypted_key);
        }
        Err(recipients) if recipients.is_empty() => return Err("there is nobody to encrypt for".to_owned()),
        Err(recipients) => message.recipients = Some(recipients),
    }
    let protected =
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&protected).map_err(|error| error.to_string())?);
    let mut sealed = text.to_vec();
    content_cipher(&content_key)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(protected.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| "sealing failed")?;
    let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG);
    message.iv = URL_SAFE_NO_PAD.encode(iv);
    message.ciphertext = URL_SAFE_NO_PAD.encode(ciphertext);
    message.tag = URL_SAFE_NO_PAD.encode(tag);
    message.protected = Some(protected);
    serde_json::to_vec(&message).map_err(|error| error.to_string())
}

/// Opens what is sealed for one of these keys; `None` where it is for none of them.
///
/// # Errors
/// It is malformed, or in a way that is not known; a text.
pub(super) fn open(message: &[u8], keys: &[DecryptionKey]) -> Result<Option<Vec<u8>>, String> {
    let message: Message =
        serde_json::from_slice(message).map_err(|error| format!("the sealed key is malformed: {error}"))?;
    let protected = match &message.protected {
        None => Header::default(),
        Some(text) => serde_json::from_slice(&decode(text)?)
            .map_err(|error| format!("the sealed key is malformed: {error}"))?,
    };
    let shared = protected.or(&message.unprotected.clone().unwrap_or_default());
    let recipients = match (&message.recipients, &message.encrypted_key) {
        (Some(list), None) if list.len() <= MAX_RECIPIENTS => {
            list.iter().map(|one| (shared.clone().or(&one.header), one.encrypted_key.clone())).collect()
        }
        (None, Some(key)) => {
            vec![(shared.clone().or(&message.header.clone().unwrap_or_default()), key.clone())]
        }
        _ => return Err("the sealed key is malformed: its recipients".to_owned()),
    };
    let mut unknown = None;
    for (header, wrapped) in recipients {
        if header.enc.as_deref() != Some(CONTENT) || header.zip.is_some() || header.crit.is_some() {
            return Err(format!(
                "the key is sealed in an unknown way ({:?})",
                header.enc.unwrap_or_default()
            ));
        }
        if header.alg.as_deref() != Some(AGREEMENT) {
            unknown = header.alg;
            continue;
        }
        for key in keys {
            if let Some(content_key) = unwrap(&header, &decode(&wrapped)?, key)? {
                return content(&message, &content_key).map(Some);
            }
        }
    }
    match unknown {
        Some(algorithm) => Err(format!("the key is sealed with {algorithm}, which cannot be opened")),
        None => Ok(None),
    }
}

fn unwrap(header: &Header, wrapped: &[u8], key: &DecryptionKey) -> Result<Option<[u8; 32]>, String> {
    let point = header.epk.as_ref().filter(|point| point.kty == "EC");
    let point = point.ok_or("the sealed key is malformed: it has no epk")?;
    let once = Public::from_coordinates(&point.crv, &decode(&point.x)?, &decode(&point.y)?)
        .ok_or("the sealed key is malformed: its epk is no point of a known curve")?;
    let Some(secret) = key.agree(&once) else { return Ok(None) };
    let party = |text: &Option<String>| decode(text.as_deref().unwrap_or_default());
    let mut opened = [0; 32];
    if wrapped.len() != opened.len() + 8 {
        return Err("the sealed key is malformed: its length".to_owned());
    }
    let wrapping = wrapping(&secret, &party(&header.apu)?, &party(&header.apv)?);
    Ok(wrapping.unwrap_key(wrapped, &mut opened).is_ok().then_some(opened))
}

fn content(message: &Message, key: &[u8; 32]) -> Result<Vec<u8>, String> {
    let iv = decode(&message.iv)?.try_into().map_err(|_| "the sealed key is malformed: its iv")?;
    let mut aad = message.protected.clone().unwrap_or_default();
    if let Some(more) = &message.aad {
        aad.push('.');
        aad.push_str(more);
    }
    let mut sealed = decode(&message.ciphertext)?;
    sealed.extend(decode(&message.tag)?);
    let opened = content_cipher(key)?
        .open_in_place(Nonce::assume_unique_for_key(iv), Aad::from(aad.as_bytes()), &mut sealed)
        .map_err(|_| "the sealed key was changed after it was sealed")?;
    Ok(opened.to_vec())
}

fn content_cipher(key: &[u8; 32]) -> Result<LessSafeKey, String> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| "the cipher is not there".to_owned())
}

/// The key that wraps, of what two keys have in common (RFC 7518, 4.6.2: one round of the Concat KDF).
fn wrapping(secret: &[u8], apu: &[u8], apv: &[u8]) -> KwAes256 {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&1_u32.to_be_bytes());
    hash.update(secret);
    for part in [AGREEMENT.as_bytes(), apu, apv] {
        // Header fields, whose document is bounded.
        hash.update(&(part.len() as u32).to_be_bytes());
        hash.update(part);
    }
    hash.update(&256_u32.to_be_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(hash.finish().as_ref());
    KwAes256::new(&key.into())
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "the sealed key is malformed: no base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pair of keys on each curve, from a number.
    fn pair(curve: &str, number: u8) -> (DecryptionKey, RecipientKey) {
        let length = match curve {
            "P-256" => 32,
            "P-384" => 48,
            _ => 66,
        };
        let mut scalar = vec![0; length];
        scalar[length - 1] = number;
        // SEC 1's ECPrivateKey: version, number, and which curve.
        let oid: &[u8] = match curve {
            "P-256" => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            "P-384" => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
            _ => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
        };
        let small = |number: usize| u8::try_from(number).unwrap();
        let body = [&[0x02, 1, 1, 0x04, small(length)], &scalar[..], &[0xa0, small(oid.len())], oid].concat();
        let document = [&[0x30, small(body.len())], &body[..]].concat();
        let secret = DecryptionKey::from_file(&document).unwrap();
        let public = match &document.len() {
            _ if curve == "P-256" => Public::P256(p256::SecretKey::from_slice(&scalar).unwrap().public_key()),
            _ if curve == "P-384" => Public::P384(p384::SecretKey::from_slice(&scalar).unwrap().public_key()),
            _ => Public::P521(p521::SecretKey::from_slice(&scalar).unwrap().public_key()),
        };
        (secret, RecipientKey(public))
    }

    #[test]
    fn sealed_for_some_and_for_nobody_else() {
        let curves = ["P-256", "P-384", "P-521"];
        let pairs: Vec<_> = curves.iter().map(|curve| pair(curve, 5)).collect();
        for (secret, public) in &pairs {
            let sealed = seal(b"text", std::slice::from_ref(public)).unwrap();
            assert_eq!(open(&sealed, std::slice::from_ref(secret)).unwrap(), Some(b"text".to_vec()));
            for curve in curves {
                assert_eq!(open(&sealed, &[pair(curve, 6).0]).unwrap(), None);
            }
        }
        let all: Vec<_> = pairs.iter().map(|(_, public)| public.clone()).collect();
        let sealed = seal(b"text", &all).unwrap();
        for (secret, _) in &pairs {
            assert_eq!(open(&sealed, std::slice::from_ref(secret)).unwrap(), Some(b"text".to_vec()));
        }
        assert_eq!(open(&sealed, &[]).unwrap(), None);
        assert!(seal(b"text", &[]).is_err());
    }

    #[test]
    fn changed_and_malformed() {
        let (secret, public) = pair("P-256", 7);
        let sealed = String::from_utf8(seal(b"text", &[public]).unwrap()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        let with = |key: &str, text: &str| {
            let mut changed = value.clone();
            changed[key] = text.into();
            open(changed.to_string().as_bytes(), std::slice::from_ref(&secret))
        };
        assert!(with("ciphertext", "AAAAAA").unwrap_err().contains("changed"));
        assert!(with("protected", "e30").unwrap_err().contains("unknown way"));
        assert!(with("encrypted_key", "AAAA").unwrap_err().contains("length"));
        assert!(with("iv", "?").unwrap_err().contains("no base64"));
        let other = URL_SAFE_NO_PAD.encode(r#"{"enc":"A256GCM","alg":"RSA-OAEP"}"#);
        assert!(with("protected", &other).unwrap_err().contains("RSA-OAEP"));
        assert!(open(b"{}", &[]).is_err());
    }
}
