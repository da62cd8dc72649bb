//! The persisted definition of a machine (`machine.json`).
//!
//! Versions: fields may be added with a default without a new version; anything else raises [`RECORD_VERSION`],
//! and an older build refuses the newer file by name.

use serde::{Deserialize, Serialize};

use crate::name::MachineName;
use crate::provider::ProviderKind;
use crate::share::SharedFolder;
use crate::ssh::REMOTE_USER;

/// Version of [`MachineRecord`] this build writes.
pub const RECORD_VERSION: u32 = 1;

/// What is kept about a machine while it is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// [`RECORD_VERSION`] of the writer.
    pub version: u32,
    /// Its name, the same as its folder's.
    pub name: MachineName,
    /// What runs it.
    pub provider: ProviderKind,
    /// When it was made (RFC 3339).
    pub created: String,
    /// When it was last seen running (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_up: Option<String>,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Size of the disk in GiB.
    pub disk_gib: u64,
    /// Port on 127.0.0.1 that leads to the guest's sshd; a start may choose another where it is taken.
    pub ssh_port: u16,
    /// The guest's public host key (OpenSSH form).
    pub host_key: String,
    /// What was installed at init.
    pub image: RecordedImage,
    /// Time zone inside: a name of the IANA database, or `local` for the host's at each start; `None` for UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Swap on the machine's disk, in MiB.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub swap_mib: u64,
    /// Who logs in where no user is named; `None` for root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Whether the guest trusts the certificate authorities of the host, as they are at each start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub import_native_ca: bool,
    /// Folders of the host that it sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_folders: Vec<SharedFolder>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl MachineRecord {
    /// Who logs in where no user is named.
    #[must_use]
    pub fn user(&self) -> &str {
        self.username.as_deref().unwrap_or(REMOTE_USER)
    }
}

/// Facts of the image a machine was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedImage {
    /// Architecture (Debian's name).
    pub arch: String,
    /// `init` or `systemd`.
    pub variant: String,
    /// Version of the kernel.
    pub kernel_version: String,
    /// Version of the engine inside.
    pub cove_version: String,
    /// SHA-256 of the disk it began with.
    pub disk_sha256: String,
}

/// Parses a definition for the machine in the folder `name`.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn parse_record(text: &str, name: &MachineName) -> Result<MachineRecord, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    let version: Version = serde_json::from_str(text).map_err(|error| format!("it is damaged ({error})"))?;
    if version.version > RECORD_VERSION {
        return Err(format!(
            "it was written by a newer version (format {}, known {RECORD_VERSION})",
            version.version
        ));
    }
    let record: MachineRecord =
        serde_json::from_str(text).map_err(|error| format!("it is damaged ({error})"))?;
    if record.name != *name {
        return Err(format!("it names the machine {:?}", record.name.as_str()));
    }
    Ok(record)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> MachineRecord {
        MachineRecord {
            version: RECORD_VERSION,
            name: "dev".parse().unwrap(),
            provider: ProviderKind::Qemu,
            created: "2026-01-01T00:00:00Z".into(),
            last_up: None,
            cpus: 2,
            memory_mib: 2048,
            disk_gib: 20,
            ssh_port: 40022,
            host_key: "ssh-ed25519 AAAA".into(),
            image: RecordedImage {
                arch: "amd64".into(),
                variant: "init".into(),
                kernel_version: "6.1".into(),
                cove_version: "0.1.0".into(),
                disk_sha256: "00".into(),
            },
            timezone: None,
            swap_mib: 0,
            username: None,
            import_native_ca: false,
            shared_folders: Vec::new(),
        }
    }

    #[test]
    fn damaged_newer_and_foreign_files_are_named() {
        let name: MachineName = "dev".parse().unwrap();
        let json = serde_json::to_string(&sample()).unwrap();
        assert_eq!(parse_record(&json, &name).unwrap(), sample());
        assert!(parse_record("", &name).unwrap_err().contains("empty"));
        assert!(parse_record(&json[..json.len() / 2], &name).unwrap_err().contains("damaged"));
        let newer = json.replacen("\"version\":1", "\"version\":9", 1);
        assert!(parse_record(&newer, &name).unwrap_err().contains("newer version"));
        assert!(parse_record(&json, &"other".parse().unwrap()).unwrap_err().contains("names the machine"));
    }
}
