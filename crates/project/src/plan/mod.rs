//! From a project and what is there of it to what is to be done; pure.

mod body;
mod build;
mod converge;
mod images;
mod labels;
mod limits;
mod mounts;
mod names;
mod outlook;
mod parts;
mod replace;

pub use body::{Instance, by_priority, container, image_name};
pub use build::{AskedOfBuild, Building, build_order, building, context_services};
pub use converge::{Converged, Difference, Recreate, converge, differences, wanted};
pub use images::{ImageWay, ImageWish, image_way, pull_options};
pub use labels::container_labels;
pub use mounts::{Copied, Inherited, copied};
pub use names::{aliases, container_name, final_name, temporary_name};
pub use outlook::{Outlook, Replaced, ServiceOutlook, outlook};
pub use parts::{Part, network, networks, volume, volumes};
pub(crate) use replace::references;
