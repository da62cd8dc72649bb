//! `cove completion`

use std::io::Write as _;
use std::path::Path;

use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Print a script that completes commands and options in a shell: bash, zsh, fish, powershell or elvish
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shells: Vec<String>,
    /// The file to write to, in place of standard output
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SHELL", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.shells, 1)?;
    let shell: clap_complete::Shell = args.shells[0].parse().map_err(|_| {
        CommandError::other(format!(
            "invalid argument {:?}: must be one of bash, zsh, fish, powershell, elvish",
            args.shells[0]
        ))
    })?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::commands::help::tree(), context.program.as_str(), &mut script);
    match &args.file {
        Some(path) => {
            let mut file = OutputFile::create(Path::new(path), Existing::Replace)?;
            file.write_all(&script)?;
            file.finish()?;
        }
        None => context.printer.bytes(&script)?,
    }
    Ok(0)
}
