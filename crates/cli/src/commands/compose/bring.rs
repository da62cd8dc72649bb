//! The images of a project: built or pulled before its containers are made.

use std::collections::BTreeSet;

use cove_api::{Engine, Error, ErrorKind};
use cove_compose::model::{Project, Service};
use cove_project::plan::{self, ImageWay, ImageWish};

use super::line::elsewhere;
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
                ImageWay::Build => build_one(context, project, service).await?,
                ImageWay::Pull => {
                    let options = plan::pull_options(service);
                    pull::pull(context, engine, &image, options, self.quiet_pull).await?;
                }
            }
        }
        Ok(())
    }
}

async fn build_one(context: &Context, project: &Project, service: &Service) -> Result<(), CommandError> {
    let Some(build) = &service.build else { return Ok(()) };
    let inline = match build.dockerfile_inline.as_str() {
        "" => None,
        text => {
            let mut file = tempfile::NamedTempFile::new()?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            Some(file)
        }
    };
    let file = inline.as_ref().map(|file| file.path().to_string_lossy().into_owned());
    let building = plan::building(project, service, build, file).map_err(not_done)?;
    crate::commands::image::build::build_aside(context, building.words).await
}

/// What a service asks for and is not done, or cannot be done.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_done(error: Error) -> CommandError {
    match error.kind {
        ErrorKind::Unsupported => elsewhere(&error.message),
        _ => CommandError::other(error.message),
    }
}
