//! `cove manifest create`

use cove_api::{ManifestCreateOptions, RegistryAccess};

use super::platform::check_annotations;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a list of images for several platforms
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    #[arg(value_name = "LIST")]
    name: String,
    /// What it begins with
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Of an image that is a list itself all entries
    #[arg(long)]
    all: bool,
    /// Go on with a list of that name
    #[arg(long, short)]
    amend: bool,
    /// Annotation of the list
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Neither demand HTTPS nor check certificates
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    insecure: Option<bool>,
    /// Demand HTTPS and check certificates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] LIST [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    check_annotations(&args.annotation)?;
    if args.insecure.is_some() && args.tls_verify.is_some() {
        return Err(CommandError::other("--insecure may not be used with --tls-verify"));
    }
    let access = RegistryAccess {
        tls_verify: args.tls_verify.or(args.insecure.map(|insecure| !insecure)),
        ..RegistryAccess::default()
    };
    let options = ManifestCreateOptions {
        images: args.images,
        all: args.all,
        amend: args.amend,
        annotation: args.annotation,
        access,
        ..ManifestCreateOptions::default()
    };
    let id = context.engine().await?.manifests().create(&args.name, options).await?;
    context.printer.line(&id)?;
    Ok(0)
}
