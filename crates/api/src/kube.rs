//! Kubernetes YAML: playing, taking down, and generating it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::NotDone;
use crate::{PodRemoveReport, PodReport, RegistryAccess, SecretCreateReport, StringMap};

/// Options of `play`. JSON: libpod's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[allow(
    missing_docs,
    reason = "fields are named after the flags of podman-kube-play(1), which documents them"
)]
pub struct KubePlayOptions {
    /// Further annotations of pods and volumes.
    pub annotations: StringMap,
    pub log_driver: String,
    pub log_options: Vec<String>,
    /// As `--network`, for every pod.
    pub network: Vec<String>,
    pub no_hostname: bool,
    pub no_hosts: bool,
    pub no_pod_prefix: bool,
    /// Annotations are never shortened, so this asks for nothing.
    pub no_trunc: bool,
    pub publish_all_ports: bool,
    pub publish_ports: Vec<String>,
    /// Pods of the same names are removed first.
    pub replace: bool,
    pub start: bool,
    /// Addresses of the pods, in their order.
    #[serde(rename = "staticIPs")]
    pub static_ips: Vec<String>,
    /// Hardware addresses of the pods, likewise.
    #[serde(rename = "staticMACs")]
    pub static_macs: Vec<String>,
    pub userns: String,
    pub service_container: NotDone<bool>,
    /// Whether images are built for which an archive has a folder: without it those that are missing.
    pub build: Option<bool>,
    /// Images that are taken as they are in the store: who asks has just built them. Cove's own.
    pub built: Vec<String>,
    /// CronJobs whose job is run, once; the others are not. Cove's own.
    pub jobs: Vec<String>,
    pub wait: NotDone<bool>,
    /// Where images come from.
    #[serde(skip)]
    pub access: RegistryAccess,
    /// The folder that relative paths in the text start from (local engine only).
    #[serde(skip)]
    pub folder: Option<String>,
    /// The folder of seccomp profiles that the text names (local engine only).
    #[serde(skip)]
    pub seccomp_profile_root: Option<String>,
}

impl Default for KubePlayOptions {
    fn default() -> Self {
        Self {
            annotations: StringMap::new(),
            log_driver: String::new(),
            log_options: Vec::new(),
            network: Vec::new(),
            no_hostname: false,
            no_hosts: false,
            no_pod_prefix: false,
            no_trunc: false,
            publish_all_ports: false,
            publish_ports: Vec::new(),
            replace: false,
            start: true,
            static_ips: Vec::new(),
            static_macs: Vec::new(),
            userns: String::new(),
            service_container: NotDone::default(),
            build: None,
            built: Vec::new(),
            jobs: Vec::new(),
            wait: NotDone::default(),
            access: RegistryAccess::default(),
            folder: None,
            seccomp_profile_root: None,
        }
    }
}

/// Options of `down`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KubeDownOptions {
    /// Also the volumes.
    pub force: bool,
}

/// What `play` made, or `down` took away. JSON: libpod's `PlayKubeReport`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct KubeReport {
    /// Pods that were made.
    pub pods: Vec<KubePod>,
    /// Volumes that were made.
    pub volumes: Vec<KubeVolume>,
    /// Secrets that were made.
    pub secrets: Vec<KubeSecret>,
    /// Pods that were stopped.
    pub stop_report: Vec<PodReport>,
    /// Pods that were removed.
    pub rm_report: Vec<PodRemoveReport>,
    /// Volumes that were removed.
    pub volume_rm_report: Vec<KubeVolumeRemoved>,
    /// Secrets that were removed.
    pub secret_rm_report: Vec<KubeSecretRemoved>,
    /// The container whose life says how the pods fare; there is none.
    #[serde(rename = "ServiceContainerID")]
    pub service_container_id: String,
    /// What the command is to end with.
    pub exit_code: Option<i32>,
}

/// A pod that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct KubePod {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// The ids of its containers.
    pub containers: Vec<String>,
    /// The ids of those that prepare it.
    pub init_containers: Vec<String>,
    /// Lines for people.
    pub logs: Vec<String>,
    /// Why containers did not start.
    pub container_errors: Vec<String>,
}

/// A volume that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct KubeVolume {
    /// Its name.
    pub name: String,
}

/// A secret that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct KubeSecret {
    /// Its id.
    pub create_report: SecretCreateReport,
}

/// What became of a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct KubeVolumeRemoved {
    /// Why it is still there.
    pub err: Option<String>,
    /// Its name.
    pub id: String,
}

/// What became of a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "PascalCase")]
pub struct KubeSecretRemoved {
    /// Why it is still there.
    pub err: Option<String>,
    /// Its name.
    #[serde(rename = "ID")]
    pub id: String,
}

/// Options of `generate`. JSON: libpod's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeGenerateOptions {
    /// Also a service for each pod.
    pub service: bool,
    /// `pod`, `deployment`, `daemonset`, `statefulset` or `job`; empty is the configured one.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many pods a deployment or stateful set is to have; 0 and 1 are one.
    pub replicas: i32,
    /// Annotations are never shortened, so this asks for nothing.
    pub no_trunc: bool,
    /// With the annotations that mean something to the engine alone.
    pub podman_only: bool,
}

/// Options of `apply`. JSON: libpod's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KubeApplyOptions {
    /// The kubeconfig, a file of the engine's host; needed.
    pub kubeconfig: String,
    /// The namespace, in place of the kubeconfig's.
    pub namespace: String,
    /// A file of the engine's host with the authorities that are believed, or `insecure`.
    #[serde(rename = "caCertFile")]
    pub ca_cert_file: String,
    /// What is applied is the body: who asks generates it.
    pub service: NotDone<bool>,
    /// What is applied is the body.
    pub file: NotDone<String>,
}
