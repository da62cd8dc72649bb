//! Copying out of and into containers, and writing a whole root file system.

use std::io::{Read, Write};
use std::sync::Arc;

use cove_api::{
    ByteStream, CopyFromOptions, CopyToOptions, Error, ErrorKind, FileTree, PathArchive, PathStat, Result,
    Timestamp, TreeKind, go_mode,
};
use cove_spec::copy::{as_asked, base};
use cove_tree::{Look, Packing, Root, Unpacking};
use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;

use super::root_fs::{Owners, RootFs};
use super::trees::Tree;
use super::view::ContainerFiles;
use crate::container::lookup::Locked;
use crate::engine::Core;
use crate::stream;

/// What is at a path; links are followed, but to nothing.
pub(super) fn path_stat(core: &Arc<Core>, name: &str, path: &str) -> Result<PathStat> {
    Ok(stat(&Tree::open(core, &FileTree::new(TreeKind::Container, name))?, path)?.0)
}

/// As [`path_stat`], with the path that it comes to.
pub(super) fn stat(files: &Tree, path: &str) -> Result<(PathStat, Look)> {
    // The root is always meant with its contents.
    let path = if path == "/" { "/." } else { path };
    let absolute = files.absolute(path);
    let (root, prefix, inner) = files.place(&absolute);
    let mut look = root.look(inner.as_bytes()).map_err(|errno| failed(path, errno))?;
    if !prefix.is_empty() {
        look.path = match look.path.as_slice() {
            b"/" => prefix.as_bytes().to_vec(),
            below => [prefix.as_bytes(), below].concat(),
        };
    }
    let is = match (&look.stat, &look.link) {
        (Some(stat), _) | (None, Some(stat)) => *stat,
        (None, None) => return Err(no_such_file()),
    };
    let is_dir = look.stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir());
    if !is_dir && look.stat.is_some() && (path.ends_with('/') || path.ends_with("/.")) {
        return Err(no_such_file());
    }
    let target = as_asked(path, String::from_utf8_lossy(&look.path).into_owned());
    let stat = PathStat {
        name: base(&target).to_owned(),
        size: is.st_size,
        mode: go_mode(look.link.map_or(is.st_mode, |link| link.st_mode)),
        mtime: changed(&is),
        is_dir,
        link_target: target,
        missing: look.stat.is_none(),
    };
    Ok((stat, look))
}

pub(super) fn no_such_file() -> Error {
    Error::not_found("no such file or directory")
}

pub(super) fn failed(path: &str, errno: Errno) -> Error {
    Error::from(std::io::Error::from(errno)).context(path)
}

pub(super) fn changed(stat: &Stat) -> Timestamp {
    let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or_default();
    Timestamp::new(stat.st_mtime, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What is at a path, as a tar.
pub(super) fn copy_from(core: &Arc<Core>, tree: &FileTree, options: &CopyFromOptions) -> Result<PathArchive> {
    let files = Tree::open(core, tree)?;
    let (stat, look) = stat(&files, &options.path)?;
    let asked = options.path.as_str();
    // A link itself, unless what it leads to was asked for.
    let itself = options.docker && look.link.is_some() && !asked.ends_with('/') && base(asked) != ".";
    if stat.missing && !itself {
        return Err(no_such_file());
    }
    let contents = stat.is_dir && base(&stat.link_target) == ".";
    let path = if itself { files.absolute(asked).into_bytes() } else { look.path.clone() };
    let name = match (contents, options.docker) {
        (true, true) => ".".to_owned(),
        (true, false) => String::new(),
        (false, true) => base(asked).to_owned(),
        (false, false) => base(&stat.link_target).to_owned(),
    };
    let is_container = tree.kind == TreeKind::Container;
    let skip: &'static [&'static str] =
        if is_container && look.path == b"/" { &["dev", "proc", "sys"] } else { &[] };
    // The user's devices are nobody's in the namespace, and may not be read.
    let unreadable = core.options.rootless && files.is_alive();
    let write = move |out: &mut dyn Write| {
        // All of it, with what keeps the mounts.
        let files = files;
        let packing = Packing {
            name: name.as_bytes(),
            with_root: true,
            skip,
            owners: &|uid, gid| files.inside(uid, gid),
            unreadable,
            follow: !itself,
        };
        let (root, _, inner) = match std::str::from_utf8(&path) {
            Ok(text) => files.place(text),
            // No destination of a mount is like that.
            Err(_) => return cove_tree::pack(files.root(), &path, &packing, out).map_err(Error::from),
        };
        cove_tree::pack(root, inner.as_bytes(), &packing, out).map_err(Error::from)
    };
    Ok(PathArchive { stat, archive: stream::written(write) })
}

/// The root file system of a container as a tar.
pub(super) fn export(core: &Arc<Core>, name: &str) -> Result<ByteStream> {
    let Locked { row, lock } = core.locked_container(name)?;
    let root_fs = RootFs::mount(core, &row)?;
    drop(lock);
    let (root, owners) = (Root::open(root_fs.path())?, Owners::of(core, &row)?);
    core.tell("export", &row);
    Ok(stream::written(move |out| {
        let packed = pack_all(&root, &owners, out);
        drop((root, root_fs));
        packed
    }))
}

/// Writes all below a root, with the owners that it has in the container.
pub(crate) fn pack_all(root: &Root, owners: &Owners, out: &mut dyn Write) -> Result<()> {
    let packing = Packing {
        name: b"",
        with_root: false,
        skip: &[],
        owners: &|uid, gid| owners.inside(uid, gid),
        unreadable: false,
        follow: true,
    };
    Ok(cove_tree::pack(root, b"/", &packing, out)?)
}

/// Unpacks a tar into a directory of a container.
pub(super) fn copy_to(
    core: &Arc<Core>,
    name: &str,
    options: &CopyToOptions,
    archive: impl Read,
) -> Result<()> {
    if options.path.is_empty() {
        return Err(Error::invalid("missing `path` parameter"));
    }
    let files = ContainerFiles::open(core, name)?;
    let absolute = files.absolute(&options.path);
    let (root, _, inner) = files.place(&absolute);
    match root.find(inner.as_bytes(), OFlags::PATH | OFlags::DIRECTORY) {
        Ok(_) => {}
        Err(Errno::NOENT) => {
            return Err(Error::not_found(format!(
                "could not find the file {} in container {}: no such file or directory",
                options.path, files.row.name
            )));
        }
        Err(Errno::NOTDIR) => return Err(Error::invalid("extraction point is not a directory")),
        Err(errno) => return Err(failed(&options.path, errno)),
    }
    let owner = match options.chown {
        true => Some(files.owner_of_new()?),
        false => None,
    };
    let rename: Vec<(Vec<u8>, Vec<u8>)> =
        options.rename.iter().map(|(old, new)| (old.as_bytes().to_vec(), new.as_bytes().to_vec())).collect();
    for new in options.rename.values() {
        if matches!(new.as_str(), "" | "." | "..") || new.contains('/') {
            return Err(Error::invalid(format!("{new:?} is no name of a file")));
        }
    }
    let unpacking = Unpacking {
        directory: inner.as_bytes(),
        keep_directory: false,
        rename: &rename,
        owner,
        owners: &|uid, gid| files.owners.outside(uid, gid),
        overwrite: !options.no_overwrite,
        privileged: true,
    };
    cove_tree::unpack(root, &unpacking, archive).map_err(|error| {
        let error = Error::from(error);
        // The request is to blame: a directory is in the way.
        if error.kind == ErrorKind::AlreadyExists { Error::invalid(error.message) } else { error }
    })
}
