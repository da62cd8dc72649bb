//! `cove compose config`: a project as its files are understood. No compose program is needed for it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use cove_compose::{Options, render, service_hash, tree, variables};
use cove_sys::output::{Existing, OutputFile};

use super::line::{failed, line, loaded, not_supported, warn};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write a project out as its files are understood
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Args {
    /// Services, with what they depend on
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// The form: yaml or json
    #[arg(long, value_name = "FORMAT", value_parser = ["yaml", "json"])]
    format: Option<String>,
    /// Into this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Only say what is wrong
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    list: List,
    /// Leave variables as they are written
    #[arg(long)]
    no_interpolate: bool,
    /// Leave out what is implied
    #[arg(long)]
    no_normalize: bool,
    /// Leave paths relative
    #[arg(long)]
    no_path_resolution: bool,
    /// Do not check what parts say of each other
    #[arg(long)]
    no_consistency: bool,
    /// Leave the env_file of services as it is
    #[arg(long)]
    no_env_resolution: bool,
    /// Not done yet
    #[arg(long, hide = true)]
    resolve_image_digests: bool,
    /// Not done yet
    #[arg(long, hide = true)]
    lock_image_digests: bool,
}

/// What is listed in place of the project.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
struct List {
    /// The names of services
    #[arg(long = "services", id = "list-services")]
    services: bool,
    /// The names of volumes
    #[arg(long)]
    volumes: bool,
    /// The names of networks
    #[arg(long)]
    networks: bool,
    /// The names of models
    #[arg(long)]
    models: bool,
    /// The images of services
    #[arg(long)]
    images: bool,
    /// The profiles
    #[arg(long = "profiles", id = "list-profiles")]
    profiles: bool,
    /// The digests that tell a changed service: of these, split by commas, or of all (*)
    #[arg(long, value_name = "SERVICES")]
    hash: Option<String>,
    /// The variables that the files name
    #[arg(long)]
    variables: bool,
    /// The variables that the files can use
    #[arg(long)]
    environment: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [SERVICE...]", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    for (asked, name) in [
        (args.resolve_image_digests, "--resolve-image-digests"),
        (args.lock_image_digests, "--lock-image-digests"),
    ] {
        if asked {
            return Err(not_supported(name));
        }
    }
    let options = Options {
        interpolate: !args.no_interpolate,
        normalize: !args.no_normalize,
        resolve_paths: !args.no_path_resolution,
        consistency: !args.no_consistency,
        // The digests are of what the files say.
        resolve_environment: !args.no_env_resolution && args.list.hash.is_none(),
        ..line(context)?.options(context, &args.services)?
    };
    let text = text(context, &args, &options)?;
    if args.quiet {
        return Ok(0);
    }
    match &args.output {
        Some(path) => {
            let mut file = OutputFile::create(Path::new(path), Existing::Replace)?;
            std::io::Write::write_all(&mut file, text.as_bytes())?;
            file.finish()?;
        }
        None if text.is_empty() => {}
        None => context.printer.line(text.trim_end_matches('\n'))?,
    }
    Ok(0)
}

fn text(context: &Context, args: &Args, options: &Options) -> Result<String, CommandError> {
    let json = args.format.as_deref() == Some("json");
    if args.list.variables {
        return table(&variables(options).map_err(failed)?, json);
    }
    let listed = args.list.lists_parts();
    if args.no_interpolate && !listed {
        let (value, warnings) = tree(options).map_err(failed)?;
        warn(context, &warnings);
        return Ok(if json { render::json_text(&value) } else { render::yaml_text(&value) });
    }
    let project = loaded(context, options)?;
    let List { services, volumes, networks, models, images, profiles, hash, environment, .. } = &args.list;
    if let Some(names) = hash {
        let wanted: Option<BTreeSet<&str>> = (names != "*").then(|| names.split(',').collect());
        for name in wanted.iter().flatten() {
            if !project.services.contains_key(*name) {
                return Err(CommandError::other(format!("no such service: {name}")));
            }
        }
        let wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted.contains(name));
        let named = project.services.iter().filter(|(name, _)| wanted(name));
        return Ok(lines(named.map(|(name, service)| format!("{name} {}", service_hash(service)))));
    }
    Ok(if *services {
        lines(project.services.keys().cloned())
    } else if *volumes {
        lines(project.volumes.keys().cloned())
    } else if *networks {
        lines(project.networks.keys().cloned())
    } else if *models {
        lines(project.models.keys().cloned())
    } else if *images {
        let image = |(name, service): (&String, &cove_compose::model::Service)| {
            let own = format!("{}-{name}", project.name);
            if service.image.is_empty() { own } else { service.image.clone() }
        };
        lines(project.services.iter().map(image))
    } else if *profiles {
        let all = project.services.values().chain(project.disabled_services.values());
        lines(all.flat_map(|service| service.profiles.iter().cloned()).collect::<BTreeSet<_>>())
    } else if *environment {
        lines(project.environment.iter().map(|(name, value)| format!("{name}={value}")))
    } else if json {
        render::to_json(&project)
    } else {
        render::to_yaml(&project)
    })
}

impl List {
    fn lists_parts(&self) -> bool {
        let Self { services, volumes, networks, models, images, profiles, hash, environment, .. } = self;
        [services, volumes, networks, models, images, profiles, environment].into_iter().any(|asked| *asked)
            || hash.is_some()
    }
}

fn lines(all: impl IntoIterator<Item = String>) -> String {
    all.into_iter().fold(String::new(), |text, line| text + &line + "\n")
}

fn table(
    found: &std::collections::BTreeMap<String, cove_compose::Variable>,
    json: bool,
) -> Result<String, CommandError> {
    if json {
        let values: serde_json::Map<String, serde_json::Value> = found
            .iter()
            .map(|(name, variable)| {
                let value = serde_json::json!({
                    "Name": name, "DefaultValue": variable.default,
                    "PresenceValue": variable.alternate, "Required": variable.required,
                });
                (name.clone(), value)
            })
            .collect();
        return serde_json::to_string(&values).map_err(|error| CommandError::other(error.to_string()));
    }
    let mut text = format!("{:<20}{:<20}{:<20}ALTERNATE VALUE\n", "NAME", "REQUIRED", "DEFAULT VALUE");
    for (name, variable) in found {
        let cove_compose::Variable { default, alternate, required, value: _ } = variable;
        let _ = writeln!(text, "{name:<20}{required:<20}{default:<20}{alternate}");
    }
    Ok(text)
}
