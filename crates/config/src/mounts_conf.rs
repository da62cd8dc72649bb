//! mounts.conf: what of the host every container gets a copy of, such as a distribution's subscription
//! (containers-mounts.conf(5)).

use std::path::{Path, PathBuf};

use crate::dirs::Directories;
use crate::error::{Error, ParseError, Result};
use crate::file::{read, read_named};

const NAME: &str = "mounts.conf";

/// A file or folder of the host, and where containers see the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultMount {
    /// Absolute path on the host; it need not be there.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub destination: String,
}

/// What the first file says that is there: the user's (not root's), the administrator's, the vendor's; or `named`, the
/// file of `--default-mounts-file`.
///
/// # Errors
/// A file cannot be read, the named one is missing, or a line is wrong.
pub fn load(directories: &Directories, named: Option<&Path>) -> Result<Vec<DefaultMount>> {
    let source = match named {
        Some(path) => Some(read_named(path.to_owned(), "a flag")?),
        None => {
            let own = directories.user.rootless.then_some(&directories.user_config);
            let folders = [own, Some(&directories.system_config), directories.vendor_config.as_ref()];
            let mut found = None;
            for folder in folders.into_iter().flatten() {
                found = read(folder.join(NAME))?;
                if found.is_some() {
                    break;
                }
            }
            found
        }
    };
    let Some(source) = source else { return Ok(Vec::new()) };
    parse(&source.text).map_err(|error| Error::Parse { path: source.path, error })
}

/// Reads a text: `SOURCE` or `SOURCE:DESTINATION` in each line that begins with a slash; other lines say nothing.
///
/// # Errors
/// A destination is not an absolute path without `..`, or is the root.
pub fn parse(text: &str) -> std::result::Result<Vec<DefaultMount>, ParseError> {
    let mut mounts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.starts_with('/') {
            continue;
        }
        let (source, destination) = line.split_once(':').unwrap_or((line, line));
        let plain: Vec<&str> = destination.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if !destination.starts_with('/') || plain.is_empty() || plain.contains(&"..") {
            return Err(ParseError::at(
                index + 1,
                format!("{destination:?} is no place in a container: an absolute path without \"..\""),
            ));
        }
        mounts.push(DefaultMount { source: source.into(), destination: format!("/{}", plain.join("/")) });
    }
    Ok(mounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_places() {
        let text = "# a comment\n\n  /usr/share/rhel/secrets:/run//secrets/./  \n/etc/pki\nnothing\n";
        let mounts = parse(text).unwrap();
        let pairs: Vec<_> =
            mounts.iter().map(|mount| (mount.source.to_str().unwrap(), &*mount.destination)).collect();
        assert_eq!(pairs, [("/usr/share/rhel/secrets", "/run/secrets"), ("/etc/pki", "/etc/pki")]);
        for wrong in ["/a:b", "/a:", "/a:/", "/a:/b/../c", "/"] {
            let error = parse(&format!("\n{wrong}\n")).unwrap_err();
            assert_eq!(error.line, Some(2), "{wrong}");
        }
    }
}
