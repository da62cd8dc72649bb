//! Working without being root: entering the user's own user and mount namespace.
//!
//! A small process (`cove-monitor pause`) keeps the two namespaces of a user, so that mounts last from one command to
//! the next. [`enter`] makes this process a member of them, as the root of the user namespace.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cove_monitor::process::ProcessRef;
use cove_sys::{atomic, fs};

use crate::error::{Error, Result};
use crate::{map_program, subid};

/// Where things are.
#[derive(Clone, Debug)]
pub struct EnterOptions {
    /// The user's directory for run-time files (`RUNROOT/cove`); made when missing.
    pub run_dir: PathBuf,
    /// The program `cove-monitor`.
    pub monitor: PathBuf,
    /// `/etc/subuid`.
    pub subuid: PathBuf,
    /// `/etc/subgid`.
    pub subgid: PathBuf,
}

/// Who this process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// In the namespace of an ordinary user.
    pub rootless: bool,
    /// The user's id outside.
    pub uid: u32,
    /// The user's group id outside.
    pub gid: u32,
    /// What will not work, for the user to see; told when the namespace is made, not when it is joined again.
    pub warning: Option<String>,
}

/// What keeps a user's namespaces.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct PauseRecord {
    process: ProcessRef,
}

const RECORD: &str = "pause.json";
const LOCK: &str = "pause.lock";

/// What kind of user namespace this process is in already, from its own id map.
///
/// `None` outside of an ordinary user's namespace; otherwise the user's id outside.
#[must_use]
pub fn outer_id(map: &str) -> Option<u32> {
    // The namespaces of rootless engines map 0 to the user alone; a nested container's root has a longer range.
    let mut fields = map.lines().next()?.split_ascii_whitespace().map(str::parse::<u32>);
    match (fields.next()?.ok()?, fields.next()?.ok()?, fields.next()?.ok()?) {
        (0, id, 1) if id != 0 => Some(id),
        _ => None,
    }
}

/// Makes this process the root of its user's namespace, unless it is root already.
///
/// Must be called before there are threads. The working directory stays. Takes some 100 µs when the namespaces exist.
///
/// # Errors
/// There are threads; the kernel or an administrator does not allow user namespaces; `newuidmap` is not installed.
pub fn enter(options: &EnterOptions) -> Result<Identity> {
    let read = |path: &str| fs::read_to_string(path).map_err(Error::file);
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if uid == 0 {
        let outer = outer_id(&read("/proc/self/uid_map")?);
        let gid = outer_id(&read("/proc/self/gid_map")?).unwrap_or(gid);
        return Ok(Identity { rootless: outer.is_some(), uid: outer.unwrap_or(0), gid, warning: None });
    }
    make_run_dir(&options.run_dir, uid)?;
    if let Some(record) = read_record(&options.run_dir)?
        && join(&record, uid)?
    {
        return Ok(Identity { rootless: true, uid, gid, warning: None });
    }
    // One that is dying still looks alive for a moment.
    for _ in 0..ATTEMPTS {
        let (record, warning) = create(options, uid, gid)?;
        if join(&record, uid)? {
            return Ok(Identity { rootless: true, uid, gid, warning });
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Err(Error::Monitor { id: "pause process".to_owned(), message: "it has died".to_owned() })
}

/// How often namespaces are made, or found made by others, before it is given up.
const ATTEMPTS: usize = 100;

/// Ends the process that keeps the namespaces (`system migrate`); `false` when there is none. Mounts made in them go.
///
/// # Errors
/// No permission, or its record cannot be read.
pub fn leave(run_dir: &Path) -> Result<bool> {
    let Some(record) = read_record(run_dir)? else { return Ok(false) };
    let signalled = record.process.signal(libc::SIGKILL).map_err(Error::io("end the pause process"))?;
    crate::launch::remove_file(&run_dir.join(RECORD))?;
    Ok(signalled)
}

/// The directory must belong to the user alone, or another one could lead him into a foreign namespace.
fn make_run_dir(path: &Path, uid: u32) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(Error::io(format!("create directory {}", path.display())))?;
    let metadata = fs::symlink_metadata(path).map_err(Error::file)?;
    if metadata.uid() != uid || metadata.mode() & 0o022 != 0 || !metadata.is_dir() {
        return Err(Error::invalid(
            format!("run directory {}", path.display()),
            format!("it must belong to user {uid} and be writable by nobody else"),
        ));
    }
    Ok(())
}

fn read_record(run_dir: &Path) -> Result<Option<PauseRecord>> {
    match fs::read(run_dir.join(RECORD)) {
        // A record that makes no sense is replaced.
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::file(e)),
    }
}

/// Joins the namespaces; `false` when the process that kept them has gone.
fn join(record: &PauseRecord, uid: u32) -> Result<bool> {
    let Some(pidfd) = record.process.open().map_err(Error::io("pause process"))? else { return Ok(false) };
    let pid = record.process.pid;
    // Only a namespace that this user made is entered, whatever the record says.
    let Ok(namespace) = fs::File::open(format!("/proc/{pid}/ns/user")) else { return Ok(false) };
    if namespace_owner(&namespace) != Some(uid) {
        return Ok(false);
    }
    let directory = std::env::current_dir().ok();
    match set_namespaces(&pidfd) {
        Ok(()) => {}
        // It was killed, and is about to be gone.
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => return Ok(false),
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => {
            let what = "enter the user namespace (before there are threads): ".to_owned();
            return Err(Error::Io { what, source: e });
        }
        Err(e) => return Err(Error::io("enter the user namespace")(e)),
    }
    // Joining a mount namespace moves to its root.
    if let Some(directory) = directory {
        let _ = std::env::set_current_dir(directory);
    }
    Ok(true)
}

fn set_namespaces(pidfd: &OwnedFd) -> io::Result<()> {
    // SAFETY: setns on a valid descriptor; the kernel refuses it in a process with threads.
    let result = unsafe { libc::setns(pidfd.as_raw_fd(), libc::CLONE_NEWUSER | libc::CLONE_NEWNS) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `NS_GET_OWNER_UID` of ioctl_nsfs(2).
const NS_GET_OWNER_UID: libc::Ioctl = 0xb704;

fn namespace_owner(namespace: &fs::File) -> Option<u32> {
    let mut uid: libc::uid_t = 0;
    // SAFETY: the ioctl writes a uid_t to the pointer given.
    let result = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_OWNER_UID, &raw mut uid) };
    (result == 0).then_some(uid)
}

/// Starts the process that keeps the namespaces and records it; another command may do the same at the same time.
fn create(options: &EnterOptions, uid: u32, gid: u32) -> Result<(PauseRecord, Option<String>)> {
    let _lock = cove_sys::lock::FileLock::exclusive(&options.run_dir.join(LOCK)).map_err(Error::file)?;
    if let Some(record) = read_record(&options.run_dir)?
        && record.process.is_alive()
        && fs::File::open(format!("/proc/{}/ns/user", record.process.pid))
            .is_ok_and(|ns| namespace_owner(&ns) == Some(uid))
    {
        return Ok((record, None));
    }
    let name = user_name(uid);
    let users = subid::ranges(&options.subuid, name.as_deref(), uid)?;
    let groups = subid::ranges(&options.subgid, name.as_deref(), uid)?;
    let mut child = Command::new(&options.monitor)
        .arg("pause")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .current_dir("/")
        .spawn()
        .map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::Missing {
                program: options.monitor.display().to_string(),
                hint: "it belongs beside the cove program or into its libexec directory".to_owned(),
            },
            _ => Error::io(format!("start {}", options.monitor.display()))(e),
        })?;
    let result = set_up(&mut child, options, name.as_deref(), (uid, gid), (&users, &groups));
    match result {
        Ok(made) => Ok(made),
        Err(e) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(e)
        }
    }
}

fn set_up(
    child: &mut Child,
    options: &EnterOptions,
    name: Option<&str>,
    (uid, gid): (u32, u32),
    (users, groups): (&[subid::Range], &[subid::Range]),
) -> Result<(PauseRecord, Option<String>)> {
    expect(child, b'1')?;
    let pid = child.id();
    let warning = if users.is_empty() || groups.is_empty() {
        map_single(pid, uid, gid)?;
        let user = name.map_or_else(|| uid.to_string(), str::to_owned);
        Some(format!(
            "user {user} has no range in {} and {}: only one user and one group exist in containers. \
             Add one with: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
            options.subuid.display(),
            options.subgid.display()
        ))
    } else {
        map_program::run("newuidmap", pid, &subid::mapping(uid, users), &options.subuid)?;
        map_program::run("newgidmap", pid, &subid::mapping(gid, groups), &options.subgid)?;
        None
    };
    if let Some(stdin) = &mut child.stdin {
        stdin.write_all(b"1").map_err(Error::io("pause process"))?;
    }
    expect(child, b'2')?;
    let pid = i32::try_from(pid).unwrap_or(i32::MAX);
    let process = ProcessRef::of(pid).map_err(Error::io("pause process"))?;
    let record = PauseRecord { process };
    let path = options.run_dir.join(RECORD);
    let text = serde_json::to_vec(&record).map_err(|source| Error::Json { path: path.clone(), source })?;
    atomic::write(&path, &text, 0o600).map_err(Error::file)?;
    Ok((record, warning))
}

/// Waits for a byte of the pause process; when it ends instead, its message is the error.
fn expect(child: &mut Child, wanted: u8) -> Result<()> {
    let mut byte = [0_u8];
    let read = match &mut child.stdout {
        Some(stdout) => stdout.read(&mut byte).map_err(Error::io("pause process"))?,
        None => 0,
    };
    if read == 1 && byte[0] == wanted {
        return Ok(());
    }
    let mut text = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.take(4096).read_to_string(&mut text);
    }
    let mut text = text.trim().trim_start_matches("cove-monitor: ").to_owned();
    if let Some(hint) = forbidding_sysctl() {
        text = format!("{text} (see {hint})");
    }
    Err(Error::Unsupported {
        what: "running without root".to_owned(),
        why: if text.is_empty() { "the pause process ended".to_owned() } else { text },
    })
}

/// The setting by which an administrator or distribution forbids user namespaces.
fn forbidding_sysctl() -> Option<&'static str> {
    let is = |path: &str, value: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    [
        ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns",
        ),
    ]
    .into_iter()
    .find_map(|(path, value, name)| is(path, value).then_some(name))
}

fn map_single(pid: u32, uid: u32, gid: u32) -> Result<()> {
    let write =
        |name: &str, text: String| fs::write(format!("/proc/{pid}/{name}"), text).map_err(Error::file);
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("0 {uid} 1"))?;
    write("gid_map", format!("0 {gid} 1"))
}

/// The user's name, which subuid(5) usually goes by.
fn user_name(uid: u32) -> Option<String> {
    let mut buffer = vec![0_u8; 16 << 10];
    let mut entry = std::mem::MaybeUninit::<libc::passwd>::uninit();
    let mut found = std::ptr::null_mut();
    // SAFETY: the buffer's real length is given; the entry is read only when `found` says that it was filled.
    let name = unsafe {
        let result = libc::getpwuid_r(
            uid,
            entry.as_mut_ptr(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            &raw mut found,
        );
        if result != 0 || found.is_null() {
            return None;
        }
        std::ffi::CStr::from_ptr((*found).pw_name)
    };
    name.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_namespaces() {
        assert_eq!(outer_id("         0          0 4294967295\n"), None);
        assert_eq!(
            outer_id("         0       1000          1\n         1     100000      65536\n"),
            Some(1000)
        );
        assert_eq!(outer_id("         0     100000      65536\n"), None);
        assert_eq!(outer_id(""), None);
    }
}
