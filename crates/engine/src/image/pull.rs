//! Bringing images from registries and other places.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{
    Error, ErrorKind, Progress, PullOptions, PullPolicy, PullReport, RegistryAccess, Result, ValueStream,
};
use cove_config::Policy;
use cove_registry::{
    Archive, CopyOptions, DecryptionKey, ImageLocation, Platform, Reference, RegistryClient, copy_image,
    resolve,
};

use crate::engine::{Core, blocking};
use crate::image::destination::StoreDestination;
use crate::image::known::KnownDocuments;
use crate::image::sign::decryption;
use crate::image::{load, lookup, progress, registry};

type Sender = progress::Sender<PullReport>;

/// Pulls; the stream ends with the report or an error. Dropping it ends the pull.
pub(crate) async fn pull(
    core: &Arc<Core>,
    name: &str,
    options: PullOptions,
) -> Result<ValueStream<Progress<PullReport>>> {
    let (core, name) = (Arc::clone(core), name.to_owned());
    check_name(&core, &name).await.inspect_err(|error| tell_failure(&core, &name, error))?;
    Ok(progress::working(|sender| async move {
        let result = run(&core, &name, options, &sender).await;
        result.inspect_err(|error| tell_failure(&core, &name, error))
    }))
}

fn tell_failure(core: &Core, name: &str, error: &Error) {
    let attributes = [("name", name), ("error", error.message.as_str())];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    core.events.write("image", "pull-error", "", attributes.into());
}

/// What is no name of an image is refused before there is a stream: an answer over HTTP has no status after that.
async fn check_name(core: &Arc<Core>, name: &str) -> Result<()> {
    if ImageLocation::parse(name)?.is_some() || Reference::parse(name).is_ok() {
        return Ok(());
    }
    // It may still be an id.
    let name = name.to_owned();
    match blocking(core, move |core| lookup::find(core, &name)).await {
        Err(error) if error.kind == ErrorKind::InvalidArgument => Err(error),
        _ => Ok(()),
    }
}

async fn run(core: &Arc<Core>, name: &str, options: PullOptions, sender: &Sender) -> Result<PullReport> {
    match ImageLocation::parse(name)? {
        None => from_registry(core, name, None, options, sender).await,
        Some(ImageLocation::Registry(reference)) => {
            from_registry(core, name, Some(reference), options, sender).await
        }
        Some(ImageLocation::Storage(inner)) => {
            let id = blocking(core, move |core| Ok(lookup::find(core, &inner)?.image.id)).await?;
            Ok(PullReport { images: vec![id] })
        }
        Some(
            ImageLocation::DockerArchive(path, inner)
            | ImageLocation::OciArchive(path, inner)
            | ImageLocation::OciLayout(path, inner),
        ) => from_archive(core, &path, inner, &options, sender).await,
        Some(ImageLocation::Directory(path)) => {
            let options = PullOptions { all_tags: false, ..options };
            from_archive(core, &path, None, &options, sender).await
        }
    }
}

async fn from_archive(
    core: &Arc<Core>,
    path: &Path,
    inner: Option<String>,
    options: &PullOptions,
    sender: &Sender,
) -> Result<PullReport> {
    let policy = policy(core, options.signature_policy.as_deref()).await?;
    let copying = CopyOptions {
        policy,
        progress: Some(progress::copying(sender)),
        decryption_keys: decryption(&options.decryption_keys)?,
        ..CopyOptions::default()
    };
    let all = options.all_tags;
    let (archive, positions) = {
        let path = path.to_owned();
        blocking(core, move |core| {
            let archive = Archive::open(&path, &core.options.directories.temporary)?;
            let positions: Vec<usize> = match inner {
                None if all => (0..archive.len()).collect(),
                // As podman: without a name every image of the archive comes.
                None if archive.len() > 1 => (0..archive.len()).collect(),
                inner => vec![archive.find(inner.as_deref())?],
            };
            Ok((Arc::new(archive), positions))
        })
        .await?
    };
    let mut images = Vec::new();
    for position in positions {
        let id = load::copy_one(core, &archive, position, copying.clone()).await?;
        for name in archive.names(position) {
            core.events.write("image", "pull", &id, [("name".to_owned(), name.to_string())].into());
        }
        images.push(id);
    }
    Ok(PullReport { images })
}

async fn from_registry(
    core: &Arc<Core>,
    name: &str,
    reference: Option<Reference>,
    options: PullOptions,
    sender: &Sender,
) -> Result<PullReport> {
    let platform = platform(&options);
    let local = {
        let name = name.strip_prefix("docker://").unwrap_or(name).to_owned();
        blocking(core, move |core| match lookup::find(core, &name) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await?
    };
    match (options.policy, &local) {
        (PullPolicy::Never, Some(found)) => return Ok(PullReport { images: vec![found.image.id.clone()] }),
        (PullPolicy::Never, None) => return Err(lookup::not_known(name)),
        (PullPolicy::Missing, Some(found)) if has_platform(core, found, &options).await? => {
            return Ok(PullReport { images: vec![found.image.id.clone()] });
        }
        _ => {}
    }
    let client = {
        let access = options.access.clone();
        blocking(core, move |core| registry::client(core, &access)).await?
    };
    let candidates = match reference {
        Some(reference) => vec![reference],
        None => match known_place(name, local.as_ref()) {
            Some(known) => vec![Reference::parse(known)?],
            None => {
                let found = client.candidates(name, false)?;
                if !found.description.is_empty() {
                    let _ = sender.send(Ok(Progress::Message(found.description.clone())));
                }
                found.references
            }
        },
    };
    let policy = policy(core, options.signature_policy.as_deref()).await?;
    let keys = decryption(&options.decryption_keys)?;
    let pulling = Pulling { core, client: &client, platform: &platform, policy, keys, sender };
    if options.all_tags {
        return pulling.all_tags(&candidates).await;
    }
    if let (PullPolicy::Newer, Some(found)) = (options.policy, &local)
        && !is_other(&client, &candidates, &platform, &found.image.id).await
    {
        return Ok(PullReport { images: vec![found.image.id.clone()] });
    }
    let result = pulling.first_of(name, &candidates).await;
    match (result, options.policy, local) {
        (Ok(id), _, _) => Ok(PullReport { images: vec![id] }),
        (Err(_), PullPolicy::Newer, Some(found)) => Ok(PullReport { images: vec![found.image.id] }),
        (Err(error), _, _) => Err(error),
    }
}

/// A name that is known here is pulled from where it came.
pub(super) fn known_place<'a>(name: &str, local: Option<&'a lookup::Found>) -> Option<&'a str> {
    local.and_then(|found| found.name.as_deref()).filter(|known| {
        !lookup::has_registry(name) && lookup::has_registry(known) && !known.starts_with("localhost/")
    })
}

/// Whether the registry has another image under the name than the one with this id. What is here will do where it
/// cannot be asked.
async fn is_other(client: &RegistryClient, candidates: &[Reference], platform: &Platform, id: &str) -> bool {
    for reference in candidates {
        if let Ok(source) = client.open(reference).await
            && let Ok(image) = resolve(&source, platform).await
        {
            return image.parsed.config.digest.hex() != id;
        }
    }
    false
}

async fn has_platform(core: &Arc<Core>, found: &lookup::Found, options: &PullOptions) -> Result<bool> {
    if options.os.is_none() && options.arch.is_none() && options.variant.is_none() {
        return Ok(true);
    }
    let id = found.image.id.clone();
    let asked = [&options.os, &options.arch, &options.variant].map(|part| part.clone().unwrap_or_default());
    let document = blocking(core, move |core| {
        // Of a list that image is meant.
        let found = lookup::find_image(core, &id, asked.each_ref().map(String::as_str))?;
        lookup::document(core, &found.image)
    })
    .await;
    let document = match document {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    Ok(same(&options.os, &document.os)
        && same(&options.arch, &document.architecture)
        && same(&options.variant, &document.variant))
}

/// How images are pulled from registries.
struct Pulling<'a> {
    core: &'a Arc<Core>,
    client: &'a RegistryClient,
    platform: &'a Platform,
    policy: Policy,
    keys: Vec<DecryptionKey>,
    sender: &'a Sender,
}

impl Pulling<'_> {
    fn say_trying(&self, reference: &Reference) {
        let _ = self.sender.send(Ok(Progress::Message(format!("Trying to pull {reference}..."))));
    }

    async fn first_of(&self, name: &str, candidates: &[Reference]) -> Result<String> {
        let mut failures = Vec::new();
        for reference in candidates {
            self.say_trying(reference);
            match self.one(reference).await {
                Ok(id) => return Ok(id),
                Err(error) => failures.push((reference, error)),
            }
        }
        match failures.len() {
            0 => Err(Error::invalid(format!("{name:?} names no image that could be pulled"))),
            1 => {
                let (reference, error) = failures.remove(0);
                let prefix = format!("initializing source docker://{reference}");
                Err(if error.message.contains(&reference.to_string()) {
                    error
                } else {
                    error.context(prefix)
                })
            }
            count => {
                let kind = failures[0].1.kind;
                let lines = failures.iter().map(|(reference, error)| format!("* {reference}: {error}"));
                Err(Error::new(kind, format!("{count} errors occurred while pulling:")).with_lines(lines))
            }
        }
    }

    async fn one(&self, reference: &Reference) -> Result<String> {
        let inner = self.client.open(reference).await?;
        let source = KnownDocuments { core: Arc::clone(self.core), inner };
        let destination = StoreDestination::new(self.core);
        // A reference by digest is kept by digest; a tag beside it says nothing then.
        let kept =
            if reference.digest().is_some() { reference.clone().without_tag() } else { reference.clone() };
        let options = CopyOptions {
            platform: self.platform.clone(),
            max_parallel: registry::parallel(self.core),
            names: vec![kept.clone()],
            progress: Some(progress::copying(self.sender)),
            policy: self.policy.clone(),
            decryption_keys: self.keys.clone(),
            ..CopyOptions::default()
        };
        let report = copy_image(&source, &destination, &options).await?;
        let id = report.config_digest.hex().to_owned();
        self.core.events.write("image", "pull", &id, [("name".to_owned(), kept.to_string())].into());
        Ok(id)
    }

    async fn all_tags(&self, candidates: &[Reference]) -> Result<PullReport> {
        let Some(reference) = candidates.first() else {
            return Err(Error::invalid("no registry to pull all tags from"));
        };
        let mut images = Vec::new();
        for tag in self.client.tags(reference).await? {
            let tagged = reference.clone().without_digest().with_tag(&tag)?;
            self.say_trying(&tagged);
            images.push(self.one(&tagged).await?);
        }
        Ok(PullReport { images })
    }
}

/// The id of the image that a registry has under a name, for this machine; nothing is pulled.
///
/// # Errors
/// The registry does not answer, or has none of that name.
pub(crate) async fn newest(core: &Arc<Core>, name: &str, access: RegistryAccess) -> Result<String> {
    let client = blocking(core, move |core| registry::client(core, &access)).await?;
    let source = client.open(&Reference::parse(name)?).await?;
    let image = resolve(&source, &Platform::host()).await?;
    Ok(image.parsed.config.digest.hex().to_owned())
}

/// Brings an image of a registry that gets no name here; [`None`] where there is none of that name.
pub(crate) async fn pull_nameless(
    core: &Arc<Core>,
    reference: &Reference,
    access: &RegistryAccess,
) -> Result<Option<String>> {
    let client = {
        let access = access.clone();
        blocking(core, move |core| registry::client(core, &access)).await?
    };
    let policy = policy(core, None).await?;
    let source = match client.open(reference).await.map_err(Error::from) {
        Ok(source) => source,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let destination = StoreDestination::new(core);
    let max_parallel = registry::parallel(core);
    let options = CopyOptions { max_parallel, policy, ..CopyOptions::default() };
    let report = copy_image(&source, &destination, &options).await?;
    Ok(Some(report.config_digest.hex().to_owned()))
}

/// policy.json, or the one that is named, which decides what may come in.
pub(crate) async fn policy(core: &Arc<Core>, named: Option<&str>) -> Result<Policy> {
    let named = named.map(PathBuf::from);
    blocking(core, move |core| Ok(Policy::load(&core.options.directories, named.as_deref())?.0)).await
}

pub(super) fn platform(options: &PullOptions) -> Platform {
    Platform::asked(options.os.as_deref(), options.arch.as_deref(), options.variant.as_deref())
}
