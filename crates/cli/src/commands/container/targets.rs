//! Which containers a command with several targets means: one group of options, one set of rules.

use cove_api::{ContainerState, ContainerSummary, Containers, Engine, ListOptions};

use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::common::filters;
use crate::context::Context;

// The containers. `ALL` and `FILTER` say whether `-a` and `-f` mean these options: some commands have another use for
// the letter.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Targets<const ALL: bool = true, const FILTER: bool = true> {
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    pub(crate) names: Vec<String>,
    /// Every container in a state in which the command makes sense
    #[arg(long, short = ALL.then_some('a'))]
    pub(crate) all: bool,
    /// The newest container
    #[arg(long, short)]
    pub(crate) latest: bool,
    /// Only containers for which that is true
    #[arg(long, short = FILTER.then_some('f'), value_name = "KEY=VALUE")]
    pub(crate) filter: Vec<String>,
    /// File with the id of a container
    #[arg(long, value_name = "FILE")]
    pub(crate) cidfile: Vec<String>,
}

/// A container to act on, and what to call it in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// For the engine.
    pub(crate) id: String,
    /// As the user wrote it, or the id.
    pub(crate) shown: String,
}

impl<const ALL: bool, const FILTER: bool> Targets<ALL, FILTER> {
    /// Refuses what contradicts, in Podman's words.
    ///
    /// # Errors
    /// Nothing is meant, or two ways of meaning it are mixed.
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        let (names, files) = (!self.names.is_empty(), !self.cidfile.is_empty());
        let complaint = if files && (self.all || self.latest) {
            "--all, --latest, and --cidfile cannot be used together"
        } else if self.all && self.latest {
            "--all and --latest cannot be used together"
        } else if names && self.all {
            "no arguments are needed with --all"
        } else if names && self.latest {
            "--latest and containers cannot be used together"
        } else if names && files {
            "no arguments are needed with --latest or --cidfile"
        } else if names && !self.filter.is_empty() {
            "--filter takes no arguments"
        } else if !names && !files && !self.all && !self.latest && self.filter.is_empty() {
            "you must provide at least one name or id"
        } else {
            return Ok(());
        };
        Err(CommandError::other(complaint))
    }

    /// The containers that are meant; names are not looked up. `states` limits what `--all` and `--filter` mean; empty
    /// is every state. With `ignore` a missing file is no error.
    ///
    /// # Errors
    /// The engine cannot list them, or there is none. A file that cannot be read is noted in `failures`.
    pub(crate) async fn choose(
        &self,
        engine: &dyn Engine,
        states: &[ContainerState],
        ignore: bool,
        failures: &mut Failures,
    ) -> Result<Vec<Chosen>, CommandError> {
        if self.latest {
            let id = latest(engine).await?;
            return Ok(vec![Chosen { shown: id.clone(), id }]);
        }
        if self.all || !self.filter.is_empty() {
            return self.listed(engine, states).await;
        }
        let mut chosen: Vec<Chosen> = self
            .names
            .iter()
            // Docker puts a slash before names.
            .map(|name| name.strip_prefix('/').unwrap_or(name).to_owned())
            .map(|name| Chosen { id: name.clone(), shown: name })
            .collect();
        for path in &self.cidfile {
            match id_in(path) {
                Ok(id) => chosen.push(Chosen { shown: id.clone(), id }),
                Err(_) if ignore && !std::path::Path::new(path).exists() => {}
                Err(error) => failures.push(error),
            }
        }
        Ok(chosen)
    }

    /// Does the same to each container that is meant, and names those to which it was done. `states` are those that
    /// `--all` and `--filter` mean.
    ///
    /// # Errors
    /// As [`Targets::check`] and [`Targets::choose`].
    pub(crate) async fn each(
        &self,
        context: &Context,
        states: &[ContainerState],
        act: impl AsyncFn(&dyn Containers, &str) -> cove_api::Result<()>,
    ) -> CommandResult {
        self.check()?;
        let engine = context.engine().await?;
        let mut failures = Failures::default();
        for container in self.choose(engine, states, false, &mut failures).await? {
            if failures.note(act(engine.containers(), &container.id).await).is_some() {
                context.printer.line(&container.shown)?;
            }
        }
        failures.finish()
    }

    /// Those that the engine lists; of names given besides only these, called as the user called them.
    async fn listed(
        &self,
        engine: &dyn Engine,
        states: &[ContainerState],
    ) -> Result<Vec<Chosen>, CommandError> {
        let filters = filters(&self.filter, |text| format!("invalid filter {text:?}"))?;
        let options = ListOptions { all: true, filters, ..Default::default() };
        let containers = engine.containers().list(options).await?;
        let shown = |container: &ContainerSummary| {
            if self.names.is_empty() {
                return Some(container.id.clone());
            }
            let is_it = |name: &&String| {
                container.id.starts_with(name.as_str()) || container.names.iter().any(|known| known == *name)
            };
            self.names.iter().find(is_it).cloned()
        };
        Ok(containers
            .into_iter()
            .filter(|container| states.is_empty() || states.contains(&container.state))
            .filter_map(|container| Some(Chosen { shown: shown(&container)?, id: container.id }))
            .collect())
    }
}

/// The id in a file that `--cidfile` wrote.
///
/// # Errors
/// It cannot be read, or is empty.
pub(crate) fn id_in(path: &str) -> Result<String, CommandError> {
    crate::commands::common::id_in(path, "CIDFile")
}

/// The id of the newest container.
///
/// # Errors
/// There is none.
pub(crate) async fn latest(engine: &dyn Engine) -> Result<String, CommandError> {
    let options = ListOptions { all: true, last: Some(1), ..Default::default() };
    let newest = engine.containers().list(options).await?;
    let newest = newest.into_iter().next_back();
    newest.map(|container| container.id).ok_or_else(|| cove_api::Error::not_found("no such container").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(line: &str) -> String {
        let args: Targets = crate::args::parsed(line);
        args.check().map_or_else(|error| error.messages().join(";"), |()| String::new())
    }

    #[test]
    fn rules_are_podman_s() {
        let together = "--all, --latest, and --cidfile cannot be used together";
        for (line, expect) in [
            ("", "you must provide at least one name or id"),
            ("-a -l", "--all and --latest cannot be used together"),
            ("--all a", "no arguments are needed with --all"),
            ("-l a", "--latest and containers cannot be used together"),
            ("--cidfile f a", "no arguments are needed with --latest or --cidfile"),
            ("--cidfile f --all", together),
            ("--cidfile f --latest", together),
            ("-f name=z a", "--filter takes no arguments"),
            ("a b", ""),
            ("-a", ""),
            ("-l", ""),
            ("-f name=z", ""),
            ("--filter name=z --all", ""),
            ("--cidfile f --cidfile g", ""),
        ] {
            assert_eq!(complaint(line), expect, "{line}");
        }
    }

    #[test]
    fn letters_that_mean_something_else() {
        let args: Targets<false, false> = crate::args::parsed("--all --filter a=b");
        assert!(args.all && args.filter == ["a=b"]);
    }
}
