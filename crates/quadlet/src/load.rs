//! Unit files from their folders, with what adds to them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use cove_sys::{fs, read};

use crate::drop_ins;
use crate::error::{Error, Result};
use crate::generate::Remark;
use crate::kind::Kind;
use crate::unit::UnitFile;

/// Largest unit file, in bytes.
pub const MAX_FILE: u64 = 1 << 20;
/// Most unit files.
const MAX_UNITS: usize = 10_000;
/// Most files that add to one unit.
const MAX_DROP_INS: usize = 128;

/// A unit file that was read.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it describes.
    pub kind: Kind,
    /// What it says, with what adds to it.
    pub file: UnitFile,
}

/// Reads one unit file.
///
/// # Errors
/// It cannot be read or is no unit file.
pub fn load_file(path: &Path) -> Result<UnitFile> {
    match read::bounded_text(path, MAX_FILE)? {
        Some(text) => UnitFile::parse(path, &text),
        None => Err(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            format!("{}: no such file", path.display()),
        )
        .into()),
    }
}

/// Reads one unit file with what adds to it in the folders.
///
/// # Errors
/// It cannot be read or is no unit file.
pub fn load_whole(path: &Path, folders: &[PathBuf], remark: &mut dyn FnMut(Remark)) -> Result<UnitFile> {
    let mut unit = load_file(path)?;
    let there = |name: &String| {
        folders.iter().map(|folder| folder.join(name)).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let additions =
        drop_ins::folders(&unit.name).into_iter().map(|name| (name.clone(), there(&name))).collect();
    add(&mut unit, &additions, remark);
    Ok(unit)
}

/// Reads all units of the folders; of equal names the first one counts.
pub fn load(folders: &[PathBuf], remark: &mut dyn FnMut(Remark)) -> Vec<Loaded> {
    let mut loading = Loading { units: Vec::new(), names: HashSet::new(), additions: HashMap::new(), remark };
    for folder in folders {
        loading.folder(folder);
    }
    let Loading { mut units, additions, remark, .. } = loading;
    for unit in &mut units {
        add(&mut unit.file, &additions, remark);
    }
    units
}

struct Loading<'a> {
    units: Vec<Loaded>,
    names: HashSet<String>,
    /// The folders of files that add to units, by their names, in the order of the search.
    additions: HashMap<String, Vec<PathBuf>>,
    remark: &'a mut dyn FnMut(Remark),
}

impl Loading<'_> {
    fn folder(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => return (self.remark)(Remark::Fault(error.to_string())),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                // No other name is one of a unit.
                Ok(entry) => names.extend(entry.file_name().into_string()),
                Err(error) => (self.remark)(Remark::Fault(error.to_string())),
            }
        }
        names.sort();
        for name in names {
            if name.ends_with(".d") {
                self.additions.entry(name.clone()).or_default().push(folder.join(&name));
            } else if let Some(kind) = Kind::of(&name)
                && !self.names.contains(&name)
            {
                self.unit(folder, name, kind);
            }
        }
    }

    fn unit(&mut self, folder: &Path, name: String, kind: Kind) {
        let path = folder.join(&name);
        if path.display().to_string().chars().any(char::is_control) {
            let fault = Error::Name { what: "the unit", name };
            return (self.remark)(Remark::Fault(fault.to_string()));
        }
        if self.units.len() >= MAX_UNITS {
            let message = format!("{} is ignored: more than {MAX_UNITS} units", path.display());
            return (self.remark)(Remark::Fault(message));
        }
        (self.remark)(Remark::Detail(format!("Loading source unit file {}", path.display())));
        match load_file(&path) {
            Ok(file) => {
                self.names.insert(name);
                self.units.push(Loaded { kind, file });
            }
            Err(error) => (self.remark)(Remark::Fault(loading_failed(&path, &error))),
        }
    }
}

fn loading_failed(path: &Path, error: &Error) -> String {
    match error {
        Error::Syntax { .. } => error.to_string(),
        other => format!("error loading {path:?}, {other}"),
    }
}

/// Adds to a unit what is found for it.
fn add(unit: &mut UnitFile, additions: &HashMap<String, Vec<PathBuf>>, remark: &mut dyn FnMut(Remark)) {
    let mut files = Vec::new();
    for folder in drop_ins::folders(&unit.name).iter().filter_map(|name| additions.get(name)).flatten() {
        match fs::read_dir(folder) {
            Ok(entries) => {
                let paths = entries.flatten().map(|entry| entry.path());
                files.extend(
                    paths.filter(|path| path.extension().is_some_and(|extension| extension == "conf")),
                );
            }
            // A file that is called like a folder of drop-ins is none.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {}
            Err(error) => remark(Remark::Fault(error.to_string())),
        }
    }
    let files = drop_ins::order(files);
    if files.len() > MAX_DROP_INS {
        let message = format!("{} has more than {MAX_DROP_INS} drop-ins; the others are ignored", unit.name);
        remark(Remark::Fault(message));
    }
    for path in files.into_iter().take(MAX_DROP_INS) {
        remark(Remark::Detail(format!("Loading source drop-in file {}", path.display())));
        match load_file(&path) {
            Ok(addition) => unit.merge(addition),
            Err(error) => remark(Remark::Fault(loading_failed(&path, &error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_what_adds_to_them() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("one/a.container", "[Container]\nImage=first\n");
        write("two/a.container", "[Container]\nImage=second\n");
        write("two/b.volume", "[Volume]\n");
        write("two/.hidden.volume", "[Volume]\n");
        write("two/readme.txt", "not a unit");
        write("one/broken.pod", "nothing");
        write("two/broken.pod", "[Pod]\nPodName=two\n");
        write("two/a.container.d/20.conf", "[Container]\nExec=of two\n");
        write("one/a.container.d/20.conf", "[Container]\nExec=of one\n");
        write("one/container.d/10.conf", "[Container]\nPull=never\n");
        write("one/a.container.d/30.txt", "[Container]\nPull=always\n");
        write("one/a.container.d/40.conf", "wrong");
        let folders = ["one", "two", "none"].map(|name| root.path().join(name));
        let mut faults = Vec::new();
        let units = load(&folders, &mut |remark| {
            if let Remark::Fault(text) = remark {
                faults.push(text);
            }
        });
        let texts: Vec<_> = units.iter().map(|unit| (unit.file.name.as_str(), unit.file.render())).collect();
        assert_eq!(
            texts,
            [
                ("a.container", "[Container]\nImage=first\nPull=never\nExec=of one\n".to_owned()),
                ("b.volume", "[Volume]\n".to_owned()),
                ("broken.pod", "[Pod]\nPodName=two\n".to_owned()),
            ]
        );
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("broken.pod\", file contains line 1"), "{faults:?}");
        assert!(faults[1].contains("40.conf\", file contains line 1"), "{faults:?}");
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.container"), vec![b'\n'; 2 << 20]).unwrap();
        let mut faults = Vec::new();
        let units = load(&[root.path().to_owned()], &mut |remark| faults.push(remark.to_string()));
        assert!(units.is_empty() && faults.iter().any(|fault| fault.contains("larger than")), "{faults:?}");
    }
}
