//! Sizes in decimal units, as Docker's and Podman's tools write them.

const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

/// `4.55MB`: so many significant digits, no space.
pub(crate) fn human_size(bytes: i64, digits: usize) -> String {
    let (number, unit) = parts(bytes, digits);
    number + unit
}

/// `4.55 MB`: three significant digits and a space.
pub(crate) fn human_size_spaced(bytes: i64) -> String {
    let (number, unit) = parts(bytes, 3);
    format!("{number} {unit}")
}

fn parts(bytes: i64, digits: usize) -> (String, &'static str) {
    let mut size = bytes as f64;
    let mut unit = 0;
    while size.abs() >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    (significant(size, digits), UNITS[unit])
}

/// As C's `%.*g` for numbers below 1000 or so.
fn significant(number: f64, digits: usize) -> String {
    if number == 0.0 {
        return "0".into();
    }
    let whole_digits = number.abs().log10().floor() as i32 + 1;
    let decimals = usize::try_from(digits as i32 - whole_digits).unwrap_or(0);
    let text = format!("{number:.decimals$}");
    if whole_digits > digits as i32
        || text.trim_start_matches('-').split('.').next().is_some_and(|whole| whole.len() > digits)
    {
        // More whole digits than asked for (999.9 with three): the exponent form.
        let rounded = format!("{number:.*e}", digits.saturating_sub(1));
        return match rounded.split_once('e') {
            Some((mantissa, exponent)) => {
                format!("{}e+{exponent:0>2}", mantissa.trim_end_matches('0').trim_end_matches('.'))
            }
            None => rounded,
        };
    }
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, digits, expect) in [
            (0, 3, "0B"),
            (999, 3, "999B"),
            (1000, 3, "1kB"),
            (1020, 3, "1.02kB"),
            (4_500_000, 3, "4.5MB"),
            (12_345_678, 3, "12.3MB"),
            (123_456_789, 3, "123MB"),
            (999_900, 3, "1e+03kB"),
            (1_234_567_890, 4, "1.235GB"),
            (-2048, 3, "-2.05kB"),
        ] {
            assert_eq!(human_size(bytes, digits), expect, "{bytes}");
        }
        assert_eq!(human_size_spaced(4_550_000), "4.55 MB");
    }
}
