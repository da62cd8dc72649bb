//! The images of a file: built of a folder of their name, or pulled where progress can be seen.

use std::path::{Path, PathBuf};

use cove_api::{Engine, PullOptions, PullPolicy, RegistryAccess};

use super::text::Text;
use crate::command_error::CommandError;
use crate::commands::image::pull;
use crate::context::Context;

/// How images come.
pub(super) struct Images<'a> {
    /// Build those for which there is a folder: `None` where they are missing.
    pub(super) build: Option<bool>,
    /// Where the folders are.
    pub(super) folder: Option<&'a str>,
    pub(super) access: &'a RegistryAccess,
    pub(super) quiet: bool,
    /// The words of a build that say how registries are reached.
    pub(super) registry: Vec<String>,
}

impl Images<'_> {
    /// Builds and pulls, and answers what it built; what the engine would bring anyhow is left to it where nothing of
    /// it can be seen.
    ///
    /// # Errors
    /// A build or a pull fails.
    pub(super) async fn bring(
        &self,
        context: &Context,
        engine: &dyn Engine,
        text: &Text,
    ) -> Result<Vec<String>, CommandError> {
        let mut built = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for workload in &text.application.workloads {
            for (image, policy) in workload.images().map_err(cove_api::Error::from)? {
                if image.is_empty() || !seen.insert(image.to_owned()) {
                    continue;
                }
                let exists = engine.images().exists(image).await?;
                if let Some(file) = self.build_file(image, exists)? {
                    self.build(context, image, &file).await?;
                    built.push(image.to_owned());
                } else if !exists && policy != PullPolicy::Never {
                    let options =
                        PullOptions { policy, access: self.access.clone(), ..PullOptions::default() };
                    pull::pull(context, engine, image, options, self.quiet).await?;
                }
            }
        }
        Ok(built)
    }

    /// The build file of an image that is to be built.
    fn build_file(&self, image: &str, exists: bool) -> Result<Option<PathBuf>, CommandError> {
        if self.build == Some(false) || (exists && self.build != Some(true)) {
            return Ok(None);
        }
        let folder = match self.folder {
            Some(folder) => PathBuf::from(folder),
            None => std::env::current_dir()?,
        };
        let Some(name) = cove_kube::image_folder(image) else { return Ok(None) };
        let files = ["Containerfile", "Dockerfile"].map(|file| folder.join(name).join(file));
        Ok(files.into_iter().find(|file| file.is_file()))
    }

    #[cfg(unix)]
    async fn build(&self, context: &Context, image: &str, file: &Path) -> Result<(), CommandError> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut words = vec!["--tag".to_owned(), image.to_owned(), "--file".to_owned()];
        words.push(file.to_string_lossy().into_owned());
        words.extend(self.registry.iter().cloned());
        if self.quiet {
            words.push("--quiet".into());
        }
        words.extend(["--".to_owned(), folder.to_string_lossy().into_owned()]);
        crate::commands::image::build::build_aside(context, words).await
    }

    #[cfg(not(unix))]
    async fn build(&self, _: &Context, image: &str, _: &Path) -> Result<(), CommandError> {
        Err(CommandError::other(format!(
            "{image} cannot be built on this system: build it, or use --build=false"
        )))
    }
}
