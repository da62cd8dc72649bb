//! `cove image standalone-verify`

use std::path::{Path, PathBuf};

use cove_registry::{Digest, verify_simple};

use crate::args::exactly;
use crate::args::signing::read;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Verify the signature of a manifest, both in files
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file with the manifest, the name it was signed under, the keys' fingerprints (with commas; any of them), and
    /// the file with the signature
    #[arg(value_name = "MANIFEST NAME KEY SIGNATURE")]
    words: Vec<String>,
    /// The file with the public keys, in place of those of gpg; any is then a fingerprint, too
    #[arg(long, value_name = "FILE")]
    public_key_file: Option<PathBuf>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] MANIFEST NAME KEY SIGNATURE", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 4)?;
    let [manifest, name, keys, signature] = [0, 1, 2, 3].map(|at| args.words[at].as_str());
    if keys == "any" && args.public_key_file.is_none() {
        return Err(CommandError::other("cannot use any fingerprint without a public key file"));
    }
    let manifest = read(Path::new(manifest))?;
    let signature = read(Path::new(signature))?;
    let files = args.public_key_file.as_deref().map(read).transpose()?.map(|file| vec![file]);
    let failed = |reason: String| CommandError::other(format!("verifying signature: {reason}"));
    let (signed, by) = verify_simple(files.as_deref(), &signature).map_err(failed)?;
    let accepted = keys == "any" || keys.split(',').any(|key| same_key(key, &by));
    if !accepted {
        return Err(failed(format!("it is by the key {by}, which is none of those that are named")));
    }
    if signed.reference != name {
        return Err(failed(format!("docker reference {:?} does not match {name:?}", signed.reference)));
    }
    let digest = Digest::sha256(&manifest);
    if signed.digest != digest {
        return Err(failed(format!("manifest digest {} does not match {digest}", signed.digest)));
    }
    context.printer.line(&format!("Signature verified using fingerprint {by}, digest {digest}"))?;
    Ok(0)
}

/// Whether these are one fingerprint, however it is written. Ids of keys are no fingerprints: others may have them, too.
fn same_key(given: &str, fingerprint: &str) -> bool {
    let given: String = given.chars().filter(|letter| !letter.is_whitespace()).collect();
    !given.is_empty() && given.eq_ignore_ascii_case(fingerprint)
}
