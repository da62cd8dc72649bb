//! Kubernetes YAML: a claim for each volume, a pod for each pod and for each container that is in none.

use cove_api::{PodSpec, VolumeCreateOptions};
use cove_kube::to_yaml;
use serde_json::{Map, Value, json};

use super::kube_container::{self, container};
use super::kube_pod::{self, Draft};
use crate::loss::{Losses, Of};
use crate::model::{Application, Condition, Container, Volume};

/// What Kubernetes has no field for.
pub(super) const NO_FIELD: &str = "Kubernetes YAML has no field for it";
/// The prefix of annotations by which `kube play` makes volumes.
const OF_VOLUMES: &str = "volume.podman.io";

/// What a text depends on besides the application.
pub struct Facts<'a> {
    /// Whether a path of the host is there and is no folder.
    pub is_file: &'a dyn Fn(&str) -> bool,
}

impl std::fmt::Debug for Facts<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Facts").finish_non_exhaustive()
    }
}

/// The documents as `cove kube play` reads them.
pub fn kube(application: &Application, facts: &Facts<'_>, losses: &mut Losses) -> String {
    let Application { name: _, containers, pods, networks: _, volumes } = application;
    networks(application, losses);
    let mut documents = Vec::new();
    for volume in volumes {
        let lost = &mut losses.of(format!("volume {}", volume.key));
        documents.extend(claim(volume, lost));
    }
    for pod in pods {
        documents.push(of_pod(application, pod, facts, losses));
    }
    for alone in super::run::in_order(containers) {
        if !pods.iter().any(|pod| pod.name == alone.spec.pod) {
            documents.push(of_container(application, alone, facts, losses));
        }
    }
    documents.iter().map(to_yaml).collect::<Vec<_>>().join("---\n")
}

/// Networks: pods reach each other anyway, which is all that one network without any wishes gives.
fn networks(application: &Application, losses: &mut Losses) {
    let is_plain = |network: &crate::model::Network| {
        let plain = cove_api::Network { name: network.network.name.clone(), ..cove_api::Network::default() };
        let own = &network.network;
        let own = cove_api::Network { dns_enabled: false, ..own.clone() };
        !network.is_external && own == plain
    };
    let is_only = application.networks.len() == 1;
    for network in &application.networks {
        if !is_only || !is_plain(network) {
            losses
                .of(format!("network {}", network.key))
                .lost("network", "pods are on one network, or on that of kube play --network NAME");
        }
    }
}

fn claim(volume: &Volume, lost: &mut Of<'_>) -> Option<Value> {
    let VolumeCreateOptions { name, driver, labels, options, uid, gid, ignore_if_exists: _ } =
        &volume.options;
    if volume.is_external {
        return None;
    }
    let mut annotations = Map::new();
    let mut note = |key: &str, value: String| annotations.insert(format!("{OF_VOLUMES}/{key}"), value.into());
    if !driver.is_empty() {
        note("driver", driver.clone());
    }
    for (key, value) in options {
        match key.as_str() {
            "o" => drop(note("mount-options", value.clone())),
            "device" | "type" | "image" => drop(note(key, value.clone())),
            _ => lost.lost(&format!("Options.{key}"), NO_FIELD),
        }
    }
    for (key, id) in [("uid", uid), ("gid", gid)] {
        if let Some(id) = id {
            note(key, id.to_string());
        }
    }
    let mut metadata = json!({"name": name});
    if !labels.is_empty() {
        metadata["labels"] = json!(labels);
    }
    if !annotations.is_empty() {
        metadata["annotations"] = Value::Object(annotations);
    }
    Some(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }))
}

fn of_container(
    application: &Application,
    alone: &Container,
    facts: &Facts<'_>,
    losses: &mut Losses,
) -> Value {
    let lost = &mut losses.of(alone.object());
    lost.given("pod", &alone.spec.pod, "the pod is not part of what is converted");
    waits(alone, lost);
    let wanted = if alone.is_named { alone.spec.name.as_str() } else { alone.key.as_str() };
    let name = kube_pod::name(wanted);
    if name != wanted {
        lost.lost("name", &format!("Kubernetes takes no such name: the pod is {name}"));
    }
    let mut draft = Draft { name, ..Draft::default() };
    kube_pod::of_spec(application, alone, &mut draft, lost);
    draft.labels.clone_from(&alone.spec.labels);
    kube_pod::check_labels(&alone.spec.labels, lost);
    let made = container(alone, &mut draft, true, facts, lost);
    draft.containers.push(made);
    draft.document()
}

fn of_pod(application: &Application, pod: &PodSpec, facts: &Facts<'_>, losses: &mut Losses) -> Value {
    let mut draft = Draft { name: kube_pod::name(&pod.name), ..Draft::default() };
    {
        let lost = &mut losses.of(format!("pod {}", pod.name));
        if draft.name != pod.name {
            lost.lost("name", &format!("Kubernetes takes no such name: the pod is {}", draft.name));
        }
        let members = application.members(&pod.name);
        let names: Vec<String> = members.map(|member| kube_container::inner_name(member, &draft)).collect();
        kube_pod::of_pod(pod, &names, &mut draft, lost);
        kube_pod::check_labels(&pod.labels, lost);
        draft.labels.clone_from(&pod.labels);
    }
    for member in application.members(&pod.name) {
        let lost = &mut losses.of(member.object());
        waits(member, lost);
        for (key, value) in &member.spec.labels {
            if draft.labels.get(key) != Some(value) {
                lost.lost(&format!("labels.{key}"), "labels are those of the pod");
            }
        }
        kube_pod::restart_policy(&member.spec.restart_policy, &mut draft, lost);
        let made = container(member, &mut draft, false, facts, lost);
        if member.spec.init_container_type.is_empty() {
            draft.containers.push(made);
        } else {
            draft.first.push(made);
        }
    }
    if draft.containers.is_empty() && draft.first.is_empty() {
        losses.of(format!("pod {}", pod.name)).lost("containers", "it has none");
    }
    draft.document()
}

fn waits(container: &Container, lost: &mut Of<'_>) {
    for after in &container.after {
        if after.condition != Condition::Started {
            lost.lost(
                &format!("depends_on.{}.condition", after.key),
                "pods start one after the other without waiting",
            );
        }
    }
}
