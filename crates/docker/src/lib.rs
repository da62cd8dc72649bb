//! Requests of Docker's API in the engine's own terms: the bodies that make containers and networks, whole as Docker's
//! documents have them, and what they mean here. The service reads them from its clients; Compose projects are made of
//! the same bodies that docker-compose sends.

mod container;
mod container_body;
mod network;

pub use container::{Limits, block_devices, container_spec, forever, network_options, rlimit};
pub use container_body::*;
pub use network::{Ipam, IpamConfig, NetworkBody};
