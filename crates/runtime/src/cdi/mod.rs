//! Devices that their vendors describe in files, the Container Device Interface: what a container gets to use one.
//!
//! <https://github.com/cncf-tags/container-device-interface>, versions 0.3 to 1.1 of its specification. The files are
//! the host administrator's, like `config.json` they may bring in programs that run as root.

mod devices;
mod edit;
mod file;

pub use devices::CdiDevices;
pub(crate) use edit::add_hook;
pub use edit::apply;
pub use file::{ContainerEdits, DeviceNode, Hook, IntelRdt, Mount, NetDevice};
