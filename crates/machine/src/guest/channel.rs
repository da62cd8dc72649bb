//! How the guest fetches what the host has to say: one entry for each provider's way.

use std::io::Read;
use std::path::{Path, PathBuf};

use cove_sys::fs;

use super::modules::Modules;
use crate::provision::{FW_CFG_NAME, GUEST_CONFIG_LIMIT, GuestConfig, parse_guest_config};

/// A way by which the configuration comes.
struct Channel {
    /// The kernel module it needs; empty for none.
    module: &'static str,
    /// The file it appears as.
    path: fn() -> PathBuf,
}

/// The ways, in the order they are tried.
const CHANNELS: &[Channel] = &[
    // QEMU's firmware configuration.
    Channel {
        module: "qemu_fw_cfg",
        path: || Path::new("/sys/firmware/qemu_fw_cfg/by_name").join(FW_CFG_NAME).join("raw"),
    },
];

/// Reads the host's configuration by the first way that has one.
pub(super) fn read_config(modules: &Modules) -> Result<GuestConfig, String> {
    let mut problems = Vec::new();
    for channel in CHANNELS {
        let path = (channel.path)();
        let result = match channel.module {
            "" => Ok(()),
            module => modules.load(module),
        };
        match result.and_then(|()| read(&path)) {
            Ok(config) => return Ok(config),
            Err(error) => problems.push(error),
        }
    }
    Err(problems.join("; "))
}

fn read(path: &Path) -> Result<GuestConfig, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut data = Vec::new();
    let limit = u64::try_from(GUEST_CONFIG_LIMIT).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut data).map_err(|error| error.to_string())?;
    parse_guest_config(&data).map_err(|error| format!("{}: {error}", path.display()))
}
