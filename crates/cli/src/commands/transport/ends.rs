//! Opening what is named on the command line, in this process.

use std::path::Path;
use std::sync::Arc;

use cove_api::{CopyPolicy, ErrorKind, ImageCopyOptions, Progress};
use cove_config::{Policy, Registries, SignaturePlaces};
use cove_registry::{
    CopyOptions, DEFAULT_PARALLEL, DecryptionKey, ImageLocation, ImageSource, Platform, RegistryClient,
    RegistryOptions, Signing, SourceOptions, open_source, steps,
};
use tokio::sync::mpsc;

use super::args::{Reach, WholeArgs};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::render::PullProgress;

const STORE: &str = "containers-storage:";

/// Whether one of the arguments is in the engine's store, for which a rootless command is in its user namespace.
pub(crate) fn touches_store(arguments: &[String]) -> bool {
    arguments.iter().any(|argument| argument.starts_with(STORE))
}

/// A location with its transport; `what` says which one in messages.
pub(super) fn location(text: &str, what: &str) -> Result<ImageLocation, CommandError> {
    let invalid = |reason: String| CommandError::other(format!("Invalid {what} name {text}: {reason}"));
    match ImageLocation::parse(text) {
        Ok(Some(location)) => Ok(location),
        Ok(None) => {
            Err(invalid(format!("Invalid image name {text:?}, expected colon-separated transport:reference")))
        }
        Err(error @ cove_registry::Error::Unsupported { .. }) => Err(failed_plainly(error)),
        Err(error) => Err(invalid(error.to_string())),
    }
}

/// A failure of a copy, with the exit code by which the name `skopeo` tells that there is no such image.
pub(super) fn failed(context: &Context, error: cove_registry::Error) -> CommandError {
    let is_missing = matches!(
        error,
        cove_registry::Error::ManifestUnknown { .. } | cove_registry::Error::NotInArchive { .. }
    );
    told(context, failed_plainly(error), is_missing)
}

/// A failure of the engine, with the same exit code.
pub(super) fn failed_by_engine(context: &Context, error: cove_api::Error) -> CommandError {
    let is_missing = error.kind == ErrorKind::NotFound;
    told(context, error.into(), is_missing)
}

fn told(context: &Context, error: CommandError, is_missing: bool) -> CommandError {
    if is_missing && context.is_skopeo() { error.with_code(2) } else { error }
}

fn failed_plainly(error: cove_registry::Error) -> CommandError {
    cove_api::Error::from(error).into()
}

/// A client for a place.
pub(super) fn client(context: &Context, reach: &Reach) -> Result<RegistryClient, CommandError> {
    let registries = Registries::load(&context.environment, &context.directories, None)?.value;
    let places = reach.signature_places.as_deref().map(Path::new);
    let options = RegistryOptions {
        signatures: Arc::new(SignaturePlaces::load(&context.directories, places)?),
        ..RegistryOptions::of_user(&context.environment, &context.directories, registries, &reach.access)
    };
    Ok(RegistryClient::new(if reach.anonymous { options.anonymous() } else { options }))
}

/// Opens a source.
pub(super) async fn source(
    context: &Context,
    at: &ImageLocation,
    reach: &Reach,
) -> Result<Box<dyn ImageSource>, CommandError> {
    let options = SourceOptions {
        client: client(context, reach)?,
        spool: context.directories.temporary.clone(),
        shared_blobs: reach.shared_blobs.as_ref().map(Into::into),
    };
    open_source(at, &options).await.map_err(|error| failed(context, error))
}

/// How a copy is made that is asked for.
pub(super) fn copy_options(context: &Context, asked: &ImageCopyOptions) -> Result<CopyOptions, CommandError> {
    let configured = context.conf.engine.image_parallel_copies;
    let parallel = asked.parallel.or(configured).filter(|count| *count > 0);
    let signing = Signing::with_keys(&asked.signing).map_err(CommandError::other)?;
    let signing = match &asked.sign_identity {
        Some(name) => signing.under_name(name).map_err(failed_plainly)?,
        None => signing,
    };
    Ok(CopyOptions {
        platform: Platform::asked(asked.os.as_deref(), asked.arch.as_deref(), asked.variant.as_deref()),
        max_parallel: parallel.and_then(|count| usize::try_from(count).ok()).unwrap_or(DEFAULT_PARALLEL),
        policy: policy(context, &asked.policy)?,
        preserve_digests: asked.preserve_digests,
        keep_signatures: !asked.remove_signatures,
        signing,
        decryption_keys: DecryptionKey::of_files(&asked.decryption_keys).map_err(CommandError::other)?,
        ..CopyOptions::default()
    })
}

/// The platform that an image of a list is chosen by.
pub(super) fn platform(whole: &WholeArgs) -> Platform {
    Platform::asked(
        whole.override_os.as_deref(),
        whole.override_arch.as_deref(),
        whole.override_variant.as_deref(),
    )
}

/// The policy that sources must pass.
pub(super) fn policy(context: &Context, asked: &CopyPolicy) -> Result<Policy, CommandError> {
    let explicit = match asked {
        CopyPolicy::Nothing => return Ok(Policy::accept_anything()),
        CopyPolicy::File(path) => Some(std::path::Path::new(path)),
        CopyPolicy::Usual => None,
    };
    Policy::load(&context.directories, explicit)
        .map(|(policy, _)| policy)
        .map_err(|error| CommandError::other(format!("Error loading trust policy: {error}")))
}

/// Does `work` and shows its progress meanwhile.
pub(super) async fn with_progress<T>(
    context: &Context,
    quiet: bool,
    options: CopyOptions,
    work: impl AsyncFnOnce(CopyOptions) -> T,
) -> T {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let progress = steps(move |step: Progress<()>| drop(sender.send(step)));
    let mut shown = PullProgress::new(&context.printer, quiet).on_output(context.is_skopeo());
    let mut show = |step| match step {
        Progress::Message(line) => shown.message(line.trim_end()),
        Progress::Blob(blob) => shown.blob(&blob),
        Progress::Done(()) => {}
    };
    let work = work(CopyOptions { progress: Some(progress), ..options });
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            biased;
            Some(step) = receiver.recv() => show(step),
            done = &mut work => break done,
        }
    };
    while let Ok(step) = receiver.try_recv() {
        show(step);
    }
    done
}

/// Does `work` within the time that the command has.
pub(super) async fn in_time<T>(
    whole: &WholeArgs,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    match whole.timeout()? {
        None => work.await,
        Some(limit) => tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(CommandError::other("context deadline exceeded"))),
    }
}
