//! Networks: the use-cases around the network crate, which knows no containers.

mod api;
mod connect;
