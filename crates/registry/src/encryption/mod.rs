//! Encrypted layers, as containers/ocicrypt has them: each layer under a key of its own, which is sealed for the public
//! keys of those who may read it.

mod jwe;
mod keys;
mod layer;

pub use keys::{DecryptionKey, RecipientKey};
pub use layer::Encryption;
pub(crate) use layer::{Encryptor, OpenedLayer, Sealing, decrypted, is_encrypted, open};
