//! Which folders have unit files, and in which order they count.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use cove_sys::fs;

use crate::generate::Remark;

/// How deep folders are searched.
const MAX_DEPTH: usize = 16;
/// Most folders that are searched.
const MAX_FOLDERS: usize = 4096;

/// Where unit files may be.
#[derive(Debug, Clone)]
pub struct SearchPlaces {
    /// Folders that are searched in place of all others, separated by colons.
    pub unit_dirs: Option<String>,
    /// The system's, first the ones until the next boot, then the administrator's, then the distribution's. The last
    /// two have those for users in their folder `users`.
    pub system: [PathBuf; 3],
    /// The user's folder for run-time files.
    pub runtime: Option<PathBuf>,
    /// The user's folder of configuration files.
    pub config: Option<PathBuf>,
    /// The user's id.
    pub uid: u32,
}

impl SearchPlaces {
    /// The folders of the system, for a user who has none.
    pub fn new(uid: u32) -> Self {
        let system = ["/run", "/etc", "/usr/share"].map(|base| Path::new(base).join("containers/systemd"));
        Self { unit_dirs: None, system, runtime: None, config: None, uid }
    }

    /// The folder in which units are installed; `None` where the user has none. It is always one that is searched.
    pub fn install_folder(&self, user: bool) -> Option<PathBuf> {
        if let Some(folders) = self.unit_dirs.as_deref().filter(|text| !text.is_empty()) {
            return folders.split(':').next().filter(|folder| folder.starts_with('/')).map(PathBuf::from);
        }
        match user {
            true => self.config.as_ref().map(|config| config.join("containers/systemd")),
            false => Some(self.system[1].clone()),
        }
    }

    /// The folders with all that are in them, those first whose files count before the others'.
    pub fn folders(&self, user: bool, remark: &mut dyn FnMut(Remark)) -> Vec<PathBuf> {
        let mut search = Search { found: Vec::new(), seen: HashSet::new(), without: Vec::new(), remark };
        if let Some(folders) = self.unit_dirs.as_deref().filter(|text| !text.is_empty()) {
            for folder in folders.split(':') {
                if !folder.starts_with('/') {
                    (search.remark)(Remark::Warning(format!("{folder} not a valid file path")));
                    break;
                }
                search.add(Path::new(folder));
            }
            return search.found;
        }
        let [volatile, admin, vendor] = &self.system;
        if !user {
            // What is for users is nothing for the system.
            search.without = [admin, vendor].map(|base| resolved(&base.join("users"))).to_vec();
            for folder in &self.system {
                search.add(folder);
            }
            return search.found;
        }
        let _ = volatile;
        for own in [&self.runtime, &self.config].into_iter().flatten() {
            search.add(&own.join("containers/systemd"));
        }
        for base in [admin, vendor] {
            let users = base.join("users");
            search.without = other_users(&users, self.uid);
            search.add(&users.join(self.uid.to_string()));
            search.add(&users);
        }
        search.found
    }
}

fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The folders that are named by the ids of other users.
fn other_users(users: &Path, uid: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(users) else { return Vec::new() };
    let is_other = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name.iter().all(u8::is_ascii_digit) && name != uid.to_string().as_bytes()
    };
    let others = entries.flatten().filter(|entry| is_other(&entry.file_name()));
    others.map(|entry| resolved(&entry.path())).take(MAX_FOLDERS).collect()
}

struct Search<'a> {
    found: Vec<PathBuf>,
    /// So that links make no circle.
    seen: HashSet<PathBuf>,
    /// Folders that are not entered.
    without: Vec<PathBuf>,
    remark: &'a mut dyn FnMut(Remark),
}

impl Search<'_> {
    /// Adds a folder that is searched even though it is not there, which is said where nothing is found.
    fn add(&mut self, folder: &Path) {
        match fs::canonicalize(folder) {
            Ok(real) => self.enter(real, 0),
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    (self.remark)(Remark::Detail(error.to_string()));
                }
                if self.seen.insert(folder.to_owned()) {
                    self.found.push(folder.to_owned());
                }
            }
        }
    }

    fn enter(&mut self, folder: PathBuf, depth: usize) {
        // Folders of drop-ins belong to their units.
        let is_drop_in = folder.as_os_str().as_encoded_bytes().ends_with(b".d");
        if is_drop_in || self.seen.contains(&folder) || self.without.contains(&folder) {
            return;
        }
        if depth > MAX_DEPTH || self.found.len() >= MAX_FOLDERS {
            (self.remark)(Remark::Warning(format!("{} is not searched: too many folders", folder.display())));
            return;
        }
        let Ok(entries) = fs::read_dir(&folder) else {
            (self.remark)(Remark::Detail(format!("{} cannot be read", folder.display())));
            return;
        };
        self.seen.insert(folder.clone());
        self.found.push(folder);
        let mut inner: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink()))
            .filter_map(|entry| fs::canonicalize(entry.path()).ok())
            .filter(|path| path.is_dir())
            .collect();
        inner.sort();
        for path in inner {
            self.enter(path, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(folders: &[&str]) -> (tempfile::TempDir, SearchPlaces, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(root.path()).unwrap();
        for folder in folders {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        let mut places = SearchPlaces::new(1000);
        places.system = ["run", "etc", "usr"].map(|name| base.join(name));
        places.runtime = Some(base.join("runtime"));
        places.config = Some(base.join("config"));
        (root, places, base)
    }

    fn found(places: &SearchPlaces, user: bool, base: &Path) -> Vec<String> {
        let folders = places.folders(user, &mut |_| {});
        folders.iter().map(|folder| folder.strip_prefix(base).unwrap().display().to_string()).collect()
    }

    #[test]
    fn of_the_system() {
        let (_root, places, base) = made(&[
            "run",
            "etc/b",
            "etc/a/deep",
            "etc/a.d",
            "etc/users/1000",
            "usr/users",
            "usr/x.container.d/y",
        ]);
        assert_eq!(found(&places, false, &base), ["run", "etc", "etc/a", "etc/a/deep", "etc/b", "usr"]);
    }

    #[test]
    fn of_a_user() {
        let (_root, places, base) = made(&[
            "etc/users/1000/mine",
            "etc/users/1001/other",
            "etc/users/all",
            "usr/users/1001",
            "config/containers/systemd/sub",
            "runtime/containers/systemd",
        ]);
        assert_eq!(
            found(&places, true, &base),
            [
                "runtime/containers/systemd",
                "config/containers/systemd",
                "config/containers/systemd/sub",
                "etc/users/1000",
                "etc/users/1000/mine",
                "etc/users",
                "etc/users/all",
                "usr/users/1000",
                "usr/users",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once() {
        let (_root, mut places, base) = made(&["real/inner", "run"]);
        for (target, link) in [("../real", "run/link"), ("..", "real/inner/back")] {
            fs_err_symlink(target, &base.join(link));
        }
        places.unit_dirs = Some(format!("{0}/run:{0}/none", base.display()));
        assert_eq!(found(&places, true, &base), ["run", "real", "real/inner", "none"]);
    }

    #[cfg(unix)]
    fn fs_err_symlink(target: &str, link: &Path) {
        std::os::unix::fs::symlink(target, link).unwrap();
    }

    #[test]
    fn what_is_no_path_ends_the_list() {
        let (_root, mut places, base) = made(&["a", "b"]);
        places.unit_dirs = Some(format!("{0}/a:b:{0}/b", base.display()));
        let mut warnings = Vec::new();
        let folders = places.folders(false, &mut |remark| warnings.push(remark.to_string()));
        assert_eq!((folders, warnings), (vec![base.join("a")], vec!["b not a valid file path".to_owned()]));
    }
}
