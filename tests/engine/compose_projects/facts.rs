//! What an engine has, as lines that can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;

use cove_test_support::Service;
use serde_json::Value;

/// Keys whose values differ from run to run.
const RUN: [&str; 22] = [
    "com.docker.compose.slug",
    "Id",
    "ID",
    "Created",
    "CreatedAt",
    "StartedAt",
    "FinishedAt",
    "Pid",
    "ConmonPid",
    "Health",
    "SandboxID",
    "SandboxKey",
    "EndpointID",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "ExecIDs",
    "GraphDriver",
    "UsageData",
    "com.docker.compose.version",
    // Of the whole machine.
    "com.docker.network.bridge.name",
];

/// Lists whose order means something.
const ORDERED: [&str; 7] = ["Args", "Cmd", "Dns", "DnsOptions", "DnsSearch", "Entrypoint", "Test"];

/// Containers, networks and volumes of an engine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// `PATH = VALUE`, without what differs from run to run.
    lines: BTreeSet<String>,
    /// What tells one object from another that took its place, by `KIND NAME`.
    pub(super) ids: BTreeMap<String, String>,
}

impl Facts {
    /// What a project has, by Docker's API. Addresses and ports are kept where `given` has them: what the engine chose differs.
    pub(super) fn of(service: &Service, project: &str, given: &str) -> Self {
        let mut objects = BTreeMap::new();
        let mut ids = BTreeMap::new();
        let mut names = Vec::new();
        for container in list(&get(service, "/containers/json?all=1")) {
            let mut value = get(service, &format!("/containers/{}/json", text(&container, "Id")));
            let modes = ["NetworkMode", "IpcMode", "PidMode"].map(|mode| text(&value["HostConfig"], mode));
            if modes.iter().any(|mode| mode.starts_with("container:")) {
                // The id of the other container is a part of it.
                value["Config"]["Labels"]["com.docker.compose.config-hash"] = Value::Null;
            }
            names.push((text(&value, "Id"), text(&value, "Name").trim_start_matches('/').to_owned()));
            add(&mut objects, &mut ids, "container", &value);
        }
        for network in list(&get(service, "/networks")) {
            // Those of the super-user are the machine's.
            let is_own = network["Labels"]["com.docker.compose.project"] == project;
            if !is_own && !given.contains(&text(&network, "Name")) {
                continue;
            }
            let value = get(service, &format!("/networks/{}", text(&network, "Id")));
            names.push((text(&value, "Id"), text(&value, "Name")));
            add(&mut objects, &mut ids, "network", &value);
        }
        for value in list(&get(service, "/volumes")["Volumes"]) {
            let name = text(&value, "Name");
            if name.len() == 64 {
                names.push((name, "NAMELESS".to_owned()));
                continue;
            }
            add(&mut objects, &mut ids, "volume", &value);
        }
        let masks = Masks { names, given };
        let mut lines = BTreeSet::new();
        for (name, value) in objects {
            flatten(&name, "", masks.apply(value, ""), &mut lines);
        }
        Self { lines, ids }
    }

    /// What only one of them has: `-` for this one, `+` for the other.
    pub(super) fn difference(&self, other: &Self) -> String {
        let only = |sign: &str, one: &Self, other: &Self| -> Vec<String> {
            let lines = one.lines.difference(&other.lines);
            // The path first, so that both lines of one path stand together.
            lines.map(|line| format!("{line}\t{sign}")).collect()
        };
        let mut all = [only("-", self, other), only("+", other, self)].concat();
        all.sort_by(|one, two| path(one).cmp(path(two)).then(two.ends_with('-').cmp(&one.ends_with('-'))));
        let turned = all.iter().filter_map(|line| line.rsplit_once('\t'));
        turned.map(|(line, sign)| format!("{sign} {line}\n")).collect()
    }
}

fn path(line: &str) -> &str {
    line.split_once(" = ").map_or(line, |(path, _)| path)
}

fn add(objects: &mut BTreeMap<String, Value>, ids: &mut BTreeMap<String, String>, kind: &str, value: &Value) {
    let name = format!("{kind} {}", text(value, "Name").trim_start_matches('/'));
    let id = format!("{} {}", text(value, "Id"), text(value, "CreatedAt"));
    ids.insert(name.clone(), id);
    objects.insert(name, value.clone());
}

/// The answer to a request of HTTP 1.0, which comes in one piece.
fn get(service: &Service, target: &str) -> Value {
    let mut stream = UnixStream::connect(service.socket()).expect("the service");
    stream.write_all(format!("GET {target} HTTP/1.0\r\nHost: d\r\n\r\n").as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    assert!(head.contains(" 200 "), "{target}: {answer}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{target}: {error}: {body}"))
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// How what differs from run to run is made the same.
struct Masks<'a> {
    /// Ids and what is written for them.
    names: Vec<(String, String)>,
    given: &'a str,
}

impl Masks<'_> {
    fn apply(&self, value: Value, key: &str) -> Value {
        match value {
            Value::Object(members) => {
                let kept = members.into_iter().filter(|(key, _)| !RUN.contains(&key.as_str()));
                let kept = kept.map(|(key, value)| {
                    let value = self.apply(value, &key);
                    (self.named(key), value)
                });
                Value::Object(kept.collect())
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items.into_iter().map(|item| self.apply(item, key)).collect();
                if !ORDERED.contains(&key) {
                    items.sort_by_key(Value::to_string);
                }
                Value::Array(items)
            }
            Value::String(text) => Value::String(self.text(text, key)),
            other => other,
        }
    }

    fn text(&self, text: String, key: &str) -> String {
        let address = text.split('/').next().unwrap_or_default();
        let is_chosen = address.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified())
            || address.len() == 17 && address.bytes().filter(|byte| *byte == b':').count() == 5
            || key == "HostPort" && !text.is_empty() && text != "0";
        if is_chosen && !self.given.contains(address) {
            return "CHOSEN".to_owned();
        }
        if key == "com.docker.compose.depends_on" {
            let mut parts: Vec<&str> = text.split(',').collect();
            parts.sort_unstable();
            return parts.join(",");
        }
        self.named(text)
    }

    /// With names in place of ids, which also stand shortened.
    fn named(&self, text: String) -> String {
        self.names.iter().fold(text, |text, (id, name)| {
            let text = text.replace(id, name);
            id.get(..12).map_or(text.clone(), |short| text.replace(short, name))
        })
    }
}

fn flatten(object: &str, path: &str, value: Value, lines: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                flatten(object, &format!("{path}.{key}"), value, lines);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, value) in items.into_iter().enumerate() {
                flatten(object, &format!("{path}[{at}]"), value, lines);
            }
        }
        value => {
            lines.insert(format!("{object}: {} = {value}", path.trim_start_matches('.')));
        }
    }
}
