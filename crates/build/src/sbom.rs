//! Bills of materials (SBOM): the commands that make them, and how several become one.
//!
//! The formats are those of [CycloneDX](https://cyclonedx.org/specification/overview/) and
//! [SPDX 2.3](https://spdx.github.io/spdx-spec/v2.3/), of which only lists and their keys are looked at.

use std::collections::BTreeSet;

use cove_api::{Sbom, SbomMerge};
use serde_json::{Map, Value, json};

use crate::error::{BuildError, Result};

/// Where a scanner finds the image's files.
pub const SBOM_ROOTFS: &str = "/.rootfs";
/// Where a scanner writes.
pub const SBOM_OUTPUTS: &str = "/.scans";

/// Where a scanner finds a build context.
#[must_use]
pub fn sbom_context(index: usize) -> String {
    format!("/.context{index}")
}

/// A known scanner: its image, its commands, and how what they write becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SbomPreset {
    /// The image.
    pub scanner: &'static str,
    /// The commands.
    pub commands: [&'static str; 2],
    /// What comes of them.
    pub merge: SbomMerge,
}

/// The scanner that a name stands for.
#[must_use]
pub fn sbom_preset(name: &str) -> Option<SbomPreset> {
    const SYFT: &str = "ghcr.io/anchore/syft";
    const TRIVY: &str = "ghcr.io/aquasecurity/trivy";
    let (scanner, commands, merge) = match name {
        "syft" | "syft-cyclonedx" => (
            SYFT,
            [
                "/syft scan -q dir:{ROOTFS} --output cyclonedx-json={OUTPUT}",
                "/syft scan -q dir:{CONTEXT} --output cyclonedx-json={OUTPUT}",
            ],
            SbomMerge::CycloneDx,
        ),
        "syft-spdx" => (
            SYFT,
            [
                "/syft scan -q dir:{ROOTFS} --output spdx-json={OUTPUT}",
                "/syft scan -q dir:{CONTEXT} --output spdx-json={OUTPUT}",
            ],
            SbomMerge::Spdx,
        ),
        "trivy" | "trivy-cyclonedx" => (
            TRIVY,
            [
                "trivy filesystem -q {ROOTFS} --format cyclonedx --output {OUTPUT}",
                "trivy filesystem -q {CONTEXT} --format cyclonedx --output {OUTPUT}",
            ],
            SbomMerge::CycloneDx,
        ),
        "trivy-spdx" => (
            TRIVY,
            [
                "trivy filesystem -q {ROOTFS} --format spdx-json --output {OUTPUT}",
                "trivy filesystem -q {CONTEXT} --format spdx-json --output {OUTPUT}",
            ],
            SbomMerge::Spdx,
        ),
        _ => return None,
    };
    Some(SbomPreset { scanner, commands, merge })
}

/// A way of merging by its name.
///
/// # Errors
/// It is none.
pub fn sbom_merge(name: &str) -> Result<SbomMerge> {
    Ok(match name {
        "cat" => SbomMerge::Cat,
        "merge-cyclonedx-by-component-name-and-version" => SbomMerge::CycloneDx,
        "merge-spdx-by-package-name-and-versioninfo" => SbomMerge::Spdx,
        other => {
            return Err(BuildError::new(format!(
                "{other:?} is no way of merging: cat, merge-cyclonedx-by-component-name-and-version or \
                 merge-spdx-by-package-name-and-versioninfo"
            )));
        }
    })
}

/// A scan: the words of its command, and the name of the file in [`SBOM_OUTPUTS`] that it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SbomScan {
    /// The words.
    pub words: Vec<String>,
    /// The file's name.
    pub output: String,
}

/// The scans that commands ask for, of an image and that many contexts. One that names a context is done for each; one
/// that names neither that nor the image's files scans nothing and is left out. What a shell would have to understand is
/// given to `shell`; the images of scanners often have none.
#[must_use]
pub fn sbom_scans(commands: &[String], shell: &[String], contexts: usize) -> Vec<SbomScan> {
    let mut scans = Vec::new();
    for command in commands {
        let plain = Some(command).filter(|command| !command.contains(['<', '>', '|']));
        let words = plain.and_then(|command| shlex::split(command));
        let words = words.unwrap_or_else(|| shell.iter().chain([command]).cloned().collect());
        let names = |place: &str| words.iter().any(|word| word.contains(place));
        let mut add = |place: &str, path: &str| {
            let output = format!("scan{}.json", scans.len());
            let file = format!("{SBOM_OUTPUTS}/{output}");
            let word = |word: &String| word.replace(place, path).replace("{OUTPUT}", &file);
            scans.push(SbomScan { words: words.iter().map(word).collect(), output });
        };
        if names("{CONTEXT}") {
            (0..contexts).for_each(|index| add("{CONTEXT}", &sbom_context(index)));
        } else if names("{ROOTFS}") {
            add("{ROOTFS}", SBOM_ROOTFS);
        }
    }
    scans
}

/// What several scans have written, as one.
///
/// # Errors
/// A document is not of the format that is merged.
pub fn sbom_merged(merge: SbomMerge, documents: &[Vec<u8>]) -> Result<Sbom> {
    let mut purls = BTreeSet::new();
    let document = match merge {
        SbomMerge::Cat => documents.concat(),
        SbomMerge::CycloneDx => merged(documents, &[("components", component)], &mut purls)?,
        SbomMerge::Spdx => {
            merged(documents, &[("packages", package), ("hasExtractedLicensingInfos", licence)], &mut purls)?
        }
    };
    let purls = match purls.is_empty() {
        true => json!({"image_contents": {}}),
        false => json!({"image_contents": {"dependencies": purls}}),
    };
    Ok(Sbom { document, purls: format!("{purls}\n").into_bytes() })
}

/// What an entry of a list is known by, and its package URL.
type Known = fn(&Map<String, Value>) -> Option<(String, Option<&str>)>;

fn merged(documents: &[Vec<u8>], lists: &[(&str, Known)], purls: &mut BTreeSet<String>) -> Result<Vec<u8>> {
    let mut whole: Option<Map<String, Value>> = None;
    for document in documents {
        let read = serde_json::from_slice::<Map<String, Value>>(document);
        let mut next = read.map_err(|error| BuildError::new(format!("a bill of materials: {error}")))?;
        let Some(whole) = &mut whole else {
            for (name, known) in lists {
                keys(&next, name, *known, purls)?;
            }
            whole = Some(next);
            continue;
        };
        for (name, known) in lists {
            let there: BTreeSet<String> = keys(whole, name, *known, purls)?.into_iter().collect();
            let new = keys(&next, name, *known, purls)?;
            let Some(Value::Array(entries)) = next.remove(*name) else { continue };
            let mut seen = there;
            let added = entries.into_iter().zip(new).filter(|(_, key)| seen.insert(key.clone()));
            let added: Vec<Value> = added.map(|(entry, _)| entry).collect();
            match whole.entry(*name).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(all) => all.extend(added),
                other => *other = Value::Array(added),
            }
        }
    }
    let mut text =
        serde_json::to_vec(&whole.unwrap_or_default()).map_err(|error| BuildError::new(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

/// What the entries of a list are known by; their package URLs are noted.
fn keys(
    document: &Map<String, Value>,
    name: &str,
    known: Known,
    purls: &mut BTreeSet<String>,
) -> Result<Vec<String>> {
    let entries = document.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let key = |entry: &Value| {
        let (key, purl) = entry.as_object().and_then(known).ok_or_else(|| {
            BuildError::new(format!("a bill of materials: an entry of {name:?} without a name"))
        })?;
        purls.extend(purl.filter(|purl| !purl.is_empty()).map(ToOwned::to_owned));
        Ok(key)
    };
    entries.iter().map(key).collect()
}

fn text<'a>(entry: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    entry.get(name).and_then(Value::as_str)
}

fn versioned(entry: &Map<String, Value>, version: &str) -> Option<String> {
    let name = text(entry, "name")?;
    Some(match text(entry, version).unwrap_or_default() {
        "" => name.to_owned(),
        version => format!("{name}@{version}"),
    })
}

fn component(entry: &Map<String, Value>) -> Option<(String, Option<&str>)> {
    Some((versioned(entry, "version")?, text(entry, "purl")))
}

fn package(entry: &Map<String, Value>) -> Option<(String, Option<&str>)> {
    let references = entry.get("externalRefs").and_then(Value::as_array).into_iter().flatten();
    let is_purl = |reference: &&Map<String, Value>| {
        text(reference, "referenceCategory") == Some("PACKAGE-MANAGER")
            && text(reference, "referenceType") == Some("purl")
    };
    let purl = references.filter_map(Value::as_object).rfind(is_purl);
    Some((versioned(entry, "versionInfo")?, purl.and_then(|purl| text(purl, "referenceLocator"))))
}

fn licence(entry: &Map<String, Value>) -> Option<(String, Option<&str>)> {
    Some((text(entry, "licenseId")?.to_owned(), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_of_the_image_and_of_each_context() {
        let commands =
            ["a 'b c' {ROOTFS} -o {OUTPUT}", "d {CONTEXT} > {OUTPUT}", "neither"].map(str::to_owned);
        let shell = ["sh".to_owned(), "-c".to_owned()];
        let scans = sbom_scans(&commands, &shell, 2);
        let words: Vec<String> = scans.iter().map(|scan| scan.words.join("|")).collect();
        assert_eq!(
            words,
            [
                "a|b c|/.rootfs|-o|/.scans/scan0.json",
                "sh|-c|d /.context0 > /.scans/scan1.json",
                "sh|-c|d /.context1 > /.scans/scan2.json",
            ]
        );
        assert_eq!(scans[2].output, "scan2.json");
        assert!(sbom_scans(&["{CONTEXT}".into()], &shell, 0).is_empty());
    }

    #[test]
    fn components_are_merged_by_name_and_version() {
        let first =
            br#"{"x": 1, "components": [{"name": "a", "version": "1", "purl": "pkg:a@1"}, {"name": "b"}]}"#;
        let second = br#"{"x": 2, "components": [{"name": "a", "version": "1", "own": true},
            {"name": "a", "version": "2", "purl": "pkg:a@2"}, {"name": "b", "purl": "pkg:a@1"}]}"#;
        let sbom = sbom_merged(SbomMerge::CycloneDx, &[first.to_vec(), second.to_vec()]).unwrap();
        let document: Value = serde_json::from_slice(&sbom.document).unwrap();
        let expected = json!({"x": 1, "components": [{"name": "a", "version": "1", "purl": "pkg:a@1"},
            {"name": "b"}, {"name": "a", "version": "2", "purl": "pkg:a@2"}]});
        assert_eq!(document, expected);
        assert_eq!(sbom.purls, b"{\"image_contents\":{\"dependencies\":[\"pkg:a@1\",\"pkg:a@2\"]}}\n");
    }

    #[test]
    fn packages_and_licences_are_merged() {
        let first = br#"{"packages": [{"name": "a", "versionInfo": "1", "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:a@1"},
            {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "no"}]}]}"#;
        let second = br#"{"packages": [{"name": "a", "versionInfo": "1"}],
            "hasExtractedLicensingInfos": [{"licenseId": "L"}, {"licenseId": "L"}]}"#;
        let sbom = sbom_merged(SbomMerge::Spdx, &[first.to_vec(), second.to_vec()]).unwrap();
        let document: Value = serde_json::from_slice(&sbom.document).unwrap();
        assert_eq!(document["packages"].as_array().unwrap().len(), 1);
        assert_eq!(document["hasExtractedLicensingInfos"], json!([{"licenseId": "L"}]));
        assert!(String::from_utf8(sbom.purls).unwrap().contains("[\"pkg:a@1\"]"));
    }

    #[test]
    fn what_is_no_bill_is_refused() {
        let merged = |merge, text: &str| sbom_merged(merge, &[text.as_bytes().to_vec()]);
        for text in ["", "[]", "{\"components\": [1]}", "{\"components\": [{\"version\": \"1\"}]}"] {
            assert!(merged(SbomMerge::CycloneDx, text).is_err(), "{text}");
        }
        assert_eq!(merged(SbomMerge::Cat, "any").unwrap().document, b"any");
        assert_eq!(merged(SbomMerge::Spdx, "{}").unwrap().purls, b"{\"image_contents\":{}}\n");
        assert!(sbom_merge("some").unwrap_err().message.contains("cat"));
        assert!(sbom_preset("trivy-spdx").is_some() && sbom_preset("other").is_none());
    }
}
