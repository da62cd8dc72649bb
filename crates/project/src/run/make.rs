//! Making one container of a service.

use std::collections::BTreeSet;

use cove_api::{ContainerSpec, Engine, Error, ErrorKind, RemoveOptions, Result};
use cove_compose::model::{Project, Service};

use super::files;
use super::progress::{Event, Sink};
use crate::plan::{self, Instance};

/// An image, as far as it matters here.
pub(super) struct Image {
    /// Its id, with the algorithm.
    pub(super) id: String,
    /// Where it has volumes.
    pub(super) volumes: BTreeSet<String>,
}

/// The image of a service.
pub(super) async fn image_of(engine: &dyn Engine, project: &Project, service: &Service) -> Result<Image> {
    let name = plan::image_name(project, service);
    let inspect = engine.images().inspect(&name).await.map_err(|error| match error.kind {
        ErrorKind::NotFound => {
            Error::new(ErrorKind::NotFound, format!("No such image: {name} (pull or build it first)"))
        }
        _ => error,
    })?;
    let id = format!("sha256:{}", inspect.id.trim_start_matches("sha256:"));
    Ok(Image { id, volumes: inspect.config.volumes.into_keys().collect() })
}

/// Makes a container with its files, and answers its id; `adjust` has the last word on the request.
pub(super) async fn make(
    engine: &dyn Engine,
    project: &Project,
    service: &Service,
    instance: &Instance<'_>,
    adjust: impl FnOnce(&mut ContainerSpec),
    sink: Sink<'_>,
) -> Result<String> {
    let mut spec = plan::container(project, service, instance)?;
    adjust(&mut spec);
    let copied = plan::copied(project, service)?;
    let made = engine.containers().create(spec).await?;
    for warning in made.warnings {
        sink(Event::warning(warning));
    }
    if let Err(error) = files::copy(engine, &made.id, &copied).await {
        // Without its files it is not what the file describes, though its label says so.
        let options = RemoveOptions { force: true, volumes: true, ..RemoveOptions::default() };
        let _ = engine.containers().remove(&made.id, options).await;
        return Err(error);
    }
    Ok(made.id)
}
