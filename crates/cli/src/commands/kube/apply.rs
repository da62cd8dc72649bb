//! `cove kube apply`

use std::path::PathBuf;
use std::time::Duration;

use cove_api::KubeGenerateOptions;
use cove_cluster::{Access, Applied, ApplyOptions, Authority, Choice, Cluster, Objects};
use cove_config::env::KUBECONFIG;

use super::text::read_one;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Apply containers, pods, volumes or Kubernetes YAML to a cluster
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or ids, of which YAML is generated
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// File with the authorities of the cluster's certificate, or insecure for any certificate
    #[arg(long, value_name = "FILE")]
    ca_cert_file: Option<String>,
    /// Context of the kubeconfig, in place of the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Have the cluster check everything and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Apply this file, an address, or - for standard input
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
    /// Take over fields that others manage
    #[arg(long)]
    force: bool,
    /// The kubeconfig; else KUBECONFIG, or ~/.kube/config
    #[arg(long, short, value_name = "FILE")]
    kubeconfig: Option<String>,
    /// Namespace, in place of the context's
    #[arg(long = "ns", alias = "namespace", value_name = "NAME")]
    namespace: Option<String>,
    /// Also a service for the ports of each pod
    #[arg(long, short)]
    service: bool,
    /// Wait until everything is ready, at most so long
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5m"
    )]
    wait: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] {CONTAINER...|POD...|VOLUME...}");

async fn run(context: &Context, args: Args) -> CommandResult {
    if args.file.is_some() && args.service {
        return Err(CommandError::other("cannot set --service and --file at the same time"));
    }
    if args.file.is_some() != args.names.is_empty() {
        return Err(CommandError::other("names of what exists here are needed, or a --file, and not both"));
    }
    let wait = args.wait.as_deref().map(duration).transpose()?;
    if wait.is_some() && args.dry_run {
        return Err(CommandError::other(
            "--wait and --dry-run cannot be set together: nothing becomes ready",
        ));
    }
    let choice = choice(context, &args)?;
    // The files are the user's, so they are read here, wherever the engine is.
    let access = Access::read(&choice).map_err(cove_api::Error::from)?;
    let text = match &args.file {
        Some(place) => read_one(place, true).await?,
        None => {
            let options = KubeGenerateOptions { service: args.service, ..KubeGenerateOptions::default() };
            context.engine().await?.kube().generate(args.names, options).await?
        }
    };
    let objects = Objects::parse(&text).map_err(cove_api::Error::from)?;
    let options = ApplyOptions { namespace: args.namespace, dry_run: args.dry_run, force: args.force };
    let cluster = Cluster::new(access);
    context.printer.line("Deploying to cluster...")?;
    let mut shown = Ok(());
    let mut tell = |applied: &Applied| {
        let what = match (args.dry_run, applied.created) {
            (true, true) => "would be created",
            (true, false) => "would be updated",
            (false, true) => "created",
            (false, false) => "updated",
        };
        if shown.is_ok() {
            shown = context.printer.line(&format!("{applied}: {what}"));
        }
    };
    let applied = cluster.apply(&objects, &options, &mut tell).await.map_err(cove_api::Error::from)?;
    shown?;
    if let Some(limit) = wait {
        cluster.wait(&applied, limit).await.map_err(cove_api::Error::from)?;
    }
    let last = match args.dry_run {
        true => "The cluster would take all of it.",
        false => "Successfully deployed workloads to cluster!",
    };
    context.printer.line(last)?;
    Ok(0)
}

fn duration(text: &str) -> Result<Duration, CommandError> {
    cove_api::time::duration(text).map_err(|error| CommandError::other(format!("--wait {text:?}: {error}")))
}

/// Which cluster the options and the environment mean.
fn choice(context: &Context, args: &Args) -> Result<Choice, CommandError> {
    let by_environment = || context.environment.get(KUBECONFIG).filter(|text| !text.is_empty());
    let usual = || Some(context.directories.user.home.as_ref()?.join(".kube/config"));
    let files = match (&args.kubeconfig, by_environment()) {
        (Some(path), _) => vec![PathBuf::from(path)],
        (None, Some(list)) => {
            std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect()
        }
        (None, None) => usual().filter(|path| path.is_file()).into_iter().collect(),
    };
    if files.is_empty() {
        return Err(CommandError::other(
            "kubeconfig not given, unable to connect to cluster: name one by --kubeconfig or KUBECONFIG",
        ));
    }
    let authority = args.ca_cert_file.as_deref().filter(|text| !text.is_empty()).map(|text| {
        match text.eq_ignore_ascii_case("insecure") {
            true => Authority::Insecure,
            false => Authority::File(PathBuf::from(text)),
        }
    });
    Ok(Choice { files, context: args.context.clone(), authority })
}
