//! Which entry of an index runs here.

use serde::{Deserialize, Serialize};

/// Operating system, architecture and variant, in Go's names (`linux`, `amd64`, `arm64`, `v7`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// Operating system.
    #[serde(default)]
    pub os: String,
    /// Processor architecture.
    #[serde(default)]
    pub architecture: String,
    /// Variant of the architecture; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

impl Platform {
    /// Linux on the architecture this program was built for.
    pub fn host() -> Self {
        Self::linux(normal_architecture(std::env::consts::ARCH))
    }

    /// The host's platform with the parts that were asked for; another architecture has no variant of its own.
    pub fn asked(os: Option<&str>, architecture: Option<&str>, variant: Option<&str>) -> Self {
        let mut platform = Self::host();
        if let Some(os) = os {
            platform.os = os.to_owned();
        }
        if let Some(architecture) = architecture {
            platform.architecture = architecture.to_owned();
            platform.variant.clear();
        }
        if let Some(variant) = variant {
            platform.variant = variant.to_owned();
        }
        platform
    }

    /// Linux on `architecture`, in Go's name.
    pub fn linux(architecture: &str) -> Self {
        Self { os: "linux".into(), architecture: architecture.into(), variant: String::new() }
    }

    /// From `OS/ARCH[/VARIANT]`, or from an architecture alone; names that `uname -m` uses are translated.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| {
            part.is_empty()
                || !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }) {
            return None;
        }
        let lower = |part: &str| part.to_ascii_lowercase();
        let mut platform = match parts.as_slice() {
            [architecture] => Self::linux(&lower(architecture)),
            [os, architecture] => {
                Self { os: lower(os), architecture: lower(architecture), variant: String::new() }
            }
            [os, architecture, variant] => {
                Self { os: lower(os), architecture: lower(architecture), variant: lower(variant) }
            }
            _ => return None,
        };
        if platform.architecture == "armhf" && platform.variant.is_empty() {
            platform.variant = "v7".into();
        }
        if platform.architecture == "armel" && platform.variant.is_empty() {
            platform.variant = "v6".into();
        }
        platform.architecture = normal_architecture(&platform.architecture).into();
        Some(platform)
    }

    /// The variants to look for, best first; the empty one is always among them.
    fn variants(&self) -> Vec<&str> {
        let known: &[&str] = match self.architecture.as_str() {
            "arm" => &["v8", "v7", "v6", "v5"],
            "arm64" => &["v8"],
            _ => &[],
        };
        if self.variant.is_empty() {
            return std::iter::once("").chain(known.iter().copied()).collect();
        }
        let mut variants = match known.iter().position(|variant| *variant == self.variant) {
            Some(position) => known[position..].to_vec(),
            None => vec![self.variant.as_str()],
        };
        variants.push("");
        variants
    }

    /// The position of the best entry for this platform.
    pub fn choose<'a>(&self, entries: impl IntoIterator<Item = Option<&'a Platform>>) -> Option<usize> {
        let entries: Vec<_> = entries.into_iter().collect();
        self.variants().into_iter().find_map(|variant| {
            entries.iter().position(|entry| {
                entry.is_some_and(|entry| {
                    entry.os == self.os && entry.architecture == self.architecture && entry.variant == variant
                })
            })
        })
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(formatter, "/{}", self.variant)?;
        }
        Ok(())
    }
}

fn normal_architecture(name: &str) -> &str {
    match name {
        "x86_64" | "x86-64" => "amd64",
        "x86" | "i386" | "i686" => "386",
        "aarch64" => "arm64",
        "armhf" | "armel" => "arm",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        Platform::parse(text).unwrap()
    }

    #[test]
    fn prefers_the_nearest_variant() {
        let have =
            ["linux/arm/v5", "linux/arm/v7", "linux/arm64/v8", "linux/amd64", "windows/amd64"].map(platform);
        let choose = |wanted: &str| platform(wanted).choose(have.iter().map(Some));
        assert_eq!(choose("linux/arm/v7"), Some(1));
        assert_eq!(choose("linux/arm/v6"), Some(0));
        assert_eq!(choose("linux/arm"), Some(1));
        assert_eq!(choose("aarch64"), Some(2));
        assert_eq!(choose("x86_64"), Some(3));
        assert_eq!(choose("windows/amd64"), Some(4));
        assert_eq!(choose("linux/s390x"), None);
    }

    #[test]
    fn refuses_odd_text() {
        for text in ["", "/", "linux/", "a/b/c/d", "linux/amd 64"] {
            assert_eq!(Platform::parse(text), None, "{text}");
        }
    }
}
