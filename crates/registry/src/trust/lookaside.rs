//! Where signatures of images in registries are kept beside the registry: a folder, or the same over HTTP, in which
//! each image has `REPOSITORY@sha256=DIGITS/signature-1` and so on.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use cove_archive::Digest;
use cove_config::SignaturePlaces;
use cove_sys::output::{Existing, OutputFile};
use cove_sys::{atomic, fs, read};
use reqwest::Url;

use super::signature::{MAX_SIGNATURE, MAX_SIGNATURES, Signature};
use crate::error::{Error, Result};
use crate::reference::Reference;

/// Where the signatures of one repository are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookaside {
    /// Beneath a folder.
    Folder(PathBuf),
    /// Beneath a URL.
    Web(Url),
}

impl Lookaside {
    /// Where they are read; `None` where nothing is configured and there is no usual folder.
    ///
    /// # Errors
    /// The configuration names what cannot be read.
    pub(crate) fn reading(places: &SignaturePlaces, image: &Reference) -> Result<Option<Self>> {
        match (places.read_url(&image.to_string()), &places.folder) {
            (Some(url), _) => Self::parse(&url).map(Some),
            (None, Some(folder)) => Ok(Some(Self::Folder(folder.clone()))),
            (None, None) => Ok(None),
        }
    }

    /// The folder where they are written.
    ///
    /// # Errors
    /// The configuration names no folder.
    pub(crate) fn writing(places: &SignaturePlaces, image: &Reference) -> Result<PathBuf> {
        let url = places.write_url(&image.to_string());
        match (url.as_deref().map(Self::parse).transpose()?, &places.folder) {
            (Some(Self::Folder(folder)), _) => Ok(folder),
            (None, Some(folder)) => Ok(folder.clone()),
            (Some(Self::Web(url)), _) => Err(Error::Signing {
                image: image.to_string(),
                reason: format!(
                    "signatures cannot be written to {url}: name a folder (file:///…) as lookaside-staging in registries.d"
                ),
            }),
            (None, None) => Err(Error::Signing {
                image: image.to_string(),
                reason: "there is no place for signatures: name one as lookaside in registries.d".into(),
            }),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let wrong = |reason: &str| Error::InvalidLocation {
            input: text.into(),
            reason: format!("{reason} (lookaside in registries.d)"),
        };
        let url = Url::parse(text).map_err(|_| wrong("it is no URL"))?;
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::Folder(path)),
                Err(()) => Err(wrong("it is no path")),
            },
            "http" | "https" => Ok(Self::Web(url)),
            _ => Err(wrong("only file, http and https are read")),
        }
    }
}

/// `REPOSITORY@sha256=DIGITS`, beneath the place of a registry's signatures.
fn folder_of(image: &Reference, manifest: &Digest) -> String {
    format!("{}@{}", image.repository(), manifest.to_string().replacen(':', "=", 1))
}

/// The URL of a signature; the first has the number 1.
pub(crate) fn url_of(base: &Url, image: &Reference, manifest: &Digest, number: usize) -> Url {
    let mut url = base.clone();
    let path =
        format!("{}/{}/signature-{number}", base.path().trim_end_matches('/'), folder_of(image, manifest));
    url.set_path(&path);
    url
}

/// All signatures beneath a folder. Blocks.
pub(crate) fn read_folder(base: &Path, image: &Reference, manifest: &Digest) -> Result<Vec<Signature>> {
    let folder = base.join(folder_of(image, manifest));
    let mut found = Vec::new();
    for number in 1..=MAX_SIGNATURES + 1 {
        let path = folder.join(format!("signature-{number}"));
        let subject = path.display().to_string();
        let data = read::bounded(&path, MAX_SIGNATURE).map_err(|error| Error::io(&subject, error))?;
        let Some(data) = data else { break };
        check_number(image, number)?;
        found.push(Signature::from_bytes(&subject, &data)?);
    }
    Ok(found)
}

/// Refuses an endless row of signatures.
pub(crate) fn check_number(image: &Reference, number: usize) -> Result<()> {
    match number > MAX_SIGNATURES {
        true => Err(Error::image(image.to_string(), format!("it has more than {MAX_SIGNATURES} signatures"))),
        false => Ok(()),
    }
}

/// Writes an image's signatures in place of those that it had. Blocks.
pub(crate) fn write_folder(
    base: &Path,
    image: &Reference,
    manifest: &Digest,
    signatures: &[Signature],
) -> Result<()> {
    let folder = base.join(folder_of(image, manifest));
    let failed = |error| Error::io(format!("writing signatures of {image}"), error);
    fs::create_dir_all(&folder).map_err(failed)?;
    for (position, signature) in signatures.iter().enumerate() {
        let path = folder.join(format!("signature-{}", position + 1));
        atomic::write(&path, &signature.to_bytes(), 0o644).map_err(failed)?;
    }
    for number in signatures.len() + 1.. {
        match fs::remove_file(folder.join(format!("signature-{number}"))) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// The folder beneath which an image's signatures are written.
///
/// # Errors
/// The configuration names none.
pub fn signature_folder(places: &SignaturePlaces, image: &Reference) -> Result<PathBuf> {
    Lookaside::writing(places, image)
}

/// Adds a signature to those that an image has beneath a folder. Blocks.
///
/// # Errors
/// It has too many already, or the folder cannot be written.
pub fn add_signature(base: &Path, image: &Reference, manifest: &Digest, signature: &Signature) -> Result<()> {
    let folder = base.join(folder_of(image, manifest));
    let failed = |error| Error::io(format!("writing a signature of {image}"), error);
    fs::create_dir_all(&folder).map_err(failed)?;
    for number in 1..=MAX_SIGNATURES {
        let path = folder.join(format!("signature-{number}"));
        let added = OutputFile::create(&path, Existing::Refuse)
            .and_then(|mut file| file.write_all(&signature.to_bytes()).and_then(|()| file.finish()));
        match added {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            added => return added.map_err(failed),
        }
    }
    check_number(image, MAX_SIGNATURES + 1)
}

#[cfg(test)]
mod tests {
    use cove_config::SignaturePlace;

    use super::*;

    fn image() -> Reference {
        Reference::parse("r.io:5000/team/app:1").unwrap()
    }

    fn places(read: &str, write: Option<&str>) -> SignaturePlaces {
        let place = SignaturePlace {
            lookaside: Some(read.to_owned()),
            lookaside_staging: write.map(str::to_owned),
            use_sigstore_attachments: None,
        };
        SignaturePlaces { default: Some(place), ..SignaturePlaces::default() }
    }

    #[test]
    fn places_are_folders_and_urls() {
        let digest = Digest::sha256(b"x");
        let found = Lookaside::reading(&places("https://s.io/all/", None), &image()).unwrap().unwrap();
        let Lookaside::Web(url) = found else { panic!() };
        assert_eq!(
            url_of(&url, &image(), &digest, 2).as_str(),
            format!("https://s.io/all/team/app@sha256={}/signature-2", digest.hex())
        );
        assert_eq!(
            Lookaside::reading(&places("file:///var/sigs", None), &image()).unwrap(),
            Some(Lookaside::Folder("/var/sigs".into()))
        );
        assert_eq!(
            Lookaside::writing(&places("https://s.io", Some("file:///staging")), &image()).unwrap(),
            PathBuf::from("/staging")
        );
        let folder = SignaturePlaces { folder: Some("/usual".into()), ..SignaturePlaces::default() };
        assert_eq!(Lookaside::writing(&folder, &image()).unwrap(), PathBuf::from("/usual"));
        for (wrong, expected) in [
            (places("https://s.io", None), "lookaside-staging"),
            (places("s3://s.io", None), "only file, http"),
            (places("/var/sigs", None), "no URL"),
            (SignaturePlaces::default(), "no place for signatures"),
        ] {
            let error = Lookaside::writing(&wrong, &image()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_written_takes_the_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::sha256(b"x");
        let signature = |byte| Signature::Simple(vec![0x90, byte]);
        let read = || read_folder(folder.path(), &image(), &digest).unwrap();
        assert_eq!(read(), []);
        let three = [signature(1), signature(2), signature(3)];
        write_folder(folder.path(), &image(), &digest, &three).unwrap();
        assert_eq!(read(), three);
        write_folder(folder.path(), &image(), &digest, &three[..1]).unwrap();
        assert_eq!(read(), three[..1]);
        add_signature(folder.path(), &image(), &digest, &signature(4)).unwrap();
        assert_eq!(read(), [signature(1), signature(4)]);
        let third = folder.path().join(format!("team/app@sha256={}/signature-3", digest.hex()));
        fs::write(third, "words").unwrap();
        assert!(read_folder(folder.path(), &image(), &digest).is_err());
    }
}
