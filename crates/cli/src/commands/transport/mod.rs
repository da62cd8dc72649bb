//! Images wherever they are: in registries, archives and folders. What touches the store goes through the engine; all
//! else is done in this process, with this user's files and credentials, whatever engine there is.

mod args;
pub(crate) mod copy;
pub(crate) mod delete;
mod ends;
pub(crate) mod inspect;
pub(crate) mod list_tags;
pub(crate) mod manifest_digest;
pub(crate) mod sync;

pub(crate) use args::WholeArgs;
pub(crate) use ends::touches_store;
