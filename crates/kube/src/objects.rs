//! The kinds and fields that are supported, named as Kubernetes names them. What is missing here has no effect.

use std::collections::BTreeMap;

use cove_api::StringMap;
use serde::{Deserialize, Serialize};

use crate::yaml::Moot;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Declares objects: each field may be missing, and is left out where it says nothing.
macro_rules! objects {
    ($($(#[$about:meta])* $visibility:vis $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })+) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
            #[serde(default, rename_all = "camelCase")]
            $visibility struct $name {
                $($(#[$attribute])* #[serde(skip_serializing_if = "is_default")] pub(crate) $field: $type,)*
            }
        )+
    };
}

/// Resources and their amounts, by name.
pub(crate) type Amounts = BTreeMap<String, String>;

objects! {
    /// What every object has.
    pub(crate) Metadata {
        name: String,
        labels: StringMap,
        annotations: StringMap,
        creation_timestamp: Option<String>,
    }

    /// A pod, or anything else with a kind, as far as all of them are alike.
    pub(crate) Pod {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: PodSpec,
        status: Moot,
    }

    /// Deployment, DaemonSet and Job: a pod to be made, and how many.
    pub(crate) Controller {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: ControllerSpec,
        status: Moot,
    }

    pub(crate) ControllerSpec {
        replicas: Option<i32>,
        completions: Option<i32>,
        parallelism: Option<i32>,
        selector: Option<Selector>,
        template: PodTemplate,
    }

    pub(crate) Selector {
        match_labels: StringMap,
    }

    /// Pods with numbers, each with volumes of its own.
    pub(crate) StatefulSet {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: StatefulSetSpec,
        status: Moot,
    }

    pub(crate) StatefulSetSpec {
        replicas: Option<i32>,
        ordinals: Option<Ordinals>,
        selector: Option<Selector>,
        service_name: String,
        template: PodTemplate,
        volume_claim_templates: Vec<PersistentVolumeClaim>,
    }

    pub(crate) Ordinals {
        start: i32,
    }

    /// A job at times.
    pub(crate) CronJob {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: CronJobSpec,
        status: Moot,
    }

    pub(crate) CronJobSpec {
        schedule: String,
        time_zone: Moot,
        suspend: Moot,
        job_template: JobTemplate,
    }

    pub(crate) JobTemplate {
        metadata: Metadata,
        spec: ControllerSpec,
    }

    pub(crate) PodTemplate {
        metadata: Metadata,
        spec: PodSpec,
    }

    /// Data for variables and files.
    pub ConfigMap {
        api_version: String,
        kind: String,
        metadata: Metadata,
        data: StringMap,
        binary_data: StringMap,
        immutable: Option<bool>,
    }

    /// Data that is not shown.
    pub Secret {
        api_version: String,
        kind: String,
        metadata: Metadata,
        #[serde(rename = "type")]
        kind_of_secret: String,
        data: StringMap,
        string_data: StringMap,
        immutable: Option<bool>,
    }

    /// A volume.
    pub PersistentVolumeClaim {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: ClaimSpec,
        status: Moot,
    }

    pub(crate) ClaimSpec {
        access_modes: Vec<String>,
        resources: Resources,
        storage_class_name: Option<String>,
    }

    pub(crate) Resources {
        limits: Amounts,
        requests: Amounts,
    }

    pub(crate) PodSpec {
        containers: Vec<Container>,
        #[serde(rename = "dnsConfig")]
        dns_config: Option<DnsConfig>,
        host_aliases: Vec<HostAlias>,
        #[serde(rename = "hostIPC")]
        host_ipc: bool,
        host_network: bool,
        #[serde(rename = "hostPID")]
        host_pid: bool,
        host_users: Option<bool>,
        hostname: String,
        init_containers: Vec<Container>,
        restart_policy: String,
        security_context: Option<PodSecurity>,
        share_process_namespace: Option<bool>,
        termination_grace_period_seconds: Option<i64>,
        volumes: Vec<Volume>,
    }

    pub(crate) HostAlias {
        ip: String,
        hostnames: Vec<String>,
    }

    pub(crate) DnsConfig {
        nameservers: Vec<String>,
        searches: Vec<String>,
        options: Vec<DnsOption>,
    }

    pub(crate) DnsOption {
        name: String,
        value: Option<String>,
    }

    pub(crate) PodSecurity {
        run_as_user: Option<i64>,
        run_as_group: Option<i64>,
        supplemental_groups: Vec<i64>,
        #[serde(rename = "seLinuxOptions")]
        selinux_options: Option<SelinuxOptions>,
        seccomp_profile: Option<SeccompProfile>,
        sysctls: Vec<Sysctl>,
    }

    pub(crate) Sysctl {
        name: String,
        value: String,
    }

    pub(crate) SelinuxOptions {
        user: String,
        role: String,
        #[serde(rename = "type")]
        kind: String,
        level: String,
        /// Not Kubernetes' but Podman's.
        #[serde(rename = "filetype")]
        file_type: String,
    }

    pub(crate) SeccompProfile {
        #[serde(rename = "type")]
        kind: String,
        localhost_profile: String,
    }

    pub(crate) Container {
        name: String,
        image: String,
        image_pull_policy: String,
        command: Vec<String>,
        args: Vec<String>,
        working_dir: String,
        ports: Vec<Port>,
        env_from: Vec<EnvFrom>,
        env: Vec<Env>,
        resources: Resources,
        volume_mounts: Vec<VolumeMount>,
        liveness_probe: Option<Probe>,
        startup_probe: Option<Probe>,
        readiness_probe: Option<IgnoredProbe>,
        lifecycle: Option<Lifecycle>,
        security_context: Option<Security>,
        stdin: bool,
        tty: bool,
    }

    /// A probe that no one here asks about, which init containers must not have.
    pub(crate) IgnoredProbe {
    }

    pub(crate) Lifecycle {
        stop_signal: String,
    }

    pub(crate) Port {
        name: String,
        container_port: i64,
        host_port: i64,
        #[serde(rename = "hostIP")]
        host_ip: String,
        protocol: String,
    }

    pub(crate) EnvFrom {
        prefix: String,
        config_map_ref: Option<Reference>,
        secret_ref: Option<Reference>,
    }

    pub(crate) Reference {
        name: String,
        optional: Option<bool>,
    }

    pub(crate) Env {
        name: String,
        value: String,
        value_from: Option<ValueFrom>,
    }

    pub(crate) ValueFrom {
        config_map_key_ref: Option<KeyReference>,
        secret_key_ref: Option<KeyReference>,
        field_ref: Option<FieldReference>,
        resource_field_ref: Option<ResourceReference>,
    }

    pub(crate) KeyReference {
        name: String,
        key: String,
        optional: Option<bool>,
    }

    pub(crate) FieldReference {
        field_path: String,
        api_version: Moot,
    }

    pub(crate) ResourceReference {
        container_name: Moot,
        resource: String,
        divisor: String,
    }

    pub(crate) VolumeMount {
        name: String,
        mount_path: String,
        mount_propagation: String,
        read_only: bool,
        sub_path: String,
    }

    pub(crate) Probe {
        exec: Option<Exec>,
        http_get: Option<HttpGet>,
        tcp_socket: Option<TcpSocket>,
        initial_delay_seconds: i32,
        period_seconds: i32,
        timeout_seconds: i32,
        failure_threshold: i32,
        success_threshold: i32,
    }

    pub(crate) Exec {
        command: Vec<String>,
    }

    pub(crate) HttpGet {
        host: String,
        path: String,
        port: String,
        scheme: String,
    }

    pub(crate) TcpSocket {
        host: String,
        port: String,
    }

    pub(crate) Security {
        allow_privilege_escalation: Option<bool>,
        capabilities: Option<Capabilities>,
        privileged: Option<bool>,
        proc_mount: String,
        read_only_root_filesystem: Option<bool>,
        run_as_group: Option<i64>,
        run_as_non_root: Option<bool>,
        run_as_user: Option<i64>,
        #[serde(rename = "seLinuxOptions")]
        selinux_options: Option<SelinuxOptions>,
        seccomp_profile: Option<SeccompProfile>,
    }

    pub(crate) Capabilities {
        add: Vec<String>,
        drop: Vec<String>,
    }

    pub(crate) Volume {
        name: String,
        host_path: Option<HostPath>,
        empty_dir: Option<EmptyDir>,
        config_map: Option<ConfigMapVolume>,
        secret: Option<SecretVolume>,
        persistent_volume_claim: Option<ClaimVolume>,
        image: Option<ImageVolume>,
    }

    pub(crate) HostPath {
        path: String,
        #[serde(rename = "type")]
        kind: String,
    }

    pub(crate) EmptyDir {
        medium: String,
    }

    pub(crate) ConfigMapVolume {
        name: String,
        default_mode: Option<i64>,
        items: Vec<Item>,
        optional: Option<bool>,
    }

    pub(crate) SecretVolume {
        secret_name: String,
        default_mode: Option<i64>,
        items: Vec<Item>,
        optional: Option<bool>,
    }

    pub(crate) Item {
        key: String,
        path: String,
    }

    pub(crate) ClaimVolume {
        claim_name: String,
        read_only: bool,
    }

    pub(crate) ImageVolume {
        reference: String,
        pull_policy: String,
    }

    /// Ports by which others reach a pod; only written.
    pub(crate) Service {
        api_version: String,
        kind: String,
        metadata: Metadata,
        spec: ServiceSpec,
    }

    pub(crate) ServiceSpec {
        ports: Vec<ServicePort>,
        selector: StringMap,
        #[serde(rename = "type")]
        kind: String,
    }

    pub(crate) ServicePort {
        name: String,
        node_port: i64,
        port: i64,
        protocol: String,
        target_port: i64,
    }
}

impl Secret {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

impl PersistentVolumeClaim {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

/// A value of base64, without what follows it.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(compact).ok()
}
