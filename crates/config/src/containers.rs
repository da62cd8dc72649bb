//! containers.conf (containers.conf(5)): defaults of containers, engine, networks, machines and secrets.
//!
//! Every key is optional in a file. [`ContainersConf::built_in`] holds the values where no file says otherwise;
//! a key without a built-in value stays `None`, and the crate that uses it decides at run time.

mod built_in;
mod keys;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dirs::Directories;
use crate::env::{self, Environment};
use crate::error::{Error, ParseError, Result};
use crate::file::{self, Kind, Loaded};
use crate::merge::Merge;
use crate::usage::{Notes, Rules};

pub use keys::{
    ContainersSection, DriverSection, EngineSection, FarmsSection, MachineSection, NetworkSection,
    PodmanshSection, SubnetPool,
};

const KIND: Kind = Kind {
    name: "containers.conf",
    variables: &[env::CONTAINERS_CONF],
    override_variable: env::CONTAINERS_CONF_OVERRIDE,
};

/// What becomes of the keys.
const RULES: Rules = Rules {
    sections: &[
        ("containers", ContainersSection::KEYS),
        ("engine", EngineSection::KEYS),
        ("network", NetworkSection::KEYS),
        ("machine", MachineSection::KEYS),
        ("secrets", DriverSection::KEYS),
        ("configmaps", DriverSection::KEYS),
        ("farms", FarmsSection::KEYS),
        ("podmansh", PodmanshSection::KEYS),
    ],
    variable: env::CONTAINERS_CONF,
};

/// All of containers.conf.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainersConf {
    /// `[containers]`: defaults of new containers.
    pub containers: ContainersSection,
    /// `[engine]`: the engine itself.
    pub engine: EngineSection,
    /// `[network]`: networks.
    pub network: NetworkSection,
    /// `[machine]`: virtual machines.
    pub machine: MachineSection,
    /// `[secrets]`: where secrets are kept.
    pub secrets: DriverSection,
    /// `[configmaps]`: accepted, for Kubernetes objects.
    pub configmaps: DriverSection,
    /// `[farms]`: groups of connections.
    pub farms: FarmsSection,
    /// `[podmansh]`: login shell in a container.
    pub podmansh: PodmanshSection,
}

impl ContainersConf {
    /// Parses the text of one file; keys that are not in it are `None`. Also returns warnings about unknown keys.
    ///
    /// # Errors
    /// No TOML, a value of the wrong type, or one that this version would not obey.
    pub fn parse(text: &str) -> Result<(Self, Vec<String>), ParseError> {
        Self::read(text, false).map(|(conf, notes)| (conf, notes.warnings))
    }

    /// As [`ContainersConf::parse`], perhaps for the distribution's own file.
    pub(crate) fn read(text: &str, by_vendor: bool) -> Result<(Self, Notes), ParseError> {
        let (conf, _) = file::parse_toml(text)?;
        let built_in = toml::Table::try_from(Self::built_in()).unwrap_or_default();
        Ok((conf, RULES.check(text, &built_in, by_vendor)?))
    }

    /// Reads all files (containers.conf(5) says which) over the built-in values. `modules` are the names or
    /// paths given with `--module`.
    ///
    /// # Errors
    /// A file that is there cannot be read or parsed, or one that is named is missing.
    pub fn load(
        environment: &Environment,
        directories: &Directories,
        modules: &[String],
    ) -> Result<Loaded<Self>> {
        let mut loaded = Loaded::new(Self::built_in());
        let mut sources = file::read_all(KIND, environment, directories, None)?;
        if !modules.is_empty() {
            // Modules come after all files but before the override.
            let last = environment.path(env::CONTAINERS_CONF_OVERRIDE).and_then(|_| sources.pop());
            for module in modules {
                sources.push(find_module(module, directories)?);
            }
            sources.extend(last);
        }
        for source in sources {
            let by_vendor = directories.is_vendors(&source.path);
            let (value, notes) =
                Self::read(&source.text, by_vendor).map_err(|error| Error::parse(&source.path, error))?;
            loaded.value.merge(value);
            loaded.add(source.path, notes);
        }
        Ok(loaded)
    }

    /// Folders in which helper programs are searched, before PATH. `binary_folder` is the folder of the running
    /// program and stands for `$BINDIR`.
    pub fn helper_folders(&self, environment: &Environment, binary_folder: Option<&Path>) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            environment.absolute_path(env::CONTAINERS_HELPER_BINARY_DIR).into_iter().collect();
        for entry in self.engine.helper_binaries_dir.iter().flat_map(|list| &list.values) {
            match entry.strip_prefix("$BINDIR") {
                Some(rest) => {
                    if let Some(folder) = binary_folder {
                        let rest = rest.trim_start_matches(['/', '\\']);
                        folders.push(if rest.is_empty() { folder.to_owned() } else { folder.join(rest) });
                    }
                }
                None => folders.push(PathBuf::from(entry)),
            }
        }
        folders.retain(|folder| folder.is_absolute());
        folders
    }

    /// Places of the OCI runtime `name`: those of `[engine.runtimes]`, else the usual folders, and what the documentation
    /// of containers.conf has beyond them: the names of Kata's programs, and where CRI-O brings its runc.
    pub fn runtime_paths(&self, name: &str) -> Vec<PathBuf> {
        if let Some(paths) = self.engine.runtimes.as_ref().and_then(|runtimes| runtimes.get(name)) {
            return paths.iter().map(PathBuf::from).collect();
        }
        let mut folders: Vec<&str> =
            self.engine.runtime_path.iter().flat_map(|list| &list.values).map(String::as_str).collect();
        folders.extend(["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/sbin", "/bin"]);
        folders.push("/run/current-system/sw/bin");
        let (program, others): (_, &[&str]) = match name {
            "kata" => ("kata-runtime", &["/usr/bin/kata-qemu", "/usr/bin/kata-fc"]),
            "runc" => (name, &["/usr/lib/cri-o-runc/sbin/runc"]),
            _ => (name, &[]),
        };
        let usual = folders.iter().map(|folder| Path::new(folder).join(program));
        usual.chain(others.iter().map(PathBuf::from)).collect()
    }
}

impl Merge for ContainersConf {
    fn merge(&mut self, later: Self) {
        self.containers.merge(later.containers);
        self.engine.merge(later.engine);
        self.network.merge(later.network);
        self.machine.merge(later.machine);
        self.secrets.merge(later.secrets);
        self.configmaps.merge(later.configmaps);
        self.farms.merge(later.farms);
        self.podmansh.merge(later.podmansh);
    }
}

fn find_module(module: &str, directories: &Directories) -> Result<file::Source> {
    let missing = |path: PathBuf| Error::Missing { path, named_by: "--module".to_owned() };
    if Path::new(module).is_absolute() {
        return file::read(module.into())?.ok_or_else(|| missing(module.into()));
    }
    for folder in file::folders(directories) {
        if let Some(source) = file::read(folder.join("containers.conf.modules").join(module))? {
            return Ok(source);
        }
    }
    Err(missing(module.into()))
}

#[cfg(test)]
mod tests {
    use super::built_in::DEFAULT_PATH;
    use super::*;

    fn merged(texts: &[&str]) -> ContainersConf {
        let mut conf = ContainersConf::built_in();
        for text in texts {
            conf.merge(ContainersConf::parse(text).unwrap().0);
        }
        conf
    }

    #[test]
    fn later_files_win_key_by_key() {
        let conf = merged(&[
            "[containers]\npids_limit = 5\nlog_driver = \"k8s-file\"\n[engine.runtimes]\nx = [\"/a\"]",
            "[containers]\npids_limit = 6\n[engine.runtimes]\ny = [\"/b\"]",
        ]);
        assert_eq!(conf.containers.pids_limit, Some(6));
        assert_eq!(conf.containers.log_driver.as_deref(), Some("k8s-file"));
        assert_eq!(conf.runtime_paths("x"), [Path::new("/a")]);
        assert_eq!(conf.runtime_paths("y"), [Path::new("/b")]);
        assert!(conf.runtime_paths("crun").contains(&PathBuf::from("/usr/bin/crun")));
        let kata = conf.runtime_paths("kata");
        assert_eq!(kata.first().unwrap(), Path::new("/usr/bin/kata-runtime"));
        assert_eq!(kata.last().unwrap(), Path::new("/usr/bin/kata-fc"));
        assert_eq!(conf.runtime_paths("runc").last().unwrap(), Path::new("/usr/lib/cri-o-runc/sbin/runc"));
    }

    #[test]
    fn lists_replace_or_append() {
        let values = |texts: &[&str]| merged(texts).containers.env.unwrap().values;
        assert_eq!(values(&["[containers]\nenv = [\"A=1\"]"]), ["A=1"]);
        assert_eq!(values(&["[containers]\nenv = [\"A=1\", {append=true}]"]), [DEFAULT_PATH, "A=1"]);
        let sticky = ["[containers]\nenv = [\"A=1\", {append=true}]", "[containers]\nenv = [\"B=1\"]"];
        assert_eq!(values(&sticky), [DEFAULT_PATH, "A=1", "B=1"]);
        assert_eq!(values(&["[containers]\nenv = []"]), [""; 0]);
    }

    #[test]
    fn errors_have_a_line_and_unknown_keys_are_listed() {
        let error = ContainersConf::parse("[containers]\n\npids_limit = \"many\"\n").unwrap_err();
        assert_eq!(error.line, Some(3));
        assert!(error.message.contains("invalid type"), "{error}");
        let error = ContainersConf::parse("[containers]\nenv = [1]\n").unwrap_err();
        assert_eq!(error.line, Some(2));
        assert_eq!(ContainersConf::parse("[containers\n").unwrap_err().line, Some(1));
        for (text, expected) in [
            ("[engine]\nruntimes = 3", "engine.runtimes: invalid type"),
            ("[containers]\n\nenv = [\n \"A=1\",\n 2\n]", "containers.env: invalid type"),
            ("[containers]\nenv = [\"A=1\"\n \"B=2\"]", ""),
        ] {
            let error = ContainersConf::parse(text).unwrap_err();
            assert!(error.message.starts_with(expected) && error.line.is_some(), "{text}: {error}");
        }
    }

    #[test]
    fn helper_folders() {
        let conf = merged(&["[engine]\nhelper_binaries_dir = [\"$BINDIR/../lib\", \"/x\", \"relative\"]"]);
        let folders = conf.helper_folders(&Environment::default(), Some(Path::new("/opt/bin")));
        assert_eq!(folders, [Path::new("/opt/bin/../lib"), Path::new("/x")]);
    }
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod load_tests {
    use super::*;
    use crate::file::tests::{directories, folder, put};

    #[test]
    fn loads_in_order_with_modules() {
        let base = folder("containers");
        put(&base.join("etc/containers.conf"), "[engine]\nstop_timeout = 1\nwrong = 1\n");
        put(
            &base.join("user/containers.conf.modules/fast.conf"),
            "[engine]\nstop_timeout = 2\nservice_timeout = 9\n",
        );
        put(&base.join("over.conf"), "[engine]\nstop_timeout = 3\n");
        let environment = Environment::default().with("CONTAINERS_CONF_OVERRIDE", base.join("over.conf"));
        let loaded =
            ContainersConf::load(&environment, &directories(&base, 0), &["fast.conf".to_owned()]).unwrap();
        assert_eq!(loaded.value.engine.stop_timeout, Some(3));
        assert_eq!(loaded.value.engine.service_timeout, Some(9));
        assert_eq!(loaded.files.len(), 3);
        assert!(loaded.warnings[0].contains("engine.wrong"), "{:?}", loaded.warnings);

        put(&base.join("etc/containers.conf"), "[engine]\nstop_timeout = \n");
        let error = ContainersConf::load(&environment, &directories(&base, 0), &[]).unwrap_err().to_string();
        assert!(error.contains("etc/containers.conf:2: "), "{error}");
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }
}
