//! Signatures of images in registries: beside the registry ([`Lookaside`]), and sigstore's in the registry itself, as a
//! manifest with the tag `sha256-DIGITS.sig` whose layers are what is signed.

use std::sync::Arc;

use bytes::Bytes;
use cove_archive::Digest;
use http::Method;
use serde_json::json;

use super::destination::RegistryDestination;
use super::http::{Request, describe};
use super::session::Session;
use super::source::{RegistrySource, fetch_manifest};
use crate::artifact::verified_blob;
use crate::error::{Error, Result};
use crate::manifest::{self, Descriptor, Document, ImageManifest, ManifestFormat, RawManifest, media_type};
use crate::reference::Reference;
use crate::stream::collect;
use crate::trust::{
    Lookaside, MAX_SIGNATURE, MAX_SIGNATURES, Signature, SignatureKind, check_number, read_folder, url_of,
    write_folder,
};

/// All signatures of the manifest with this digest, where the configuration says that they are.
pub(super) async fn read(
    session: &Arc<Session>,
    place: &Reference,
    manifest: &Digest,
) -> Result<Vec<Signature>> {
    let places = &session.http.options.signatures;
    let mut found = match Lookaside::reading(places, place)? {
        None => Vec::new(),
        Some(Lookaside::Folder(base)) => {
            let (place, manifest) = (place.clone(), manifest.clone());
            tokio::task::spawn_blocking(move || read_folder(&base, &place, &manifest))
                .await
                .map_err(Error::external)??
        }
        Some(Lookaside::Web(base)) => {
            let mut found = Vec::new();
            while let Some(signature) = fetch(session, &base, place, manifest, found.len() + 1).await? {
                check_number(place, found.len() + 1)?;
                found.push(signature);
            }
            found
        }
    };
    if places.attachments(&place.to_string()) {
        found.extend(attached(session, place, manifest).await?);
    }
    Ok(found)
}

async fn fetch(
    session: &Session,
    base: &reqwest::Url,
    place: &Reference,
    manifest: &Digest,
    number: usize,
) -> Result<Option<Signature>> {
    let url = url_of(base, place, manifest, number);
    let subject = describe(&url);
    let response = session.http.send(&Request::new(Method::GET, url, false)).await?;
    match response.status().as_u16() {
        404 => Ok(None),
        200 => {
            let data = session.http.body(response, &subject, MAX_SIGNATURE).await?;
            Signature::from_bytes(&subject, &data).map(Some)
        }
        status => Err(Error::Status { url: subject, status, detail: String::new() }),
    }
}

/// The place of the signatures that the registry itself has.
fn tag_of(place: &Reference, manifest: &Digest) -> Result<Reference> {
    let tag = format!("{}.sig", manifest.to_string().replacen(':', "-", 1));
    place.clone().without_digest().with_tag(&tag)
}

async fn attached_manifest(
    session: &Session,
    place: &Reference,
) -> Result<Option<(RawManifest, ImageManifest)>> {
    let raw = match fetch_manifest(session, &place.tag_or_digest()).await {
        Ok(raw) => raw,
        Err(Error::ManifestUnknown { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    match manifest::parse(&raw, &place.to_string())? {
        Document::Image(parsed) if parsed.layers.len() <= MAX_SIGNATURES => Ok(Some((raw, *parsed))),
        Document::Image(_) => check_number(place, MAX_SIGNATURES + 1).map(|()| None),
        Document::Index(_) => Err(Error::image(place.to_string(), "signatures cannot be a list of images")),
    }
}

async fn attached(session: &Arc<Session>, place: &Reference, manifest: &Digest) -> Result<Vec<Signature>> {
    let place = tag_of(place, manifest)?;
    let Some((raw, parsed)) = attached_manifest(session, &place).await? else { return Ok(Vec::new()) };
    let source = RegistrySource::of(session.clone(), &place, raw);
    let mut found = Vec::new();
    for layer in parsed.layers {
        let subject = format!("{place}: signature {}", layer.digest);
        if layer.size > MAX_SIGNATURE {
            return Err(Error::TooLarge { subject, limit: MAX_SIGNATURE });
        }
        let payload = collect(verified_blob(&source, &layer).await?, &subject, MAX_SIGNATURE).await?;
        found.push(Signature::Sigstore {
            media_type: layer.media_type,
            payload: payload.to_vec(),
            annotations: layer.annotations,
        });
    }
    Ok(found)
}

/// Whether signatures of this kind can be kept for the image.
pub(super) fn check(session: &Session, place: &Reference, kind: SignatureKind) -> Result<()> {
    let places = &session.http.options.signatures;
    match kind {
        SignatureKind::Simple => Lookaside::writing(places, place).map(drop),
        SignatureKind::Sigstore if places.attachments(&place.to_string()) => Ok(()),
        SignatureKind::Sigstore => Err(Error::Signing {
            image: place.to_string(),
            reason:
                "writing sigstore attachments is disabled by configuration: say use-sigstore-attachments: \
                     true for it in registries.d"
                    .into(),
        }),
    }
}

/// Keeps an image's signatures: those beside the registry in place of what was there, those in the registry with what
/// is there.
pub(super) async fn write(
    destination: &RegistryDestination,
    manifest: &Digest,
    signatures: &[Signature],
) -> Result<()> {
    let of_kind = |kind| -> Vec<Signature> {
        signatures.iter().filter(|signature| signature.kind() == kind).cloned().collect()
    };
    let simple = of_kind(SignatureKind::Simple);
    let (session, place) = (destination.session(), destination.place());
    if !simple.is_empty() {
        let base = Lookaside::writing(&session.http.options.signatures, place)?;
        let (place, manifest) = (place.clone(), manifest.clone());
        tokio::task::spawn_blocking(move || write_folder(&base, &place, &manifest, &simple))
            .await
            .map_err(Error::external)??;
    }
    match of_kind(SignatureKind::Sigstore) {
        sigstore if sigstore.is_empty() => Ok(()),
        sigstore => attach(destination, manifest, sigstore).await,
    }
}

async fn attach(
    destination: &RegistryDestination,
    manifest: &Digest,
    signatures: Vec<Signature>,
) -> Result<()> {
    check(destination.session(), destination.place(), SignatureKind::Sigstore)?;
    let place = tag_of(destination.place(), manifest)?;
    let known = attached_manifest(destination.session(), &place).await?;
    let mut layers = known.map(|(_, parsed)| parsed.layers).unwrap_or_default();
    for signature in signatures {
        let Signature::Sigstore { media_type, payload, annotations } = signature else { continue };
        let mut layer = Descriptor::of(&media_type, &payload);
        layer.annotations = annotations;
        let same = |other: &Descriptor| {
            other.digest == layer.digest
                && other.media_type == layer.media_type
                && other.annotations == layer.annotations
        };
        if !layers.iter().any(same) {
            destination.put_bytes(Bytes::from(payload)).await?;
            layers.push(layer);
        }
    }
    check_number(&place, layers.len())?;
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
    let config = json!({
        "architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string();
    let described = Descriptor::of(media_type::OCI_CONFIG, config.as_bytes());
    destination.put_bytes(Bytes::from(config)).await?;
    let written = ImageManifest::build(ManifestFormat::Oci, described, layers).to_raw();
    destination.put_manifest(&place.tag_or_digest(), written).await
}
