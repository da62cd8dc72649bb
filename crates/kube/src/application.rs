//! What a file describes.

use std::cell::RefCell;

use cove_api::{ErrorKind, StringMap};

use crate::error::{KubeError, Result, bail};
use crate::objects::{ConfigMap, PersistentVolumeClaim, Pod, PodSpec, Secret};
use crate::yaml::{Node, Value, documents, from_node};

/// A field or a document that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// Its line.
    pub line: usize,
    /// Its path in its document, or the kind of the document.
    pub path: String,
}

/// A pod that is to run, whatever kind asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// The name of the pod.
    pub name: String,
    /// Labels of the pod.
    pub labels: StringMap,
    /// Annotations of the pod.
    pub annotations: StringMap,
    /// What it is.
    pub(crate) spec: PodSpec,
    /// By which names others find it on its networks, besides those of its containers.
    pub(crate) host_names: Vec<String>,
    /// Its line.
    pub line: usize,
}

/// A CronJob. Nothing here keeps its schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledJob {
    /// Its name.
    pub name: String,
    /// When it would run, as the file says.
    pub schedule: String,
    /// The pod of one run.
    pub workload: Workload,
}

/// Everything that a file describes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Application {
    /// Pods in the order of the file.
    pub workloads: Vec<Workload>,
    /// Data for variables and files.
    pub config_maps: Vec<ConfigMap>,
    /// Secrets to be kept.
    pub secrets: Vec<Secret>,
    /// Volumes to be made.
    pub claims: Vec<PersistentVolumeClaim>,
    /// What would run at times, and runs only where it is chosen.
    pub jobs: Vec<ScheduledJob>,
    /// What has no effect.
    pub unused: Vec<Unused>,
    /// What is done otherwise than the file says.
    pub remarks: Vec<String>,
    /// Volumes of stateful sets, as long as the file is read.
    pub(crate) claims_of_sets: Vec<PersistentVolumeClaim>,
}

/// A document's kind and version.
pub(crate) struct Header<'a> {
    pub(crate) kind: &'a str,
    pub(crate) node: &'a Node,
}

impl Application {
    /// Reads all documents of a text. Kinds that mean nothing here are among what has no effect.
    ///
    /// # Errors
    /// It is no YAML, exceeds a bound, or a field is not what it should be; with line and field.
    pub fn parse(text: &str) -> Result<Self> {
        let documents = documents(text)?;
        let mut application = Self::default();
        for node in &documents {
            for node in unlisted(node)? {
                application.add(node)?;
            }
        }
        application.add_claims_of_sets();
        application.unique()?;
        Ok(application)
    }

    /// The config maps of a file that may have nothing else.
    ///
    /// # Errors
    /// As [`Application::parse`], or there is another kind in it.
    pub fn parse_config_maps(text: &str) -> Result<Self> {
        for node in &documents(text)? {
            for node in unlisted(node)? {
                let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
                if kind != "ConfigMap" {
                    return Err(KubeError::new(format!(
                        "invalid YAML kind: {kind:?}. [ConfigMap] is the only supported by --configmap"
                    ))
                    .at(node.line, || "kind".into()));
                }
            }
        }
        Self::parse(text)
    }

    /// Refuses a text that describes nothing to be made.
    ///
    /// # Errors
    /// There is no pod, no secret and no volume in it.
    pub fn check_playable(&self) -> Result<()> {
        if !self.workloads.is_empty() || !self.secrets.is_empty() || !self.claims.is_empty() {
            return Ok(());
        }
        if let Some(job) = self.jobs.first() {
            let message = format!("the file describes nothing that runs by itself: {}", job.told());
            return Err(KubeError { kind: ErrorKind::Unsupported, ..KubeError::new(message) }
                .at(job.workload.line, String::new));
        }
        if self.config_maps.is_empty() {
            bail!("YAML document does not contain any supported kube kind");
        }
        bail!("ConfigMaps in podman are not a standalone object and must be used in a container")
    }

    /// The names of its config maps.
    pub fn config_map_names(&self) -> impl Iterator<Item = &str> {
        self.config_maps.iter().map(|map| map.metadata.name.as_str())
    }

    fn add(&mut self, node: &Node) -> Result<()> {
        let header = Header { kind: node.get("kind").and_then(Node::text).unwrap_or_default(), node };
        match header.kind {
            "Pod" => {
                let pod: Pod = self.read(&header)?;
                named(node, &pod.metadata.name, "pod does not have a name")?;
                self.workloads.push(Workload {
                    name: pod.metadata.name,
                    labels: pod.metadata.labels,
                    annotations: pod.metadata.annotations,
                    spec: pod.spec,
                    host_names: Vec::new(),
                    line: node.line,
                });
            }
            "Deployment" | "DaemonSet" | "Job" => self.add_controller(&header)?,
            "StatefulSet" => self.add_stateful_set(&header)?,
            "CronJob" => self.add_cron_job(&header)?,
            "ConfigMap" => {
                let map: ConfigMap = self.read(&header)?;
                named(node, &map.metadata.name, "the ConfigMap does not have a name")?;
                self.config_maps.push(map);
            }
            "Secret" => {
                let secret: Secret = self.read(&header)?;
                named(node, &secret.metadata.name, "the Secret does not have a name")?;
                self.secrets.push(secret);
            }
            "PersistentVolumeClaim" => {
                let claim: PersistentVolumeClaim = self.read(&header)?;
                let name = claim.metadata.name.trim();
                named(node, name, "persistent volume claim name can not be empty")?;
                self.claims.push(claim);
            }
            "" => return Err(KubeError::new("a document without a kind").at(node.line, || "kind".into())),
            other => self.unused.push(Unused { line: node.line, path: format!("kind {other}") }),
        }
        Ok(())
    }

    pub(crate) fn read<'de, T: serde::Deserialize<'de>>(&mut self, header: &Header<'de>) -> Result<T> {
        let unused = RefCell::new(Vec::new());
        let read = from_node(header.node, &unused)
            .map_err(|error| error.context(format!("unable to read YAML as Kube {}", header.kind)))?;
        self.unused.append(&mut unused.into_inner());
        Ok(read)
    }

    /// All pods, with those of jobs whether they run or not.
    pub fn pods(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.iter().chain(self.jobs.iter().map(|job| &job.workload))
    }

    /// All that it describes: kinds and names.
    pub fn objects(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pods = self.pods().map(|workload| ("pod", workload.name.as_str()));
        let maps = self.config_maps.iter().map(|map| ("ConfigMap", map.metadata.name.as_str()));
        let secrets = self.secrets.iter().map(|secret| ("Secret", secret.metadata.name.as_str()));
        let claims = self.claims.iter().map(|claim| ("PersistentVolumeClaim", claim.metadata.name.as_str()));
        pods.chain(maps).chain(secrets).chain(claims)
    }

    /// Refuses two objects of a name, of which one would be lost.
    fn unique(&self) -> Result<()> {
        let mut names = std::collections::BTreeSet::new();
        for (kind, name) in self.objects() {
            if !names.insert((kind, name)) {
                bail!("the {kind} {name:?} is there twice");
            }
        }
        Ok(())
    }
}

/// The documents of a `List`, or the document itself.
fn unlisted(node: &Node) -> Result<Vec<&Node>> {
    if !matches!(node.value, Value::Map(_)) {
        return Err(KubeError::new("a document must be a map").at(node.line, String::new));
    }
    if node.get("kind").and_then(Node::text) != Some("List") {
        return Ok(vec![node]);
    }
    match node.get("items").map(|items| (&items.value, items)) {
        None => Ok(Vec::new()),
        Some((Value::List(items), _)) => {
            for item in items {
                if !matches!(item.value, Value::Map(_)) {
                    return Err(KubeError::new("a document must be a map").at(item.line, || "items".into()));
                }
            }
            Ok(items.iter().collect())
        }
        Some((_, items)) if items.is_empty() => Ok(Vec::new()),
        Some((_, items)) => Err(KubeError::new("a list is expected").at(items.line, || "items".into())),
    }
}

pub(crate) fn named(node: &Node, name: &str, missing: &str) -> Result<()> {
    if name.is_empty() {
        return Err(KubeError::new(missing).at(node.line, || "metadata.name".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let application = Application::parse(
            "kind: ConfigMap\nmetadata: {name: m}\ndata: {a: 1}\n---\nkind: Secret\nmetadata: {name: s}\n---\n\
             kind: PersistentVolumeClaim\nmetadata: {name: v}\nspec: {accessModes: [ReadWriteOnce], volumeMode: x}\n---\n\
             kind: Pod\nmetadata: {name: p}\nstatus: {a: 1}\n---\n\
             kind: Deployment\nmetadata: {name: d, annotations: {a: 1}}\nspec:\n  replicas: 3\n  template:\n    \
             metadata: {annotations: {a: 2, b: 3}}\n---\n\
             kind: List\nitems:\n- kind: Job\n  metadata: {name: j}\n- kind: DaemonSet\n  metadata: {name: e}\n---\n\
             kind: Service\nmetadata: {name: x}\n",
        )
        .unwrap();
        let names: Vec<&str> = application.workloads.iter().map(|workload| workload.name.as_str()).collect();
        assert_eq!(names, ["p", "d-pod", "j-pod", "e-pod"]);
        let annotations: Vec<_> = application.workloads[1].annotations.iter().collect();
        assert_eq!(annotations.len(), 2);
        assert_eq!(application.workloads[1].annotations["a"], "1");
        assert_eq!(
            (application.config_maps.len(), application.secrets.len(), application.claims.len()),
            (1, 1, 1)
        );
        let unused: Vec<&str> = application.unused.iter().map(|unused| unused.path.as_str()).collect();
        assert_eq!(unused, ["spec.volumeMode", "kind Service"]);
        assert_eq!(application.remarks.len(), 1);
    }

    #[test]
    fn wrong_documents() {
        for (text, expected) in [
            ("kind: Pod\n", "line 1: metadata.name: pod does not have a name"),
            ("a: 1\n", "line 1: kind: a document without a kind"),
            ("- a\n", "line 1: a document must be a map"),
            ("kind: List\nitems: [a]\n", "line 2: items: a document must be a map"),
            (
                "kind: Pod\nmetadata: {name: a}\n---\nkind: Pod\nmetadata: {name: a}\n",
                "the pod \"a\" is there twice",
            ),
            (
                "kind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: [x]\n",
                "line 5: spec.containers[0].name: unable to read YAML as Kube Pod: a list where a text is expected",
            ),
        ] {
            assert_eq!(Application::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
        let only = |text| Application::parse(text).unwrap().check_playable().unwrap_err().to_string();
        assert!(only("kind: Service\n").contains("any supported kube kind"));
        assert!(only("").contains("any supported kube kind"));
        assert!(only("kind: ConfigMap\nmetadata: {name: a}\n").contains("standalone object"));
        let error = Application::parse_config_maps("kind: Pod\n").unwrap_err().to_string();
        assert_eq!(
            error,
            "line 1: kind: invalid YAML kind: \"Pod\". [ConfigMap] is the only supported by --configmap"
        );
    }
}
