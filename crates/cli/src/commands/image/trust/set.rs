//! `cove image trust set`

use std::path::PathBuf;

use cove_config::policy::{NewRequirement, set_requirement};

use crate::args::exactly;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Largest policy that is changed, in bytes.
const MOST: u64 = 4 << 20;

/// Say which images of a registry may be used, or of all registries (default)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A registry, repository or name; or default
    #[arg(value_name = "REGISTRY")]
    scopes: Vec<String>,
    /// File with public keys, one of which must have signed; given several times, one of each
    #[arg(long, short = 'f', value_name = "FILE")]
    pubkeysfile: Vec<PathBuf>,
    /// The policy.json to change, in place of the host's
    #[arg(long, value_name = "FILE")]
    signature_policy: Option<PathBuf>,
    /// What is demanded: signedBy, sigstoreSigned, accept or reject
    #[arg(long = "type", short = 't', value_name = "TYPE", default_value = "signedBy")]
    kind: String,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] REGISTRY", Plain);

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.scopes, 1)?;
    let scope = &args.scopes[0];
    check_scope(scope)?;
    let requirement = requirement(&args)?;
    let path = super::place(context, args.signature_policy.as_ref());
    let before =
        cove_sys::read::bounded_text(&path, MOST).map_err(|error| CommandError::other(error.to_string()))?;
    let after = set_requirement(before.as_deref(), scope, &requirement)
        .map_err(|error| CommandError::other(format!("{}: {error}", path.display())))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        cove_sys::fs::create_dir_all(folder).map_err(|error| CommandError::other(error.to_string()))?;
    }
    // What a link names is changed, not the link.
    let target = cove_sys::fs::canonicalize(&path).unwrap_or(path);
    cove_sys::atomic::write(&target, after.as_bytes(), 0o644)
        .map_err(|error| CommandError::other(format!("setting trust policy: {error}")))?;
    Ok(0)
}

fn check_scope(scope: &str) -> Result<(), CommandError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/*@".contains(&byte);
    if scope.is_empty() || !scope.bytes().all(known) {
        return Err(CommandError::other(format!("invalid image uri: {scope:?}")));
    }
    Ok(())
}

fn requirement(args: &Args) -> Result<NewRequirement, CommandError> {
    let mut files = Vec::new();
    for file in &args.pubkeysfile {
        // It is looked for wherever commands are called.
        let whole = cove_sys::fs::canonicalize(file)
            .map_err(|error| CommandError::other(format!("--pubkeysfile: {error}")))?;
        files.push(whole);
    }
    let count = files.len();
    match (args.kind.as_str(), count) {
        ("accept" | "insecureAcceptAnything", 0) => Ok(NewRequirement::Accept),
        ("reject", 0) => Ok(NewRequirement::Reject),
        ("accept" | "insecureAcceptAnything" | "reject", _) => Err(CommandError::other(format!(
            "{count} public keys unexpectedly provided for trust type {}",
            args.kind
        ))),
        ("signedBy" | "sigstoreSigned", 0) => Err(CommandError::other(format!(
            "at least one public key must be defined for type '{}'",
            args.kind
        ))),
        ("signedBy", _) => Ok(NewRequirement::SignedBy(files)),
        ("sigstoreSigned", _) => Ok(NewRequirement::SigstoreSigned(files)),
        (other, _) => Err(CommandError::other(format!(
            "invalid choice: {other} (choose from 'accept', 'reject', 'signedBy', 'sigstoreSigned')"
        ))),
    }
}
