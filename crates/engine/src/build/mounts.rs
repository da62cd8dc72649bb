//! What is mounted while a command of a build runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cove_api::{ContainerSpec, Error, Mount, OverlayVolume, Result};
use cove_build::{CacheSharing, FileMount, Ignore, MountKind, Ownership, RunMount, Source};
use cove_storage::Digest;
use cove_sys::fs;
use rustix::fs::{CWD, FileType, Mode, OFlags, RenameFlags};
use serde_json::{Value, json};

use super::agent::AgentWay;
use super::caches::Places;
use super::context::Unpacked;
use super::copying::{self, From, path_digest};
use super::placing;
use super::stage::Stage;
use super::start::{MountedImage, Stepped};
use super::working::Working;
use crate::lock::ObjectLock;
use crate::sandbox::{Hidden, PlannedSecret, RootDir};

/// Most caches of one name that are private to builds at the same time.
const MAX_PRIVATE: usize = 64;
/// How often a cache that another build has is looked at again.
const CACHE_POLL: Duration = Duration::from_millis(100);

/// A mount before anything is made for it.
pub(super) struct Wanted {
    mount: RunMount,
    /// What it shows, or begins with.
    from: Option<From>,
}

/// What mounts need, as long as the command runs.
#[derive(Default)]
pub(super) struct Mounts<'a> {
    images: Vec<MountedImage<'a>>,
    /// Folders of the context without what is ignored.
    copies: Vec<Unpacked>,
    /// Those of caches, by their names.
    locks: BTreeMap<String, ObjectLock>,
    pub(super) secrets: Vec<PlannedSecret>,
    pub(super) secret_env: Vec<(String, Hidden)>,
    agents: Vec<AgentWay>,
}

/// A cache that is not there yet.
struct NewCache<'a> {
    /// Permission bits.
    mode: u32,
    /// User and group.
    owner: (u32, u32),
    /// A path of something that it begins with.
    begin: Option<(&'a From, &'a str)>,
}

impl Stage<'_, '_> {
    /// Reads the mounts of a command, and what a cache must know of them.
    pub(super) fn wanted(&self, texts: &[String]) -> Stepped<(Vec<Wanted>, Value)> {
        let mut all = Vec::new();
        let mut inputs = Vec::new();
        for text in texts {
            let text = self.scope.word(text)?;
            let mount = RunMount::parse(&text)?;
            let from = match &mount.kind {
                MountKind::Bind { from: None, .. } => Some(From::Context(None)),
                MountKind::Bind { from: Some(name), .. } | MountKind::Cache { from: Some(name), .. } => {
                    Some(self.from(name)?)
                }
                _ => None,
            };
            inputs.push(match (&from, &mount.kind) {
                (Some(From::Image(id)), _) => json!([text, id]),
                (Some(From::Context(name)), MountKind::Bind { source, .. }) => {
                    json!([text, path_digest(self.context(name.as_deref()), source)?.to_string()])
                }
                // What is in a cache, a secret or an agent is no part of the result.
                _ => json!([text]),
            });
            all.push(Wanted { mount, from });
        }
        Ok((all, Value::from(inputs)))
    }

    /// Makes what mounts need and adds them to the request.
    pub(super) fn mounts(
        &self,
        all: &[Wanted],
        spec: &mut ContainerSpec,
        workdir: &str,
        working: &Working,
    ) -> Result<Mounts<'_>> {
        let mut mounts = Mounts::default();
        self.lock_caches(all, &mut mounts)?;
        for wanted in all {
            self.mount(wanted, spec, workdir, working, &mut mounts)?;
        }
        // Where nothing else is mounted.
        if self.build.options.compat_volumes {
            self.cover_volumes(spec, working, &mut mounts)?;
        }
        Ok(mounts)
    }

    fn mount<'m>(
        &'m self,
        wanted: &Wanted,
        spec: &mut ContainerSpec,
        workdir: &str,
        working: &Working,
        mounts: &mut Mounts<'m>,
    ) -> Result<()> {
        let destination = cove_build::join(workdir, &wanted.mount.target);
        match &wanted.mount.kind {
            MountKind::Bind { source, writable, .. } => {
                let from = wanted.from.as_ref();
                let path = match from {
                    Some(From::Image(id)) => {
                        let image = MountedImage::new(self.build.core, working, id)?;
                        let path = RootDir::open(&image.path)?.real_path(source)?;
                        mounts.images.push(image);
                        path
                    }
                    Some(From::Context(name)) => self.context_path(name.as_deref(), source, mounts)?,
                    None => return Err(Error::internal("a bind of nothing")),
                };
                if !writable {
                    spec.mounts.push(bind(&path, destination, "ro"));
                } else if path.is_dir() {
                    let source = path.to_string_lossy().into_owned();
                    spec.overlay_volumes.push(OverlayVolume { destination, source, options: Vec::new() });
                } else {
                    let copy = self.copy_of(&path, mounts)?;
                    spec.mounts.push(bind(&copy, destination, "rw"));
                }
            }
            MountKind::Cache { id, read_only, sharing, mode, uid, gid, source, .. } => {
                let begin = wanted.from.as_ref().map(|from| (from, source.as_str()));
                let new = NewCache { mode: *mode, owner: (*uid, *gid), begin };
                let path = self.cache(id, *sharing, &new, working, mounts)?;
                spec.mounts.push(bind(&path, destination, if *read_only { "ro" } else { "rw" }));
            }
            MountKind::Tmpfs { size } => spec.mounts.push(Mount {
                destination,
                kind: "tmpfs".into(),
                source: "tmpfs".into(),
                options: size.iter().map(|size| format!("size={size}")).collect(),
            }),
            MountKind::Secret(file) => self.secret(file, workdir, mounts)?,
            MountKind::Ssh(file) => self.agent(file, spec, workdir, mounts)?,
        }
        Ok(())
    }

    /// Where something of the context is on this machine; a link leads to something of the context. Of a folder that has
    /// something that is ignored, a copy without it.
    fn context_path(&self, name: Option<&str>, path: &str, mounts: &mut Mounts<'_>) -> Result<PathBuf> {
        let source = self.context(name);
        let Source { root, ignore } = source;
        if !ignore.is_empty() && copying::hides_something(source, path)? {
            let kept = Unpacked::new(self.build.core)?;
            copying::keep(source, path, Ownership::Given(0, 0), &kept.folder)?;
            let folder = kept.folder.clone();
            mounts.copies.push(kept);
            return Ok(folder);
        }
        let found = root.find(path.as_bytes(), OFlags::PATH).map_err(|errno| {
            Error::from(std::io::Error::from(errno)).context(format!("{path} in the context"))
        })?;
        Ok(std::fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&found)))?)
    }

    /// Puts a copy of what is there over the place of each volume, so that what a command changes there is thrown away.
    fn cover_volumes(
        &self,
        spec: &mut ContainerSpec,
        working: &Working,
        mounts: &mut Mounts<'_>,
    ) -> Result<()> {
        for volume in self.state.config.volumes.keys() {
            let destination = cove_build::join("/", volume);
            if destination == "/" {
                return Err(Error::invalid("--compat-volumes: the volume / is all that there is"));
            }
            let mounts_of = spec.mounts.iter().map(|mount| &mount.destination);
            let mut taken = mounts_of
                .chain(spec.volumes.iter().map(|volume| &volume.dest))
                .chain(spec.overlay_volumes.iter().map(|overlay| &overlay.destination));
            if taken.any(|taken| cove_build::join("/", taken) == destination) {
                continue;
            }
            let kept = Unpacked::new(self.build.core)?;
            let copy = kept.folder.join("volume");
            fs::create_dir(&copy)?;
            working.with_root(|root| copy_folder(root, &destination, &copy))?;
            spec.mounts.push(bind(&copy, destination, "rw"));
            mounts.copies.push(kept);
        }
        Ok(())
    }

    /// A copy of a file, so that what is written to it is thrown away.
    fn copy_of(&self, path: &Path, mounts: &mut Mounts<'_>) -> Result<PathBuf> {
        let (folder, name) = (path.parent().unwrap_or(Path::new("/")), path.file_name().unwrap_or_default());
        let mut file = placing::open(&cove_tree::Root::open(folder)?, name.as_encoded_bytes())?;
        let kept = Unpacked::new(self.build.core)?;
        let copy = kept.folder.join("file");
        let mut out = cove_sys::fs::File::create_new(&copy)?;
        std::io::copy(&mut file, &mut out)?;
        out.set_permissions(file.metadata()?.permissions())?;
        mounts.copies.push(kept);
        Ok(copy)
    }

    /// The socket of an agent, which is reached through one that belongs to the command's user.
    fn agent(
        &self,
        file: &FileMount,
        spec: &mut ContainerSpec,
        workdir: &str,
        mounts: &mut Mounts<'_>,
    ) -> Result<()> {
        let Some((_, agent)) = self.build.context.agents.iter().find(|(id, _)| *id == file.id) else {
            return match file.required {
                true => {
                    Err(Error::invalid(format!("ssh required but no ssh agent with id {} found", file.id)))
                }
                false => Ok(()),
            };
        };
        let destination = match &file.target {
            Some(target) => cove_build::join(workdir, target),
            None => format!("/run/buildkit/ssh_agent.{}", mounts.agents.len()),
        };
        let way = AgentWay::new(Unpacked::new(self.build.core)?, agent, file)?;
        spec.mounts.push(bind(&way.socket(), destination.clone(), "rw"));
        if mounts.agents.is_empty() {
            spec.env.insert("SSH_AUTH_SOCK".into(), destination);
        }
        mounts.agents.push(way);
        Ok(())
    }

    fn secret<'m>(&'m self, file: &FileMount, workdir: &str, mounts: &mut Mounts<'m>) -> Result<()> {
        let Some(secret) = self.build.context.secrets.iter().find(|secret| secret.id == file.id) else {
            if file.required {
                return Err(Error::invalid(format!(
                    "secret required but no secret with id {} found",
                    file.id
                )));
            }
            return Ok(());
        };
        if let Some(name) = &file.env {
            mounts.secret_env.push((name.clone(), Hidden(secret.data.clone())));
        }
        if file.env.is_none() || file.target.is_some() {
            let destination = match &file.target {
                Some(target) => cove_build::join(workdir, target),
                None => format!("/run/secrets/{}", name(&file.id)?),
            };
            let data = Hidden(secret.data.clone());
            let FileMount { uid, gid, mode, .. } = *file;
            mounts.secrets.push(PlannedSecret { destination, data, uid, gid, mode });
        }
        Ok(())
    }

    /// Takes the locks of all caches that are not private, in the order of their names: two commands that each had one and
    /// waited for the other's would wait for ever. One that is shared is held together with others, so that it is not
    /// removed meanwhile.
    fn lock_caches(&self, all: &[Wanted], mounts: &mut Mounts<'_>) -> Result<()> {
        let mut alone: BTreeMap<String, bool> = BTreeMap::new();
        for wanted in all {
            if let MountKind::Cache {
                id,
                sharing: sharing @ (CacheSharing::Locked | CacheSharing::Shared),
                ..
            } = &wanted.mount.kind
            {
                let name = Digest::sha256(id.as_bytes()).hex().to_owned();
                *alone.entry(name).or_default() |= matches!(sharing, CacheSharing::Locked);
            }
        }
        let locks = self.cache_locks()?;
        for (name, is_alone) in alone {
            let lock = self.waited_for(|| match is_alone {
                true => ObjectLock::try_acquire(&locks, &name),
                false => ObjectLock::try_share(&locks, &name),
            })?;
            mounts.locks.insert(name, lock);
        }
        Ok(())
    }

    /// Where the locks of caches are.
    fn cache_locks(&self) -> Result<PathBuf> {
        let Places { locks, .. } = Places::of(self.build.core);
        crate::state::make_private(&locks)?;
        Ok(locks)
    }

    /// The folder of a cache, whose lock is kept with the mounts. Its name is a digest, so that an id is no path.
    fn cache<'m>(
        &'m self,
        id: &str,
        sharing: CacheSharing,
        new: &NewCache<'_>,
        working: &Working,
        mounts: &mut Mounts<'m>,
    ) -> Result<PathBuf> {
        let digest = Digest::sha256(id.as_bytes());
        let Places { folder, .. } = Places::of(self.build.core);
        let locks = self.cache_locks()?;
        crate::state::make_private(&folder)?;
        let name = match sharing {
            // The lock of one that is not private is held already.
            CacheSharing::Shared | CacheSharing::Locked => digest.hex().to_owned(),
            CacheSharing::Private => {
                let mut names = (0..MAX_PRIVATE).map(|number| format!("{}.{number}", digest.hex()));
                let free = names.find_map(|name| Some((ObjectLock::try_acquire(&locks, &name)?, name)));
                let (lock, name) = free.ok_or_else(|| {
                    Error::unsupported(format!(
                        "more than {MAX_PRIVATE} builds have the private cache {id:?}"
                    ))
                })?;
                mounts.locks.insert(name.clone(), lock);
                name
            }
        };
        let path = folder.join(name);
        if !path.exists() {
            self.make_cache(&path, new, working, mounts)?;
        }
        Ok(path)
    }

    /// Makes a cache, which is there when it has what it begins with.
    fn make_cache<'m>(
        &'m self,
        path: &Path,
        new: &NewCache<'_>,
        working: &Working,
        mounts: &mut Mounts<'m>,
    ) -> Result<()> {
        let staged = Unpacked::new(self.build.core)?;
        let folder = staged.folder.join("cache");
        fs::create_dir(&folder)?;
        own(&folder, new.mode, new.owner)?;
        match new.begin {
            Some((From::Image(id), source)) => {
                let image = MountedImage::new(self.build.core, working, id)?;
                let (root, all) = (cove_tree::Root::open(&image.path)?, Ignore::default());
                copying::keep(Source { root: &root, ignore: &all }, source, Ownership::Kept, &folder)?;
                // Giving one image back gives all of them back that this command has: it is kept as long as those.
                mounts.images.push(image);
            }
            Some((From::Context(name), source)) => {
                let owner = Ownership::Given(new.owner.0, new.owner.1);
                copying::keep(self.context(name.as_deref()), source, owner, &folder)?;
            }
            None => {}
        }
        match rustix::fs::renameat_with(CWD, &folder, CWD, path, RenameFlags::NOREPLACE) {
            // Another build was faster, and may have mounted it.
            Err(rustix::io::Errno::EXIST) => Ok(()),
            other => other.map_err(|errno| Error::from(std::io::Error::from(errno)).context(path.display())),
        }
    }

    /// The lock of a cache that another build may have for as long as its command takes.
    fn waited_for(&self, attempt: impl Fn() -> Option<ObjectLock>) -> Result<ObjectLock> {
        loop {
            self.teller.check()?;
            if let Some(lock) = attempt() {
                return Ok(lock);
            }
            std::thread::sleep(CACHE_POLL);
        }
    }
}

/// Copies a folder of a root file system with its owner and its bits; where there is none, `copy` is as a new one is.
fn copy_folder(root: &Path, path: &str, copy: &Path) -> Result<()> {
    let root = cove_tree::Root::open(root)?;
    let Ok(found) = root.find(path.as_bytes(), OFlags::PATH | OFlags::DIRECTORY) else {
        return own(copy, 0o755, (0, 0));
    };
    let at = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(path);
    let stat = rustix::fs::fstat(&found).map_err(at)?;
    let (folder, all) = (cove_tree::Root::from(found), Ignore::default());
    copying::keep(Source { root: &folder, ignore: &all }, ".", Ownership::Kept, copy)?;
    own(copy, stat.st_mode & 0o7777, (stat.st_uid, stat.st_gid))
}

fn name(id: &str) -> Result<&str> {
    match id {
        "" | "." | ".." => Err(Error::invalid(format!("{id:?} is no name of a secret"))),
        id if id.contains('/') => Err(Error::invalid(format!("{id:?} is no name of a secret"))),
        id => Ok(id),
    }
}

pub(super) fn bind(source: &Path, destination: String, access: &str) -> Mount {
    Mount {
        destination,
        kind: "bind".into(),
        source: source.to_string_lossy().into_owned(),
        options: vec!["rbind".into(), "rprivate".into(), access.into()],
    }
}

/// A folder gets its owner and its bits, whatever the mask of this process.
fn own(path: &Path, mode: u32, (uid, gid): (u32, u32)) -> Result<()> {
    let at = |errno: rustix::io::Errno| Error::from(std::io::Error::from(errno)).context(path.display());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::open(path, flags, Mode::empty()).map_err(at)?;
    let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
    rustix::fs::fchown(&made, Some(uid), Some(gid)).map_err(at)?;
    rustix::fs::fchmod(&made, Mode::from_raw_mode(mode)).map_err(at)
}

/// What a command's mounts leave in a root file system: empty files and folders that were not there before.
pub(super) struct Traces {
    /// Absolute paths, those of folders before what is in them.
    missing: Vec<Vec<u8>>,
}

impl Traces {
    /// Notes which of these places, and of the folders they are in, do not exist.
    pub(super) fn note(root: &cove_tree::Root, destinations: &[String]) -> Self {
        let mut missing = BTreeMap::new();
        for destination in destinations {
            let path = cove_build::join("/", destination).into_bytes();
            let ends =
                path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/').map(|(index, _)| index);
            for end in ends.chain([path.len()]) {
                if root.look(&path[..end]).is_ok_and(|look| look.stat.is_none() && look.link.is_none()) {
                    missing.insert(path[..end].to_vec(), ());
                }
            }
        }
        Self { missing: missing.into_keys().collect() }
    }

    /// Removes what of it is empty.
    pub(super) fn remove(&self, root: &cove_tree::Root) {
        for path in self.missing.iter().rev() {
            let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            let (folder, name) = (&path[..slash], &path[slash + 1..]);
            let Ok(parent) = root.find(folder, OFlags::PATH | OFlags::DIRECTORY) else { continue };
            let Ok(name) = std::ffi::CString::new(name) else { continue };
            let Ok(stat) =
                rustix::fs::statat(&parent, name.as_c_str(), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            else {
                continue;
            };
            let flags = match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => rustix::fs::AtFlags::REMOVEDIR,
                FileType::RegularFile if stat.st_size == 0 => rustix::fs::AtFlags::empty(),
                _ => continue,
            };
            // One that is not empty is the command's own.
            let _ = rustix::fs::unlinkat(&parent, name.as_c_str(), flags);
        }
    }
}
