//! Copying files into working containers.

use std::path::Path;
use std::sync::Arc;

use cove_api::{Error, Result, WorkingCopy};
use cove_build::{Chmod, Ignore, Notes, Selection, Source};
use cove_tree::Root;

use super::super::placing::{self, Place};
use super::super::start::MountedImage;
use super::super::working::Working;
use super::record::{self, Record};
use crate::engine::Core;
use crate::image::lookup;

/// Copies files and answers a digest of them.
pub(super) fn copy(core: &Arc<Core>, name: &str, files: &WorkingCopy) -> Result<String> {
    let (working, mut record, other) = open_both(core, name, &files.from)?;
    let config = record.config()?;
    let destination = cove_build::join(&config.working_dir, &files.destination);
    let chmod = files.chmod.as_deref().map(Chmod::parse).transpose().map_err(Error::from)?;
    let place = place(files, &destination, chmod.as_ref());
    let digest = match &other {
        From::Host => take(&working, files, &place, &files.directory)?,
        From::Itself => working.with_root(|path| take(&working, files, &place, path))?,
        From::Container(other) => other.with_root(|path| take(&working, files, &place, path))?,
        From::Image(id) => {
            let image = MountedImage::new(core, &working, id)?;
            take(&working, files, &place, &image.path)?
        }
    };
    if files.add_history {
        note(&mut record, files, &digest, &destination);
        record.write(core, &working.id)?;
    }
    Ok(digest)
}

/// Where files come from.
enum From {
    Host,
    /// The container that they are copied into.
    Itself,
    Container(Working),
    Image(String),
}

/// The container that files are copied into, and where they come from. Of two containers the one with the lesser id is
/// locked first: two commands that copy between them would wait for each other for ever.
fn open_both(core: &Arc<Core>, name: &str, from: &str) -> Result<(Working, Record, From)> {
    let other = match from {
        "" => None,
        from => match record::find(core, from) {
            Ok(container) if Record::read(core, &container.id)?.is_some() => Some(container.id),
            _ => None,
        },
    };
    let Some(other) = other else {
        let (working, record) = record::open(core, name)?;
        let from = match from {
            "" => From::Host,
            from => From::Image(lookup::find_image(core, from, ["", "", ""])?.image.id),
        };
        return Ok((working, record, from));
    };
    let id = record::find(core, name)?.id;
    if id == other {
        let (working, record) = record::open(core, &id)?;
        return Ok((working, record, From::Itself));
    }
    let early = if other < id { Some(Working::open(core, &other)?) } else { None };
    let (working, record) = record::open(core, &id)?;
    let late = match early {
        Some(early) => early,
        None => Working::open(core, &other)?,
    };
    Ok((working, record, From::Container(late)))
}

/// Where and how the files are put.
fn place<'a>(files: &'a WorkingCopy, destination: &'a str, chmod: Option<&'a Chmod>) -> Place<'a> {
    let written = files.destination.as_str();
    let is_folder = written.ends_with('/') || written.ends_with("/.") || matches!(written, "" | ".");
    Place {
        destination,
        into_folder: is_folder || files.sources.len() > 1,
        chown: files.chown.as_deref().filter(|chown| !chown.is_empty()),
        chmod,
        keep_owners: !files.from.is_empty(),
        unpack: files.unpack,
        documents: &[],
    }
}

fn take(working: &Working, files: &WorkingCopy, place: &Place<'_>, from: &Path) -> Result<String> {
    let root = Root::open(from)?;
    let nothing = Ignore::default();
    let source = Source { root: &root, ignore: &nothing };
    let selection = Selection::find(source, &files.sources, &files.exclude, false).map_err(Error::from)?;
    let mut notes = Notes::default();
    working.with_root(|path| placing::put(path, place, source, selection, &mut notes))?;
    Ok(notes.finish().to_string())
}

fn note(record: &mut Record, files: &WorkingCopy, digest: &str, destination: &str) {
    let name = if files.unpack { "ADD" } else { "COPY" };
    let short = digest.strip_prefix("sha256:").unwrap_or(digest);
    record.add_history(format!("/bin/sh -c #(nop) {name} file:{short} in {destination} "));
}
