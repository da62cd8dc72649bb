//! A container's files as a process in it finds them, whether it runs or not.
//!
//! Of one that runs it is the root of its first process, with all that is mounted there. For one that does not run, the
//! root file system is mounted and its volumes and binds over it, in a mount namespace that nobody else is in and that
//! ends with this value. Either way it is a descriptor beneath which paths are resolved.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cove_api::{Error, Mount, Result};
use cove_runtime::ProcessRef;
use cove_runtime::user::{ResolvedUser, resolve_user};
use cove_runtime::view::View;
use cove_tree::Root;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags};
use rustix::thread::UnshareFlags;

use super::root_fs::{Owners, RootFs};
use crate::container::lookup::Locked;
use crate::container::settled;
use crate::engine::Core;
use crate::state::ContainerRow;

/// A container's files. The fields are given up in this order.
#[derive(Debug)]
pub(super) struct ContainerFiles {
    /// Its root.
    root: Root,
    /// What would be mounted within another mount, where the start has yet to make the directory, by destination.
    unplaced: Vec<(String, Root)>,
    /// Keeps what was mounted for it.
    _namespace: Option<OwnedFd>,
    _root_fs: Option<RootFs>,
    /// The container.
    pub(super) row: ContainerRow,
    /// Whose they are.
    pub(super) owners: Owners,
}

impl ContainerFiles {
    /// Opens the files of the container meant by a name.
    pub(super) fn open(core: &Arc<Core>, name: &str) -> Result<Self> {
        let Locked { row, lock: _lock } = core.locked_container(name)?;
        let owners = Owners::of(core, &row)?;
        if let Some(root) = of_process(&row) {
            return Ok(Self { root, unplaced: Vec::new(), _namespace: None, _root_fs: None, row, owners });
        }
        let root_fs = RootFs::mount(core, &row)?;
        let mounts = settled(core, &row, root_fs.path())?;
        let Assembled { root, unplaced, namespace } = assembled(root_fs.path(), &mounts)?;
        Ok(Self { root, unplaced, _namespace: Some(namespace), _root_fs: Some(root_fs), row, owners })
    }

    /// A path of the request, from the working directory where it is relative. What it ends with stays.
    pub(super) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        format!("{}/{path}", self.row.config.work_dir.trim_end_matches('/'))
    }

    /// Its root, for a path that leads to nothing else.
    pub(super) fn root(&self) -> &Root {
        &self.root
    }

    /// Where an absolute path leads: a root, what is put before paths in it, and the path in it.
    pub(super) fn place(&self, absolute: &str) -> (&Root, &str, String) {
        let clean = crate::container::clean(absolute);
        let within = |destination: &str| {
            let rest = clean.strip_prefix(destination)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
        };
        // An inner one comes after an outer one.
        for (destination, root) in self.unplaced.iter().rev() {
            if let Some(mut rest) = within(destination) {
                // What the path ended with has a meaning.
                let ending = ["/.", "/"].into_iter().find(|ending| absolute.ends_with(ending));
                rest.push_str(ending.unwrap_or_default());
                return (root, destination, if rest.is_empty() { "/".to_owned() } else { rest });
            }
        }
        (&self.root, "", absolute.to_owned())
    }

    /// Whose a new file is, on the disk: the user's that its command runs as.
    pub(super) fn owner_of_new(&self) -> Result<(u32, u32)> {
        let user = self.user()?;
        Ok(self.owners.outside(user.uid, user.gid))
    }

    /// The user that its command runs as.
    pub(super) fn user(&self) -> Result<ResolvedUser> {
        use std::os::fd::AsFd as _;
        let root = PathBuf::from(format!("/proc/self/fd/{}", self.root.as_fd().as_raw_fd()));
        Ok(resolve_user(&View::new(&root, &[])?, &self.row.config.user, &self.row.config.groups)?)
    }
}

/// The ids, in the container, of the user that its command runs as.
pub(crate) fn user_ids(core: &Arc<Core>, name: &str) -> Result<(u32, u32)> {
    let user = ContainerFiles::open(core, name)?.user()?;
    Ok((user.uid, user.gid))
}

/// The root of a container's first process; `None` where it does not run.
fn of_process(row: &ContainerRow) -> Option<Root> {
    if !row.state.is_alive() || row.status.pid <= 0 {
        return None;
    }
    let process = ProcessRef { pid: row.status.pid, start_time: row.status.pid_start };
    let root = Root::open(Path::new(&format!("/proc/{}/root", process.pid))).ok()?;
    // Only now is it known that the number still meant this process.
    process.is_alive().then_some(root)
}

/// The root file system with what is mounted over it.
struct Assembled {
    root: Root,
    /// As [`ContainerFiles::unplaced`].
    unplaced: Vec<(String, Root)>,
    /// Keeps the mounts.
    namespace: OwnedFd,
}

/// The root file system with `mounts` over it.
fn assembled(mountpoint: &Path, mounts: &[Mount]) -> Result<Assembled> {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                // SAFETY: only this thread's mount namespace and working directory change, and it ends here.
                unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
                    .map_err(|errno| failed("a mount namespace", errno))?;
                let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
                rustix::mount::mount_change("/", private)
                    .map_err(|errno| failed("a mount namespace", errno))?;
                let root = Root::open(mountpoint)?;
                let mut unplaced = Vec::new();
                for (index, mount) in mounts.iter().enumerate() {
                    let tree = put(&root, mount, &mounts[..index])
                        .map_err(|error| error.context(&mount.destination))?;
                    unplaced.extend(tree.map(|tree| (mount.destination.clone(), Root::from(tree))));
                }
                let flags = OFlags::RDONLY | OFlags::CLOEXEC;
                let namespace = rustix::fs::open("/proc/thread-self/ns/mnt", flags, Mode::empty())
                    .map_err(|errno| failed("a mount namespace", errno))?;
                Ok(Assembled { root, unplaced, namespace })
            })
            .join()
            .unwrap_or_else(|_| Err(Error::internal("the thread that mounts panicked")))
    })
}

fn failed(what: &str, errno: rustix::io::Errno) -> Error {
    Error::from(std::io::Error::from(errno)).context(what)
}

/// Mounts one over the root. A directory that is missing is made, as at the start, but for one in a mount of `before`:
/// nothing is made in what others see too, and the mount itself is answered.
fn put(root: &Root, mount: &Mount, before: &[Mount]) -> Result<Option<OwnedFd>> {
    let recursive = mount.options.iter().any(|option| option == "rbind");
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let flags = if recursive { flags | OpenTreeFlags::AT_RECURSIVE } else { flags };
    let tree = rustix::mount::open_tree(CWD, mount.source.as_str(), flags)
        .map_err(|errno| failed(&mount.source, errno))?;
    let path = mount.destination.as_bytes();
    let target = match root.find(path, OFlags::PATH) {
        Err(rustix::io::Errno::NOENT) => {
            let stat = rustix::fs::fstat(&tree).map_err(|errno| failed(&mount.source, errno))?;
            if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
                // Such a file is made at the start; until then there is nothing to copy from or to.
                return Ok(None);
            }
            let is_read_only = mount.options.iter().any(|option| option == "ro");
            let within = |outer: &Mount| {
                let rest = mount.destination.strip_prefix(outer.destination.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.starts_with('/'))
            };
            // A mount that is nowhere cannot be made read-only.
            if !is_read_only && before.iter().any(within) {
                return Ok(Some(tree));
            }
            cove_tree::make_directories(root, path, (0, 0))?;
            root.find(path, OFlags::PATH)
        }
        other => other,
    };
    let target = target.map_err(|errno| failed("the mount's destination", errno))?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(&tree, "", &target, "", flags).map_err(|errno| failed("mount", errno))?;
    if mount.options.iter().any(|option| option == "ro") {
        let mounted = root.find(path, OFlags::PATH).map_err(|errno| failed("mount", errno))?;
        read_only(&mounted).map_err(|errno| failed("mount read-only", errno))?;
    }
    Ok(None)
}

/// Makes a mount read-only; what else it refuses must stay refused, or the kernel says no in a user namespace.
fn read_only(mounted: &OwnedFd) -> std::result::Result<(), rustix::io::Errno> {
    use rustix::fs::StatVfsMountFlags as Is;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    let now = rustix::fs::fstatvfs(mounted)?.f_flag;
    for (is, flag) in
        [(Is::NOSUID, MountFlags::NOSUID), (Is::NODEV, MountFlags::NODEV), (Is::NOEXEC, MountFlags::NOEXEC)]
    {
        if now.contains(is) {
            flags |= flag;
        }
    }
    rustix::mount::mount_remount(format!("/proc/self/fd/{}", mounted.as_raw_fd()), flags, c"")
}
