//! Changing a container's configuration for its devices.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use cove_sys::fs;
use oci_spec::runtime::{
    self as oci, Linux, LinuxDevice, LinuxDeviceCgroup, LinuxDeviceType, LinuxIntelRdt, LinuxNamespaceType,
    LinuxNetDevice, Process, Spec,
};

use super::file::{ContainerEdits, DeviceNode, Hook, IntelRdt, Mount};
use crate::error::{Error, Result};

/// The stages at which a hook can run.
pub(super) const STAGES: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Gives a container what its devices need. `rootless`: nodes cannot be made, so that the host's are bound.
///
/// # Errors
/// A device node is not on this host, or is another than its description says.
pub fn apply(spec: &mut Spec, edits: &ContainerEdits, rootless: bool) -> Result<()> {
    let (uid, gid) =
        spec.process().as_ref().map_or((0, 0), |process| (process.user().uid(), process.user().gid()));
    let binds = rootless || has_user_namespace(spec);
    for node in &edits.device_nodes {
        if binds {
            add_mount(spec, bound(node)?);
        } else {
            let linux = spec.linux_mut().get_or_insert_with(Linux::default);
            add_node(linux, node, uid, gid)?;
        }
    }
    for mount in &edits.mounts {
        add_mount(spec, oci_mount(mount));
    }
    for hook in &edits.hooks {
        add_hook(spec, &hook.hook_name, oci_hook(hook));
    }
    let linux = spec.linux_mut().get_or_insert_with(Linux::default);
    for device in &edits.net_devices {
        let mut oci = LinuxNetDevice::default();
        oci.set_name(Some(device.name.clone()));
        let mut all = linux.net_devices().clone().unwrap_or_default();
        all.insert(device.host_interface_name.clone(), oci);
        linux.set_net_devices(Some(all));
    }
    if let Some(rdt) = &edits.intel_rdt {
        linux.set_intel_rdt(Some(oci_rdt(rdt)));
    }
    if let Some(process) = spec.process_mut() {
        add_variables(process, &edits.env);
        add_groups(process, &edits.additional_gids);
    }
    Ok(())
}

/// Adds a hook at one of [`STAGES`]; another one is none.
pub(crate) fn add_hook(spec: &mut Spec, stage: &str, hook: oci::Hook) {
    let mut hooks = spec.hooks().clone().unwrap_or_default();
    let with = |list: &Option<Vec<oci::Hook>>| {
        let mut list = list.clone().unwrap_or_default();
        list.push(hook.clone());
        Some(list)
    };
    #[allow(deprecated, reason = "descriptions of devices still use the stage")]
    match stage {
        "prestart" => drop(hooks.set_prestart(with(hooks.prestart()))),
        "createRuntime" => drop(hooks.set_create_runtime(with(hooks.create_runtime()))),
        "createContainer" => drop(hooks.set_create_container(with(hooks.create_container()))),
        "startContainer" => drop(hooks.set_start_container(with(hooks.start_container()))),
        "poststart" => drop(hooks.set_poststart(with(hooks.poststart()))),
        "poststop" => drop(hooks.set_poststop(with(hooks.poststop()))),
        _ => return,
    }
    spec.set_hooks(Some(hooks));
}

fn has_user_namespace(spec: &Spec) -> bool {
    let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    namespaces.into_iter().flatten().any(|namespace| namespace.typ() == LinuxNamespaceType::User)
}

/// A node's type and numbers.
struct Numbers {
    kind: LinuxDeviceType,
    major: i64,
    minor: i64,
    mode: Option<u32>,
}

/// What a description does not say is that of the host's node.
fn numbers(node: &DeviceNode) -> Result<Numbers> {
    let kind = match node.kind.as_str() {
        "b" => Some(LinuxDeviceType::B),
        "c" | "u" => Some(LinuxDeviceType::C),
        "p" => Some(LinuxDeviceType::P),
        _ => None,
    };
    if let Some(kind) = kind
        && (node.major != 0 || kind == LinuxDeviceType::P)
    {
        return Ok(Numbers { kind, major: node.major, minor: node.minor, mode: node.file_mode });
    }
    let path = host_path(node);
    let metadata = fs::metadata(path).map_err(Error::file)?;
    let is = metadata.file_type();
    let found = match (is.is_char_device(), is.is_block_device(), is.is_fifo()) {
        (true, ..) => LinuxDeviceType::C,
        (_, true, _) => LinuxDeviceType::B,
        (.., true) => LinuxDeviceType::P,
        _ => return Err(Error::invalid(format!("CDI device {}", path.display()), "not a device node")),
    };
    if kind.is_some_and(|kind| kind != found) {
        let why = format!("it is not of the type {:?} that its description says", node.kind);
        return Err(Error::invalid(format!("CDI device {}", path.display()), why));
    }
    Ok(Numbers {
        kind: found,
        major: i64::from(rustix::fs::major(metadata.rdev())),
        minor: i64::from(rustix::fs::minor(metadata.rdev())),
        mode: node.file_mode.or(Some(metadata.mode() & 0o777)),
    })
}

fn host_path(node: &DeviceNode) -> &Path {
    if node.host_path.as_os_str().is_empty() { &node.path } else { &node.host_path }
}

fn add_node(linux: &mut Linux, node: &DeviceNode, uid: u32, gid: u32) -> Result<()> {
    let Numbers { kind, major, minor, mode } = numbers(node)?;
    let mut device = LinuxDevice::default();
    device
        .set_path(node.path.clone())
        .set_typ(kind)
        .set_major(major)
        .set_minor(minor)
        .set_file_mode(mode)
        .set_uid(node.uid.or((uid > 0).then_some(uid)))
        .set_gid(node.gid.or((gid > 0).then_some(gid)));
    let mut all = linux.devices().clone().unwrap_or_default();
    all.retain(|other| *other.path() != node.path);
    all.push(device);
    linux.set_devices(Some(all));
    let access = match node.permissions.as_str() {
        "" => "rwm",
        "none" => "",
        access => access,
    };
    // Without rules of the container's own every device may be used, as far as its node lets.
    let resources = linux.resources_mut().as_mut();
    if let Some(rules) = resources.and_then(|resources| resources.devices_mut().as_mut())
        && kind != LinuxDeviceType::P
        && !access.is_empty()
    {
        let mut rule = LinuxDeviceCgroup::default();
        rule.set_allow(true)
            .set_typ(Some(kind))
            .set_major(Some(major))
            .set_minor(Some(minor))
            .set_access(Some(access.to_owned()));
        rules.push(rule);
    }
    Ok(())
}

/// The host's node as a mount.
fn bound(node: &DeviceNode) -> Result<oci::Mount> {
    let source = host_path(node);
    fs::metadata(source).map_err(Error::file)?;
    let access = if matches!(&*node.permissions, "r" | "rm" | "mr" | "none") { "ro" } else { "rw" };
    let mut mount = oci::Mount::default();
    mount
        .set_destination(node.path.clone())
        .set_typ(Some("bind".to_owned()))
        .set_source(Some(source.to_owned()))
        .set_options(Some(["rbind", "nosuid", "noexec", access].map(str::to_owned).to_vec()));
    Ok(mount)
}

fn oci_mount(mount: &Mount) -> oci::Mount {
    let kind = if mount.kind.is_empty() { "bind" } else { &mount.kind };
    let mut options = mount.options.clone();
    // The type alone makes no bind.
    if kind == "bind" && !options.iter().any(|option| matches!(&**option, "bind" | "rbind")) {
        options.push("bind".to_owned());
    }
    let mut oci = oci::Mount::default();
    oci.set_destination(mount.container_path.clone())
        .set_typ(Some(kind.to_owned()))
        .set_source(Some(mount.host_path.clone()))
        .set_options(Some(options));
    oci
}

/// In place of another one there, after all above it and before all below it.
fn add_mount(spec: &mut Spec, mount: oci::Mount) {
    let mut all = spec.mounts().clone().unwrap_or_default();
    all.retain(|other| other.destination() != mount.destination());
    let below = all.iter().position(|other| other.destination().starts_with(mount.destination()));
    all.insert(below.unwrap_or(all.len()), mount);
    spec.set_mounts(Some(all));
}

fn oci_hook(hook: &Hook) -> oci::Hook {
    let list = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    let mut oci = oci::Hook::default();
    oci.set_path(hook.path.clone())
        .set_args(list(&hook.args))
        .set_env(list(&hook.env))
        .set_timeout(hook.timeout);
    oci
}

fn oci_rdt(rdt: &IntelRdt) -> LinuxIntelRdt {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let mut oci = LinuxIntelRdt::default();
    #[allow(deprecated, reason = "files of older versions have it")]
    oci.set_enable_cmt(rdt.enable_cmt.then_some(true));
    oci.set_enable_mbm(rdt.enable_mbm.then_some(true));
    oci.set_clos_id(text(&rdt.clos_id))
        .set_l3_cache_schema(text(&rdt.l3_cache_schema))
        .set_mem_bw_schema(text(&rdt.mem_bw_schema))
        .set_schemata(Some(rdt.schemata.clone()).filter(|list| !list.is_empty()))
        .set_enable_monitoring(rdt.enable_monitoring.then_some(true));
    oci
}

fn add_variables(process: &mut Process, env: &[String]) {
    let mut all = process.env().clone().unwrap_or_default();
    for variable in env {
        let head = variable.find('=').map_or(variable.as_str(), |end| &variable[..=end]);
        all.retain(|other| !other.starts_with(head));
        all.push(variable.clone());
    }
    process.set_env(Some(all));
}

fn add_groups(process: &mut Process, groups: &[u32]) {
    let mut user = process.user().clone();
    let mut all = user.additional_gids().clone().unwrap_or_default();
    for group in groups.iter().filter(|group| **group != 0) {
        if !all.contains(group) {
            all.push(*group);
        }
    }
    user.set_additional_gids(Some(all).filter(|all| !all.is_empty()));
    process.set_user(user);
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::{LinuxNamespace, LinuxResources};

    fn null(path: &str) -> DeviceNode {
        DeviceNode { path: path.into(), host_path: "/dev/null".into(), ..DeviceNode::default() }
    }

    fn spec(user_namespace: bool) -> Spec {
        let mut resources = LinuxResources::default();
        resources.set_devices(Some(Vec::new()));
        let mut user = LinuxNamespace::default();
        user.set_typ(LinuxNamespaceType::User);
        let mut linux = Linux::default();
        linux.set_resources(Some(resources)).set_namespaces(user_namespace.then(|| vec![user]));
        let mut process = Process::default();
        process.set_env(Some(vec!["A=old".into(), "AB=kept".into()]));
        let mut spec = Spec::default();
        spec.set_linux(Some(linux)).set_process(Some(process)).set_mounts(Some(Vec::new()));
        spec
    }

    #[test]
    fn all_that_a_device_brings() {
        let mut spec = spec(false);
        let edits = ContainerEdits {
            env: vec!["A=new".into()],
            device_nodes: vec![
                null("/dev/card"),
                DeviceNode { permissions: "r".into(), ..null("/dev/read") },
            ],
            mounts: vec![Mount { host_path: "/usr".into(), container_path: "/u".into(), ..Mount::default() }],
            hooks: vec![Hook { hook_name: "poststop".into(), path: "/bin/true".into(), ..Hook::default() }],
            additional_gids: vec![0, 7, 7],
            ..ContainerEdits::default()
        };
        apply(&mut spec, &edits, false).unwrap();
        let process = spec.process().as_ref().unwrap();
        assert_eq!(process.env().as_ref().unwrap(), &["AB=kept", "A=new"]);
        assert_eq!(process.user().additional_gids().as_ref().unwrap(), &[7]);
        let linux = spec.linux().as_ref().unwrap();
        let node = &linux.devices().as_ref().unwrap()[0];
        assert_eq!((node.path().to_str(), node.major(), node.minor()), (Some("/dev/card"), 1, 3));
        let rules = linux.resources().as_ref().unwrap().devices().as_ref().unwrap();
        let access: Vec<_> = rules.iter().map(|rule| rule.access().as_deref().unwrap()).collect();
        assert_eq!(access, ["rwm", "r"]);
        assert_eq!(spec.mounts().as_ref().unwrap()[0].options().as_ref().unwrap(), &["bind"]);
        assert_eq!(spec.hooks().as_ref().unwrap().poststop().as_ref().unwrap().len(), 1);
    }

    #[test]
    fn nodes_are_bound_where_none_can_be_made() {
        for (mut spec, rootless) in [(spec(true), false), (spec(false), true)] {
            let edits = ContainerEdits { device_nodes: vec![null("/dev/card")], ..ContainerEdits::default() };
            apply(&mut spec, &edits, rootless).unwrap();
            let mount = &spec.mounts().as_ref().unwrap()[0];
            assert_eq!(mount.source().as_deref(), Some(Path::new("/dev/null")));
            assert!(spec.linux().as_ref().unwrap().devices().is_none());
        }
    }

    #[test]
    fn a_node_that_is_another_is_refused() {
        for node in [
            DeviceNode { kind: "b".into(), ..null("/dev/x") },
            DeviceNode { host_path: "/etc/passwd".into(), ..null("/dev/x") },
            DeviceNode { host_path: "/does/not/exist".into(), ..null("/dev/x") },
        ] {
            let edits = ContainerEdits { device_nodes: vec![node], ..ContainerEdits::default() };
            assert!(apply(&mut spec(false), &edits, false).is_err(), "{edits:?}");
        }
        let named = DeviceNode { kind: "c".into(), major: 195, minor: 0, ..null("/dev/nvidia0") };
        assert_eq!(numbers(&named).unwrap().major, 195);
    }
}
