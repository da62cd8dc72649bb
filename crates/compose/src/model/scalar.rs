//! Values with a unit: bytes, durations, modes of files.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::absent::Absent;

/// A text that is no value of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongValue(pub String);

impl fmt::Display for WrongValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for WrongValue {}

/// A number of bytes; −1 is "no limit" where that has a meaning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub i64);

impl Bytes {
    /// Reads `512m`, `1.5gb`, `64kib` and the like: units are powers of 1024, in any case.
    ///
    /// # Errors
    /// It is no number with one of these units, or too large.
    pub fn parse(text: &str) -> Result<Self, WrongValue> {
        let wrong = || WrongValue(format!("invalid size: '{text}'"));
        let unit_at = text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |at| at + 1);
        let (number, unit) = text.split_at(unit_at);
        // One space may stand between the number and its unit.
        let (number, unit) = (number.trim_end_matches(' '), unit.strip_prefix(' ').unwrap_or(unit));
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = unit.to_ascii_lowercase();
        let power = match unit.as_str() {
            "" | "b" => 0,
            _ => {
                let power = "kmgtp".find(&unit[..1]).ok_or_else(wrong)? + 1;
                if !matches!(&unit[1..], "" | "b" | "ib") {
                    return Err(wrong());
                }
                power
            }
        };
        let bytes = number * 1024_f64.powi(i32::try_from(power).unwrap_or(0));
        if !(0.0..9.2e18).contains(&bytes) {
            return Err(wrong());
        }
        // A fraction of a byte has no meaning.
        #[allow(clippy::cast_possible_truncation)]
        Ok(Self(bytes as i64))
    }
}

impl Absent for Bytes {
    fn absent(&self) -> bool {
        self.0 == 0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => {
                number.as_i64().map(Self).ok_or_else(|| D::Error::custom(format!("invalid size: {number}")))
            }
            Value::String(text) => match text.parse() {
                Ok(number) => Ok(Self(number)),
                Err(_) => Self::parse(&text).map_err(D::Error::custom),
            },
            other => Err(D::Error::custom(format!("invalid size: {other}"))),
        }
    }
}

/// A span of time in nanoseconds, written as Go writes it (`1m30s`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

/// Units of time and their nanoseconds.
const UNITS: [(&str, i64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
/// Nanoseconds of a week.
const WEEK: i64 = 7 * 86_400_000_000_000;

impl Duration {
    /// Reads `1m30s`, `1.5h`, `2w3d`; units are `w d h m s ms us ns`.
    ///
    /// # Errors
    /// It is no such text, or too long a time.
    pub fn parse(text: &str) -> Result<Self, WrongValue> {
        let wrong = || WrongValue(format!("invalid duration {text:?}"));
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut sum = 0_i64;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
            rest = &rest[end..];
            let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
            let unit = match &rest[..end] {
                "w" => WEEK,
                name => UNITS.iter().find(|(unit, _)| *unit == name).ok_or_else(wrong)?.1,
            };
            rest = &rest[end..];
            #[allow(clippy::cast_precision_loss)]
            let nanoseconds = number * unit as f64;
            if nanoseconds >= 9.2e18 {
                return Err(wrong());
            }
            #[allow(clippy::cast_possible_truncation)]
            let nanoseconds = nanoseconds.round() as i64;
            sum = sum.checked_add(nanoseconds).ok_or_else(wrong)?;
        }
        Ok(Self(if negative { -sum } else { sum }))
    }

    /// The same for the standard library; what is negative is no time at all.
    #[must_use]
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return formatter.write_str("0s");
        }
        if self.0 < 0 {
            formatter.write_str("-")?;
        }
        let nanoseconds = self.0.unsigned_abs();
        let (whole, unit, name) = match nanoseconds {
            0..1_000 => return write!(formatter, "{nanoseconds}ns"),
            1_000..1_000_000 => (nanoseconds, 1_000, "µs"),
            1_000_000..1_000_000_000 => (nanoseconds, 1_000_000, "ms"),
            _ => {
                let minutes = nanoseconds / 60_000_000_000;
                if minutes >= 60 {
                    write!(formatter, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(formatter, "{}m", minutes % 60)?;
                }
                (nanoseconds % 60_000_000_000, 1_000_000_000, "s")
            }
        };
        write!(formatter, "{}", whole / unit)?;
        let width = unit.ilog10() as usize;
        let fraction = format!("{:0width$}", whole % unit);
        match fraction.trim_end_matches('0') {
            "" => formatter.write_str(name),
            digits => write!(formatter, ".{digits}{name}"),
        }
    }
}

impl Absent for Duration {
    fn absent(&self) -> bool {
        self.0 == 0
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Permission bits of a file, written as `0440`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileMode(pub i64);

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0{:o}", self.0))
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) if number.is_i64() => Ok(Self(number.as_i64().unwrap_or_default())),
            Value::String(text) => i64::from_str_radix(text.strip_prefix("0o").unwrap_or(&text), 8)
                .map(Self)
                .map_err(|_| D::Error::custom(format!("invalid mode {text:?}"))),
            other => Err(D::Error::custom(format!("invalid mode {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("12", 12),
            ("32b", 32),
            ("32k", 32_768),
            ("32KB", 32_768),
            ("1.5GiB", 1_610_612_736),
            ("2 m", 2_097_152),
            ("1p", 1 << 50),
        ] {
            assert_eq!(Bytes::parse(text), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "m", "-1", "1x", "1mm", "1 2", "1e30p", "hello", "1kbit"] {
            assert!(Bytes::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, written) in [
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1m30s", "1m30s"),
            ("0", "0s"),
            ("0s", "0s"),
            ("1.5s", "1.5s"),
            ("250ms", "250ms"),
            ("1us", "1µs"),
            ("15ns", "15ns"),
            ("2d", "48h0m0s"),
            ("1w", "168h0m0s"),
            ("-2s", "-2s"),
            ("1h5m3.25s", "1h5m3.25s"),
        ] {
            assert_eq!(Duration::parse(text).unwrap().to_string(), written, "{text}");
        }
        for text in ["", "5", "s", "1x", "1s2", "99999999w", "1..2s", "--1s"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }
}
