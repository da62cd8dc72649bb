//! What may be asked of a machine besides its size, at `init` and by `set`.

use crate::error::{Error, Result};
use crate::provider::VmProvider;
use crate::provision::is_zone_name;
use crate::share::{SharedFolder, check_together};
use crate::ssh::USERS;
use crate::trust;

/// The zone that is the host's at each start.
pub(super) const LOCAL_ZONE: &str = "local";

/// Refuses a zone that the host's database does not have.
pub(super) fn check_zone(name: &str) -> Result<()> {
    if name == LOCAL_ZONE || (is_zone_name(name) && jiff::tz::TimeZone::get(name).is_ok()) {
        return Ok(());
    }
    bad("--timezone", format!("{name:?} is neither \"local\" nor a known zone such as Europe/Paris"))
}

/// Refuses swap that does not fit on the disk beside what the image needs.
pub(super) fn check_swap(swap_mib: u64, disk_gib: u64, least_disk_gib: u64) -> Result<()> {
    let room = disk_gib.saturating_sub(least_disk_gib).saturating_mul(1024);
    if swap_mib <= room {
        return Ok(());
    }
    bad("--swap", format!("{swap_mib} MiB are more than the {room} MiB that the disk has besides the image"))
}

/// Refuses a user whom the image does not have.
pub(super) fn check_user(name: &str) -> Result<()> {
    if USERS.contains(&name) {
        return Ok(());
    }
    bad("--username", format!("{name:?} is no user of the machine: these are {}", USERS.join(" and ")))
}

/// Refuses to import what the host does not have.
pub(super) fn check_trust(import: bool) -> Result<()> {
    match trust::of_host() {
        Err(reason) if import => bad("--import-native-ca", reason),
        _ => Ok(()),
    }
}

/// Refuses folders that cannot be shared.
pub(super) fn check_folders(folders: &[SharedFolder], provider: &dyn VmProvider) -> Result<()> {
    if folders.is_empty() {
        return Ok(());
    }
    let checked = check_together(folders)
        .and_then(|()| folders.iter().try_for_each(SharedFolder::check_source))
        .and_then(|()| provider.cannot_share_folders().map_or(Ok(()), Err));
    checked.or_else(|reason| bad("--volume (or volumes of containers.conf)", reason))
}

fn bad(option: &'static str, reason: String) -> Result<()> {
    Err(Error::BadOption { option, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_by_its_option() {
        for zone in ["local", "UTC", "Asia/Seoul"] {
            check_zone(zone).unwrap();
        }
        for zone in ["", "Mars/Olympus", "../UTC", "/etc/localtime"] {
            assert!(check_zone(zone).unwrap_err().to_string().starts_with("--timezone"), "{zone}");
        }
        check_swap(0, 8, 8).unwrap();
        check_swap(2048, 10, 8).unwrap();
        assert!(check_swap(2049, 10, 8).unwrap_err().to_string().starts_with("--swap"));
        for user in ["root", "cove"] {
            check_user(user).unwrap();
        }
        assert!(check_user("core").unwrap_err().to_string().contains("root and cove"));
    }
}
