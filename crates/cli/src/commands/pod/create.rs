//! `cove pod create`, and the pods that `run` and `create` make

use std::io::Write as _;
use std::path::Path;

use cove_api::{ContainerSpec, DEFAULT_SHARED_NAMESPACES, Engine, ErrorKind, PodRemoveOptions, PodSpec};
use cove_sys::output::{Existing, OutputFile};

use crate::args::spec::PodSpecArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a pod
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "NAME")]
    words: Vec<String>,
    /// Name of the pod
    #[arg(long, short = 'n', value_name = "NAME")]
    name: Option<String>,
    /// What becomes of the pod when the last container ends: continue, stop
    #[arg(long, value_name = "POLICY")]
    exit_policy: Option<String>,
    /// With a container that holds the shared namespaces
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    infra: Option<bool>,
    /// Image of that container in place of the built-in program
    #[arg(long, value_name = "IMAGE")]
    infra_image: Option<String>,
    /// What that container runs
    #[arg(long, value_name = "COMMAND")]
    infra_command: Option<String>,
    /// Name of that container
    #[arg(long, value_name = "NAME")]
    infra_name: Option<String>,
    /// Write the pod's id to this file
    #[arg(long, value_name = "FILE")]
    pod_id_file: Option<String>,
    /// Remove a pod of the same name first
    #[arg(long)]
    replace: bool,
    /// Namespaces that the containers share: cgroup, ipc, net, pid, uts, none; with + before, besides ipc, net and uts
    #[arg(long, value_name = "NAMESPACES")]
    share: Option<String>,
    /// Put the containers' control groups into the pod's
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    share_parent: Option<bool>,
    #[command(flatten)]
    spec: PodSpecArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] [NAME]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let spec = build(context, &args)?;
    let mut id_file = match &args.pod_id_file {
        Some(path) => Some(OutputFile::create(Path::new(path), Existing::Replace).map_err(|error| {
            CommandError::from(cove_api::Error::from(error).context(format!("opening pod ID file {path}")))
        })?),
        None => None,
    };
    let engine = context.engine().await?;
    if args.replace {
        engine.pods().check(spec.clone()).await?;
        remove(engine, &spec.name).await?;
    }
    let created = engine.pods().create(spec).await?;
    if let Some(mut file) = id_file.take()
        && let Err(error) = file.write_all(created.id.as_bytes()).and_then(|()| file.finish())
    {
        // A script that waits for the file would never learn of the pod.
        let _ = remove(engine, &created.id).await;
        return Err(CommandError::from(error));
    }
    context.printer.line(&created.id)?;
    Ok(0)
}

/// Removes a pod with all in it; none is no error.
async fn remove(engine: &dyn Engine, name: &str) -> Result<(), CommandError> {
    let options = PodRemoveOptions { force: true, ..PodRemoveOptions::default() };
    match engine.pods().remove(name, options).await {
        Ok(report) => report.err.map_or(Ok(()), |error| Err(CommandError::other(error))),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The pod that is asked for, and the options that are not of it but of the command.
///
/// # Errors
/// A value is wrong, or two contradict each other.
#[cfg(target_os = "linux")]
pub(crate) fn described(
    context: &Context,
    args: &Args,
) -> Result<(PodSpec, Vec<&'static str>), CommandError> {
    let outside = [("--pod-id-file", args.pod_id_file.is_some()), ("--replace", args.replace)];
    let outside = outside.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
    Ok((build(context, args)?, outside.collect()))
}

fn build(context: &Context, args: &Args) -> Result<PodSpec, CommandError> {
    let share = args.share.as_deref();
    let shares_nothing = matches!(share, Some("none" | ""));
    let infra = args.infra.unwrap_or(!shares_nothing);
    let mut spec = args.spec.build(context, infra)?;
    spec.name = match (&args.name, args.words.as_slice()) {
        (Some(_), [_, ..]) => {
            return Err(CommandError::other("cannot specify --name and NAME at the same time"));
        }
        (Some(name), []) | (None, [name]) => name.clone(),
        (None, []) => String::new(),
        (None, words) => {
            return Err(CommandError::other(format!("accepts at most 1 arg(s), received {}", words.len())));
        }
    };
    if args.replace && spec.name.is_empty() {
        return Err(CommandError::other("cannot replace pod without --name being set"));
    }
    spec.exit_policy = args.exit_policy.clone().unwrap_or_default();
    spec.no_infra = !infra;
    spec.infra_image = args.infra_image.clone().unwrap_or_default();
    spec.infra_name = args.infra_name.clone().unwrap_or_default();
    spec.infra_command = args.infra_command.as_deref().map(cove_spec::policy::entrypoint).unwrap_or_default();
    spec.share_parent = args.share_parent;
    spec.pod_create_command.clone_from(&context.command_line);
    if infra {
        spec.shared_namespaces = shared(share);
        if spec.shared_namespaces.iter().any(|name| name == "cgroup") && args.share_parent != Some(false) {
            return Err(CommandError::other(
                "cannot define the pod as the cgroup parent at the same time as joining the infra container's cgroupNS: invalid argument",
            ));
        }
        return Ok(spec);
    }
    let complaint = if spec.no_manage_hosts {
        "cannot specify --no-hosts without an infra container".to_owned()
    } else if !spec.infra_name.is_empty() {
        "cannot set infra-name without an infra container".to_owned()
    } else if spec.idmappings.is_some() || !spec.userns.is_default() {
        "cannot set a user namespace without an infra container".to_owned()
    } else if !shares_nothing && let Some(share) = share {
        format!("cannot set share({share}) namespaces without an infra container")
    } else if !spec.portmappings.is_empty() {
        "you must have an infra container to publish port bindings to the host".to_owned()
    } else {
        return Ok(spec);
    };
    Err(CommandError::other(complaint))
}

/// The names in `--share`; with a plus sign they come to the usual ones.
fn shared(text: Option<&str>) -> Vec<String> {
    let Some(text) = text else { return Vec::new() };
    let (more, names) = match text.strip_prefix('+') {
        Some(names) => (&DEFAULT_SHARED_NAMESPACES[..], names),
        None => (&[][..], text),
    };
    more.iter().copied().chain(names.split(',')).map(str::to_owned).collect()
}

/// Makes the pod that a container's `--pod new:NAME` asks for, and moves to it what belongs to it: the network and the
/// names. Answers whether there was one to make.
///
/// # Errors
/// It has no name, or cannot be made.
pub(crate) async fn new_for(
    context: &Context,
    engine: &dyn Engine,
    spec: &mut ContainerSpec,
) -> Result<bool, CommandError> {
    let Some(name) = spec.pod.strip_prefix("new:").map(str::to_owned) else { return Ok(false) };
    if name.is_empty() {
        return Err(CommandError::other("new pod name must be at least one character"));
    }
    let pod = PodSpec {
        pidns: spec.pidns.clone(),
        userns: std::mem::take(&mut spec.userns),
        idmappings: spec.idmappings.take(),
        restart_policy: spec.restart_policy.clone(),
        restart_tries: spec.restart_tries,
        pod_create_command: context.command_line.clone(),
        name: name.clone(),
        ..PodSpec::default()
    };
    engine.pods().create(moved(spec, pod)).await?;
    spec.pod = name;
    Ok(true)
}

/// A pod's request with what a container's request says of network and names.
pub(crate) fn moved(spec: &mut ContainerSpec, pod: PodSpec) -> PodSpec {
    PodSpec {
        hostname: std::mem::take(&mut spec.hostname),
        netns: std::mem::take(&mut spec.netns),
        portmappings: std::mem::take(&mut spec.portmappings),
        networks: std::mem::take(&mut spec.networks),
        network_options: std::mem::take(&mut spec.network_options),
        dns_server: std::mem::take(&mut spec.dns_server),
        dns_search: std::mem::take(&mut spec.dns_search),
        dns_option: std::mem::take(&mut spec.dns_option),
        hostadd: std::mem::take(&mut spec.hostadd),
        hosts_file: std::mem::take(&mut spec.base_hosts_file),
        no_manage_resolv_conf: spec.use_image_resolv_conf.take() == Some(true),
        no_manage_hosts: spec.use_image_hosts.take() == Some(true),
        no_manage_hostname: spec.use_image_hostname.take() == Some(true),
        ..pod
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_adds_to_the_usual_namespaces() {
        assert!(shared(None).is_empty());
        assert_eq!(shared(Some("net,pid")), ["net", "pid"]);
        assert_eq!(shared(Some("+pid")), ["ipc", "net", "uts", "pid"]);
    }
}
