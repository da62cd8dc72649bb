//! Volumes: directories that outlive containers.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{
    Error, ErrorKind, RemoveOptions, Result, Timestamp, Volume, VolumeCreateOptions, VolumeListOptions,
    VolumeRemoveOptions, Volumes,
};
use cove_sys::fs;

use crate::engine::{Core, LocalEngine, blocking, remove_directory};
use crate::name;
use crate::state::Lookup;

/// The error for a volume that does not exist, in podman's words.
pub(crate) fn no_such_volume(name: &str) -> Error {
    Error::not_found(format!("no volume with name {name:?} found: no such volume"))
}

/// Where a volume's data lies.
pub(crate) fn mountpoint(core: &Core, volume: &Volume) -> Result<PathBuf> {
    cove_spec::name::check(&volume.name)?;
    Ok(core.options.volumes_dir().join(&volume.name).join("_data"))
}

fn find(core: &Core, wanted: &str) -> Result<Volume> {
    let mut volume = match core.database()?.find_volume(wanted)? {
        Lookup::Found(volume) => volume,
        Lookup::Missing => return Err(no_such_volume(wanted)),
        Lookup::Ambiguous => {
            return Err(Error::invalid(format!(
                "more than one result for volume name {wanted}: volume already exists"
            )));
        }
    };
    fill(core, &mut volume)?;
    Ok(volume)
}

/// What is not kept but found out.
fn fill(core: &Core, volume: &mut Volume) -> Result<()> {
    volume.mountpoint = mountpoint(core, volume)?.to_string_lossy().into_owned();
    Ok(())
}

/// Makes a volume of that name where there is none.
pub(crate) fn ensure(core: &Core, name: &str, anonymous: bool) -> Result<()> {
    if core.database()?.volume(name)?.is_some() {
        return Ok(());
    }
    let options = VolumeCreateOptions { name: name.to_owned(), ignore_if_exists: true, ..Default::default() };
    create(core, options, anonymous).map(drop)
}

fn create(core: &Core, options: VolumeCreateOptions, anonymous: bool) -> Result<Volume> {
    let name = if options.name.is_empty() { name::random_id()? } else { options.name };
    cove_spec::name::volume(&name)?;
    if !matches!(options.driver.as_str(), "" | "local") {
        return Err(Error::unsupported(format!(
            "the volume driver {:?} is not supported yet",
            options.driver
        )));
    }
    if let Some(key) = options.options.keys().next() {
        return Err(Error::unsupported(format!("the volume option {key:?} is not supported yet")));
    }
    let database = core.database()?;
    let mut volume = Volume {
        name: name.clone(),
        created_at: Timestamp::now(),
        labels: options.labels,
        anonymous,
        needs_copy_up: true,
        needs_chown: true,
        ..Volume::default()
    };
    if let Some(mut existing) = database.volume(&name)? {
        if options.ignore_if_exists {
            fill(core, &mut existing)?;
            return Ok(existing);
        }
        return Err(exists(&name));
    }
    let data = mountpoint(core, &volume)?;
    let parent = core.options.volumes_dir().join(&name);
    if parent.exists() {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "volume directory {} exists already and is not ours: remove it or choose another name",
                parent.display()
            ),
        ));
    }
    crate::state::make_private(&parent).map_err(|error| Error::from(error).context(parent.display()))?;
    let made = fs::create_dir(&data).map_err(Error::from).and_then(|()| {
        fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .map_err(Error::from)?;
        Ok(database.add_volume(&volume)?)
    });
    match made {
        Ok(true) => {}
        Ok(false) => {
            // Another command was faster and uses the same directory.
            return if options.ignore_if_exists { find(core, &name) } else { Err(exists(&name)) };
        }
        Err(error) => {
            remove_directory(&parent)?;
            return Err(error);
        }
    }
    core.events.write("volume", "create", &name, [("name".to_owned(), name.clone())].into());
    fill(core, &mut volume)?;
    Ok(volume)
}

fn exists(name: &str) -> Error {
    Error::new(
        ErrorKind::AlreadyExists,
        format!("volume with name {name} already exists: volume already exists"),
    )
}

/// Removes a volume that no container uses.
pub(crate) fn remove_unused(core: &Core, name: &str) -> Result<()> {
    let database = core.database()?;
    let users = database.containers_of_volume(name)?;
    if !users.is_empty() {
        let ids: Vec<String> = users.into_iter().map(|row| row.id).collect();
        return Err(Error::new(
            ErrorKind::InUse,
            format!(
                "volume {name} is being used by the following container(s): {}: volume is being used",
                ids.join(", ")
            ),
        ));
    }
    if database.volume(name)?.is_none() {
        return Err(no_such_volume(name));
    }
    cove_spec::name::check(name)?;
    // The row goes first: the database refuses it while a container uses it, also one made this moment.
    if !database.remove_volume(name)? {
        return Err(Error::new(
            ErrorKind::InUse,
            format!("volume {name} is being used by a container: volume is being used"),
        ));
    }
    remove_directory(&core.options.volumes_dir().join(name))?;
    core.events.write("volume", "remove", name, [("name".to_owned(), name.to_owned())].into());
    Ok(())
}

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
        blocking(&self.core, move |core| find(core, &name)).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        blocking(&self.core, move |core| Ok(core.database()?.volume(&name)?.is_some())).await
    }

    async fn remove(&self, name: &str, options: VolumeRemoveOptions) -> Result<()> {
        let name = name.to_owned();
        blocking(&self.core, move |core| remove(core, &name, options)).await
    }
}
