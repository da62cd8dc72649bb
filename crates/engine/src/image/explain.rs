//! What a name means, and why: the steps of a pull without the pull.

use std::sync::Arc;

use cove_api::{Error, ErrorKind, ExplainedCandidate, ExplainedPlace, ImageExplanation, PullOptions, Result};
use cove_config::{Policy, Registries};
use cove_registry::{ImageLocation, Platform, Reference, RegistryClient, admit, resolve};

use crate::engine::{Core, blocking};
use crate::image::{lookup, pull, registry};

/// Tells where a name leads. Only manifests and a configuration are fetched.
pub(super) async fn explain(core: &Arc<Core>, name: &str, options: PullOptions) -> Result<ImageExplanation> {
    let platform = pull::platform(&options);
    let (asked, access) = (name.to_owned(), options.access);
    let (local, client, policy, policy_file, registries) = blocking(core, move |core| {
        let local = match lookup::find(core, asked.strip_prefix("docker://").unwrap_or(&asked)) {
            Ok(found) => Some(found),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::InvalidArgument) => None,
            Err(error) => return Err(error),
        };
        let (policy, file) = Policy::load(&core.options.directories, None)?;
        Ok((local, registry::client(core, &access)?, policy, file, core.registries()?.clone()))
    })
    .await?;
    let mut explanation = ImageExplanation {
        name: name.to_owned(),
        platform: platform.to_string(),
        policy_file: policy_file.map(|path| path.display().to_string()).unwrap_or_default(),
        ..ImageExplanation::default()
    };
    if let Some(found) = &local {
        explanation.local_id.clone_from(&found.image.id);
        explanation.local_name = found.name.clone().unwrap_or_default();
    }
    let references = match candidates(name, local.as_ref(), &client, &mut explanation)? {
        Some(references) => references,
        None => return Ok(explanation),
    };
    let mut answered = false;
    for reference in references {
        let mut candidate = judged(&reference, &registries, &policy);
        if !answered && candidate.refused.is_empty() {
            answered = ask(&client, &reference, &platform, &policy, &mut candidate).await;
        }
        explanation.candidates.push(candidate);
    }
    Ok(explanation)
}

/// The references that a pull would try; `None` where the name is none of a registry.
fn candidates(
    name: &str,
    local: Option<&lookup::Found>,
    client: &RegistryClient,
    explanation: &mut ImageExplanation,
) -> Result<Option<Vec<Reference>>> {
    let (resolution, references) = match ImageLocation::parse(name)? {
        Some(ImageLocation::Registry(reference)) => {
            ("the name says its registry".to_owned(), vec![reference])
        }
        Some(_) => {
            "the name says a transport, and so a place on the engine's host"
                .clone_into(&mut explanation.resolution);
            return Ok(None);
        }
        None => match pull::known_place(name, local) {
            Some(known) => (
                "an image of the store has that name, and is pulled from where it came".to_owned(),
                vec![Reference::parse(known)?],
            ),
            None => match client.candidates(name, false) {
                Ok(found) if found.description.is_empty() => {
                    ("the name says its registry".to_owned(), found.references)
                }
                Ok(found) => (found.description, found.references),
                // An id is no name of a registry.
                Err(error) if local.is_some() => (Error::from(error).message, Vec::new()),
                Err(error) => return Err(error.into()),
            },
        },
    };
    explanation.resolution = resolution;
    Ok(Some(references))
}

/// What the configuration says about a reference.
fn judged(reference: &Reference, registries: &Registries, policy: &Policy) -> ExplainedCandidate {
    let name = reference.to_string();
    let mut candidate = ExplainedCandidate { reference: name.clone(), ..ExplainedCandidate::default() };
    match registries.pull_sources(&name) {
        Ok(sources) => {
            candidate.places = sources
                .into_iter()
                .map(|source| ExplainedPlace {
                    reference: source.reference,
                    mirror: source.mirror,
                    insecure: source.insecure,
                })
                .collect();
        }
        Err(error) => candidate.refused = format!("registries.conf: {error}"),
    }
    if let Err(error) = policy.check_rejected("docker", &name) {
        candidate.refused = Error::from_chain(ErrorKind::PermissionDenied, &error).message;
    }
    candidate
}

/// Asks the registry; whether it has the image.
async fn ask(
    client: &RegistryClient,
    reference: &Reference,
    platform: &Platform,
    policy: &Policy,
    candidate: &mut ExplainedCandidate,
) -> bool {
    candidate.asked = true;
    let source = match client.open(reference).await {
        Ok(source) => source,
        Err(error) => {
            candidate.error = Error::from(error).message;
            return false;
        }
    };
    candidate.answered = source.place().to_string();
    candidate.digest = source.digest().to_string();
    match resolve(&source, platform).await {
        Ok(image) => {
            if let Err(error) = admit(policy, &source, &image.manifest, image.index.is_some()).await {
                candidate.refused = Error::from(error).message;
                return false;
            }
            candidate.is_list = image.index.is_some();
            candidate.image_digest = image.manifest.digest().to_string();
            candidate.image_id = image.parsed.config.digest.hex().to_owned();
            candidate.layers = image.parsed.layers.len() as u64;
            candidate.size = image.parsed.layers.iter().map(|layer| layer.size).sum();
            true
        }
        Err(error) => {
            candidate.error = Error::from(error).message;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use cove_config::registries::{Mirror, MirrorPull, Registry};

    use super::*;

    #[test]
    fn mirrors_and_blocks_are_told() {
        let registries = Registries {
            registries: vec![
                Registry {
                    prefix: "quay.io".into(),
                    mirrors: vec![Mirror {
                        location: "localhost:5000/quay".into(),
                        insecure: true,
                        pull: MirrorPull::All,
                    }],
                    ..Registry::default()
                },
                Registry { prefix: "bad.example".into(), blocked: true, ..Registry::default() },
            ],
            ..Registries::default()
        };
        let judged =
            |name: &str| judged(&Reference::parse(name).unwrap(), &registries, &Policy::accept_anything());
        let mirrored = judged("quay.io/a:1");
        let places: Vec<_> =
            mirrored.places.iter().map(|place| (place.reference.as_str(), place.mirror)).collect();
        assert_eq!(places, [("localhost:5000/quay/a:1", true), ("quay.io/a:1", false)]);
        assert!(judged("bad.example/a:1").refused.contains("registries.conf"));
    }
}
