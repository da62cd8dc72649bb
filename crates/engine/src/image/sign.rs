//! Signatures of what is pushed, and keys of encrypted layers.

use cove_api::{Error, KeyFile, PushOptions, Result, SigningKeys};
use cove_registry::{
    DecryptionKey, Digest, Encryption, ImageDestination as _, Reference, RegistryDestination, Signing,
};

/// Those who sign with these keys. Blocks.
pub(crate) fn signing(keys: &SigningKeys) -> Result<Signing> {
    Signing::with_keys(keys).map_err(Error::invalid)
}

/// For whom layers are encrypted.
pub(crate) fn encryption(options: &PushOptions) -> Result<Encryption> {
    Encryption::with_keys(&options.encryption_keys, &options.encrypt_layers).map_err(Error::invalid)
}

/// With what encrypted layers are opened.
pub(crate) fn decryption(files: &[KeyFile]) -> Result<Vec<DecryptionKey>> {
    DecryptionKey::of_files(files).map_err(Error::invalid)
}

/// Signs a manifest that is brought there, and keeps the signatures.
pub(crate) async fn sign(
    destination: &RegistryDestination,
    name: &Reference,
    signing: &Signing,
    manifest: &Digest,
) -> Result<()> {
    let mut signatures = Vec::new();
    for signer in &signing.signers {
        destination.check_signatures(signer.kind())?;
        signatures.push(signer.sign(manifest, name).await?);
    }
    Ok(destination.put_signatures(manifest, &signatures).await?)
}
