//! `cove manifest add`

use cove_api::{ManifestModifyOptions, ManifestOperation};

use super::platform::{EntryArgs, check_annotations};
use crate::args::at_least;
use crate::args::registry::RegistryArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Add images or files to a list
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The list
    #[arg(value_name = "LIST")]
    list: String,
    /// Images, with or without a transport; files with --artifact
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Of an image that is a list itself all entries
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    entry: EntryArgs,
    #[command(flatten)]
    artifact: ArtifactArgs,
    /// Neither demand HTTPS nor check certificates
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    insecure: Option<bool>,
    #[command(flatten)]
    registry: RegistryArgs,
}

// What is said about an artifact.
#[derive(Debug, clap::Args)]
struct ArtifactArgs {
    /// Add files, as one artifact
    #[arg(long)]
    artifact: bool,
    /// File with the artifact's configuration
    #[arg(long, value_name = "FILE")]
    artifact_config: Option<String>,
    /// Media type of the artifact's configuration
    #[arg(long, value_name = "TYPE")]
    artifact_config_type: Option<String>,
    /// Do not note the names of the files
    #[arg(long)]
    artifact_exclude_titles: bool,
    /// Media type of the files; else it is found out
    #[arg(long, value_name = "TYPE")]
    artifact_layer_type: Option<String>,
    /// The image that the list is about
    #[arg(long, value_name = "IMAGE")]
    artifact_subject: Option<String>,
    /// What sort of artifact it is
    #[arg(long, value_name = "TYPE")]
    artifact_type: Option<String>,
}

impl ArtifactArgs {
    fn given(&self) -> Vec<&'static str> {
        let all = [
            ("--artifact-type", self.artifact_type.is_some()),
            ("--artifact-config", self.artifact_config.is_some()),
            ("--artifact-config-type", self.artifact_config_type.is_some()),
            ("--artifact-layer-type", self.artifact_layer_type.is_some()),
            ("--artifact-subject", self.artifact_subject.is_some()),
            ("--artifact-exclude-titles", self.artifact_exclude_titles),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    fn apply(self, change: &mut ManifestModifyOptions) -> Result<(), CommandError> {
        if let Some(file) = self.artifact_config.filter(|file| !file.is_empty()) {
            change.artifact_config = cove_sys::fs::read_to_string(file)?;
        }
        change.artifact_config_type = self.artifact_config_type.unwrap_or_default();
        change.artifact_exclude_titles = self.artifact_exclude_titles;
        change.artifact_layer_type = self.artifact_layer_type.unwrap_or_default();
        change.artifact_type = self.artifact_type;
        change.subject = self.artifact_subject.unwrap_or_default();
        Ok(())
    }
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] LIST IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.images, 1)?;
    check_annotations(&args.entry.annotation)?;
    let mut access = args.registry.access()?;
    if let Some(insecure) = args.insecure {
        if access.tls_verify.is_some() {
            return Err(CommandError::other("--insecure may not be used with --tls-verify"));
        }
        access.tls_verify = Some(!insecure);
    }
    if !args.artifact.artifact {
        match args.artifact.given().as_slice() {
            [] => {}
            [one] => return Err(CommandError::other(format!("{one} requires --artifact"))),
            several => return Err(CommandError::other(format!("{} require --artifact", several.join("/")))),
        }
    }
    let mut change = ManifestModifyOptions {
        operation: Some(ManifestOperation::Update),
        all: args.all,
        access,
        ..ManifestModifyOptions::default()
    };
    args.entry.apply(&mut change);
    if args.artifact.artifact {
        args.artifact.apply(&mut change)?;
        change.files = args.images;
    } else {
        change.images = args.images;
    }
    let report = context.engine().await?.manifests().modify(&args.list, change).await?;
    context.printer.line(&report.id)?;
    Ok(0)
}
