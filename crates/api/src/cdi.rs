//! Names of devices that a CDI specification describes: `vendor.com/class=name`.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// A device's whole name, as the Container Device Interface defines it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CdiName {
    /// Who makes it, mostly a domain: `nvidia.com`.
    pub vendor: String,
    /// What it is: `gpu`.
    pub class: String,
    /// Which one: `0`, `all`.
    pub name: String,
}

impl CdiName {
    /// Whether a text of the user's is such a name, rather than a path.
    #[must_use]
    pub fn is(text: &str) -> bool {
        text.parse::<Self>().is_ok()
    }

    /// Checks what a specification calls its kind, `vendor/class`, and takes it apart.
    ///
    /// # Errors
    /// It is not of that form.
    pub fn kind(text: &str) -> Result<(&str, &str)> {
        let parts = text.split_once('/').filter(|(vendor, class)| [vendor, class].into_iter().all(is_word));
        parts.ok_or_else(|| Error::invalid(format!("{text:?} is no kind of CDI devices: vendor/class")))
    }

    /// Checks what a device is called within its kind.
    ///
    /// # Errors
    /// It has characters that are not allowed.
    pub fn device(text: &str) -> Result<&str> {
        let starts = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if starts && is_made_of(text, "_-.:") {
            return Ok(text);
        }
        Err(Error::invalid(format!("{text:?} is no name of a CDI device")))
    }
}

/// A vendor or a class: begins with a letter, ends with a letter or digit.
fn is_word(text: &&str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && is_made_of(text, "_-.")
}

fn is_made_of(text: &str, others: &str) -> bool {
    text.ends_with(|last: char| last.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

impl FromStr for CdiName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, name) = text
            .split_once('=')
            .ok_or_else(|| Error::invalid(format!("{text:?} is no CDI device: vendor/class=name")))?;
        let (vendor, class) = Self::kind(kind)?;
        let [vendor, class, name] = [vendor, class, Self::device(name)?].map(str::to_owned);
        Ok(Self { vendor, class, name })
    }
}

impl fmt::Display for CdiName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}={}", self.vendor, self.class, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        for text in ["nvidia.com/gpu=all", "a/b=c", "vendor.com/net_card-x=0:1.2", "v1/c2=GPU-1"] {
            assert_eq!(text.parse::<CdiName>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "/dev/null",
            "a=b",
            "a/=c",
            "/b=c",
            "a/b=",
            "a/b",
            "1a/b=c",
            "a/1b=c",
            "a-/b=c",
            "a/b=-c",
            "a/b=c-",
            "a/b/c=d",
            "a/b=c=d",
            "a/b=c d",
            "a/b=ü",
            "../x=y",
        ] {
            assert!(!CdiName::is(text), "{text}");
        }
    }
}
