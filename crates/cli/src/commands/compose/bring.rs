//! The images of a project: built or pulled before its containers are made.

use std::collections::BTreeSet;

use cove_api::{Engine, PullOptions, PullPolicy};
use cove_compose::model::{Project, Service};
use cove_project::plan::image_name;

use super::building::{Asked, build_one, in_build_order};
use super::progress::Progress;
use crate::command_error::CommandError;
use crate::commands::image::pull;
use crate::context::Context;

/// How images come.
#[derive(Debug, Clone, Default)]
pub(super) struct Bring {
    /// Build all that can be built.
    pub(super) build: bool,
    /// Build none.
    pub(super) no_build: bool,
    /// When to pull, in place of what each service says.
    pub(super) policy: Option<String>,
    /// Nothing is said of pulls.
    pub(super) quiet_pull: bool,
    /// Nothing is said of the steps of builds.
    pub(super) quiet_build: bool,
}

impl Bring {
    /// Builds and pulls what the services of the project need.
    ///
    /// # Errors
    /// A build or a pull fails, or an image that may not be brought is missing.
    pub(super) async fn bring(
        &self,
        context: &Context,
        engine: &dyn Engine,
        project: &Project,
        progress: &Progress<'_>,
    ) -> Result<(), CommandError> {
        let mut seen = BTreeSet::new();
        for service in in_build_order(project) {
            let image = image_name(project, service);
            if !seen.insert(image.clone()) {
                continue;
            }
            let policy = self.policy.as_deref().unwrap_or(&service.pull_policy);
            let exists = engine.images().exists(&image).await?;
            if let Some(build) = &service.build {
                let asked = self.build || policy == "build" || (!exists && policy != "never");
                if asked && !self.no_build {
                    let asked = Asked { quiet: self.quiet_build, ..Asked::default() };
                    build_one(context, project, (service, build), &asked, progress).await?;
                    continue;
                }
                if !exists {
                    return Err(CommandError::other(format!(
                        "service {:?} has no image {image:?} yet, and building is off",
                        service.name
                    )));
                }
            }
            let pulls = match policy {
                "always" => service.build.is_none(),
                "never" | "build" => false,
                "" | "missing" | "if_not_present" => !exists,
                other => {
                    return Err(CommandError::other(format!(
                        "service {:?}: the pull policy {other:?} is not supported: always, missing, never and build are",
                        service.name
                    )));
                }
            };
            if !pulls {
                continue;
            }
            pull_one(context, engine, (project, service), &image, self.quiet_pull, progress).await?;
        }
        Ok(())
    }
}

/// Pulls the image of a service, and tells it.
///
/// # Errors
/// The pull fails.
pub(super) async fn pull_one(
    context: &Context,
    engine: &dyn Engine,
    (project, service): (&Project, &Service),
    image: &str,
    quiet: bool,
    progress: &Progress<'_>,
) -> Result<(), CommandError> {
    progress.event(&service.name, "Pulling", "");
    let usual = project.environment.get("DOCKER_DEFAULT_PLATFORM").map_or("", String::as_str);
    let platform = if service.platform.is_empty() { usual } else { &service.platform };
    let mut parts = platform.splitn(3, '/').map(str::to_owned);
    let options = PullOptions {
        policy: PullPolicy::Always,
        os: parts.next().filter(|part| !part.is_empty()),
        arch: parts.next(),
        variant: parts.next(),
        ..PullOptions::default()
    };
    let pulled = pull::pull(context, engine, image, options, quiet || progress.is_quiet()).await;
    match &pulled {
        Ok(_) => progress.event(&service.name, "Pulled", ""),
        Err(error) => {
            // What can be built is not lost.
            let text = if service.build.is_some() { "Warning" } else { "Error" };
            progress.event(&service.name, text, &error.messages().join("; "));
        }
    }
    pulled.map(drop)
}
