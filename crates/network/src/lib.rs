//! Networks, network namespaces, DNS, port forwarding, rootless networking.
//!
//! [`Networks`] is the entrance: network files shared with podman and netavark, namespaces, and the set-up and
//! teardown of a container's connections. All of it is synchronous and safe to call from several processes.
#![cfg(target_os = "linux")]

mod addr;
mod attach;
mod complete;
mod config;
mod connect;
mod dns;
mod error;
mod filter;
mod firewall;
mod forward;
mod hosts;
mod ident;
mod ipam;
mod link;
mod netfilter;
mod netlink;
mod netns;
mod offline;
mod pasta;
mod pool;
mod ports;
mod process;
mod record;
mod resolv;
mod rootless;
mod route;
mod settings;
mod setup;
mod slirp;
mod source;
mod store;
mod userland;

pub use addr::Cidr;
pub use error::{Error, Result};
pub use filter::matches;
pub use forward::forward;
pub use hosts::{HostsOptions, hosts_file, moved_hosts};
pub use pool::SubnetPool;
pub use resolv::{RESOLVED_CONF, ResolvConf, ResolvOptions, needs_resolved, resolv_conf};
pub use setup::{SetupOptions, SetupReport};
pub use store::{Networks, NetworksOptions};
pub use userland::{UserNetwork, UserlandOptions, UserlandReport};
