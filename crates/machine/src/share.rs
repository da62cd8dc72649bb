//! Folders of the host that a machine sees: what may be shared, and as what.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How many folders one machine may have: each is a device of its own.
pub(crate) const MOST_FOLDERS: usize = 16;

/// Folders that the machine's own system is made of: nothing is put over them, nor over what is in them, but for the
/// places beneath that are made for it.
const OWN: &[&str] =
    &["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var"];
/// Those places.
const FREE: &[&str] = &["/run/media", "/var/home", "/var/folders", "/var/mnt", "/var/tmp"];

/// A folder of the host, and where a machine has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedFolder {
    /// The folder on the host: absolute.
    pub source: PathBuf,
    /// The mount point in the machine: absolute and normal.
    pub target: String,
    /// Whether the machine may only read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

impl SharedFolder {
    /// Reads `SOURCE[:TARGET[:OPTIONS]]`, where a relative source begins at `here`. Without a target the machine has it
    /// at the same path, so that what names a path on the host means the same inside. Options are `ro` and `rw`, and
    /// Podman's `security_model=…` of another way of sharing, which asks for nothing here.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str, here: &Path) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let source = parts.next().unwrap_or_default();
        let target = parts.next();
        let mut read_only = false;
        for option in parts.next().unwrap_or_default().split(',').filter(|option| !option.is_empty()) {
            match option {
                "ro" => read_only = true,
                "rw" => read_only = false,
                _ if option.starts_with("security_model=") => {}
                _ => return Err(format!("{text:?}: unknown option {option:?}: these are ro and rw")),
            }
        }
        if source.is_empty() {
            return Err(format!("{text:?} names no folder of this host"));
        }
        let source =
            normal(&here.join(source)).ok_or_else(|| format!("{text:?}: {source:?} leads nowhere"))?;
        let target = match target {
            Some(target) => target.to_owned(),
            None => source.to_str().ok_or_else(|| format!("{text:?} is not UTF-8"))?.to_owned(),
        };
        if !target.starts_with('/') {
            return Err(format!("{text:?}: {target:?} in the machine is not an absolute path"));
        }
        let target =
            normal(Path::new(&target)).ok_or_else(|| format!("{text:?}: {target:?} leads nowhere"))?;
        let target = target.display().to_string();
        is_free(&target).map_err(|reason| format!("{text:?}: {reason}"))?;
        Ok(Self { source, target, read_only })
    }

    /// Refuses what is no folder of this host.
    ///
    /// # Errors
    /// A sentence that says so.
    pub(crate) fn check_source(&self) -> Result<(), String> {
        let shown = self.source.display();
        match cove_sys::fs::metadata(&self.source) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(format!("{shown} is not a folder")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(format!("{shown} is not there"))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Refuses a list that has too many, or two at one place.
pub(crate) fn check_together(folders: &[SharedFolder]) -> Result<(), String> {
    if folders.len() > MOST_FOLDERS {
        return Err(format!("{} folders are more than {MOST_FOLDERS}", folders.len()));
    }
    for (index, folder) in folders.iter().enumerate() {
        if folders[..index].iter().any(|other| other.target == folder.target) {
            return Err(format!("two folders are to be at {} in the machine", folder.target));
        }
    }
    Ok(())
}

/// The name under which the guest asks for the folder of that index.
pub(crate) fn tag(index: usize) -> String {
    format!("cove{index}")
}

/// Whether a path of the machine is not its system's own; a guest asks this, too, of what it is told.
pub(crate) fn is_free(target: &str) -> Result<(), String> {
    let beneath = |folder: &&str| Path::new(target).starts_with(folder);
    if target == "/" || (OWN.iter().any(beneath) && !FREE.iter().any(beneath)) {
        return Err(format!("{target} belongs to the machine's own system: choose another place"));
    }
    Ok(())
}

/// An absolute path without `.` and `..`, by its text alone.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !result.pop() {
                    return None;
                }
            }
            other => result.push(other),
        }
    }
    result.is_absolute().then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SharedFolder, String> {
        SharedFolder::parse(text, Path::new("/home/ann"))
    }

    #[test]
    fn what_is_shared_and_where() {
        let folder = |source: &str, target: &str, read_only| SharedFolder {
            source: source.into(),
            target: target.into(),
            read_only,
        };
        for (text, wanted) in [
            ("/home/ann", folder("/home/ann", "/home/ann", false)),
            ("work", folder("/home/ann/work", "/home/ann/work", false)),
            ("./a/../b/:/src/", folder("/home/ann/b", "/src", false)),
            ("/a:/b:ro", folder("/a", "/b", true)),
            ("/a:/b:security_model=none,rw", folder("/a", "/b", false)),
            ("/Users/ann:/Users/ann", folder("/Users/ann", "/Users/ann", false)),
            ("/var/folders/x", folder("/var/folders/x", "/var/folders/x", false)),
        ] {
            assert_eq!(parse(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, reason) in [
            ("", "no folder"),
            (":/b", "no folder"),
            ("/a:b", "not an absolute path"),
            ("/a:/b:noexec", "unknown option \"noexec\""),
            ("/a:/", "own system"),
            ("/a:/etc/x", "own system"),
            ("/usr", "own system"),
            ("/a:/b/../../..", "leads nowhere"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let twice = [parse("/a:/x").unwrap(), parse("/b:/x").unwrap()];
        assert!(check_together(&twice).unwrap_err().contains("/x"));
        assert!(check_together(&vec![parse("/a").unwrap(); MOST_FOLDERS + 1]).unwrap_err().contains("16"));
        let folder = tempfile::tempdir().unwrap();
        let missing = SharedFolder { source: folder.path().join("gone"), ..parse("/a").unwrap() };
        assert!(missing.check_source().unwrap_err().contains("gone"));
    }
}
