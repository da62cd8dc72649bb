//! What the host tells the guest at each boot: one small JSON file handed over by the provider in its own way (QEMU: fw_cfg).
//!
//! It holds the guest's private host key, so it is written with mode 0600 and never put on a command line.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::share::is_free;

/// Name of the file among QEMU's firmware configuration items.
pub(crate) const FW_CFG_NAME: &str = "opt/cove/guest";

/// The highest version of [`GuestConfig`] this build writes and understands. What a version added says so at its
/// field; a guest refuses a version that it does not know, so that nothing asked for is left out unseen.
pub(crate) const GUEST_CONFIG_VERSION: u32 = 3;

/// Largest accepted size of the file, in bytes.
pub(crate) const GUEST_CONFIG_LIMIT: usize = 64 * 1024;

/// Path of the engine's socket inside a machine.
pub(crate) const GUEST_SOCKET: &str = "/run/cove/cove.sock";

/// What `cove-init` is told in a running machine so that it grows the root file system.
pub(crate) const GROW: &str = "grow";

/// What differs between one machine and another.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct GuestConfig {
    /// The lowest version that has all that is in it ([`GuestConfig::with_version`]): older guests still start where
    /// nothing newer is asked of them.
    pub version: u32,
    /// Host name inside the machine.
    pub hostname: String,
    /// The one public key that may log in, in the form of an `authorized_keys` line.
    pub authorized_key: String,
    /// The guest's private SSH host key in OpenSSH's PEM form.
    pub host_key: String,
    /// Random bytes for the guest's generator, in hexadecimal; new at each boot.
    pub seed: String,
    /// The guest's address in the provider's network; `None` where the guest's system has configured it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<GuestNetwork>,
    /// Time zone, a name of the IANA database; `None` for UTC (version 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Swap on the machine's disk, in MiB (version 2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub swap_mib: u64,
    /// Folders of the host (version 3).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<GuestFolder>,
}

/// A folder of the host, as the guest mounts it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct GuestFolder {
    /// The name that the device has.
    pub tag: String,
    /// The mount point.
    pub target: String,
    /// Whether it is mounted for reading only.
    #[serde(default)]
    pub read_only: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl GuestConfig {
    /// The same with the version that its content needs.
    #[must_use]
    pub(crate) fn with_version(self) -> Self {
        let version = match () {
            () if !self.folders.is_empty() => 3,
            () if self.timezone.is_some() || self.swap_mib > 0 => 2,
            () => 1,
        };
        Self { version, ..self }
    }
}

/// A static IPv4 configuration.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct GuestNetwork {
    /// Address of the guest.
    pub address: Ipv4Addr,
    /// Length of the network prefix in bits.
    pub prefix: u8,
    /// Default gateway.
    pub gateway: Ipv4Addr,
    /// Name server.
    pub nameserver: Ipv4Addr,
}

impl GuestNetwork {
    /// The addresses of QEMU's user network (`-netdev user` without further options).
    #[must_use]
    pub(crate) fn qemu_user() -> Self {
        Self {
            address: Ipv4Addr::new(10, 0, 2, 15),
            prefix: 24,
            gateway: Ipv4Addr::new(10, 0, 2, 2),
            nameserver: Ipv4Addr::new(10, 0, 2, 3),
        }
    }

    /// The network mask of [`GuestNetwork::prefix`].
    #[must_use]
    pub fn mask(&self) -> Ipv4Addr {
        let bits = u32::from(self.prefix.min(32));
        Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0))
    }
}

impl std::fmt::Debug for GuestConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The host key and the seed are secrets.
        formatter.debug_struct("GuestConfig").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

/// Reads the file's content.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn parse_guest_config(data: &[u8]) -> Result<GuestConfig, String> {
    if data.len() > GUEST_CONFIG_LIMIT {
        return Err(format!("it has {} bytes, more than {GUEST_CONFIG_LIMIT}", data.len()));
    }
    let config: GuestConfig = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    if !(1..=GUEST_CONFIG_VERSION).contains(&config.version) {
        return Err(format!(
            "its version {} is not one of 1 to {GUEST_CONFIG_VERSION}: rebuild the machine image",
            config.version
        ));
    }
    if config.timezone.as_deref().is_some_and(|name| !is_zone_name(name)) {
        return Err("its time zone is no name of one".into());
    }
    for folder in &config.folders {
        is_free(&folder.target)?;
    }
    Ok(config)
}

/// Whether it may be a name of the IANA time zone database, which is a relative path beneath a folder.
pub(crate) fn is_zone_name(name: &str) -> bool {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'))
    };
    name.len() <= 64 && name.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        let config = GuestConfig {
            version: GUEST_CONFIG_VERSION,
            hostname: "m".into(),
            authorized_key: "ssh-ed25519 AAAA".into(),
            host_key: "KEY".into(),
            seed: "00ff".into(),
            network: Some(GuestNetwork::qemu_user()),
            timezone: None,
            swap_mib: 0,
            folders: Vec::new(),
        };
        let json = serde_json::to_vec(&config).unwrap();
        assert_eq!(parse_guest_config(&json).unwrap(), config);
        assert!(!format!("{config:?}").contains("KEY"));
        assert!(parse_guest_config(b"{").is_err());
        let newer = serde_json::to_vec(&GuestConfig { version: 4, ..config.clone() }).unwrap();
        assert!(parse_guest_config(&newer).unwrap_err().contains("version 4"));
        // What an old guest would leave out has a version that it refuses.
        assert_eq!(config.clone().with_version().version, 1);
        let zoned = GuestConfig { timezone: Some("Asia/Seoul".into()), ..config.clone() }.with_version();
        assert_eq!(zoned.version, 2);
        assert_eq!(GuestConfig { swap_mib: 1, ..config.clone() }.with_version().version, 2);
        let folder =
            |target: &str| GuestFolder { tag: "cove0".into(), target: target.into(), read_only: false };
        let sharing = GuestConfig { folders: vec![folder("/home/ann")], ..config.clone() }.with_version();
        assert_eq!(sharing.version, 3);
        let over = GuestConfig { folders: vec![folder("/etc")], ..sharing };
        assert!(parse_guest_config(&serde_json::to_vec(&over).unwrap()).unwrap_err().contains("/etc"));
        let odd = GuestConfig { timezone: Some("../../etc/shadow".into()), ..config }.with_version();
        assert!(parse_guest_config(&serde_json::to_vec(&odd).unwrap()).unwrap_err().contains("time zone"));
    }

    #[test]
    fn zones() {
        for name in ["UTC", "Asia/Seoul", "America/Argentina/Buenos_Aires", "Etc/GMT+9"] {
            assert!(is_zone_name(name), "{name}");
        }
        for name in ["", "/etc", "a//b", "../x", "a/..", "a b", "a/.b"] {
            assert!(!is_zone_name(name), "{name}");
        }
    }

    #[test]
    fn masks() {
        let with = |prefix| GuestNetwork { prefix, ..GuestNetwork::qemu_user() }.mask().to_string();
        assert_eq!(with(24), "255.255.255.0");
        assert_eq!(with(32), "255.255.255.255");
        assert_eq!(with(0), "0.0.0.0");
    }
}
