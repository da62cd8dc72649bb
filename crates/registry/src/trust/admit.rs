//! The question that everything asks that takes an image from somewhere: may it be used?

use std::path::Path;

use cove_archive::Digest;
use cove_config::Policy;
use cove_config::policy::{
    Denied, Identity, KeyMaterial, KeySource, Requirement, SignedBy, SigstoreRoot, SigstoreSigned,
};

use super::keys::PublicKey;
use super::payload::SignedImage;
use super::signature::{Signature, SignatureKind};
use super::{gpg, identity, sigstore};
use crate::error::{Error, Result};
use crate::image::ImageSource;
use crate::manifest::RawManifest;
use crate::reference::Reference;

/// Largest file with keys that is read, in bytes.
const MAX_KEYS: u64 = 4 << 20;

/// Whether policy.json lets the image with this manifest be used; `of_entry` says that it is one of an index. Asks the
/// source for signatures only where the policy demands some.
///
/// # Errors
/// It may not, or that cannot be found out.
pub async fn admit(
    policy: &Policy,
    source: &dyn ImageSource,
    manifest: &RawManifest,
    of_entry: bool,
) -> Result<()> {
    let (transport, name) = source.policy_scope();
    check_rejected(policy, source)?;
    let (scope, requirements) = policy.requirements_for(transport, &name);
    let demands: Vec<Requirement> = requirements
        .iter()
        .filter(|one| matches!(one, Requirement::SignedBy(_) | Requirement::SigstoreSigned(_)))
        .cloned()
        .collect();
    if demands.is_empty() {
        // An empty list lets nothing pass, but there is none: the file would not have been read.
        return match requirements.is_empty() {
            true => Err(rejected(name, scope)),
            false => Ok(()),
        };
    }
    let signatures = source.signatures(&manifest.digest(), of_entry).await?;
    // Only images of registries have a name of their own.
    let reference = match transport {
        "docker" => Some(Reference::parse(&name)?),
        _ => None,
    };
    let asked = Asked { reference, manifest: manifest.clone(), signatures };
    let scope = scope.to_owned();
    let judged = tokio::task::spawn_blocking(move || {
        demands.iter().find_map(|one| asked.judge(one).err().map(|reason| (one.name(), reason)))
    })
    .await
    .map_err(Error::external)?;
    match judged {
        None => Ok(()),
        Some((requirement, reason)) => {
            let requirement = requirement.to_owned();
            Err(Error::Policy { source: Denied::Unsigned { image: name, requirement, scope, reason } })
        }
    }
}

/// Whether policy.json refuses every image of this name: known before anything is fetched.
///
/// # Errors
/// It does.
pub(crate) fn check_rejected(policy: &Policy, source: &dyn ImageSource) -> Result<()> {
    let (transport, name) = source.policy_scope();
    policy.check_rejected(transport, &name).map_err(|source| Error::Policy { source })
}

fn rejected(image: String, scope: &str) -> Error {
    Error::Policy { source: Denied::Rejected { image, scope: scope.to_owned() } }
}

/// An image about which the policy is asked.
struct Asked {
    reference: Option<Reference>,
    manifest: RawManifest,
    signatures: Vec<Signature>,
}

impl Asked {
    fn judge(&self, requirement: &Requirement) -> std::result::Result<(), String> {
        match requirement {
            Requirement::AcceptAnything => Ok(()),
            Requirement::Reject => Err("it is rejected".to_owned()),
            Requirement::SignedBy(demand) => self.signed_by(demand),
            Requirement::SigstoreSigned(demand) => self.sigstore_signed(demand),
        }
    }

    fn signed_by(&self, demand: &SignedBy) -> std::result::Result<(), String> {
        if demand.key_type != "GPGKeys" {
            return Err(format!(
                "keys of the type {:?} cannot be checked: use GPGKeys in policy.json",
                demand.key_type
            ));
        }
        let keys = contents(&demand.keys)?;
        self.any(SignatureKind::Simple, "", |signature| {
            let Signature::Simple(message) = signature else { return Err(String::new()) };
            let opened = gpg::verify(&keys, message)?;
            self.fits(&SignedImage::of_simple(&opened.content)?, &demand.identity)
        })
    }

    fn sigstore_signed(&self, demand: &SigstoreSigned) -> std::result::Result<(), String> {
        let keys = match &demand.root {
            SigstoreRoot::Keys(keys) => public_keys(keys)?,
            SigstoreRoot::Fulcio(_) => {
                return Err("signatures by certificates (fulcio) cannot be checked by this version: \
                            name the key in policy.json"
                    .to_owned());
            }
            SigstoreRoot::Pki => {
                return Err("signatures by certificates (pki) cannot be checked by this version: \
                            name the key in policy.json"
                    .to_owned());
            }
        };
        let logs = public_keys(&demand.rekor)?;
        let hint = " (they are read where registries.d says use-sigstore-attachments: true)";
        self.any(SignatureKind::Sigstore, hint, |signature| {
            let Signature::Sigstore { media_type, payload, annotations } = signature else {
                return Err(String::new());
            };
            let image = sigstore::verify(&keys, &logs, media_type, payload, annotations)?;
            self.fits(&image, &demand.identity)
        })
    }

    /// One good signature of this kind is enough. `hint` says why there may be none.
    fn any(
        &self,
        kind: SignatureKind,
        hint: &str,
        check: impl Fn(&Signature) -> std::result::Result<(), String>,
    ) -> std::result::Result<(), String> {
        let mut reasons = Vec::new();
        for signature in self.signatures.iter().filter(|one| one.kind() == kind) {
            match check(signature) {
                Ok(()) => return Ok(()),
                Err(reason) => reasons.push(reason),
            }
        }
        match &reasons[..] {
            [] => Err(format!("A signature was required, but no signature exists{hint}")),
            [reason] => Err(reason.clone()),
            _ => Err(format!("None of the signatures were accepted, reasons: {}", reasons.join("; "))),
        }
    }

    /// Whether what was signed is this image.
    fn fits(&self, signed: &SignedImage, accepted: &Identity) -> std::result::Result<(), String> {
        if !identity::matches(accepted, self.reference.as_ref(), &signed.reference) {
            return Err(format!("Signature for identity {:?} is not accepted", signed.reference));
        }
        if Digest::of(signed.digest.algorithm(), &self.manifest.bytes) != signed.digest {
            return Err(format!("Signature for docker digest {} does not match", signed.digest));
        }
        Ok(())
    }
}

fn contents(keys: &KeySource) -> std::result::Result<Vec<Vec<u8>>, String> {
    keys.iter()
        .map(|key| match key {
            KeyMaterial::Path(path) => read_keys(path),
            KeyMaterial::Data(data) => Ok(data.clone()),
        })
        .collect()
}

fn read_keys(path: &Path) -> std::result::Result<Vec<u8>, String> {
    match cove_sys::read::bounded(path, MAX_KEYS) {
        Ok(Some(data)) => Ok(data),
        Ok(None) => Err(format!("the key {} of policy.json is missing", path.display())),
        Err(error) => Err(format!("the key of policy.json cannot be read: {error}")),
    }
}

fn public_keys(keys: &KeySource) -> std::result::Result<Vec<PublicKey>, String> {
    let place = |key: &KeyMaterial| match key {
        KeyMaterial::Path(path) => path.display().to_string(),
        KeyMaterial::Data(_) => "a key in policy.json".to_owned(),
    };
    let read = contents(keys)?;
    keys.iter()
        .zip(read)
        .map(|(key, data)| PublicKey::from_pem(&data).map_err(|error| format!("{}: {error}", place(key))))
        .collect()
}
