//! Putting a container's configuration together, and writing it.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt;
use oci_spec::runtime::{
    Linux, LinuxIdMapping, LinuxIdMappingBuilder, LinuxIntelRdt, LinuxNamespace, LinuxNamespaceType,
    LinuxPersonality, LinuxPersonalityDomain, LinuxResources, Mount, Process, Root, Spec, User,
};

use super::capabilities::{self, ProcessCapabilities};
use super::devices::{self, Devices};
use super::input::{IdMapping, NamespaceTarget, SpecInput};
use super::{limits, mounts, paths};
use crate::apparmor::DEFAULT_PROFILE;
use crate::error::{Error, Result};
use crate::user::ResolvedUser;

/// Writes `config.json` into the bundle directory (mode 0600: it holds the environment).
///
/// # Errors
/// The directory cannot be made or written to.
pub fn write_bundle(bundle: &Path, spec: &Spec) -> Result<()> {
    fs::create_dir_all(bundle).map_err(Error::file)?;
    let path = bundle.join("config.json");
    let text = serde_json::to_vec(spec).map_err(|source| Error::Json { path: path.clone(), source })?;
    replace(&path, &text)
}

/// Replaces a file in one step. It is made anew for each start, so that it need not outlive a power failure.
pub(crate) fn replace(path: &Path, text: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&temporary).and_then(|mut file| file.write_all(text));
    written.and_then(|()| fs::rename(&temporary, path)).map_err(Error::file)
}

/// The OCI configuration of a container.
///
/// # Errors
/// What the request asks for is contradictory, or cannot be kept on this machine.
pub fn build(input: &SpecInput<'_>) -> Result<Spec> {
    check(input)?;
    let security = &input.settings.security;
    let capabilities = capabilities::for_container(
        security.privileged,
        input.user.uid == 0,
        &security.capabilities,
        &input.host.bounding,
    )?;
    let devices = devices::devices(input)?;
    let mounts = mounts::mounts(input, &devices.mounts)?;
    let mut root = Root::default();
    root.set_path(input.rootfs.to_owned()).set_readonly(Some(input.settings.root.read_only));
    let mut spec = Spec::default();
    spec.set_version("1.0.2".to_owned())
        .set_process(Some(process(input, &capabilities)?))
        .set_root(Some(root))
        .set_mounts(Some(mounts.into_iter().map(mount).collect::<Result<_>>()?))
        .set_annotations(Some(annotations(input)))
        .set_linux(Some(linux(input, devices, &capabilities)?))
        .set_hostname((input.namespaces.uts == NamespaceTarget::Private).then(|| input.hostname.clone()));
    Ok(spec)
}

fn process(input: &SpecInput<'_>, capabilities: &ProcessCapabilities) -> Result<Process> {
    let settings = input.settings;
    let mut args = input.args.clone();
    if input.init_path.is_some() {
        args.splice(0..0, ["/run/podman-init".to_owned(), "--".to_owned()]);
    }
    let profile = input.host.apparmor_profile(settings.security.apparmor.as_deref()).map(str::to_owned);
    let mut process = Process::default();
    process
        .set_terminal(Some(settings.terminal))
        .set_user(user(&input.user, Some(settings.umask)))
        .set_args(Some(args))
        .set_env(Some(input.env.clone()))
        .set_cwd(PathBuf::from(&input.cwd))
        .set_capabilities(Some(capabilities.to_oci()))
        .set_rlimits(Some(limits::rlimits(input)?))
        .set_no_new_privileges(Some(settings.security.no_new_privileges))
        .set_oom_score_adj(settings.limits.oom_score_adj)
        .set_apparmor_profile(profile);
    Ok(process)
}

fn linux(input: &SpecInput<'_>, devices: Devices, capabilities: &ProcessCapabilities) -> Result<Linux> {
    let settings = input.settings;
    let host_sys = mounts::needs_host_sys(input);
    let (masked, read_only) = paths::masks(&settings.security, &thermal_paths(), host_sys);
    let has_cgroup = input.cgroup.is_enabled() && settings.cgroup.own;
    let mut resources = limits::resources(&limits::Room { settings: input.settings, cgroup: input.cgroup })?;
    // Rules for devices are a program in the kernel, for which crun raises the limit of locked memory.
    if has_cgroup && !input.host.rootless && input.host.may_raise_limits {
        resources.set_devices(Some(devices.rules));
    }
    let parent = settings.cgroup.parent.as_deref();
    let cgroup = has_cgroup.then(|| input.cgroup.container_path(input.id, parent).0).flatten();
    let (users, groups) = input.id_mappings.as_ref().map(|(users, groups)| (users, groups)).unzip();
    let mut linux = Linux::default();
    linux
        .set_namespaces(Some(namespaces(input)))
        .set_masked_paths(Some(masked))
        .set_readonly_paths(Some(read_only))
        .set_sysctl(Some(sysctls(input)?))
        .set_rootfs_propagation(Some(propagation(input).to_owned()))
        .set_devices(Some(devices.nodes).filter(|nodes| !nodes.is_empty()))
        .set_cgroups_path(cgroup.map(PathBuf::from))
        .set_resources(Some(resources).filter(|resources| *resources != LinuxResources::default()))
        .set_personality(settings.personality.as_ref().map(personality).transpose()?)
        .set_intel_rdt(settings.intel_rdt.as_ref().map(intel_rdt))
        .set_uid_mappings(users.map(|maps| mappings(maps)).transpose()?)
        .set_gid_mappings(groups.map(|maps| mappings(maps)).transpose()?)
        .set_seccomp(crate::seccomp::for_container(input, &capabilities.bounding)?);
    Ok(linux)
}

fn mount(mut mount: cove_api::Mount) -> Result<Mount> {
    let mut oci = Mount::default();
    if let Some(place) = mount.options.iter().position(|option| option.starts_with("idmap=")) {
        let option = mount.options.remove(place);
        let (users, groups) = idmap(&option)?;
        oci.set_uid_mappings(Some(mappings(&users)?)).set_gid_mappings(Some(mappings(&groups)?));
    }
    oci.set_destination(mount.destination.into())
        .set_typ(Some(mount.kind))
        .set_source(Some(mount.source.into()))
        .set_options(Some(mount.options));
    Ok(oci)
}

/// The option `idmap=uids=CONTAINER-HOST-SIZE#…;gids=…` of a mount.
fn idmap(option: &str) -> Result<(Vec<IdMapping>, Vec<IdMapping>)> {
    let bad = || Error::invalid(format!("mount option {option:?}"), "not an idmap with numbers");
    let list = |key: &str| -> Result<Vec<IdMapping>> {
        let text = option.trim_start_matches("idmap=").split(';').find_map(|part| part.strip_prefix(key));
        let one = |range: &str| {
            let numbers: Vec<u32> =
                range.split('-').map(str::parse).collect::<std::result::Result<_, _>>().map_err(|_| bad())?;
            match numbers[..] {
                [container_id, host_id, size] => Ok(IdMapping { container_id, host_id, size }),
                _ => Err(bad()),
            }
        };
        text.ok_or_else(bad)?.split('#').map(one).collect()
    };
    Ok((list("uids=")?, list("gids=")?))
}

fn personality(wanted: &cove_api::Personality) -> Result<LinuxPersonality> {
    let domain = match wanted.domain.as_str() {
        "LINUX" => LinuxPersonalityDomain::PerLinux,
        "LINUX32" => LinuxPersonalityDomain::PerLinux32,
        other => return Err(Error::invalid(format!("personality {other:?}"), "it is LINUX or LINUX32")),
    };
    let mut oci = LinuxPersonality::default();
    oci.set_domain(domain).set_flags(Some(wanted.flags.clone()).filter(|flags| !flags.is_empty()));
    Ok(oci)
}

fn intel_rdt(wanted: &cove_api::IntelRdt) -> LinuxIntelRdt {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut oci = LinuxIntelRdt::default();
    oci.set_clos_id(text(&wanted.clos_id))
        .set_schemata(Some(wanted.schemata.clone()).filter(|list| !list.is_empty()))
        .set_l3_cache_schema(text(&wanted.l3_cache_schema))
        .set_mem_bw_schema(text(&wanted.mem_bw_schema))
        .set_enable_monitoring(wanted.enable_monitoring.then_some(true));
    oci
}

fn mappings(maps: &[IdMapping]) -> Result<Vec<LinuxIdMapping>> {
    let one = |map: &IdMapping| {
        let oci = LinuxIdMappingBuilder::default();
        Ok(oci.container_id(map.container_id).host_id(map.host_id).size(map.size).build()?)
    };
    maps.iter().map(one).collect()
}

fn check(input: &SpecInput<'_>) -> Result<()> {
    if input.args.is_empty() {
        return Err(Error::invalid(
            "command",
            "no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
        ));
    }
    super::paths::check_working_directory(&input.cwd)?;
    if let Some(apparmor) = &input.settings.security.apparmor
        && apparmor != DEFAULT_PROFILE
        && !input.host.apparmor
    {
        return Err(Error::Unsupported {
            what: format!("AppArmor profile {apparmor}"),
            why: "AppArmor is not enabled on this machine".to_owned(),
        });
    }
    if input.init_path.is_some() && input.namespaces.pid != NamespaceTarget::Private {
        return Err(Error::invalid("init", "cannot add init binary as PID 1 (PID namespace isn't private)"));
    }
    Ok(())
}

/// A user as the specification has it.
pub(super) fn user(user: &ResolvedUser, umask: Option<u32>) -> User {
    let mut oci = User::default();
    oci.set_uid(user.uid)
        .set_gid(user.gid)
        .set_umask(umask)
        .set_additional_gids(Some(user.additional_gids.clone()).filter(|groups| !groups.is_empty()));
    oci
}

fn namespaces(input: &SpecInput<'_>) -> Vec<LinuxNamespace> {
    let n = &input.namespaces;
    let mount = NamespaceTarget::Private;
    let kinds = [
        (LinuxNamespaceType::Mount, &mount),
        (LinuxNamespaceType::Pid, &n.pid),
        (LinuxNamespaceType::Network, &n.network),
        (LinuxNamespaceType::Ipc, &n.ipc),
        (LinuxNamespaceType::Uts, &n.uts),
        (LinuxNamespaceType::User, &n.user),
        (LinuxNamespaceType::Cgroup, &n.cgroup),
    ];
    kinds
        .into_iter()
        // Without cgroups of its own a container has nothing to see in a cgroup namespace of its own.
        .filter(|(kind, _)| *kind != LinuxNamespaceType::Cgroup || input.cgroup.is_enabled())
        .filter(|(_, target)| !target.is_host())
        .map(|(kind, target)| {
            let mut namespace = LinuxNamespace::default();
            namespace.set_typ(kind).set_path(match target {
                NamespaceTarget::Path(path) => Some(path.clone()),
                NamespaceTarget::Private | NamespaceTarget::Host => None,
            });
            namespace
        })
        .collect()
}

fn sysctls(input: &SpecInput<'_>) -> Result<HashMap<String, String>> {
    let mut result = HashMap::new();
    for (name, value) in &input.settings.default_sysctls {
        let kept = match name.split('.').next() {
            Some("net") => !input.namespaces.network.is_host(),
            Some("fs" | "kernel") => !input.namespaces.ipc.is_host(),
            _ => input.settings.security.privileged,
        };
        if kept {
            result.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in &input.settings.sysctls {
        let needs = match name.as_str() {
            n if n.starts_with("net.") => Some(("network", &input.namespaces.network)),
            n if n.starts_with("fs.mqueue.")
                || n.starts_with("kernel.msg")
                || n.starts_with("kernel.sem")
                || n.starts_with("kernel.shm") =>
            {
                Some(("ipc", &input.namespaces.ipc))
            }
            _ => return Err(Error::invalid(format!("sysctl {name:?}"), "it does not belong to a namespace")),
        };
        if let Some((kind, target)) = needs
            && target.is_host()
        {
            let why = format!("it is not allowed with the host's {kind} namespace");
            return Err(Error::invalid(format!("sysctl {name:?}"), why));
        }
        result.insert(name.clone(), value.clone());
    }
    Ok(result)
}

/// Mounts that propagate need a root that lets them.
fn propagation(input: &SpecInput<'_>) -> &'static str {
    let has =
        |names: &[&str]| input.mounts.iter().any(|m| m.options.iter().any(|o| names.contains(&o.as_str())));
    if has(&["shared", "rshared"]) {
        "shared"
    } else if has(&["slave", "rslave"]) {
        "rslave"
    } else {
        "private"
    }
}

/// Only what the user asked for: an image's labels never become annotations, some of which give rights.
fn annotations(input: &SpecInput<'_>) -> HashMap<String, String> {
    let mut result: HashMap<String, String> =
        input.settings.annotations.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if input.settings.keep_groups {
        result.insert("run.oci.keep_original_groups".to_owned(), "1".to_owned());
    }
    result
}

fn thermal_paths() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu") else { return Vec::new() };
    let mut found: Vec<String> = entries
        .flatten()
        .filter(|e| {
            let name = e.file_name();
            let number = name.to_str().and_then(|n| n.strip_prefix("cpu"));
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(|e| e.path().join("thermal_throttle"))
        .filter(|p| p.exists())
        .map(|p| p.to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}
