//! Query parameters: repeated keys, switches as Go writes them, and errors that name the parameter.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use cove_api::{Filters, Timestamp};
use serde_json::Value;

use crate::error::{Answer, ApiError};

/// The decoded query of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Params {
    fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    /// The last value of a key (keys of the API do not care about case of their first letter: `t`, `OS`, `Arch`).
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    /// The last value, where there is one that is not empty.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.get(key).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Every value of a key; commas part values too where `commas`.
    pub(crate) fn list(&self, key: &str, commas: bool) -> Vec<String> {
        let values =
            self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str());
        let values: Vec<&str> =
            if commas { values.flat_map(|value| value.split(',')).collect() } else { values.collect() };
        values.into_iter().filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// A switch: absent is `default`, `1`, `true`, `on` are true.
    pub(crate) fn switch(&self, key: &str, default: bool) -> Answer<bool> {
        match self.get(key) {
            None => Ok(default),
            Some("1" | "t" | "T" | "true" | "True" | "TRUE" | "on" | "yes") => Ok(true),
            Some("" | "0" | "f" | "F" | "false" | "False" | "FALSE" | "off" | "no" | "null") => Ok(false),
            Some(other) => Err(ApiError::invalid(format!("parameter {key}: {other:?} is no truth value"))),
        }
    }

    /// A number or the like.
    pub(crate) fn number<T: FromStr>(&self, key: &str) -> Answer<Option<T>> {
        match self.get(key) {
            None | Some("") => Ok(None),
            Some(text) => {
                let error = |_| ApiError::invalid(format!("parameter {key}: {text:?} is not a valid number"));
                text.parse().map(Some).map_err(error)
            }
        }
    }

    /// A time: RFC 3339, seconds since the epoch, also with a fraction, or a span such as `10m` before now (`until`: after now); empty,
    /// 0 and Go's zero time (the year 1) are none.
    pub(crate) fn time(&self, key: &str) -> Answer<Option<Timestamp>> {
        let Some(text) = self.get(key).filter(|text| !text.is_empty() && *text != "0") else {
            return Ok(None);
        };
        parse_time(text)
            .or_else(|| relative_time(key, text))
            .map(|time| Some(time).filter(|time| *time > cove_api::zero_time()))
            .ok_or_else(|| ApiError::invalid(format!("parameter {key}: {text:?} is not a time")))
    }

    /// `filters`: JSON of `{"key": ["value"]}` or Docker's older `{"key": {"value": true}}`.
    pub(crate) fn filters(&self) -> Answer<Filters> {
        let Some(text) = self.get("filters").filter(|text| !text.is_empty()) else {
            return Ok(Filters::new());
        };
        let wrong = || ApiError::invalid(format!("parameter filters: {text:?} is no object of lists"));
        let value: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let mut filters = Filters::new();
        for (key, values) in value.as_object().ok_or_else(wrong)? {
            let values: Option<Vec<String>> = match values {
                Value::Array(list) => list.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
                Value::Object(map) => Some(map.keys().cloned().collect()),
                Value::String(text) => Some(vec![text.clone()]),
                _ => None,
            };
            filters.insert(key.clone(), values.ok_or_else(wrong)?);
        }
        Ok(filters)
    }
}

/// A span before now, for `until` after now, as Podman takes them.
fn relative_time(key: &str, text: &str) -> Option<Timestamp> {
    let span = cove_api::time::signed_duration(text).ok()?;
    let now = Timestamp::now();
    if key == "until" { now.checked_add(span).ok() } else { now.checked_sub(span).ok() }
}

fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let nanoseconds: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
}

/// Undoes percent-encoding and `+`; bytes that are no UTF-8 become U+FFFD.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |digit: Option<&u8>| digit.and_then(|digit| char::from(*digit).to_digit(16));
        match bytes[at] {
            b'+' => decoded.push(b' '),
            b'%' => match (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
                (Some(high), Some(low)) => {
                    // Two hexadecimal digits are at most 255.
                    decoded.push((high * 16 + low) as u8);
                    at += 2;
                }
                _ => decoded.push(b'%'),
            },
            byte => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_repeat_and_values_are_decoded() {
        let params = Params::parse("images=a%2Fb&images=c&all=1&t=&n=x&since=12.5");
        assert_eq!(params.list("images", false), ["a/b", "c"]);
        assert!(params.switch("all", false).unwrap());
        assert!(params.switch("missing", true).unwrap());
        assert_eq!(params.number::<u32>("t").unwrap(), None);
        assert!(params.number::<u32>("n").is_err());
        assert!(params.switch("n", false).is_err());
        assert_eq!(params.time("since").unwrap().unwrap().as_millisecond(), 12_500);
        let params = Params::parse("until=0001-01-01T00%3A00%3A00Z&since=2m&wrong=yesterday");
        assert_eq!(params.time("until").unwrap(), None);
        let age = Timestamp::now().duration_since(params.time("since").unwrap().unwrap()).as_secs();
        assert!((119..=125).contains(&age), "{age}");
        assert!(params.time("wrong").is_err());
    }

    #[test]
    fn filters_in_both_shapes() {
        let both =
            Params::parse("filters=%7B%22label%22%3A%5B%22a%22%5D%2C%22name%22%3A%7B%22b%22%3Atrue%7D%7D");
        let filters = both.filters().unwrap();
        assert_eq!(filters["label"], ["a"]);
        assert_eq!(filters["name"], ["b"]);
        assert!(Params::parse("filters=[]").filters().is_err());
    }
}
