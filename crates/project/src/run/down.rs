//! `down`: what is there of a project goes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use cove_api::{
    Engine, ErrorKind, ImageRemoveOptions, RemoveOptions, Result, StopOptions, VolumeRemoveOptions,
};
use cove_compose::model::Project;

use super::progress::{Event, Sink};
use super::stop::{each, stop_one};
use crate::found::{Found, FoundContainer};
use crate::plan::image_name;

/// Which images go with a project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Down {
    /// None.
    #[default]
    KeepImages,
    /// Those without a name of their own.
    LocalImages,
    /// All of its services.
    AllImages,
}

/// What is wanted of `down`.
#[derive(Debug, Clone, Default)]
pub struct DownOptions {
    /// Only these services; networks and volumes stay then.
    pub services: Vec<String>,
    /// The volumes go, too.
    pub volumes: bool,
    /// Which images go.
    pub images: Down,
    /// Containers of services that the file has not, and those of `run`, go, too.
    pub remove_orphans: bool,
    /// Seconds that a stop waits; `None` for each container's own.
    pub timeout: Option<u32>,
    /// How many things are done at a time; [`None`] for any number.
    pub at_once: Option<usize>,
}

/// Stops and removes what is there of a project; `file` is [`None`] where only its name is known.
///
/// # Errors
/// Something cannot be stopped or removed; what was not reached stays.
pub async fn down(
    engine: &dyn Engine,
    name: &str,
    file: Option<&Project>,
    options: &DownOptions,
    sink: Sink<'_>,
) -> Result<()> {
    let found = Found::of(engine, name).await?;
    let is_meant = |one: &&FoundContainer| {
        let named = options.services.is_empty() || options.services.contains(&one.service);
        let known = file.is_none_or(|file| {
            file.services.contains_key(&one.service) || file.disabled_services.contains_key(&one.service)
        });
        named && (options.remove_orphans || (known && !one.one_off))
    };
    let mut services: BTreeMap<String, Vec<&FoundContainer>> = BTreeMap::new();
    for one in found.containers.iter().filter(is_meant) {
        services.entry(one.service.clone()).or_default().push(one);
    }
    let whole = options.services.is_empty();
    let is_empty =
        services.is_empty() && found.networks.is_empty() && (!options.volumes || found.volumes.is_empty());
    if is_empty && whole && options.images == Down::KeepImages {
        sink(Event::warning(format!("Warning: No resource found to remove for project {name:?}.")));
        return Ok(());
    }
    each(&services, options.at_once, |one| end(engine, one, options, sink)).await?;
    if whole {
        networks(engine, &found, sink).await?;
        if options.volumes {
            volumes(engine, &found, sink).await?;
        }
    }
    if let Some(file) = file {
        images(engine, file, options, sink).await?;
    }
    Ok(())
}

async fn end(engine: &dyn Engine, one: &FoundContainer, options: &DownOptions, sink: Sink<'_>) -> Result<()> {
    let object = format!("Container {}", one.name);
    let stop = StopOptions { timeout: options.timeout, ignore: true, ..StopOptions::default() };
    stop_one(engine, one, &stop, sink).await?;
    let failed = |error: &cove_api::Error| sink(Event::failed(&object, &format!("Error {}", error.message)));
    sink(Event::working(&object, "Removing"));
    let remove =
        RemoveOptions { force: true, ignore: true, volumes: options.volumes, ..RemoveOptions::default() };
    engine.containers().remove(&one.row.id, remove).await.inspect_err(failed)?;
    sink(Event::done(&object, "Removed"));
    Ok(())
}

async fn networks(engine: &dyn Engine, found: &Found, sink: Sink<'_>) -> Result<()> {
    for network in &found.networks {
        let object = format!("Network {}", network.name);
        removed(&object, engine.networks().remove(&network.name, false), sink).await?;
    }
    Ok(())
}

async fn volumes(engine: &dyn Engine, found: &Found, sink: Sink<'_>) -> Result<()> {
    for volume in &found.volumes {
        let object = format!("Volume {}", volume.name);
        let removal = engine.volumes().remove(&volume.name, VolumeRemoveOptions::default());
        removed(&object, removal, sink).await?;
    }
    Ok(())
}

/// Removes what may be gone already, or which others may use.
async fn removed(object: &str, removal: impl Future<Output = Result<()>>, sink: Sink<'_>) -> Result<()> {
    sink(Event::working(object, "Removing"));
    match removal.await {
        Err(error) if error.kind == ErrorKind::InUse => sink(Event::done(object, "Resource is still in use")),
        Err(error) if error.kind != ErrorKind::NotFound => {
            sink(Event::failed(object, &format!("Error {}", error.message)));
            return Err(error);
        }
        _ => sink(Event::done(object, "Removed")),
    }
    Ok(())
}

async fn images(engine: &dyn Engine, file: &Project, options: &DownOptions, sink: Sink<'_>) -> Result<()> {
    if options.images == Down::KeepImages {
        return Ok(());
    }
    let mut names = BTreeSet::new();
    for service in file.services.values() {
        let named = options.services.is_empty() || options.services.contains(&service.name);
        if named && (options.images == Down::AllImages || service.image.is_empty()) {
            names.insert(image_name(file, service));
        }
    }
    for name in names {
        let object = format!("Image {name}");
        sink(Event::working(&object, "Removing"));
        let removed = engine.images().remove(vec![name], ImageRemoveOptions::default()).await;
        let text = match removed {
            Ok(report) => match report.errors.first() {
                None => "Removed".to_owned(),
                Some(error) => error.clone(),
            },
            Err(error) if error.kind == ErrorKind::NotFound => {
                "Warning: No resource found to remove".to_owned()
            }
            Err(error) if error.kind == ErrorKind::InUse => "Resource is still in use".to_owned(),
            Err(error) => return Err(error),
        };
        sink(Event::done(&object, &text));
    }
    Ok(())
}
