//! A machine's name: a file name, part of a socket path, a host name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Name of the machine that is meant where none is named.
pub const DEFAULT_MACHINE: &str = "cove-machine-default";

/// A name of the form `[a-zA-Z0-9][a-zA-Z0-9_.-]*` with at most 63 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineName(String);

impl MachineName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host name inside the machine: `_` and `.` are not for host names.
    #[must_use]
    pub fn hostname(&self) -> String {
        self.0.replace(['_', '.'], "-").trim_end_matches('-').to_owned()
    }
}

impl FromStr for MachineName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let bad = |reason| Err(Error::BadName { name: name.chars().take(80).collect(), reason });
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return bad("it must begin with a letter or digit");
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            return bad("only letters, digits, '_', '.' and '-' are allowed");
        }
        if name.len() > 63 {
            return bad("it is longer than 63 characters");
        }
        Ok(Self(name.to_owned()))
    }
}

impl TryFrom<String> for MachineName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        name.parse()
    }
}

impl From<MachineName> for String {
    fn from(name: MachineName) -> Self {
        name.0
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_odd_names() {
        for name in [
            "",
            ".",
            "..",
            "-x",
            "a/b",
            "a b",
            "a$(calc)",
            "a;b",
            "a'b",
            "a\"b",
            "a\nb",
            "ä",
            &"a".repeat(64),
        ] {
            assert!(name.parse::<MachineName>().is_err(), "{name:?}");
        }
        for name in ["a", "0", "dev-1", "a.b_c", &"a".repeat(63)] {
            assert!(name.parse::<MachineName>().is_ok(), "{name:?}");
        }
    }

    #[test]
    fn hostname_has_no_dots() {
        assert_eq!("a.b_c-".parse::<MachineName>().unwrap().hostname(), "a-b-c");
    }
}
