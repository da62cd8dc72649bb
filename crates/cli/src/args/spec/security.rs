//! What a container is allowed to do.

use cove_api::ContainerSpec;
use cove_spec::{host, security};

use super::around::{flag, refs};
use crate::command_error::CommandError;

// Capabilities, labels, profiles and kernel parameters.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SecurityArgs {
    /// Add a capability, or all
    #[arg(long, value_name = "CAPABILITY", help_heading = "Security", value_delimiter = ',')]
    pub(crate) cap_add: Vec<String>,
    /// Drop a capability, or all
    #[arg(long, value_name = "CAPABILITY", help_heading = "Security", value_delimiter = ',')]
    pub(crate) cap_drop: Vec<String>,
    /// All capabilities and devices, nothing masked
    #[arg(long, help_heading = "Security")]
    pub(crate) privileged: bool,
    /// Security option such as no-new-privileges or seccomp=FILE
    #[arg(long, value_name = "OPTION", help_heading = "Security")]
    pub(crate) security_opt: Vec<String>,
    /// Where the system call filter comes from: default, image
    #[arg(long, value_name = "POLICY", help_heading = "Security")]
    pub(crate) seccomp_policy: Option<String>,
    /// Kernel parameter, NAME=VALUE
    #[arg(long, value_name = "PARAMETER", help_heading = "Security", value_delimiter = ',')]
    pub(crate) sysctl: Vec<String>,
}

impl SecurityArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// A value is wrong.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        spec.cap_add = security::capabilities(refs(&self.cap_add))?;
        spec.cap_drop = security::capabilities(refs(&self.cap_drop))?;
        spec.privileged = flag(self.privileged);
        security::apply_options(refs(&self.security_opt), spec)?;
        spec.seccomp_policy = self.seccomp_policy.clone().unwrap_or_default();
        spec.sysctl = host::sysctls(refs(&self.sysctl))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn capabilities_and_options() {
        let mut spec = ContainerSpec::default();
        parsed::<SecurityArgs>("--cap-add net_raw --cap-drop all --security-opt no-new-privileges")
            .apply(&mut spec)
            .unwrap();
        assert_eq!((spec.cap_add.len(), spec.cap_drop.len()), (1, 1));
        assert_eq!(spec.no_new_privileges, Some(true));
        assert!(parsed::<SecurityArgs>("--sysctl novalue").apply(&mut spec).is_err());
    }
}
