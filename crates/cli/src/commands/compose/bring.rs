//! The images of a project: built or pulled before its containers are made.

use std::collections::BTreeSet;

use cove_api::{Engine, Error, ErrorKind};
use cove_compose::model::{Project, Service};
use cove_project::plan::{self, AskedOfBuild, ImageWay, ImageWish};

use super::building::build_one;
use super::line::elsewhere;
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
        let wish = ImageWish { build: self.build, no_build: self.no_build, policy: self.policy.as_deref() };
        let mut seen = BTreeSet::new();
        for service in plan::build_order(project) {
            let image = plan::image_name(project, service);
            if !seen.insert(image.clone()) {
                continue;
            }
            let exists = engine.images().exists(&image).await?;
            match plan::image_way(project, service, exists, &wish).map_err(not_done)? {
                ImageWay::Present => {}
                ImageWay::Build => {
                    let Some(build) = &service.build else { continue };
                    let asked = AskedOfBuild { quiet: self.quiet_build, ..AskedOfBuild::default() };
                    build_one(context, project, (service, build), &asked, progress).await?;
                }
                ImageWay::Pull => {
                    pull_one(context, engine, (project, service), &image, self.quiet_pull, progress).await?;
                }
            }
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
    let options = plan::pull_options(project, service);
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

/// What a service asks for and is not done, or cannot be done.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn not_done(error: Error) -> CommandError {
    match error.kind {
        ErrorKind::Unsupported => elsewhere(&error.message),
        _ => CommandError::other(error.message),
    }
}
