//! All hooks of this host, and those of one container.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cove_api::StringMap;
use cove_sys::fs;
use oci_spec::runtime::Spec;

use super::file::{Facts, HookFile};
use super::precreate;
use crate::cdi::add_hook;
use crate::error::{Error, Result};

/// Hooks by the names of their files, which say the order, whatever their case.
#[derive(Debug, Default)]
pub struct HookSet {
    hooks: BTreeMap<String, HookFile>,
}

impl HookSet {
    /// Reads the `*.json` files of these folders; one of a later folder takes the place of another of its name. A folder
    /// that is missing has none.
    ///
    /// # Errors
    /// A file is wrong: what an administrator wants of every container is not left out in silence.
    pub fn read(folders: &[PathBuf]) -> Result<Self> {
        let mut hooks = BTreeMap::new();
        for folder in folders {
            let entries = match fs::read_dir(folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::file(error)),
            };
            for entry in entries {
                let path = entry.map_err(Error::file)?.path();
                if path.extension().is_some_and(|extension| extension == "json") {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                    hooks.insert(name, HookFile::read(path)?);
                }
            }
        }
        Ok(Self { hooks })
    }

    /// Puts the hooks that are for a container into its configuration, and has those of the stage `precreate` change it.
    /// `folder` is where these run.
    ///
    /// # Errors
    /// A hook of that stage fails.
    pub fn apply(
        &self,
        spec: &mut Spec,
        annotations: &StringMap,
        has_bind_mounts: bool,
        folder: &Path,
    ) -> Result<()> {
        let arguments = spec.process().as_ref().and_then(|process| process.args().clone());
        let command = arguments.and_then(|arguments| arguments.into_iter().next()).unwrap_or_default();
        let facts = Facts { annotations, command: &command, has_bind_mounts };
        let chosen: Vec<&HookFile> = self.hooks.values().filter(|file| file.is_for(facts)).collect();
        for file in &chosen {
            for stage in &file.stages {
                // The same moment under its newer name.
                let stage = if stage == "prestart" { "createRuntime" } else { stage };
                add_hook(spec, stage, file.hook.clone());
            }
        }
        for file in chosen.iter().filter(|file| file.stages.iter().any(|stage| stage == "precreate")) {
            *spec = precreate::run(file, spec, folder)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::Process;
    use std::os::unix::fs::PermissionsExt;

    fn put(folder: &Path, name: &str, program: &str, stage: &str) {
        fs::create_dir_all(folder).unwrap();
        let text = format!(
            r#"{{"version": "1.0.0", "hook": {{"path": "{program}"}}, "when": {{"always": true}}, "stages": ["{stage}"]}}"#
        );
        fs::write(folder.join(name), text).unwrap();
    }

    fn applied(folders: &[PathBuf], folder: &Path) -> Result<Spec> {
        let mut spec = Spec::default();
        let mut process = Process::default();
        process.set_args(Some(vec!["/bin/sh".into()]));
        spec.set_process(Some(process));
        HookSet::read(folders)?.apply(&mut spec, &StringMap::new(), false, folder)?;
        Ok(spec)
    }

    #[test]
    fn later_folders_come_first_and_names_say_the_order() {
        let base = tempfile::tempdir().unwrap();
        let (one, two) = (base.path().join("one"), base.path().join("two"));
        put(&one, "b.json", "/bin/false", "poststop");
        put(&one, "A.json", "/bin/sh", "poststop");
        put(&two, "b.json", "/bin/true", "poststop");
        put(&two, "c.json", "/bin/true", "prestart");
        fs::write(one.join("note.txt"), "no hook").unwrap();
        let spec = applied(&[one, two, base.path().join("none")], base.path()).unwrap();
        let hooks = spec.hooks().as_ref().unwrap();
        let paths: Vec<_> = hooks.poststop().iter().flatten().map(|hook| hook.path().clone()).collect();
        assert_eq!(paths, [Path::new("/bin/sh"), Path::new("/bin/true")]);
        assert_eq!(hooks.create_runtime().as_ref().unwrap().len(), 1);
        assert!(applied(&[], base.path()).unwrap().hooks().is_none());
    }

    #[test]
    fn a_hook_before_the_creation_changes_the_configuration() {
        let base = tempfile::tempdir().unwrap();
        let program = base.path().join("change");
        fs::write(&program, "#!/bin/sh\nexec sed 's|/bin/sh|/bin/changed|'\n").unwrap();
        fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let hooks = base.path().join("hooks");
        put(&hooks, "x.json", program.to_str().unwrap(), "precreate");
        let spec = applied(std::slice::from_ref(&hooks), base.path()).unwrap();
        assert_eq!(spec.process().as_ref().unwrap().args().as_ref().unwrap(), &["/bin/changed"]);
        put(&hooks, "x.json", "/bin/true", "precreate");
        let error = applied(std::slice::from_ref(&hooks), base.path()).unwrap_err().to_string();
        assert!(error.contains("x.json"), "{error}");
        put(&hooks, "x.json", "/does/not/exist", "prestart");
        assert!(
            applied(&[hooks], base.path()).unwrap_err().to_string().contains("no program /does/not/exist")
        );
    }
}
