//! The one model that all forms are read into.

use cove_api::{ContainerSpec, PodSpec, VolumeCreateOptions};

use crate::normal;

/// Containers, and what they need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Application {
    /// Its name; empty where its source has none.
    pub name: String,
    /// Its containers, in the order in which they are made.
    pub containers: Vec<Container>,
    /// Its pods; a container names its own in [`ContainerSpec::pod`].
    pub pods: Vec<PodSpec>,
    /// Its networks.
    pub networks: Vec<Network>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Container {
    /// Its short name, which no other container of the application has.
    pub key: String,
    /// Whether somebody chose the name in the request, so that it has to stay.
    pub is_named: bool,
    /// The request.
    pub spec: ContainerSpec,
    /// When its image is pulled; empty for the engine's usual policy.
    pub pull: String,
    /// What has to be there first.
    pub after: Vec<After>,
}

/// A container that comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// Its key.
    pub key: String,
    /// What must be true of it.
    pub condition: Condition,
}

/// What must be true of a container that comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It was started.
    Started,
    /// Its health check succeeds.
    Healthy,
    /// It ended, with the code 0.
    Completed,
}

/// A network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Its short name.
    pub key: String,
    /// The request.
    pub network: cove_api::Network,
    /// Whether it is there already and is none of the application's.
    pub is_external: bool,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Volume {
    /// Its short name.
    pub key: String,
    /// The request.
    pub options: VolumeCreateOptions,
    /// Whether it is there already and is none of the application's.
    pub is_external: bool,
}

impl Application {
    /// Adds a container whose request is brought into its one form.
    pub fn add(&mut self, mut container: Container) {
        normal::container(&mut container.spec);
        if container.key.is_empty() {
            container.key = match container.spec.name.as_str() {
                "" => normal::stem_of_image(&container.spec.image),
                name => name.to_owned(),
            };
        }
        let base = container.key.clone();
        let mut number = 1;
        while self.containers.iter().any(|other| other.key == container.key) {
            number += 1;
            container.key = format!("{base}-{number}");
        }
        self.containers.push(container);
    }

    /// Adds a pod.
    pub fn add_pod(&mut self, mut pod: PodSpec) {
        normal::pod(&mut pod);
        self.pods.push(pod);
    }

    /// Adds a network.
    pub fn add_network(&mut self, mut network: Network) {
        normal::network(&mut network.network);
        self.networks.push(network);
    }

    /// Adds a volume.
    pub fn add_volume(&mut self, mut volume: Volume) {
        // Who runs it again finds the volume there.
        volume.options.ignore_if_exists = true;
        if volume.options.driver == "local" {
            volume.options.driver.clear();
        }
        self.volumes.push(volume);
    }

    /// The containers of a pod.
    pub(crate) fn members<'a>(&'a self, pod: &'a str) -> impl Iterator<Item = &'a Container> {
        self.containers.iter().filter(move |container| container.spec.pod == pod)
    }

    /// The container of that key.
    pub(crate) fn container(&self, key: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.key == key)
    }

    /// Whether another one waits until that container is healthy.
    pub(crate) fn is_awaited(&self, key: &str) -> bool {
        let waits = |after: &After| after.key == key && after.condition == Condition::Healthy;
        self.containers.iter().any(|container| container.after.iter().any(waits))
    }
}

impl Container {
    /// As losses name it.
    pub(crate) fn object(&self) -> String {
        format!("container {}", self.key)
    }
}
