//! `cove pod kill`

use cove_api::{PodState, Pods};

use super::{IdFiles, Targets};
use crate::command_error::CommandResult;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Send a signal to the containers of pods
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    /// The signal
    #[arg(long, short, value_name = "SIGNAL", default_value = "KILL", hide_default_value = true)]
    signal: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] POD [POD...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    let signal = crate::args::signal(&args.signal)?;
    let states = [PodState::Running, PodState::Degraded];
    let act = async |pods: &dyn Pods, id: &str| pods.kill(id, signal).await;
    args.targets.each(context, &IdFiles::default(), &states, true, act).await
}
