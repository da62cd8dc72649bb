//! `--time` of the commands that stop containers.

/// The seconds before SIGKILL; -1 is for ever, which the engine knows as the largest number.
///
/// # Errors
/// It is no such number.
pub(crate) fn stop_time(text: &str) -> Result<u32, String> {
    if text == "-1" {
        return Ok(u32::MAX);
    }
    text.parse().map_err(|_| format!("it must be 0 to {} seconds, or -1 for ever", u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_negative_number_is_for_ever() {
        for (text, expected) in [("0", 0), ("10", 10), ("4294967295", u32::MAX), ("-1", u32::MAX)] {
            assert_eq!(stop_time(text), Ok(expected), "{text}");
        }
        for text in ["-2", "-5", "4294967296", "", "1s", "1.5", "--1", "-9223372036854775808"] {
            assert!(stop_time(text).unwrap_err().contains("-1 for ever"), "{text}");
        }
    }
}
