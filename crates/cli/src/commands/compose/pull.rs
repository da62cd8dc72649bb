//! `cove compose pull`

use std::collections::BTreeMap;

use cove_compose::Options;

use super::bring::pull_one;
use super::line::{line, loaded};
use super::progress::Progress;
use super::up::alone;
use crate::command_error::{CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Pull the images of services
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Services
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Leave out images that can be built
    #[arg(long)]
    ignore_buildable: bool,
    /// Go on after an image that cannot be pulled, and do not fail for it
    #[arg(long)]
    ignore_pull_failures: bool,
    /// Also for what the services depend on
    #[arg(long)]
    include_deps: bool,
    /// When to pull, in place of what each service says: always or missing
    #[arg(long, value_name = "WHEN", value_parser = ["always", "missing"])]
    policy: Option<String>,
    /// Say nothing of layers
    #[arg(long, short)]
    quiet: bool,
    /// Without effect, which is said
    #[arg(long, hide = true)]
    parallel: bool,
    /// Without effect, which is said
    #[arg(long, hide = true)]
    no_parallel: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    for (given, name) in [(args.no_parallel, "--no-parallel"), (args.parallel, "--parallel")] {
        if given {
            context.printer.error_line(&format!("option '{name}' is DEPRECATED and will be ignored."));
        }
    }
    let line = line(context)?;
    let options = Options { resolve_environment: false, ..line.options(context, &args.services)? };
    let mut project = loaded(context, &options)?;
    if !args.include_deps && !args.services.is_empty() {
        alone(&mut project, &args.services);
    }
    let engine = context.engine().await?;
    let progress = Progress::of(context, line);
    let mut pulled: BTreeMap<&str, &str> = BTreeMap::new();
    let mut to_build = Vec::new();
    let mut failures = Failures::default();
    for (name, service) in &project.services {
        let image = service.image.as_str();
        let policy = args.policy.as_deref().unwrap_or(&service.pull_policy);
        let skipped = match policy {
            _ if image.is_empty() => Some("Skipped - No image to be pulled".to_owned()),
            "never" | "build" => Some("Skipped".to_owned()),
            "missing" | "if_not_present" if !is_latest(image) && engine.images().exists(image).await? => {
                Some("Skipped - Image is already present locally".to_owned())
            }
            _ if args.ignore_buildable && service.build.is_some() => {
                Some("Skipped - Image can be built".to_owned())
            }
            _ => pulled.get(image).map(|other| format!("Skipped - Image is already being pulled by {other}")),
        };
        if let Some(text) = skipped {
            progress.event(name, &text, "");
            continue;
        }
        pulled.insert(image, name);
        let result = pull_one(context, engine, (&project, service), image, args.quiet, &progress).await;
        let Err(error) = result else { continue };
        if service.build.is_some() {
            to_build.push(name.as_str());
        }
        if args.ignore_pull_failures {
            continue;
        }
        failures.push(error);
        if service.build.is_none() {
            break;
        }
    }
    if !to_build.is_empty() {
        progress.tail(&format!(
            "WARNING: Some service image(s) must be built from source by running:\n    {} compose build {}",
            context.program,
            to_build.join(" ")
        ));
    }
    failures.finish()
}

/// Whether the name means what is newest, which is never there already.
fn is_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_has_no_tag_of_its_own() {
        for (image, latest) in [
            ("busy", true),
            ("host:5000/busy", true),
            ("host:5000/busy:latest", true),
            ("host:5000/busy:1", false),
            ("busy@sha256:ab", false),
        ] {
            assert_eq!(is_latest(image), latest, "{image}");
        }
    }
}
