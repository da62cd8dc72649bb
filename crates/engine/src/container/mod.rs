//! Containers: creation, life cycle, and what is told about them.

mod api;
mod attach;
mod create;
mod end;
mod environment;
mod exec;
mod filter;
mod heal;
mod init;
mod inspect;
mod inspect_network;
mod list;
mod logs;
pub(crate) mod lookup;
mod namespaces;
mod ports;
mod prepare;
mod remove;
mod resolve;
mod settings;
mod signal;
mod start;
pub(crate) mod state;
mod stop;
mod storage;
mod upgrade;
mod validate;
mod wait;

pub(crate) use api::remove_container;
pub(crate) use attach::Waiting;
pub(crate) use inspect::network_mode;
pub(crate) use list::{size, time};
pub(crate) use storage::clean;
pub(crate) use upgrade::upgrade;
pub(crate) use validate::endpoint as check_endpoint;
