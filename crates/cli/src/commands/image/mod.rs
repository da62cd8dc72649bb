//! Images.

#[cfg(unix)]
pub(crate) mod build;
pub(crate) mod diff;
pub(crate) mod exists;
pub(crate) mod explain;
pub(crate) mod generate_sigstore_key;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod mount;
pub(crate) mod prune;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod remove;
pub(crate) mod save;
pub(crate) mod scp;
pub(crate) mod search;
pub(crate) mod sign;
pub(crate) mod standalone_sign;
pub(crate) mod standalone_verify;
pub(crate) mod tag;
pub(crate) mod tree;
pub(crate) mod trust;
pub(crate) mod unmount;
pub(crate) mod untag;
