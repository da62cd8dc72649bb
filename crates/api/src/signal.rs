//! Signal names and numbers of Linux (amd64, arm64), also on other systems: the container is a Linux one.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Error, Result};

/// First real-time signal that a program may use.
pub(crate) const SIGRTMIN: i32 = 34;
/// Last signal.
pub(crate) const SIGRTMAX: i32 = 64;

const NAMES: [(&str, i32); 35] = [
    ("ABRT", 6),
    ("ALRM", 14),
    ("BUS", 7),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("FPE", 8),
    ("HUP", 1),
    ("ILL", 4),
    ("INT", 2),
    ("IO", 29),
    ("IOT", 6),
    ("KILL", 9),
    ("PIPE", 13),
    ("POLL", 29),
    ("PROF", 27),
    ("PWR", 30),
    ("QUIT", 3),
    ("SEGV", 11),
    ("STKFLT", 16),
    ("STOP", 19),
    ("SYS", 31),
    ("TERM", 15),
    ("TRAP", 5),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("USR1", 10),
    ("USR2", 12),
    ("VTALRM", 26),
    ("WINCH", 28),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("UNUSED", 31),
];

/// The number of a signal: a number from 1 to 64, or a name with or without `SIG`, in any case, also
/// `RTMIN+3` and `RTMAX-1`.
///
/// # Errors
/// There is no such signal.
pub fn parse(text: &str) -> Result<i32> {
    if let Ok(number) = text.parse::<i32>() {
        if (1..=SIGRTMAX).contains(&number) {
            return Ok(number);
        }
        return Err(invalid(text));
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(*number);
    }
    let offset = |rest: &str, sign: char| -> Option<i32> {
        if rest.is_empty() {
            return Some(0);
        }
        rest.strip_prefix(sign)?.parse::<u8>().ok().map(i32::from)
    };
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        offset(rest, '+').map(|offset| SIGRTMIN + offset)
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        offset(rest, '-').map(|offset| SIGRTMAX - offset)
    } else {
        None
    };
    match number.filter(|number| (SIGRTMIN..=SIGRTMAX).contains(number)) {
        Some(number) => Ok(number),
        None => Err(invalid(text)),
    }
}

fn invalid(text: &str) -> Error {
    Error::invalid(format!("invalid signal: {text}"))
}

/// A signal by its number; read from a name, too, as [`parse`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(with = "String")]
pub struct Signal(pub i32);

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).map_err(D::Error::custom)
    }
}

/// The name of a signal with `SIG`, as inspect prints it; the number where it has none.
pub fn name(number: i32) -> String {
    if let Some((name, _)) = NAMES
        .iter()
        .find(|(name, known)| *known == number && !matches!(*name, "CLD" | "IOT" | "POLL" | "UNUSED"))
    {
        return format!("SIG{name}");
    }
    match number {
        SIGRTMIN => "SIGRTMIN".to_owned(),
        SIGRTMAX => "SIGRTMAX".to_owned(),
        35..=49 => format!("SIGRTMIN+{}", number - SIGRTMIN),
        50..=63 => format!("SIGRTMAX-{}", SIGRTMAX - number),
        number => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals() {
        for (text, number) in [
            ("TERM", 15),
            ("SIGTERM", 15),
            ("sigkill", 9),
            ("hup", 1),
            ("9", 9),
            ("64", 64),
            ("SIGRTMIN+3", 37),
            ("rtmax-1", 63),
            ("RTMIN", 34),
            ("SIGUSR1", 10),
        ] {
            assert_eq!(parse(text).unwrap(), number, "{text}");
        }
        for text in ["", "0", "65", "-9", "SIG", "SIGFOO", "RTMIN+31", "RTMAX+1", "RTMIN-1", "9x"] {
            assert_eq!(parse(text).unwrap_err().to_string(), format!("invalid signal: {text}"));
        }
        for number in 1..=64 {
            if !matches!(number, 32 | 33) {
                assert_eq!(parse(&name(number)).unwrap(), number);
            }
        }
        assert_eq!(name(15), "SIGTERM");
        assert_eq!(name(17), "SIGCHLD");
    }
}
