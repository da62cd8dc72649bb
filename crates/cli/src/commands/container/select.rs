//! Which containers a command with several targets means.

use cove_api::{ContainerState, ContainerSummary, Engine, ErrorKind, Filters, ListOptions};

use crate::command_error::{CommandError, Failures};
use crate::commands::common::filters;

/// How the targets were given.
#[derive(Debug, Default)]
pub(crate) struct Selection<'a> {
    /// Names and ids.
    pub(crate) names: &'a [String],
    /// `--all`.
    pub(crate) all: bool,
    /// `--latest`.
    pub(crate) latest: bool,
    /// `--filter`.
    pub(crate) filter: &'a [String],
    /// `--cidfile`: files with ids.
    pub(crate) cidfile: &'a [String],
    /// States that `--all` and `--filter` are limited to; empty for every state.
    pub(crate) states: &'a [ContainerState],
    /// A missing id file is no error.
    pub(crate) ignore: bool,
}

/// A container to act on, and what to call it in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// For the engine.
    pub(crate) id: String,
    /// As the user wrote it, or the id.
    pub(crate) shown: String,
}

/// The containers that were meant; names are not looked up.
pub(crate) async fn select(
    engine: &dyn Engine,
    selection: &Selection<'_>,
    failures: &mut Failures,
) -> Result<Vec<Chosen>, CommandError> {
    let ways = usize::from(selection.all) + usize::from(selection.latest);
    let has_names = !selection.names.is_empty() || !selection.cidfile.is_empty();
    if selection.all && selection.latest {
        return Err(CommandError::other("--all and --latest cannot be used together"));
    }
    if selection.latest && has_names {
        return Err(CommandError::other("--latest and containers cannot be used together"));
    }
    if selection.all && has_names {
        return Err(CommandError::other("no arguments are needed with --all"));
    }
    if ways == 0 && !has_names && selection.filter.is_empty() {
        return Err(CommandError::other("you must provide at least one name or id"));
    }
    if selection.latest {
        let id = latest(engine).await?;
        return Ok(vec![Chosen { shown: id.clone(), id }]);
    }
    if selection.all || !selection.filter.is_empty() {
        let filters = filters(selection.filter, |text| format!("invalid filter {text:?}"))?;
        let containers = listed(engine, filters, selection.states).await?;
        // Names together with filters: only those that pass, called as the user called them.
        let shown = |container: &ContainerSummary| {
            if selection.names.is_empty() {
                return Some(container.id.clone());
            }
            let is_it = |name: &&String| {
                container.id.starts_with(name.as_str()) || container.names.iter().any(|known| known == *name)
            };
            selection.names.iter().find(is_it).cloned()
        };
        return Ok(containers
            .into_iter()
            .filter_map(|container| Some(Chosen { shown: shown(&container)?, id: container.id }))
            .collect());
    }
    let mut chosen: Vec<Chosen> = selection
        .names
        .iter()
        .map(|name| plain(name))
        .map(|name| Chosen { id: name.clone(), shown: name })
        .collect();
    for path in selection.cidfile {
        match cove_sys::fs::read_to_string(path) {
            Ok(text) => {
                let id = text.lines().next().unwrap_or_default().trim().to_owned();
                chosen.push(Chosen { shown: id.clone(), id });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && selection.ignore => {}
            Err(_) => {
                failures.push(CommandError::other(format!(
                    "reading CIDFile: open {path}: no such file or directory"
                )));
            }
        }
    }
    Ok(chosen)
}

/// A name without the slash that Docker puts before it.
fn plain(name: &str) -> String {
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

async fn listed(
    engine: &dyn Engine,
    filters: Filters,
    states: &[ContainerState],
) -> Result<Vec<ContainerSummary>, CommandError> {
    let options = ListOptions { all: true, filters, ..Default::default() };
    let containers = engine.containers().list(options).await?;
    let meant = |container: &ContainerSummary| states.is_empty() || states.contains(&container.state);
    Ok(containers.into_iter().filter(meant).collect())
}

/// The id of the newest container.
pub(crate) async fn latest(engine: &dyn Engine) -> Result<String, CommandError> {
    let options = ListOptions { all: true, last: Some(1), ..Default::default() };
    let newest = engine.containers().list(options).await?;
    let newest = newest.into_iter().next_back();
    newest.map(|container| container.id).ok_or_else(|| {
        cove_api::Error::new(ErrorKind::NotFound, "no containers to act on: no such container").into()
    })
}
