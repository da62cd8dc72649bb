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

/// Refuses keys that are not among `known`.
///
/// # Errors
/// Names the first unknown key.
pub fn check_keys(filters: &Filters, known: &[&str]) -> Result<()> {
    match filters.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => bail!("{key:?} is an invalid filter"),
        None => Ok(()),
    }
}

/// Whether `labels` has what a filter `label=KEY` or `label=KEY=VALUE` asks for.
pub fn label_matches(labels: &cove_api::StringMap, filter: &str) -> bool {
    match filter.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|own| own == value),
        None => labels.contains_key(filter),
    }
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
        assert!(check_keys(&found, &["label", "label!", "status"]).is_ok());
        assert!(check_keys(&found, &["label"]).unwrap_err().to_string().contains("is an invalid filter"));
        let labels = [("a".to_owned(), "b".to_owned())].into();
        assert!(label_matches(&labels, "a") && label_matches(&labels, "a=b"));
        assert!(!label_matches(&labels, "a=c") && !label_matches(&labels, "b"));
    }
}
