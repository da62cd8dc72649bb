//! From what exists to documents, in Podman's form (podman-kube-generate(1)).

mod container;
mod facts;
mod pod;
mod service;
mod volumes;

use cove_api::KubeGenerateOptions;
use serde::Serialize;

pub use facts::{GenerateFacts, GeneratedContainer, GeneratedPod, Objects};

use crate::error::{KubeError, Result, bail};
use crate::objects::{
    Controller, ControllerSpec, Metadata, Pod, PodTemplate, Selector, StatefulSet, StatefulSetSpec,
};
use crate::yaml::to_yaml;

const SHARING: &str = "
# The namespaces that the containers of a pod share are not those of Kubernetes: on a cluster the pod may behave
# otherwise.
";
const VOLUMES: &str = "
# Where SELinux is enabled, what is mounted may need another label before the containers of the pod can use it.
";

/// The text that describes objects: volumes, services, then pods or what makes pods.
///
/// # Errors
/// Something cannot be said in Kubernetes' terms, or the options contradict it.
pub fn generate(
    objects: &Objects,
    facts: &mut GenerateFacts<'_>,
    options: &KubeGenerateOptions,
) -> Result<String> {
    let kind = Kind::of(&options.kind)?;
    if options.replicas > 1 && !matches!(kind, Kind::Deployment | Kind::StatefulSet) {
        bail!("--replicas can only be set when --type is set to deployment or statefulset");
    }
    let mut content = Vec::new();
    let mut made = Vec::new();
    let usual = |pod: &GeneratedPod| {
        ["ipc", "net", "uts"].iter().all(|name| pod.inspect.shared_namespaces.iter().any(|own| own == name))
    };
    if !objects.pods.iter().all(usual) {
        content.push(SHARING.to_owned());
    }
    for volume in &objects.volumes {
        content.push(document(&volumes::claim(volume, facts))?);
    }
    for described in &objects.pods {
        let (pod, ports) = pod::of_pod(described, facts, options)?;
        if options.service {
            content.push(document(&service::of_pod(&pod, &ports, facts))?);
        }
        made.push(kind.document(pod, facts, options)?);
    }
    if !objects.containers.is_empty() {
        let pod = pod::of_containers(&objects.containers, facts, options)?;
        if !pod.spec.volumes.is_empty() {
            content.push(VOLUMES.to_owned());
        }
        if options.service {
            let ports: Vec<_> =
                pod.spec.containers.iter().flat_map(|container| container.ports.clone()).collect();
            content.push(document(&service::of_pod(&pod, &ports, facts))?);
        }
        made.push(kind.document(pod, facts, options)?);
    }
    content.append(&mut made);
    let header = format!(
        "# Made from what runs here; kubectl create -f brings it to Kubernetes.\n#\n# Created with {}\n",
        facts.creator
    );
    Ok(header + &content.join("---\n"))
}

fn document(object: &impl Serialize) -> Result<String> {
    let value = serde_json::to_value(object).map_err(|error| KubeError::new(error.to_string()))?;
    Ok(to_yaml(&value))
}

/// What is made of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pod,
    Deployment,
    DaemonSet,
    StatefulSet,
    Job,
}

impl Kind {
    fn of(text: &str) -> Result<Self> {
        Ok(match text {
            "" | "pod" => Self::Pod,
            "deployment" => Self::Deployment,
            "daemonset" => Self::DaemonSet,
            "statefulset" => Self::StatefulSet,
            "job" => Self::Job,
            "cronjob" => bail!(
                "a CronJob needs a schedule, which nothing that runs here has: generate a job, and make it the jobTemplate of one"
            ),
            other => bail!(
                "invalid generation type - only pods, deployments, jobs, statefulsets, and daemonsets are currently supported: {other}"
            ),
        })
    }

    fn document(
        self,
        mut pod: Pod,
        facts: &GenerateFacts<'_>,
        options: &KubeGenerateOptions,
    ) -> Result<String> {
        let policy = pod.spec.restart_policy.as_str();
        let (name, suffix, version) = match self {
            Self::Pod => return document(&pod),
            Self::Deployment => ("Deployment", "deployment", "apps/v1"),
            Self::DaemonSet => ("DaemonSet", "daemonset", "apps/v1"),
            Self::StatefulSet => ("StatefulSet", "statefulset", "apps/v1"),
            Self::Job => ("Job", "job", "batch/v1"),
        };
        match self {
            Self::Job if policy == "Always" => bail!(
                "k8s Jobs can not have restartPolicy set to Always; only Never and OnFailure policies allowed"
            ),
            Self::Job => pod.spec.restart_policy = "Never".into(),
            _ if !matches!(policy, "" | "Always") => {
                bail!("k8s {name}s can only have restartPolicy set to Always")
            }
            _ => {}
        }
        let app = [("app".to_owned(), pod.metadata.name.clone())];
        pod.metadata.labels.extend(app.clone());
        let one = (self == Self::Job).then_some(1);
        let replicas = (options.replicas > 1).then_some(options.replicas);
        let selector = (self != Self::Job).then(|| Selector { match_labels: app.into() });
        let metadata = Metadata {
            name: format!("{}-{suffix}", pod.metadata.name),
            labels: pod.metadata.labels.clone(),
            creation_timestamp: pod.metadata.creation_timestamp.clone(),
            ..Metadata::default()
        };
        let (api_version, kind) = (version.to_owned(), name.to_owned());
        if self == Self::StatefulSet {
            let spec = StatefulSetSpec {
                replicas,
                selector,
                // That of --service.
                service_name: pod.metadata.name.clone(),
                volume_claim_templates: volumes::templates(&mut pod.spec, facts),
                template: PodTemplate { metadata: pod.metadata, spec: pod.spec },
                ..StatefulSetSpec::default()
            };
            return document(&StatefulSet { api_version, kind, metadata, spec, ..StatefulSet::default() });
        }
        let template = PodTemplate { metadata: pod.metadata, spec: pod.spec };
        let spec = ControllerSpec { replicas, completions: one, parallelism: one, selector, template };
        document(&Controller { api_version, kind, metadata, spec, ..Controller::default() })
    }
}
