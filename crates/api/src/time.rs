//! Durations and moments: `--timeout 1m30s`, `--since 10m`, `--until 2024-01-02T03:04:05Z`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil};

use crate::{Error, Result};

/// Parses a duration as Go writes it: `1h2m3.5s`, `300ms`, with a sign where it is negative.
///
/// # Errors
/// It has no or an unknown unit, or is too long (292 years).
pub fn signed_duration(text: &str) -> Result<SignedDuration> {
    let invalid = || Error::invalid(format!("time: invalid duration {text:?}"));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(Error::invalid(format!("time: missing unit in duration {text:?}"))),
            _ => return Err(Error::invalid(format!("time: unknown unit {unit:?} in duration {text:?}"))),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 19 {
            return Err(invalid());
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        nanoseconds += whole * scale;
        // Digits beyond 18 are below a nanosecond even for hours.
        let fraction = &fraction[..fraction.len().min(18)];
        if !fraction.is_empty() {
            let digits: i128 = fraction.parse().map_err(|_| invalid())?;
            nanoseconds += digits * scale / 10i128.pow(fraction.len() as u32);
        }
        if nanoseconds > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = after;
    }
    let nanoseconds = i64::try_from(nanoseconds).map_err(|_| invalid())?;
    Ok(SignedDuration::from_nanos(if negative { -nanoseconds } else { nanoseconds }))
}

/// Parses a duration that is not negative.
///
/// # Errors
/// As `signed_duration`, or it is negative.
pub fn duration(text: &str) -> Result<Duration> {
    match Duration::try_from(signed_duration(text)?) {
        Ok(duration) => Ok(duration),
        Err(_) => Err(Error::invalid(format!("duration {text:?} must not be negative"))),
    }
}

/// Parses a moment: RFC 3339 (also without zone, then UTC, or only a date), seconds since 1970 with an optional
/// fraction, or a duration before `now`.
///
/// # Errors
/// It is none of these.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    absolute_or(text, now, true)
}

/// As [`moment`], but a duration is after `now`: `logs --until`, `events --until`.
///
/// # Errors
/// As [`moment`].
pub fn future_moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    absolute_or(text, now, false)
}

fn absolute_or(text: &str, now: Timestamp, past: bool) -> Result<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<civil::DateTime>()
        && text.contains('-')
        && let Ok(zoned) = time.to_zoned(jiff::tz::TimeZone::UTC)
    {
        return Ok(zoned.timestamp());
    }
    if let Some(time) = unix(text) {
        return Ok(time);
    }
    let Ok(duration) = signed_duration(text) else {
        return Err(Error::invalid(format!(
            "unable to interpret time value {text:?}: use RFC 3339, seconds since 1970, or a duration such as 10m"
        )));
    };
    let moment = if past { now.checked_sub(duration) } else { now.checked_add(duration) };
    match moment {
        Ok(moment) => Ok(moment),
        Err(_) => Err(Error::invalid(format!("time value {text:?} is out of range"))),
    }
}

fn unix(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = seconds.starts_with('-');
    let whole: i64 = seconds.parse().ok()?;
    if fraction.len() > 9 || !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i32 = format!("{fraction:0<9}").parse().ok()?;
    Timestamp::new(whole, if negative { -nanoseconds } else { nanoseconds }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("1h2m3s", 3_723_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("100ms", 100_000_000),
            ("-1m", -60_000_000_000),
            ("1us1ns", 1_001),
        ] {
            assert_eq!(signed_duration(text).unwrap().as_nanos(), nanoseconds, "{text}");
        }
        for (text, expected) in [
            ("", "invalid duration"),
            ("5", "missing unit"),
            ("5d", "unknown unit \"d\""),
            ("s", "invalid duration"),
            ("1..5s", "invalid duration"),
            ("9999999999h", "invalid duration"),
            ("-", "invalid duration"),
        ] {
            assert!(signed_duration(text).unwrap_err().to_string().contains(expected), "{text}");
        }
        assert!(duration("-1s").is_err());
    }

    #[test]
    fn moments() {
        let now: Timestamp = "2024-05-06T07:08:09Z".parse().unwrap();
        for (text, expected) in [
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02T03:04:05.5+02:00", "2024-01-02T01:04:05.5Z"),
            ("2024-01-02T03:04:05", "2024-01-02T03:04:05Z"),
            ("2024-01-02", "2024-01-02T00:00:00Z"),
            ("1704164645", "2024-01-02T03:04:05Z"),
            ("1704164645.25", "2024-01-02T03:04:05.25Z"),
            ("10m", "2024-05-06T06:58:09Z"),
            ("-10m", "2024-05-06T07:18:09Z"),
        ] {
            assert_eq!(moment(text, now).unwrap(), expected.parse().unwrap(), "{text}");
        }
        assert_eq!(future_moment("1h", now).unwrap(), "2024-05-06T08:08:09Z".parse().unwrap());
        for text in ["", "yesterday", "1.2.3", "2024-13-01"] {
            assert!(moment(text, now).unwrap_err().to_string().contains("unable to interpret"), "{text}");
        }
    }
}
