//! `cove build-container commit`

use std::io::Write as _;
use std::path::Path;

use cove_api::{CommitFormat, WorkingCommit};
use cove_sys::output::{Existing, OutputFile};

use crate::args::registry::RegistryArgs;
use crate::args::{at_least, at_most};
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make an image of a working container
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The container, then perhaps the name of the image, which may say a transport
    #[arg(value_name = "CONTAINER [IMAGE]")]
    words: Vec<String>,
    /// Annotation of the manifest, NAME[=VALUE]
    #[arg(long, value_name = "ANNOTATION")]
    annotation: Vec<String>,
    /// Instruction that changes the configuration, such as CMD or ENV
    #[arg(long, short, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// Layers are kept uncompressed, which is always done
    #[arg(long, short = 'D')]
    disable_compression: bool,
    /// Format of the image: oci or docker
    #[arg(long, short, value_name = "FORMAT")]
    format: Option<String>,
    /// File that the id of the image is written to
    #[arg(long, value_name = "FILE")]
    iidfile: Option<String>,
    /// List that the image is added to; it is made where there is none
    #[arg(long, value_name = "NAME")]
    manifest: Option<String>,
    /// Keep nothing of how the image was made
    #[arg(long)]
    omit_history: bool,
    /// Say nothing but the id
    #[arg(long, short)]
    quiet: bool,
    /// Remove the container after that
    #[arg(long)]
    rm: bool,
    /// The whole image becomes one layer
    #[arg(long)]
    squash: bool,
    /// Seconds since 1970 that the image and everything new in it is from
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    timestamp: Option<i64>,
    /// Variable that the image does not keep
    #[arg(long, value_name = "NAME")]
    unsetenv: Vec<String>,
    #[command(flatten)]
    registry: RegistryArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] CONTAINER [IMAGE]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.words, 1)?;
    at_most(&args.words, 2)?;
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    };
    let options = WorkingCommit {
        name: args.words.get(1).cloned().unwrap_or_default(),
        format: args.format.as_deref().map(format).transpose()?,
        squash: args.squash,
        remove: args.rm,
        timestamp: args.timestamp,
        omit_history: args.omit_history,
        unset_env: args.unsetenv,
        annotations: args.annotation.iter().map(pair).collect(),
        changes: args.change,
        manifest: args.manifest.unwrap_or_default(),
        access: args.registry.access()?,
    };
    let id_file = match args.iidfile.as_deref() {
        Some(path) if !path.is_empty() => Some(OutputFile::create(Path::new(path), Existing::Replace)?),
        _ => None,
    };
    let id = context.engine().await?.working().commit(&args.words[0], options).await?;
    match id_file {
        Some(mut file) => {
            file.write_all(format!("sha256:{id}").as_bytes())?;
            file.finish()?;
        }
        None => context.printer.line(&id)?,
    }
    Ok(0)
}

/// The format of that name.
pub(super) fn format(name: &str) -> Result<CommitFormat, CommandError> {
    match name {
        "oci" => Ok(CommitFormat::Oci),
        "docker" => Ok(CommitFormat::Docker),
        other => Err(CommandError::other(format!("unrecognized image type {other:?}"))),
    }
}
