//! `cove pull`

use cove_api::{Engine, Progress, PullOptions, PullPolicy};
use futures_util::StreamExt;

use crate::args::at_least;
use crate::args::registry::RegistryArgs;
use crate::args::signing::{DecryptionArgs, PolicyArgs};
use crate::command_error::{CommandError, CommandResult, Failures};
use crate::commands::{Leaf, leaf};
use crate::context::Context;
use crate::render::PullProgress;

/// Bring images from a registry or an archive into the store
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names such as quay.io/org/name:tag, or with a transport such as docker-archive:FILE
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Every tag of the repository
    #[arg(long, short)]
    all_tags: bool,
    /// Say nothing but the ids
    #[arg(long, short)]
    quiet: bool,
    /// When to ask the registry: always, missing, newer, never
    #[arg(long, value_name = "POLICY", default_value = "always")]
    policy: String,
    /// Accepted for scripts written for Docker, and without effect
    #[arg(long)]
    disable_content_trust: bool,
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    decryption: DecryptionArgs,
    #[command(flatten)]
    trust: PolicyArgs,
}

// Which variant of an image. (A doc comment would become the command's own description.)
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PlatformArgs {
    /// Architecture of the image, in place of this machine's
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Operating system of the image, in place of this machine's
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
    /// Operating system, architecture and variant: OS/ARCH[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,
}

impl PlatformArgs {
    /// Whether any was given.
    pub(crate) fn is_given(&self) -> bool {
        self.arch.is_some() || self.os.is_some() || self.variant.is_some() || self.platform.is_some()
    }

    /// Operating system, architecture and variant.
    pub(crate) fn parts(&self) -> Result<[Option<String>; 3], CommandError> {
        let Some(platform) = &self.platform else {
            return Ok([self.os.clone(), self.arch.clone(), self.variant.clone()]);
        };
        if self.arch.is_some() || self.os.is_some() {
            return Err(CommandError::other("--platform option can not be specified with --arch or --os"));
        }
        let mut parts =
            platform.splitn(3, '/').map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
        let [os, arch, variant] = [(); 3].map(|()| parts.next().flatten());
        Ok([os, arch, variant.or_else(|| self.variant.clone())])
    }
}

/// The policy of that name.
pub(crate) fn policy(name: &str) -> Result<PullPolicy, CommandError> {
    Ok(match name.to_lowercase().as_str() {
        "always" | "true" => PullPolicy::Always,
        "missing" | "ifnotpresent" | "" => PullPolicy::Missing,
        "newer" | "ifnewer" => PullPolicy::Newer,
        "never" | "false" => PullPolicy::Never,
        _ => return Err(CommandError::other(format!("unsupported pull policy {name:?}"))),
    })
}

/// Pulls an image with its progress on standard error, and answers the ids.
pub(crate) async fn pull(
    context: &Context,
    engine: &dyn Engine,
    name: &str,
    options: PullOptions,
    quiet: bool,
) -> Result<Vec<String>, CommandError> {
    let mut steps = engine.images().pull(name, options).await?;
    let mut progress = PullProgress::new(&context.printer, quiet);
    let mut images = Vec::new();
    while let Some(step) = steps.next().await {
        match step? {
            Progress::Message(line) => progress.message(line.trim_end()),
            Progress::Blob(blob) => progress.blob(&blob),
            Progress::Done(report) => images.extend(report.images),
        }
    }
    Ok(images)
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.images, 1)?;
    let decryption_keys = args.decryption.keys()?;
    let [os, arch, variant] = args.platform.parts()?;
    let access = args.registry.access()?;
    let policy = policy(&args.policy)?;
    let signature_policy = args.trust.signature_policy;
    let options = PullOptions {
        policy,
        os,
        arch,
        variant,
        all_tags: args.all_tags,
        access,
        decryption_keys,
        signature_policy,
    };
    let engine = context.engine().await?;
    let mut failures = Failures::default();
    for image in &args.images {
        let pulled = pull(context, engine, image, options.clone(), args.quiet).await;
        for id in failures.note(pulled).unwrap_or_default() {
            context.printer.line(&id)?;
        }
    }
    failures.finish()
}
