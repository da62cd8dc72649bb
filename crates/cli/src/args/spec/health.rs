//! Health checks.

use cove_api::ContainerSpec;

// Health checks of a container.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct HealthArgs {
    /// Run no health checks
    #[arg(long, help_heading = "Container")]
    pub(crate) no_healthcheck: bool,
}

impl HealthArgs {
    /// Puts the choice into the specification: this version runs no health checks, so there is none to turn off.
    pub(crate) fn apply(&self, _: &mut ContainerSpec) {}
}
