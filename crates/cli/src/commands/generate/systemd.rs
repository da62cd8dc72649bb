//! `cove generate systemd`

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use cove_api::{SYSTEMD_RESTART_POLICIES, SystemdUnitOptions};
use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::connect::Destination;
use crate::context::Context;
use crate::format::is_json;

/// Write services of systemd that run a container, or a pod and its containers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container or pod
    #[arg(value_name = "CONTAINER")]
    names: Vec<String>,
    /// Start after this unit
    #[arg(long, value_name = "UNIT")]
    after: Vec<String>,
    /// What the names of containers' units begin with
    #[arg(long, value_name = "TEXT", default_value = "container", hide_default_value = true)]
    container_prefix: String,
    /// Set a variable of the services, which a name alone takes from the caller's
    #[arg(long, short, value_name = "VARIABLE")]
    env: Vec<String>,
    /// Write files into the current folder in place of printing
    #[arg(long, short)]
    files: bool,
    /// json: print one document of all units, or of the files' paths
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Use names in place of ids
    #[arg(long, short)]
    name: bool,
    /// Have the services make containers and pods anew at each start
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    new: Option<bool>,
    /// Leave out by what and when they were written
    #[arg(long)]
    no_header: bool,
    /// What the names of pods' units begin with
    #[arg(long, value_name = "TEXT", default_value = "pod", hide_default_value = true)]
    pod_prefix: String,
    /// Start with this unit and not without it
    #[arg(long, value_name = "UNIT")]
    requires: Vec<String>,
    /// When systemd starts it again
    #[arg(long, value_name = "POLICY", help = policies())]
    restart_policy: Option<String>,
    /// Seconds before systemd starts it again
    #[arg(long, value_name = "SECONDS")]
    restart_sec: Option<u32>,
    /// What is between prefix and name
    #[arg(long, value_name = "TEXT", default_value = "-", hide_default_value = true)]
    separator: String,
    /// Seconds that a start may take
    #[arg(long, value_name = "SECONDS")]
    start_timeout: Option<u32>,
    /// Seconds before a stop kills, in place of the container's own
    #[arg(long, short = 't', alias = "time", value_name = "SECONDS")]
    stop_timeout: Option<u32>,
    /// Write a template whose instances have names of their own; implies --new
    #[arg(long)]
    template: bool,
    /// Start with this unit
    #[arg(long, value_name = "UNIT")]
    wants: Vec<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] {CONTAINER|POD}");

fn policies() -> String {
    format!("When systemd starts it again: {}", SYSTEMD_RESTART_POLICIES.join(", "))
}

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.names, 1)?;
    let json = match args.format.as_deref() {
        None | Some("") => false,
        Some(format) if is_json(format) => true,
        Some(format) => return Err(CommandError::other(format!("unknown --format argument: {format}"))),
    };
    if args.template && args.new == Some(false) {
        return Err(CommandError::other("--template cannot be set with --new=false"));
    }
    context.printer.error_line(
        "Quadlet files are the better way to run containers by systemd: see `cove quadlet` and podman-systemd.unit(5)",
    );
    if let Destination::Remote(_) = context.destination {
        context.printer.error_line("the units call the engine of the remote system: put them there");
    }
    let own: Vec<(String, String)> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let variables = cove_spec::environment::parse(args.env.iter().map(String::as_str), &own)?;
    let options = SystemdUnitOptions {
        use_name: args.name,
        new: args.template || args.new == Some(true),
        no_header: args.no_header,
        template: args.template,
        start_timeout: args.start_timeout,
        stop_timeout: args.stop_timeout,
        restart_policy: args.restart_policy,
        restart_sec: args.restart_sec,
        container_prefix: Some(args.container_prefix),
        pod_prefix: Some(args.pod_prefix),
        separator: Some(args.separator),
        wants: args.wants,
        after: args.after,
        requires: args.requires,
        additional_env_variables: variables
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
    };
    let mut units = context.engine().await?.units().systemd(&args.names[0], options).await?;
    if args.files {
        units = write(units)?;
    }
    if json {
        let text =
            serde_json::to_string_pretty(&units).map_err(|error| CommandError::other(error.to_string()))?;
        context.printer.line(&text)?;
    } else {
        for text in units.values() {
            context.printer.line(text.trim_end_matches('\n'))?;
        }
    }
    Ok(0)
}

/// Writes the units into the current folder; the paths take the place of the texts.
fn write(units: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, CommandError> {
    let folder = std::env::current_dir()?;
    let written = units.into_iter().map(|(name, text)| {
        // The names may come from an engine elsewhere.
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            return Err(CommandError::other(format!("{name:?} is no name of a unit")));
        }
        let path = folder.join(format!("{name}.service"));
        save(&path, &text).map_err(|error| CommandError::from(cove_api::Error::from(error)))?;
        Ok((name, path.display().to_string()))
    });
    written.collect()
}

fn save(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OutputFile::create(path, Existing::Replace)?;
    file.write_all(text.as_bytes())?;
    file.finish()
}
