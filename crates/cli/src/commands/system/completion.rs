//! `cove completion`

use std::io::Write as _;
use std::path::Path;

use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::completion::{SHELLS, script};
use crate::context::Context;

/// Print a script that completes command lines in a shell: bash, fish, powershell or zsh
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shells: Vec<String>,
    /// The file to write to, in place of standard output
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
    /// Show the words alone, without what they mean
    #[arg(long)]
    no_desc: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] SHELL", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.shells, 1)?;
    let shell = args.shells[0].as_str();
    if !SHELLS.contains(&shell) {
        let known = SHELLS.join(", ");
        return Err(CommandError::other(format!("invalid argument {shell:?}: must be one of {known}")));
    }
    let script = script(shell, &context.program, !args.no_desc).ok_or_else(|| {
        CommandError::other(format!("the program's name {:?} is no plain word", context.program))
    })?;
    match &args.file {
        Some(path) => {
            let mut file = OutputFile::create(Path::new(path), Existing::Replace)?;
            file.write_all(script.as_bytes())?;
            file.finish()?;
        }
        None => context.printer.bytes(script.as_bytes())?,
    }
    Ok(0)
}
