//! The machine-written file of short-name aliases, and what an alias may be.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ParseError, Result};
use crate::file;

/// The machine-written file of short-name aliases (`short-name-aliases.conf`), which wins over `[aliases]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShortNameAliases {
    /// Short names and full repository names.
    pub aliases: BTreeMap<String, String>,
}

impl ShortNameAliases {
    /// Parses the file.
    ///
    /// # Errors
    /// No TOML, or an entry that is no alias.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let (aliases, _): (Self, _) = file::parse_toml(text)?;
        for (name, value) in &aliases.aliases {
            check_alias(name, value).map_err(ParseError::new)?;
        }
        Ok(aliases)
    }

    /// Reads the file at `path` (see [`crate::Directories::short_name_aliases`]); none is empty.
    ///
    /// # Errors
    /// It cannot be read or parsed.
    pub fn load(path: &Path) -> Result<Self> {
        match file::read(path.to_owned())? {
            None => Ok(Self::default()),
            Some(source) => Self::parse(&source.text).map_err(|error| Error::parse(path, error)),
        }
    }

    /// Records what `name` stands for, or takes it back with `None`, under the file's lock.
    ///
    /// # Errors
    /// The names are not allowed, or the file cannot be changed.
    pub fn record(path: &Path, name: &str, value: Option<&str>) -> Result<()> {
        check_alias(name, value.unwrap_or_default()).map_err(|reason| Error::Invalid {
            what: "short-name alias".to_owned(),
            value: name.to_owned(),
            reason,
        })?;
        let failed = |error| Error::write(path, error);
        if let Some(folder) = path.parent() {
            cove_sys::fs::create_dir_all(folder).map_err(failed)?;
        }
        let _lock = cove_sys::lock::FileLock::exclusive(&path.with_extension("conf.lock")).map_err(failed)?;
        let mut file = Self::load(path)?;
        match value {
            Some(value) => file.aliases.insert(name.to_owned(), value.to_owned()),
            None => file.aliases.remove(name),
        };
        let text = toml::to_string(&file).map_err(|error| failed(std::io::Error::other(error)))?;
        cove_sys::atomic::write(path, text.as_bytes(), 0o644).map_err(failed)
    }
}

/// Whether `name` may be an alias of the repository `value`; an empty value takes one back.
pub(super) fn check_alias(name: &str, value: &str) -> Result<(), String> {
    let part = |text: &str| {
        let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || "._-".contains(c))
    };
    let first = name.split('/').next().unwrap_or_default();
    let has_domain = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    if has_domain || name.len() > 255 || !name.split('/').all(part) {
        return Err(format!("invalid alias {name:?}: not a short name without tag"));
    }
    if value.is_empty() {
        return Ok(());
    }
    let (host, path) = value.split_once('/').unwrap_or((value, ""));
    let is_domain = host == "localhost" || host.contains(['.', ':']);
    let allowed = host.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c));
    if !is_domain || !allowed || value.len() > 512 || !path.split('/').all(part) {
        return Err(format!("invalid alias {name:?}: {value:?} is not a full repository name without tag"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alias_file() {
        let folder = std::env::temp_dir().join(format!("cove-aliases-{}", std::process::id()));
        let path = folder.join("short-name-aliases.conf");
        assert_eq!(ShortNameAliases::load(&path).unwrap(), ShortNameAliases::default());
        ShortNameAliases::record(&path, "a/b", Some("quay.io/a/b")).unwrap();
        assert!(ShortNameAliases::record(&path, "a:1", Some("quay.io/a/b")).is_err());
        assert_eq!(ShortNameAliases::load(&path).unwrap().aliases["a/b"], "quay.io/a/b");
        ShortNameAliases::record(&path, "a/b", None).unwrap();
        assert!(ShortNameAliases::load(&path).unwrap().aliases.is_empty());
        cove_sys::fs::remove_dir_all(&folder).unwrap();
    }
}
