//! `generate spec`: the request by which a container or pod like one that exists is made.

use cove_api::{Error, ErrorKind, Result};

use crate::container::request_like;
use crate::engine::Core;
use crate::pod::free_name;

/// The request as libpod's JSON, with a name that nobody has where `rename` is true.
pub(super) fn spec(core: &Core, name: &str, rename: bool) -> Result<serde_json::Value> {
    let json = |result: serde_json::Result<serde_json::Value>| {
        result.map_err(|error| Error::internal(error.to_string()))
    };
    match core.find_container(name) {
        Ok(row) => {
            let mut request = request_like(core, &row)?;
            if !rename {
                request.name.clone_from(&row.name);
            }
            json(serde_json::to_value(request))
        }
        Err(error) if error.kind == ErrorKind::NotFound => {
            let pod = core.find_pod(name).map_err(|error| match error.kind {
                ErrorKind::NotFound => Error::new(
                    ErrorKind::NotFound,
                    format!("could not find a pod or container with the id {name}"),
                ),
                _ => error,
            })?;
            let mut request = core.database()?.pod_request(&pod.id)?;
            request.name = if rename { free_name(core, &pod.name)? } else { pod.name };
            json(serde_json::to_value(request))
        }
        Err(error) => Err(error),
    }
}
