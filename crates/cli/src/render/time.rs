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

/// A span of nanoseconds as Go writes it: `1h2m3.5s`, `12.345ms`.
pub(crate) fn go_duration(nanoseconds: u64) -> String {
    let fraction = |value: u64, unit: u64, name: &str| {
        let text = format!("{}.{:0width$}", value / unit, value % unit, width = unit.ilog10() as usize);
        format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match nanoseconds {
        0 => "0s".to_owned(),
        ns if ns < 1_000 => format!("{ns}ns"),
        ns if ns < 1_000_000 => fraction(ns, 1_000, "µs"),
        ns if ns < 1_000_000_000 => fraction(ns, 1_000_000, "ms"),
        ns => {
            let (minutes, rest) = (ns / 60_000_000_000, ns % 60_000_000_000);
            let seconds = fraction(rest, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}
