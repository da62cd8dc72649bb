//! `cove manifest inspect`

use cove_api::RegistryAccess;

use crate::args::registry::check_auth_file;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Show a list of the store or a registry
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    authfile: Option<String>,
    /// Neither demand HTTPS nor check certificates
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    insecure: Option<bool>,
    /// Demand HTTPS and check certificates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// Accepted for scripts written for Docker, and without effect
    #[arg(long, short, hide = true)]
    verbose: bool,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] LIST");

async fn run(context: &Context, args: Args) -> CommandResult {
    check_auth_file(args.authfile.as_deref())?;
    let access = RegistryAccess {
        auth_file: args.authfile,
        tls_verify: args.tls_verify.or(args.insecure.map(|insecure| !insecure)),
        ..RegistryAccess::default()
    };
    let list = context.engine().await?.manifests().inspect(&args.list, access).await?;
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(&list, &mut serializer)
        .map_err(|error| CommandError::other(error.to_string()))?;
    context.printer.document(&String::from_utf8_lossy(&text))?;
    Ok(0)
}
