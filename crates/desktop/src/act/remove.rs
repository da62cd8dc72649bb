//! Removal of what an engine lists, whatever it is.

use cove_api::ErrorKind;

use crate::Failure;
use crate::core::Core;
use crate::kinds::LISTED;

/// Removes all of `ids`; past errors, of which it answers the first.
pub(crate) async fn remove(core: &Core, kind: &str, ids: &[String], force: bool) -> Result<(), Failure> {
    let unknown = || Failure::new(ErrorKind::InvalidArgument, format!("there is no kind {kind:?}"));
    let kind = LISTED.iter().find(|listed| listed.events == kind).ok_or_else(unknown)?;
    let engine = core.engine()?;
    let mut result = Ok(());
    for id in ids {
        let removed = (kind.remove)(engine.as_ref(), id, force).await;
        result = result.and(removed);
    }
    result
}
