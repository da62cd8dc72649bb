//! `TRANSPORT:DETAILS` as users write it.

use std::fmt;
use std::path::PathBuf;

use crate::archive::ArchiveFormat;
use crate::error::{Error, Result};
use crate::reference::Reference;

/// Where an image is, by transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageLocation {
    /// `docker://NAME`.
    Registry(Reference),
    /// `containers-storage:…`: what follows is the engine's to read.
    Storage(String),
    /// `docker-archive:PATH[:NAME]`.
    DockerArchive(PathBuf, Option<String>),
    /// `oci-archive:PATH[:NAME]`.
    OciArchive(PathBuf, Option<String>),
    /// `oci:DIRECTORY[:NAME]`.
    OciLayout(PathBuf, Option<String>),
    /// `dir:DIRECTORY`.
    Directory(PathBuf),
}

impl ImageLocation {
    /// Parses `input`; `None` where it begins with no transport, and so is a plain name.
    ///
    /// # Errors
    /// [`Error::InvalidLocation`], [`Error::InvalidReference`], or [`Error::Unsupported`] for transports that are
    /// known but not done.
    pub fn parse(input: &str) -> Result<Option<Self>> {
        let Some((transport, rest)) = input.split_once(':') else { return Ok(None) };
        let invalid = |reason: &str| Error::InvalidLocation { input: input.into(), reason: reason.into() };
        let with_path = |make: fn(PathBuf, Option<String>) -> Self| {
            let (path, name) = match rest.split_once(':') {
                Some((path, name)) => (path, Some(name.to_owned()).filter(|name| !name.is_empty())),
                None => (rest, None),
            };
            if path.is_empty() {
                return Err(invalid("a path must follow the transport"));
            }
            Ok(Some(make(path.into(), name)))
        };
        match transport {
            "docker" => {
                let name = rest.strip_prefix("//").ok_or_else(|| invalid("it must begin with docker://"))?;
                Ok(Some(Self::Registry(Reference::parse(name)?.or_latest())))
            }
            "containers-storage" => Ok(Some(Self::Storage(rest.into()))),
            "docker-archive" => with_path(Self::DockerArchive),
            "oci-archive" => with_path(Self::OciArchive),
            "oci" => with_path(Self::OciLayout),
            "dir" if rest.is_empty() => Err(invalid("a path must follow the transport")),
            "dir" => Ok(Some(Self::Directory(rest.into()))),
            "docker-daemon" | "sif" | "ostree" | "tarball" => {
                Err(Error::Unsupported { subject: input.into(), what: format!("the transport {transport}") })
            }
            _ => Ok(None),
        }
    }

    /// The form of the files that the location names; `None` where it names none.
    pub fn format(&self) -> Option<ArchiveFormat> {
        match self {
            Self::Registry(_) | Self::Storage(_) => None,
            Self::DockerArchive(..) => Some(ArchiveFormat::Docker),
            Self::OciArchive(..) | Self::OciLayout(..) => Some(ArchiveFormat::Oci),
            Self::Directory(_) => Some(ArchiveFormat::Dir),
        }
    }
}

impl fmt::Display for ImageLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, name) = match self {
            Self::Registry(reference) => return write!(formatter, "docker://{reference}"),
            Self::Storage(name) => return write!(formatter, "containers-storage:{name}"),
            Self::Directory(path) => return write!(formatter, "dir:{}", path.display()),
            Self::DockerArchive(path, name) => ("docker-archive", path, name),
            Self::OciArchive(path, name) => ("oci-archive", path, name),
            Self::OciLayout(path, name) => ("oci", path, name),
        };
        write!(formatter, "{transport}:{}", path.display())?;
        match name {
            Some(name) => write!(formatter, ":{name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_transports_and_leaves_names_alone() {
        let parse = |text: &str| ImageLocation::parse(text).unwrap();
        assert_eq!(parse("busybox"), None);
        assert_eq!(parse("busybox:1.36"), None);
        assert_eq!(parse("localhost:5000/x"), None);
        assert_eq!(
            parse("docker://busybox"),
            Some(ImageLocation::Registry(Reference::parse("busybox:latest").unwrap()))
        );
        assert_eq!(
            parse("docker-archive:/tmp/a.tar:localhost/x:1"),
            Some(ImageLocation::DockerArchive("/tmp/a.tar".into(), Some("localhost/x:1".into())))
        );
        assert_eq!(parse("oci-archive:a.tar"), Some(ImageLocation::OciArchive("a.tar".into(), None)));
        assert_eq!(parse("oci:./a"), Some(ImageLocation::OciLayout("./a".into(), None)));
        assert_eq!(parse("dir:/a"), Some(ImageLocation::Directory("/a".into())));
        for text in ["docker://quay.io/x:1", "docker-archive:/tmp/a.tar:localhost/x:1", "oci:./a:b", "dir:/a"]
        {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for bad in ["docker:busybox", "docker://UPPER", "docker-archive:", "dir:", "docker-daemon:a:b"] {
            assert!(ImageLocation::parse(bad).is_err(), "{bad}");
        }
    }
}
