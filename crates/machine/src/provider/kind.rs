//! The names of the providers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The known providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// QEMU with KVM, or with software emulation.
    Qemu,
    /// Windows Subsystem for Linux.
    Wsl2,
    /// Apple's Virtualization framework.
    Vz,
}

impl ProviderKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Qemu, Self::Wsl2, Self::Vz];

    /// Its name for users, folders and definitions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Wsl2 => "wsl2",
            Self::Vz => "vz",
        }
    }

    /// The one that is used on this operating system where none is named.
    #[must_use]
    pub fn default_here() -> Self {
        if cfg!(windows) {
            Self::Wsl2
        } else if cfg!(target_os = "macos") {
            Self::Vz
        } else {
            Self::Qemu
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ProviderKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "qemu" => Ok(Self::Qemu),
            "wsl2" | "wsl" => Ok(Self::Wsl2),
            "vz" | "applehv" => Ok(Self::Vz),
            _ => Err(Error::BadOption {
                option: "--provider",
                reason: format!("{name:?} is no provider: use qemu, wsl2 or vz"),
            }),
        }
    }
}
