//! One requirement of policy.json as a value.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::object;
use crate::error::ParseError;

/// One requirement; all of a list must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Requirement {
    /// Every image is accepted.
    AcceptAnything,
    /// No image is accepted.
    Reject,
    /// A signature by one of some OpenPGP keys.
    SignedBy(SignedBy),
    /// A sigstore signature.
    SigstoreSigned(SigstoreSigned),
}

/// A signature by one of some OpenPGP keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// The kind of keys as written; only `GPGKeys` can be checked.
    pub key_type: String,
    /// The keys, any of which will do.
    pub keys: KeySource,
    /// Which names in a signature are accepted.
    pub identity: Identity,
}

/// A sigstore signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreSigned {
    /// Whose.
    pub root: SigstoreRoot,
    /// Keys of transparency logs, one of which must confirm the signature; empty where none is asked.
    pub rekor: KeySource,
    /// Which names in a signature are accepted.
    pub identity: Identity,
}

/// Whose sigstore signature is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigstoreRoot {
    /// One by one of these keys.
    Keys(KeySource),
    /// One by a short-lived certificate that this authority gave to this user.
    Fulcio(Fulcio),
    /// One by a certificate of another authority, which cannot be checked.
    Pki,
}

/// An authority that certifies who somebody is for some minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulcio {
    /// Its certificates.
    pub authority: KeySource,
    /// Who told it about the user (an OIDC issuer).
    pub oidc_issuer: String,
    /// The user's address.
    pub subject_email: String,
}

/// Where keys or certificates are: in files, or in the policy itself.
pub type KeySource = Vec<KeyMaterial>;

/// One key, or several in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// In a file.
    Path(PathBuf),
    /// In the policy.
    Data(Vec<u8>),
}

/// Which names in a signature are accepted for the image that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Identity {
    /// The very name.
    MatchExact,
    /// The very name; the repository where the image is named by a digest alone.
    #[default]
    MatchRepoDigestOrExact,
    /// The same repository, whatever the tag.
    MatchRepository,
    /// This name, whatever the image is called.
    ExactReference(String),
    /// This repository, whatever the image is called.
    ExactRepository(String),
    /// As [`Identity::MatchRepoDigestOrExact`], after a prefix was replaced: for mirrors.
    Remap {
        /// What the image's name begins with.
        prefix: String,
        /// What the name in the signature begins with instead.
        signed_prefix: String,
    },
}

const KEY_TYPES: [&str; 4] = ["GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs"];

impl Requirement {
    /// The type as the file writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AcceptAnything => "insecureAcceptAnything",
            Self::Reject => "reject",
            Self::SignedBy(_) => "signedBy",
            Self::SigstoreSigned(_) => "sigstoreSigned",
        }
    }

    /// Of the object that stands in the list for `what`. An unknown field is an error.
    pub(super) fn parse(what: &str, fields: &Map<String, Value>) -> Result<Self, ParseError> {
        let fields = Fields { what, fields };
        match fields.text("type")?.as_deref() {
            Some("insecureAcceptAnything") => fields.only(&["type"]).map(|()| Self::AcceptAnything),
            Some("reject") => fields.only(&["type"]).map(|()| Self::Reject),
            Some("signedBy") => signed_by(&fields).map(Self::SignedBy),
            Some("sigstoreSigned") => sigstore_signed(&fields).map(Self::SigstoreSigned),
            Some(other) => Err(fields.wrong(&format!("unknown requirement type {other:?}"))),
            None => Err(fields.wrong("a requirement has no type")),
        }
    }
}

fn signed_by(fields: &Fields<'_>) -> Result<SignedBy, ParseError> {
    fields.only(&["type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"])?;
    let key_type = fields.text("keyType")?.ok_or_else(|| fields.wrong("\"keyType\" is missing"))?;
    if !KEY_TYPES.contains(&key_type.as_str()) {
        return Err(fields.wrong(&format!("unknown keyType {key_type:?}")));
    }
    let keys = fields.one_of(&["keyPath", "keyPaths", "keyData"])?;
    let keys =
        keys.ok_or_else(|| fields.wrong("exactly one of keyPath, keyPaths and keyData must be there"))?;
    Ok(SignedBy { key_type, keys, identity: identity(fields)? })
}

fn sigstore_signed(fields: &Fields<'_>) -> Result<SigstoreSigned, ParseError> {
    let keys = ["keyPath", "keyPaths", "keyData", "keyDatas"];
    let logs = ["rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas"];
    fields.only(&[&["type", "fulcio", "pki", "signedIdentity"], &keys[..], &logs[..]].concat())?;
    let rekor = fields.one_of(&logs)?.unwrap_or_default();
    let mut roots = Vec::new();
    roots.extend(fields.one_of(&keys)?.map(SigstoreRoot::Keys));
    if let Some(value) = fields.get("fulcio") {
        roots.push(SigstoreRoot::Fulcio(fulcio(&fields.inner("fulcio", value)?)?));
        if rekor.is_empty() {
            return Err(
                fields.wrong("fulcio needs a key of the transparency log (rekorPublicKeyPath or …Data)")
            );
        }
    }
    if fields.get("pki").is_some() {
        roots.push(SigstoreRoot::Pki);
    }
    if roots.len() > 1 {
        return Err(
            fields.wrong("only one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki may be there")
        );
    }
    let root = roots.pop().ok_or_else(|| {
        fields.wrong("exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki must be there")
    })?;
    Ok(SigstoreSigned { root, rekor, identity: identity(fields)? })
}

fn fulcio(fields: &Fields<'_>) -> Result<Fulcio, ParseError> {
    fields.only(&["caPath", "caData", "oidcIssuer", "subjectEmail"])?;
    let text = |name: &str| {
        fields.text(name)?.ok_or_else(|| fields.wrong(&format!("{name:?} is missing in fulcio")))
    };
    let authority = fields.one_of(&["caPath", "caData"])?;
    Ok(Fulcio {
        authority: authority.ok_or_else(|| fields.wrong("fulcio needs caPath or caData"))?,
        oidc_issuer: text("oidcIssuer")?,
        subject_email: text("subjectEmail")?,
    })
}

fn identity(fields: &Fields<'_>) -> Result<Identity, ParseError> {
    let Some(value) = fields.get("signedIdentity") else { return Ok(Identity::default()) };
    let fields = fields.inner("signedIdentity", value)?;
    let text = |name: &str| match fields.text(name)? {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(fields.wrong(&format!("{name:?} is missing in signedIdentity"))),
    };
    let kind = text("type")?;
    let (allowed, identity): (&[&str], _) = match kind.as_str() {
        "matchExact" => (&["type"], Identity::MatchExact),
        "matchRepoDigestOrExact" => (&["type"], Identity::MatchRepoDigestOrExact),
        "matchRepository" => (&["type"], Identity::MatchRepository),
        "exactReference" => {
            (&["type", "dockerReference"], Identity::ExactReference(text("dockerReference")?))
        }
        "exactRepository" => {
            (&["type", "dockerRepository"], Identity::ExactRepository(text("dockerRepository")?))
        }
        "remapIdentity" => (
            &["type", "prefix", "signedPrefix"],
            Identity::Remap { prefix: text("prefix")?, signed_prefix: text("signedPrefix")? },
        ),
        other => return Err(fields.wrong(&format!("unknown signedIdentity type {other:?}"))),
    };
    fields.only(allowed)?;
    Ok(identity)
}

/// The fields of an object, with its place for messages.
struct Fields<'a> {
    what: &'a str,
    fields: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn wrong(&self, reason: &str) -> ParseError {
        ParseError::new(format!("{:?}: {reason}", self.what))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name)
    }

    fn inner(&self, name: &str, value: &'a Value) -> Result<Fields<'a>, ParseError> {
        Ok(Fields { what: self.what, fields: object(name, value)? })
    }

    fn only(&self, allowed: &[&str]) -> Result<(), ParseError> {
        match self.fields.keys().find(|field| !allowed.contains(&field.as_str())) {
            Some(field) => Err(self.wrong(&format!("unknown field {field:?}"))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, ParseError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(&format!("{name:?} is not a string"))),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, ParseError> {
        let wrong = || self.wrong(&format!("{name:?} is not a list of strings with at least one"));
        let list = match self.get(name) {
            Some(Value::Array(list)) if !list.is_empty() => list,
            _ => return Err(wrong()),
        };
        list.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    /// What at most one of these fields names; its spelling says what it is: `…Path`, `…Paths`, `…Data`, `…Datas`.
    fn one_of(&self, names: &[&str]) -> Result<Option<KeySource>, ParseError> {
        let given: Vec<&str> = names.iter().copied().filter(|name| self.fields.contains_key(*name)).collect();
        let name = match given[..] {
            [] => return Ok(None),
            [name] => name,
            _ => return Err(self.wrong(&format!("only one of {} may be there", given.join(" and ")))),
        };
        let values = match name.ends_with('s') {
            true => self.texts(name)?,
            false => self.text(name)?.into_iter().collect(),
        };
        let is_data = name.trim_end_matches('s').ends_with("Data");
        values
            .into_iter()
            .map(|value| match is_data {
                false if value.is_empty() => Err(self.wrong(&format!("{name:?} is empty"))),
                false => Ok(KeyMaterial::Path(value.into())),
                true => match STANDARD.decode(value) {
                    Ok(data) if !data.is_empty() => Ok(KeyMaterial::Data(data)),
                    _ => Err(self.wrong(&format!("{name:?} is not base64 of a key"))),
                },
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Requirement, ParseError> {
        let value: Value = serde_json::from_str(text).unwrap();
        Requirement::parse("r.io", value.as_object().unwrap())
    }

    #[test]
    fn requirements_become_values() {
        let keys = |paths: &[&str]| -> KeySource {
            paths.iter().map(|path| KeyMaterial::Path((*path).into())).collect()
        };
        let key_type = || "GPGKeys".to_owned();
        assert_eq!(
            parse(r#"{"type":"signedBy","keyType":"GPGKeys","keyPaths":["/a","/b"]}"#),
            Ok(Requirement::SignedBy(SignedBy {
                key_type: key_type(),
                keys: keys(&["/a", "/b"]),
                identity: Identity::MatchRepoDigestOrExact,
            }))
        );
        let remap = r#"{"type":"signedBy","keyType":"GPGKeys","keyData":"YWJj","signedIdentity":
            {"type":"remapIdentity","prefix":"m.io","signedPrefix":"r.io"}}"#;
        assert_eq!(
            parse(remap),
            Ok(Requirement::SignedBy(SignedBy {
                key_type: key_type(),
                keys: vec![KeyMaterial::Data(b"abc".to_vec())],
                identity: Identity::Remap { prefix: "m.io".into(), signed_prefix: "r.io".into() },
            }))
        );
        let sigstore = r#"{"type":"sigstoreSigned","keyPath":"/a","rekorPublicKeyData":"YWJj",
            "signedIdentity":{"type":"matchRepository"}}"#;
        assert_eq!(
            parse(sigstore),
            Ok(Requirement::SigstoreSigned(SigstoreSigned {
                root: SigstoreRoot::Keys(keys(&["/a"])),
                rekor: vec![KeyMaterial::Data(b"abc".to_vec())],
                identity: Identity::MatchRepository,
            }))
        );
    }

    #[test]
    fn wrong_requirements_are_refused() {
        let signed = |rest: &str| format!(r#"{{"type":"signedBy","keyType":"GPGKeys"{rest}}}"#);
        let sigstore = |rest: &str| format!(r#"{{"type":"sigstoreSigned"{rest}}}"#);
        for (text, expected) in [
            (signed(""), "exactly one of keyPath"),
            (signed(r#","keyPath":"/a","keyData":"YQ==""#), "only one of keyPath and keyData"),
            (signed(r#","keyPath":1"#), "\"keyPath\" is not a string"),
            (signed(r#","keyPath":"""#), "\"keyPath\" is empty"),
            (signed(r#","keyPaths":[]"#), "\"keyPaths\" is not a list"),
            (signed(r#","keyData":"?""#), "\"keyData\" is not base64"),
            (signed(r#","keyDatas":["YQ=="]"#), "unknown field \"keyDatas\""),
            (signed(r#","keyPath":"/a","signedIdentity":{"type":"any"}"#), "unknown signedIdentity type"),
            (signed(r#","keyPath":"/a","signedIdentity":{"type":"exactReference"}"#), "dockerReference"),
            (
                signed(r#","keyPath":"/a","signedIdentity":{"type":"matchExact","prefix":"x"}"#),
                "unknown field \"prefix\"",
            ),
            (r#"{"type":"signedBy","keyType":"PGP","keyPath":"/a"}"#.into(), "unknown keyType \"PGP\""),
            (r#"{"type":"signedBy","keyPath":"/a"}"#.into(), "\"keyType\" is missing"),
            (sigstore(""), "exactly one of"),
            (sigstore(r#","keyPath":"/a","pki":{}"#), "only one of"),
            (
                sigstore(r#","fulcio":{"caPath":"/c","oidcIssuer":"i","subjectEmail":"e"}"#),
                "fulcio needs a key",
            ),
            (sigstore(r#","rekorPublicKeyPath":"/k","fulcio":{"caPath":"/c"}"#), "\"oidcIssuer\" is missing"),
            (r#"{"type":1}"#.into(), "\"type\" is not a string"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("r.io"), "{text}: {error}");
        }
    }
}
