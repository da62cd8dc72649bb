//! A throw-away store, run root and home for one test, as root or as an ordinary user.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::need::{Need, met, test_user};
use crate::program::{Outcome, built, is_root};
use crate::{IMAGE, image};

/// As whom `cove` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The super-user.
    Root,
    /// An ordinary user with ranges in /etc/subuid.
    User,
}

/// Does a test as root and as an ordinary user, as far as this machine has them.
///
/// # Panics
/// Where it has neither: a test that was never done is no success.
#[track_caller]
pub fn everyone(test: impl Fn(&Bed)) {
    let beds = [Who::Root, Who::User].into_iter().filter_map(Bed::new);
    let done = beds.map(|bed| test(&bed)).count();
    assert!(done > 0, "neither root nor an ordinary user could do this test");
}

/// A place where `cove` runs without touching the machine's own stores.
pub struct Bed {
    folder: TempDir,
    user: Option<String>,
}

impl Bed {
    /// A bed with [`IMAGE`] in its store; `None` (after saying why) where this machine cannot do it.
    ///
    /// # Panics
    /// Where the image cannot be imported.
    #[track_caller]
    pub fn new(who: Who) -> Option<Self> {
        let bed = Self::empty(who)?;
        let archive = bed.path("rootfs.tar");
        image::root_file_system(&archive);
        bed.cove(&["import", "-q", &archive.display().to_string(), IMAGE]).ok();
        Some(bed)
    }

    /// A bed with nothing in its store.
    ///
    /// # Panics
    /// Where no temporary folder can be made.
    pub fn empty(who: Who) -> Option<Self> {
        let user = match (who, is_root()) {
            (Who::Root, true) | (Who::User, false) => None,
            (Who::Root, false) => {
                met(&[Need::Root]);
                return None;
            }
            (Who::User, true) => {
                if !met(&[Need::User]) {
                    return None;
                }
                test_user().ok()
            }
        };
        // Short, because the sockets in it have at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("cv").tempdir_in("/tmp").expect("a temporary folder");
        let bed = Self { folder, user };
        for name in ["run", "home"] {
            let path = bed.path(name);
            cove_sys::fs::create_dir(&path).expect("a folder");
        }
        if let Some(user) = &bed.user {
            let status =
                Command::new("chown").arg("-R").arg(format!("{user}:")).arg(bed.folder.path()).status();
            assert!(status.is_ok_and(|status| status.success()), "chown to {user}");
        }
        Some(bed)
    }

    /// A path in the bed.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The options that point an engine at the bed's store.
    pub fn store_options(&self) -> Vec<String> {
        vec![
            "--root".into(),
            self.path("root").display().to_string(),
            "--runroot".into(),
            self.path("rr").display().to_string(),
        ]
    }

    /// `cove` with these arguments, ready to run in the bed.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(&binary("cove"));

        command.args(self.store_options()).args(arguments);
        command
    }

    /// Any program as the bed's user with the bed's environment.
    pub fn program(&self, program: &Path) -> Command {
        let mut command = match &self.user {
            Some(user) => {
                // setpriv becomes the program, so that a signal to it reaches the program.
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--init-groups"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("LANG", "C.UTF-8")
            .current_dir(self.folder.path());
        command
    }

    /// Runs `cove` with these arguments.
    ///
    /// # Panics
    /// Where it cannot be started or hangs.
    #[track_caller]
    pub fn cove(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments), b"")
    }

    /// Runs `cove` with these arguments and `input`.
    ///
    /// # Panics
    /// Where it cannot be started or hangs.
    #[track_caller]
    pub fn cove_with(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        Outcome::of(self.command(arguments), input)
    }
}

impl Bed {
    /// Ends the process that keeps the user's namespaces, which would outlive the bed.
    fn end_namespaces(&self) {
        let _ = Outcome::of(self.command(&["system", "migrate"]), b"");
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // Whatever the test left: containers first, then the mounts that a failed test may have kept.
        let _ = Outcome::of(self.command(&["rm", "-f", "-a", "-t", "0"]), b"");
        if is_root() {
            let prefix = self.folder.path().display().to_string();
            let mounts = cove_sys::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
            let mut below: Vec<&str> = mounts
                .lines()
                .filter_map(|line| line.split(' ').nth(1))
                .filter(|path| path.starts_with(&prefix))
                .collect();
            below.reverse();
            for path in below {
                let _ = Command::new("umount").args(["-l", path]).status();
            }
            if self.user.is_some() {
                self.end_namespaces();
            }
        } else {
            // Files of mapped ids can only be removed inside the user namespace.
            let root = self.path("root").display().to_string();
            let _ = Outcome::of(self.command(&["unshare", "rm", "-rf", &root]), b"");
            self.end_namespaces();
        }
    }
}

/// A program that was built with the suites, in a folder that every user may enter.
///
/// # Panics
/// Where it was not built: `cargo xtask test` builds it first.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<(PathBuf, Child)> = OnceLock::new();
    let (folder, _) = FOLDER.get_or_init(|| {
        let copies = tempfile::Builder::new().prefix("cove-bin").tempdir().expect("a temporary folder");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        cove_sys::fs::set_permissions(copies.path(), open).expect("a folder for every user");
        for name in ["cove", "cove-monitor"] {
            let built = built(name);
            assert!(
                built.exists(),
                "{} is not built: cargo build -p cove-cli -p cove-monitor",
                built.display()
            );
            cove_sys::fs::copy(&built, copies.path().join(name)).expect("a copy of the program");
        }
        let folder = copies.keep();
        let keeper = removed_with_this_process(&folder);
        (folder, keeper)
    });
    folder.join(name)
}

/// Removes a folder when this process ends, in whatever way: statics are never dropped, and a copy of
/// the programs takes hundreds of megabytes. A shell waits for the end of the pipe whose other end
/// this is.
fn removed_with_this_process(folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "cat; rm -rf -- \"$1\"", "sh"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell")
}
