//! Namespaces other than the network's.

use cove_api::ContainerSpec;
use cove_spec::namespace;

use crate::command_error::CommandError;

// Which namespaces a container has, shares or does without.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct NamespaceArgs {
    /// User namespace: host, keep-id, auto, nomap, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) userns: Option<String>,
    /// Process namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) pid: Option<String>,
    /// IPC namespace: host, private, shareable, none, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) ipc: Option<String>,
    /// UTS namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) uts: Option<String>,
    /// Control group namespace: host, private, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) cgroupns: Option<String>,
}

impl NamespaceArgs {
    /// Puts the choices into the specification.
    ///
    /// # Errors
    /// There is no such mode.
    pub(crate) fn apply(&self, spec: &mut ContainerSpec) -> Result<(), CommandError> {
        if let Some(mode) = &self.userns {
            spec.userns = namespace::user(mode)?;
        }
        if let Some(mode) = &self.pid {
            spec.pidns = namespace::pid(mode)?;
        }
        if let Some(mode) = &self.ipc {
            spec.ipcns = namespace::ipc(mode)?;
        }
        if let Some(mode) = &self.uts {
            spec.utsns = namespace::uts(mode)?;
        }
        if let Some(mode) = &self.cgroupns {
            spec.cgroupns = namespace::cgroup(mode)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;

    #[test]
    fn modes() {
        let mut spec = ContainerSpec::default();
        parsed::<NamespaceArgs>("--pid host --ipc container:a --userns keep-id").apply(&mut spec).unwrap();
        assert!(spec.pidns.is_host() && spec.utsns.is_default());
        assert_eq!((spec.ipcns.nsmode.as_str(), spec.ipcns.value.as_str()), ("container", "a"));
        assert_eq!(spec.userns.nsmode, "keep-id");
        assert!(parsed::<NamespaceArgs>("--uts nonsense").apply(&mut spec).is_err());
    }
}
