//! A layer under a key of its own: AES-256 in counter mode, with an HMAC-SHA256 over what comes out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cove_api::KeyFile;
use cove_archive::{Digest, DigestAlgorithm, Hasher};
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use futures_util::{StreamExt, stream};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use super::jwe;
use super::keys::{DecryptionKey, RecipientKey};
use crate::error::{Error, Result};
use crate::image::{BlobStream, Layer};
use crate::manifest::{Descriptor, ManifestFormat, layer_media_type};

const SUFFIX: &str = "+encrypted";
/// The annotation with the layer's key, sealed: base64 of one or, with commas, of several documents.
const KEYS: &str = "org.opencontainers.image.enc.keys.jwe";
const ANY_KEYS: &str = "org.opencontainers.image.enc.keys.";
/// The annotation with what everybody may know.
const PUBLIC: &str = "org.opencontainers.image.enc.pubopts";
const CIPHER: &str = "AES_256_CTR_HMAC_SHA256";
const NONCE: &str = "nonce";

/// For whom layers are encrypted, and which.
#[derive(Clone, Debug, Default)]
pub struct Encryption {
    /// Who can read them; nothing is encrypted where there is nobody.
    pub recipients: Vec<RecipientKey>,
    /// The layers by their numbers from 0 on, or from the end with -1 on; all where this is empty.
    pub layers: Vec<i64>,
}

impl Encryption {
    /// For the keys in these files.
    ///
    /// # Errors
    /// A file has no key that can be used; a text.
    pub fn with_keys(files: &[KeyFile], layers: &[i64]) -> std::result::Result<Self, String> {
        let recipients = files.iter().map(|file| RecipientKey::from_file(&file.0));
        let recipients: std::result::Result<Vec<_>, _> = recipients.collect();
        let recipients = recipients.map_err(|reason| format!("--encryption-key: {reason}"))?;
        Ok(Self { recipients, layers: layers.to_vec() })
    }

    /// Whether anything is encrypted.
    pub fn is_asked(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Whether the layer with this number, of so many, is encrypted.
    pub(crate) fn is_for(&self, index: usize, count: usize) -> bool {
        let is = |wanted: &i64| {
            let from_end = i64::try_from(count).unwrap_or(i64::MAX) + wanted;
            i64::try_from(index).is_ok_and(|index| index == *wanted || (*wanted < 0 && index == from_end))
        };
        !self.recipients.is_empty() && (self.layers.is_empty() || self.layers.iter().any(is))
    }

    /// What encrypts this layer; `None` where it is not encrypted, or is already.
    pub(crate) fn encryptor(&self, layer: &Layer<'_>) -> Result<Option<Encryptor>> {
        match self.is_for(layer.index, layer.diff_ids.len()) && !is_encrypted(layer.descriptor) {
            true => Encryptor::new(&self.recipients).map(Some),
            false => Ok(None),
        }
    }

    /// Whether each of the numbers is one of a layer.
    ///
    /// # Errors
    /// One is not.
    pub(crate) fn check(&self, count: usize, image: &str) -> Result<()> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        match self.layers.iter().find(|wanted| !(-count..count).contains(*wanted)) {
            None => Ok(()),
            Some(wanted) => {
                Err(Error::image(image, format!("it has {count} layers, and no layer {wanted} to encrypt")))
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
struct PublicOptions {
    cipher: String,
    hmac: String,
    #[serde(default)]
    cipheroptions: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize)]
struct PrivateOptions {
    symkey: String,
    digest: Digest,
    cipheroptions: BTreeMap<String, String>,
}

/// Whether a layer's media type says that it is an encrypted layer.
pub(crate) fn is_encrypted(layer: &Descriptor) -> bool {
    // Of what is no layer at all no key makes one.
    let inner = layer.media_type.strip_suffix(SUFFIX);
    inner.is_some_and(|inner| Descriptor::new(inner, layer.digest.clone(), 0).layer_compression().is_some())
}

/// Encrypts one layer as it passes.
pub(crate) struct Encryptor {
    recipients: Vec<RecipientKey>,
    key: [u8; 32],
    nonce: [u8; 16],
    cipher: Ctr128BE<Aes256>,
    mac: hmac::Context,
    plain: Hasher,
    sealed: Hasher,
    size: u64,
}

impl Encryptor {
    pub(crate) fn new(recipients: &[RecipientKey]) -> Result<Self> {
        let (mut key, mut nonce) = ([0; 32], [0; 16]);
        let random = SystemRandom::new();
        random
            .fill(&mut key)
            .and_then(|()| random.fill(&mut nonce))
            .map_err(|_| Error::io("encrypting a layer", std::io::Error::other("no random numbers")))?;
        Ok(Self {
            recipients: recipients.to_vec(),
            key,
            nonce,
            cipher: Ctr128BE::new(&key.into(), &nonce.into()),
            mac: hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key)),
            plain: Hasher::new(DigestAlgorithm::Sha256),
            sealed: Hasher::new(DigestAlgorithm::Sha256),
            size: 0,
        })
    }

    /// Encrypts the next part in place.
    pub(crate) fn update(&mut self, data: &mut [u8]) {
        self.plain.update(data);
        self.cipher.apply_keystream(data);
        self.mac.update(data);
        self.sealed.update(data);
        self.size += data.len() as u64;
    }

    /// The descriptor of what came out; `packed` is that of what went in, whose digest is not needed.
    pub(crate) fn finish(self, packed: &Descriptor) -> Result<Descriptor> {
        let failed = |reason: String| Error::io("encrypting a layer", std::io::Error::other(reason));
        let private = PrivateOptions {
            symkey: STANDARD.encode(self.key),
            digest: self.plain.finish(),
            cipheroptions: [(NONCE.to_owned(), STANDARD.encode(self.nonce))].into(),
        };
        let public = PublicOptions {
            cipher: CIPHER.into(),
            hmac: STANDARD.encode(self.mac.sign()),
            cipheroptions: Some(BTreeMap::new()),
        };
        let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|error| failed(error.to_string()));
        let private = json(serde_json::to_vec(&private))?;
        let public = json(serde_json::to_vec(&public))?;
        let keys = jwe::seal(&private, &self.recipients).map_err(failed)?;
        // Docker has no encrypted layers.
        let kind = packed.layer_compression().map(|how| layer_media_type(ManifestFormat::Oci, how));
        let kind = format!("{}{SUFFIX}", kind.unwrap_or(&packed.media_type));
        let mut descriptor = Descriptor::new(&kind, self.sealed.finish(), self.size);
        descriptor.annotations.clone_from(&packed.annotations);
        descriptor.annotations.insert(KEYS.into(), STANDARD.encode(keys));
        descriptor.annotations.insert(PUBLIC.into(), STANDARD.encode(public));
        Ok(descriptor)
    }
}

/// A layer on its way to a destination, perhaps encrypted as it passes.
pub(crate) struct Sealing(Option<Arc<Mutex<Option<Encryptor>>>>);

impl Sealing {
    /// Begins; the stream is what is to be sent in place of `data`.
    pub(crate) fn begin(
        encryption: &Encryption,
        layer: &Layer<'_>,
        data: BlobStream,
    ) -> Result<(Self, BlobStream)> {
        let Some(encryptor) = encryption.encryptor(layer)? else { return Ok((Self(None), data)) };
        let shared = Arc::new(Mutex::new(Some(encryptor)));
        Ok((Self(Some(shared.clone())), encrypted(data, shared)))
    }

    /// The descriptor of what was sent; `packed` is that of what it was made of. The stream must have ended.
    pub(crate) fn finish(self, packed: Descriptor) -> Result<Descriptor> {
        let encryptor =
            self.0.and_then(|shared| shared.lock().unwrap_or_else(PoisonError::into_inner).take());
        match encryptor {
            None => Ok(packed),
            Some(encryptor) => encryptor.finish(&packed),
        }
    }
}

fn encrypted(data: BlobStream, encryptor: Arc<Mutex<Option<Encryptor>>>) -> BlobStream {
    Box::pin(data.map(move |piece| {
        let mut piece = Vec::from(piece?);
        if let Some(encryptor) = encryptor.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            encryptor.update(&mut piece);
        }
        Ok(Bytes::from(piece))
    }))
}

/// An encrypted layer whose key is known.
#[derive(Clone)]
pub(crate) struct OpenedLayer {
    /// What is in it.
    pub(crate) plain: Descriptor,
    key: [u8; 32],
    nonce: [u8; 16],
    mac: Vec<u8>,
}

/// Opens a layer's key with one of these. `image` stands for the image in messages.
///
/// # Errors
/// It is sealed for other keys, in an unknown way, or malformed.
pub(crate) fn open(layer: &Descriptor, keys: &[DecryptionKey], image: &str) -> Result<OpenedLayer> {
    let wrong = |reason: String| Error::image(image, format!("encrypted layer {}: {reason}", layer.digest));
    let annotation = |name: &str| -> Result<&String> {
        layer.annotations.get(name).ok_or_else(|| wrong(format!("it lacks the annotation {name}")))
    };
    let decode =
        |text: &str| STANDARD.decode(text).map_err(|_| wrong("an annotation is not base64".to_owned()));
    if keys.is_empty() {
        return Err(wrong(
            "missing private key needed for decryption: name one with --decryption-key".into(),
        ));
    }
    if !layer.annotations.contains_key(KEYS)
        && let Some(other) = layer.annotations.keys().find(|key| key.starts_with(ANY_KEYS))
    {
        let way = other.trim_start_matches(ANY_KEYS);
        return Err(wrong(format!("its key is sealed with {way}, which cannot be opened (only jwe can)")));
    }
    let public: PublicOptions =
        serde_json::from_slice(&decode(annotation(PUBLIC)?)?).map_err(|error| wrong(error.to_string()))?;
    if public.cipher != CIPHER {
        return Err(wrong(format!("the cipher {:?} is not known", public.cipher)));
    }
    let (mut opened, mut failure) = (None, None);
    for sealed in annotation(KEYS)?.split(',') {
        match jwe::open(&decode(sealed)?, keys) {
            Ok(None) => {}
            Ok(found) => {
                opened = found;
                break;
            }
            Err(reason) => failure = Some(reason),
        }
    }
    let opened = opened.ok_or_else(|| {
        let other = || "it is encrypted for other keys than those of --decryption-key".to_owned();
        wrong(failure.unwrap_or_else(other))
    })?;
    let private: PrivateOptions =
        serde_json::from_slice(&opened).map_err(|error| wrong(error.to_string()))?;
    let nonce = private.cipheroptions.get(NONCE).cloned().unwrap_or_default();
    let length = |_| wrong("its key or nonce has another length".to_owned());
    let mut plain = layer.clone();
    plain.media_type = layer.media_type.trim_end_matches(SUFFIX).to_owned();
    plain.digest = private.digest;
    plain.annotations.retain(|key, _| key != PUBLIC && !key.starts_with(ANY_KEYS));
    Ok(OpenedLayer {
        plain,
        key: decode(&private.symkey)?.try_into().map_err(|key: Vec<u8>| length(key.len()))?,
        nonce: decode(&nonce)?.try_into().map_err(|nonce: Vec<u8>| length(nonce.len()))?,
        mac: decode(&public.hmac)?,
    })
}

/// What is in an encrypted layer; fails in place of its end where it was changed.
pub(crate) fn decrypted(data: BlobStream, layer: &OpenedLayer) -> BlobStream {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &layer.key);
    let state = Decrypting {
        data,
        cipher: Ctr128BE::new(&layer.key.into(), &layer.nonce.into()),
        mac: Some(hmac::Context::with_key(&key)),
        expected: layer.mac.clone(),
    };
    Box::pin(stream::try_unfold(state, |mut state| async move {
        match state.data.next().await {
            Some(piece) => {
                let mut piece = Vec::from(piece?);
                if let Some(mac) = &mut state.mac {
                    mac.update(&piece);
                }
                state.cipher.apply_keystream(&mut piece);
                Ok(Some((Bytes::from(piece), state)))
            }
            None => match state.mac.take().map(hmac::Context::sign) {
                Some(mac) if mac.as_ref() != state.expected => {
                    let told = "an encrypted layer was changed after it was encrypted";
                    Err(std::io::Error::new(std::io::ErrorKind::InvalidData, told))
                }
                _ => Ok(None),
            },
        }
    }))
}

struct Decrypting {
    data: BlobStream,
    cipher: Ctr128BE<Aes256>,
    mac: Option<hmac::Context>,
    expected: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::media_type;

    #[test]
    fn layers_are_chosen_by_number() {
        let (_, recipient) = keys();
        let encryption =
            |layers: &[i64]| Encryption { recipients: vec![recipient.clone()], layers: layers.to_vec() };
        let chosen = |layers: &[i64]| -> Vec<usize> {
            (0..3).filter(|index| encryption(layers).is_for(*index, 3)).collect()
        };
        assert_eq!(chosen(&[]), [0, 1, 2]);
        assert_eq!(chosen(&[0, -1]), [0, 2]);
        assert_eq!(chosen(&[-3]), [0]);
        assert!(!Encryption::default().is_for(0, 3));
        assert!(encryption(&[2, -3]).check(3, "x").is_ok());
        for wrong in [3, -4] {
            assert!(encryption(&[wrong]).check(3, "x").is_err());
        }
    }

    /// A pair of keys on P-256, as openssl writes them.
    fn keys() -> (DecryptionKey, RecipientKey) {
        let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let document = secret.to_sec1_der().unwrap();
        let public = spki::EncodePublicKey::to_public_key_der(&secret.public_key()).unwrap();
        (DecryptionKey::from_file(&document).unwrap(), RecipientKey::from_file(public.as_bytes()).unwrap())
    }

    async fn all(mut stream: BlobStream) -> std::io::Result<Vec<u8>> {
        let mut data = Vec::new();
        while let Some(piece) = stream.next().await {
            data.extend(piece?);
        }
        Ok(data)
    }

    #[tokio::test]
    async fn layers_pass_there_and_back() {
        let (secret, recipient) = keys();
        let text = b"a layer of some length".repeat(100);
        let encryptor = Arc::new(Mutex::new(Some(Encryptor::new(&[recipient]).unwrap())));
        let pieces: Vec<_> = text.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let sealed = all(encrypted(Box::pin(stream::iter(pieces)), encryptor.clone())).await.unwrap();
        let packed = Descriptor::of(media_type::DOCKER_LAYER_GZIP, b"");
        let descriptor = Sealing(Some(encryptor)).finish(packed).unwrap();
        assert_eq!(descriptor.digest, Digest::sha256(&sealed));
        assert_ne!(sealed, text);
        assert!(is_encrypted(&descriptor));
        let opened = open(&descriptor, &[secret], "img").unwrap();
        assert_eq!(
            (opened.plain.media_type.as_str(), &opened.plain.digest),
            (media_type::OCI_LAYER_GZIP, &Digest::sha256(&text))
        );
        assert!(opened.plain.annotations.is_empty());
        let stream = |data: Vec<u8>| crate::stream::from_bytes(Bytes::from(data));
        assert_eq!(all(decrypted(stream(sealed.clone()), &opened)).await.unwrap(), text);
        let mut changed = sealed;
        changed[9] ^= 1;
        assert!(all(decrypted(stream(changed), &opened)).await.unwrap_err().to_string().contains("changed"));
        let error = open(&descriptor, &[], "img").err().unwrap().to_string();
        assert!(error.contains("missing private key"), "{error}");
    }
}
