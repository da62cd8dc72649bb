//! Images: getting them, finding them, telling about them, taking them away.

pub(crate) mod api;
mod destination;
mod load;
pub(crate) mod lookup;
mod pull;
pub(crate) mod remove;
