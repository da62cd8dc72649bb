//! Values of filters that several resources share.

use crate::{Error, Result};

/// The truth value of a filter such as `dangling`, as Go writes it.
///
/// # Errors
/// It is none.
pub fn truth(key: &str, values: &[String]) -> Result<bool> {
    match values.first().map(String::as_str) {
        Some("true" | "1" | "True" | "TRUE" | "t" | "T") => Ok(true),
        Some("false" | "0" | "False" | "FALSE" | "f" | "F") => Ok(false),
        other => Err(Error::invalid(format!(
            "{:?} is not a valid value for the {key:?} filter - must be true or false",
            other.unwrap_or_default()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truths() {
        let of = |word: &str| truth("dangling", &[word.to_owned()]).ok();
        assert_eq!(["1", "T", "0", "False"].map(of), [Some(true), Some(true), Some(false), Some(false)]);
        assert_eq!(["maybe", "", "yes"].map(of), [None; 3]);
        assert!(truth("dangling", &[]).is_err());
    }
}
