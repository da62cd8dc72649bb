//! The release of Debian that an image is made of: the oldest whose C library can run the programs that go into it.

use std::path::Path;
use std::process::Command;

use cove_sys::fs;

use super::{program, text};

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    /// Its code name, as mirrors have it.
    pub(super) name: &'static str,
    version: u32,
    /// Its glibc: 2.x.
    glibc: u32,
}

/// In the order of their age.
const SUITES: [Suite; 2] =
    [Suite { name: "bookworm", version: 12, glibc: 36 }, Suite { name: "trixie", version: 13, glibc: 41 }];

impl Suite {
    /// The one for programs that may have been linked on a newer system.
    pub(super) fn of(programs: &[&Path]) -> Result<Self, String> {
        let mut wanted = 0;
        for path in programs {
            let output = Command::new(program("readelf"))
                .args(["--wide", "--version-info"])
                .arg(path)
                .output()
                .map_err(|error| format!("readelf: {error}"))?;
            wanted = wanted.max(needed(&String::from_utf8_lossy(&output.stdout)));
        }
        Self::with(wanted)
    }

    fn with(glibc: u32) -> Result<Self, String> {
        SUITES.into_iter().find(|suite| suite.glibc >= glibc).ok_or_else(|| {
            let newest = SUITES.map(|suite| suite.name).join(" nor ");
            format!(
                "the programs need glibc 2.{glibc}, which neither {newest} has: build them on an older system and give them with --cove"
            )
        })
    }

    /// `/etc/os-release` (os-release(5)).
    pub(super) fn write_release(self, tree: &Path) -> Result<(), String> {
        let Self { name, version, .. } = self;
        let content = format!(
            "NAME=\"Cove machine\"\nID=cove-machine\nID_LIKE=debian\nVERSION_ID=\"{version}\"\n\
             VERSION_CODENAME={name}\nPRETTY_NAME=\"Cove machine (Debian {version})\"\n"
        );
        let path = tree.join("etc/os-release");
        // The packages' own is a link.
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).map_err(text)?;
        }
        fs::write(path, content).map_err(text)
    }
}

/// The newest `GLIBC_2.x` that the output of readelf names; 0 for programs that need none.
fn needed(versions: &str) -> u32 {
    let minor = |part: &str| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    versions.split("GLIBC_2.").skip(1).filter_map(minor).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_release_that_runs_the_programs() {
        let output = "  0x00b0:   Name: GLIBC_2.39  Flags: none  Version: 23\n\
                      0x00c0:   Name: GLIBC_2.2.5  Flags: none  Version: 3\n  0x0010:   Name: GCC_4.2.0\n";
        assert_eq!(needed(output), 39);
        assert_eq!(needed("There is no version information"), 0);
        let name = |glibc| Suite::with(glibc).map(|suite| suite.name);
        assert_eq!((name(0), name(36)), (Ok("bookworm"), Ok("bookworm")));
        assert_eq!((name(37), name(41)), (Ok("trixie"), Ok("trixie")));
        assert!(name(42).is_err());
    }
}
