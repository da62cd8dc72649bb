//! Values of `--filter` that several resources share.

use cove_api::{Error, Result, Timestamp};
use regex::{Regex, RegexBuilder};

/// The truth value of a filter such as `dangling`.
pub(crate) fn truth(key: &str, values: &[String]) -> Result<bool> {
    match values.first().map(String::as_str) {
        Some("true" | "1" | "True" | "TRUE" | "t" | "T") => Ok(true),
        Some("false" | "0" | "False" | "FALSE" | "f" | "F") => Ok(false),
        other => Err(Error::invalid(format!(
            "{:?} is not a valid value for the {key:?} filter - must be true or false",
            other.unwrap_or_default()
        ))),
    }
}

/// The moment that a filter such as `until` names: RFC 3339, a date, seconds since the epoch, or how long ago.
pub(crate) fn time(key: &str, values: &[String]) -> Result<Timestamp> {
    let text = match values {
        [one] => one.as_str(),
        _ => return Err(Error::invalid(format!("specify exactly one timestamp for {key}"))),
    };
    parse_time(text).ok_or_else(|| Error::invalid(format!("{text:?} is not a time ({key})")))
}

fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let Ok(seconds) = seconds.parse::<i64>() {
        let nanos = format!("{fraction:0<9}").get(..9)?.parse::<i32>().ok()?;
        return Timestamp::new(seconds, nanos).ok();
    }
    if let Ok(date) = text.parse::<jiff::civil::DateTime>() {
        return date.to_zoned(jiff::tz::TimeZone::system()).ok().map(|zoned| zoned.timestamp());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return date.to_zoned(jiff::tz::TimeZone::system()).ok().map(|zoned| zoned.timestamp());
    }
    let ago = duration(text)?;
    Timestamp::now().checked_sub(ago).ok()
}

/// A duration as Go writes it: `1h2m3s`, `300ms`.
pub(crate) fn duration(text: &str) -> Option<jiff::SignedDuration> {
    let mut rest = text;
    let mut total = 0.0_f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    jiff::SignedDuration::try_from_secs_f64(total).ok()
}

/// The regular expression in a filter's value, as podman matches names.
pub(crate) fn regular(key: &str, value: &str) -> Result<Regex> {
    RegexBuilder::new(value).size_limit(1 << 20).build().map_err(|error| {
        Error::invalid(format!("{value:?} is not a valid value for the {key:?} filter: {error}"))
    })
}

/// Whether the whole text matches a shell pattern.
pub(crate) fn shell_match(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    glob(&pattern, &text)
}

/// Shell matching without backtracking beyond the last star.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some('?') => {
                p += 1;
                t += 1;
            }
            Some(c) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    while pattern.get(p) == Some(&'*') {
        p += 1;
    }
    p == pattern.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match() {
        assert!(regular("name", "^web").unwrap().is_match("web1"));
        assert!(regular("name", "(").is_err());
        assert!(shell_match("w*1", "wab1") && shell_match("?b", "ab") && !shell_match("a*", "ba"));
    }

    #[test]
    fn times_and_durations() {
        assert_eq!(duration("1h2m3s").unwrap().as_secs(), 3723);
        assert_eq!(duration("300ms").unwrap().as_millis(), 300);
        assert!(duration("5").is_none() && duration("x").is_none());
        assert_eq!(parse_time("10").unwrap().as_second(), 10);
        assert!(parse_time("2024-01-02T03:04:05Z").is_some() && parse_time("2024-01-02").is_some());
        assert!(parse_time("1h").unwrap() < Timestamp::now());
        assert!(truth("dangling", &["maybe".into()]).is_err());
    }
}
