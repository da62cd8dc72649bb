//! Building the images of services.

use cove_compose::model::{Build, Project, Service};
use cove_project::plan::{self, AskedOfBuild, image_name};

use super::bring::not_done;
use super::progress::Progress;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::build::{Telling, build_as};
use crate::context::Context;

/// Builds the image of a service; with [`AskedOfBuild::check`] the code tells whether something is suspicious.
///
/// # Errors
/// The build fails, or asks for what is not done.
pub(super) async fn build_one(
    context: &Context,
    project: &Project,
    (service, build): (&Service, &Build),
    asked: &AskedOfBuild,
    progress: &Progress<'_>,
) -> CommandResult {
    let inline = match build.dockerfile_inline.as_str() {
        "" => None,
        text => {
            let mut file = tempfile::NamedTempFile::new()?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            Some(file)
        }
    };
    let file = inline.as_ref().map(|file| file.path().to_string_lossy().into_owned());
    let asked = AskedOfBuild { file, ..asked.clone() };
    let building = plan::building(project, service, build, &asked).map_err(not_done)?;
    let quiet = asked.quiet || progress.is_quiet();
    let telling = if quiet { Telling::Nowhere } else { Telling::Aside };
    let code = build_as(context, building.words, building.environment, telling).await?;
    if asked.check {
        return Ok(code);
    }
    if code != 0 {
        let message = format!("service {:?}: the build failed", service.name);
        return Err(CommandError::other(message).with_code(code));
    }
    progress.step(&image_name(project, service), "Built");
    Ok(0)
}
