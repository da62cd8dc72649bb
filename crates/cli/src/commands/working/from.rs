//! `cove build-container from`

use std::io::Write as _;
use std::path::Path;

use cove_api::{CommitFormat, PullOptions, PullPolicy, WorkingOptions};
use cove_sys::output::{Existing, OutputFile};

use crate::args::exactly;
use crate::args::registry::RegistryArgs;
use crate::args::signing::DecryptionArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::pull;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Make a working container from an image, or from scratch
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the image
    #[arg(value_name = "IMAGE")]
    words: Vec<String>,
    /// Name of the container, in place of one after the image
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// File that the id of the container is written to
    #[arg(long, value_name = "FILE")]
    cidfile: Option<String>,
    /// Format of the image that comes of it: oci or docker
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// When to ask registries for the image: always, missing, newer, never
    #[arg(long, value_name = "POLICY", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pull: Option<String>,
    /// The same as --pull=always
    #[arg(long)]
    pull_always: bool,
    /// The same as --pull=never
    #[arg(long)]
    pull_never: bool,
    /// Say nothing of pulling
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    platform: pull::PlatformArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    decryption: DecryptionArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE");

async fn run(context: &Context, args: Args) -> CommandResult {
    exactly(&args.words, 1)?;
    let image = &args.words[0];
    let format = format(context, args.format.as_deref())?;
    let policy = match args.pull.as_deref() {
        _ if args.pull_always => PullPolicy::Always,
        _ if args.pull_never => PullPolicy::Never,
        None | Some("false") => PullPolicy::Missing,
        Some(name) => pull::policy(name)?,
    };
    let [os, arch, variant] = args.platform.parts()?;
    let access = args.registry.access()?;
    let decryption_keys = args.decryption.keys()?;
    let id_file = match args.cidfile.as_deref() {
        Some(path) if !path.is_empty() => Some(OutputFile::create(Path::new(path), Existing::Refuse)?),
        _ => None,
    };
    let engine = context.engine().await?;
    let mut platform = [&os, &arch, &variant].map(|part| part.clone().unwrap_or_default());
    let id = match image.as_str() {
        "scratch" => String::new(),
        name => {
            let options =
                PullOptions { policy, os, arch, variant, access, decryption_keys, ..PullOptions::default() };
            let ids = pull::pull(context, engine, name, options, args.quiet).await?;
            ids.into_iter()
                .next_back()
                .ok_or_else(|| CommandError::other("pulling ended without an image"))?
        }
    };
    let platform = std::mem::take(&mut platform);
    let options = WorkingOptions { name: args.name.unwrap_or_default(), format, id, platform };
    let container = engine.working().begin(image, options).await?;
    if let Some(mut file) = id_file {
        file.write_all(container.id.as_bytes())?;
        file.finish()?;
    }
    context.printer.line(&container.name)?;
    Ok(0)
}

/// The format that is asked for, on the command line or in the environment.
fn format(context: &Context, given: Option<&str>) -> Result<CommitFormat, CommandError> {
    let name = given.or(context.environment.get(cove_config::env::BUILDAH_FORMAT)).unwrap_or("oci");
    super::commit::format(name)
}
