//! Namespaces other than the network's.

use cove_api::{ContainerSpec, IdMappings};
use cove_config::env::PODMAN_USERNS;
use cove_spec::idmap::{self, Ids};
use cove_spec::namespace;

use super::around::{Surroundings, refs};
use super::idmaps;
use crate::command_error::CommandError;

// Which user namespace a container or pod has.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct UserNamespaceArgs {
    /// User namespace: host, keep-id, auto, nomap, container:NAME, ns:PATH
    #[arg(long, value_name = "MODE", help_heading = "Security")]
    pub(crate) userns: Option<String>,
    /// Map users of a namespace of its own: CONTAINER:FROM[:SIZE]
    #[arg(long, value_name = "MAPPING", help_heading = "Security", value_delimiter = ',')]
    pub(crate) uidmap: Vec<String>,
    /// Map groups of a namespace of its own: CONTAINER:FROM[:SIZE]
    #[arg(long, value_name = "MAPPING", help_heading = "Security", value_delimiter = ',')]
    pub(crate) gidmap: Vec<String>,
    /// Map the users that /etc/subuid has for this name
    #[arg(long, value_name = "NAME", help_heading = "Security")]
    pub(crate) subuidname: Option<String>,
    /// Map the groups that /etc/subgid has for this name
    #[arg(long, value_name = "NAME", help_heading = "Security")]
    pub(crate) subgidname: Option<String>,
}

// Which namespaces a container has, shares or does without.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct NamespaceArgs {
    #[command(flatten)]
    pub(crate) users: UserNamespaceArgs,
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
    pub(crate) fn apply(
        &self,
        around: &Surroundings<'_>,
        spec: &mut ContainerSpec,
    ) -> Result<(), CommandError> {
        // In a pod that is there it is the pod's.
        let default = around.environment.get(PODMAN_USERNS);
        let default = default.filter(|_| spec.pod.is_empty() || spec.pod.starts_with("new:"));
        self.users.apply(around.rootless, default, spec)?;
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

impl UserNamespaceArgs {
    /// Puts the choice into the specification; `default` is the mode where there is none.
    ///
    /// # Errors
    /// There is no such mode, or a mapping is wrong.
    pub(crate) fn apply(
        &self,
        rootless: bool,
        default: Option<&str>,
        spec: &mut ContainerSpec,
    ) -> Result<(), CommandError> {
        let has_maps = !self.uidmap.is_empty()
            || !self.gidmap.is_empty()
            || self.subuidname.is_some()
            || self.subgidname.is_some();
        let named = match &self.userns {
            Some(mode) => Some(mode.as_str()),
            None => default.filter(|mode| !has_maps && !mode.is_empty()),
        };
        if let Some(mode) = named {
            spec.userns = namespace::user(mode)?;
        }
        if !has_maps {
            return Ok(());
        }
        if !matches!(spec.userns.nsmode.as_str(), "" | "default" | "private") {
            return Err(CommandError::other(
                "--userns and --uidmap, --gidmap, --subuidname or --subgidname cannot be set together",
            ));
        }
        let either =
            |first: &Option<String>, second: &Option<String>| first.clone().or_else(|| second.clone());
        let users = either(&self.subuidname, &self.subgidname);
        let groups = either(&self.subgidname, &self.subuidname);
        let mut maps = IdMappings {
            uid_map: idmaps::subordinate("/etc/subuid", users.as_deref(), Ids::Users)?,
            gid_map: idmaps::subordinate("/etc/subgid", groups.as_deref(), Ids::Groups)?,
            ..IdMappings::default()
        };
        let or =
            |own: &[String], other: &[String]| if own.is_empty() { other.to_vec() } else { own.to_vec() };
        let (users, groups) = (or(&self.uidmap, &self.gidmap), or(&self.gidmap, &self.uidmap));
        maps.uid_map.extend(idmap::parse(refs(&users), Ids::Users, &idmaps::own(Ids::Users), rootless)?);
        maps.gid_map.extend(idmap::parse(refs(&groups), Ids::Groups, &idmaps::own(Ids::Groups), rootless)?);
        idmap::check(&maps.uid_map, Ids::Users)?;
        idmap::check(&maps.gid_map, Ids::Groups)?;
        spec.userns = cove_api::Namespace::new("private");
        spec.idmappings = Some(maps);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parsed;
    use crate::args::spec::testing::around;

    #[test]
    fn modes() {
        let mut spec = ContainerSpec::default();
        let apply = |line: &str, spec: &mut ContainerSpec| {
            around(|around| parsed::<NamespaceArgs>(line).apply(around, spec))
        };
        apply("--pid host --ipc container:a --userns keep-id", &mut spec).unwrap();
        assert!(spec.pidns.is_host() && spec.utsns.is_default());
        assert_eq!((spec.ipcns.nsmode.as_str(), spec.ipcns.value.as_str()), ("container", "a"));
        assert_eq!(spec.userns.nsmode, "keep-id");
        assert!(apply("--uts nonsense", &mut spec).is_err());
        let mut mapped = ContainerSpec::default();
        apply("--uidmap 0:200000:5000 --uidmap 5000:1000:1", &mut mapped).unwrap();
        let maps = mapped.idmappings.unwrap();
        assert_eq!((mapped.userns.nsmode.as_str(), maps.uid_map.len()), ("private", 2));
        assert_eq!(maps.uid_map, maps.gid_map);
        for line in ["--uidmap 0:1 --userns keep-id", "--uidmap 0:1:5,3:9:5", "--subuidname no-such-user"] {
            assert!(apply(line, &mut ContainerSpec::default()).is_err(), "{line}");
        }
    }
}
