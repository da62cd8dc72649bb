//! Where engines come from.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use cove_api::{Engine, Error, Result};
use cove_config::Environment;
use tokio::process::Command;

use crate::accounts::Accounts;

/// Which engine is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one of this host.
    Native,
    /// The one in a machine, by its name.
    Machine(String),
    /// The one behind an address such as `unix:///run/cove.sock`.
    Remote(String),
}

impl Target {
    /// The id of its connection.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Native => "native".to_owned(),
            Self::Machine(name) => format!("machine:{name}"),
            Self::Remote(_) => "remote".to_owned(),
        }
    }
}

/// Opens engines. [`crate::Host`] is the real one; tests have one of their own.
#[async_trait]
pub trait EngineSource: Send + Sync {
    /// An engine that answers. Called again after a connection broke; what it started before may be gone.
    ///
    /// # Errors
    /// It cannot be reached or started.
    async fn open(&self, target: &Target) -> Result<Arc<dyn Engine>>;

    /// What can be opened besides machines, with names for people; the first one is used at the start.
    fn fixed(&self) -> Vec<(Target, String)>;

    /// The program `cove` with the arguments that lead to an engine; a command of it is to be added.
    ///
    /// # Errors
    /// It was not found.
    fn command(&self, _target: &Target) -> Result<Command> {
        Err(Error::unsupported("this needs the program cove, which is not known here"))
    }

    /// The variables of whoever started the desktop.
    fn environment(&self) -> Environment {
        Environment::default()
    }

    /// Where this user's credentials are kept.
    fn accounts(&self) -> Option<Accounts> {
        None
    }

    /// The folder where files are put unless the user says another.
    fn downloads(&self) -> Option<PathBuf> {
        None
    }
}
