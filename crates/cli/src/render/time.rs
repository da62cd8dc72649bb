//! The local time zone.

use std::sync::OnceLock;

use jiff::tz::TimeZone;

/// The local time zone. Without `TZ` the file `/etc/localtime` says all there is to know; a look-up by name would list
/// the folders of all zones first.
pub(crate) fn local_zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    let find = || {
        if cfg!(unix)
            && std::env::var_os("TZ").is_none()
            && let Ok(data) = cove_sys::fs::read("/etc/localtime")
            && let Ok(zone) = TimeZone::tzif("local", &data)
        {
            return zone;
        }
        TimeZone::system()
    };
    ZONE.get_or_init(find).clone()
}
