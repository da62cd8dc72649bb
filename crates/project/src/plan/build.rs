//! The builds of a project's images.

use cove_api::{Error, Result};
use cove_compose::model::{Build, Project, Service, Ulimit};

use super::body::image_name;
use crate::label;

/// What is asked of a build beside what the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedOfBuild {
    /// A build file in the place of that of the service.
    pub file: Option<String>,
    /// Values of ARGs, `NAME[=VALUE]`.
    pub arguments: Vec<String>,
    /// Most memory of commands.
    pub memory: Option<String>,
    /// An agent with keys.
    pub ssh: Option<String>,
    /// Nothing of earlier builds is used.
    pub no_cache: bool,
    /// Base images are asked for anew.
    pub pull: bool,
    /// Nothing is told of steps.
    pub quiet: bool,
    /// Only what is suspicious is said.
    pub check: bool,
}

/// The services whose images are contexts of this one's build.
pub fn context_services(service: &Service) -> impl Iterator<Item = &str> {
    let contexts = service.build.iter().flat_map(|build| build.additional_contexts.values());
    contexts.filter_map(|context| context.strip_prefix("service:"))
}

/// Services whose image is another's context come after that one.
#[must_use]
pub fn build_order(project: &Project) -> Vec<&Service> {
    let mut ordered: Vec<&Service> = Vec::new();
    let mut left: Vec<&Service> = project.services.values().collect();
    while !left.is_empty() {
        let ready = |service: &&Service| {
            context_services(service).all(|name| ordered.iter().any(|done| done.name == name))
        };
        // One that waits for itself is built as it comes; its build says what is missing.
        let at = left.iter().position(ready).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

/// A build as the command line of `cove build` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Building {
    /// The words after `build`.
    pub words: Vec<String>,
    /// Variables that it reads: the values of secrets.
    pub environment: Vec<(String, String)>,
}

/// The build of a service's image. It has the labels by which docker-compose finds the images of a project.
///
/// # Errors
/// The service asks for what is not done; the message names it.
pub fn building(
    project: &Project,
    service: &Service,
    build: &Build,
    asked: &AskedOfBuild,
) -> Result<Building> {
    let at = |key: &str| format!("services.{}.build.{key}", service.name);
    for (is_asked, key) in [
        (!build.entitlements.is_empty(), "entitlements"),
        (!matches!(build.provenance.as_str(), "" | "false"), "provenance"),
        (!matches!(build.sbom.as_str(), "" | "false"), "sbom"),
        (build.privileged, "privileged"),
        (!matches!(build.isolation.as_str(), "" | "default"), "isolation"),
    ] {
        if is_asked {
            return Err(not_supported(&at(key)));
        }
    }
    let mut words = vec!["--tag".to_owned(), image_name(project, service)];
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    for tag in &build.tags {
        add("--tag", tag.clone());
    }
    let is_remote = build.context.contains("://") || build.context.starts_with("git@");
    if let Some(file) = &asked.file {
        add("--file", file.clone());
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
                    return Err(Error::invalid(format!(
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
    let mut environment = Vec::new();
    for secret in &build.secrets {
        let id = if secret.target.is_empty() { &secret.source } else { &secret.target };
        let content = project.secrets.get(&secret.source);
        let source = match content {
            Some(content) if !content.file.is_empty() => format!("src={}", content.file),
            Some(content) if !content.environment.is_empty() => {
                let known = content.value.iter().map(|value| (content.environment.clone(), value.clone()));
                environment.extend(known);
                format!("env={}", content.environment)
            }
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
    Ok(Building { words, environment })
}

fn not_supported(key: &str) -> Error {
    Error::unsupported(format!("{key} is not supported"))
}

#[cfg(test)]
mod tests {
    use cove_compose::model::{Content, FileReference};

    use super::*;

    fn service(name: &str, contexts: &[(&str, &str)]) -> Service {
        let contexts = contexts.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned()));
        let build =
            Build { context: "/src".into(), additional_contexts: contexts.collect(), ..Build::default() };
        Service { name: name.into(), build: Some(build), ..Service::default() }
    }

    fn project(services: &[&Service]) -> Project {
        let services = services.iter().map(|one| (one.name.clone(), (*one).clone())).collect();
        Project { name: "shop".into(), services, ..Project::default() }
    }

    #[test]
    fn what_others_are_built_upon_is_built_first() {
        let (api, base) = (service("api", &[("base", "service:base")]), service("base", &[]));
        let project = project(&[&api, &base]);
        let names: Vec<_> = build_order(&project).iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["base", "api"]);
        let build = api.build.as_ref().unwrap();
        let words = building(&project, &api, build, &AskedOfBuild::default()).unwrap().words.join(" ");
        assert!(words.contains("--build-context base=container-image://shop-base"), "{words}");
    }

    #[test]
    fn variables_that_a_build_names_are_the_projects() {
        let mut one = service("web", &[]);
        let build = one.build.as_mut().unwrap();
        build.args.insert("VERSION".into(), None);
        build.secrets.push(FileReference { source: "token".into(), ..FileReference::default() });
        let mut project = project(&[&one]);
        project.environment.insert("VERSION".into(), "3".into());
        let token = Content { environment: "TOKEN".into(), value: Some("x y".into()), ..Content::default() };
        project.secrets.insert("token".into(), token);
        let made = building(&project, &one, one.build.as_ref().unwrap(), &AskedOfBuild::default()).unwrap();
        let words = made.words.join(" ");
        assert!(
            words.contains("--build-arg VERSION=3 ")
                && words.ends_with("--secret id=token,env=TOKEN -- /src"),
            "{words}"
        );
        assert_eq!(made.environment, [("TOKEN".to_owned(), "x y".to_owned())]);
        one.build.as_mut().unwrap().privileged = true;
        let error =
            building(&project, &one, one.build.as_ref().unwrap(), &AskedOfBuild::default()).unwrap_err();
        assert_eq!(error.message, "services.web.build.privileged is not supported");
    }
}
