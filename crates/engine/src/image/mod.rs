//! Images: getting them, finding them, telling about them, taking them away.

mod api;
mod copy;
mod destination;
mod distribution;
mod explain;
mod folder;
mod import;
mod inspect;
mod known;
mod list;
pub(crate) mod lists;
mod load;
pub(crate) mod lookup;
pub(crate) mod names;
mod progress;
mod pull;
mod push;
mod registry;
mod remove;
mod save;
mod search;
mod sign;

pub(crate) use folder::{pull_from_folder, push_to_folder};
pub(crate) use list::container_counts;
pub(crate) use progress::{BoundedSender, Sender, working, working_within};
pub(crate) use pull::{newest, policy, pull, pull_nameless};
pub(crate) use push::{push, push_all};
pub(crate) use registry::client as registry_client;
