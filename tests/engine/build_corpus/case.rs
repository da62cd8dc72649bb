//! The language of the cases.
//!
//! ```text
//! === NAME [refused TEXT | both-refuse | differs WHY]
//! flags: --build-arg A=b
//! --- PATH [MODE] [-> TARGET | <- FOLDER]
//! lines of the file
//! --- =told
//! file /path 644 0:0 text
//! ```
//!
//! A file is written as it stands, `BASE` in it being the image of the bed; `PATH/` is a folder and `-> TARGET` makes a
//! symbolic link, `<- FOLDER` an archive of a folder, packed as its name says. With `=told` the image is compared with what is told, else with the peer's.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use cove_sys::fs;
use cove_test_support::IMAGE;

/// One build.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) verdict: Verdict,
    flags: Vec<String>,
    files: Vec<File>,
}

/// What is right.
pub(super) enum Verdict {
    /// The peer's result.
    Same,
    /// Another one than the peer's, on purpose.
    Differ(String),
    /// What the case tells, line by line.
    Told(Vec<String>),
    /// An error of ours with this text.
    Refused(String),
    /// An error of ours and of the peer.
    BothRefuse,
}

struct File {
    path: String,
    mode: Option<u32>,
    target: Option<String>,
    packed: Option<String>,
    text: String,
}

/// Reads the cases of a text.
pub(super) fn read(text: &str) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for part in text.split("\n=== ").skip(1) {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let fault = |what: &str| format!("{head}: {what}");
        let (name, verdict) = head.split_once(' ').unwrap_or((head, ""));
        let mut verdict = match verdict.split_once(' ').unwrap_or((verdict, "")) {
            ("", _) => Verdict::Same,
            ("both-refuse", _) => Verdict::BothRefuse,
            ("refused", text) if !text.is_empty() => Verdict::Refused(text.into()),
            ("differs", why) if !why.is_empty() => Verdict::Differ(why.into()),
            _ => return Err(fault("no such verdict")),
        };
        let body = format!("\n{body}\n");
        let mut parts = body.split("\n--- ");
        let top = parts.next().unwrap_or_default().trim();
        let flags = match top.strip_prefix("flags: ") {
            Some(line) => shlex::split(line).ok_or_else(|| fault("unbalanced quotes"))?,
            None if top.is_empty() => Vec::new(),
            None => return Err(fault(top)),
        };
        let mut files = Vec::new();
        for part in parts {
            let (head, text) = part.split_once('\n').unwrap_or((part, ""));
            if head == "=told" {
                verdict =
                    Verdict::Told(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect());
                continue;
            }
            let (head, target) = match head.split_once(" -> ") {
                Some((path, target)) => (path, Some(target.to_owned())),
                None => (head, None),
            };
            let (head, packed) = match head.split_once(" <- ") {
                Some((path, folder)) => (path, Some(folder.to_owned())),
                None => (head, None),
            };
            let (path, mode) = match head.rsplit_once(' ') {
                Some((path, mode)) if mode.bytes().all(|byte| byte.is_ascii_digit()) => (path, mode),
                _ => (head, ""),
            };
            let mode = match mode {
                "" => None,
                digits => Some(u32::from_str_radix(digits, 8).map_err(|_| fault(head))?),
            };
            files.push(File {
                path: path.into(),
                mode,
                target,
                packed,
                text: format!("{}\n", text.trim_end_matches('\n').replace("BASE", IMAGE)),
            });
        }
        cases.push(Case { name: name.into(), verdict, flags, files });
    }
    match cases.is_empty() {
        true => Err("there is no case".into()),
        false => Ok(cases),
    }
}

impl Case {
    pub(super) fn flags(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(String::as_str)
    }

    pub(super) fn has_flag(&self, name: &str) -> bool {
        self.flags().any(|flag| flag.split('=').next() == Some(name))
    }

    /// Whether a file of that path is in the context.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }

    /// Whether there is a `WORKDIR`.
    pub(super) fn makes_folders(&self) -> bool {
        self.files.iter().any(|file| file.text.contains("WORKDIR"))
    }

    /// Writes the context, all of it old, so that what a build makes is told from what it copies.
    pub(super) fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("a folder");
        for file in &self.files {
            let path = folder.join(&file.path);
            match (&file.target, file.path.ends_with('/')) {
                (None, true) => fs::create_dir_all(&path).expect("a folder"),
                (target, _) => {
                    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                    match target {
                        Some(target) => std::os::unix::fs::symlink(target, &path).expect("a link"),
                        None => fs::write(&path, &file.text).expect("a file"),
                    }
                }
            }
            if file.target.is_none() {
                let usual = if file.path.ends_with('/') { 0o755 } else { 0o644 };
                let mode = std::fs::Permissions::from_mode(file.mode.unwrap_or(usual));
                std::fs::set_permissions(&path, mode).expect("a mode");
            }
        }
        let old = Command::new("find")
            .arg(folder)
            .args(["-exec", "touch", "-h", "-d", "@1000000000", "{}", "+"])
            .status();
        assert!(old.is_ok_and(|status| status.success()), "touch {}", folder.display());
        for file in &self.files {
            let Some(packed) = &file.packed else { continue };
            let done = Command::new("tar")
                .args(["--owner=5", "--group=6", "-caf"])
                .arg(folder.join(&file.path))
                .arg("-C")
                .arg(folder.join(packed))
                .arg(".")
                .status();
            assert!(done.is_ok_and(|status| status.success()), "tar {}", file.path);
        }
    }
}
