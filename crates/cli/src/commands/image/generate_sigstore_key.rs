//! `cove image generate-sigstore-key`

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cove_registry::generate_key_pair;

use crate::args::at_most;
use crate::args::signing::passphrase;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::terminal::ask_secret;

/// Make a pair of keys for sigstore's signatures: PREFIX.private and PREFIX.pub
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Not used
    #[arg(hide = true)]
    words: Vec<String>,
    /// What the names of the two files begin with
    #[arg(long, value_name = "PREFIX")]
    output_prefix: Option<String>,
    /// Take the passphrase for the private key from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("--output-prefix PREFIX", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    at_most(&args.words, 0)?;
    let Some(prefix) = args.output_prefix.filter(|prefix| !prefix.is_empty()) else {
        return Err(CommandError::other("required flag(s) \"output-prefix\" not set"));
    };
    let (private, public) =
        (PathBuf::from(format!("{prefix}.private")), PathBuf::from(format!("{prefix}.pub")));
    let failed = |path: &Path, error: std::io::Error| {
        CommandError::other(format!("writing {}: {error}", path.display()))
    };
    for path in [&private, &public] {
        if cove_sys::fs::symlink_metadata(path).is_ok() {
            return Err(CommandError::other(format!("refusing to overwrite existing {}", path.display())));
        }
    }
    let passphrase = match args.passphrase_file.as_deref() {
        Some(path) => passphrase(path)?,
        None => {
            let first = ask_secret("Passphrase for key (empty for none): ")?;
            if ask_secret("Once more: ")? != first {
                return Err(CommandError::other("the passphrases do not match"));
            }
            first
        }
    };
    let pair = generate_key_pair(passphrase.as_bytes()).map_err(CommandError::other)?;
    write_new(&private, &pair.private, 0o600).map_err(|error| failed(&private, error))?;
    if let Err(error) = write_new(&public, &pair.public, 0o644) {
        // One without the other is of no use.
        let _ = cove_sys::fs::remove_file(&private);
        return Err(failed(&public, error));
    }
    context.printer.line(&format!(
        "Key written to {:?} and {:?}",
        private.display().to_string(),
        public.display().to_string()
    ))?;
    Ok(0)
}

#[cfg_attr(not(unix), allow(unused_variables, reason = "there are no modes"))]
fn write_new(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut options = cove_sys::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use cove_sys::fs::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
