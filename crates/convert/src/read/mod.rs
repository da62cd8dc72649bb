//! From the forms to an application.

mod compose;
mod compose_lost;
mod kube;
mod quadlet;
mod script;

pub use compose::compose;
pub use kube::kube;
pub use quadlet::quadlet;
pub use script::{Command, Commands, line, script};

use cove_api::ContainerSpec;

use crate::model::{Application, Container, Network, Volume};
use crate::normal;

/// The application that one container is, with the networks and volumes that it names, as they are. Labels by which
/// Compose finds its own are left behind.
#[must_use]
pub fn container(
    mut spec: ContainerSpec,
    networks: Vec<cove_api::Network>,
    volumes: Vec<cove_api::VolumeCreateOptions>,
) -> Application {
    let mut application = Application { name: spec.name.clone(), ..Application::default() };
    normal::without_project(&mut spec.labels);
    for mut network in networks {
        normal::without_project(&mut network.labels);
        application.add_network(Network { key: network.name.clone(), network, is_external: false });
    }
    for mut options in volumes {
        normal::without_project(&mut options.labels);
        application.add_volume(Volume { key: options.name.clone(), options, is_external: false });
    }
    application.add(Container { is_named: !spec.name.is_empty(), spec, ..Container::default() });
    application
}
