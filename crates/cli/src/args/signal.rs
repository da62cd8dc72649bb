//! Signals as users write them.

use crate::command_error::CommandError;

/// A signal by name or number, perhaps with a hyphen before it as for kill(1).
///
/// # Errors
/// There is no such signal.
pub(crate) fn signal(text: &str) -> Result<i32, CommandError> {
    let plain = text.strip_prefix('-').unwrap_or(text);
    if plain.parse::<i64>().is_ok_and(|number| number != 0 && !(1..=64).contains(&number)) {
        return Err(CommandError::other("valid signals are 1 through 64"));
    }
    match cove_api::signal::parse(plain) {
        Ok(number) if (1..=64).contains(&number) => Ok(number),
        _ => Err(CommandError::other(format!("invalid signal: {plain}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, expect) in [
            ("KILL", Some(9)),
            ("-sigterm", Some(15)),
            ("9", Some(9)),
            ("65", None),
            ("0", None),
            ("x", None),
        ] {
            assert_eq!(signal(text).ok(), expect, "{text}");
        }
    }
}
