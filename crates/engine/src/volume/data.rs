//! Volumes as rows and directories.

use cove_api::{Error, ErrorKind, Result, Timestamp, Volume, VolumeCreateOptions};
use cove_spec::local_volume;
use cove_sys::fs;

use super::{image, mounting};
use crate::engine::{Core, remove_directory};
use crate::name;
use crate::state::Lookup;

/// The error for a volume that does not exist, in podman's words.
pub(crate) fn no_such_volume(name: &str) -> Error {
    Error::not_found(format!("no volume with name {name:?} found: no such volume"))
}

/// The volume meant by a name or the start of one, with what is not kept.
pub(super) fn find_whole(core: &Core, wanted: &str) -> Result<Volume> {
    let mut volume = find(core, wanted)?;
    fill(core, &mut volume)?;
    Ok(volume)
}

/// The volume meant by a name or the start of one, as it is kept.
pub(super) fn find(core: &Core, wanted: &str) -> Result<Volume> {
    match core.database()?.find_volume(wanted)? {
        Lookup::Found(volume) => Ok(volume),
        Lookup::Missing => Err(no_such_volume(wanted)),
        Lookup::Ambiguous => Err(Error::invalid(format!(
            "more than one result for volume name {wanted}: volume already exists"
        ))),
    }
}

/// What is not kept but found out.
pub(super) fn fill(core: &Core, volume: &mut Volume) -> Result<()> {
    volume.mountpoint = mounting::mountpoint(core, volume)?.to_string_lossy().into_owned();
    volume.mount_count = mounting::users(core, volume)?;
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
    let name = if options.name.is_empty() { name::random_id()? } else { options.name.clone() };
    cove_spec::name::volume(&name)?;
    let database = core.database()?;
    if let Some(mut existing) = database.volume(&name)? {
        if options.ignore_if_exists {
            fill(core, &mut existing)?;
            return Ok(existing);
        }
        return Err(exists(&name));
    }
    let mut volume = planned(&name, &options, anonymous)?;
    let directory = core.options.volumes_dir().join(&name);
    if directory.exists() {
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "volume directory {} exists already and is not ours: remove it or choose another name",
                directory.display()
            ),
        ));
    }
    let made = make(core, &mut volume).and_then(|()| Ok(database.add_volume(&volume)?));
    match made {
        Ok(true) => {}
        Ok(false) => {
            // Another command was faster and uses the same directory, but has a layer of its own.
            image::give_up(core, &volume)?;
            return if options.ignore_if_exists { find_whole(core, &name) } else { Err(exists(&name)) };
        }
        Err(error) => {
            image::give_up(core, &volume)?;
            remove_directory(&directory)?;
            return Err(error);
        }
    }
    core.events.write("volume", "create", &name, [("name".to_owned(), name.clone())].into());
    fill(core, &mut volume)?;
    Ok(volume)
}

/// The record of a new volume, after a check of what it asks for.
fn planned(name: &str, options: &VolumeCreateOptions, anonymous: bool) -> Result<Volume> {
    let mut volume = Volume {
        name: name.to_owned(),
        created_at: Timestamp::now(),
        labels: options.labels.clone(),
        options: options.options.clone(),
        anonymous,
        ..Volume::default()
    };
    match options.driver.as_str() {
        "" | "local" => {
            let local = local_volume::parse(&options.options)?;
            let (uid, gid) = (options.uid.or(local.uid), options.gid.or(local.gid));
            volume.needs_copy_up = !local.no_copy;
            // An owner that was named stays.
            volume.needs_chown = uid.is_none() && gid.is_none();
            (volume.uid, volume.gid) = (uid.unwrap_or(0), gid.unwrap_or(0));
            volume.timeout = local.timeout;
            if local.size > 0 || local.inodes > 0 {
                return Err(Error::unsupported(
                    "volume options size and inodes not supported: limits of a directory need project quotas, \
                     which this version does not set; with type=tmpfs the size is that of the memory",
                ));
            }
            if let Some(mount) = local.mount.filter(|mount| mount.bind)
                && let Err(error) = fs::metadata(&mount.device)
            {
                return Err(Error::invalid(format!(
                    "invalid volume option device for driver 'local': faccessat {}: {}",
                    mount.device,
                    reason(&error)
                )));
            }
        }
        "image" => {
            volume.driver = "image".to_owned();
            if let Some(key) = options.options.keys().find(|key| *key != "image") {
                return Err(Error::invalid(format!(
                    "invalid mount option {key} for driver 'image': invalid argument"
                )));
            }
            if options.options.get("image").is_none_or(String::is_empty) {
                return Err(Error::invalid(
                    "must provide an image name when creating a volume with the image driver: invalid argument",
                ));
            }
            (volume.uid, volume.gid) = (options.uid.unwrap_or(0), options.gid.unwrap_or(0));
        }
        other => {
            return Err(Error::unsupported(format!(
                "volume {name} uses volume plugin {other} but it could not be retrieved: \
                 volume plugins are not supported; the drivers are local and image"
            )));
        }
    }
    Ok(volume)
}

/// The system's reason in the words of a shell.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    }
}

/// Makes directory and layer.
fn make(core: &Core, volume: &mut Volume) -> Result<()> {
    let data = mounting::directory(core, volume)?;
    let parent = core.options.volumes_dir().join(&volume.name);
    crate::state::make_private(&parent).map_err(|error| Error::from(error).context(parent.display()))?;
    fs::create_dir(&data)?;
    fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    if volume.driver == "image" {
        return image::make(core, volume);
    }
    if !volume.needs_chown {
        let owner = (rustix::fs::Uid::from_raw(volume.uid), rustix::fs::Gid::from_raw(volume.gid));
        rustix::fs::chown(&data, Some(owner.0), Some(owner.1)).map_err(|errno| {
            Error::from(std::io::Error::from(errno))
                .context(format!("giving volume {} to {}:{}", volume.name, volume.uid, volume.gid))
        })?;
    }
    Ok(())
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
    let Some(volume) = database.volume(name)? else { return Err(no_such_volume(name)) };
    cove_spec::name::check(name)?;
    // The row goes first: the database refuses it while a container uses it, also one made this moment.
    if !database.remove_volume(name)? {
        return Err(Error::new(
            ErrorKind::InUse,
            format!("volume {name} is being used by a container: volume is being used"),
        ));
    }
    mounting::give_up(core, &volume)?;
    remove_directory(&core.options.volumes_dir().join(name))?;
    core.events.write("volume", "remove", name, [("name".to_owned(), name.to_owned())].into());
    Ok(())
}
