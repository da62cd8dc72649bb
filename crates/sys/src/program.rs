//! The helper programs of others that Cove calls: where each is, which version it has and what it can do.
//!
//! That is asked of the program itself (`--version`, `--help`), once for each file that was installed and only where it
//! matters, so that an old helper is worked round or named before it fails in its own words.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use crate::fs;
use crate::process::{self, Error, RunOptions};

/// A version: three numbers, or year, month and day.
pub type Version = [u32; 3];

/// What is known of a program without asking it.
#[derive(Debug, PartialEq, Eq)]
pub struct Tool {
    /// The name of its file.
    pub name: &'static str,
    /// The package of Debian and Fedora that has it.
    pub package: &'static str,
    /// The oldest version that does all that Cove asks of it; older ones are worked round, or named when they fail.
    pub oldest: Version,
}

/// User-mode network. The oldest version that starts without a default route.
pub static PASTA: Tool = Tool { name: "pasta", package: "passt", oldest: [2024, 11, 27] };
/// User-mode network. The oldest version with a sandbox and a filter of its own.
pub static SLIRP4NETNS: Tool = Tool { name: "slirp4netns", package: "slirp4netns", oldest: [1, 0, 0] };
/// Name server of networks.
pub static AARDVARK_DNS: Tool = Tool { name: "aardvark-dns", package: "aardvark-dns", oldest: [1, 0, 0] };
/// Firewall. The oldest version with maps of concatenated keys to verdicts in the `inet` family.
pub static NFT: Tool = Tool { name: "nft", package: "nftables", oldest: [0, 9, 4] };
/// OCI runtime. The oldest version that knows control groups of the second kind as they are today.
pub(crate) static CRUN: Tool = Tool { name: "crun", package: "crun", oldest: [1, 0, 0] };
/// OCI runtime.
pub(crate) static RUNC: Tool = Tool { name: "runc", package: "runc", oldest: [1, 1, 0] };
/// Checkpoints. The oldest version that crun and runc call.
pub static CRIU: Tool = Tool { name: "criu", package: "criu", oldest: [3, 11, 0] };

/// All of them.
pub(crate) static TOOLS: [&Tool; 7] = [&PASTA, &SLIRP4NETNS, &AARDVARK_DNS, &NFT, &CRUN, &RUNC, &CRIU];

/// An installed program.
#[derive(Debug)]
pub struct Program {
    tool: Option<&'static Tool>,
    path: PathBuf,
    file: Option<Installed>,
    version: OnceLock<String>,
    help: OnceLock<String>,
}

/// The file of a program: another one after an upgrade, which a service outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Installed {
    length: u64,
    modified: Option<SystemTime>,
}

impl Installed {
    fn at(path: &Path) -> Option<Self> {
        let data = fs::metadata(path).ok()?;
        Some(Self { length: data.len(), modified: data.modified().ok() })
    }
}

/// What this process has asked already, by path.
static KNOWN: LazyLock<Mutex<HashMap<PathBuf, Arc<Program>>>> = LazyLock::new(Mutex::default);

impl Tool {
    /// Finds it in `folders`, then in those of `path`.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn find(&'static self, folders: &[PathBuf], path: Option<&OsStr>) -> Result<Arc<Program>, Error> {
        Ok(Program::at(process::find_program(self.name, folders, path)?))
    }
}

impl Program {
    /// The program with this path.
    pub fn at(path: PathBuf) -> Arc<Self> {
        let file = Installed::at(&path);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.get(&path).filter(|program| program.file == file) {
            return Arc::clone(same);
        }
        let tool = TOOLS.into_iter().find(|tool| path.file_name() == Some(OsStr::new(tool.name)));
        let new = Self { tool, path: path.clone(), file, version: OnceLock::new(), help: OnceLock::new() };
        let new = Arc::new(new);
        known.insert(path, Arc::clone(&new));
        new
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it prints for `--version`; empty where that fails.
    pub(crate) fn version_text(&self) -> &str {
        self.asked(&self.version, "--version")
    }

    /// Its version, where it tells one.
    pub fn version(&self) -> Option<Version> {
        self.version_text().lines().find_map(version)
    }

    /// Whether its help names the option (`--map-guest-addr`).
    pub fn has_option(&self, option: &str) -> bool {
        let help = self.asked(&self.help, "--help");
        help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == option)
    }

    /// Whether it is at least of this version; one that tells none is taken for old.
    pub fn is_at_least(&self, oldest: Version) -> bool {
        self.version().is_some_and(|version| version >= oldest)
    }

    /// What to say when it has failed and is older than it should be: its version, and what to upgrade.
    pub fn complaint(&self) -> Option<String> {
        let tool = self.tool.filter(|tool| !self.is_at_least(tool.oldest))?;
        let own = self.version().map_or_else(|| "(which tells no version)".to_owned(), text);
        Some(format!(
            "{} {own} is older than {}: upgrade the package {}",
            tool.name,
            text(tool.oldest),
            tool.package
        ))
    }

    /// `message` with [`Program::complaint`] after it, where there is one.
    pub fn explain(&self, message: &str) -> String {
        match self.complaint() {
            Some(complaint) => format!("{message} ({complaint})"),
            None => message.to_owned(),
        }
    }

    /// What it answered to an option, asked where that is not known yet. One that gives no answer, on a busy machine
    /// perhaps, is taken not to be able to, and asked again the next time.
    fn asked<'a>(&self, known: &'a OnceLock<String>, option: &str) -> &'a str {
        match known.get() {
            Some(answer) => answer,
            None => self.ask(option).map_or("", |answer| known.get_or_init(|| answer)),
        }
    }

    fn ask(&self, option: &str) -> Result<String, Error> {
        let options = RunOptions { timeout: Duration::from_secs(5), ..RunOptions::default() };
        let mut command = Command::new(&self.path);
        command.arg(option).current_dir("/");
        // Some write their help to standard error, and end with a failure after it.
        let output = process::run(&mut command, &options)?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok(text)
    }
}

/// The version in a line such as `crun version 1.8.1`, `pasta 2024_11_27.c0fbc7e` or `pasta 0^20241127.gc0fbc7e`.
fn version(line: &str) -> Option<Version> {
    let mut words =
        line.split_ascii_whitespace().skip(1).filter(|word| word.contains(|c: char| c.is_ascii_digit()));
    let word = words.next()?;
    let groups: Vec<&str> =
        word.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let number = |text: &str| text.parse::<u32>().ok();
    // A date without separators, as packages of unreleased sources have it.
    if let Some(date) = groups.iter().find(|group| group.len() == 8 && group.starts_with("20")) {
        return Some([number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?]);
    }
    let part = |index: usize| groups.get(index).map_or(Some(0), |group| number(group));
    Some([number(groups.first()?)?, part(1)?, part(2)?])
}

fn text([first, second, third]: Version) -> String {
    if first > 2000 { format!("{first}-{second:02}-{third:02}") } else { format!("{first}.{second}.{third}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (line, expected) in [
            ("crun version 1.8.1", Some([1, 8, 1])),
            ("runc version 1.1.5+ds1", Some([1, 1, 5])),
            ("nftables v1.0.6 (Lester Gooch #5)", Some([1, 0, 6])),
            ("aardvark-dns 1.4.0", Some([1, 4, 0])),
            ("slirp4netns version 1.2", Some([1, 2, 0])),
            ("pasta 2024_11_27.c0fbc7e", Some([2024, 11, 27])),
            ("pasta 0^20240906.g6b38f07-1.fc40.x86_64", Some([2024, 9, 6])),
            ("pasta 0.0~git20251209.c3f1ba7-1", Some([2025, 12, 9])),
            ("pasta unknown version", None),
            ("", None),
        ] {
            assert_eq!(version(line), expected, "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_asked_once_and_old_ones_are_named() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("cove-program-{}", std::process::id()));
        crate::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("pasta");
        let script = format!(
            "#!/bin/sh\necho x >>{0}/asked\n[ $1 = --version ] && echo pasta 2023_03_09.7c7625d\n\
             [ $1 = --help ] && echo '  --map-gw, -x FOO' >&2 && exit 1\nexit 0\n",
            folder.display()
        );
        crate::fs::write(&path, script).unwrap();
        crate::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = PASTA.find(std::slice::from_ref(&folder), None).unwrap();
        assert_eq!(program.version(), Some([2023, 3, 9]));
        assert!(program.has_option("--map-gw") && !program.has_option("--map"));
        assert_eq!(
            Program::at(path.clone()).explain("it failed"),
            "it failed (pasta 2023-03-09 is older than 2024-11-27: upgrade the package passt)"
        );
        assert_eq!(crate::fs::read_to_string(folder.join("asked")).unwrap().lines().count(), 2);
        // An upgrade while this process lives.
        crate::fs::write(&path, "#!/bin/sh\necho pasta 2025_01_21.4f2c8e7\n").unwrap();
        let newer = PASTA.find(std::slice::from_ref(&folder), None).unwrap();
        assert_eq!((newer.version(), newer.complaint()), (Some([2025, 1, 21]), None));
        assert!(!newer.has_option("--map-gw"));
        // What could not be asked is asked again.
        crate::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let locked = Program {
            tool: None,
            path: path.clone(),
            file: None,
            version: OnceLock::new(),
            help: OnceLock::new(),
        };
        assert_eq!(locked.version(), None);
        crate::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(locked.version(), Some([2025, 1, 21]));
        crate::fs::remove_dir_all(&folder).unwrap();
    }
}
