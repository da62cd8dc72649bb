//! Making working containers, and naming them.

use std::sync::Arc;

use cove_api::{Error, ErrorKind, Result, WorkingContainer, WorkingOptions};
use cove_registry::Platform;

use super::super::state::ImageState;
use super::super::working::{self, NotMade, Working};
use super::record::{Record, find};
use crate::engine::Core;
use crate::error::storage;
use crate::image::{lookup, names};

/// Most containers of one image whose names are numbers alone apart.
const MAX_NUMBER: usize = 10_000;
/// The image that is none.
const SCRATCH: &str = "scratch";

/// Makes one.
pub(super) fn begin(core: &Arc<Core>, image: &str, options: &WorkingOptions) -> Result<WorkingContainer> {
    let platform = &options.platform;
    if !options.name.is_empty() {
        cove_spec::name::container(&options.name).map_err(Error::from)?;
    }
    working::sweep(core)?;
    let mut state = match options.id.as_str() {
        "" => ImageState::default(),
        id => {
            let id = lookup::find_image(core, id, platform.each_ref().map(String::as_str))?.image.id;
            let base = match lookup::find(core, image) {
                Ok(found) => found.name.unwrap_or_else(|| image.to_owned()),
                Err(_) => image.to_owned(),
            };
            ImageState::of(core, &id, &base)?
        }
    };
    let host = Platform::host();
    for (key, given, own) in
        [("os", &platform[0], &host.os), ("architecture", &platform[1], &host.architecture)]
    {
        let value = if given.is_empty() { own } else { given };
        state.document.entry(key).or_insert_with(|| value.as_str().into());
    }
    let (working, name) = named(core, image, &state, &options.name)?;
    let record = Record::new(core, &name, &working.id, &state, options.format)?;
    record.write(core, &working.id)?;
    let container = find(core, &working.id)?;
    working.keep()?;
    Ok(record.summary(&container))
}

/// One with the name that is asked for, or the first of its image's that is free.
fn named(core: &Arc<Core>, image: &str, state: &ImageState, given: &str) -> Result<(Working, String)> {
    let base = match image {
        SCRATCH => "working-container".to_owned(),
        image => format!("{}-working-container", last_part(image)),
    };
    for number in 0..MAX_NUMBER {
        let name = match (given, number) {
            ("", 0) => base.clone(),
            ("", number) => format!("{base}-{number}"),
            (given, _) => given.to_owned(),
        };
        let containers = core.store()?.containers().map_err(storage)?;
        if containers.iter().any(|known| known.names.contains(&name)) {
            if given.is_empty() {
                continue;
            }
            return Err(in_use(given));
        }
        match Working::named(core, state.id.as_deref(), &name) {
            Ok(working) => return Ok((working, name)),
            Err(NotMade::Taken) if given.is_empty() => {}
            Err(NotMade::Taken) => return Err(in_use(given)),
            Err(NotMade::Other(error)) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::AlreadyExists, format!("all names like {base:?} are in use")))
}

fn in_use(name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("the container name {name:?} is already in use"))
}

/// The last part of an image's name, without tag and digest.
fn last_part(image: &str) -> String {
    let last = match names::normalize(image) {
        Ok(reference) => reference.repository().rsplit('/').next().unwrap_or_default().to_owned(),
        // An id, or a place of another transport.
        Err(_) => image.rsplit(['/', ':']).next().unwrap_or_default().to_owned(),
    };
    let fits = |byte: char| byte.is_ascii_alphanumeric() || "_.-".contains(byte);
    let name: String = last.chars().filter(|byte| fits(*byte)).take(64).collect();
    if name.is_empty() { "image".into() } else { name }
}

/// Gives one another name.
pub(super) fn rename(core: &Arc<Core>, name: &str, new: &str) -> Result<()> {
    cove_spec::name::container(new).map_err(Error::from)?;
    let (working, mut record) = super::record::open(core, name)?;
    core.store()?.set_container_names(&working.id, &[new.to_owned()]).map_err(|error| match error {
        cove_storage::StorageError::NameInUse { .. } => in_use(new),
        error => storage(error),
    })?;
    record.set_text("container-name", new);
    record.write(core, &working.id)
}
