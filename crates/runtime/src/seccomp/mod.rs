//! System call filters: the default one as data, and profiles in Docker's and Podman's JSON format.

pub(crate) mod cache;
mod json;
mod profile;
mod text;

pub use profile::{Action, Argument, Profile, Rule};

use std::io::Read;
use std::path::Path;

use cove_sys::fs;
use oci_spec::runtime::LinuxSeccomp;

use crate::error::{Error, Result};
use crate::oci::capabilities::CapabilitySet;
use crate::oci::{Seccomp, SpecInput};

/// Largest profile that is read.
const MAX_PROFILE: u64 = 4 << 20;

/// The built-in profile.
const DEFAULT: &str = include_str!("default.txt");

/// `linux.seccomp` for a container; `None` for an unconfined one.
pub(crate) fn for_container(input: &SpecInput<'_>, bounding: &CapabilitySet) -> Result<Option<LinuxSeccomp>> {
    let security = &input.settings.security;
    let profile = match &security.seccomp {
        Seccomp::Unconfined => return Ok(None),
        Seccomp::BuiltIn if security.privileged => return Ok(None),
        Seccomp::BuiltIn => Profile::built_in()?,
        Seccomp::Profile(path) => read(path)?,
        Seccomp::Text(text) => Profile::from_json(text.as_bytes())
            .map_err(|why| Error::invalid("seccomp profile of the image", why))?,
    };
    profile.to_oci(input.host.architecture, bounding)
}

fn read(path: &Path) -> Result<Profile> {
    let file = fs::File::open(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::NotFound { what: format!("opening seccomp profile {}", path.display()) }
        }
        _ => Error::file(e),
    })?;
    let mut text = Vec::new();
    file.take(MAX_PROFILE + 1).read_to_end(&mut text).map_err(Error::file)?;
    if text.len() as u64 > MAX_PROFILE {
        return Err(Error::invalid(
            format!("seccomp profile {}", path.display()),
            format!("more than {MAX_PROFILE} bytes"),
        ));
    }
    Profile::from_json(&text)
        .map_err(|why| Error::invalid(format!("seccomp profile {}", path.display()), why))
}

impl Profile {
    /// The profile of containers that ask for none.
    ///
    /// # Errors
    /// Never in a program whose tests passed.
    pub fn built_in() -> Result<Self> {
        text::parse(DEFAULT).map_err(|why| Error::invalid("built-in seccomp profile", why))
    }

    /// A profile in Docker's and Podman's format.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(text: &[u8]) -> std::result::Result<Self, String> {
        json::parse(text)
    }
}
