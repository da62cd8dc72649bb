//! The engine trait of volumes.

use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{
    ByteStream, Error, ErrorKind, PruneReport, RemoveOptions, Result, Timestamp, Volume, VolumeCreateOptions,
    VolumeListOptions, VolumePruneOptions, VolumeRemoveOptions, Volumes,
};

use super::contents::{self, export, import};
use super::data::{create, fill, find, find_whole, remove_unused};
use super::mounting;
use crate::engine::{Core, LocalEngine, blocking};

fn remove(core: &Arc<Core>, wanted: &str, options: VolumeRemoveOptions) -> Result<()> {
    let volume = find(core, wanted)?;
    if options.force {
        for user in core.database()?.containers_of_volume(&volume.name)? {
            let options = RemoveOptions { force: true, timeout: options.timeout, ..RemoveOptions::default() };
            match crate::container::remove_container(core, &user.id, &options) {
                Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    match remove_unused(core, &volume.name) {
        // It went with its container.
        Err(error) if options.force && error.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn list(core: &Core, options: &VolumeListOptions) -> Result<Vec<Volume>> {
    let database = core.database()?;
    let mut volumes = Vec::new();
    for mut volume in database.volumes()? {
        fill(core, &mut volume)?;
        let mut wanted = true;
        for (key, values) in &options.filters {
            wanted &= matches(core, &volume, key, values)?;
        }
        if wanted {
            volumes.push(volume);
        }
    }
    Ok(volumes)
}

fn matches(core: &Core, volume: &Volume, key: &str, values: &[String]) -> Result<bool> {
    let pairs = |map: &cove_api::StringMap| {
        values.iter().all(|value| match value.split_once('=') {
            Some((name, wanted)) => map.get(name).is_some_and(|found| found == wanted),
            None => map.contains_key(value),
        })
    };
    Ok(match key {
        "name" => {
            let mut any = false;
            for value in values {
                any |= crate::filter::regular("name", value)?.is_match(&volume.name);
            }
            any
        }
        "driver" => values.contains(&volume.driver),
        "scope" => values.contains(&volume.scope),
        "label" => pairs(&volume.labels),
        "label!" => !pairs(&volume.labels),
        "opt" => pairs(&volume.options),
        "anonymous" => crate::filter::truth("anonymous", values)? == volume.anonymous,
        "dangling" => {
            crate::filter::truth("dangling", values)?
                == core.database()?.containers_of_volume(&volume.name)?.is_empty()
        }
        "until" => {
            let until = crate::filter::time("until", values)?;
            volume.created_at < until
        }
        "since" | "after" => {
            let mut newest = Timestamp::MIN;
            for value in values {
                newest = newest.max(find(core, value)?.created_at);
            }
            volume.created_at > newest
        }
        other => return Err(Error::invalid(format!("{other:?} is an invalid volume filter"))),
    })
}

#[async_trait]
impl Volumes for LocalEngine {
    async fn create(&self, options: VolumeCreateOptions) -> Result<Volume> {
        // As in Podman: one that nobody named is anonymous, and goes first when space is wanted.
        let anonymous = options.name.is_empty();
        blocking(&self.core, move |core| create(core, options, anonymous)).await
    }

    async fn list(&self, options: VolumeListOptions) -> Result<Vec<Volume>> {
        blocking(&self.core, move |core| list(core, &options)).await
    }

    async fn inspect(&self, name: &str) -> Result<Volume> {
        let name = name.to_owned();
        blocking(&self.core, move |core| find_whole(core, &name)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| Ok(core.database()?.volume(&name)?.is_some())).await
    }

    async fn remove(&self, name: &str, options: VolumeRemoveOptions) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| remove(core, &name, options)).await
    }

    async fn prune(&self, options: VolumePruneOptions) -> Result<Vec<PruneReport>> {
        cove_api::prune_volumes(self, options, |volume| async move {
            let measured = blocking(&self.core, move |core| Ok(contents::size(core, &volume)));
            measured.await.unwrap_or(0)
        })
        .await
    }

    async fn export(&self, name: &str) -> Result<ByteStream> {
        export(&self.core, name.to_owned()).await
    }

    async fn import(&self, name: &str, archive: ByteStream) -> Result<()> {
        import(&self.core, name.to_owned(), archive).await
    }

    async fn mount(&self, name: &str) -> Result<String> {
        let name = name.to_owned();
        blocking(&self.core, move |core| {
            let path = mounting::mount(core, &find(core, &name)?)?;
            Ok(path.to_string_lossy().into_owned())
        })
        .await
    }

    async fn unmount(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| mounting::unmount(core, &find(core, &name)?)).await
    }
}
