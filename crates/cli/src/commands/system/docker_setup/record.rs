//! What was made, to be taken back: a file in the user's data.

use std::path::{Path, PathBuf};

use cove_api::{Error, ErrorKind};
use cove_config::DockerContexts;
use serde::{Deserialize, Serialize};

use super::plan::{CONTEXT, Step};
use crate::command_error::CommandError;

/// The version of the file; it grows by fields with defaults.
const VERSION: u32 = 1;

/// Something that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Made {
    /// The current context is ours.
    Current {
        /// The one before; [`None`] for the default.
        before: Option<String>,
    },
    /// Our context.
    Context {
        /// Where it leads.
        host: String,
    },
    /// A symbolic link.
    Link {
        /// Its path.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A file of systemd.
    File {
        /// Its path.
        path: PathBuf,
        /// What is in it.
        text: String,
    },
}

/// What was made, in the order in which it is taken back.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    made: Vec<Made>,
}

impl Record {
    /// Reads it; an empty one where there is none.
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let text = match cove_sys::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let wrong = |reason: String| {
            let text = format!("{}: {reason}: what docker-setup has made cannot be known", path.display());
            CommandError::from(Error::new(ErrorKind::InvalidArgument, text))
        };
        let record: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if record.version > VERSION {
            return Err(wrong(format!("it is of a newer version, {}", record.version)));
        }
        Ok(record)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// All of it, the last first.
    pub(super) fn all(&self) -> Vec<Made> {
        self.made.iter().rev().cloned().collect()
    }

    /// Notes what a step makes.
    pub(super) fn note(&mut self, step: &Step) {
        let made = step.made();
        if !self.made.contains(&made) {
            self.made.push(made);
        }
    }

    pub(super) fn forget(&mut self, made: &Made) {
        self.made.retain(|known| known != made);
    }

    /// Writes it; an empty one is no file.
    pub(super) fn write(&self, path: &Path) -> Result<(), CommandError> {
        if self.made.is_empty() {
            return match cove_sys::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        if let Some(folder) = path.parent() {
            cove_sys::fs::create_dir_all(folder)?;
        }
        let record = Self { version: VERSION, made: self.made.clone() };
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| Error::from_chain(ErrorKind::Internal, &error))?;
        Ok(cove_sys::atomic::write(path, &text, 0o600)?)
    }
}

impl Made {
    /// Takes it back, where it still is what was made, and answers what was done.
    pub(super) fn take_back(&self, contexts: &DockerContexts, dry_run: bool) -> Result<String, CommandError> {
        Ok(match self {
            Self::Current { before } => {
                if contexts.configured()?.as_deref() != Some(CONTEXT) {
                    return Ok(format!("left: the current context is another than {CONTEXT:?} by now"));
                }
                // The one before may be gone by now.
                let before = before.as_deref().filter(|name| contexts.get(name).is_ok());
                if !dry_run {
                    contexts.configure(before)?;
                }
                format!("the current context is {:?} again", before.unwrap_or("default"))
            }
            Self::Context { host } => {
                match contexts.get(CONTEXT) {
                    Err(cove_config::Error::ContextNotFound { .. }) => {
                        return Ok(format!("context {CONTEXT:?} is gone already"));
                    }
                    found => {
                        if found?.endpoint().is_none_or(|endpoint| endpoint.host != *host) {
                            return Ok(format!("left: context {CONTEXT:?} leads elsewhere by now"));
                        }
                    }
                }
                if !dry_run {
                    contexts.remove(CONTEXT)?;
                }
                format!("removed context {CONTEXT:?}")
            }
            Self::Link { path, target } => {
                let shown = path.display();
                match cove_sys::fs::read_link(path) {
                    Ok(found) if found == *target => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        return Ok(format!("{shown} is gone already"));
                    }
                    _ => return Ok(format!("left: {shown} is another by now")),
                }
                if !dry_run {
                    cove_sys::fs::remove_file(path)?;
                }
                format!("removed {shown}")
            }
            Self::File { path, text } => {
                let shown = path.display();
                match cove_sys::fs::read_to_string(path) {
                    Ok(found) if found == *text => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        return Ok(format!("{shown} is gone already"));
                    }
                    _ => return Ok(format!("left: {shown} was changed since")),
                }
                if !dry_run {
                    cove_sys::fs::remove_file(path)?;
                    // The folder was made for it, where nothing else is in it.
                    if let Some(folder) = path.parent() {
                        let _ = cove_sys::fs::remove_dir(folder);
                    }
                }
                format!("removed {shown}")
            }
        })
    }
}
