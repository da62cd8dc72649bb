//! Logs of containers.

use std::sync::Arc;

use cove_api::{Error, LogLine, LogOptions, Result, ValueStream};

use crate::engine::Core;

/// The lines that are wanted.
pub(super) async fn logs(_core: &Arc<Core>, _name: &str, _options: LogOptions) -> Result<ValueStream<LogLine>> {
    Err(Error::unsupported("reading logs is not supported yet"))
}
