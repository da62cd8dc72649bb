//! Who keeps the data of secrets: a file, pass(1)'s store, or the user's own commands (podman-secret-create(1)).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cove_api::{Error, ErrorKind, MAX_SECRET, Result, StringMap};
use cove_sys::fs;
use cove_sys::process::{RunOptions, run};

use super::table::ID_LENGTH;
use crate::engine::Core;
use crate::error::storage;

/// Largest file with data, in bytes.
const MAX_DATA: u64 = 512 << 20;

/// How long a program may take, which may ask the user for a password.
const PATIENCE: Duration = Duration::from_secs(120);

/// A driver with its options.
#[derive(Debug)]
pub(super) enum Driver {
    /// A file of JSON, as podman has it.
    File { folder: PathBuf },
    /// Files that gpg encrypts.
    Pass { root: PathBuf, key: String, homedir: Option<String> },
    /// Commands of a shell, which get the id as `SECRET_ID`.
    Shell { delete: String, lookup: String, store: String },
}

/// The options as they are kept with a secret.
pub(super) fn complete(core: &Core, driver: &str, mut options: StringMap) -> StringMap {
    if driver == "file" && !options.contains_key("path") {
        let path = super::table::folder(core).join("filedriver");
        options.insert("path".into(), path.to_string_lossy().into_owned());
    }
    options
}

/// The driver of that name.
pub(super) fn open(core: &Core, name: &str, options: &StringMap) -> Result<Driver> {
    match name {
        "file" => match options.get("path") {
            Some(path) if Path::new(path).is_absolute() => Ok(Driver::File { folder: path.into() }),
            Some(path) => Err(Error::invalid(format!("path {path:?} of the filedriver is not absolute"))),
            None => Err(Error::invalid("need path for filedriver: invalid driver option")),
        },
        "pass" => pass(core, options),
        "shell" => shell(options),
        other => Err(Error::invalid(format!("secret driver {other:?}: invalid driver"))),
    }
}

fn pass(core: &Core, options: &StringMap) -> Result<Driver> {
    let home = core.options.directories.user.home.clone().unwrap_or_default();
    let (root, mut key) = match options.get("root") {
        Some(root) => {
            let root = PathBuf::from(root);
            let key = root.ancestors().find_map(gpg_id).unwrap_or_default();
            (root, key)
        }
        None => {
            let usual = [".password-store", ".local/share/gopass/stores/root"];
            let found = usual.iter().map(|place| home.join(place)).find(|place| place.is_dir());
            let root = found.ok_or_else(|| {
                Error::invalid(format!("the secret driver pass finds no store in {}", home.display()))
            })?;
            let key = gpg_id(&root).unwrap_or_default();
            (root, key)
        }
    };
    if let Some(own) = options.get("key") {
        key.clone_from(own);
    }
    Ok(Driver::Pass { root, key, homedir: options.get("gpghomedir").cloned() })
}

/// Whom a folder of a password store is encrypted for.
fn gpg_id(folder: &Path) -> Option<String> {
    let text = cove_sys::read::bounded_text(&folder.join(".gpg-id"), 4096).ok()??;
    Some(text.trim_matches(['\r', '\n']).to_owned())
}

fn shell(options: &StringMap) -> Result<Driver> {
    if let Some(unknown) =
        options.keys().find(|key| !matches!(key.as_str(), "delete" | "list" | "lookup" | "store"))
    {
        return Err(Error::invalid(format!("invalid shell driver option: {unknown:?}")));
    }
    let command = |key: &str| options.get(key).filter(|text| !text.is_empty()).cloned();
    match (command("delete"), command("list"), command("lookup"), command("store")) {
        (Some(delete), Some(_), Some(lookup), Some(store)) => Ok(Driver::Shell { delete, lookup, store }),
        _ => Err(Error::invalid("missing config value")),
    }
}

impl Driver {
    /// The data; [`None`] where there is none.
    pub(super) fn lookup(&self, id: &str) -> Result<Option<Vec<u8>>> {
        check(id)?;
        match self {
            Self::File { folder } => Ok(FileData::open(folder)?.all.remove(id).map(|data| data.0)),
            Self::Pass { root, homedir, .. } => {
                let path = root.join(format!("{id}.gpg"));
                if !path.exists() {
                    return Ok(None);
                }
                let output = gpg(homedir.as_deref(), &["--decrypt".as_ref(), path.as_ref()], Vec::new())?;
                Ok(output.filter(|data| !data.is_empty()))
            }
            Self::Shell { lookup, .. } => run_shell(lookup, id, Vec::new()),
        }
    }

    /// Keeps the data of a new id.
    pub(super) fn store(&self, id: &str, data: &[u8]) -> Result<()> {
        check(id)?;
        match self {
            Self::File { folder } => {
                let mut file = FileData::open(folder)?;
                file.all.insert(id.to_owned(), Base64(data.to_vec()));
                file.write()
            }
            Self::Pass { root, key, homedir } => {
                let path = root.join(format!("{id}.gpg"));
                let arguments: [&std::ffi::OsStr; 5] =
                    ["--encrypt".as_ref(), "-r".as_ref(), key.as_ref(), "-o".as_ref(), path.as_ref()];
                match gpg(homedir.as_deref(), &arguments, data.to_vec())? {
                    Some(_) => Ok(()),
                    None => Err(failed(format!("gpg cannot encrypt for {key:?}"))),
                }
            }
            Self::Shell { store, .. } => match run_shell(store, id, data.to_vec())? {
                Some(_) => Ok(()),
                None => Err(failed("the secret driver's store command has failed".to_owned())),
            },
        }
    }

    /// Removes the data; false where there was none.
    pub(super) fn delete(&self, id: &str) -> Result<bool> {
        check(id)?;
        match self {
            Self::File { folder } => {
                let mut file = FileData::open(folder)?;
                if file.all.remove(id).is_none() {
                    return Ok(false);
                }
                file.write().map(|()| true)
            }
            Self::Pass { root, .. } => match fs::remove_file(root.join(format!("{id}.gpg"))) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error.into()),
            },
            Self::Shell { delete, .. } => Ok(run_shell(delete, id, Vec::new())?.is_some()),
        }
    }
}

fn failed(text: String) -> Error {
    Error::new(ErrorKind::Unavailable, text)
}

/// Ids become names of files: the table may be somebody else's.
fn check(id: &str) -> Result<()> {
    let valid =
        (1..=2 * ID_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { Ok(()) } else { Err(Error::internal(format!("the table of secrets has the id {id:?}"))) }
}

/// Bytes that are base64 in JSON, and nothing in `Debug`.
struct Base64(Vec<u8>);

impl serde::Serialize for Base64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> serde::Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Self).map_err(|_| serde::de::Error::custom("no base64"))
    }
}

/// `secretsdata.json`, locked as long as it lives.
struct FileData {
    path: PathBuf,
    all: BTreeMap<String, Base64>,
    _lock: cove_storage::LockedFile,
}

impl FileData {
    fn open(folder: &Path) -> Result<Self> {
        crate::state::make_private(folder)?;
        let lock = cove_storage::lock_file(&folder.join("secretsdata.lock")).map_err(storage)?;
        let path = folder.join("secretsdata.json");
        let all = match cove_sys::read::bounded(&path, MAX_DATA)? {
            None => BTreeMap::new(),
            // The parser's message may hold data.
            Some(text) => serde_json::from_slice(&text).map_err(|error| {
                Error::internal(format!("{} is damaged at line {}", path.display(), error.line()))
            })?,
        };
        Ok(Self { path, all, _lock: lock })
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_vec_pretty(&self.all)
            .map_err(|_| Error::internal("the data of secrets has no form in JSON"))?;
        if text.len() as u64 > MAX_DATA {
            return Err(failed(format!("{} would be larger than {MAX_DATA} bytes", self.path.display())));
        }
        Ok(cove_sys::atomic::write(&self.path, &text, 0o600)?)
    }
}

/// What gpg writes; [`None`] where it fails.
fn gpg(homedir: Option<&str>, arguments: &[&std::ffi::OsStr], input: Vec<u8>) -> Result<Option<Vec<u8>>> {
    let mut command = Command::new("gpg");
    if let Some(homedir) = homedir {
        command.arg("--homedir").arg(homedir);
    }
    command.args(arguments);
    output(&mut command, input)
}

/// What a command of the user writes; [`None`] where it fails.
fn run_shell(text: &str, id: &str, input: Vec<u8>) -> Result<Option<Vec<u8>>> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text).env("SECRET_ID", id);
    output(&mut command, input)
}

fn output(command: &mut Command, stdin: Vec<u8>) -> Result<Option<Vec<u8>>> {
    let options = RunOptions { stdin, timeout: PATIENCE, output_limit: 2 * MAX_SECRET };
    let output = run(command, &options).map_err(|error| Error::from_chain(ErrorKind::Unavailable, &error))?;
    if !output.status.success() {
        tracing::debug!("a secret driver's command ended with {}", output.status);
    }
    Ok(output.status.success().then_some(output.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("cove-secret-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn comes_and_goes(driver: &Driver) {
        let id = "0123456789abcdef012345678";
        assert_eq!(driver.lookup(id).unwrap(), None);
        driver.store(id, b"one\0\xff").unwrap();
        assert_eq!(driver.lookup(id).unwrap().unwrap(), b"one\0\xff");
        assert!(driver.delete(id).unwrap());
        assert!(!driver.delete(id).unwrap());
        assert!(driver.lookup("../x").is_err() && driver.store("", b"x").is_err());
    }

    #[test]
    fn files() {
        let folder = folder("file");
        comes_and_goes(&Driver::File { folder: folder.clone() });
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn commands() {
        let folder = folder("shell");
        fs::create_dir_all(&folder).unwrap();
        let file = format!("{}/$SECRET_ID", folder.display());
        let options: StringMap = [
            ("delete".to_owned(), format!("rm {file}")),
            ("list".to_owned(), "ls".to_owned()),
            ("lookup".to_owned(), format!("cat {file}")),
            ("store".to_owned(), format!("cat >{file}")),
        ]
        .into();
        comes_and_goes(&shell(&options).unwrap());
        fs::remove_dir_all(&folder).unwrap();
        let mut wrong = options.clone();
        wrong.insert("other".into(), "x".into());
        assert!(shell(&wrong).is_err());
        wrong.remove("other");
        wrong.remove("list");
        assert!(shell(&wrong).is_err());
    }
}
