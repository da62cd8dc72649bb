//! Sizes in bytes as Docker's units write them: `512m`, `1.5g`, `64kb`.

use crate::error::{Result, bail};

/// Parses a size in bytes, powers of 1024: `--memory`, `--shm-size` and so on.
///
/// # Errors
/// It is no number with a unit of b, k, m, g, t or p, is negative, or too large.
pub fn bytes(text: &str) -> Result<u64> {
    parse(text, 1024.0)
}

/// Parses a size in bytes, powers of 1000: `--log-opt max-size` and the sizes of filters.
///
/// # Errors
/// As [`bytes`].
pub fn decimal_bytes(text: &str) -> Result<u64> {
    parse(text, 1000.0)
}

/// As [`bytes`], but `-1` means no limit and is kept.
///
/// # Errors
/// As [`bytes`].
pub(crate) fn bytes_or_unlimited(text: &str) -> Result<i64> {
    if text.trim() == "-1" {
        return Ok(-1);
    }
    signed(bytes(text)?, text)
}

/// As [`bytes`], in the signed form of the OCI specification.
///
/// # Errors
/// As [`bytes`].
pub fn signed_bytes(text: &str) -> Result<i64> {
    signed(bytes(text)?, text)
}

fn signed(size: u64, text: &str) -> Result<i64> {
    match i64::try_from(size) {
        Ok(size) => Ok(size),
        Err(_) => bail!("invalid size: '{text}' is too large"),
    }
}

fn parse(text: &str, base: f64) -> Result<u64> {
    let number_end = text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |index| index + 1);
    let (number, unit) = text.split_at(number_end);
    let unit = unit.trim_start_matches(' ').to_ascii_lowercase();
    let exponent = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => bail!("invalid suffix: '{unit}' in size '{text}'"),
    };
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let Some(number) = number.parse::<f64>().ok().filter(|_| plain) else {
        bail!("invalid size: '{text}'");
    };
    let size = number * base.powi(exponent);
    // Beyond 2^63 nothing is a size of memory or files, and a u64 holds everything below exactly enough.
    if size >= 9_223_372_036_854_775_808.0 {
        bail!("invalid size: '{text}' is too large");
    }
    Ok(size as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", 0),
            ("32", 32),
            ("32b", 32),
            ("32kb", 32 << 10),
            ("32 KiB", 32 << 10),
            ("32Mb", 32 << 20),
            ("1.5g", 3 << 29),
            ("2T", 2 << 40),
            ("1p", 1 << 50),
            ("65536k", 64 << 20),
        ] {
            assert_eq!(bytes(text).unwrap(), expected, "{text}");
        }
        assert_eq!(decimal_bytes("10mb").unwrap(), 10_000_000);
        assert_eq!(bytes_or_unlimited("-1").unwrap(), -1);
        assert_eq!(signed_bytes("1m").unwrap(), 1 << 20);
        for text in ["", "-1", "-32", "hello", "32x", "32mm", "1e3", "k", " 32", "1.2.3", "NaN", "99999999p"]
        {
            assert!(bytes(text).unwrap_err().to_string().starts_with("invalid s"), "{text}");
        }
    }
}
