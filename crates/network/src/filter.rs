//! Filters of lists of networks.

use cove_api::{Filters, Network};

use crate::error::{Error, Result};

/// Whether a network passes `filters` (`driver`, `id`, `label`, `label!`, `name`, `until`). The filter `dangling`
/// needs the containers, so its caller answers it and takes it out.
///
/// # Errors
/// An unknown filter, or a pattern that is no regular expression.
pub fn matches(network: &Network, filters: &Filters) -> Result<bool> {
    for (key, values) in filters {
        let pattern = |text: &str| -> Result<bool> {
            for value in values {
                let regex = regex::Regex::new(value)
                    .map_err(|error| Error::Invalid(format!("filter {key}={value}: {error}")))?;
                if regex.is_match(text) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let has_label = |value: &String| match value.split_once('=') {
            Some((name, wanted)) => network.labels.get(name).is_some_and(|label| label == wanted),
            None => network.labels.contains_key(value),
        };
        let fits = match key.as_str() {
            "driver" => values.contains(&network.driver),
            "name" => pattern(&network.name)?,
            "id" => pattern(&network.id)?,
            "label" => values.iter().all(has_label),
            "label!" => !values.iter().all(has_label),
            "until" => {
                let mut fits = false;
                for value in values {
                    fits |= network.created < until(value)?;
                }
                fits
            }
            _ => return Err(Error::Invalid(format!("invalid filter {key:?}"))),
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A point in time: seconds since 1970, an RFC 3339 time, or a span before now (`10m`, `1h30m`).
fn until(text: &str) -> Result<jiff::Timestamp> {
    if let Ok(seconds) = text.parse::<i64>()
        && let Ok(time) = jiff::Timestamp::from_second(seconds)
    {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time);
    }
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|span| jiff::Timestamp::now().checked_sub(span).ok())
        .ok_or_else(|| Error::Invalid(format!("filter until={text}: not a time or duration")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn filters() {
        let network = Network {
            driver: "bridge".into(),
            labels: BTreeMap::from([("a".into(), "1".into())]),
            created: "2024-01-01T00:00:00Z".parse().unwrap(),
            name: "web".into(),
            ..Network::default()
        };
        let check = |key: &str, value: &str| {
            matches(&network, &Filters::from([(key.to_owned(), vec![value.to_owned()])]))
        };
        for (key, value, expected) in [
            ("name", "we", true),
            ("name", "^eb", false),
            ("driver", "macvlan", false),
            ("label", "a", true),
            ("label", "a=2", false),
            ("label!", "a", false),
            ("until", "10m", true),
            ("until", "2023-01-01T00:00:00Z", false),
        ] {
            assert_eq!(check(key, value).unwrap(), expected, "{key}={value}");
        }
        assert!(check("colour", "x").is_err());
        assert!(check("name", "(").is_err());
    }
}
