//! The values of containers.conf where no file says otherwise.

use super::{
    ContainersConf, ContainersSection, DriverSection, EngineSection, MachineSection, NetworkSection,
    SubnetPool,
};
use crate::merge::Text;

/// PATH of a container whose image sets none.
pub(crate) const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl ContainersConf {
    /// The values where no file says otherwise.
    pub fn built_in() -> Self {
        let text = |value: &str| Some(value.to_owned());
        let pool = |base: &str| SubnetPool { base: base.to_owned(), size: 24 };
        Self {
            containers: ContainersSection {
                cgroupns: text("private"),
                cgroups: text("enabled"),
                default_capabilities: Some(cove_api::DEFAULT_CAPABILITIES.into()),
                env: Some([DEFAULT_PATH].into()),
                env_host: Some(false),
                http_proxy: Some(true),
                init: Some(false),
                ipcns: text("shareable"),
                keyring: Some(true),
                log_size_max: Some(-1),
                netns: text("private"),
                no_hosts: Some(false),
                pids_limit: Some(2048),
                pidns: text("private"),
                shm_size: Some(Text("65536k".to_owned())),
                umask: text("0022"),
                utsns: text("private"),
                ..ContainersSection::default()
            },
            engine: EngineSection {
                cdi_spec_dirs: Some(["/etc/cdi", "/var/run/cdi"].into()),
                compat_api_enforce_docker_hub: Some(true),
                compose_providers: Some(
                    [
                        "$HOME/.docker/cli-plugins/docker-compose",
                        "/usr/local/lib/docker/cli-plugins/docker-compose",
                        "/usr/local/libexec/docker/cli-plugins/docker-compose",
                        "/usr/lib/docker/cli-plugins/docker-compose",
                        "/usr/libexec/docker/cli-plugins/docker-compose",
                        "docker-compose",
                        "podman-compose",
                    ]
                    .into(),
                ),
                compose_warning_logs: Some(true),
                chown_copied_files: Some(true),
                compression_format: text("gzip"),
                detach_keys: text("ctrl-p,ctrl-q"),
                events_logfile_max_size: Some(Text("1m".to_owned())),
                exit_command_delay: Some(300),
                healthcheck_events: Some(true),
                helper_binaries_dir: Some(
                    [
                        "$BINDIR/../libexec/cove",
                        "$BINDIR",
                        "/usr/local/libexec/cove",
                        "/usr/libexec/cove",
                        "/usr/local/libexec/podman",
                        "/usr/local/lib/podman",
                        "/usr/libexec/podman",
                        "/usr/lib/podman",
                    ]
                    .into(),
                ),
                hooks_dir: Some(["/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"].into()),
                image_build_format: text("oci"),
                image_default_transport: text("docker://"),
                image_volume_mode: text("bind"),
                pod_exit_policy: text("continue"),
                pull_policy: text("missing"),
                retry: Some(3),
                service_timeout: Some(5),
                stop_timeout: Some(10),
                volume_plugin_timeout: Some(5),
                ..EngineSection::default()
            },
            network: NetworkSection {
                default_network: text("podman"),
                default_rootless_network_cmd: text("pasta"),
                default_subnet: text("10.88.0.0/16"),
                default_subnet_pools: Some(
                    ["10.89.0.0/16", "10.90.0.0/15", "10.92.0.0/14", "10.96.0.0/11", "10.128.0.0/9"]
                        .map(pool)
                        .into(),
                ),
                dns_bind_port: Some(0),
                ..NetworkSection::default()
            },
            machine: MachineSection { rosetta: Some(false), ..MachineSection::default() },
            secrets: DriverSection { driver: text("file"), opts: None },
            ..Self::default()
        }
    }
}
