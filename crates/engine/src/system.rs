//! The engine about itself and its host.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cove_api::{
    ContainerState, DOCKER_API_VERSION, DiskUsage, Event, EventOptions, FollowOptions, Info,
    LIBPOD_API_VERSION, Ping, PodListOptions, PodRemoveOptions, Pods, Result, SecretListOptions, Secrets,
    StateLine, System, SystemCheckOptions, SystemCheckReport, SystemPruneOptions, SystemPruneReport,
    ValueStream, Version,
};
use cove_sys::fs;
use cove_sys::process::{RunOptions, run_ok};
use serde_json::{Map, Value, json};

use crate::engine::{Core, LocalEngine, blocking};
use crate::error::storage;
use crate::{maintain, prune, usage};

#[async_trait]
impl System for LocalEngine {
    async fn ping(&self) -> Result<Ping> {
        Ok(Ping { libpod_api_version: LIBPOD_API_VERSION.into(), api_version: DOCKER_API_VERSION.into() })
    }

    async fn version(&self) -> Result<Version> {
        Ok(version(&self.core))
    }

    async fn info(&self) -> Result<Info> {
        blocking(&self.core, |core| info(core)).await
    }

    async fn disk_usage(&self) -> Result<DiskUsage> {
        blocking(&self.core, usage::disk_usage).await
    }

    async fn prune(&self, options: SystemPruneOptions) -> Result<SystemPruneReport> {
        prune::prune(self, options).await
    }

    async fn check(&self, options: SystemCheckOptions) -> Result<SystemCheckReport> {
        blocking(&self.core, move |core| maintain::check(core, &options)).await
    }

    async fn reset(&self) -> Result<()> {
        // What cannot be removed in the proper way goes with the files.
        for pod in Pods::list(self, PodListOptions::default()).await.unwrap_or_default() {
            let options = PodRemoveOptions { force: true, ..PodRemoveOptions::default() };
            if let Err(error) = Pods::remove(self, &pod.id, options).await {
                tracing::warn!("removing pod {}: {error}", pod.name);
            }
        }
        for secret in Secrets::list(self, SecretListOptions::default()).await.unwrap_or_default() {
            if let Err(error) = Secrets::remove(self, &secret.id).await {
                tracing::warn!("removing secret {}: {error}", secret.spec.name);
            }
        }
        blocking(&self.core, maintain::reset).await
    }

    async fn migrate(&self, runtime: Option<String>) -> Result<Vec<String>> {
        blocking(&self.core, move |core| maintain::migrate(core, runtime.as_deref())).await
    }

    async fn renumber(&self) -> Result<()> {
        blocking(&self.core, |core| maintain::renumber(core)).await
    }

    async fn follow(&self, options: FollowOptions) -> Result<ValueStream<StateLine>> {
        Ok(crate::feed::follow(&self.core.feeds, Arc::new(self.clone()), &options))
    }

    async fn events(&self, options: EventOptions) -> Result<ValueStream<Event>> {
        self.core.events.read(options)
    }
}

/// This engine's version.
fn version(core: &Core) -> Version {
    Version {
        api_version: LIBPOD_API_VERSION.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        os: "linux".into(),
        os_arch: format!("linux/{}", cove_registry::Platform::host().architecture),
        ..core.options.build.clone()
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn info(core: &Core) -> Result<Info> {
    Ok(Info {
        host: host(core),
        store: store(core)?,
        registries: registries(core)?,
        plugins: object(json!({
            "volume": ["local"],
            "network": ["bridge", "macvlan", "ipvlan"],
            "log": ["k8s-file", "none", "passthrough"],
            "authorization": null,
        })),
        version: version(core),
    })
}

/// What is known of this host, as `info` tells it.
pub(crate) fn facts(core: &Core) -> Value {
    Value::Object(host(core))
}

/// The first line a program prints about its version; empty where it has none.
pub(crate) fn program_version(path: &Path) -> String {
    let options = RunOptions { timeout: Duration::from_secs(5), ..RunOptions::default() };
    match run_ok(Command::new(path).arg("--version"), &options) {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(_) => String::new(),
    }
}

fn host(core: &Core) -> Map<String, Value> {
    let uname = rustix::system::uname();
    let text = |value: &std::ffi::CStr| value.to_string_lossy().into_owned();
    let memory = meminfo();
    let platform = cove_registry::Platform::host();
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers");
    let controllers: Vec<String> = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"]
        .into_iter()
        .filter(|name| core.cgroup().has(name))
        .map(ToOwned::to_owned)
        .collect();
    let runtime = match core.oci_runtime("") {
        Ok(runtime) => json!({
            "name": runtime.name,
            "package": "",
            "version": program_version(&runtime.path),
            "path": runtime.path,
        }),
        Err(error) => json!({"name": "", "package": "", "path": "", "version": error.message}),
    };
    let helper =
        |name: &str| core.helper(name).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let pasta = helper("pasta");
    let facts = core.host_facts();
    let conf = &core.options.containers;
    let capabilities =
        conf.containers.default_capabilities.as_ref().map(|list| list.values.join(",")).unwrap_or_default();
    let default_log = conf.containers.log_driver.clone().filter(|driver| driver == "none");
    let socket = core.options.directories.api_socket();
    object(json!({
        "arch": platform.architecture,
        "buildahVersion": "",
        "cgroupManager": core.cgroup().name(),
        "cgroupVersion": if unified.exists() { "v2" } else { "v1" },
        "cgroupControllers": controllers,
        "conmon": {"package": "", "path": core.options.monitor, "version": version(core).version},
        "cpus": std::thread::available_parallelism().map(usize::from).unwrap_or(1),
        "cpuUtilization": cpu_utilization(),
        "databaseBackend": "sqlite",
        "distribution": distribution(),
        "eventLogger": core.events.backend(),
        "hostname": text(uname.nodename()),
        "idMappings": {"gidmap": id_map("/proc/self/gid_map", core), "uidmap": id_map("/proc/self/uid_map", core)},
        "kernel": text(uname.release()),
        "logDriver": default_log.unwrap_or_else(|| "k8s-file".into()),
        "memFree": memory("MemAvailable:"),
        "memTotal": memory("MemTotal:"),
        "networkBackend": "netavark",
        "networkBackendInfo": {
            "backend": "netavark",
            "version": version(core).version,
            "package": "",
            "path": "",
            "dns": {"version": "", "package": "", "path": helper("aardvark-dns")},
        },
        "ociRuntime": runtime,
        "os": "linux",
        "remoteSocket": {"path": format!("unix://{}", socket.display()), "exists": socket.exists()},
        "rootlessNetworkCmd": conf.network.default_rootless_network_cmd.clone().unwrap_or_else(|| "pasta".into()),
        "serviceIsRemote": false,
        "security": {
            "apparmorEnabled": facts.apparmor,
            "capabilities": capabilities,
            "imagePolicy": image_policy(core),
            "rootless": core.options.rootless,
            "seccompEnabled": Path::new("/proc/sys/kernel/seccomp").exists(),
            "seccompProfilePath": conf.containers.seccomp_profile.clone().unwrap_or_default(),
            "selinuxEnabled": Path::new("/sys/fs/selinux/enforce").exists(),
        },
        "pasta": {
            "executable": pasta,
            "package": "",
            "version": if pasta.is_empty() { String::new() } else { program_version(Path::new(&pasta)) },
        },
        "swapFree": memory("SwapFree:"),
        "swapTotal": memory("SwapTotal:"),
        "uptime": uptime(),
        "variant": platform.variant,
        "linkmode": "static",
    }))
}

/// Which file decides what may come in, or that nothing does.
fn image_policy(core: &Core) -> String {
    match cove_config::Policy::load(&core.options.directories, None) {
        Ok((_, Some(path))) => path.display().to_string(),
        Ok((_, None)) => "no policy.json: every image is accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Bytes of memory that the host has.
pub(crate) fn total_memory() -> u64 {
    meminfo()("MemTotal:")
}

/// Bytes of a line of `/proc/meminfo`.
fn meminfo() -> impl Fn(&str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    move |field: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0)
            .saturating_mul(1024)
    }
}

fn cpu_utilization() -> Value {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let numbers: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|number| number.parse().ok())
        .collect();
    let total: f64 = numbers.iter().sum();
    let percent = |index: usize| {
        let part = numbers.get(index).copied().unwrap_or_default();
        if total > 0.0 { (part * 10_000.0 / total).round() / 100.0 } else { 0.0 }
    };
    json!({"userPercent": percent(0), "systemPercent": percent(2), "idlePercent": percent(3)})
}

fn distribution() -> Value {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
            .unwrap_or_default()
    };
    let mut map = object(json!({"distribution": field("ID"), "version": field("VERSION_ID")}));
    for (key, name) in [("variant", "VARIANT_ID"), ("codename", "VERSION_CODENAME")] {
        let value = field(name);
        if !value.is_empty() {
            map.insert(key.into(), value.into());
        }
    }
    Value::Object(map)
}

fn id_map(path: &str, core: &Core) -> Value {
    if !core.options.rootless {
        return Value::Null;
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let entries = text.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().filter_map(|number| number.parse::<u64>().ok());
        Some(json!({
            "container_id": numbers.next()?,
            "host_id": numbers.next()?,
            "size": numbers.next()?,
        }))
    });
    Value::Array(entries.collect())
}

/// As podman shows it: `49h 12m 3.00s (Approximately 2.04 days)`.
fn uptime() -> String {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: f64 =
        text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default();
    let hours = (seconds / 3600.0).floor();
    let minutes = ((seconds - hours * 3600.0) / 60.0).floor();
    let rest = seconds - hours * 3600.0 - minutes * 60.0;
    let plain = format!("{hours:.0}h {minutes:.0}m {rest:.2}s");
    if hours < 24.0 { plain } else { format!("{plain} (Approximately {:.2} days)", seconds / 86_400.0) }
}

fn store(core: &Core) -> Result<Map<String, Value>> {
    let options = &core.options.storage;
    let opened = core.store()?;
    let (mut running, mut paused, mut stopped) = (0, 0, 0);
    let rows = core.database()?.containers()?;
    let number = rows.len();
    for mut row in rows {
        core.refresh(&mut row)?;
        match row.state {
            ContainerState::Paused => paused += 1,
            state if state.is_alive() => running += 1,
            _ => stopped += 1,
        }
    }
    let images = opened.images().map_err(storage)?.len();
    let usage = rustix::fs::statvfs(opened.graph_root()).ok();
    let allocated =
        usage.as_ref().map(|usage| usage.f_blocks.saturating_mul(usage.f_frsize)).unwrap_or_default();
    let free = usage.as_ref().map(|usage| usage.f_bfree.saturating_mul(usage.f_frsize)).unwrap_or_default();
    let graph_options: Map<String, Value> = options
        .driver_options
        .iter()
        .map(|(name, value)| (format!("{}.{name}", opened.driver().name()), value.clone().into()))
        .collect();
    Ok(object(json!({
        "configFile": "/etc/containers/storage.conf",
        "containerStore": {"number": number, "paused": paused, "running": running, "stopped": stopped},
        "graphDriverName": opened.driver().name(),
        "graphOptions": graph_options,
        "graphRoot": options.graph_root,
        "graphRootAllocated": allocated,
        "graphRootUsed": allocated.saturating_sub(free),
        "graphStatus": {},
        "imageCopyTmpDir": core.options.directories.temporary,
        "imageStore": {"number": images},
        "runRoot": options.run_root,
        "transientStore": false,
        "volumePath": core.options.volumes_dir(),
    })))
}

fn registries(core: &Core) -> Result<Map<String, Value>> {
    let registries = core.registries()?;
    let mut map = Map::new();
    for registry in &registries.registries {
        let mirrors: Vec<Value> = registry
            .mirrors
            .iter()
            .map(|mirror| json!({"Location": mirror.location, "Insecure": mirror.insecure}))
            .collect();
        map.insert(
            registry.prefix.clone(),
            json!({
                "Prefix": registry.prefix,
                "Location": registry.location,
                "Insecure": registry.insecure,
                "Blocked": registry.blocked,
                "Mirrors": mirrors,
                "MirrorByDigestOnly": registry.mirror_by_digest_only,
            }),
        );
    }
    map.insert("search".into(), json!(registries.unqualified_search));
    Ok(map)
}
