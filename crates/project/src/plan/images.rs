//! How the image of a service comes to be there.

use cove_api::{Error, PullOptions, PullPolicy, Result};
use cove_compose::model::{Project, Service};

use super::body::image_name;

/// What is wanted in place of what each service says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageWish<'a> {
    /// Build all that can be built.
    pub build: bool,
    /// Build none.
    pub no_build: bool,
    /// When to pull: `always`, `missing`, `never` or `build`.
    pub policy: Option<&'a str>,
}

/// What is to be done for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageWay {
    /// Nothing: it is there, or it must not be brought.
    Present,
    /// Build it.
    Build,
    /// Pull it.
    Pull,
}

/// What is to be done for a service's image; `exists` tells whether the engine has it.
///
/// # Errors
/// It is missing and may not be built, or the pull policy is not known.
pub fn image_way(
    project: &Project,
    service: &Service,
    exists: bool,
    wish: &ImageWish<'_>,
) -> Result<ImageWay> {
    let policy = wish.policy.unwrap_or(&service.pull_policy);
    let builds = service.build.is_some();
    if builds {
        let asked = wish.build || policy == "build" || (!exists && policy != "never");
        if asked && !wish.no_build {
            return Ok(ImageWay::Build);
        }
        if !exists {
            return Err(Error::invalid(format!(
                "service {:?} has no image {:?} yet, and building is off",
                service.name,
                image_name(project, service)
            )));
        }
    }
    let pulls = match policy {
        "always" => !builds,
        "never" | "build" => false,
        "" | "missing" | "if_not_present" => !exists,
        other => {
            return Err(Error::invalid(format!(
                "service {:?}: the pull policy {other:?} is not supported: always, missing, never and build are",
                service.name
            )));
        }
    };
    Ok(if pulls { ImageWay::Pull } else { ImageWay::Present })
}

/// How a service's image is pulled: whatever is there, for the platform that it names, or that the project's environment
/// has as the usual one.
#[must_use]
pub fn pull_options(project: &Project, service: &Service) -> PullOptions {
    let usual = project.environment.get("DOCKER_DEFAULT_PLATFORM").map_or("", String::as_str);
    let platform = if service.platform.is_empty() { usual } else { &service.platform };
    let mut parts = platform.splitn(3, '/').map(str::to_owned);
    PullOptions {
        policy: PullPolicy::Always,
        os: parts.next().filter(|part| !part.is_empty()),
        arch: parts.next(),
        variant: parts.next(),
        ..PullOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use cove_compose::model::Build;

    use super::*;

    #[test]
    fn what_is_missing_comes_and_what_is_there_stays_unless_another_is_wanted() {
        let project = Project { name: "shop".into(), ..Project::default() };
        let pulled = |policy: &str| Service {
            name: "db".into(),
            image: "db:1".into(),
            pull_policy: policy.into(),
            ..Service::default()
        };
        let built =
            |policy: &str| Service { build: Some(Build::default()), image: String::new(), ..pulled(policy) };
        let usual = ImageWish::default();
        let build = ImageWish { build: true, ..usual };
        let no_build = ImageWish { no_build: true, ..usual };
        let always = ImageWish { policy: Some("always"), ..usual };
        let (present, builds, pulls) = (Some(ImageWay::Present), Some(ImageWay::Build), Some(ImageWay::Pull));
        for (service, wish, missing, there) in [
            (pulled(""), usual, pulls, present),
            (pulled("always"), usual, pulls, pulls),
            (pulled("never"), usual, present, present),
            (pulled("daily"), usual, None, None),
            (pulled(""), build, pulls, present),
            (pulled(""), always, pulls, pulls),
            (built(""), usual, builds, present),
            (built("build"), usual, builds, builds),
            (built(""), build, builds, builds),
            (built("never"), usual, None, present),
            (built(""), no_build, None, present),
            (built(""), always, builds, present),
        ] {
            let way = |exists| image_way(&project, &service, exists, &wish).ok();
            assert_eq!((way(false), way(true)), (missing, there), "{service:?} {wish:?}");
        }
        let mut project = project;
        let arm = Service { platform: "linux/arm64".into(), ..Service::default() };
        let options = pull_options(&project, &arm);
        assert_eq!((options.os.as_deref(), options.arch.as_deref()), (Some("linux"), Some("arm64")));
        assert_eq!(pull_options(&project, &Service::default()).os, None);
        project.environment.insert("DOCKER_DEFAULT_PLATFORM".into(), "linux/s390x".into());
        assert_eq!(pull_options(&project, &arm).arch.as_deref(), Some("arm64"));
        assert_eq!(pull_options(&project, &Service::default()).arch.as_deref(), Some("s390x"));
    }
}
