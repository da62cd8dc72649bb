//! What must hold of values, and between the parts of a project.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{ComposeError, Result};
use crate::model::{Project, Service};
use crate::tree::{Entries, Item, Kind};

/// Writes out defaults that do not depend on anything else.
pub(super) fn defaults(root: &mut Item) {
    let services = root.as_map_mut().and_then(|root| root.get_mut("services")).and_then(Item::as_map_mut);
    for service in services.into_iter().flat_map(Entries::values_mut) {
        let Some(service) = service.as_map_mut() else { continue };
        if let Some(build) = service.get_mut("build") {
            let context = build.text_item(".");
            if let Some(build) = build.as_map_mut() {
                build.entry("context".to_owned()).or_insert(context);
            }
        }
        for secret in maps(service.get_mut("secrets")) {
            let source = secret.get("source").and_then(Item::printed).unwrap_or_default();
            fill(secret, "target", &format!("/run/secrets/{source}"));
        }
        for port in maps(service.get_mut("ports")) {
            fill(port, "protocol", "tcp");
            fill(port, "mode", "ingress");
        }
        let devices = service
            .get_mut("deploy")
            .and_then(|deploy| deploy.as_map_mut()?.get_mut("resources"))
            .and_then(|resources| resources.as_map_mut()?.get_mut("reservations"))
            .and_then(|reservations| reservations.as_map_mut()?.get_mut("devices"));
        for device in maps(devices) {
            count(device);
        }
        for device in maps(service.get_mut("gpus")) {
            count(device);
        }
    }
}

fn maps(list: Option<&mut Item>) -> impl Iterator<Item = &mut Item> {
    let items = match list.map(|list| &mut list.kind) {
        Some(Kind::List(items)) => items.iter_mut(),
        _ => [].iter_mut(),
    };
    items.filter(|item| item.as_map().is_some())
}

fn fill(item: &mut Item, key: &str, text: &str) {
    let value = item.text_item(text);
    if let Some(entries) = item.as_map_mut() {
        entries.entry(key.to_owned()).or_insert(value);
    }
}

fn count(device: &mut Item) {
    if device.get("count").is_none() && device.get("device_ids").is_none() {
        fill(device, "count", "all");
    }
}

/// Checks values of a file that no type tells.
pub(super) fn values(root: &Item) -> Result<()> {
    for (kind, ways) in
        [("configs", &["file", "environment", "content"][..]), ("secrets", &["file", "environment"])]
    {
        for (name, item) in root.get(kind).and_then(Item::as_map).into_iter().flatten() {
            let path = format!("{kind}.{name}");
            let number = ways.iter().filter(|way| item.get(way).is_some()).count();
            if number > 1 {
                return item.fail(&path, format!("{} attributes are mutually exclusive", ways.join("|")));
            }
            if number == 0 && item.get("driver").is_none() && item.get("external").is_none() {
                return item.fail(&path, format!("one of {} must be set", ways.join("|")));
            }
        }
    }
    for (name, item) in root.get("volumes").and_then(Item::as_map).into_iter().flatten() {
        if item.get("external").is_some_and(|external| external.kind == Kind::Bool(true)) {
            for (key, value) in item.as_map().into_iter().flatten() {
                if !matches!(key.as_str(), "name" | "external") && !key.starts_with("x-") {
                    let message = format!("conflicting parameters \"external\" and {key:?} specified");
                    return value.fail(&format!("volumes.{name}"), message);
                }
            }
        }
    }
    for (name, service) in root.get("services").and_then(Item::as_map).into_iter().flatten() {
        for port in service.get("ports").and_then(Item::as_list).into_iter().flatten() {
            if let Some(ip) = port.get("host_ip").and_then(Item::as_text)
                && ip.parse::<std::net::IpAddr>().is_err()
                && !ip.contains('$')
            {
                return port.fail(&format!("services.{name}.ports"), format!("invalid ip address: {ip}"));
            }
        }
        for device in service.get("gpus").and_then(Item::as_list).into_iter().flatten() {
            if device.get("count").is_some() && device.get("device_ids").is_some() {
                return device.fail(
                    &format!("services.{name}.gpus"),
                    "\"count\" and \"device_ids\" attributes are exclusive",
                );
            }
        }
    }
    Ok(())
}

/// Checks references between parts.
pub(super) fn project(project: &mut Project) -> Result<()> {
    let known = project.clone();
    for (name, service) in &mut project.services {
        self::service(name, service, &known)?;
    }
    for (name, secret) in &project.secrets {
        if !secret.external && secret.file.is_empty() && secret.environment.is_empty() {
            return wrong(format!("secret {name:?} must declare either `file` or `environment`"));
        }
    }
    cycle(project)
}

fn wrong<T>(message: String) -> Result<T> {
    Err(ComposeError::new(message))
}

fn service(name: &str, service: &mut Service, project: &Project) -> Result<()> {
    if service.build.is_none() && service.image.is_empty() && service.provider.is_none() {
        return wrong(format!("service {name:?} has neither an image nor a build context specified"));
    }
    if let Some(build) = &service.build {
        if !build.dockerfile_inline.is_empty() && !build.dockerfile.is_empty() {
            return wrong(format!(
                "service {name:?} declares mutualy exclusive dockerfile and dockerfile_inline"
            ));
        }
        for (key, context) in &build.additional_contexts {
            if let Some(other) = context.strip_prefix("service:") {
                match project.services.get(other) {
                    None => {
                        return wrong(format!(
                            "service {name:?} declares unknown service {other:?} as additional contexts {key}"
                        ));
                    }
                    Some(other) if other.build.is_none() => {
                        return wrong(format!(
                            "service {name:?} declares non-buildable service {:?} as additional contexts {key}",
                            other.name
                        ));
                    }
                    Some(_) => {}
                }
            }
        }
        if !build.platforms.is_empty()
            && !service.platform.is_empty()
            && !build.platforms.contains(&service.platform)
        {
            return wrong(format!(
                "service.build.platforms MUST include service.platform {:?}",
                service.platform
            ));
        }
        for secret in &build.secrets {
            if !project.secrets.contains_key(&secret.source) {
                return wrong(format!("service {name:?} refers to undefined build secret {}", secret.source));
            }
        }
    }
    if !service.network_mode.is_empty() && !service.networks.is_empty() {
        return wrong(format!("service {name} declares mutually exclusive `network_mode` and `networks`"));
    }
    if let Some(other) = service.network_mode.strip_prefix("service:")
        && !project.services.contains_key(other)
    {
        return wrong(format!("service {other:?} not found for network_mode 'service:{other}'"));
    }
    let test = service.healthcheck.as_ref().and_then(|check| check.test.first());
    if test.is_some_and(|first| !matches!(first.as_str(), "CMD" | "CMD-SHELL" | "NONE")) {
        return wrong("healthcheck.test must start either by \"CMD\", \"CMD-SHELL\" or \"NONE\"".to_owned());
    }
    for (other, dependency) in &service.depends_on {
        let disabled = project.disabled_services.contains_key(other);
        if !project.services.contains_key(other) && (dependency.required || !disabled) {
            return wrong(format!(
                "service {name:?} depends on undefined service {other:?}: invalid compose project"
            ));
        }
    }
    references(name, service, project)?;
    limits(name, service)?;
    mounts(name, service)
}

fn references(name: &str, service: &Service, project: &Project) -> Result<()> {
    let undefined = |what: &str, key: &str| {
        wrong(format!("service {name:?} refers to undefined {what} {key}: invalid compose project"))
    };
    if let Some(key) = service.networks.keys().find(|key| !project.networks.contains_key(*key)) {
        return undefined("network", key);
    }
    for mount in &service.volumes {
        if mount.r#type == "volume"
            && !mount.source.is_empty()
            && !project.volumes.contains_key(&mount.source)
        {
            return undefined("volume", &mount.source);
        }
    }
    if let Some(config) = service.configs.iter().find(|config| !project.configs.contains_key(&config.source))
    {
        return undefined("config", &config.source);
    }
    if let Some(secret) = service.secrets.iter().find(|secret| !project.secrets.contains_key(&secret.source))
    {
        return undefined("secret", &secret.source);
    }
    if let Some(model) = service.models.keys().find(|key| !project.models.contains_key(*key)) {
        return undefined("model", model);
    }
    Ok(())
}

fn limits(name: &str, service: &mut Service) -> Result<()> {
    let distinct = |one: &str, other: &str| {
        wrong(format!("services.{name}: can't set distinct values on '{one}' and '{other}'"))
    };
    if let (Some(scale), Some(deploy)) = (service.scale, &mut service.deploy) {
        if deploy.replicas.is_some_and(|replicas| replicas != scale) {
            return distinct("scale", "deploy.replicas");
        }
        deploy.replicas = Some(scale);
    }
    if let Some(deploy) = &service.deploy {
        if let Some(limits) = &deploy.resources.limits {
            if service.cpus != 0.0 && limits.cpus != service.cpus {
                return distinct("cpus", "deploy.resources.limits.cpus");
            }
            if service.mem_limit.0 != 0 && limits.memory != service.mem_limit {
                return distinct("mem_limit", "deploy.resources.limits.memory");
            }
            if service.pids_limit != 0 && limits.pids != service.pids_limit {
                return distinct("pids_limit", "deploy.resources.limits.pids");
            }
        }
        if let Some(reservations) = &deploy.resources.reservations
            && service.mem_reservation.0 != 0
            && reservations.memory != service.mem_reservation
        {
            return distinct("mem_reservation", "deploy.resources.reservations.memory");
        }
    }
    let replicas = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
    if let Some(number) = service.scale.or(replicas) {
        if number < 0 {
            return wrong(format!("services.{name}.scale: must be greater than or equal to 0"));
        }
        if number > 1 && !service.container_name.is_empty() {
            return wrong(format!(
                "services.{name}: can't set container_name and scale as container name must be unique"
            ));
        }
    }
    for watch in service.develop.iter().flat_map(|develop| &develop.watch) {
        if watch.target.is_empty() && !matches!(watch.action.as_str(), "rebuild" | "restart") {
            return wrong(format!(
                "services.{name}.develop.watch: target is required for non-rebuild actions"
            ));
        }
    }
    Ok(())
}

fn mounts(name: &str, service: &Service) -> Result<()> {
    let mut targets = BTreeMap::new();
    let tmpfs = service.tmpfs.iter().enumerate().map(|(at, text)| {
        (format!("services.{name}.tmpfs[{at}]"), text.split(':').next().unwrap_or_default())
    });
    let volumes = service.volumes.iter().enumerate();
    let volumes =
        volumes.map(|(at, mount)| (format!("services.{name}.volumes[{at}]"), mount.target.as_str()));
    for (place, target) in tmpfs.chain(volumes) {
        if let Some(earlier) = targets.insert(target, place.clone()) {
            return wrong(format!("{place}: target {target} already mounted as {earlier}"));
        }
    }
    Ok(())
}

/// Finds services that wait for each other.
fn cycle(project: &Project) -> Result<()> {
    let mut done = BTreeSet::new();
    for name in project.services.keys() {
        // Without recursion: a chain of services is as long as its author likes.
        let mut stack: Vec<(&str, Vec<&str>)> = vec![(name, children(project, name))];
        while let Some((_, left)) = stack.last_mut() {
            let Some(next) = left.pop() else {
                if let Some((name, _)) = stack.pop() {
                    done.insert(name);
                }
                continue;
            };
            if let Some(at) = stack.iter().position(|(name, _)| *name == next) {
                let path: Vec<&str> = stack[at..].iter().map(|(name, _)| *name).collect();
                return wrong(format!("dependency cycle detected: {} -> {next}", path.join(" -> ")));
            }
            if !done.contains(next) {
                stack.push((next, children(project, next)));
            }
        }
    }
    Ok(())
}

fn children<'a>(project: &'a Project, name: &str) -> Vec<&'a str> {
    project
        .services
        .get(name)
        .into_iter()
        .flat_map(|service| service.depends_on.keys().map(String::as_str))
        .rev()
        .collect()
}
