//! What the engine has of the project that the command line names.

use std::collections::BTreeSet;

use cove_api::Engine;
use cove_project::{Found, FoundContainer};

use super::line::{Line, Scope, line};
use crate::command_error::CommandError;
use crate::context::Context;

/// A project as it is on the engine.
pub(super) struct Here<'a> {
    /// The engine.
    pub(super) engine: &'a dyn Engine,
    /// Compose's own options.
    pub(super) line: &'a Line,
    /// The project.
    pub(super) scope: Scope,
    /// What is there of it.
    pub(super) found: Found,
    /// How many things are done at a time.
    pub(super) at_once: usize,
}

impl<'a> Here<'a> {
    /// Of the project that the command line names; these services must be of it where its files are read.
    ///
    /// # Errors
    /// The files', or the engine's.
    pub(super) async fn of(context: &'a Context, services: &[String]) -> Result<Self, CommandError> {
        let line = line(context)?;
        let scope = line.scope(context, services)?;
        let engine = context.engine().await?;
        let mut here = Self { engine, line, scope, found: Found::default(), at_once: line.at_once(context) };
        here.look_again().await?;
        Ok(here)
    }

    /// Asks the engine anew.
    ///
    /// # Errors
    /// The engine's.
    pub(super) async fn look_again(&mut self) -> Result<(), CommandError> {
        self.found = Found::of(self.engine, &self.scope.name).await?;
        self.found.containers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(())
    }

    /// The services that are meant: those named, else those of the files, else all that have containers.
    pub(super) fn services(&self, named: &[String]) -> BTreeSet<String> {
        if !named.is_empty() {
            return named.iter().cloned().collect();
        }
        match &self.scope.project {
            Some(project) => project.services.keys().cloned().collect(),
            None => self.found.containers.iter().map(|one| one.service.clone()).collect(),
        }
    }

    /// The containers of those services, by name; not those of `run`.
    pub(super) fn containers(&self, named: &[String]) -> Vec<&FoundContainer> {
        let services = self.services(named);
        self.found.containers.iter().filter(|one| !one.one_off && services.contains(&one.service)).collect()
    }

    /// The container of a service that runs: the one with this number, else the first.
    ///
    /// # Errors
    /// None does.
    pub(super) fn running(&self, service: &str, index: Option<u32>) -> Result<&FoundContainer, CommandError> {
        let all = self.found.containers.iter().filter(|one| one.service == service && one.state().is_alive());
        let wanted = all.filter(|one| index.is_none_or(|index| one.number == Some(index)));
        wanted.min_by_key(|one| (one.one_off, one.number)).ok_or_else(|| {
            let number = index.map(|index| format!(" container #{index}")).unwrap_or_default();
            CommandError::other(format!("service {service:?} is not running{number}"))
        })
    }
}

/// `--index`, of which 0 means none.
pub(super) fn index(index: u32) -> Option<u32> {
    Some(index).filter(|index| *index > 0)
}
