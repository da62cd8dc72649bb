//! From options to what is asked of the engine.

use cove_api::{BuildIsolation, BuildOptions, CommitFormat, ContainerSpec, PullPolicy};
use cove_config::Environment;
use cove_config::env::{BUILDAH_FORMAT, BUILDAH_ISOLATION, BUILDAH_LAYERS, SOURCE_DATE_EPOCH};
use cove_spec::{device, namespace, size, volume};

use super::args::{Args, CommandArgs};
use super::platform::{Platforms, platforms};
use super::values::{build_args, pair, variables};
use crate::args::spec::{LimitArgs, NetworkArgs, SecurityArgs, Surroundings};
use crate::command_error::CommandError;
use crate::commands::image::pull;
use crate::context::Context;

/// What is asked for.
pub(super) fn options(context: &Context, args: &Args) -> Result<BuildOptions, CommandError> {
    let environment = &context.environment;
    let configured = context.conf.engine.image_build_format.as_deref().filter(|format| !format.is_empty());
    let format = args.format.as_deref().or(environment.get(BUILDAH_FORMAT)).or(configured).unwrap_or("oci");
    let format = match format {
        "oci" => CommitFormat::Oci,
        "docker" => CommitFormat::Docker,
        other => return Err(CommandError::other(format!("unrecognized image type {other:?}"))),
    };
    let by_environment = || match environment.get(BUILDAH_LAYERS) {
        None | Some("") => true,
        Some(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "1"),
    };
    let Platforms { platforms, all_platforms, manifest, os_version, os_features } = platforms(args)?;
    let squashed = args.squash || args.squash_all;
    Ok(BuildOptions {
        files: Vec::new(),
        from: args.from.clone().unwrap_or_default(),
        tags: args.tag.clone(),
        target: args.target.clone().unwrap_or_default(),
        build_args: build_args(&args.build_arg_file, &args.build_arg, environment)?,
        labels: args.label.iter().map(|text| pair(text)).collect(),
        env: variables(&args.env, environment),
        unset_env: args.unsetenv.clone(),
        unset_labels: args.unsetlabel.clone(),
        annotations: args.annotation.iter().map(|text| pair(text)).collect(),
        unset_annotations: args.unsetannotation.clone(),
        inherit_annotations: args.inherit_annotations != Some(false),
        inherit_labels: args.inherit_labels != Some(false),
        created_annotation: args.created_annotation != Some(false),
        layer_labels: args.layer_label.iter().map(|text| pair(text)).collect(),
        stage_labels: args.stage_labels,
        mounts: args.commands.mount.clone(),
        compat_volumes: args.compat_volumes,
        source_policy: source_policy(args)?,
        format,
        pull: policy(args)?,
        no_cache: args.no_cache,
        cache_from: args.cache_from.clone(),
        cache_to: args.cache_to.clone(),
        cache_ttl: args.cache_ttl.as_deref().map(ttl).transpose()?,
        layers: !squashed && args.layers.unwrap_or_else(by_environment),
        squash: args.squash_all,
        quiet: args.quiet || args.progress.as_deref() == Some("quiet"),
        timestamp: args.timestamp,
        source_date_epoch: epoch(args, environment)?,
        rewrite_timestamp: args.rewrite_timestamp,
        omit_history: args.omit_history,
        all_stages: args.skip_unused_stages == Some(false),
        jobs: args.jobs,
        platforms,
        all_platforms,
        manifest,
        os_version,
        os_features,
        sbom: args.sbom.options()?,
        decryption_keys: args.decryption.keys()?,
        run: Box::new(commands(context, args)?),
        access: args.registry.access()?,
    })
}

/// The option, else the variable of the environment that it is usually said by.
fn epoch(args: &Args, environment: &Environment) -> Result<Option<i64>, CommandError> {
    if args.source_date_epoch.is_some() || args.timestamp.is_some() {
        return Ok(args.source_date_epoch);
    }
    match environment.get(SOURCE_DATE_EPOCH) {
        None | Some("") => Ok(None),
        Some(text) => match text.parse() {
            Ok(seconds) => Ok(Some(seconds)),
            Err(_) => {
                Err(CommandError::other(format!("SOURCE_DATE_EPOCH: {text:?} is no number of seconds")))
            }
        },
    }
}

/// The rules of a file, which are read here, so that a mistake is told before anything is done.
fn source_policy(args: &Args) -> Result<String, CommandError> {
    let Some(path) = args.source_policy_file.as_deref().filter(|path| !path.is_empty()) else {
        return Ok(String::new());
    };
    let text = cove_build::read_bounded(cove_sys::fs::File::open(path)?, path)?;
    let text = String::from_utf8(text).map_err(|error| CommandError::other(format!("{path}: {error}")))?;
    let at = |error| CommandError::other(format!("{path}: {error}"));
    cove_build::SourcePolicy::parse(&text).map_err(at)?;
    Ok(text)
}

fn ttl(text: &str) -> Result<std::time::Duration, CommandError> {
    cove_api::time::duration(text).map_err(|error| {
        CommandError::other(format!("unable to parse value provided {text:?} as --cache-ttl: {error}"))
    })
}

fn policy(args: &Args) -> Result<PullPolicy, CommandError> {
    Ok(match args.pull.as_deref() {
        _ if args.pull_always => PullPolicy::Always,
        _ if args.pull_never => PullPolicy::Never,
        None | Some("false") => PullPolicy::Missing,
        Some(name) => pull::policy(name)?,
    })
}

/// How commands are run.
fn commands(context: &Context, args: &Args) -> Result<ContainerSpec, CommandError> {
    let around = Surroundings::of(context);
    let mut spec = ContainerSpec::default();
    let CommandArgs { network, add_host, no_hosts, no_hostname, dns, dns_option, dns_search, .. } =
        args.commands.clone();
    let network = network.into_iter().filter(|network| network != "default").collect();
    NetworkArgs {
        network,
        add_host,
        no_hosts,
        no_hostname,
        dns,
        dns_option,
        dns_search,
        ..NetworkArgs::default()
    }
    .apply(&around, &mut spec)?;
    let CommandArgs { cap_add, cap_drop, security_opt, ulimit, cgroup_parent, group_add, .. } =
        args.commands.clone();
    SecurityArgs { cap_add, cap_drop, security_opt, ..SecurityArgs::default() }.apply(&mut spec)?;
    args.resources.apply(&mut spec)?;
    LimitArgs { ulimit, cgroup_parent, ..LimitArgs::default() }.apply(&mut spec)?;
    spec.groups = group_add;
    let commands = &args.commands;
    if let Some(text) = &commands.shm_size {
        spec.shm_size = Some(size::signed_bytes(text)?);
    }
    for (mode, place, read) in [
        (&commands.pid, &mut spec.pidns, namespace::pid as fn(&str) -> cove_spec::Result<_>),
        (&commands.ipc, &mut spec.ipcns, namespace::ipc),
        (&commands.uts, &mut spec.utsns, namespace::uts),
        (&commands.cgroupns, &mut spec.cgroupns, namespace::cgroup),
    ] {
        if let Some(mode) = mode {
            *place = read(mode)?;
        }
    }
    for text in &commands.device {
        spec.devices.push(device::to_spec(text)?);
    }
    spec.httpproxy = commands.http_proxy;
    let isolation = args.isolation.as_deref().or(context.environment.get(BUILDAH_ISOLATION));
    BuildIsolation::parse(isolation.unwrap_or_default())?.apply(&mut spec);
    let paths = volume::HostPaths {
        current_folder: std::env::current_dir()?,
        windows: cfg!(windows),
        rootless: around.rootless,
    };
    volume::parse_all(&commands.volume, &[], &[], &paths)?.apply(&mut spec);
    Ok(spec)
}
