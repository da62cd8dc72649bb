//! What bears exactly the name that a file gives: the start of another's id is none of a file's names.

use cove_api::Result;

use crate::engine::{LocalEngine, blocking};
use crate::state::Lookup;

/// The id of the pod of that name.
pub(super) async fn pod(engine: &LocalEngine, name: &str) -> Result<Option<String>> {
    let name = name.to_owned();
    blocking(&engine.core, move |core| match core.database()?.find_pod(&name)? {
        Lookup::Found(pod) if pod.name == name => Ok(Some(pod.id)),
        _ => Ok(None),
    })
    .await
}

/// Whether a name of a container would be read as the start of another's id.
pub(super) async fn is_another_container(engine: &LocalEngine, name: &str) -> Result<bool> {
    let name = name.to_owned();
    blocking(&engine.core, move |core| match core.database()?.find_container(&name)? {
        Lookup::Found(row) => Ok(row.name != name),
        Lookup::Ambiguous => Ok(true),
        Lookup::Missing => Ok(false),
    })
    .await
}
