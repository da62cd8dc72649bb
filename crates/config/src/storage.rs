//! storage.conf (containers-storage.conf(5)): driver, graph root, run root and the driver's options.

mod automatic;
mod keys;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::dirs::Directories;
use crate::env::{self, Environment};
use crate::error::{Error, ParseError, Result};
use crate::file::{self, Kind, Loaded};
use crate::merge::{Merge, Text};
use crate::usage::{Notes, Rules};

pub use automatic::AutomaticIds;
pub use keys::{DriverSection, OptionsSection, StorageSection};

const KIND: Kind = Kind {
    name: "storage.conf",
    variables: &[env::CONTAINERS_STORAGE_CONF],
    override_variable: env::CONTAINERS_STORAGE_CONF_OVERRIDE,
};

/// What becomes of the keys. What a driver's options may be is checked where the store is opened.
const RULES: Rules = Rules {
    sections: &[
        ("storage", StorageSection::KEYS),
        ("storage.options", OptionsSection::KEYS),
        ("storage.options.overlay", DriverSection::KEYS),
        ("storage.options.vfs", DriverSection::KEYS),
    ],
    variable: env::CONTAINERS_STORAGE_CONF,
};

/// All of storage.conf.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageConf {
    /// `[storage]`.
    pub storage: StorageSection,
}

impl Merge for StorageConf {
    fn merge(&mut self, later: Self) {
        self.storage.merge(later.storage);
    }
}

impl StorageConf {
    /// Parses one file; also returns what is to be said about it.
    ///
    /// # Errors
    /// No TOML, a value of the wrong type, or one that this version would not obey.
    fn parse(text: &str, by_vendor: bool) -> Result<(Self, Notes), ParseError> {
        let (conf, _) = file::parse_toml(text)?;
        Ok((conf, RULES.check(text, &toml::Table::new(), by_vendor)?))
    }

    /// Reads all files.
    ///
    /// # Errors
    /// A file that is there cannot be read or parsed, or one that is named is missing.
    pub fn load(environment: &Environment, directories: &Directories) -> Result<Loaded<Self>> {
        let mut loaded: Loaded<Self> = Loaded::default();
        for source in file::read_all(KIND, environment, directories, None)? {
            let by_vendor = directories.is_vendors(&source.path);
            let (value, notes) =
                Self::parse(&source.text, by_vendor).map_err(|error| Error::parse(&source.path, error))?;
            loaded.value.merge(value);
            loaded.add(source.path, notes);
        }
        Ok(loaded)
    }
}

/// What the command line says about storage; each comes before the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageFlags {
    /// `--root`.
    pub graph_root: Option<PathBuf>,
    /// `--runroot`.
    pub run_root: Option<PathBuf>,
    /// `--storage-driver`.
    pub driver: Option<String>,
    /// `--storage-opt`; where any is given, those of the files are not used.
    pub driver_options: Vec<String>,
}

/// How to open the store, all sources put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Folder of images, layers and containers; absolute.
    pub graph_root: PathBuf,
    /// Folder until the next boot; absolute.
    pub run_root: PathBuf,
    /// Driver; `None`: the store's own choice, or what is already in the graph root.
    pub driver: Option<String>,
    /// Options `NAME=VALUE`, the driver's name as prefix removed (`mount_program=…`, `mountopt=…`).
    pub driver_options: Vec<(String, String)>,
    /// For a rootless user.
    pub rootless: bool,
    /// What `--userns=auto` takes.
    pub automatic: AutomaticIds,
    /// What is not done and missed by who relies on it, each in one sentence.
    pub warnings: Vec<String>,
}

impl StoreOptions {
    /// Puts flags, environment, storage.conf and the default directories together, in this order of importance.
    ///
    /// # Errors
    /// A path is relative, a variable in it is unknown, or an option has no `=`.
    pub fn resolve(
        conf: &StorageConf,
        flags: &StorageFlags,
        environment: &Environment,
        directories: &Directories,
    ) -> Result<Self> {
        let storage = &conf.storage;
        let options = storage.options.clone().unwrap_or_default();
        let mut warnings = Vec::new();
        let configured = |value: &Option<String>, what: &str| -> Result<Option<PathBuf>> {
            value
                .as_deref()
                .filter(|value| !value.is_empty())
                .map(|value| expand(value, what, environment, directories))
                .transpose()
        };
        let rootless_path = if directories.user.rootless {
            configured(&storage.rootless_storage_path, "rootless_storage_path")?
        } else {
            None
        };
        let absolute = |path: &Option<PathBuf>, what: &str| -> Result<Option<PathBuf>> {
            match path {
                Some(path) if !path.is_absolute() => {
                    Err(invalid(what, &path.display().to_string(), "not absolute"))
                }
                path => Ok(path.clone()),
            }
        };
        let graph_root = match absolute(&flags.graph_root, "--root")? {
            Some(path) => path,
            None => configured(&storage.graphroot, "graphroot")?
                .or(rootless_path)
                .unwrap_or_else(|| directories.graph_root.clone()),
        };
        let run_root = match absolute(&flags.run_root, "--runroot")? {
            Some(path) => path,
            None => configured(&storage.runroot, "runroot")?.unwrap_or_else(|| directories.run_root.clone()),
        };
        let mut driver = flags
            .driver
            .clone()
            .or_else(|| environment.get(env::STORAGE_DRIVER).map(str::to_owned))
            .or_else(|| storage.driver.clone())
            .filter(|driver| !driver.is_empty());
        if driver.as_deref() == Some("overlay2") {
            driver = Some("overlay".to_owned());
        }

        let mut driver_options = Vec::new();
        let from_environment = environment.get(env::STORAGE_OPTS);
        if !flags.driver_options.is_empty() {
            // An empty one says that there is none, also of the files.
            for option in flags.driver_options.iter().filter(|option| !option.is_empty()) {
                driver_options.push(split_option(option, "--storage-opt")?);
            }
        } else if let Some(list) = from_environment {
            for option in list.split(',').filter(|option| !option.is_empty()) {
                driver_options.push(split_option(option, env::STORAGE_OPTS)?);
            }
        } else {
            configured_options(&options, driver.as_deref(), &mut driver_options);
        }
        let mut additional_image_stores: Vec<PathBuf> =
            options.additionalimagestores.iter().flat_map(|list| &list.values).map(PathBuf::from).collect();
        driver_options.retain(|(name, value)| {
            let is_store = name == "imagestore" || name == "additionalimagestore";
            if is_store {
                additional_image_stores.push(PathBuf::from(value));
            }
            !is_store
        });
        // Distributions name folders that hold nothing, or are not there.
        let holds_images = |store: &PathBuf| {
            ["overlay-images", "vfs-images"]
                .iter()
                .any(|folder| store.join(folder).join("images.json").exists())
        };
        for store in additional_image_stores.iter().filter(|store| holds_images(store)) {
            warnings.push(format!(
                "the images in the additional store {} are not seen: this version has no additional stores",
                store.display()
            ));
        }
        Ok(Self {
            graph_root,
            run_root,
            driver,
            driver_options,
            rootless: directories.user.rootless,
            automatic: AutomaticIds::of(&options)?,
            warnings,
        })
    }
}

fn configured_options(options: &OptionsSection, driver: Option<&str>, list: &mut Vec<(String, String)>) {
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            list.push((name.to_owned(), value.to_owned()));
        }
    };
    let text = |value: &Option<Text>| value.as_ref().map(|value| value.0.clone());
    add("size", text(&options.size).as_deref());
    add("mount_program", options.mount_program.as_deref());
    add("skip_mount_home", text(&options.skip_mount_home).as_deref());
    add("ignore_chown_errors", text(&options.ignore_chown_errors).as_deref());
    add("force_mask", text(&options.force_mask).as_deref());
    add("mountopt", options.mountopt.as_deref());
    add("use_composefs", text(&options.use_composefs).as_deref());
    // Without a named driver the store chooses overlay first, so its table is the one to use.
    let section = match driver {
        Some("vfs") => &options.vfs,
        _ => &options.overlay,
    };
    if let Some(section) = section {
        add("size", text(&section.size).as_deref());
        add("inodes", text(&section.inodes).as_deref());
        add("mount_program", section.mount_program.as_deref());
        add("skip_mount_home", text(&section.skip_mount_home).as_deref());
        add("ignore_chown_errors", text(&section.ignore_chown_errors).as_deref());
        add("force_mask", text(&section.force_mask).as_deref());
        add("mountopt", section.mountopt.as_deref());
        add("use_composefs", text(&section.use_composefs).as_deref());
        add("sync", text(&section.sync).as_deref());
    }
}

fn split_option(option: &str, what: &str) -> Result<(String, String)> {
    let Some((name, value)) = option.split_once('=') else {
        return Err(invalid(what, option, "it must be NAME=VALUE"));
    };
    let name = name.trim().to_ascii_lowercase();
    let name = ["overlay.", "overlay2.", "vfs.", "storage."]
        .iter()
        .fold(name.as_str(), |name, prefix| name.strip_prefix(prefix).unwrap_or(name));
    Ok((name.to_owned(), value.to_owned()))
}

fn invalid(what: &str, value: &str, reason: &str) -> Error {
    Error::Invalid { what: what.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
}

/// Replaces `$UID`, `$USER`, `$HOME` and other variables, as the manual page allows.
fn expand(text: &str, what: &str, environment: &Environment, directories: &Directories) -> Result<PathBuf> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(index) = rest.find('$') {
        result.push_str(&rest[..index]);
        rest = &rest[index + 1..];
        let (name, after) = match rest.strip_prefix('{') {
            Some(braced) => {
                braced.split_once('}').ok_or_else(|| invalid(what, text, "a '{' is not closed"))?
            }
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        let uid = directories.user.uid.to_string();
        let home = directories.user.home.as_ref().and_then(|home| home.to_str());
        let value = match name {
            "UID" => Some(uid.as_str()),
            "HOME" => home,
            name => environment.get(name),
        };
        result.push_str(value.ok_or_else(|| invalid(what, text, &format!("variable {name:?} is not set")))?);
        rest = after;
    }
    result.push_str(rest);
    let path = PathBuf::from(result);
    if path.is_absolute() { Ok(path) } else { Err(invalid(what, text, "it is not an absolute path")) }
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::file::tests::directories;

    fn resolve(
        text: &str,
        variables: &[(&str, &str)],
        uid: u32,
        flags: &StorageFlags,
    ) -> Result<StoreOptions> {
        let conf = StorageConf::parse(text, false).unwrap().0;
        let environment = Environment::new(variables.iter().copied());
        StoreOptions::resolve(&conf, flags, &environment, &directories(Path::new("/b"), uid))
    }

    #[test]
    fn defaults() {
        let root = resolve("", &[], 0, &StorageFlags::default()).unwrap();
        assert_eq!(root.graph_root, Path::new("/var/lib/containers/storage"));
        assert_eq!(root.driver, None);
        let rootless = resolve("", &[], 7, &StorageFlags::default()).unwrap();
        assert_eq!(rootless.graph_root, Path::new("/b/home/.local/share/containers/storage"));
    }

    #[test]
    fn order_of_importance() {
        let text = r#"
[storage]
driver = "vfs"
runroot = "/run/$UID/x"
rootless_storage_path = "${HOME}/s"
[storage.options]
additionalimagestores = ["/ro"]
mount_program = "/a"
[storage.options.overlay]
mount_program = "/usr/bin/fuse-overlayfs"
mountopt = "nodev"
"#;
        let all = resolve(text, &[("STORAGE_DRIVER", "overlay")], 7, &StorageFlags::default()).unwrap();
        assert_eq!(all.driver.as_deref(), Some("overlay"));
        assert_eq!(all.graph_root, Path::new("/b/home/s"));
        assert_eq!(all.run_root, Path::new("/run/7/x"));
        let option = |name: &str| {
            all.driver_options.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(option("mount_program"), Some("/usr/bin/fuse-overlayfs"));
        assert_eq!(option("mountopt"), Some("nodev"));
        assert!(all.warnings.is_empty(), "a store that is not there holds nothing");

        let flags = StorageFlags {
            graph_root: Some("/g".into()),
            driver_options: vec!["overlay.mountopt=metacopy=on".to_owned()],
            ..StorageFlags::default()
        };
        let all = resolve(text, &[], 7, &flags).unwrap();
        assert_eq!(all.graph_root, Path::new("/g"));
        assert_eq!(all.driver_options, [("mountopt".to_owned(), "metacopy=on".to_owned())]);
    }

    #[test]
    fn refused() {
        let flags = StorageFlags::default();
        for text in ["graphroot = \"a/b\"", "graphroot = \"/$NOPE\"", "runroot = \"/${X\""] {
            assert!(resolve(&format!("[storage]\n{text}"), &[], 0, &flags).is_err(), "{text}");
        }
        assert!(resolve("", &[("STORAGE_OPTS", "abc")], 0, &flags).is_err());
        let relative = StorageFlags { graph_root: Some("x".into()), ..StorageFlags::default() };
        assert!(resolve("", &[], 0, &relative).unwrap_err().to_string().contains("--root"));
    }

    #[test]
    fn what_is_not_done_is_refused_with_its_line() {
        for (text, line, expected) in [
            ("[storage]\n\ntransient_store = true", 3, "storage.transient_store"),
            ("[storage]\nimagestore = \"/x\"", 2, "CONTAINERS_STORAGE_CONF"),
            ("[storage]\ndriver_priority = [\"vfs\"]", 2, "storage.driver_priority"),
            ("[storage.options]\nremap-uids = \"0:1:9\"", 2, "storage.options.remap-uids"),
            ("[storage.options]\ndisable-volatile = true", 2, "storage.options.disable-volatile"),
            ("[storage.options.overlay]\nsync = \"filesystem\"", 2, "storage.options.overlay.sync"),
        ] {
            let error = StorageConf::parse(text, false).expect_err(text);
            assert!(error.message.contains(expected), "{text}: {error}");
            assert_eq!(error.line, Some(line), "{text}: {error}");
        }
    }

    #[test]
    fn what_distributions_ship_passes() {
        // Fedora's, with its store of images that is seldom there; Debian's; the headlines of old ones.
        let text = r#"
[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
transient_store = false
[storage.options]
additionalimagestores = [
"/nowhere/containers/storage",
]
pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos=""}
[storage.options.overlay]
mountopt = "nodev,metacopy=on"
[storage.options.thinpool]
"#;
        let (_, notes) = StorageConf::parse(text, false).unwrap();
        assert_eq!(notes, Notes::default());
        assert!(resolve(text, &[], 0, &StorageFlags::default()).unwrap().warnings.is_empty());
        assert_eq!(StorageConf::parse("[storage]\nx = 1", false).unwrap().1.warnings.len(), 1);
    }

    #[test]
    fn images_that_are_not_seen_are_told() {
        let base = crate::file::tests::folder("stores");
        crate::file::tests::put(&base.join("overlay-images/images.json"), "[]");
        let text = format!("[storage.options]\nadditionalimagestores = [{:?}]", base.display().to_string());
        let all = resolve(&text, &[], 0, &StorageFlags::default()).unwrap();
        assert!(all.warnings[0].contains(&base.display().to_string()), "{:?}", all.warnings);
        cove_sys::fs::remove_dir_all(&base).unwrap();
    }
}
