//! `--filter KEY=VALUE`.

use cove_api::Filters;

use crate::error::{Result, bail};

/// Parses all `--filter` flags into values by key. `label!=X` becomes the key `label!`.
///
/// # Errors
/// One has no `=` or no key.
pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Filters> {
    let mut filters = Filters::new();
    for text in texts {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                filters.entry(key.trim().to_lowercase()).or_default().push(value.to_owned());
            }
            _ => bail!("invalid filter {text:?}: must be in the form KEY=VALUE"),
        }
    }
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let found = parse(["status=running", "label=a=b", "label=c", "label!=d"]).unwrap();
        assert_eq!(found["label"], ["a=b", "c"]);
        assert_eq!(found["label!"], ["d"]);
        for text in ["status", "=x", ""] {
            assert!(parse([text]).unwrap_err().to_string().contains("invalid filter"), "{text}");
        }
    }
}
