//! `cove run`

use std::io::IsTerminal;

use cove_api::{AttachOptions, Engine, ErrorKind, ImageRemoveOptions, RemoveOptions};

use super::create::create;
use crate::args::spec::SpecArgs;
use crate::args::{DescriptorArgs, at_least};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::{DetachKeys, Ended, Session, Signals, Target, ended_by};

/// Make a container and run it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image, then the command to run in the container
    #[arg(value_name = "IMAGE [COMMAND [ARG...]]")]
    words: Vec<String>,
    /// Run it in the background and print its id
    #[arg(long, short)]
    detach: bool,
    /// Connect to these streams only: stdin, stdout, stderr
    #[arg(long, short, value_name = "STREAM")]
    attach: Vec<String>,
    /// Keys that leave it running, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Pass signals on to it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", action = clap::ArgAction::Set)]
    sig_proxy: bool,
    /// Remove the image too when it ends, unless another container uses it; implies --rm
    #[arg(long)]
    rmi: bool,
    #[command(flatten)]
    descriptors: DescriptorArgs,
    #[command(flatten)]
    spec: SpecArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [COMMAND [ARG...]]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let mut args = args;
    at_least(&args.words, 1)?;
    args.spec.lifecycle.rm = removal(args.rmi, args.spec.lifecycle.rm)?;
    let streams = super::check_streams(&args.attach)?;
    if args.spec.process.tty && args.spec.process.interactive && !std::io::stdin().is_terminal() {
        tracing::warn!(
            "The input device is not a TTY. The --tty and --interactive flags might not work properly"
        );
    }
    let keys = super::detach_keys(context, args.detach_keys.as_deref())?;
    let passthrough = args.spec.log.is_passthrough();
    if passthrough && !args.attach.is_empty() {
        return Err(CommandError::other(
            "cannot specify --attach with --log-driver=passthrough: invalid argument",
        ));
    }
    if args.spec.log.log_driver.as_deref() == Some("passthrough") && any_terminal() {
        return Err(CommandError::other("the '--log-driver passthrough' option cannot be used on a TTY"));
    }
    let engine = context.engine().await?;
    let rmi = args.rmi;
    args.descriptors.check()?;
    let descriptors = args.descriptors.numbers();
    let id = create(context, engine, &args.spec, &args.words, |spec| {
        spec.remove_image = rmi.then_some(true);
        spec.preserve_fds = descriptors;
    })
    .await?;
    if args.detach {
        if let Err(error) = engine.containers().start(&id).await {
            return Err(start_failed(engine, &id, args.spec.lifecycle.removes(), error).await);
        }
        if !passthrough {
            context.printer.line(&id)?;
        }
        return Ok(0);
    }
    let options = AttachOptions {
        stdin: args.spec.process.interactive || streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
        ..AttachOptions::default()
    };
    let silent = !options.stdout && !options.stderr;
    let attending = Attending {
        tty: args.spec.process.tty,
        proxy: args.sig_proxy,
        removed: args.spec.lifecycle.removes(),
        keys,
    };
    let code = attended(context, engine, &id, attending, options).await?;
    if silent && !passthrough {
        // Nothing else tells which one it was.
        context.printer.line(&id)?;
    }
    if args.rmi {
        remove_image(engine, &args.words[0]).await;
    }
    Ok(code)
}

fn any_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
}

/// What `--rm` says; without it `--rmi` implies it, with `--rm=false` the two contradict.
/// The container that is asked for.
///
/// # Errors
/// A value is wrong, or two contradict each other.
#[cfg(target_os = "linux")]
pub(crate) fn described(context: &Context, args: &Args) -> Result<super::create::Described, CommandError> {
    let mut own = args.spec.clone();
    own.lifecycle.rm = removal(args.rmi, own.lifecycle.rm)?;
    args.descriptors.check()?;
    let mut described = super::create::Described::of(context, &own, &args.words)?;
    described.spec.remove_image = args.rmi.then_some(true);
    described.spec.preserve_fds = args.descriptors.numbers();
    let outside = [
        ("--attach", !args.attach.is_empty()),
        ("--detach-keys", args.detach_keys.is_some()),
        ("--sig-proxy", !args.sig_proxy),
    ];
    described.outside.extend(outside.into_iter().filter(|(_, given)| *given).map(|(name, _)| name));
    Ok(described)
}

fn removal(rmi: bool, rm: Option<bool>) -> Result<Option<bool>, CommandError> {
    match rm {
        Some(false) if rmi => Err(CommandError::other("the --rmi option does not work without --rm")),
        None if rmi => Ok(Some(true)),
        said => Ok(said),
    }
}

/// How a container is run with our streams.
#[derive(Debug)]
pub(crate) struct Attending {
    /// It has a terminal.
    pub(crate) tty: bool,
    /// Signals are passed on to it.
    pub(crate) proxy: bool,
    /// It is removed when it ends, also where its start fails.
    pub(crate) removed: bool,
    /// Keys that leave it running.
    pub(crate) keys: DetachKeys,
}

/// Starts a container with our streams, and answers its exit code.
///
/// # Errors
/// It cannot be started.
pub(crate) async fn attended(
    context: &Context,
    engine: &dyn Engine,
    id: &str,
    Attending { tty, proxy, removed, keys }: Attending,
    options: AttachOptions,
) -> CommandResult {
    // From here on a signal does not end us: it belongs to the container.
    let mut signals = Signals::catch()?;
    let mut session = Session {
        printer: &context.printer,
        engine,
        target: Target::Container(id),
        tty,
        proxy,
        keys,
        stdout: options.stdout,
        stderr: options.stderr,
    };
    let stdin = options.stdin;
    let attached = match signals.during(engine.containers().attach(id, options)).await {
        Ok(attached) => attached,
        Err(number) => return Ok(ended_by(number)),
    };
    let stream = match attached {
        Ok(stream) => stream,
        Err(error) => return Err(start_failed(engine, id, removed, error).await),
    };
    let raw = session.raw_mode(stdin)?;
    session.resize().await;
    match signals.during(engine.containers().start(id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            drop(raw);
            return Err(start_failed(engine, id, removed, error).await);
        }
        Err(number) => return Ok(ended_by(number)),
    }
    let ended = session.run(stream, &mut signals).await;
    drop(raw);
    match ended? {
        Ended::Detached => Ok(0),
        Ended::Signal(number) => Ok(ended_by(number)),
        Ended::Output => super::exit_code(engine, id, &mut signals, proxy).await,
    }
}

/// The error of a start, with its exit code; a container that was to be removed is.
pub(crate) async fn start_failed(
    engine: &dyn Engine,
    id: &str,
    rm: bool,
    error: cove_api::Error,
) -> CommandError {
    if rm {
        let options = RemoveOptions { force: true, volumes: true, ..Default::default() };
        match engine.containers().remove(id, options).await {
            Err(second) if second.kind != ErrorKind::NotFound => {
                tracing::warn!("removing container {id} after a failed start: {second}");
            }
            _ => {}
        }
    }
    let error = CommandError::from(error);
    if error.code() == 127 { error } else { error.with_code(126) }
}

async fn remove_image(engine: &dyn Engine, image: &str) {
    let options = ImageRemoveOptions { ignore: true, ..Default::default() };
    match engine.images().remove(vec![image.to_owned()], options).await {
        Ok(report) => {
            for error in report.errors {
                tracing::warn!("Failed to remove image: {error}");
            }
        }
        Err(error) => tracing::warn!("Failed to remove image: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;
    use crate::args::{Parsed, parse};

    fn removal_of(line: &str) -> Result<Option<bool>, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let Ok(Parsed::Run(invocation)) = parse("cove", &words) else { panic!("{line}") };
        let args = Args::from_arg_matches(&invocation.matches).unwrap();
        removal(args.rmi, args.spec.lifecycle.rm).map_err(|error| error.messages().join(";"))
    }

    #[test]
    fn rmi_looks_at_its_own_options_only() {
        assert_eq!(removal_of("run --rmi image echo --rm=false"), Ok(Some(true)));
        assert_eq!(removal_of("run --rmi --name --rm=false image"), Ok(Some(true)));
        assert_eq!(removal_of("run --rmi --rm=1 image"), Ok(Some(true)));
        assert_eq!(removal_of("run --rm=false image --rmi"), Ok(Some(false)));
        assert_eq!(removal_of("run image --rmi"), Ok(None));
        for line in ["run --rmi --rm=false image", "run --rm=0 --rmi image", "run --rm --rm=F --rmi image"] {
            assert!(removal_of(line).unwrap_err().contains("--rmi"), "{line}");
        }
    }
}
