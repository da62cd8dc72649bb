//! Compose files.

use cove_api::{Error, Result, VolumeCreateOptions};
use cove_compose::model::{self, Project, Service};
use cove_project::plan::{self, Instance};

use super::compose_lost;
use crate::loss::{Losses, Of};
use crate::model::{After, Application, Condition, Container, Network, Volume};

/// What no other form has.
pub(super) const COMPOSE_ONLY: &str = "only Compose has it";

/// The application that a project is: one container for each of its services.
///
/// # Errors
/// A service cannot be made by this engine either; the message names it and the key.
pub fn compose(project: &Project, losses: &mut Losses) -> Result<Application> {
    let Project {
        name,
        services,
        networks,
        volumes,
        secrets,
        configs,
        models,
        extensions,
        working_dir: _,   // paths are absolute
        compose_files: _, // where it was read from
        environment: _,   // variables are filled in
        disabled_services,
        profiles: _, // services say theirs
    } = project;
    let mut application = Application { name: name.clone(), ..Application::default() };
    {
        let mut lost = losses.of(format!("project {name}"));
        lost.given("models", models, COMPOSE_ONLY);
        lost.given("extensions (x-…)", extensions, COMPOSE_ONLY);
    }
    for service in disabled_services.keys() {
        losses.of(format!("service {service}")).lost("profiles", "its profile is not active: use --profile");
    }
    for (key, content) in secrets.iter().chain(configs) {
        let mut lost = losses.of(format!("secret or config {key}"));
        lost.given("labels", &content.labels, COMPOSE_ONLY);
        lost.given("extensions (x-…)", &content.extensions, COMPOSE_ONLY);
    }
    for (key, network) in networks {
        let lost = &mut losses.of(format!("network {key}"));
        application.add_network(self::network(project, key, network, lost)?);
    }
    for (key, volume) in volumes {
        let model::Volume { name, driver, driver_opts, external, labels, extensions } = volume;
        losses.of(format!("volume {key}")).given("extensions (x-…)", extensions, COMPOSE_ONLY);
        let options = VolumeCreateOptions {
            name: name.clone(),
            driver: driver.clone(),
            labels: labels.clone(),
            options: driver_opts.clone(),
            ..VolumeCreateOptions::default()
        };
        application.add_volume(Volume { key: key.clone(), options, is_external: *external });
    }
    for service in services.values() {
        let lost = &mut losses.of(format!("service {}", service.name));
        application.add(container(project, service, lost)?);
    }
    Ok(application)
}

fn network(project: &Project, key: &str, written: &model::Network, lost: &mut Of<'_>) -> Result<Network> {
    let mut kept = written.clone();
    lost.given("extensions (x-…)", &written.extensions, COMPOSE_ONLY);
    lost.given("ipam.extensions (x-…)", &written.ipam.extensions, COMPOSE_ONLY);
    if std::mem::take(&mut kept.attachable) {
        lost.lost("attachable", "any container may join a network here");
    }
    if !matches!(kept.ipam.driver.as_str(), "" | "default") {
        lost.lost("ipam.driver", &format!("there is no driver {:?} here", kept.ipam.driver));
        kept.ipam.driver.clear();
    }
    for pool in &mut kept.ipam.config {
        let taken = std::mem::take(&mut pool.aux_addresses);
        lost.given("ipam.config.aux_addresses", &taken, COMPOSE_ONLY);
        lost.given("ipam.config.extensions (x-…)", &pool.extensions, COMPOSE_ONLY);
    }
    if kept.enable_ipv4 == Some(false) {
        lost.lost("enable_ipv4", "networks have IPv4 here");
    }
    kept.enable_ipv4 = None;
    let mut network = if kept.external {
        cove_api::Network { name: kept.name.clone(), ..cove_api::Network::default() }
    } else {
        plan::network(project, key, &kept)?
    };
    // Those by which Compose finds its own are no part of the application.
    network.labels.clone_from(&kept.labels);
    Ok(Network { key: key.to_owned(), network, is_external: kept.external })
}

fn container(project: &Project, service: &Service, lost: &mut Of<'_>) -> Result<Container> {
    let mut kept = compose_lost::kept(project, service, lost);
    resolve(project, &mut kept)?;
    let name = plan::container_name(project, service, 1);
    let instance = Instance {
        name: &name,
        aliases: plan::aliases(project, service, &name),
        labels: service.labels.clone(),
        inherited: &[],
    };
    let spec = plan::container(project, &kept, &instance)?;
    for copied in plan::copied(project, service)? {
        let field = format!("secrets or configs ({})", copied.target);
        lost.lost(&field, "its text is in the project: put it into a file and mount that");
    }
    let after = service.depends_on.iter().map(|(key, dependency)| After {
        key: key.clone(),
        condition: match dependency.condition.as_str() {
            "service_healthy" => Condition::Healthy,
            "service_completed_successfully" => Condition::Completed,
            _ => Condition::Started,
        },
    });
    Ok(Container {
        key: service.name.clone(),
        is_named: !service.container_name.is_empty(),
        spec,
        pull: match service.pull_policy.as_str() {
            policy @ ("always" | "missing" | "never") => policy.to_owned(),
            "if_not_present" => "missing".to_owned(),
            _ => String::new(),
        },
        after: after.filter(|after| project.services.contains_key(&after.key)).collect(),
    })
}

/// Puts the containers of other services in their places.
fn resolve(project: &Project, service: &mut Service) -> Result<()> {
    let named = |key: &str| match project.services.get(key) {
        Some(other) => Ok(plan::container_name(project, other, 1)),
        None => Err(Error::invalid(format!("there is no service {key:?}"))),
    };
    for mode in [&mut service.network_mode, &mut service.ipc, &mut service.pid] {
        if let Some(key) = mode.strip_prefix("service:") {
            *mode = format!("container:{}", named(key)?);
        }
    }
    for from in &mut service.volumes_from {
        if let Some(container) = from.strip_prefix("container:") {
            *from = container.to_owned();
            continue;
        }
        let (key, mode) = match from.split_once(':') {
            Some((key, mode)) => (key, format!(":{mode}")),
            None => (from.as_str(), String::new()),
        };
        *from = format!("{}{mode}", named(key)?);
    }
    Ok(())
}
