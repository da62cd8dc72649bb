//! What an image is: its files, its configuration, its layers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cove_test_support::{Bed, Outcome};
use serde_json::Value;

/// What two images are compared by: a line of text for each file and each property.
pub(super) struct Facts(BTreeMap<String, String>);

/// Of an image in the bed's store.
pub(super) fn of(bed: &Bed, image: &str) -> Result<Facts, String> {
    let inspected = bed.cove(&["image", "inspect", image]);
    let inspected: Value = serde_json::from_str(inspected.ok()).map_err(|error| error.to_string())?;
    let mut facts = Facts(BTreeMap::new());
    let image_of = &inspected[0];
    for name in ["Os", "Architecture", "Variant", "Author"] {
        facts.property(name, &image_of[name]);
    }
    let config = image_of["Config"].as_object().ok_or("no configuration")?;
    for (name, value) in config {
        let mut value = value.clone();
        if name == "Labels" {
            // It names the builder and its version.
            value.as_object_mut().and_then(|labels| labels.remove("io.buildah.version"));
        }
        if let Some(list) = value.as_array_mut().filter(|_| name == "Env") {
            list.sort_by_key(ToString::to_string);
        }
        facts.property(name, &value);
    }
    facts.property("Healthcheck", &image_of["HealthCheck"]);
    let layers = image_of["RootFS"]["Layers"].as_array().map_or(0, Vec::len);
    facts.0.insert("layers".into(), layers.to_string());
    if layers == 0 {
        return Ok(facts);
    }
    let folder = bed.cove(&["image", "mount", image]).ok().to_owned();
    let files = facts.files(&folder);
    bed.cove(&["image", "unmount", image]).ok();
    files?;
    Ok(facts)
}

impl Facts {
    /// Nothing and empty are the same.
    fn property(&mut self, name: &str, value: &Value) {
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !empty {
            let text = match value.as_object() {
                Some(map) => format!("{:?}", map.iter().collect::<BTreeMap<_, _>>()),
                None => value.to_string(),
            };
            self.0.insert(format!("config {name}"), text);
        }
    }

    fn files(&mut self, folder: &str) -> Result<(), String> {
        let mut command = Command::new("find");
        command.current_dir(folder).args([".", "-printf", r"%P\0%y %m %U:%G\0%l\0%T@\0"]);
        let list = Outcome::of(command, b"");
        let day_ago = SystemTime::now() - Duration::from_secs(86400);
        let day_ago = day_ago.duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?.as_secs_f64();
        let mut fields = list.stdout.split('\0');
        while let (Some(path), Some(kind), Some(target), Some(time)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        {
            // Where the peer mounts its own files while a command runs.
            if matches!(path, "etc/hosts" | "etc/hostname" | "etc/resolv.conf") {
                continue;
            }
            // What the build itself made has the time at which it did.
            let time = match time.parse::<f64>() {
                Ok(seconds) if seconds < day_ago => time.split('.').next().unwrap_or_default(),
                _ => "now",
            };
            let mut line = format!("{kind} {time}");
            if !target.is_empty() {
                let _ = write!(line, " -> {target}");
            }
            // The base's files are the same ones; what is small is shown.
            if kind.starts_with('f') && !path.starts_with("bin/") {
                let bytes = cove_sys::fs::read(std::path::Path::new(folder).join(path))
                    .map_err(|error| error.to_string())?;
                match std::str::from_utf8(&bytes) {
                    Ok(text) if text.len() < 200 => write!(line, " {text:?}"),
                    _ => write!(line, " {} bytes, sum {}", bytes.len(), sum(&bytes)),
                }
                .map_err(|error| error.to_string())?;
            }
            self.0.insert(format!("/{path}"), line);
        }
        Ok(())
    }

    /// Leaves a property out.
    pub(super) fn forget(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// What differs from another image, a line each; `None` where nothing does.
    pub(super) fn differences(&self, theirs: &Self) -> Option<String> {
        let keys: std::collections::BTreeSet<_> = self.0.keys().chain(theirs.0.keys()).collect();
        let nothing = String::from("-");
        let lines: Vec<String> = keys
            .into_iter()
            .filter(|key| self.0.get(*key) != theirs.0.get(*key))
            .map(|key| {
                let of = |facts: &Self| facts.0.get(key).unwrap_or(&nothing).clone();
                format!("{key}\n  ours:   {}\n  theirs: {}", of(self), of(theirs))
            })
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Checks lines `KEY: TEXT`, where the text is in what is known of the key; `KEY: -` for what is not there.
    pub(super) fn tell(&self, told: &[String]) -> Result<(), String> {
        for line in told {
            let (key, text) = line.split_once(": ").ok_or_else(|| format!("no key: {line}"))?;
            match self.0.get(key) {
                None if text == "-" => {}
                Some(known) if text != "-" && known.contains(text) => {}
                known => return Err(format!("{line}\n  it is: {known:?}")),
            }
        }
        Ok(())
    }
}

/// FNV-1a: enough to tell two files of a test apart.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
