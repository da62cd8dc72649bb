//! Volumes as rows and directories.

use std::path::PathBuf;

use cove_api::{Error, ErrorKind, Result, Timestamp, Volume, VolumeCreateOptions};
use cove_sys::fs;

use crate::engine::{Core, remove_directory};
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

/// The volume meant by a name or the start of one.
pub(super) fn find(core: &Core, wanted: &str) -> Result<Volume> {
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
pub(super) fn fill(core: &Core, volume: &mut Volume) -> Result<()> {
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

/// Makes a volume.
pub(super) fn create(core: &Core, options: VolumeCreateOptions, anonymous: bool) -> Result<Volume> {
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
