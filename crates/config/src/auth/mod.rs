//! Registry credentials: the files of containers-auth.json(5), Docker's config.json, credential helpers.

mod file;
mod helper;
mod store;

pub use file::AuthFile;
pub use helper::Helper;
pub use store::{CredentialStore, Credentials, Found, Saved, registry_key};
