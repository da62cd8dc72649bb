//! All devices that are described on this host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::CdiName;
use cove_sys::fs;

use super::file::{ContainerEdits, File};
use crate::error::{Error, Result};

/// Vendors whose graphics processors `--gpus` means, the first that has any.
const GPU_VENDORS: [&str; 2] = ["nvidia.com", "amd.com"];

/// Most files of a folder that are read.
const MAX_FILES: usize = 1024;

/// The devices of all files. A later folder comes before an earlier one; a device that two files of one folder describe is
/// none.
#[derive(Debug, Default)]
pub struct CdiDevices {
    devices: BTreeMap<String, Described>,
    conflicts: BTreeSet<String>,
    vendors: BTreeSet<String>,
    /// Files that could not be read, with the reason.
    problems: Vec<String>,
}

#[derive(Debug)]
struct Described {
    folder: usize,
    file: PathBuf,
    /// What every device of the file brings.
    common: Arc<ContainerEdits>,
    own: ContainerEdits,
}

impl CdiDevices {
    /// Reads the files in these folders. A file that is wrong is a problem only for who wants a device of it.
    #[must_use]
    pub fn read(folders: &[PathBuf]) -> Self {
        let mut all = Self::default();
        for (place, folder) in folders.iter().enumerate() {
            for path in files(folder) {
                match File::read(&path) {
                    Ok(file) => all.add(place, &path, file),
                    Err(error) => all.problems.push(error.to_string()),
                }
            }
        }
        for name in &all.conflicts {
            all.devices.remove(name);
        }
        all
    }

    fn add(&mut self, folder: usize, path: &Path, file: File) {
        let common = Arc::new(file.container_edits);
        if let Ok((vendor, _)) = CdiName::kind(&file.kind) {
            self.vendors.insert(vendor.to_owned());
        }
        for device in file.devices {
            let name = format!("{}={}", file.kind, device.name);
            if let Some(other) = self.devices.get(&name).filter(|other| other.folder == folder) {
                self.problems.push(format!(
                    "{name} is described in {} and in {}",
                    other.file.display(),
                    path.display()
                ));
                self.conflicts.insert(name.clone());
            } else {
                self.conflicts.remove(&name);
            }
            let common = Arc::clone(&common);
            let described = Described { folder, file: path.to_owned(), common, own: device.container_edits };
            self.devices.insert(name, described);
        }
    }

    /// What a container with these devices gets: what every device of a file brings once for each file.
    ///
    /// # Errors
    /// One is not described; the text says which files could not be read.
    pub fn edits(&self, names: &[String]) -> Result<ContainerEdits> {
        let missing: Vec<&str> =
            names.iter().filter(|name| !self.devices.contains_key(*name)).map(String::as_str).collect();
        if !missing.is_empty() {
            let mut what = format!("setting up CDI devices: unresolvable CDI devices {}", missing.join(", "));
            if !self.problems.is_empty() {
                what = format!("{what} ({})", self.problems.join("; "));
            }
            return Err(Error::NotFound { what });
        }
        let mut edits = ContainerEdits::default();
        let mut seen = BTreeSet::new();
        for described in names.iter().filter_map(|name| self.devices.get(name)) {
            if seen.insert(&described.file) {
                edits.extend(&described.common);
            }
            edits.extend(&described.own);
        }
        Ok(edits)
    }

    /// The names of these graphics processors, which are `all` or whatever their vendor calls them.
    ///
    /// # Errors
    /// There is none on this host.
    pub fn gpus(&self, wanted: &[String]) -> Result<Vec<String>> {
        let vendor =
            GPU_VENDORS.into_iter().find(|vendor| self.vendors.contains(*vendor)).ok_or_else(|| {
                Error::NotFound {
                    what: format!(
                        "could not discover GPU vendor: no known GPU vendor ({}) found in CDI specs",
                        GPU_VENDORS.join(", ")
                    ),
                }
            })?;
        Ok(wanted.iter().map(|name| format!("{vendor}/gpu={name}")).collect())
    }
}

/// The files of a folder, in the order of their names; none where it is missing.
fn files(folder: &Path) -> Vec<PathBuf> {
    let is_description =
        |path: &PathBuf| matches!(path.extension().and_then(|e| e.to_str()), Some("json" | "yaml"));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(is_description).take(MAX_FILES).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, kind: &str, devices: &[&str]) {
        fs::create_dir_all(folder).unwrap();
        let devices: Vec<String> = devices
            .iter()
            .map(|device| {
                format!(r#"{{"name": "{device}", "containerEdits": {{"env": ["{device}={name}"]}}}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"cdiVersion": "0.5.0", "kind": "{kind}", "devices": [{}], "containerEdits": {{"env": ["ALL={name}"]}}}}"#,
            devices.join(",")
        );
        fs::write(folder.join(name), text).unwrap();
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn later_folders_come_first_and_conflicts_are_no_devices() {
        let base = tempfile::tempdir().unwrap();
        let (one, two) = (base.path().join("one"), base.path().join("two"));
        put(&one, "a.json", "v.com/c", &["x", "y"]);
        put(&one, "b.json", "v.com/c", &["y"]);
        put(&one, "ignored.txt", "v.com/c", &["z"]);
        put(&two, "c.json", "v.com/c", &["x"]);
        fs::write(one.join("wrong.json"), "{").unwrap();
        let all = CdiDevices::read(&[one, two, base.path().join("none")]);
        assert_eq!(all.edits(&names(&["v.com/c=x"])).unwrap().env, ["ALL=c.json", "x=c.json"]);
        let error = all.edits(&names(&["v.com/c=x", "v.com/c=y", "v.com/c=z"])).unwrap_err().to_string();
        assert!(error.contains("unresolvable CDI devices v.com/c=y, v.com/c=z"), "{error}");
        assert!(error.contains("b.json") && error.contains("wrong.json"), "{error}");
        assert!(all.gpus(&names(&["all"])).unwrap_err().to_string().contains("no known GPU vendor"));
    }

    #[test]
    fn what_a_file_brings_for_all_comes_once() {
        let base = tempfile::tempdir().unwrap();
        put(base.path(), "n.json", "nvidia.com/gpu", &["0", "1"]);
        put(base.path(), "a.json", "amd.com/gpu", &["0"]);
        let all = CdiDevices::read(&[base.path().to_owned()]);
        let gpus = all.gpus(&names(&["0", "1"])).unwrap();
        assert_eq!(gpus, ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]);
        assert_eq!(all.edits(&gpus).unwrap().env, ["ALL=n.json", "0=n.json", "1=n.json"]);
    }
}
