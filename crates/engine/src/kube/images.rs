//! The images of containers and volumes.

use std::collections::{BTreeMap, BTreeSet};

use cove_api::{
    ContainerSpec, ErrorKind, ImageVolume, Images, KubePlayOptions, PullOptions, PullPolicy, RegistryAccess,
    Result,
};
use cove_kube::{ImageFacts, PodPlan, Source};
use futures_util::StreamExt as _;

use super::archive::Contexts;
use crate::engine::LocalEngine;

/// An image that is there.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) facts: ImageFacts,
}

/// Sees that all images are in the store, and looks at those of containers.
pub(super) async fn bring(
    engine: &LocalEngine,
    plans: &[PodPlan],
    options: &KubePlayOptions,
    contexts: Option<&Contexts>,
) -> Result<BTreeMap<String, Facts>> {
    let mut wanted = BTreeMap::new();
    for plan in plans {
        for container in &plan.containers {
            wanted.insert((container.image.as_str(), policy_word(container.policy)), container.policy);
        }
        for source in plan.volumes.values() {
            if let Source::Image { reference, policy } = source {
                wanted.insert((reference.as_str(), policy_word(*policy)), *policy);
            }
        }
    }
    let mut built = options.built.clone();
    if let Some(contexts) = contexts {
        let images: BTreeSet<&str> = wanted.keys().map(|(image, _)| *image).collect();
        for image in images {
            if contexts.build(engine, image, options).await? {
                built.push(image.to_owned());
            }
        }
    }
    for ((image, _), policy) in &wanted {
        let built = built.iter().any(|built| built == image);
        let policy = if built { PullPolicy::Missing } else { *policy };
        pull(engine, image, policy, &options.access).await?;
    }
    let mut facts = BTreeMap::new();
    for container in plans.iter().flat_map(|plan| &plan.containers) {
        let image = Images::inspect(engine, &container.image).await?;
        let found = ImageFacts { env: image.config.env, user: image.config.user };
        facts.insert(container.image.clone(), Facts { facts: found });
    }
    Ok(facts)
}

/// A policy as a part of a key.
fn policy_word(policy: PullPolicy) -> u8 {
    match policy {
        PullPolicy::Always => 0,
        PullPolicy::Missing => 1,
        PullPolicy::Newer => 2,
        PullPolicy::Never => 3,
    }
}

async fn pull(engine: &LocalEngine, image: &str, policy: PullPolicy, access: &RegistryAccess) -> Result<()> {
    tracing::debug!("Pulling image {image} (policy: {policy:?})");
    if policy == PullPolicy::Missing && Images::exists(engine, image).await? {
        return Ok(());
    }
    let options = PullOptions { policy, access: access.clone(), ..PullOptions::default() };
    let mut progress = Images::pull(engine, image, options).await?;
    while let Some(step) = progress.next().await {
        step?;
    }
    Ok(())
}

/// Mounts what an image declares as its volumes, at the same places; of several images that have one the last holds.
pub(super) async fn mount_volumes(engine: &LocalEngine, name: &str, spec: &mut ContainerSpec) -> Result<()> {
    let image = match Images::inspect(engine, name).await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            let words = format!(
                "image {name} from container {} does not exist in local storage, cannot automount",
                spec.name
            );
            return Err(error.context(words));
        }
        image => image?,
    };
    for path in image.config.volumes.into_keys() {
        spec.image_volumes.retain(|known| known.destination != path);
        spec.image_volumes.push(ImageVolume {
            source: name.to_owned(),
            destination: path.clone(),
            read_write: false,
            sub_path: path,
        });
    }
    Ok(())
}
