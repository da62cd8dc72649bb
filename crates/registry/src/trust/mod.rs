//! Whether an image may be used, and making what says so: signatures, where they are kept, and what policy.json demands
//! of them.
//!
//! [`admit`] is asked by everything that takes an image from somewhere, [`Signer`] makes signatures for what is brought
//! somewhere. There are two kinds: signed messages of OpenPGP (*simple signing*), which gpg and gpgv make and verify, and
//! sigstore's, by ordinary keys, as cosign makes them.

mod admit;
mod gpg;
mod identity;
mod key_file;
mod keys;
mod lookaside;
mod openpgp;
mod payload;
mod rekor;
mod signature;
mod signer;
mod sigstore;

pub use admit::admit;
pub(crate) use admit::check_rejected;
pub use gpg::{GpgSigner, key_owners};
pub use key_file::{KeyPair, generate_key_pair};
pub use lookaside::{add_signature, signature_folder};
pub use payload::SignedImage;
pub use signature::{SIGSTORE_TYPE, Signature, SignatureKind};
pub use signer::{Signer, Signing, verify_simple};
pub use sigstore::SigstoreSigner;

pub(crate) use lookaside::{Lookaside, check_number, read_folder, url_of, write_folder};
pub(crate) use signature::{MAX_SIGNATURE, MAX_SIGNATURES};
