//! Removal of what an engine lists, whatever it is.

use crate::Failure;
use crate::core::Core;
use crate::kinds::kind_of;

/// Removes all of `ids`; past errors, of which it answers the first.
pub(crate) async fn remove(core: &Core, kind: &str, ids: &[String], force: bool) -> Result<(), Failure> {
    let kind = kind_of(kind)?;
    let engine = core.engine()?;
    let mut result = Ok(());
    for id in ids {
        let removed = (kind.remove)(engine.as_ref(), id, force).await;
        result = result.and(removed);
    }
    result
}
