//! `cove image sign`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_config::auth::CredentialStore;
use cove_config::{Registries, SignaturePlaces};
use cove_registry::manifest::ManifestList;
use cove_registry::{
    Digest, GpgSigner, ImageLocation, ImageSource as _, Reference, RegistryClient, RegistryOptions, Signer,
    add_signature, signature_folder,
};

use crate::args::at_least;
use crate::args::registry::check_auth_file;
use crate::command_error::{CommandError, CommandResult};
use crate::commands::{Leaf, leaf};
use crate::context::Context;

/// Sign images with a key of gpg and keep the signatures in a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Images with a transport: docker://NAME, or containers-storage:NAME
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Of a list of images each one of it, and not the list
    #[arg(long, short)]
    all: bool,
    /// File with registry credentials (REGISTRY_AUTH_FILE)
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
    /// Folder with certificates for the registry
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Folder for the signatures, in place of that of registries.d
    #[arg(long, short, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The key: a fingerprint, an id or a part of its owner's name
    #[arg(long, value_name = "KEY")]
    sign_by: Option<String>,
}

/// The command.
pub(crate) const COMMAND: Leaf = leaf!("[options] IMAGE [IMAGE...]");

async fn run(context: &Context, args: Args) -> CommandResult {
    at_least(&args.images, 1)?;
    let Some(key) = args.sign_by.as_deref().filter(|key| !key.is_empty()) else {
        return Err(CommandError::other("no identity provided"));
    };
    check_auth_file(args.authfile.as_deref().and_then(Path::to_str))?;
    if let Some(folder) = args.directory.as_deref().filter(|folder| !folder.is_dir()) {
        return Err(CommandError::other(format!("stat {}: no such file or directory", folder.display())));
    }
    let signer = Signer::Gpg(GpgSigner::new(key, None).map_err(CommandError::other)?);
    let places = SignaturePlaces::load(&context.directories, None)?;
    let client = client(context, &args)?;
    for image in &args.images {
        let (name, digests) = named(context, &client, image, args.all).await?;
        let folder = match &args.directory {
            Some(folder) => folder.clone(),
            None => signature_folder(&places, &name)?,
        };
        for digest in digests {
            let signature = signer.sign(&digest, &name).await?;
            add_signature(&folder, &name, &digest, &signature).map_err(|error| {
                CommandError::other(format!("storing signature for {name}, {digest}: {error}"))
            })?;
        }
    }
    Ok(0)
}

/// An image's name, and the digests of the manifests that are signed.
async fn named(
    context: &Context,
    client: &RegistryClient,
    image: &str,
    all: bool,
) -> Result<(Reference, Vec<Digest>), CommandError> {
    let single = |name: &str| {
        CommandError::other(format!("{name} is not a multi-architecture image: sign it without --all"))
    };
    match ImageLocation::parse(image)? {
        Some(ImageLocation::Registry(name)) => {
            let source = client.open(&name).await?;
            let top = source.manifest(None).await?;
            if let Some(expected) = source.expected_digest().filter(|expected| *expected != top.digest()) {
                return Err(CommandError::other(format!(
                    "{name}: the registry answers with another image than {expected}"
                )));
            }
            let list = ManifestList::parse(&top, image)?;
            let digests = match (all, list) {
                (false, _) => vec![top.digest()],
                (true, Some(list)) => list.manifests.into_iter().map(|entry| entry.digest).collect(),
                (true, None) => return Err(single(image)),
            };
            Ok((name, digests))
        }
        Some(ImageLocation::Storage(_)) if all => Err(single(image)),
        Some(ImageLocation::Storage(name)) => {
            let found = context.engine().await?.images().inspect(&name).await?;
            let digest = found.digest.parse().map_err(|_| {
                CommandError::other(format!("{image}: the image has no digest of a manifest"))
            })?;
            Ok((Reference::parse(&name)?.or_latest(), vec![digest]))
        }
        Some(_) => Err(CommandError::other(format!(
            "cannot determine canonical Docker reference for destination {image}"
        ))),
        None => Err(CommandError::other(format!(
            "parsing image name: invalid image name {image:?}, expected colon-separated transport:reference"
        ))),
    }
}

fn client(context: &Context, args: &Args) -> Result<RegistryClient, CommandError> {
    let registries = Registries::load(&context.environment, &context.directories, None)?.value;
    let credentials = CredentialStore::new(
        &context.environment,
        &context.directories,
        &registries,
        args.authfile.as_deref(),
    );
    Ok(RegistryClient::new(RegistryOptions {
        registries,
        credentials: Arc::new(credentials),
        certificate_dirs: context.directories.certificates(),
        certificate_dir: args.cert_dir.clone(),
        ..RegistryOptions::default()
    }))
}
