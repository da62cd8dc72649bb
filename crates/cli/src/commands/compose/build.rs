//! `cove compose build`

use std::collections::BTreeSet;

use cove_compose::Options;
use cove_compose::model::Project;
use cove_project::plan::{AskedOfBuild, build_order, context_services};

use super::building::build_one;
use super::line::{Style, line, loaded, not_supported};
use super::progress::Progress;
use super::push::push;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Build the images of services
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Value for an ARG, NAME[=VALUE]; without a value that of the environment
    #[arg(long, value_name = "ARGUMENT")]
    build_arg: Vec<String>,
    /// Say what is suspicious in the build files, and build nothing
    #[arg(long)]
    check: bool,
    /// Most memory of commands, such as 512m
    #[arg(long, short, value_name = "SIZE")]
    memory: Option<String>,
    /// Use nothing of earlier builds
    #[arg(long)]
    no_cache: bool,
    /// Always ask for base images
    #[arg(long)]
    pull: bool,
    /// Push the images that have a name of their own
    #[arg(long, conflicts_with = "check")]
    push: bool,
    /// Say nothing of steps
    #[arg(long, short)]
    quiet: bool,
    /// Agent with keys for RUN --mount=type=ssh: default, or ID=SOCKET
    #[arg(long, value_name = "AGENT")]
    ssh: Option<String>,
    /// Also what the services depend on
    #[arg(long)]
    with_dependencies: bool,
    /// How steps are told, as before the command
    #[arg(long, value_name = "STYLE", hide = true)]
    progress: Option<Style>,
    /// Accepted for scripts, and without effect: nothing is sent
    #[arg(long, hide = true)]
    compress: bool,
    /// Accepted for scripts: working containers are always removed
    #[arg(long, hide = true)]
    force_rm: bool,
    /// Not done
    #[arg(long, hide = true)]
    no_rm: bool,
    /// Without effect, which is said
    #[arg(long, hide = true)]
    parallel: bool,
    /// Not done
    #[arg(long, hide = true, value_name = "NAME")]
    builder: Option<String>,
    /// Not done
    #[arg(long, hide = true)]
    print: bool,
    /// Not done
    #[arg(long, hide = true, value_name = "ATTESTATION")]
    provenance: Option<String>,
    /// Not done
    #[arg(long, hide = true, value_name = "ATTESTATION")]
    sbom: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

impl Args {
    /// Refuses what is not done.
    fn refuse(&self) -> Result<(), CommandError> {
        let attests =
            |value: &Option<String>| value.as_deref().is_some_and(|value| !matches!(value, "" | "false"));
        for (asked, name) in [
            (self.no_rm, "--no-rm"),
            (self.builder.as_deref().is_some_and(|name| !name.is_empty()), "--builder"),
            (self.print, "--print"),
            (attests(&self.provenance), "--provenance"),
            (attests(&self.sbom), "--sbom"),
        ] {
            if asked {
                return Err(not_supported(name));
            }
        }
        Ok(())
    }

    fn asked(&self) -> Result<AskedOfBuild, CommandError> {
        let ssh = match self.ssh.as_deref() {
            Some("") => Some("default"),
            Some(key) if key != "default" && !key.contains('=') => {
                return Err(CommandError::other(format!("invalid ssh key {key:?}: default, or ID=SOCKET")));
            }
            key => key,
        };
        Ok(AskedOfBuild {
            file: None,
            arguments: self.build_arg.clone(),
            memory: self.memory.clone(),
            ssh: ssh.map(str::to_owned),
            no_cache: self.no_cache,
            pull: self.pull,
            quiet: self.quiet,
            check: self.check,
        })
    }
}

async fn run(context: &Context, args: Args) -> CommandResult {
    args.refuse()?;
    let asked = args.asked()?;
    if args.parallel {
        context.printer.error_line("option '--parallel' is DEPRECATED and will be ignored.");
    }
    let line = line(context)?;
    // A build may need services of other profiles, and parts that only those use.
    let options = Options { all_resources: true, resolve_environment: false, ..line.options(context, &[])? };
    let project = meant(loaded(context, &options)?, &args.services, args.with_dependencies)?;
    let style = if args.quiet { Some(Style::Quiet) } else { args.progress };
    let progress = Progress::of(context, line).in_style(style);
    let services = build_order(&project);
    let builds: Vec<_> =
        services.into_iter().filter_map(|service| Some((service, service.build.as_ref()?))).collect();
    if builds.is_empty() {
        context.printer.error_line("No services to build");
    }
    let mut code = 0;
    for build in builds {
        code = build_one(context, &project, build, &asked, &progress).await?.max(code);
    }
    if args.push {
        push(context, context.engine().await?, &project, false, &progress).await?;
    }
    Ok(code)
}

/// The project with the services alone that are built: those named, what their builds take of others, and where it is
/// asked for what they depend on.
///
/// # Errors
/// There is no such service.
fn meant(mut project: Project, named: &[String], with_dependencies: bool) -> Result<Project, CommandError> {
    let mut fresh: Vec<String> =
        if named.is_empty() { project.services.keys().cloned().collect() } else { named.to_vec() };
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    while let Some(name) = fresh.pop() {
        if let Some(service) = project.disabled_services.remove(&name) {
            project.services.insert(name.clone(), service);
        }
        let Some(service) = project.services.get(&name) else {
            return Err(CommandError::other(format!("no such service: {name}")));
        };
        if wanted.insert(name) {
            fresh.extend(context_services(service).map(str::to_owned));
            if with_dependencies {
                fresh.extend(service.depends_on.keys().cloned());
            }
        }
    }
    project.services.retain(|name, _| wanted.contains(name));
    Ok(project)
}

#[cfg(test)]
mod tests {
    use cove_compose::model::{Build, Dependency, Service};

    use super::*;

    #[test]
    fn a_build_takes_what_it_needs() {
        let service = |name: &str, context: &str, on: &str| {
            let contexts = [("base".to_owned(), format!("service:{context}"))];
            let build = Build {
                additional_contexts: contexts.into_iter().filter(|_| !context.is_empty()).collect(),
                ..Build::default()
            };
            let on = [(on.to_owned(), Dependency::default())];
            Service {
                name: name.to_owned(),
                build: Some(build),
                depends_on: on.into_iter().filter(|(on, _)| !on.is_empty()).collect(),
                ..Service::default()
            }
        };
        let by_name =
            |services: Vec<Service>| services.into_iter().map(|one| (one.name.clone(), one)).collect();
        let project = Project {
            services: by_name(vec![
                service("web", "base", "db"),
                service("db", "", ""),
                service("other", "", ""),
            ]),
            disabled_services: by_name(vec![service("base", "", "")]),
            ..Project::default()
        };
        let names = |named: &[&str], with| {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            let project = meant(project.clone(), &named, with).unwrap();
            project.services.into_keys().collect::<Vec<_>>()
        };
        assert_eq!(names(&["web"], false), ["base", "web"]);
        assert_eq!(names(&["web"], true), ["base", "db", "web"]);
        assert_eq!(names(&[], false), ["base", "db", "other", "web"]);
        assert!(meant(project.clone(), &["gone".to_owned()], false).is_err());
    }
}
