//! `cove build-container run`

use std::io::IsTerminal as _;

use cove_api::{BuildIsolation, ContainerSpec, OutputStream, WorkingCommand, WorkingOutput};
use cove_config::env::BUILDAH_ISOLATION;
use cove_spec::{namespace, user};
use futures_util::StreamExt as _;

use crate::args::spec::{FileArgs, NetworkArgs, SecurityArgs, Surroundings, VariableArgs};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::common::stdin_stream;
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::{Arrived, RawMode, Signals, ended_by};

/// Run a command in a working container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container and the command
    #[arg(value_name = "CONTAINER COMMAND [ARGUMENT...]")]
    words: Vec<String>,
    /// Note the command in the image's history
    #[arg(long)]
    add_history: bool,
    /// Capability that the command has
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    cap_add: Vec<String>,
    /// Capability that the command has not
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    cap_drop: Vec<String>,
    /// Device of the host: HOST[:CONTAINER][:PERMISSIONS]
    #[arg(long, value_name = "DEVICE", value_delimiter = ',')]
    device: Vec<String>,
    /// Variable of the command, NAME[=VALUE]
    #[arg(long, short, value_name = "VARIABLE")]
    env: Vec<String>,
    /// Host name
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// How the command is confined: oci, rootless or chroot
    #[arg(long, value_name = "KIND")]
    isolation: Option<String>,
    /// Mount: type=bind|tmpfs|volume,source=SOURCE,destination=DESTINATION,...
    #[arg(long, value_name = "MOUNT")]
    mount: Vec<String>,
    /// Network: private, host, none, or a network's name
    #[arg(long, visible_alias = "net", value_name = "NETWORK")]
    network: Vec<String>,
    /// Leave the image's /etc/hostname as it is
    #[arg(long)]
    no_hostname: bool,
    /// Leave the image's /etc/hosts as it is
    #[arg(long)]
    no_hosts: bool,
    /// Control group namespace: host, private, ns:PATH
    #[arg(long, value_name = "MODE")]
    cgroupns: Option<String>,
    /// IPC namespace: host, private, ns:PATH
    #[arg(long, value_name = "MODE")]
    ipc: Option<String>,
    /// Process namespace: host, private, ns:PATH
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    /// UTS namespace: host, private, ns:PATH
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
    /// Give the command a terminal
    #[arg(long, short, visible_alias = "terminal", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tty: Option<bool>,
    /// User of the command, USER[:GROUP]
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// Folder or file of the host that the command has: SOURCE:DESTINATION[:OPTIONS]
    #[arg(long, short, value_name = "VOLUME")]
    volume: Vec<String>,
    /// Working directory of the command
    #[arg(long, value_name = "PATH")]
    workingdir: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf =
    leaf!("[options] CONTAINER -- COMMAND [ARGUMENT...]", BeforeArguments, Engine);

async fn run(context: &Context, args: Args) -> CommandResult {
    let Some((container, mut command)) = args.words.split_first() else {
        return Err(CommandError::other("container ID must be specified"));
    };
    if command.first().is_some_and(|word| word == "--") {
        command = &command[1..];
    }
    if command.is_empty() {
        return Err(CommandError::other("command must be specified"));
    }
    let tty = args.tty.unwrap_or_else(|| std::io::stdin().is_terminal() && std::io::stdout().is_terminal());
    let mut spec = spec(context, &args)?;
    spec.terminal = Some(tty);
    spec.stdin = Some(true);
    let order = WorkingCommand {
        add_history: args.add_history,
        ..WorkingCommand::new(command.to_vec(), spec, stdin_stream())
    };
    let given_up = order.given_up.clone();
    let mut signals = Signals::catch()?;
    let raw = match tty && std::io::stdin().is_terminal() {
        true => Some(RawMode::enter()?),
        false => None,
    };
    let mut output = context.engine().await?.working().run(container, order).await?;
    let mut asked = None;
    let ended = loop {
        let item = tokio::select! {
            item = output.next() => item,
            arrived = signals.next() => {
                if let Arrived::Signal(number) | Arrived::Insisted(number) = arrived
                    && matches!(number, 1 | 2 | 3 | 15)
                {
                    if asked.is_some() {
                        return Ok(ended_by(number));
                    }
                    asked = Some(number);
                    // The end of the output tells that everything is taken apart.
                    given_up.cancel();
                }
                continue;
            }
        };
        match item {
            Some(Ok(WorkingOutput::Chunk(chunk))) => match chunk.stream {
                OutputStream::Stdout => context.printer.bytes(&chunk.data)?,
                OutputStream::Stderr => context.printer.error_bytes(&chunk.data),
            },
            Some(Ok(WorkingOutput::Exit(code))) => break Ok(code),
            Some(Err(error)) => break Err(error),
            None => break Err(cove_api::Error::internal("the command ended without an exit code")),
        }
    };
    drop(raw);
    if let Some(number) = asked {
        return Ok(ended_by(number));
    }
    match ended? {
        0 => Ok(0),
        code => {
            let message = format!("while running runtime: exit status {code}");
            Err(CommandError::other(message).with_code(u8::try_from(code).unwrap_or(125)))
        }
    }
}

/// How the command is run.
fn spec(context: &Context, args: &Args) -> Result<ContainerSpec, CommandError> {
    let around = Surroundings::of(context);
    let mut spec = ContainerSpec::default();
    NetworkArgs {
        network: args.network.clone(),
        hostname: args.hostname.clone(),
        no_hostname: args.no_hostname,
        no_hosts: args.no_hosts,
        ..NetworkArgs::default()
    }
    .apply(&around, &mut spec)?;
    SecurityArgs {
        cap_add: args.cap_add.clone(),
        cap_drop: args.cap_drop.clone(),
        ..SecurityArgs::default()
    }
    .apply(&mut spec)?;
    FileArgs {
        volume: args.volume.clone(),
        mount: args.mount.clone(),
        device: args.device.clone(),
        ..FileArgs::default()
    }
    .apply(&around, &mut spec)?;
    let variables = VariableArgs { env: args.env.clone(), ..VariableArgs::default() };
    spec.env.extend(variables.variables(&context.environment)?);
    if let Some(text) = &args.user {
        user::parse(text)?;
        spec.user.clone_from(text);
    }
    if let Some(folder) = &args.workingdir {
        spec.work_dir.clone_from(folder);
    }
    for (mode, place, read) in [
        (&args.pid, &mut spec.pidns, namespace::pid as fn(&str) -> cove_spec::Result<_>),
        (&args.ipc, &mut spec.ipcns, namespace::ipc),
        (&args.uts, &mut spec.utsns, namespace::uts),
        (&args.cgroupns, &mut spec.cgroupns, namespace::cgroup),
    ] {
        if let Some(mode) = mode {
            *place = read(mode)?;
        }
    }
    let isolation = args.isolation.as_deref().or(context.environment.get(BUILDAH_ISOLATION));
    BuildIsolation::parse(isolation.unwrap_or_default())?.apply(&mut spec);
    Ok(spec)
}
