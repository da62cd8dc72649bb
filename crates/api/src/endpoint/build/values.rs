//! Values of a build's parameters, in the spellings of libpod's and Docker's clients.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{BuildContext, Error, Mount, OtherContext, Result, Rlimit};

pub(super) fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.to_owned(), value.to_owned())
}

/// `NAME=SOFT[:HARD]`, or Docker's object.
pub(super) fn limit(text: &str) -> Result<Rlimit> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Docker {
        name: String,
        hard: i64,
        soft: i64,
    }
    let bad = || Error::invalid(format!("parameter ulimits: {text:?} is no limit"));
    let number = |number: i64| u64::try_from(number).unwrap_or(u64::MAX);
    if let Ok(Docker { name, hard, soft }) = serde_json::from_str(text) {
        return Ok(Rlimit { kind: name, hard: number(hard), soft: number(soft) });
    }
    let (name, values) = text.split_once('=').ok_or_else(bad)?;
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    let read = |text: &str| text.parse().map(number).map_err(|_| bad());
    Ok(Rlimit { kind: name.to_owned(), soft: read(soft)?, hard: read(hard)? })
}

pub(super) fn volume(text: &str) -> Result<Mount> {
    let mut parts = text.splitn(3, ':');
    let (Some(source), Some(destination)) = (parts.next(), parts.next()) else {
        return Err(Error::invalid(format!("parameter volume: {text:?} has no destination")));
    };
    if !source.starts_with('/') || !destination.starts_with('/') {
        return Err(Error::invalid(format!("parameter volume: {text:?}: its paths must be absolute")));
    }
    let options = parts.next().into_iter().flat_map(|options| options.split(','));
    let options = options.filter(|option| !option.is_empty()).map(ToOwned::to_owned);
    Ok(Mount {
        kind: "bind".into(),
        source: source.to_owned(),
        destination: destination.to_owned(),
        options: std::iter::once("rbind".to_owned()).chain(options).collect(),
    })
}

/// `NAME=url:ADDRESS`, `NAME=image:IMAGE` or `NAME=localpath:FOLDER`.
pub(super) fn other_context(text: &str) -> Result<(String, OtherContext)> {
    let bad = |why: &str| Error::invalid(format!("parameter additionalbuildcontexts: {text:?}: {why}"));
    let (name, value) = text.split_once('=').ok_or_else(|| bad("it has no value"))?;
    let (kind, value) = value.split_once(':').ok_or_else(|| bad("it has no kind"))?;
    let other = match kind {
        "url" => OtherContext::Url(value.to_owned()),
        "image" => OtherContext::Image(without_transport(value).to_owned()),
        "localpath" if value.starts_with(BuildContext::BESIDE) => OtherContext::Packed(value.to_owned()),
        "localpath" => return Err(bad("a folder of the service's machine is no context")),
        _ => return Err(bad("its kind is url, image or localpath")),
    };
    Ok((name.to_owned(), other))
}

/// The same for a service, of one that is in the archive as well.
pub(super) fn written_context(place: usize, other: &OtherContext) -> String {
    match other {
        OtherContext::Folder(_) => format!("localpath:{}", BuildContext::packed_context(place)),
        OtherContext::Packed(name) => format!("localpath:{name}"),
        OtherContext::Url(address) => format!("url:{address}"),
        OtherContext::Image(name) => format!("image:{name}"),
    }
}

/// The name of an image without the transports that mean a registry.
fn without_transport(text: &str) -> &str {
    let transports = ["docker-image://", "container-image://", "docker://"];
    transports.iter().find_map(|transport| text.strip_prefix(transport)).unwrap_or(text)
}

/// `id=ID,src=PATH`.
pub(super) fn packed_secret(text: &str) -> Result<(String, String)> {
    let field = |name: &str| {
        let mut fields = text.split(',').filter_map(|field| field.split_once('='));
        fields
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value.to_owned())
            .filter(|value| !value.is_empty())
    };
    match (field("id"), field("src")) {
        (Some(id), Some(source)) => Ok((id, source)),
        _ => Err(Error::invalid(format!("parameter secrets: {text:?} has no id and src"))),
    }
}

/// Something that is on for any value but those of `false`: Docker's clients name an image there.
pub(super) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<bool, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(!matches!(text.to_ascii_lowercase().as_str(), "" | "0" | "false" | "f" | "no" | "off"))
}

/// Something that is always on: to switch it off asks for nothing but less tidiness, which older clients do.
pub(super) fn on<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<bool, D::Error> {
    bool::deserialize(deserializer).map(|_| true)
}

/// Lists of texts: JSON, separated by commas, or one after another.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        list: &[String],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match list.is_empty() {
            true => "".serialize(serializer),
            false => serde_json::Value::from(list.to_vec()).to_string().serialize(serializer),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<String>, D::Error> {
        let values = Vec::<String>::deserialize(deserializer)?;
        let mut all = Vec::new();
        for value in values {
            match serde_json::from_str::<Option<Vec<serde_json::Value>>>(&value) {
                Ok(items) => all.extend(items.into_iter().flatten().map(|item| match item {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                })),
                Err(_) => all.extend(value.split(',').filter(|part| !part.is_empty()).map(ToOwned::to_owned)),
            }
        }
        Ok(all)
    }
}

/// Names with values: Docker's map in JSON, or a list of `NAME=VALUE` in JSON.
pub(super) mod pairs {
    use std::collections::BTreeMap;

    use super::{Deserialize, Deserializer, Serializer, pair};

    pub(in super::super) fn serialize<S: Serializer>(
        pairs: &[(String, String)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let list: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        super::list::serialize(&list, serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, String)>, D::Error> {
        let values = Vec::<String>::deserialize(deserializer)?;
        let mut all = Vec::new();
        for value in values {
            if let Ok(map) = serde_json::from_str::<BTreeMap<String, String>>(&value) {
                all.extend(map);
            } else if let Ok(list) = serde_json::from_str::<Option<Vec<String>>>(&value) {
                all.extend(list.iter().flatten().map(|text| pair(text)));
            } else {
                all.push(pair(&value));
            }
        }
        Ok(all)
    }
}
