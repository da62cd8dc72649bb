//! `cove system connection …`

use cove_config::connections::Connections;

use crate::context::Context;

pub(crate) mod add;
pub(crate) mod default;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod rename;

/// The user's connections.
pub(crate) fn connections(context: &Context) -> Connections {
    Connections::new(context.directories.connections_file(&context.environment), &context.conf)
}
