//! `cove image standalone-sign`

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cove_registry::{Digest, GpgSigner, SignedImage, Signer};
use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::args::signing::{passphrase, read};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Sign a manifest in a file with a key of gpg
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file with the manifest, the name to sign it under, and the key's fingerprint
    #[arg(value_name = "MANIFEST NAME KEY")]
    words: Vec<String>,
    /// Write the signature to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Take the passphrase of the key from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] MANIFEST NAME KEY", Plain);

async fn run(_context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 3)?;
    let Some(output) = args.output.as_deref().filter(|path| !path.as_os_str().is_empty()) else {
        return Err(CommandError::other("name the file for the signature: --output"));
    };
    let manifest = read(Path::new(&args.words[0]))?;
    let passphrase = args.passphrase_file.as_deref().map(passphrase).transpose()?;
    let signer = Signer::Gpg(GpgSigner::new(&args.words[2], passphrase).map_err(CommandError::other)?);
    let failed = |error| CommandError::other(format!("writing signature to {}: {error}", output.display()));
    let mut file = OutputFile::create(output, Existing::Replace).map_err(failed)?;
    let image = SignedImage { digest: Digest::sha256(&manifest), reference: args.words[1].clone() };
    let signature = signer.sign_blocking(&image)?;
    file.write_all(&signature.to_bytes()).and_then(|()| file.finish()).map_err(failed)?;
    Ok(0)
}
