//! The overlay driver, with containers/storage's layout: `overlay/ID/{diff,link,lower,work,merged,empty}`
//! and short links `overlay/l/LINK -> ../ID/diff`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cove_sys::fs;
use rustix::fs::{FileType, Mode};
use rustix::mount::MountFlags;

use super::idmap;
use super::mount::{self, MAX_DATA};
use super::{Contents, MountRequest};
use crate::archive::WhiteoutStyle;
use crate::dirs;
use crate::error::{Context, Result, StorageError};
use crate::id::random_link;
use crate::record::IdMap;
use crate::tempdir::TempDir;

const MAX_DEPTH: usize = 500;
const ROOT_MODE: u32 = 0o555;
const PROGRAM_FLAG: &str = ".has-mount-program";

/// Settings of the overlay driver.
#[derive(Debug, Clone, Default)]
pub struct OverlayOptions {
    /// Program to mount with instead of the kernel (fuse-overlayfs).
    pub mount_program: Option<PathBuf>,
    /// Where fuse-overlayfs is, to be used where the kernel cannot mount overlay; `None` where it is missing.
    pub fallback_program: Option<PathBuf>,
    /// Options of every mount, such as `nodev`.
    pub mount_options: Vec<String>,
    /// Whether files keep our owner where theirs is not mapped.
    pub ignore_chown_errors: bool,
}

/// The driver.
#[derive(Debug)]
pub(crate) struct Overlay {
    home: PathBuf,
    run_home: PathBuf,
    program: Option<PathBuf>,
    options: Vec<String>,
    user_namespace: bool,
}

impl Overlay {
    /// Prepares the driver's directories and finds out how to mount. An error means it cannot be used here.
    pub(crate) fn open(
        graph: &Path,
        run: &Path,
        options: &OverlayOptions,
        user_namespace: bool,
    ) -> Result<Self> {
        let home = graph.join("overlay");
        if home.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b':' | b',' | b'\\')) {
            return Err(StorageError::Unsupported(format!(
                "a graph root with ':', ',' or '\\' in its name ({}) by the overlay driver",
                graph.display()
            )));
        }
        dirs::ensure(&home, 0o700)?;
        dirs::ensure(&home.join("l"), 0o755)?;
        let run_home = run.join("overlay");
        dirs::ensure(&run_home, 0o700)?;
        let program = match &options.mount_program {
            Some(program) => Some(program.clone()),
            None => choose_program(&home, &run_home, options, user_namespace)?,
        };
        record_program(&home, program.is_some())?;
        // With metacopy, files whose attributes alone changed have no contents in their layer, so that neither
        // its changes nor its archive could be made from it.
        let own = |option: &&String| *option != "metacopy=on";
        let options = options.mount_options.iter().filter(own).cloned().collect();
        Ok(Self { home, run_home, program, options, user_namespace })
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// What `info` shows.
    pub(crate) fn status(&self) -> Vec<(String, String)> {
        let mut status = vec![
            ("Backing Filesystem".to_owned(), mount::file_system_name(&self.home)),
            ("Native Overlay Diff".to_owned(), self.program.is_none().to_string()),
            ("Supports d_type".to_owned(), "true".to_owned()),
            ("Supports shifting".to_owned(), self.can_shift().to_string()),
            ("Supports volatile".to_owned(), "true".to_owned()),
            ("Using metacopy".to_owned(), "false".to_owned()),
        ];
        if let Some(program) = &self.program {
            status.push(("Mount Program".to_owned(), program.display().to_string()));
        }
        status
    }

    pub(crate) fn diff(&self, id: &str) -> PathBuf {
        self.directory(id).join("diff")
    }

    pub(crate) fn whiteouts(&self) -> WhiteoutStyle {
        match (&self.program, self.user_namespace) {
            (Some(_), _) => WhiteoutStyle::Files,
            (None, true) => WhiteoutStyle::User,
            (None, false) => WhiteoutStyle::Trusted,
        }
    }

    fn directory(&self, id: &str) -> PathBuf {
        self.home.join(id)
    }

    pub(crate) fn create(&self, id: &str, parent: Option<&str>, contents: Contents<'_>) -> Result<()> {
        let directory = self.directory(id);
        if directory.symlink_metadata().is_ok() {
            let mut trash = TempDir::new(&self.home.join("tempdirs"))?;
            self.remove(id, &mut trash)?;
        }
        // The root of a layer looks like its parent's unless its archive says otherwise.
        let (mode, uid, gid) = match parent {
            Some(parent) => {
                let data = fs::metadata(self.diff(parent))?;
                (data.mode() & 0o7777, data.uid(), data.gid())
            }
            None => (ROOT_MODE, 0, 0),
        };
        dirs::create_exact(&directory, 0o700)?;
        let diff = directory.join("diff");
        let own_root = match contents {
            Contents::Empty => {
                dirs::create_exact(&diff, 0o700)?;
                false
            }
            Contents::Staged { directory, has_root } => {
                fs::rename(directory, &diff)?;
                has_root
            }
        };
        if !own_root {
            std::os::unix::fs::chown(&diff, Some(uid), Some(gid)).context("set the owner of", &diff)?;
            fs::set_permissions(&diff, std::fs::Permissions::from_mode(mode))?;
        }
        // The file first: whoever removes the directory of a crashed command learns from it which link to remove.
        let link = random_link()?;
        write_new(&directory.join("link"), link.as_bytes())?;
        fs_err::os::unix::fs::symlink(format!("../{id}/diff"), self.home.join("l").join(&link))?;
        dirs::create_exact(&directory.join("work"), 0o700)?;
        dirs::create_exact(&directory.join("merged"), 0o700)?;
        match parent {
            None => dirs::create_exact(&directory.join("empty"), 0o700),
            Some(parent) => write_new(&directory.join("lower"), self.lower_links(parent)?.as_bytes()),
        }
    }

    /// The contents of a child's `lower` file: links of the parent and its ancestors, nearest first.
    fn lower_links(&self, parent: &str) -> Result<String> {
        let parent = self.directory(parent);
        let link = fs::read_to_string(parent.join("link"))?;
        let mut lower = format!("l/{}", link.trim());
        if let Some(more) = dirs::read_optional(&parent.join("lower"))? {
            lower.push(':');
            lower.push_str(&String::from_utf8_lossy(&more));
        }
        Ok(lower)
    }

    pub(crate) fn remove(&self, id: &str, trash: &mut TempDir) -> Result<()> {
        let directory = self.directory(id);
        mount::detach(&directory.join("merged"))?;
        mount::detach(&directory.join("mapped/0"))?;
        if let Some(link) = dirs::read_optional(&directory.join("link"))? {
            let link = String::from_utf8_lossy(&link).trim().to_owned();
            // The file's contents become part of a path, so they must be one component.
            if crate::id::check_component("link", &link).is_ok() {
                dirs::remove_file(&self.home.join("l").join(link))?;
            }
        }
        trash.take(&directory)
    }

    pub(crate) fn mount(&self, id: &str, lowers: &[String], request: &MountRequest) -> Result<PathBuf> {
        if lowers.len() > MAX_DEPTH {
            return Err(StorageError::Unsupported(format!("a layer on more than {MAX_DEPTH} others")));
        }
        let directory = self.directory(id);
        let merged = directory.join("merged");
        dirs::ensure(&merged, 0o700)?;
        // Left by a command that died before it could count its mount.
        if mount::is_mount_point(&merged) {
            return Ok(merged);
        }
        if self.program.is_none() {
            mount::make_private(&self.home)?;
        }
        let mut options =
            if request.options.is_empty() { self.options.clone() } else { request.options.clone() };
        if self.program.is_none() && self.user_namespace {
            options.push("userxattr".into());
        }
        if request.volatile && !request.read_only {
            options.push("volatile".into());
        }
        // The kernel refuses a second mount with `volatile` until this mark is gone.
        dirs::remove_all(&directory.join("work/work/incompat/volatile"))?;
        if !request.label.is_empty() {
            options.push(format!("context=\"{}\"", request.label));
        }
        let read_only = request.read_only || options.iter().any(|option| option == "ro");
        let result = match (&self.program, &request.shift) {
            (Some(program), _) => self.mount_by_program(program, id, lowers, read_only, &options),
            (None, None) => self.mount_by_kernel(&self.home, id, lowers, read_only, &options),
            (None, Some((users, groups))) => {
                self.mount_shifted(id, lowers, read_only, &options, users, groups)
            }
        };
        result.map_err(|error| StorageError::Mount { target: merged.clone(), reason: error.to_string() })?;
        Ok(merged)
    }

    /// Mounts over copies of the lower layers' mount that show the mapped owners.
    fn mount_shifted(
        &self,
        id: &str,
        lowers: &[String],
        read_only: bool,
        options: &[String],
        users: &[IdMap],
        groups: &[IdMap],
    ) -> io::Result<()> {
        let mapped = self.directory(id).join("mapped");
        let failed = |error: StorageError| io::Error::other(error.to_string());
        dirs::ensure(&mapped, 0o700).map_err(failed)?;
        let view = mapped.join("0");
        dirs::ensure(&view, 0o700).map_err(failed)?;
        mount::detach(&view).map_err(failed)?;
        // Read-only too: nothing may be deleted through a view that a crash left behind.
        idmap::mount_mapped(&self.home, &view, users, groups, true)?;
        let result = self.mount_by_kernel(&view, id, lowers, read_only, options);
        // Overlay holds what it needs of it.
        mount::detach(&view).map_err(failed)?;
        result
    }

    /// Whether owners can be shown mapped: by the kernel since 5.19, as real root.
    pub(crate) fn can_shift(&self) -> bool {
        if self.program.is_some() || self.user_namespace {
            return false;
        }
        let known = |answer: bool| self.run_home.join(format!("idmapped-lower-dir-{answer}"));
        if known(true).exists() || known(false).exists() {
            return known(true).exists();
        }
        let works = self.try_shift().is_ok();
        // Only a note to save the next probe; without it the probe is repeated.
        let _ = fs::write(known(works), "");
        works
    }

    fn try_shift(&self) -> Result<()> {
        let scratch = TempDir::new(&self.home.join("tempdirs"))?;
        let path = |name: &str| scratch.path().join(name);
        for name in ["lower", "view", "upper", "work", "merged"] {
            dirs::create_exact(&path(name), 0o700)?;
        }
        let map = [IdMap { container_id: 0, host_id: 1, size: 10 }];
        let (view, merged) = (path("view"), path("merged"));
        idmap::mount_mapped(&path("lower"), &view, &map, &map, true)?;
        let data = format!(
            "lowerdir={},upperdir={},workdir={}",
            view.display(),
            path("upper").display(),
            path("work").display()
        );
        let mounted = mount::overlay(&merged, MountFlags::empty(), &data);
        mount::detach(&merged)?;
        mount::detach(&view)?;
        Ok(mounted?)
    }

    /// Mounts with the lower layers below `view`, which shows the same as the driver's home.
    fn mount_by_kernel(
        &self,
        view: &Path,
        id: &str,
        lowers: &[String],
        read_only: bool,
        options: &[String],
    ) -> io::Result<()> {
        let (mut flags, extra) = mount::parse_options(options);
        if read_only {
            flags |= MountFlags::RDONLY;
        }
        let merged = self.directory(id).join("merged");
        let paths = lowers.iter().map(|lower| view.join(lower).join("diff"));
        let absolute = self.data(&self.home, id, paths, read_only, &extra);
        if absolute.len() <= MAX_DATA {
            return mount::overlay(&merged, flags, &absolute);
        }
        let prefix = view.strip_prefix(&self.home).unwrap_or(view);
        let mut links = Vec::with_capacity(lowers.len());
        for lower in lowers {
            let link = fs::read_to_string(self.directory(lower).join("link"))?;
            links.push(prefix.join("l").join(link.trim()));
        }
        let relative = self.data(Path::new(""), id, links.into_iter(), read_only, &extra);
        if relative.len() > MAX_DATA {
            return Err(io::Error::other(format!("{} layers are too many for one mount", lowers.len())));
        }
        mount::overlay_from(&self.home, &merged, flags, &relative)
    }

    fn mount_by_program(
        &self,
        program: &Path,
        id: &str,
        lowers: &[String],
        read_only: bool,
        options: &[String],
    ) -> io::Result<()> {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let data =
            self.data(&self.home, id, lowers.iter().map(|lower| self.diff(lower)), read_only, &options);
        let output = Command::new(program)
            .arg("-o")
            .arg(data)
            .arg(self.directory(id).join("merged"))
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{}: {} ({})", program.display(), message.trim(), output.status)))
    }

    fn data(
        &self,
        base: &Path,
        id: &str,
        lowers: impl Iterator<Item = PathBuf>,
        read_only: bool,
        options: &[&str],
    ) -> String {
        let own = base.join(id);
        let mut lowers: Vec<String> = lowers.map(|path| path.to_string_lossy().into_owned()).collect();
        if lowers.is_empty() {
            lowers.push(own.join("empty").to_string_lossy().into_owned());
        }
        let diff = own.join("diff");
        let mut data = if read_only {
            format!("lowerdir={}:{}", diff.display(), lowers.join(":"))
        } else {
            format!(
                "lowerdir={},upperdir={},workdir={}",
                lowers.join(":"),
                diff.display(),
                own.join("work").display()
            )
        };
        for option in options {
            data.push(',');
            data.push_str(option);
        }
        data
    }

    pub(crate) fn unmount(&self, id: &str) -> Result<()> {
        let directory = self.directory(id);
        let merged = directory.join("merged");
        if self.program.is_some() {
            unmount_fuse(&merged);
        }
        mount::detach(&merged)?;
        // A fresh directory renamed over it: mounts that other namespaces still have there go away with it.
        let fresh = directory.join("merged.1");
        dirs::ensure(&fresh, 0o700)?;
        fs::rename(&fresh, &merged)?;
        Ok(())
    }
}

fn write_new(path: &Path, data: &[u8]) -> Result<()> {
    fs::write(path, data)?;
    Ok(fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))?)
}

fn unmount_fuse(merged: &Path) {
    for program in ["fusermount3", "fusermount"] {
        let status = Command::new(program)
            .arg("-u")
            .arg(merged)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if status.is_ok_and(|status| status.success()) {
            return;
        }
    }
}

/// The program to mount with, or `None` for the kernel. The answer is kept where podman keeps its own.
fn choose_program(
    home: &Path,
    run_home: &Path,
    options: &OverlayOptions,
    user_namespace: bool,
) -> Result<Option<PathBuf>> {
    let flag = dirs::read_optional(&home.join(PROGRAM_FLAG))?.unwrap_or_default();
    let native = if flag.trim_ascii() == b"true" {
        Err(StorageError::Unsupported("overlay by the kernel in a store made with fuse-overlayfs".into()))
    } else if run_home.join("overlay-true").exists() {
        Ok(())
    } else {
        let tried = try_mount(home, user_namespace);
        if tried.is_ok() {
            fs::write(run_home.join("overlay-true"), "")?;
        }
        tried
    };
    match (native, &options.fallback_program) {
        (Ok(()), _) => Ok(None),
        (Err(_), Some(program)) => Ok(Some(program.clone())),
        (Err(error), None) => Err(error),
    }
}

fn record_program(home: &Path, used: bool) -> Result<()> {
    let path = home.join(PROGRAM_FLAG);
    let wanted: &[u8] = if used { b"true" } else { b"false" };
    if dirs::read_optional(&path)?.is_none_or(|found| found.trim_ascii() != wanted) {
        crate::table::replace(&path, wanted)?;
    }
    Ok(())
}

/// Mounts a small overlay with two lower layers and deletes in it, as real use would.
fn try_mount(home: &Path, user_namespace: bool) -> Result<()> {
    let scratch = TempDir::new(&home.join("tempdirs"))?;
    let path = |name: &str| scratch.path().join(name);
    for name in ["merged", "lower1", "lower2", "lower2/sub", "upper", "work"] {
        dirs::create_exact(&path(name), 0o700)?;
    }
    fs::write(path("lower2/sub/file"), "")?;
    let whiteout = path("upper/whiteout");
    rustix::fs::mknodat(rustix::fs::CWD, &whiteout, FileType::CharacterDevice, Mode::empty(), 0)
        .context("create whiteout", &whiteout)?;
    let mut data = format!(
        "lowerdir={}:{},upperdir={},workdir={}",
        path("lower1").display(),
        path("lower2").display(),
        path("upper").display(),
        path("work").display()
    );
    if user_namespace {
        data.push_str(",userxattr");
    }
    let merged = path("merged");
    mount::overlay(&merged, MountFlags::empty(), &data)
        .map_err(|error| StorageError::Mount { target: merged.clone(), reason: error.to_string() })?;
    let removed = fs::remove_dir_all(merged.join(OsStr::new("sub")));
    mount::detach(&merged)?;
    Ok(removed?)
}
