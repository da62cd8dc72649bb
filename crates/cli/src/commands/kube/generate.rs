//! `cove kube generate`

use std::io::Write as _;
use std::path::Path;

use cove_api::KubeGenerateOptions;
use cove_sys::output::{Existing, OutputFile};

use crate::args::at_least;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Write Kubernetes YAML of containers, pods and volumes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids; containers together become one pod
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Write to this file, which must not be there yet
    #[arg(long, short, value_name = "FILE")]
    filename: Option<String>,
    /// Also the annotations that mean something to the engine alone
    #[arg(long)]
    podman_only: bool,
    /// How many pods a deployment or stateful set is to have
    #[arg(
        long,
        short,
        value_name = "NUMBER",
        default_value_t = 1,
        allow_negative_numbers = true,
        hide_default_value = true
    )]
    replicas: i32,
    /// Also a service for the ports of each pod
    #[arg(long, short)]
    service: bool,
    /// What to make of it: pod, deployment, daemonset, statefulset, job
    #[arg(long = "type", short, value_name = "KIND")]
    kind: Option<String>,
    /// Never shorten annotations, which is so in any case
    #[arg(long, hide = true)]
    no_trunc: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] {CONTAINER...|POD...|VOLUME...}");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.names, 1)?;
    let kind = args.kind.unwrap_or_default();
    if args.replicas < 1 {
        return Err(CommandError::other(
            "--replicas has to be greater than or equal to 1. By default, --replicas is set to 1",
        ));
    }
    let mut file = match &args.filename {
        None => None,
        Some(path) => Some(
            OutputFile::create(Path::new(path), Existing::Refuse)
                .map_err(|error| CommandError::other(format!("cannot write to {path:?}: {error}")))?,
        ),
    };
    let options = KubeGenerateOptions {
        service: args.service,
        kind,
        replicas: args.replicas,
        no_trunc: args.no_trunc,
        podman_only: args.podman_only,
    };
    let text = context.engine().await?.kube().generate(args.names, options).await?;
    match file.take() {
        None => context.printer.text(&text)?,
        Some(mut file) => {
            file.write_all(text.as_bytes())?;
            file.finish()?;
        }
    }
    Ok(0)
}
