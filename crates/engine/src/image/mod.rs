//! Images: getting them, finding them, telling about them, taking them away.

mod api;
mod destination;
mod import;
mod inspect;
mod list;
mod load;
pub(crate) mod lookup;
pub(crate) mod names;
mod progress;
mod pull;
mod push;
mod registry;
mod remove;
mod save;

pub(crate) use list::container_counts;
