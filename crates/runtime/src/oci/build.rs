//! Putting a container's configuration together, and writing it.

use std::io::Write;
use std::path::{Path, PathBuf};

use cove_sys::fs;
use fs::os::unix::fs::OpenOptionsExt;
use oci_spec::runtime::Spec;
use serde_json::{Value, json};

use super::capabilities;
use super::input::{IdMapping, NamespaceTarget, SpecInput};
use super::{devices, limits, mounts, paths};
use crate::error::{Error, Result};

/// The OCI configuration of a container.
///
/// # Errors
/// What the request asks for is contradictory, or cannot be kept on this machine.
pub fn build(input: &SpecInput<'_>) -> Result<Spec> {
    let value = build_value(input)?;
    serde_json::from_value(value).map_err(|source| Error::Json { path: PathBuf::from("config.json"), source })
}

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

fn build_value(input: &SpecInput<'_>) -> Result<Value> {
    let settings = input.settings;
    let security = &settings.security;
    check(input)?;
    let capabilities = capabilities::for_container(
        security.privileged,
        input.user.uid == 0,
        &security.capabilities,
        &input.host.bounding,
    )?;
    let devices = devices::devices(input)?;
    let host_sys = mounts::needs_host_sys(input);
    let (masked, read_only) = paths::masks(security, &thermal_paths(), host_sys);

    let mut args = input.args.clone();
    if input.init_path.is_some() {
        args.splice(0..0, ["/run/podman-init".to_owned(), "--".to_owned()]);
    }
    let mut process = json!({
        "terminal": settings.terminal,
        "user": user(input),
        "args": args,
        "env": input.env,
        "cwd": input.cwd,
        "capabilities": capabilities.to_json(),
        "rlimits": limits::rlimits(input)?,
        "noNewPrivileges": security.no_new_privileges,
    });
    if let Some(adjustment) = settings.limits.oom_score_adj {
        process["oomScoreAdj"] = json!(adjustment);
    }
    if let Some(profile) = security.apparmor.as_ref().filter(|_| input.host.apparmor) {
        process["apparmorProfile"] = json!(profile);
    }

    let mut linux = json!({
        "namespaces": namespaces(input),
        "maskedPaths": masked,
        "readonlyPaths": read_only,
        "sysctl": sysctls(input)?,
        "rootfsPropagation": propagation(input),
    });
    if !devices.nodes.is_empty() {
        linux["devices"] = json!(devices.nodes);
    }
    let mut resources = limits::resources(input)?;
    if input.cgroup.is_enabled() && settings.cgroup.own {
        // Rules for devices are a program in the kernel, for which crun raises the limit of locked memory.
        if !input.host.rootless && input.host.may_raise_limits {
            resources.insert("devices".to_owned(), json!(devices.rules));
        }
        if let (Some(path), _) = input.cgroup.container_path(input.id, settings.cgroup.parent.as_deref()) {
            linux["cgroupsPath"] = json!(path);
        }
    }
    if !resources.is_empty() {
        linux["resources"] = Value::Object(resources);
    }
    if let Some((users, groups)) = &input.id_mappings {
        let list = |maps: &[IdMapping]| -> Value {
            maps.iter()
                .map(|m| json!({"containerID": m.container_id, "hostID": m.host_id, "size": m.size}))
                .collect()
        };
        linux["uidMappings"] = list(users);
        linux["gidMappings"] = list(groups);
    }
    if let Some(seccomp) = crate::seccomp::for_container(input, &capabilities.bounding)? {
        linux["seccomp"] = seccomp;
    }

    let mut result = json!({
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": input.rootfs, "readonly": settings.root.read_only},
        "mounts": mounts::mounts(input, &devices.mounts)?.iter().map(|m| json!({
            "destination": m.destination, "type": m.kind, "source": m.source, "options": m.options
        })).collect::<Value>(),
        "annotations": annotations(input),
        "linux": linux,
    });
    if input.namespaces.uts == NamespaceTarget::Private {
        result["hostname"] = json!(input.hostname);
    }
    Ok(result)
}

fn check(input: &SpecInput<'_>) -> Result<()> {
    if input.args.is_empty() {
        return Err(Error::invalid(
            "command",
            "no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
        ));
    }
    super::paths::check_working_directory(&input.cwd)?;
    if let Some(apparmor) = input.settings.security.apparmor.as_ref().filter(|_| !input.host.apparmor) {
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

fn user(input: &SpecInput<'_>) -> Value {
    let mut user = json!({"uid": input.user.uid, "gid": input.user.gid, "umask": input.settings.umask});
    if !input.user.additional_gids.is_empty() {
        user["additionalGids"] = json!(input.user.additional_gids);
    }
    user
}

fn namespaces(input: &SpecInput<'_>) -> Value {
    let n = &input.namespaces;
    let kinds = [
        ("pid", &n.pid),
        ("network", &n.network),
        ("ipc", &n.ipc),
        ("uts", &n.uts),
        ("user", &n.user),
        ("cgroup", &n.cgroup),
    ];
    let mut list = vec![json!({"type": "mount"})];
    for (kind, target) in kinds {
        // Without cgroups of its own a container has nothing to see in a cgroup namespace of its own.
        if kind == "cgroup" && !input.cgroup.is_enabled() {
            continue;
        }
        match target {
            NamespaceTarget::Host => {}
            NamespaceTarget::Private => list.push(json!({"type": kind})),
            NamespaceTarget::Path(path) => list.push(json!({"type": kind, "path": path})),
        }
    }
    Value::Array(list)
}

fn sysctls(input: &SpecInput<'_>) -> Result<Value> {
    let mut result = serde_json::Map::new();
    for (name, value) in &input.settings.default_sysctls {
        let kept = match name.split('.').next() {
            Some("net") => !input.namespaces.network.is_host(),
            Some("fs" | "kernel") => !input.namespaces.ipc.is_host(),
            _ => input.settings.security.privileged,
        };
        if kept {
            result.insert(name.clone(), json!(value));
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
        result.insert(name.clone(), json!(value));
    }
    Ok(Value::Object(result))
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
fn annotations(input: &SpecInput<'_>) -> Value {
    let mut result = serde_json::Map::new();
    for (name, value) in &input.settings.annotations {
        result.insert(name.clone(), json!(value));
    }
    if input.settings.keep_groups {
        result.insert("run.oci.keep_original_groups".to_owned(), json!("1"));
    }
    Value::Object(result)
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
