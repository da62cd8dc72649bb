//! Amounts of resources, such as `64Mi`, `500m` or `1e3`.

use crate::error::{Result, bail};

const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// The amount that a text says.
///
/// # Errors
/// It is no amount, or negative.
pub(crate) fn amount(text: &str) -> Result<f64> {
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|number| (number, *factor)))
        .unwrap_or((text, 1.0));
    let well_formed = number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '.' | '-'));
    match number.parse::<f64>() {
        Ok(value) if well_formed && value.is_finite() && value >= 0.0 => Ok(value * factor),
        _ => bail!("{text:?} is no amount of a resource"),
    }
}

/// A number of bytes.
///
/// # Errors
/// As [`amount`], or it is too large.
pub(crate) fn bytes(text: &str) -> Result<i64> {
    let value = amount(text)?.ceil();
    // 2^63 is the first number that does not fit.
    if value >= 9_223_372_036_854_775_808.0 {
        bail!("{text:?} is too large");
    }
    Ok(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, expected) in [
            ("0", 0.0),
            ("1.5", 1.5),
            ("500m", 0.5),
            ("64Mi", 67_108_864.0),
            ("1k", 1000.0),
            ("1e3", 1000.0),
            ("1E", 1e18),
        ] {
            assert_eq!(amount(text).unwrap(), expected, "{text}");
        }
        for text in ["", "x", "-1", "1KiB", "Mi", "1 Mi", "inf", "nan", "1e999"] {
            assert!(amount(text).is_err(), "{text}");
        }
        assert_eq!(bytes("1.5Ki").unwrap(), 1536);
        assert!(bytes("9Ei").is_err());
    }
}
