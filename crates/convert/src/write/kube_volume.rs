//! What a container mounts, as volumes of its pod.

use cove_api::{ImageVolume, Mount, NamedVolume};
use serde_json::{Value, json};

use super::kube::{Facts, NO_FIELD};
use super::kube_pod::{Draft, name};
use crate::loss::Of;

/// The mounts of one container.
pub(super) struct Mounts<'a, 'b> {
    pub(super) draft: &'a mut Draft,
    pub(super) mounts: Vec<Value>,
    pub(super) facts: &'a Facts<'b>,
}

impl Mounts<'_, '_> {
    /// Binds and file systems in memory.
    pub(super) fn mount(&mut self, mount: &Mount, made_sources: &[String], lost: &mut Of<'_>) {
        let Mount { destination, kind, source, options } = mount;
        let field = format!("mounts.{destination}");
        match kind.as_str() {
            "bind" => {
                let is_made = made_sources.contains(source);
                let kind = match (is_made, (self.facts.is_file)(source)) {
                    (true, false) => "DirectoryOrCreate",
                    // It is there, so that nothing has to be made.
                    (true, true) | (false, _) => "",
                };
                let mut path = json!({"path": source});
                if !kind.is_empty() {
                    path["type"] = kind.into();
                }
                let name = self.volume(source, "host", json!({"hostPath": path}));
                self.push(&name, destination, "", options, &field, lost);
            }
            "tmpfs" => {
                let name = self.volume(destination, "tmp", json!({"emptyDir": {"medium": "Memory"}}));
                for option in options {
                    lost.lost(&format!("{field}.{option}"), NO_FIELD);
                }
                self.push(&name, destination, "", &[], &field, lost);
            }
            _ => lost.lost(&field, "Kubernetes has no volumes of its type"),
        }
    }

    /// Named and anonymous volumes.
    pub(super) fn named(&mut self, volume: &NamedVolume, lost: &mut Of<'_>) {
        let NamedVolume { name, dest, options, is_anonymous, sub_path } = volume;
        let field = format!("volumes.{dest}");
        let name = if *is_anonymous {
            // One that goes with the pod; a name that a play gave it is not its own.
            let prefix = format!("{}-", self.draft.name);
            let own = name.strip_prefix(&prefix).unwrap_or(name).to_owned();
            let base = if own.is_empty() { dest.clone() } else { own };
            self.volume(&base, if name.is_empty() { "empty" } else { "" }, json!({"emptyDir": {}}))
        } else {
            self.volume(name, "pvc", json!({"persistentVolumeClaim": {"claimName": name}}))
        };
        self.push(&name, dest, sub_path, options, &field, lost);
    }

    /// Images as folders.
    pub(super) fn image(&mut self, volume: &ImageVolume, lost: &mut Of<'_>) {
        let ImageVolume { source, destination, read_write, sub_path } = volume;
        let field = format!("image_volumes.{destination}");
        if *read_write {
            lost.lost(&format!("{field}.ReadWrite"), "images are only read in Kubernetes");
        }
        let name = self.volume(source, "image", json!({"image": {"reference": source}}));
        let sub_path = sub_path.trim_start_matches('/');
        self.push(&name, destination, sub_path, &[], &field, lost);
    }

    /// The name of a volume of the pod with that content, which is added where there is none yet.
    fn volume(&mut self, base: &str, suffix: &str, content: Value) -> String {
        let with = |name: &str| {
            let mut value = json!({"name": name});
            if let (Some(value), Value::Object(content)) = (value.as_object_mut(), content.clone()) {
                value.extend(content);
            }
            value
        };
        let stem = if suffix.is_empty() { name(base) } else { name(&format!("{base}-{suffix}")) };
        let mut called = stem.clone();
        let mut number = 1;
        let is_shared = content.get("emptyDir").is_none() || suffix.is_empty();
        while let Some(known) = self.draft.volumes.iter().find(|known| known["name"] == called.as_str()) {
            if is_shared && *known == with(&called) {
                return called;
            }
            number += 1;
            called = format!("{stem}-{number}");
        }
        self.draft.volumes.push(with(&called));
        called
    }

    fn push(
        &mut self,
        name: &str,
        path: &str,
        sub_path: &str,
        options: &[String],
        field: &str,
        lost: &mut Of<'_>,
    ) {
        let mut value = json!({"name": name, "mountPath": path});
        if !sub_path.is_empty() {
            value["subPath"] = sub_path.into();
        }
        for option in options {
            match option.as_str() {
                "ro" => value["readOnly"] = true.into(),
                "private" => value["mountPropagation"] = "None".into(),
                "rslave" => value["mountPropagation"] = "HostToContainer".into(),
                "rshared" => value["mountPropagation"] = "Bidirectional".into(),
                other => match other.strip_prefix("subpath=") {
                    Some(sub_path) if sub_path.len() < other.len() => value["subPath"] = sub_path.into(),
                    _ => lost.lost(&format!("{field}.{other}"), NO_FIELD),
                },
            }
        }
        self.mounts.push(value);
    }
}
