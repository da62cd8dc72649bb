//! Building the images of services.

use cove_compose::model::{Build, Project, Service, Ulimit};
use cove_project::label;
use cove_project::plan::image_name;

use super::line::not_supported;
use super::progress::Progress;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::build::{Telling, build_as};
use crate::context::Context;

/// What is asked for beside what the file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// Values of ARGs, `NAME[=VALUE]`.
    pub(super) arguments: Vec<String>,
    /// Most memory of commands.
    pub(super) memory: Option<String>,
    /// An agent with keys.
    pub(super) ssh: Option<String>,
    /// Nothing of earlier builds is used.
    pub(super) no_cache: bool,
    /// Base images are asked for anew.
    pub(super) pull: bool,
    /// Nothing is told of steps.
    pub(super) quiet: bool,
    /// Only what is suspicious is said.
    pub(super) check: bool,
}

/// The services whose images are contexts of this one's build.
pub(super) fn contexts(service: &Service) -> impl Iterator<Item = &str> {
    let contexts = service.build.iter().flat_map(|build| build.additional_contexts.values());
    contexts.filter_map(|context| context.strip_prefix("service:"))
}

/// Services whose image is another's context come after that one.
pub(super) fn in_build_order(project: &Project) -> Vec<&Service> {
    let mut ordered: Vec<&Service> = Vec::new();
    let mut left: Vec<&Service> = project.services.values().collect();
    while !left.is_empty() {
        let ready =
            |service: &&Service| contexts(service).all(|name| ordered.iter().any(|done| done.name == name));
        // One that waits for itself is built as it comes; its build says what is missing.
        let at = left.iter().position(ready).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

/// Builds the image of a service; with [`Asked::check`] the code tells whether something is suspicious.
///
/// # Errors
/// The build fails, or asks for what is not done.
pub(super) async fn build_one(
    context: &Context,
    project: &Project,
    (service, build): (&Service, &Build),
    asked: &Asked,
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
    let words = words(project, (service, build), file, asked)?;
    let quiet = asked.quiet || progress.is_quiet();
    let code = build_as(context, words, if quiet { Telling::Nowhere } else { Telling::Aside }).await?;
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

/// The words of the build command.
fn words(
    project: &Project,
    (service, build): (&Service, &Build),
    file: Option<String>,
    asked: &Asked,
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
    let mut arguments = build.args.clone();
    for text in &asked.arguments {
        let (name, value) =
            text.split_once('=').map_or((text.as_str(), None), |(name, value)| (name, Some(value)));
        arguments.insert(name.to_owned(), value.map(str::to_owned));
    }
    for (name, value) in &arguments {
        match value.clone().or_else(|| project.environment.get(name).cloned()) {
            Some(value) => add("--build-arg", format!("{name}={value}")),
            None => add("--build-arg", name.clone()),
        }
    }
    for (name, value) in &build.labels {
        add("--label", format!("{name}={value}"));
    }
    for (name, value) in [
        (label::VERSION, label::VERSION_VALUE),
        (label::PROJECT, &project.name),
        (label::SERVICE, &service.name),
    ] {
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
    if let Some(key) = &asked.ssh {
        add("--ssh", key.clone());
    }
    if let Some(memory) = &asked.memory {
        add("--memory", memory.clone());
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
    for (is_asked, option) in [
        (build.no_cache || asked.no_cache, "--no-cache"),
        (build.pull || asked.pull, "--pull-always"),
        (asked.quiet, "--quiet"),
        (asked.check, "--check"),
    ] {
        if is_asked {
            words.push(option.to_owned());
        }
    }
    words.extend(["--".to_owned(), build.context.clone()]);
    Ok(words)
}
