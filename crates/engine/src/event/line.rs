//! An event as a line of the file, in Podman's form.

use cove_api::{Event, EventActor, StringMap, Timestamp};
use serde::{Deserialize, Serialize};

/// Attributes with a key of their own in the file.
const EXIT_CODE: &str = "containerExitCode";
const OOM_KILLED: &str = "oomKilled";

/// The attribute of the lines around what a rotation has kept.
pub(super) const ROTATION: &str = "io.podman.event.rotate";

/// A line. The names are Podman's.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Line {
    #[serde(rename = "ContainerExitCode", skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    #[serde(rename = "OOMKilled", skip_serializing_if = "Option::is_none")]
    oom_killed: Option<bool>,
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(rename = "Image", skip_serializing_if = "String::is_empty")]
    image: String,
    #[serde(rename = "Name", skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    network: String,
    #[serde(rename = "Status")]
    status: String,
    #[serde(rename = "Time")]
    time: Option<Timestamp>,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    health_status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
    #[serde(rename = "PodID", skip_serializing_if = "String::is_empty")]
    pod: String,
    #[serde(rename = "ContainerInspectData", skip_serializing_if = "String::is_empty")]
    inspect_data: String,
    #[serde(rename = "Attributes")]
    attributes: Option<StringMap>,
}

impl Line {
    /// The fields that are attributes of an event, by the names they have there.
    fn texts(&mut self) -> [(&'static str, &mut String); 7] {
        [
            ("image", &mut self.image),
            ("name", &mut self.name),
            ("network", &mut self.network),
            ("health_status", &mut self.health_status),
            ("error", &mut self.error),
            ("podId", &mut self.pod),
            (super::INSPECT_DATA, &mut self.inspect_data),
        ]
    }
}

/// The line of an event, with its end.
pub(super) fn write(event: &Event) -> serde_json::Result<Vec<u8>> {
    let mut attributes = event.actor.attributes.clone();
    let mut line = Line {
        id: event.actor.id.clone(),
        status: event.action.clone(),
        kind: event.kind.clone(),
        time: Some(event.timestamp()),
        ..Line::default()
    };
    for (name, field) in line.texts() {
        *field = attributes.remove(name).unwrap_or_default();
    }
    let number = attributes.get(EXIT_CODE).and_then(|text| text.parse().ok());
    let truth = attributes.get(OOM_KILLED).and_then(|text| text.parse().ok());
    attributes
        .retain(|name, _| !(name == EXIT_CODE && number.is_some() || name == OOM_KILLED && truth.is_some()));
    (line.exit_code, line.oom_killed) = (number, truth);
    line.attributes = Some(attributes).filter(|attributes| !attributes.is_empty());
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    Ok(text)
}

/// The event of a line; none where it is no event. Lines of the first version were in Docker's form.
pub(super) fn read(text: &[u8]) -> Option<Event> {
    if let Ok(event) = serde_json::from_slice::<Event>(text) {
        return Some(event);
    }
    let mut line: Line = serde_json::from_slice(text).ok()?;
    let time = line.time?;
    let mut attributes = line.attributes.take().unwrap_or_default();
    for (name, field) in line.texts() {
        if !field.is_empty() {
            attributes.insert(name.to_owned(), std::mem::take(field));
        }
    }
    let others = [
        (EXIT_CODE, line.exit_code.map(|code| code.to_string())),
        (OOM_KILLED, line.oom_killed.map(|killed| killed.to_string())),
    ];
    attributes.extend(others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Some(Event {
        kind: line.kind,
        action: line.status,
        actor: EventActor { id: line.id, attributes },
        scope: "local".into(),
        time: time.as_second(),
        time_nano: i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_podman_s() {
        let text = r#"{"ContainerExitCode":3,"ID":"abc","Image":"i","Name":"n","Status":"died","Time":"2022-04-06T09:26:42.72366795Z","Type":"container","PodID":"p","Attributes":{"label":"value"}}"#;
        let event = read(text.as_bytes()).unwrap();
        assert_eq!((event.action.as_str(), event.time), ("died", 1_649_237_202));
        for (name, value) in
            [("containerExitCode", "3"), ("image", "i"), ("name", "n"), ("podId", "p"), ("label", "value")]
        {
            assert_eq!(event.attribute(name), value, "{name}");
        }
        assert_eq!(String::from_utf8(write(&event).unwrap()).unwrap().trim_end(), text);
        let none = r#"{"Name":"busybox","Status":"pull","Time":"2022-04-06T11:26:42.723667951+02:00","Type":"image","Attributes":null}"#;
        assert_eq!(read(none.as_bytes()).unwrap().attribute("name"), "busybox");
        assert_eq!(read(b"{}"), None);
        assert_eq!(read(b"nonsense"), None);
    }

    #[test]
    fn lines_of_the_first_version_are_read() {
        let text = r#"{"Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{"name":"n"}},"scope":"local","time":1,"timeNano":1000000000}"#;
        assert_eq!(read(text.as_bytes()).unwrap().attribute("name"), "n");
    }
}
