//! `cove cp`

#[cfg(unix)]
mod host;
#[cfg(not(unix))]
#[path = "cp/elsewhere.rs"]
mod host;
mod place;

use cove_api::{CopyFromOptions, CopyToOptions, Files};
use cove_spec::copy::{base, directory, ends};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::drain;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

use host::HostPlace;
use place::{ContainerPlace, at_destination, at_source, must_exist};

/// Copy files between a container and this machine, or between containers
///
/// "-" in place of a path on this machine is a tar on standard input or output.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is copied, then where to
    #[arg(value_name = "[CONTAINER:]PATH [CONTAINER:]PATH")]
    words: Vec<String>,
    /// What comes into a container belongs to its user; without it the owners of the tar are kept
    #[arg(long, short, default_value = "true", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", action = clap::ArgAction::Set)]
    archive: bool,
    /// A directory may be replaced by something else, and the other way round
    #[arg(long)]
    overwrite: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH");

/// The complaint about a directory that is to become a file.
const NO_DIRECTORY: &str = "destination must be a directory when copying a directory";

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 2)?;
    let (from, to) = ends(&args.words[0], &args.words[1])?;
    let engine = context.engine().await?;
    for container in [from.container, to.container].into_iter().flatten() {
        must_exist(engine, container).await?;
    }
    let files = engine.files();
    let manner = Manner { chown: args.archive, overwrite: args.overwrite };
    match (from.container, to.container) {
        (Some(source), Some(destination)) => {
            between(files, manner, (source, from.path), (destination, to.path)).await?;
        }
        (Some(container), None) => out(context, files, manner, container, (from.path, to.path)).await?,
        (None, container) => into(files, manner, container.unwrap_or_default(), (to.path, from.path)).await?,
    }
    Ok(0)
}

/// How files are copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// What comes into a container belongs to its user.
    pub(crate) chown: bool,
    /// A directory may be replaced by something else, and the other way round.
    pub(crate) overwrite: bool,
}

impl Manner {
    fn put(self, path: String) -> CopyToOptions {
        CopyToOptions {
            path,
            chown: self.chown,
            rename: std::collections::BTreeMap::new(),
            no_overwrite: !self.overwrite,
        }
    }
}

fn from_container(error: cove_api::Error) -> CommandError {
    error.context("copying from container").into()
}

fn to_container(error: cove_api::Error) -> CommandError {
    error.context("copying to container").into()
}

/// From a container into another one, or the same.
async fn between(
    files: &dyn Files,
    manner: Manner,
    (source, source_path): (&str, &str),
    (container, path): (&str, &str),
) -> Result<(), CommandError> {
    let stat = at_source(files, source, source_path).await?;
    let place = at_destination(files, container, path, false).await?;
    if stat.is_dir && !place.stat.is_dir {
        return Err(CommandError::other(NO_DIRECTORY));
    }
    let wanted = place.source(&stat.link_target, stat.is_dir);
    let mut options = manner.put(place.directory());
    if (!stat.is_dir && !place.stat.is_dir) || place.in_parent {
        options.rename.insert(base(&wanted).to_owned(), place.name.clone());
    }
    let wanted = CopyFromOptions { path: wanted, ..CopyFromOptions::default() };
    let copied = files.copy_from(source, wanted).await.map_err(from_container)?;
    files.copy_to(container, options, copied.archive).await.map_err(to_container)
}

/// From a container to this machine.
pub(crate) async fn out(
    context: &Context,
    files: &dyn Files,
    manner: Manner,
    container: &str,
    (path, host): (&str, &str),
) -> Result<(), CommandError> {
    let stat = at_source(files, container, path).await?;
    let get =
        |path: String| files.copy_from(container, CopyFromOptions { path, ..CopyFromOptions::default() });
    if host == "-" {
        if context.printer.out_is_terminal() {
            return Err(CommandError::other("refusing to write a tar archive to terminal"));
        }
        let copied = get(stat.link_target).await.map_err(from_container)?;
        return drain(copied.archive, |piece| context.printer.bytes(piece)).await;
    }
    let mut place = HostPlace::for_destination(host)?;
    if stat.is_dir && !place.is_dir {
        return Err(CommandError::other(NO_DIRECTORY));
    }
    let mut wanted = stat.link_target;
    if place.in_parent && stat.is_dir && base(&wanted) == "." {
        match directory(&wanted) {
            // The root has no name that could be another one.
            "/" => place.enter_new()?,
            above => wanted = above.to_owned(),
        }
    }
    let rename = ((!stat.is_dir && !place.is_dir) || place.in_parent)
        .then(|| (base(&wanted).to_owned(), place.name.clone()));
    let copied = get(wanted).await.map_err(from_container)?;
    host::unpack(place, rename, manner.overwrite, copied.archive).await
}

/// From this machine into a container.
pub(crate) async fn into(
    files: &dyn Files,
    manner: Manner,
    container: &str,
    (path, host): (&str, &str),
) -> Result<(), CommandError> {
    if host == "-" {
        let place = at_destination(files, container, path, true).await?;
        if !place.stat.is_dir {
            return Err(CommandError::other("destination must be a directory when copying from stdin"));
        }
        let archive = host::stdin_archive().await?;
        let options = manner.put(place.stat.link_target);
        return files.copy_to(container, options, archive).await.map_err(to_container);
    }
    let source = HostPlace::for_source(host)?;
    let place: ContainerPlace = at_destination(files, container, path, false).await?;
    if source.is_dir && !place.stat.is_dir {
        return Err(CommandError::other(NO_DIRECTORY));
    }
    let wanted = place.source(&source.path, source.is_dir);
    let name = if (!source.is_dir && !place.stat.is_dir) || place.in_parent {
        place.name.clone()
    } else if source.is_dir && base(&wanted) == "." {
        String::new()
    } else {
        base(&wanted).to_owned()
    };
    let archive = host::pack(&wanted, name)?;
    files.copy_to(container, manner.put(place.directory()), archive).await.map_err(to_container)
}
