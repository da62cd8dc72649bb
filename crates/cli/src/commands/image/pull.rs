//! `cove pull`

use cove_api::{Credentials, Engine, Progress, PullOptions, PullPolicy};
use futures_util::StreamExt;

use crate::args::at_least;
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
    #[arg(long, hide = true)]
    disable_content_trust: bool,
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    registry: RegistryArgs,
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

// How to reach a registry.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct RegistryArgs {
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    authfile: Option<String>,
    /// Folder with certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<String>,
    /// Credentials in place of the stored ones
    #[arg(long, value_name = "USER[:PASSWORD]")]
    creds: Option<String>,
    /// Demand HTTPS and check certificates
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// Attempts after a failure
    #[arg(long, value_name = "NUMBER")]
    retry: Option<u32>,
    /// Pause between attempts, such as 5s
    #[arg(long, value_name = "DURATION")]
    retry_delay: Option<String>,
}

impl RegistryArgs {
    /// The options for a pull.
    pub(crate) fn pull_options(&self, platform: &PlatformArgs) -> Result<PullOptions, CommandError> {
        if let Some(file) = self.authfile.as_deref().filter(|file| !file.is_empty()) {
            cove_sys::fs::metadata(file).map_err(|_| {
                CommandError::other(format!(
                    "credential file is not accessible: stat {file}: no such file or directory"
                ))
            })?;
        }
        let credentials = self.creds.as_deref().map(credentials).transpose()?;
        let [os, arch, variant] = platform.parts()?;
        let retry_delay = match &self.retry_delay {
            None => None,
            Some(text) => Some(whole_seconds(text)?),
        };
        Ok(PullOptions {
            os,
            arch,
            variant,
            credentials,
            auth_file: self.authfile.clone(),
            cert_dir: self.cert_dir.clone(),
            tls_verify: self.tls_verify,
            retry: self.retry,
            retry_delay,
            ..Default::default()
        })
    }
}

fn credentials(text: &str) -> Result<Credentials, CommandError> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, password.to_owned()),
        None => (text, crate::terminal::ask_secret("Password: ")?),
    };
    if user.is_empty() {
        return Err(CommandError::other("credentials can't be empty"));
    }
    Ok(Credentials { username: user.to_owned(), password, ..Credentials::default() })
}

fn whole_seconds(text: &str) -> Result<u64, CommandError> {
    let fault = || CommandError::other(format!("invalid duration {text:?}: must be such as 5s or 2m"));
    let (number, unit) =
        text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| fault())?;
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(fault()),
    };
    number.checked_mul(factor).ok_or_else(fault)
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
    let mut options = args.registry.pull_options(&args.platform)?;
    options.policy = policy(&args.policy)?;
    options.all_tags = args.all_tags;
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
