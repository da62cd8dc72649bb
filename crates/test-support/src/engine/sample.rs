//! Sample objects, in which every field that a renderer may show has a value.

use cove_api::*;

/// A time with a fraction.
pub fn time() -> Timestamp {
    Timestamp::new(1_700_000_000, 123_000_000).unwrap()
}

/// A container as `inspect` gives it.
pub fn container(name: &str, terminal: bool) -> ContainerInspect {
    let mut container = ContainerInspect {
        id: if name == "idle" { name.into() } else { "c".repeat(64) },
        name: name.into(),
        image: "a".repeat(64),
        image_name: "localhost/image:1".into(),
        ..ContainerInspect::default()
    };
    container.config.tty = terminal;
    container.state.status = ContainerState::Running;
    container.state.running = true;
    container
}

/// A row of a list of containers.
pub fn container_row() -> ContainerSummary {
    ContainerSummary {
        id: "c".repeat(64),
        names: vec!["one".into()],
        image: "localhost/image:1".into(),
        image_id: "a".repeat(64),
        command: vec!["sleep".into(), "9".into()],
        created: time(),
        state: ContainerState::Exited,
        exit_code: 3,
        networks: vec!["podman".into()],
        ports: vec![PortMapping {
            host_ip: String::new(),
            container_port: 80,
            host_port: 8080,
            range: 2,
            protocol: "tcp".into(),
        }],
        labels: StringMap::from([("l".into(), "1".into())]),
        size: Some(ContainerSize { root_fs: 10, rw: 2 }),
        details: Some(ContainerDetails {
            network_mode: "bridge".into(),
            networks: [(
                "podman".to_owned(),
                InspectAdditionalNetwork {
                    network_id: "d".repeat(64),
                    ..InspectAdditionalNetwork::default()
                },
            )]
            .into(),
            mounts: vec![InspectMount {
                kind: "volume".into(),
                name: "data".into(),
                destination: "/data".into(),
                rw: true,
                ..InspectMount::default()
            }],
        }),
        ..ContainerSummary::default()
    }
}

/// A row of a list of pods.
pub(crate) fn pod_row() -> PodSummary {
    PodSummary {
        id: "b".repeat(64),
        name: "pod".into(),
        created: time(),
        infra_id: "d".repeat(64),
        status: PodState::Degraded,
        networks: vec!["podman".into()],
        labels: StringMap::from([("l".into(), "1".into())]),
        containers: vec![
            PodSummaryContainer {
                id: "d".repeat(64),
                names: "bbbbbbbbbbbb-infra".into(),
                status: "running".into(),
                restart_count: 0,
            },
            PodSummaryContainer {
                id: "c".repeat(64),
                names: "one".into(),
                status: "exited".into(),
                restart_count: 2,
            },
        ],
        ..PodSummary::default()
    }
}

/// A pod as `inspect` gives it.
pub fn pod(name: &str) -> PodInspect {
    PodInspect {
        id: "b".repeat(64),
        name: name.into(),
        created: time(),
        state: PodState::Degraded,
        shared_namespaces: vec!["ipc".into(), "net".into(), "uts".into()],
        num_containers: 1,
        containers: vec![PodInspectContainer {
            id: "c".repeat(64),
            name: "one".into(),
            state: "exited".into(),
        }],
        infra_config: Some(PodInfraInspect::default()),
        ..PodInspect::default()
    }
}

/// A row of a list of images.
pub fn image_row() -> ImageSummary {
    ImageSummary {
        id: "a".repeat(64),
        repo_tags: vec!["localhost/image:1".into()],
        created: 1_700_000_000,
        size: 42,
        ..ImageSummary::default()
    }
}

/// An artifact.
pub fn artifact() -> Artifact {
    Artifact {
        digest: format!("sha256:{}", "d".repeat(64)),
        name: "quay.io/org/artifact:1".into(),
        manifest: serde_json::json!({"layers": [{"size": 7, "annotations": {"org.opencontainers.image.title": "f"}}]}),
    }
}

/// What a search finds; tags where these are listed.
pub fn found(tags: bool) -> Vec<SearchResult> {
    let result =
        SearchResult { index: "quay.io".into(), name: "quay.io/org/image".into(), ..SearchResult::default() };
    if tags {
        return ["1", "2"].map(|tag| SearchResult { tag: tag.into(), ..result.clone() }).into();
    }
    let text = "An image with a description that no table has room for";
    vec![
        SearchResult { stars: 7, official: "[OK]".into(), description: text.into(), ..result.clone() },
        SearchResult { name: "quay.io/other".into(), ..result },
    ]
}

/// What a registry says about a name.
pub fn distribution() -> Distribution {
    let platform = DistributionPlatform {
        architecture: "arm64".into(),
        os: "linux".into(),
        variant: "v8".into(),
        ..DistributionPlatform::default()
    };
    Distribution {
        descriptor: DistributionDescriptor {
            media_type: "application/vnd.oci.image.index.v1+json".into(),
            digest: format!("sha256:{}", "a".repeat(64)),
            size: 7,
        },
        platforms: vec![platform],
    }
}

/// An image as `inspect` gives it.
pub fn image() -> ImageInspect {
    ImageInspect {
        id: "a".repeat(64),
        created: Some(time()),
        config: ImageConfig { cmd: vec!["sh".into()], ..ImageConfig::default() },
        os: "linux".into(),
        ..ImageInspect::default()
    }
}

/// A session as `inspect` gives it.
pub fn session(id: &str, terminal: bool) -> ExecInspect {
    ExecInspect {
        id: id.into(),
        container_id: "c".repeat(64),
        exit_code: 4,
        open_stdin: id != "quiet",
        open_stdout: true,
        process_config: ExecProcess { tty: terminal, entrypoint: "sh".into(), ..ExecProcess::default() },
        ..ExecInspect::default()
    }
}

/// A volume.
pub fn volume(name: &str) -> Volume {
    Volume {
        name: name.into(),
        mountpoint: "/v".into(),
        created_at: time(),
        anonymous: true,
        ..Volume::default()
    }
}

/// A secret.
pub fn secret(name: &str) -> Secret {
    let driver = SecretDriver { name: "file".into(), options: [("path".into(), "/s".into())].into() };
    Secret {
        id: "0123456789abcdef012345678".into(),
        created_at: time(),
        updated_at: time(),
        spec: SecretSpec { name: name.into(), driver, labels: [("a".into(), "b".into())].into() },
        ..Secret::default()
    }
}

/// A network.
pub fn network(name: &str) -> Network {
    Network {
        name: name.into(),
        id: "e".repeat(64),
        created: time(),
        subnets: vec![Subnet { subnet: "10.9.0.0/24".into(), gateway: "10.9.0.1".into(), lease_range: None }],
        ..Network::default()
    }
}

/// A network as `inspect` gives it.
pub(crate) fn network_inspect(name: &str) -> NetworkInspect {
    let member = NetworkMember { name: "one".into(), ..NetworkMember::default() };
    NetworkInspect { network: network(name), containers: [("c".repeat(64), member)].into() }
}

/// An event.
pub fn event(action: &str) -> Event {
    Event {
        kind: "container".into(),
        action: action.into(),
        actor: EventActor {
            id: "c".repeat(64),
            attributes: [("name".into(), "one".into()), ("containerExitCode".into(), "3".into())].into(),
        },
        scope: "local".into(),
        time: 1_700_000_000,
        time_nano: 1_700_000_000_123_000_000,
    }
}

/// What the engine is.
pub fn version() -> Version {
    Version {
        api_version: "5.0.0".into(),
        version: "0.1.0".into(),
        go_version: String::new(),
        git_commit: "abc".into(),
        built_time: "2026-01-02T03:04:05Z".into(),
        built: 1_767_323_045,
        build_origin: "here".into(),
        os_arch: "linux/amd64".into(),
        os: "linux".into(),
    }
}

/// The disk use of the other samples.
pub fn disk_usage() -> DiskUsage {
    let image = ImageUsage {
        repository: "localhost/image".into(),
        tag: "1".into(),
        id: "a".repeat(64),
        created: time(),
        size: 4_500_000,
        shared_size: 3_000_000,
        unique_size: 1_500_000,
        containers: 1,
    };
    let container = ContainerUsage {
        id: "c".repeat(64),
        image: "a".repeat(64),
        command: vec!["sh".into(), "-c".into(), "true".into()],
        local_volumes: 1,
        size: 4_500_600,
        rw_size: 600,
        created: time(),
        status: "exited".into(),
        names: "one".into(),
    };
    DiskUsage {
        images_size: 6_000_000,
        images: vec![
            image.clone(),
            ImageUsage { tag: "2".into(), ..image.clone() },
            ImageUsage {
                repository: "<none>".into(),
                tag: "<none>".into(),
                id: "b".repeat(64),
                containers: 0,
                ..image
            },
        ],
        containers: vec![container.clone(), ContainerUsage { status: "running".into(), ..container }],
        volumes: vec![
            VolumeUsage { name: "v".into(), links: 1, size: 1000, reclaimable_size: 0 },
            VolumeUsage { name: "w".into(), links: 0, size: 3000, reclaimable_size: 3000 },
        ],
    }
}

/// What pruning everything came to.
pub(crate) fn system_pruned() -> SystemPruneReport {
    let report = |id: &str, size| PruneReport { id: id.repeat(64), size, error: None };
    SystemPruneReport {
        container_prune_reports: vec![report("c", 600)],
        pod_prune_reports: Vec::new(),
        image_prune_reports: vec![report("b", 1_500_000)],
        network_prune_reports: vec![NetworkPruneReport { name: "n".into(), error: None }],
        volume_prune_reports: vec![PruneReport { id: "w".into(), size: 3000, error: None }],
        reclaimed_space: 1_503_600,
    }
}

/// Lines of a log.
pub(crate) fn log_lines() -> Vec<LogLine> {
    let line =
        |stream, data: &'static str, partial| LogLine { time: time(), stream, data: data.into(), partial };
    vec![
        line(OutputStream::Stdout, "one", false),
        line(OutputStream::Stderr, "two ", true),
        line(OutputStream::Stderr, "", false),
    ]
}

/// A line of a log, by its number.
pub fn log_line(number: usize) -> LogLine {
    let data = format!("line {number}").into();
    LogLine { time: time(), stream: OutputStream::Stdout, data, partial: false }
}

/// Progress of a pull.
pub fn progress() -> Vec<Progress<PullReport>> {
    let report = PullReport { images: vec!["a".repeat(64)] };
    steps("Trying to pull image...", report)
}

/// How a push goes on.
pub fn push_progress() -> Vec<Progress<PushReport>> {
    let report = PushReport { manifest_digest: format!("sha256:{}", "e".repeat(64)), manifest_size: 528 };
    steps("Getting image source signatures", report)
}

fn steps<R>(begin: &str, report: R) -> Vec<Progress<R>> {
    vec![
        Progress::Message(begin.into()),
        Progress::Blob(BlobProgress {
            digest: format!("sha256:{}", "d".repeat(64)),
            current: 5,
            total: 10,
            phase: BlobPhase::Copying,
        }),
        Progress::Blob(BlobProgress {
            digest: format!("sha256:{}", "d".repeat(64)),
            current: 10,
            total: 10,
            phase: BlobPhase::Done,
        }),
        Progress::Done(report),
    ]
}

/// What a container uses, in the sample of that number.
pub fn stats(name: &str, number: u64) -> ContainerStats {
    let interface = InterfaceStats { rx_bytes: 1000 * number, tx_bytes: 2000, ..InterfaceStats::default() };
    ContainerStats {
        container_id: "c".repeat(64),
        name: name.to_owned(),
        cpu: 12.5,
        average_cpu: 3.25,
        cpu_ns: 500_000_000 * number,
        cpu_system_ns: 100_000_000,
        system_ns: 1_700_000_000_000_000_000 + 1_000_000_000 * number,
        memory: 10 << 20,
        memory_limit: 1 << 30,
        memory_percent: 0.98,
        network: [("eth0".to_owned(), interface)].into(),
        block_input: 4096,
        block_output: 8192,
        pids: 3,
        up_time: 500_000_000 * number,
        duration: 500_000_000 * number,
        unknown: Vec::new(),
    }
}
