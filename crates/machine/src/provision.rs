//! What the host tells the guest at each boot: one small JSON file handed over by the provider in its own way (QEMU: fw_cfg).
//!
//! It holds the guest's private host key, so it is written with mode 0600 and never put on a command line.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// Name of the file among QEMU's firmware configuration items.
pub(crate) const FW_CFG_NAME: &str = "opt/cove/guest";

/// Version of [`GuestConfig`] this build writes and understands.
pub(crate) const GUEST_CONFIG_VERSION: u32 = 1;

/// Largest accepted size of the file, in bytes.
pub(crate) const GUEST_CONFIG_LIMIT: usize = 64 * 1024;

/// Path of the engine's socket inside a machine.
pub(crate) const GUEST_SOCKET: &str = "/run/cove/cove.sock";

/// What `cove-init` is told in a running machine so that it grows the root file system.
pub(crate) const GROW: &str = "grow";

/// What differs between one machine and another.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct GuestConfig {
    /// `GUEST_CONFIG_VERSION` of the writer.
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
    if config.version != GUEST_CONFIG_VERSION {
        return Err(format!(
            "its version {} is not {GUEST_CONFIG_VERSION}: rebuild the machine image",
            config.version
        ));
    }
    Ok(config)
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
        };
        let json = serde_json::to_vec(&config).unwrap();
        assert_eq!(parse_guest_config(&json).unwrap(), config);
        assert!(!format!("{config:?}").contains("KEY"));
        assert!(parse_guest_config(b"{").is_err());
        let newer = serde_json::to_vec(&GuestConfig { version: 2, ..config }).unwrap();
        assert!(parse_guest_config(&newer).unwrap_err().contains("version 2"));
    }

    #[test]
    fn masks() {
        let with = |prefix| GuestNetwork { prefix, ..GuestNetwork::qemu_user() }.mask().to_string();
        assert_eq!(with(24), "255.255.255.0");
        assert_eq!(with(32), "255.255.255.255");
        assert_eq!(with(0), "0.0.0.0");
    }
}
