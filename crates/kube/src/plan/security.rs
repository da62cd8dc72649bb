//! Who runs a container, and what it may do.

use cove_api::{ContainerSpec, StringMap};
use cove_spec::security;

use super::annotations::{SECCOMP_CONTAINER, SECCOMP_POD, of_container};
use crate::error::{Result, bail};
use crate::objects::{PodSecurity, SeccompProfile, Security, SelinuxOptions};

/// Where profiles of seccomp are named in annotations, and the folder in which their files are.
pub(super) struct SeccompPaths<'a> {
    annotations: &'a StringMap,
    root: Option<&'a str>,
}

impl<'a> SeccompPaths<'a> {
    pub(super) fn of(annotations: &'a StringMap, root: Option<&'a str>) -> Self {
        Self { annotations, root }
    }

    /// The profile of a container: its own, the pod's, or an empty text for the usual one.
    fn find(
        &self,
        container: &str,
        own: Option<&SeccompProfile>,
        pods: Option<&SeccompProfile>,
    ) -> Result<String> {
        if let Some(profile) = own.or(pods) {
            return match profile.kind.as_str() {
                "" | "RuntimeDefault" => Ok(String::new()),
                "Unconfined" => Ok("unconfined".into()),
                "Localhost" => self.file(&profile.localhost_profile),
                other => bail!("unknown seccomp profile {other:?}"),
            };
        }
        let noted = of_container(self.annotations, SECCOMP_CONTAINER, container)
            .or_else(|| self.annotations.get(SECCOMP_POD).map(String::as_str));
        match noted {
            None | Some("docker/default" | "runtime/default") => Ok(String::new()),
            Some("unconfined") => Ok("unconfined".into()),
            Some(text) => match text.strip_prefix("localhost/") {
                Some(path) => self.file(path),
                None => bail!("invalid seccomp path: {text}"),
            },
        }
    }

    /// A file in the folder of profiles, and nowhere else.
    fn file(&self, path: &str) -> Result<String> {
        let outside = path.split('/').any(|part| matches!(part, "" | "." | ".."));
        if outside || path.contains('\0') {
            bail!("invalid seccomp path: {path}");
        }
        Ok(format!("{}/{path}", self.root.unwrap_or("/var/lib/kubelet/seccomp").trim_end_matches('/')))
    }
}

/// Puts all of it into the request.
pub(super) fn apply(
    name: &str,
    own: Option<&Security>,
    pods: Option<&PodSecurity>,
    seccomp: &SeccompPaths<'_>,
    spec: &mut ContainerSpec,
) -> Result<()> {
    let none = (Security::default(), PodSecurity::default());
    let (own, pods) = (own.unwrap_or(&none.0), pods.unwrap_or(&none.1));
    spec.read_only_filesystem = own.read_only_root_filesystem;
    spec.privileged = own.privileged;
    spec.no_new_privileges = own.allow_privilege_escalation.map(|allowed| !allowed);
    match own.proc_mount.as_str() {
        "" | "Default" => {}
        "Unmasked" => spec.unmask.push("ALL".into()),
        other => bail!("unknown procMount {other:?}"),
    }
    if let Some(options) = own.selinux_options.as_ref().or(pods.selinux_options.as_ref()) {
        spec.selinux_opts.extend(selinux(options));
    }
    if let Some(capabilities) = &own.capabilities {
        spec.cap_add = security::capabilities(capabilities.add.iter().map(String::as_str))?;
        spec.cap_drop = security::capabilities(capabilities.drop.iter().map(String::as_str))?;
    }
    let id = |number: Option<i64>, what: &str| match number.map(u32::try_from).transpose() {
        Ok(number) => Ok(number),
        Err(_) => bail!("{what} is no id"),
    };
    let user = id(own.run_as_user.or(pods.run_as_user), "runAsUser")?;
    let group = id(own.run_as_group.or(pods.run_as_group), "runAsGroup")?;
    spec.user = match (user, group) {
        (None, None) => String::new(),
        (Some(user), None) => user.to_string(),
        (user, Some(group)) => format!("{}:{group}", user.unwrap_or(0)),
    };
    for group in &pods.supplemental_groups {
        spec.groups.extend(id(Some(*group), "a supplemental group")?.map(|group| group.to_string()));
    }
    spec.seccomp_profile_path =
        seccomp.find(name, own.seccomp_profile.as_ref(), pods.seccomp_profile.as_ref())?;
    Ok(())
}

fn selinux(options: &SelinuxOptions) -> impl Iterator<Item = String> {
    [
        ("user", &options.user),
        ("role", &options.role),
        ("type", &options.kind),
        ("level", &options.level),
        ("filetype", &options.file_type),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| format!("{name}:{value}"))
}
