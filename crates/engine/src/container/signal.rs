//! Names and numbers of signals (Linux numbers, as Docker and Podman take them).

use cove_api::Error;

const NAMES: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];

const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// The number of `TERM`, `SIGTERM`, `15`, `RTMIN+3`, …
pub(crate) fn parse(text: &str) -> Result<i32, Error> {
    let bad = || Error::invalid(format!("invalid signal: {text}"));
    if let Ok(number) = text.parse::<i32>() {
        return if (1..=RTMAX).contains(&number) { Ok(number) } else { Err(bad()) };
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(*number);
    }
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        RTMIN
            + if rest.is_empty() {
                0
            } else {
                rest.strip_prefix('+').and_then(|n| n.parse().ok()).ok_or_else(bad)?
            }
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        RTMAX
            - if rest.is_empty() {
                0
            } else {
                rest.strip_prefix('-').and_then(|n| n.parse().ok()).ok_or_else(bad)?
            }
    } else {
        return Err(bad());
    };
    if (RTMIN..=RTMAX).contains(&number) { Ok(number) } else { Err(bad()) }
}

/// `SIGTERM` for 15; the number for one without a name.
pub(crate) fn name(number: i32) -> String {
    match NAMES.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => format!("SIG{name}"),
        None if number == RTMIN => "SIGRTMIN".into(),
        None if (RTMIN..=RTMAX).contains(&number) => format!("SIGRTMIN+{}", number - RTMIN),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_parsed_and_named() {
        for (text, number) in
            [("TERM", 15), ("SIGTERM", 15), ("sigkill", 9), ("9", 9), ("RTMIN+3", 37), ("SIGRTMAX-1", 63)]
        {
            assert_eq!(parse(text).unwrap(), number, "{text}");
        }
        for bad in ["", "0", "65", "FOO", "RTMIN+99", "RTMIN-1", "-9"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(name(15), "SIGTERM");
        assert_eq!(name(37), "SIGRTMIN+3");
    }
}
