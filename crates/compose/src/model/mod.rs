//! A loaded project, in types.
//!
//! Its JSON is what `docker-compose config --format json` (2.x) prints, and is read back from there: the names of the
//! fields are those of the [Compose specification](https://github.com/compose-spec/compose-spec/blob/main/spec.md), all
//! in their long form. What says nothing (zero, empty) is left out, as there. Extensions (`x-…`) are kept under
//! [`EXTENSIONS`], which no key of a file can be; the renderer writes them where docker-compose does.

mod absent;
mod build;
mod deploy;
mod file;
mod network;
mod project;
mod scalar;
mod service;
mod text;
mod volume;

pub use build::{Build, SshKey};
pub use deploy::{
    Deploy, DiscreteResource, GenericResource, Placement, PlacementPreference, Resource, Resources,
    RestartPolicy, UpdateConfig,
};
pub use file::{Content, FileReference};
pub use network::{IpPool, Ipam, Network, ServiceNetwork};
pub use project::{EXTENSIONS, Extensions, Model, Project};
pub use scalar::{Bytes, Duration, FileMode, WrongValue};
pub use service::{
    BlkioConfig, CredentialSpec, Dependency, Develop, DeviceMapping, DeviceRequest, EnvFile, Extends,
    Healthcheck, Hook, Logging, Port, Provider, Service, ServiceModel, ThrottleDevice, Trigger, Ulimit,
    WeightDevice,
};
pub use text::{Command, Hosts};
pub use volume::{BindOptions, ImageOptions, Mount, TmpfsOptions, Volume, VolumeOptions};
