//! `cove image sync`

mod file;
mod semver;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cove_api::{Credentials, ImageCopyOptions, ListSelection};
use cove_registry::{CopyOptions, ImageLocation, Reference, TargetOptions};
use cove_sys::output::{Existing, OutputFile};

use self::file::Which;
use super::args::{EndsArgs, Reach};
use super::copy::copy_to;
use super::ends::{client, copy_options, failed, in_time, source};
use crate::args::signing::SigningArgs;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::image::push::format;
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Copy all images of a repository, a folder or a list in a file to a registry or a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is copied, and the registry or folder that it goes to
    #[arg(value_name = "PLACE")]
    places: Vec<String>,
    /// What the source is: docker (a repository or an image), dir (a folder of folders) or yaml (a file)
    #[arg(long, short, value_name = "TRANSPORT")]
    src: Option<String>,
    /// What the destination is: docker or dir
    #[arg(long, short, value_name = "TRANSPORT")]
    dest: Option<String>,
    /// All images of lists, and the lists
    #[arg(long, short)]
    all: bool,
    /// Text that is added to each tag at the destination
    #[arg(long, value_name = "TEXT")]
    append_suffix: Option<String>,
    /// Write a line for each image to this file: the digest of its manifest and where it is
    #[arg(long, value_name = "FILE")]
    digestfile: Option<PathBuf>,
    /// Copy nothing, and say what would be copied
    #[arg(long)]
    dry_run: bool,
    /// The manifests' type at the destination: oci or v2s2; else the source's own
    #[arg(long, short, value_name = "TYPE")]
    format: Option<String>,
    /// Go on when an image cannot be copied
    #[arg(long)]
    keep_going: bool,
    /// Fail rather than change a manifest, and with it its digest
    #[arg(long)]
    preserve_digests: bool,
    /// Leave the source's signatures behind
    #[arg(long)]
    remove_signatures: bool,
    /// Put the whole name of the source before each image's at the destination
    #[arg(long)]
    scoped: bool,
    #[command(flatten)]
    ends: EndsArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// The command.
pub(crate) const COMMAND: Leaf =
    leaf!("[options] --src TRANSPORT --dest TRANSPORT SOURCE DESTINATION", Plain);

/// Images that are reached in the same way.
struct Batch {
    images: Vec<Image>,
    reach: Reach,
}

/// One image, and its name beneath the destination before it is shortened.
struct Image {
    from: ImageLocation,
    suffix: String,
}

impl Image {
    fn of_registry(reference: Reference) -> Self {
        Self { suffix: reference.to_string(), from: ImageLocation::Registry(reference) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Docker,
    Dir,
    Yaml,
}

impl Args {
    fn transports(&self) -> Result<(Transport, Transport), CommandError> {
        let other = |message: String| Err(CommandError::other(message));
        let from = match self.src.as_deref() {
            None | Some("") => return other("A source transport must be specified".into()),
            Some("docker") => Transport::Docker,
            Some("dir") => Transport::Dir,
            Some("yaml") => Transport::Yaml,
            Some(name) => return other(format!("{name:?} is not a valid source transport")),
        };
        let to = match self.dest.as_deref() {
            None | Some("") => return other("A destination transport must be specified".into()),
            Some("docker") => Transport::Docker,
            Some("dir") => Transport::Dir,
            Some(name) => return other(format!("{name:?} is not a valid destination transport")),
        };
        if (from, to) == (Transport::Dir, Transport::Dir) {
            return other("folders are not synchronised with folders: use rsync or cp -a".into());
        }
        Ok((from, to))
    }
}

async fn run(context: &Context, args: Args) -> CommandResult {
    let [place, destination] = args.places.as_slice() else {
        return Err(CommandError::other("Exactly two arguments expected"));
    };
    let whole = &args.ends.whole;
    whole.check()?;
    let (from, to) = args.transports()?;
    let reach = args.ends.source()?;
    let options = ImageCopyOptions {
        selection: if args.all { ListSelection::All } else { ListSelection::System },
        format: args.format.as_deref().map(format).transpose()?,
        preserve_digests: args.preserve_digests,
        os: whole.override_os.clone(),
        arch: whole.override_arch.clone(),
        variant: whole.override_variant.clone(),
        policy: whole.policy(),
        remove_signatures: args.remove_signatures,
        signing: args.signing.keys()?,
        ..ImageCopyOptions::default()
    };
    let sync = Sync {
        context,
        to,
        destination,
        reach: args.ends.destination()?,
        settings: copy_options(context, &options)?,
        options,
        args: &args,
    };
    let digests = match args.digestfile.as_deref().filter(|_| !args.dry_run) {
        Some(path) => Some(OutputFile::create(path, Existing::Replace)?),
        None => None,
    };
    in_time(whole, async {
        let batches = match from {
            Transport::Docker => vec![of_repository(context, place, reach).await?],
            Transport::Dir => vec![of_folder(place, reach)?],
            Transport::Yaml => of_file(context, place, &reach).await?,
        };
        sync.run(batches, digests).await
    })
    .await?;
    Ok(0)
}

/// What one command line asks for.
struct Sync<'a> {
    context: &'a Context,
    args: &'a Args,
    to: Transport,
    destination: &'a str,
    reach: Reach,
    options: ImageCopyOptions,
    settings: CopyOptions,
}

impl Sync<'_> {
    async fn run(&self, batches: Vec<Batch>, mut digests: Option<OutputFile>) -> Result<(), CommandError> {
        let (mut copied, mut failed_any) = (0, false);
        if self.args.dry_run {
            self.warn("Running in dry-run mode");
        }
        for batch in &batches {
            let count = batch.images.len();
            for (position, image) in batch.images.iter().enumerate() {
                let to = self.place_of(image)?;
                let verb = if self.args.dry_run { "Would have copied" } else { "Copying" };
                self.say(&format!("{verb} image ref {}/{count}: {} to {to}", position + 1, image.from));
                if !self.args.dry_run {
                    match self.one(batch, image, &to).await {
                        Ok(digest) => {
                            if let Some(file) = &mut digests {
                                writeln!(file, "{digest} {to}")?;
                            }
                        }
                        Err(error) if self.args.keep_going => {
                            failed_any = true;
                            let reason = error.messages().join("\n");
                            tracing::error!("Error copying ref \"{}\": {reason}", image.from);
                            continue;
                        }
                        Err(error) => return Err(error),
                    }
                }
                copied += 1;
            }
        }
        if let Some(file) = digests {
            file.finish()?;
        }
        let verb = if self.args.dry_run { "Would have synced" } else { "Synced" };
        self.say(&format!("{verb} {copied} images from {} sources", batches.len()));
        match failed_any {
            false => Ok(()),
            true => Err(CommandError::other(
                "Sync failed due to previous reported error(s) for one or more images",
            )),
        }
    }

    /// Copies an image and answers the digest of its manifest.
    async fn one(&self, batch: &Batch, image: &Image, to: &ImageLocation) -> Result<String, CommandError> {
        let settings = self.settings.clone();
        let source = source(self.context, &image.from, &batch.reach).await?;
        let client = client(self.context, &self.reach)?;
        let mut target = TargetOptions::asked(to, &self.options, client, &self.context.directories.temporary)
            .map_err(|error| failed(self.context, error))?;
        if let ImageLocation::Registry(reference) = &image.from {
            target.mount_from = vec![reference.clone()];
        }
        let selection = self.options.selection;
        let made = self.make_folder(to)?;
        let copied = copy_to(self.context, &*source, to, target, selection, settings, false).await;
        if let (Err(_), Some(folder)) = (&copied, made) {
            // What fails leaves nothing that another attempt could stumble over.
            let _ = cove_sys::fs::remove_dir_all(folder);
        }
        Ok(copied?.digest().to_string())
    }

    /// Where an image goes.
    fn place_of(&self, image: &Image) -> Result<ImageLocation, CommandError> {
        let suffix = match self.args.scoped {
            true => image.suffix.trim_matches('/'),
            false => image.suffix.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
        };
        let added = self.args.append_suffix.as_deref().unwrap_or_default();
        let place = format!("{}/{suffix}{added}", self.destination.trim_end_matches('/'));
        if self.to == Transport::Docker {
            let reference = Reference::parse(&place).map_err(|error| {
                CommandError::other(format!(
                    "Cannot obtain a valid image reference for transport \"docker\" and reference {place:?}: {error}"
                ))
            })?;
            return Ok(ImageLocation::Registry(reference.or_latest()));
        }
        let folder = Path::new(&place);
        if folder.exists() && !is_begun(folder) {
            return Err(CommandError::other(format!(
                "Refusing to overwrite destination directory {place:?}: remove it to copy the image anew"
            )));
        }
        Ok(ImageLocation::Directory(place.into()))
    }

    /// Makes the folder of an image, and answers it; nothing for a registry, or a folder that is begun.
    fn make_folder<'b>(&self, to: &'b ImageLocation) -> Result<Option<&'b Path>, CommandError> {
        let ImageLocation::Directory(path) = to else { return Ok(None) };
        if let Some(parent) = path.parent() {
            cove_sys::fs::create_dir_all(parent)?;
        }
        if is_begun(path) {
            return Ok(None);
        }
        cove_sys::fs::create_dir(path)?;
        Ok(Some(path))
    }

    fn say(&self, line: &str) {
        match self.context.is_skopeo() {
            true => tracing::info!(target: "sync", "{line}"),
            false => self.context.printer.error_line(line),
        }
    }

    fn warn(&self, line: &str) {
        match self.context.is_skopeo() {
            true => tracing::warn!("{line}"),
            false => self.context.printer.error_line(line),
        }
    }
}

/// Whether a copy to the folder began and did not end.
fn is_begun(folder: &Path) -> bool {
    folder.join("version").is_file() && !folder.join("manifest.json").exists()
}

/// An image, or all of a repository.
async fn of_repository(context: &Context, place: &str, reach: Reach) -> Result<Batch, CommandError> {
    let reference = Reference::parse(place).map_err(|error| {
        CommandError::other(format!(
            "Cannot obtain a valid image reference for transport \"docker\" and reference {place:?}: {error}"
        ))
    })?;
    let images = match (reference.tag(), reference.digest()) {
        (None, None) => tagged(context, &reference, &reach, &Which::All).await?,
        _ => vec![Image::of_registry(reference)],
    };
    if images.is_empty() {
        return Err(nothing_found(place));
    }
    Ok(Batch { images, reach })
}

fn nothing_found(place: &str) -> CommandError {
    CommandError::other(format!("No images to sync found in {place:?}"))
}

/// The images of a repository whose tags are meant.
async fn tagged(
    context: &Context,
    repository: &Reference,
    reach: &Reach,
    which: &Which,
) -> Result<Vec<Image>, CommandError> {
    let tags = client(context, reach)?.tags(repository).await.map_err(|error| {
        let context_of = format!("Error determining repository tags for repo {}", repository.name());
        CommandError::from(cove_api::Error::from(error).context(context_of))
    })?;
    let mut images = Vec::new();
    for tag in tags.iter().filter(|tag| which.has(tag)) {
        match repository.clone().with_tag(tag) {
            Ok(reference) => images.push(Image::of_registry(reference)),
            Err(error) => tracing::error!("{}: {error}", repository.name()),
        }
    }
    Ok(images)
}

/// The images of a folder: those beneath it that have a manifest.
fn of_folder(place: &str, reach: Reach) -> Result<Batch, CommandError> {
    let base = Path::new(place);
    cove_sys::fs::metadata(base)
        .map_err(|error| CommandError::other(format!("Invalid source directory specified: {error}")))?;
    let mut images = Vec::new();
    let mut open = vec![(base.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        if folder.join("manifest.json").is_file() {
            let beneath = folder.strip_prefix(base).unwrap_or(&folder).display().to_string();
            let own_name = || base.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let suffix = if beneath.is_empty() { own_name() } else { beneath };
            images.push(Image { from: ImageLocation::Directory(folder), suffix });
            continue;
        }
        if depth == MAX_DEPTH {
            return Err(CommandError::other(format!("{}: folders too deep in each other", folder.display())));
        }
        for entry in cove_sys::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push((entry.path(), depth + 1));
            }
        }
    }
    images.sort_by(|one, other| one.suffix.cmp(&other.suffix));
    if images.is_empty() {
        return Err(nothing_found(place));
    }
    Ok(Batch { images, reach })
}

/// Deeper than any name of an image.
const MAX_DEPTH: usize = 128;

/// The images that a file names. What it names and what is wrong is said, and the rest goes on.
async fn of_file(context: &Context, place: &str, reach: &Reach) -> Result<Vec<Batch>, CommandError> {
    let mut batches = Vec::new();
    for (registry, source) in file::read(place)? {
        let mut reach = reach.clone();
        reach.access.cert_dir = source.cert_dir.clone().or(reach.access.cert_dir);
        reach.access.tls_verify = source.tls_verify.or(reach.access.tls_verify);
        if let Some(login) = &source.credentials {
            reach.anonymous = false;
            reach.access.credentials = Some(Credentials {
                username: login.username.clone(),
                password: login.password.clone(),
                ..Credentials::default()
            });
        }
        let repositories = source.repositories()?;
        if repositories.is_empty() {
            tracing::warn!("No images specified for registry {registry}");
        }
        for (name, which) in repositories {
            let found = of_file_entry(context, &format!("{registry}/{name}"), &which, &reach).await;
            match found {
                Ok(images) if images.is_empty() => {
                    tracing::warn!("{registry}/{name}: No refs to sync found");
                }
                Ok(images) => batches.push(Batch { images, reach: reach.clone() }),
                Err(error) => {
                    tracing::error!("{registry}/{name}: skipping: {}", error.messages().join("\n"));
                }
            }
        }
    }
    Ok(batches)
}

async fn of_file_entry(
    context: &Context,
    name: &str,
    which: &Which,
    reach: &Reach,
) -> Result<Vec<Image>, CommandError> {
    let repository = Reference::parse(name).map_err(cove_api::Error::from)?;
    if repository.tag().is_some() || repository.digest().is_some() {
        return Err(CommandError::other("input names a reference, not a repository"));
    }
    let Which::These(wanted) = which else { return tagged(context, &repository, reach, which).await };
    let mut images = Vec::new();
    for text in wanted {
        let reference = match text.parse() {
            Ok(digest) => Ok(repository.clone().with_digest(digest)),
            Err(_) => repository.clone().with_tag(text),
        };
        match reference {
            Ok(reference) => images.push(Image::of_registry(reference)),
            Err(error) => tracing::error!("{name}: skipping: {error}"),
        }
    }
    Ok(images)
}
