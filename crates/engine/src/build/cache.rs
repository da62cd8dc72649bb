//! Which image an earlier build has made of the same step.
//!
//! An image that a step has made carries a document with the step's key, which only the engine that made it writes: what
//! comes from elsewhere, whatever its history says, is never taken for a step.

use cove_api::{BuildOptions, Result, Timestamp};
use cove_storage::Digest;
use serde_json::Value;

use crate::engine::Core;
use crate::error::storage;

/// The name of that document in the store.
pub(super) const KEY_NAME: &str = "cove-build-key";

/// What an image of a step depends on, as a text of fixed length.
pub(super) fn key(inputs: &Value) -> String {
    Digest::sha256(inputs.to_string().as_bytes()).hex().to_owned()
}

/// When the oldest image was made that is still used; [`None`] for none that is too old.
pub(super) fn oldest(options: &BuildOptions) -> Option<Timestamp> {
    // Nothing is older than the time that can be told.
    Timestamp::now().checked_sub(options.cache_ttl?).ok()
}

/// The image that a step with that key has made, unless it is too old.
pub(super) fn find(core: &Core, key: &str, oldest: Option<Timestamp>) -> Result<Option<String>> {
    let digest = Digest::sha256(key.as_bytes());
    let images = core.store()?.images().map_err(storage)?;
    let made = images
        .iter()
        .filter(|image| oldest.is_none_or(|oldest| image.created >= oldest))
        .filter(|image| image.data_digests.get(KEY_NAME).is_some_and(|known| known == digest.as_str()));
    Ok(made.max_by_key(|image| image.created).map(|image| image.id.clone()))
}
