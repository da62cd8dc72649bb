//! Networks: the use-cases around the network crate, which knows no containers.

mod api;
mod connect;

pub(crate) use api::default_name;
