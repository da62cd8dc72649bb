//! The images of a project: built or pulled before its containers are made.

use std::collections::BTreeSet;

use cove_api::{Engine, PullOptions, PullPolicy};
use cove_compose::model::{Build, Project, Service, Ulimit};
use cove_project::plan::image_name;

use super::line::not_supported;
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
                    build_one(context, project, service, build).await?;
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
            let mut parts = service.platform.splitn(3, '/').map(str::to_owned);
            let options = PullOptions {
                policy: PullPolicy::Always,
                os: parts.next().filter(|part| !part.is_empty()),
                arch: parts.next(),
                variant: parts.next(),
                ..PullOptions::default()
            };
            pull::pull(context, engine, &image, options, self.quiet_pull).await?;
        }
        Ok(())
    }
}

/// Services whose image is another's context come after that one.
fn in_build_order(project: &Project) -> Vec<&Service> {
    let needs = |service: &Service| -> Vec<String> {
        let contexts = service.build.iter().flat_map(|build| build.additional_contexts.values());
        contexts.filter_map(|context| context.strip_prefix("service:")).map(str::to_owned).collect()
    };
    let mut ordered: Vec<&Service> = Vec::new();
    let mut left: Vec<&Service> = project.services.values().collect();
    while !left.is_empty() {
        let ready = |service: &&Service| {
            needs(service).iter().all(|name| ordered.iter().any(|done| done.name == *name))
        };
        // One that waits for itself is built as it comes; its build says what is missing.
        let at = left.iter().position(ready).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

async fn build_one(
    context: &Context,
    project: &Project,
    service: &Service,
    build: &Build,
) -> Result<(), CommandError> {
    let inline = match build.dockerfile_inline.as_str() {
        "" => None,
        text => {
            let mut file = tempfile::NamedTempFile::new()?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            Some(file)
        }
    };
    let file = inline.as_ref().map(|file| file.path().to_string_lossy().into_owned());
    let words = words(context, project, service, build, file)?;
    crate::commands::image::build::build_aside(context, words).await
}

/// The words of the build command.
fn words(
    context: &Context,
    project: &Project,
    service: &Service,
    build: &Build,
    file: Option<String>,
) -> Result<Vec<String>, CommandError> {
    let at = |key: &str| format!("services.{}.build.{key}", service.name);
    for (asked, key) in [
        (!build.entitlements.is_empty(), "entitlements"),
        (!matches!(build.provenance.as_str(), "" | "false"), "provenance"),
        (!matches!(build.sbom.as_str(), "" | "false"), "sbom"),
        (build.privileged, "privileged"),
        (!matches!(build.isolation.as_str(), "" | "default"), "isolation"),
    ] {
        if asked {
            return Err(not_supported(&at(key)));
        }
    }
    let mut words = vec!["--tag".to_owned(), image_name(project, service)];
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    for tag in &build.tags {
        add("--tag", tag.clone());
    }
    let is_remote = build.context.contains("://") || build.context.starts_with("git@");
    if let Some(file) = file {
        add("--file", file);
    } else if !build.dockerfile.is_empty() {
        let path = std::path::Path::new(&build.dockerfile);
        let relative = path.is_relative() && !is_remote;
        let path = if relative { std::path::Path::new(&build.context).join(path) } else { path.to_owned() };
        add("--file", path.to_string_lossy().into_owned());
    }
    for (name, value) in &build.args {
        match value.clone().or_else(|| context.environment.get(name).map(str::to_owned)) {
            Some(value) => add("--build-arg", format!("{name}={value}")),
            None => add("--build-arg", name.clone()),
        }
    }
    for (name, value) in &build.labels {
        add("--label", format!("{name}={value}"));
    }
    for (name, source) in &build.additional_contexts {
        let source = match source.strip_prefix("service:") {
            Some(other) => match project.services.get(other) {
                Some(other) => format!("container-image://{}", image_name(project, other)),
                None => {
                    return Err(CommandError::other(format!(
                        "{}: no service {other:?}",
                        at("additional_contexts")
                    )));
                }
            },
            None => source.clone(),
        };
        add("--build-context", format!("{name}={source}"));
    }
    for (option, values) in [
        ("--cache-from", &build.cache_from),
        ("--cache-to", &build.cache_to),
        ("--platform", &build.platforms),
    ] {
        values.iter().for_each(|value| add(option, value.clone()));
    }
    if build.platforms.is_empty() && !service.platform.is_empty() {
        add("--platform", service.platform.clone());
    }
    for line in build.extra_hosts.lines(':') {
        add("--add-host", line);
    }
    if !build.network.is_empty() {
        add("--network", build.network.clone());
    }
    if !build.target.is_empty() {
        add("--target", build.target.clone());
    }
    if build.shm_size.0 != 0 {
        add("--shm-size", build.shm_size.0.to_string());
    }
    for (name, limit) in &build.ulimits {
        let text = match limit {
            Ulimit::Single(both) => format!("{name}={both}"),
            Ulimit::Both { soft, hard } => format!("{name}={soft}:{hard}"),
        };
        add("--ulimit", text);
    }
    for key in &build.ssh {
        add("--ssh", if key.path.is_empty() { key.id.clone() } else { format!("{}={}", key.id, key.path) });
    }
    for secret in &build.secrets {
        let id = if secret.target.is_empty() { &secret.source } else { &secret.target };
        let content = project.secrets.get(&secret.source);
        let source = match content {
            Some(content) if !content.file.is_empty() => format!("src={}", content.file),
            Some(content) if !content.environment.is_empty() => format!("env={}", content.environment),
            _ => return Err(not_supported(&at(&format!("secrets.{}", secret.source)))),
        };
        add("--secret", format!("id={id},{source}"));
    }
    if build.no_cache {
        words.push("--no-cache".to_owned());
    }
    if build.pull {
        words.push("--pull-always".to_owned());
    }
    words.extend(["--".to_owned(), build.context.clone()]);
    Ok(words)
}
