//! Durations in words, as Docker's and Podman's tools write them.

use std::sync::OnceLock;

use jiff::Timestamp;
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

/// The time since `then` in words: `2 minutes`. A moment in the future counts as now.
pub(crate) fn human_duration(seconds: i64) -> String {
    let minutes = seconds / 60;
    // Hours are rounded, all else is cut.
    let hours = (seconds + 1800) / 3600;
    match seconds {
        ..1 => "Less than a second".into(),
        1 => "1 second".into(),
        2..60 => format!("{seconds} seconds"),
        _ if minutes == 1 => "About a minute".into(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".into(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        _ if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        _ if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// How long before `now` that was: `2 minutes ago`.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", human_duration(now.as_second().saturating_sub(then.as_second())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (seconds, expect) in [
            (-5, "Less than a second"),
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (120, "2 minutes"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (2 * 3600, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
            (14 * 86_400, "2 weeks"),
            (60 * 86_400, "2 months"),
            (365 * 86_400 * 3, "3 years"),
        ] {
            assert_eq!(human_duration(seconds), expect, "{seconds}");
        }
    }
}
