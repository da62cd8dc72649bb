//! Generating: what exists is looked at, and described.

use std::collections::BTreeSet;
use std::sync::Arc;

use cove_api::{
    ContainerInspect, Containers, Error, ErrorKind, Images, KubeGenerateOptions, Pods, Result, Timestamp,
    Volumes,
};
use cove_kube::{GenerateFacts, GeneratedContainer, GeneratedPod, Objects};

use crate::engine::{Core, LocalEngine, blocking};
use crate::state::{ContainerRow, First};

/// The text that describes containers, pods and volumes.
pub(super) async fn generate(
    engine: &LocalEngine,
    names: Vec<String>,
    options: KubeGenerateOptions,
) -> Result<String> {
    if names.is_empty() {
        return Err(Error::invalid("a name of a container, pod or volume is needed"));
    }
    let mut objects = Objects::default();
    let mut seen = BTreeSet::new();
    for name in &names {
        add(engine, name, &mut objects, &mut seen).await?;
    }
    blocking(&engine.core, move |core| describe(core, &objects, options)).await
}

/// Adds what a name means: a container, else a pod, else a volume.
async fn add(
    engine: &LocalEngine,
    name: &str,
    objects: &mut Objects,
    seen: &mut BTreeSet<String>,
) -> Result<()> {
    match Containers::inspect(engine, name, false).await {
        Ok(found) if !found.pod.is_empty() => {
            return Err(Error::invalid(format!(
                "container {} is associated with pod {}: use generate on the pod itself",
                found.id, found.pod
            )));
        }
        Ok(found) => {
            if seen.insert(found.id.clone()) {
                objects.containers.push(look(engine, found).await?);
            }
            return Ok(());
        }
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match Pods::inspect(engine, name).await {
        Ok(inspect) => {
            if seen.insert(inspect.id.clone()) {
                let mut pod = GeneratedPod { inspect, ..GeneratedPod::default() };
                add_members(engine, &mut pod).await?;
                objects.pods.push(pod);
            }
            return Ok(());
        }
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match Volumes::inspect(engine, name).await {
        Ok(volume) => {
            if seen.insert(volume.name.clone()) {
                objects.volumes.push(volume);
            }
            Ok(())
        }
        Err(error) if error.kind == ErrorKind::NotFound => {
            Err(Error::not_found(format!("name or ID {name:?} not found")))
        }
        Err(error) => Err(error),
    }
}

/// The containers of a pod, in the order in which they were made.
async fn add_members(engine: &LocalEngine, pod: &mut GeneratedPod) -> Result<()> {
    let id = pod.inspect.id.clone();
    let members = blocking(&engine.core, move |core| core.members(&id)).await?;
    for member in members {
        let inspect = Containers::inspect(engine, &member.id, false).await?;
        let is_infra = inspect.is_infra;
        let described = look(engine, inspect).await?;
        if is_infra {
            pod.infra = Some(described);
        } else {
            pod.members.push(described);
        }
    }
    Ok(())
}

/// What the inspection of a container does not say.
async fn look(engine: &LocalEngine, inspect: ContainerInspect) -> Result<GeneratedContainer> {
    let image = if inspect.image.is_empty() {
        None
    } else {
        let words = || format!("looking up image {:?} of container {:?}", inspect.image_name, inspect.id);
        Some(Images::inspect(engine, &inspect.image).await.map_err(|error| error.context(words()))?)
    };
    let id = inspect.id.clone();
    let mut described = blocking(&engine.core, move |core| asked(core, &id)).await?;
    described.inspect = inspect;
    described.image = image;
    Ok(described)
}

/// What was asked for when a container was made.
fn asked(core: &Arc<Core>, id: &str) -> Result<GeneratedContainer> {
    let row = core.find_container(id)?;
    let request = core.database()?.request(&row.id)?;
    let userns = &request.userns;
    let ulimits = request.r_limits.iter().map(|limit| {
        let name = limit.kind.to_ascii_lowercase();
        let number = |number: u64| if number == u64::MAX { "-1".to_owned() } else { number.to_string() };
        let name = name.strip_prefix("rlimit_").unwrap_or(&name);
        format!("{name}={}:{}", number(limit.soft), number(limit.hard))
    });
    Ok(GeneratedContainer {
        first: row.config.first != First::No,
        restart_policy: request.restart_policy.clone(),
        ulimits: ulimits.collect(),
        userns: match (userns.nsmode.as_str(), userns.value.as_str()) {
            ("auto" | "keep-id" | "nomap", "") => userns.nsmode.clone(),
            ("auto" | "keep-id", options) => format!("{}:{options}", userns.nsmode),
            _ => String::new(),
        },
        user: user_ids(core, &row)?,
        ..GeneratedContainer::default()
    })
}

/// The ids of the user that a container names.
fn user_ids(core: &Arc<Core>, row: &ContainerRow) -> Result<Option<(u32, u32)>> {
    if row.config.user.is_empty() || row.config.infra {
        return Ok(None);
    }
    let numbers = || {
        let (user, group) = row.config.user.split_once(':')?;
        Some((user.parse().ok()?, group.parse().ok()?))
    };
    match numbers() {
        Some(ids) => Ok(Some(ids)),
        None => crate::files::user_ids(core, &row.id).map(Some),
    }
}

fn describe(core: &Arc<Core>, objects: &Objects, mut options: KubeGenerateOptions) -> Result<String> {
    let conf = &core.options.containers;
    if options.kind.is_empty() {
        options.kind = conf.engine.kube_generate_type.clone().unwrap_or_default();
    }
    let capabilities = conf.containers.default_capabilities.iter().flat_map(|list| &list.values);
    let mut facts = GenerateFacts {
        creator: format!("cove-{}", env!("CARGO_PKG_VERSION")),
        now: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        capabilities: capabilities
            .map(|name| Ok(cove_spec::security::capability(name)?))
            .collect::<Result<_>>()?,
        stop_timeout: conf.engine.stop_timeout.unwrap_or(10),
        is_folder: &|path: &str| std::fs::metadata(path).ok().map(|found| found.is_dir()),
        random: &mut crate::name::random_below,
    };
    Ok(cove_kube::generate(objects, &mut facts, &options)?)
}
