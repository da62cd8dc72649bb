//! From a project and what is there of it to what is to be done; pure.

mod body;
mod converge;
mod labels;
mod limits;
mod mounts;
mod names;
mod parts;

pub use body::{Instance, by_priority, container, image_name};
pub use converge::{Converged, Recreate, converge, wanted};
pub use labels::container_labels;
pub use mounts::{Copied, Inherited, copied};
pub use names::{aliases, container_name, final_name, temporary_name};
pub use parts::{Part, network, networks, volume, volumes};
