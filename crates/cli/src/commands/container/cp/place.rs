//! Where a copy begins and ends in a container.

use cove_api::{Engine, Error, ErrorKind, Files, PathStat};
use cove_spec::copy::{base, directory};

use crate::command_error::CommandError;

/// A place in a container that is copied to.
#[derive(Debug)]
pub(super) struct ContainerPlace {
    /// What is there, or what its parent is.
    pub(super) stat: PathStat,
    /// The name of what is copied, where it is not put into a directory that exists.
    pub(super) name: String,
    /// There is nothing yet: `stat` is the parent's.
    pub(super) in_parent: bool,
}

impl ContainerPlace {
    /// The directory that is copied into.
    pub(super) fn directory(&self) -> String {
        let target = &self.stat.link_target;
        if self.stat.is_dir { target.clone() } else { directory(target).to_owned() }
    }

    /// What is copied for `source`. The contents of a directory alone would end in the parent: where the destination is
    /// to be made, the directory itself is copied under its new name.
    pub(super) fn source(&self, source: &str, is_dir: bool) -> String {
        if self.in_parent && is_dir && base(source) == "." {
            return directory(source).to_owned();
        }
        source.to_owned()
    }
}

/// Refuses a container that does not exist.
pub(super) async fn must_exist(engine: &dyn Engine, container: &str) -> Result<(), CommandError> {
    if container.is_empty() {
        return Err(CommandError::other("name or ID cannot be empty"));
    }
    if engine.containers().exists(container).await? {
        return Ok(());
    }
    Err(Error::not_found(format!("container {container:?} does not exist")).into())
}

fn not_found(path: &str, container: &str, error: Error) -> CommandError {
    error.context(format!("{path:?} could not be found on container {container}")).into()
}

/// What is at a path that is copied from.
pub(super) async fn at_source(
    files: &dyn Files,
    container: &str,
    path: &str,
) -> Result<PathStat, CommandError> {
    let stat = files.path_stat(container, path).await.and_then(PathStat::found);
    stat.map_err(|error| not_found(path, container, error))
}

/// Where a path that is copied to leads: itself, or the parent of what is to be made.
pub(super) async fn at_destination(
    files: &dyn Files,
    container: &str,
    path: &str,
    stdin: bool,
) -> Result<ContainerPlace, CommandError> {
    let dangling = match files.path_stat(container, path).await {
        Ok(stat) if !stat.missing => {
            let name = base(&stat.link_target).to_owned();
            return Ok(ContainerPlace { stat, name, in_parent: false });
        }
        Ok(stat) => Some(stat.link_target),
        Err(error) if error.kind == ErrorKind::NotFound => None,
        Err(error) => return Err(not_found(path, container, error)),
    };
    let nothing = || Error::not_found("no such file or directory");
    if path.ends_with('/') {
        return Err(not_found(path, container, nothing()));
    }
    if stdin {
        return Err(CommandError::other("destination must be a directory when copying from stdin"));
    }
    // What a link leads to is made, not the link.
    let made = dangling.as_deref().unwrap_or(path);
    let parent = files.path_stat(container, directory(made)).await.and_then(PathStat::found);
    let stat = parent.map_err(|error| not_found(path, container, error))?;
    Ok(ContainerPlace { stat, name: base(made).to_owned(), in_parent: true })
}
