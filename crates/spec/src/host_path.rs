//! Paths of the host as users write them, on Linux and on Windows.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result, bail};

/// Where paths that the user writes belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPaths {
    /// Absolute folder in which relative paths start (the user's current one).
    pub current_folder: PathBuf,
    /// The user is on Windows or in a WSL guest: `C:\x` and `/c/x` are paths of Windows, in the guest below
    /// `/mnt/c`.
    pub windows: bool,
    /// Containers run without root's rights.
    pub rootless: bool,
}

/// Whether a source is a path of the host and no volume's name.
pub(crate) fn is_host_path(source: &str, paths: &HostPaths) -> bool {
    source.starts_with(['/', '.']) || (paths.windows && (source.starts_with('\\') || drive(source).is_some()))
}

/// Makes a path of the host absolute, and on Windows one of the guest.
///
/// # Errors
/// A Windows path of a kind that a guest cannot see.
pub fn host_path(text: &str, paths: &HostPaths) -> Result<String> {
    if text.contains('\0') {
        bail!("invalid host path {text:?}: it has a NUL character");
    }
    if paths.windows {
        return windows_path(text, paths);
    }
    let path = Path::new(text);
    if path.is_absolute() {
        return Ok(text.to_owned());
    }
    // The current folder has no links in it, so leading dots can be taken off it without looking at the disk.
    let mut result = paths.current_folder.clone();
    let mut leading = true;
    for component in path.components() {
        match component {
            Component::ParentDir if leading => {
                result.pop();
            }
            Component::Normal(part) => {
                leading = false;
                result.push(part);
            }
            Component::ParentDir => result.push(".."),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    match result.to_str() {
        Some(result) => Ok(result.to_owned()),
        None => bail!("the path {} is not UTF-8", result.display()),
    }
}

fn windows_path(text: &str, paths: &HostPaths) -> Result<String> {
    let slashes = |text: &str| text.replace('\\', "/");
    if text.starts_with('/') {
        let bytes = text.as_bytes();
        return Ok(match bytes.get(1) {
            Some(letter) if letter.is_ascii_alphabetic() && matches!(bytes.get(2), None | Some(b'/')) => {
                format!("/mnt/{}{}", letter.to_ascii_lowercase() as char, &text[2..])
            }
            _ => text.to_owned(),
        });
    }
    let plain = text.strip_prefix(r"\\?\").unwrap_or(text);
    if let Some(rest) = plain.strip_prefix(r"\\.\") {
        return Ok(format!("/mnt/wsl/{}", slashes(rest)));
    }
    if plain.starts_with(r"\\") {
        return Err(Error::unsupported(format!("the UNC path {text}")));
    }
    if let Some(letter) = drive(plain) {
        let rest = slashes(&plain[2..]);
        if !rest.starts_with('/') {
            bail!("invalid host path {text:?}: a path with a drive must be absolute");
        }
        return Ok(format!("/mnt/{letter}{}", rest.trim_end_matches('/')));
    }
    if plain.starts_with('\\') {
        bail!("invalid host path {text:?}: name its drive");
    }
    // Relative: the current folder is a Windows path too. Joined as text, since this may run on any system.
    let base = paths.current_folder.to_string_lossy().replace('\\', "/");
    let mut parts: Vec<&str> = base.split('/').collect();
    let relative = slashes(plain);
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match drive(&joined) {
        Some(_) => windows_path(&joined, paths),
        None => Ok(joined),
    }
}

fn drive(path: &str) -> Option<char> {
    let bytes = path.as_bytes();
    (bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':')
        .then(|| bytes[0].to_ascii_lowercase() as char)
}

/// Splits at colons, but not at the one behind a drive letter.
pub(crate) fn split(text: &str, windows: bool) -> Vec<&str> {
    let skip = if !windows {
        0
    } else if let Some(rest) = text.strip_prefix(r"\\?\") {
        if drive(rest).is_some() { 6 } else { 0 }
    } else if drive(text).is_some() && text[2..].contains(':') {
        // `c:/b:ro` is the volume c, `c:/b:/x` the drive.
        let last_is_path = text.rsplit(':').next().is_some_and(|last| last.starts_with('/'));
        let parts = text.split(':').count();
        let slash = text[2..].starts_with('/') && (parts >= 4 || last_is_path);
        if slash || text[2..].starts_with('\\') { 2 } else { 0 }
    } else {
        0
    };
    let first_end = text[skip..].find(':').map(|index| index + skip);
    match first_end {
        None => vec![text],
        Some(index) => {
            let mut parts = vec![&text[..index]];
            parts.extend(text[index + 1..].split(':'));
            parts
        }
    }
}
