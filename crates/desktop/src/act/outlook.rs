//! What bringing a Compose project up would do, for people.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{ContainerInspect, Engine, ErrorKind, Result};
use cove_compose::model::{Port, Project, Service};
use cove_compose::{ComposeError, Loaded, Variable};
use cove_project::plan::{self, Difference, ImageWay, Outlook, Part, Replaced};
use cove_project::{Found, FoundContainer, run};

use crate::act::up;
use crate::core::Core;
use crate::view::{
    ChangeKind, ImageComes, PartState, PlannedChange, PlannedContainer, PlannedPart, PlannedService,
    ProfileRow, ProjectFault, ProjectPlan, VariableRow,
};
use crate::{Failure, ProjectForm};

/// Looks at the files of a form and at the engine; changes nothing.
pub(crate) async fn plan(core: &Core, form: &ProjectForm) -> std::result::Result<ProjectPlan, Failure> {
    let engine = core.engine()?;
    let engine = engine.as_ref();
    let up::Read { loaded, variables } = up::read(core, engine, form).await?;
    let mut plan =
        ProjectPlan { variables: variables.into_iter().map(variable).collect(), ..ProjectPlan::default() };
    let Loaded { project, warnings } = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            plan.problem = Some(fault(error));
            return Ok(plan);
        }
    };
    plan.name.clone_from(&project.name);
    plan.folder.clone_from(&project.working_dir);
    plan.files.clone_from(&project.compose_files);
    plan.warnings = warnings;
    plan.profiles = profiles(&project);
    let problem = |message: String| Some(ProjectFault { message, ..ProjectFault::default() });
    if project.services.is_empty() {
        plan.problem = problem("no service selected".to_owned());
    } else if let Err(error) = run::check(engine, &project, &BTreeMap::new()).await {
        plan.problem = problem(error.message);
    }
    let found = Found::of(engine, &project.name).await?;
    let ids = image_ids(engine, &project).await?;
    let ahead =
        match plan::outlook(&project, &found, |name| ids.get(name).cloned().flatten(), up::recreate(form)) {
            Ok(ahead) => ahead,
            Err(error) => {
                plan.problem = plan.problem.or_else(|| problem(error.message));
                Outlook::default()
            }
        };
    for one in ahead.services {
        let Some(service) = project.services.get(&one.name) else { continue };
        let image = plan::image_name(&project, service);
        let exists = ids.get(&image).is_some_and(Option::is_some);
        let comes = match plan::image_way(&project, service, exists, &up::wish(form)) {
            Ok(ImageWay::Present) => ImageComes::Present,
            Ok(ImageWay::Build) => ImageComes::Build,
            Ok(ImageWay::Pull) => ImageComes::Pull,
            Err(error) => {
                plan.problem = plan.problem.or_else(|| problem(error.message));
                ImageComes::Present
            }
        };
        let mut replaced = Vec::new();
        for other in one.replaced {
            let there = found.containers.iter().find(|there| there.name == other.name);
            let changes = changes(engine, &image, service, there, &other).await?;
            replaced.push(PlannedContainer { name: other.name, changes });
        }
        plan.services.push(PlannedService {
            name: one.name,
            image,
            comes,
            ports: service.ports.iter().map(port).collect(),
            binds: binds(service),
            create: u32::try_from(one.create).unwrap_or(u32::MAX),
            replaced,
            kept: one.kept,
            removed: one.removed,
        });
    }
    for (name, part) in ahead.networks {
        let foreign = part == Part::Missing && engine.networks().exists(&name).await?;
        plan.networks.push(PlannedPart { state: state(part, foreign), name });
    }
    for (name, part) in ahead.volumes {
        let foreign = part == Part::Missing && engine.volumes().exists(&name).await?;
        plan.volumes.push(PlannedPart { state: state(part, foreign), name });
    }
    plan.orphans = ahead.orphans;
    Ok(plan)
}

fn fault(error: ComposeError) -> ProjectFault {
    ProjectFault {
        file: error.file.map(|file| file.to_string()).unwrap_or_default(),
        line: error.line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0),
        path: error.path,
        message: error.message,
    }
}

fn variable((name, variable): (String, Variable)) -> VariableRow {
    let given = variable.value.is_some();
    let replaced = !variable.default.is_empty() || !variable.alternate.is_empty();
    VariableRow {
        asked: !given && (variable.required || !replaced),
        required: variable.required,
        default: variable.default,
        given,
        name,
    }
}

fn profiles(project: &Project) -> Vec<ProfileRow> {
    let mut services: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for service in project.services.values().chain(project.disabled_services.values()) {
        for profile in &service.profiles {
            services.entry(profile).or_default().push(service.name.clone());
        }
    }
    let active = |name: &str| project.profiles.iter().any(|known| known == name || known == "*");
    services
        .into_iter()
        .map(|(name, services)| ProfileRow { name: name.to_owned(), active: active(name), services })
        .collect()
}

/// The digests of the services' images; nothing where one is not there.
async fn image_ids(engine: &dyn Engine, project: &Project) -> Result<BTreeMap<String, Option<String>>> {
    let mut ids = BTreeMap::new();
    for service in project.services.values() {
        let name = plan::image_name(project, service);
        if ids.contains_key(&name) {
            continue;
        }
        let id = if engine.images().exists(&name).await? {
            let id = engine.images().inspect(&name).await?.id;
            Some(format!("sha256:{}", id.trim_start_matches("sha256:")))
        } else {
            None
        };
        ids.insert(name, id);
    }
    Ok(ids)
}

fn state(part: Part, foreign: bool) -> PartState {
    match part {
        Part::External => PartState::External,
        Part::Kept => PartState::Kept,
        Part::Diverged => PartState::Diverged,
        Part::Missing if foreign => PartState::Foreign,
        Part::Missing => PartState::Missing,
    }
}

/// A port as it is written short; one without a place on the host gets any.
fn port(port: &Port) -> String {
    let mut text = String::new();
    if !port.host_ip.is_empty() {
        text = format!("{}:", port.host_ip);
    }
    if !port.published.is_empty() {
        text.push_str(&format!("{}:", port.published));
    }
    text.push_str(&port.target.to_string());
    if !matches!(port.protocol.as_str(), "" | "tcp") {
        text.push_str(&format!("/{}", port.protocol));
    }
    text
}

fn binds(service: &Service) -> Vec<String> {
    let binds = service.volumes.iter().filter(|mount| mount.r#type == "bind");
    binds.map(|mount| format!("{}:{}", mount.source, mount.target)).collect()
}

/// In what a container is not what the file describes. A digest tells that a service is another; what is another is seen in
/// the container, as far as that tells.
async fn changes(
    engine: &dyn Engine,
    image: &str,
    service: &Service,
    there: Option<&FoundContainer>,
    replaced: &Replaced,
) -> Result<Vec<PlannedChange>> {
    let change = |kind: ChangeKind, what: &str| PlannedChange { kind, what: what.to_owned() };
    let mut all = Vec::new();
    for difference in &replaced.differences {
        match difference {
            Difference::Image => all.push(change(ChangeKind::Image, "")),
            Difference::Network(name) => all.push(change(ChangeKind::Network, name)),
            Difference::Volume(name) => all.push(change(ChangeKind::Volume, name)),
            Difference::Service => {
                let seen = match there {
                    Some(one) => match engine.containers().inspect(&one.row.id, false).await {
                        Ok(inspect) => seen(image, service, one, &inspect),
                        Err(error) if error.kind == ErrorKind::NotFound => Vec::new(),
                        Err(error) => return Err(error),
                    },
                    None => Vec::new(),
                };
                if seen.is_empty() { all.push(change(ChangeKind::Other, "")) } else { all.extend(seen) }
            }
        }
    }
    if all.iter().any(|one| one.kind == ChangeKind::ImageName) {
        all.retain(|one| one.kind != ChangeKind::Image);
    }
    if all.is_empty() {
        all.push(change(ChangeKind::Forced, ""));
    }
    Ok(all)
}

fn seen(
    image: &str,
    service: &Service,
    one: &FoundContainer,
    inspect: &ContainerInspect,
) -> Vec<PlannedChange> {
    let mut all = Vec::new();
    // A short name is completed by the engine.
    if inspect.image_name != image && !inspect.image_name.ends_with(&format!("/{image}")) {
        let latest = !image.rsplit('/').next().unwrap_or(image).contains([':', '@']);
        let full = if latest { format!("{image}:latest") } else { image.to_owned() };
        if inspect.image_name != full && !inspect.image_name.ends_with(&format!("/{full}")) {
            all.push(PlannedChange { kind: ChangeKind::ImageName, what: image.to_owned() });
        }
    }
    for (name, value) in &service.environment {
        let known = inspect.config.env.iter().find_map(|entry| {
            entry.split_once('=').filter(|(known, _)| known == name).map(|(_, value)| value)
        });
        if value.as_deref() != known {
            all.push(PlannedChange { kind: ChangeKind::Variable, what: name.clone() });
        }
    }
    // A range or any free port is not known before.
    let plain = service.ports.iter().all(|port| port.published.parse::<u16>().is_ok());
    let wanted: BTreeSet<String> = service.ports.iter().map(port).collect();
    if plain && wanted != published(one) {
        let what = wanted.into_iter().collect::<Vec<_>>().join(", ");
        all.push(PlannedChange { kind: ChangeKind::Ports, what });
    }
    if let Some(command) = service.command.0.as_ref().filter(|command| **command != inspect.config.cmd) {
        all.push(PlannedChange { kind: ChangeKind::Command, what: command.join(" ") });
    }
    all
}

/// What a container publishes, as [`port`] writes it.
fn published(one: &FoundContainer) -> BTreeSet<String> {
    let single = one.row.ports.iter().flat_map(|mapping| {
        let ports = mapping.expand().unwrap_or_default();
        ports.into_iter().map(|single| {
            port(&Port {
                host_ip: mapping.host_ip.clone(),
                published: single.host_port.to_string(),
                target: single.container_port.into(),
                protocol: single.protocol.to_string(),
                ..Port::default()
            })
        })
    });
    single.collect()
}
