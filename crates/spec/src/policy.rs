//! Small choices: `--restart`, `--pull`, `--platform`, `--log-driver`, `--log-opt`, `--entrypoint`.

use cove_api::LogConfig;

use crate::error::{Result, bail};
use crate::size;

/// A restart policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restart {
    /// `no`, `always`, `on-failure` or `unless-stopped`.
    pub policy: String,
    /// Most restarts of `on-failure`; `None` for no limit.
    pub tries: Option<u32>,
}

/// Parses `--restart`: `no`, `always`, `on-failure[:TRIES]`, `unless-stopped`.
///
/// # Errors
/// The policy is unknown, or the number is wrong or does not belong there.
pub fn restart(text: &str) -> Result<Restart> {
    let (policy, tries) = match text.split_once(':') {
        Some((policy, tries)) => (policy, Some(tries)),
        None => (text, None),
    };
    let policy = match policy.to_ascii_lowercase().as_str() {
        "" | "no" | "none" | "never" => "no",
        "always" => "always",
        "on-failure" | "onfailure" => "on-failure",
        "unless-stopped" => "unless-stopped",
        _ => bail!(
            "{text:?} is not a valid restart policy: use no, always, on-failure[:tries] or unless-stopped"
        ),
    };
    let tries = match tries {
        None => None,
        Some(_) if policy != "on-failure" => {
            bail!("restart policy retries can only be specified with on-failure restart policy")
        }
        Some(tries) => match tries.parse::<u32>() {
            // Docker means "no limit" with 0.
            Ok(tries) => Some(tries).filter(|tries| *tries > 0),
            Err(_) => bail!("parsing restart policy retry count: {tries:?} is not a number of 0 or more"),
        },
    };
    Ok(Restart { policy: policy.to_owned(), tries })
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// Always.
    Always,
    /// Where it is not in the store.
    #[default]
    Missing,
    /// Never.
    Never,
    /// Where the registry's is newer than the store's; a registry that cannot be reached is no error then.
    Newer,
}

impl PullPolicy {
    /// The policy as Podman writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Missing => "missing",
            Self::Never => "never",
            Self::Newer => "newer",
        }
    }
}

/// Parses `--pull`: `always`, `missing`, `never`, `newer`; also the older `true`, `false`, `ifmissing`,
/// `ifnotpresent`, `ifnewer`.
///
/// # Errors
/// The policy is unknown.
pub fn pull(text: &str) -> Result<PullPolicy> {
    match text.to_ascii_lowercase().as_str() {
        "always" | "true" | "1" => Ok(PullPolicy::Always),
        "" | "missing" | "ifmissing" | "ifnotpresent" | "false" | "0" => Ok(PullPolicy::Missing),
        "never" => Ok(PullPolicy::Never),
        "newer" | "ifnewer" => Ok(PullPolicy::Newer),
        _ => bail!("unsupported pull policy {text:?}"),
    }
}

/// A platform in the OCI's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// Such as `amd64`, `arm64`.
    pub architecture: String,
    /// Such as `v7`; empty where it does not matter.
    pub variant: String,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.variant) }
    }
}

/// Parses `OS/ARCH[/VARIANT]`, or an architecture alone for Linux; other names of architectures are translated.
///
/// # Errors
/// The form is wrong.
pub fn platform(text: &str) -> Result<Platform> {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    if !parts.iter().all(|part| is_part(part)) {
        bail!("invalid platform syntax for {text:?} (use OS/ARCH[/VARIANT])");
    }
    let (os, architecture, variant) = match parts[..] {
        [os @ ("linux" | "windows" | "darwin" | "freebsd")] => {
            bail!(
                "invalid platform syntax for {text:?} (use OS/ARCH[/VARIANT]): the architecture of {os} is missing"
            )
        }
        [architecture] => ("linux", architecture, ""),
        [os, architecture] => (os, architecture, ""),
        [os, architecture, variant] => (os, architecture, variant),
        _ => bail!("invalid platform syntax for {text:?} (use OS/ARCH[/VARIANT])"),
    };
    let os = if os == "macos" { "darwin" } else { os };
    let (architecture, variant) = architecture_and_variant(architecture, variant);
    Ok(Platform { os: os.to_owned(), architecture, variant })
}

/// Translates names of architectures (`x86_64`, `aarch64`, `armhf`) into the OCI's.
pub(crate) fn architecture_and_variant(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = match (architecture, variant) {
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("i386" | "i486" | "i586" | "i686" | "x86", _) => ("386", ""),
        ("aarch64" | "arm64", "" | "8" | "v8") => ("arm64", ""),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.to_owned(), variant.to_owned())
}

/// Parses `--log-driver` and all `--log-opt` (`path=`, `max-size=` in powers of 1000, `driver=`, others are the
/// driver's own).
///
/// # Errors
/// The driver is unknown, or an option has no `=` or a wrong value.
pub fn log<'a>(driver: Option<&str>, options: impl IntoIterator<Item = &'a str>) -> Result<LogConfig> {
    let mut config = LogConfig { driver: driver.unwrap_or_default().to_owned(), ..LogConfig::default() };
    for text in options {
        let Some((key, value)) = text.split_once('=') else { bail!("invalid log option {text:?}") };
        match key.to_ascii_lowercase().as_str() {
            "driver" => value.clone_into(&mut config.driver),
            "path" => value.clone_into(&mut config.path),
            "max-size" => {
                config.size = if value == "-1" {
                    -1
                } else {
                    i64::try_from(size::decimal_bytes(value)?).unwrap_or(i64::MAX)
                }
            }
            "" => bail!("invalid log option {text:?}"),
            _ => {
                config.options.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    let known = ["", "k8s-file", "json-file", "journald", "none", "passthrough", "passthrough-tty"];
    if !known.contains(&config.driver.as_str()) {
        bail!("running container create option: invalid log driver: invalid argument");
    }
    Ok(config)
}

/// Parses `--entrypoint`: a JSON list of strings, or one program. Empty clears the image's.
pub fn entrypoint(text: &str) -> Vec<String> {
    if let Ok(list) = serde_json::from_str::<Vec<String>>(text) {
        return list;
    }
    if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts() {
        for (text, policy, tries) in [
            ("", "no", None),
            ("no", "no", None),
            ("always", "always", None),
            ("on-failure", "on-failure", None),
            ("on-failure:3", "on-failure", Some(3)),
            ("on-failure:0", "on-failure", None),
            ("unless-stopped", "unless-stopped", None),
        ] {
            assert_eq!(restart(text).unwrap(), Restart { policy: policy.to_owned(), tries }, "{text}");
        }
        for (text, expected) in [
            ("sometimes", "not a valid restart policy"),
            ("always:3", "only be specified with on-failure"),
            ("on-failure:x", "retry count"),
            ("on-failure:-1", "retry count"),
            ("on-failure:1:2", "retry count"),
        ] {
            assert!(restart(text).unwrap_err().to_string().contains(expected), "{text}");
        }
    }

    #[test]
    fn pulls() {
        assert_eq!(pull("always").unwrap(), PullPolicy::Always);
        assert_eq!(pull("IfNotPresent").unwrap(), PullPolicy::Missing);
        assert_eq!(pull("newer").unwrap().as_str(), "newer");
        assert!(pull("often").unwrap_err().to_string().contains("unsupported pull policy \"often\""));
    }

    #[test]
    fn platforms() {
        for (text, expected) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("Linux/ARM/v7", "linux/arm/v7"),
            ("linux/arm", "linux/arm/v7"),
            ("arm64", "linux/arm64"),
            ("aarch64", "linux/arm64"),
            ("linux/riscv64", "linux/riscv64"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(platform(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "linux", "linux/", "linux/a/b/c", "linux/../x", "a b"] {
            assert!(platform(text).unwrap_err().to_string().contains("invalid platform syntax"), "{text}");
        }
    }

    #[test]
    fn logs() {
        let config = log(Some("k8s-file"), ["path=/x.log", "max-size=10m", "tag={{.Name}}"]).unwrap();
        assert_eq!((config.path.as_str(), config.size), ("/x.log", 10_000_000));
        assert_eq!(config.options["tag"], "{{.Name}}");
        assert_eq!(log(None, ["driver=none"]).unwrap().driver, "none");
        assert!(log(Some("syslog"), []).unwrap_err().to_string().contains("invalid log driver"));
        assert!(log(None, ["path"]).is_err());
        assert!(log(None, ["max-size=big"]).is_err());
    }

    #[test]
    fn entrypoints() {
        assert_eq!(entrypoint("[\"a\",\"b c\"]"), ["a", "b c"]);
        assert_eq!(entrypoint("/bin/sh -c"), ["/bin/sh -c"]);
        assert!(entrypoint("").is_empty() && entrypoint("[]").is_empty());
        assert_eq!(entrypoint("[a"), ["[a"]);
    }
}
