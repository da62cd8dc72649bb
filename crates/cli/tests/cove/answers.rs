//! What the scripted engine has: containers, images, volumes and networks, with plain and with hostile names.

use serde_json::{Value, json};

use crate::service::Answers;

/// Seconds since the epoch, so long ago. A bit more, so that the test may take its time.
pub(crate) fn ago(seconds: i64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() - seconds - 5
}

/// As JSON has it.
pub(crate) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

const WEB: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const JOB: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const POD: &str = "bbbb456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const IMAGE: &str = "aaaa456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What a usual engine has.
pub(crate) fn usual() -> Answers {
    Answers::from([
        ("/containers/json", containers()),
        ("/containers/web/json", container()),
        (
            "/containers/web/top",
            json!({"Titles": ["USER", "PID", "COMMAND"], "Processes": [["root", "1", "nginx"], ["www", "7", "worker"]]}),
        ),
        ("/containers/web/changes", changes()),
        ("/containers/web/exists", Value::Null),
        ("/commit", json!({"Id": IMAGE})),
        ("/images/json", images()),
        ("/images/web/history", history()),
        ("/images/search", found()),
        ("/artifacts/json", json!([artifact()])),
        ("/artifacts/quay.io%2Forg%2Ffiles%3A1/json", artifact()),
        ("/images/nginx/explain", explained()),
        ("/volumes/json", json!([volume("data"), volume("logs")])),
        ("/volumes/data/json", volume("data")),
        ("/networks/json", json!([network("front", false), network("podman", true)])),
        ("/networks/front/json", network("front", false)),
        ("/system/df", usage()),
        ("/system/prune", pruned()),
        ("/pods/json", pods()),
        ("/pods/stats", pod_stats()),
        ("/info", info()),
        ("/version", version()),
        ("/_ping", json!("OK")),
    ])
}

fn explained() -> Value {
    json!({
        "Name": "nginx", "LocalId": IMAGE, "LocalName": "docker.io/library/nginx:latest",
        "Resolution": "Resolving \"nginx\" using unqualified-search registries", "Platform": "linux/amd64",
        "PolicyFile": "/etc/containers/policy.json",
        "Candidates": [
            {"Reference": "bad.example/nginx:latest", "Refused": "registries.conf: it is blocked"},
            {
                "Reference": "docker.io/library/nginx:latest", "Asked": true, "IsList": true, "Layers": 7,
                "Places": [
                    {"Reference": "localhost:5000/nginx:latest", "Mirror": true, "Insecure": true},
                    {"Reference": "docker.io/library/nginx:latest"}
                ],
                "Answered": "localhost:5000/nginx:latest", "Digest": "sha256:1", "ImageDigest": "sha256:2",
                "ImageId": IMAGE, "Size": 70_000_000
            },
            {"Reference": "quay.io/nginx:latest", "Places": [{"Reference": "quay.io/nginx:latest"}]}
        ]
    })
}

fn artifact() -> Value {
    let file = |title: &str, size: u64| {
        json!({
            "mediaType": "text/plain", "digest": format!("sha256:{IMAGE}"), "size": size,
            "annotations": {"org.opencontainers.image.title": title}
        })
    };
    json!({
        "Digest": format!("sha256:{IMAGE}"),
        "Name": "quay.io/org/files:1",
        "Manifest": {
            "schemaVersion": 2,
            "layers": [file("a.txt", 1_200_000), file("b.txt", 34_000)],
            "annotations": {"org.opencontainers.image.created": time(ago(7_200))}
        }
    })
}

fn found() -> Value {
    let row = |name: &str, description: &str, tag: &str| {
        json!({
            "Index": "docker.io", "Name": name, "Description": description, "Stars": 12, "Official": "[OK]",
            "Automated": "", "Tag": tag
        })
    };
    json!([
        row(
            "docker.io/library/nginx",
            "The official build of nginx,\nwhich has a description that goes on",
            "1"
        ),
        row("docker.io/library/nginx", "", "2"),
        row("docker.io/me/nginx", "Mine", "1"),
    ])
}

fn usage() -> Value {
    let image = |repository: &str, tag: &str, containers: u32| {
        json!({
            "Repository": repository, "Tag": tag, "ImageID": IMAGE, "Created": time(ago(86_400 * 30)), "Size": 12_345_678,
            "SharedSize": 12_000_000, "UniqueSize": 345_678, "Containers": containers
        })
    };
    json!({
        "ImagesSize": 12_345_678,
        "Images": [image("docker.io/library/nginx", "latest", 2), image("<none>", "<none>", 0)],
        "Containers": [
            {
                "ContainerID": WEB, "Image": IMAGE, "Command": ["nginx", "-g", "daemon off;"], "LocalVolumes": 1,
                "Size": 12_347_726, "RWSize": 2048, "Created": time(ago(7200)), "Status": "running", "Names": "web"
            },
            {
                "ContainerID": JOB, "Image": IMAGE, "Command": null, "LocalVolumes": 0, "Size": 12_346_678,
                "RWSize": 1000, "Created": time(ago(86_400 * 3)), "Status": "exited", "Names": "job"
            }
        ],
        "Volumes": [
            {"VolumeName": "data", "Links": 1, "Size": 1_000_000, "ReclaimableSize": 0},
            {"VolumeName": "logs", "Links": 0, "Size": 3_000_000, "ReclaimableSize": 3_000_000}
        ]
    })
}

fn pruned() -> Value {
    json!({
        "PodPruneReport": null,
        "ContainerPruneReports": [{"Id": JOB, "Size": 1000}],
        "ImagePruneReports": [{"Id": IMAGE, "Size": 5000}, {"Id": WEB, "Err": "image is in use", "Size": 0}],
        "NetworkPruneReports": [{"Name": "front"}],
        "VolumePruneReports": [{"Id": "logs", "Size": 3_000_000}],
        "ReclaimedSpace": 3_006_000
    })
}

fn changes() -> Value {
    json!([
        {"Path": "/etc", "Kind": 0},
        {"Path": "/etc/new", "Kind": 1},
        {"Path": "/etc/old", "Kind": 2}
    ])
}

fn containers() -> Value {
    json!([
        {
            "Id": WEB, "Names": ["web"], "Image": "docker.io/library/nginx:latest", "ImageID": IMAGE,
            "Command": ["nginx", "-g", "daemon off;"], "Created": time(ago(7200)), "StartedAt": ago(180),
            "State": "running", "Labels": {"tier": "front", "app": "shop"}, "Networks": ["front"], "Pid": 4711,
            "Ports": [
                {"host_ip": "127.0.0.1", "host_port": 8080, "container_port": 80, "range": 1, "protocol": "tcp"},
                {"host_ip": "", "host_port": 9000, "container_port": 9000, "range": 3, "protocol": "udp"}
            ],
            "Size": {"rootFsSize": 12_345_678, "rwSize": 2048}
        },
        {
            "Id": JOB, "Names": ["job"], "Image": "localhost/job:1", "ImageID": IMAGE, "Command": ["sh", "-c", "exit 3"],
            "Created": time(ago(86_400 * 3)), "StartedAt": ago(86_400 * 3), "ExitedAt": ago(86_400 * 2), "Exited": true,
            "ExitCode": 3, "State": "exited", "Ports": [], "Size": {"rootFsSize": 1_000_000, "rwSize": 0}
        }
    ])
}

fn pods() -> Value {
    json!([
        {
            "Id": POD, "Name": "shop", "Created": time(ago(7200)), "InfraId": JOB, "Status": "Degraded",
            "Cgroup": "/cove_parent", "Labels": {"tier": "front", "app": "shop"}, "Networks": ["front"],
            "Containers": [
                {"Id": JOB, "Names": "bbbb456789ab-infra", "Status": "running", "RestartCount": 0},
                {"Id": WEB, "Names": "web", "Status": "exited", "RestartCount": 2}
            ]
        },
        {
            "Id": WEB, "Name": "empty", "Created": time(ago(86_400 * 3)), "InfraId": "", "Status": "Created", "Labels": null,
            "Networks": null, "Containers": []
        }
    ])
}

fn pod_stats() -> Value {
    json!([{
        "Pod": "bbbb456789ab", "CID": "0123456789ab", "Name": "web", "CPU": "1.25%", "MemUsage": "8.297MB / 67.43GB",
        "MemUsageBytes": "7.913MiB / 62.8GiB", "Mem": "0.01%", "NetIO": "1.5kB / 900B", "BlockIO": "-- / --", "PIDS": "2"
    }])
}

fn container() -> Value {
    json!({
        "Id": WEB, "Name": "web", "Created": "2026-01-02T03:04:05Z", "Image": IMAGE, "ImageName": "docker.io/library/nginx:latest",
        "State": {"Status": "running", "Running": true, "Pid": 4711, "StartedAt": "2026-01-02T03:04:06Z"},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "90/tcp": [{"HostIp": "::1", "HostPort": "9090"}]}}
    })
}

fn images() -> Value {
    json!([
        {
            "Id": IMAGE, "RepoTags": ["docker.io/library/nginx:latest", "localhost/web:2"], "Created": ago(86_400 * 40),
            "Size": 187_654_321, "Digest": format!("sha256:{IMAGE}"), "Names": ["docker.io/library/nginx:latest"],
            "Arch": "amd64", "Os": "linux"
        },
        {"Id": JOB, "RepoTags": null, "Created": ago(60), "Size": 1_020, "Digest": format!("sha256:{JOB}"), "Dangling": true}
    ])
}

fn history() -> Value {
    json!([
        {"Id": format!("sha256:{IMAGE}"), "Created": ago(3600), "CreatedBy": "/bin/sh -c #(nop)  CMD [\"nginx\" \"-g\" \"daemon off;\"]", "Tags": ["localhost/web:2"], "Size": 0, "Comment": "buildkit"},
        {"Id": "<missing>", "Created": ago(86_400 * 400), "CreatedBy": "COPY . /", "Tags": null, "Size": 4_500_000, "Comment": ""}
    ])
}

fn volume(name: &str) -> Value {
    json!({
        "Name": name, "Driver": "local", "Mountpoint": format!("/var/lib/containers/storage/volumes/{name}/_data"),
        "CreatedAt": "2026-01-02T03:04:05Z", "Labels": {"app": "shop"}, "Scope": "local", "Options": {}
    })
}

fn network(name: &str, internal: bool) -> Value {
    json!({
        "name": name, "id": WEB, "driver": "bridge", "network_interface": "podman1", "created": "2026-01-02T03:04:05Z",
        "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}], "ipv6_enabled": false, "internal": internal,
        "dns_enabled": true, "ipam_options": {"driver": "host-local"}
    })
}

fn info() -> Value {
    json!({
        "host": {"arch": "amd64", "cpus": 8, "memTotal": 16_000_000_000_i64, "security": {"rootless": true}},
        "store": {"graphDriverName": "overlay", "containerStore": {"number": 2, "running": 1}},
        "registries": {}, "version": {"Version": "9.9.9"}
    })
}

fn version() -> Value {
    json!({
        "Version": "9.9.9", "ApiVersion": "1.41", "MinAPIVersion": "1.24", "GitCommit": "abcdef", "GoVersion": "rustc 1.95",
        "Os": "linux", "Arch": "amd64", "KernelVersion": "6.1", "BuildTime": "2026-01-02T03:04:05Z",
        "Components": [{"Name": "Podman Engine", "Version": "9.9.9", "Details": {
            "APIVersion": "5.0.0", "Arch": "amd64", "BuildTime": "2026-01-02T03:04:05Z", "GitCommit": "abcdef",
            "GoVersion": "rustc 1.95", "KernelVersion": "6.1", "MinAPIVersion": "4.0.0", "Os": "linux"
        }}]
    })
}

/// Names that act on a terminal, forge lines and hide what they are.
pub(crate) const HOSTILE: &str =
    "no\u{1b}]0;title\u{7}\u{1b}[2Jne\nError: forged\r\u{9b}31m\u{202e}gpj\u{200b}";

/// Everything has a hostile name.
pub(crate) fn hostile() -> Answers {
    let id = WEB;
    Answers::from([
        (
            "/containers/json",
            json!([{
                "Id": id, "Names": [HOSTILE], "Image": HOSTILE, "Command": [HOSTILE], "Created": time(ago(60)),
                "State": "exited", "Status": HOSTILE, "Labels": {HOSTILE: HOSTILE}, "Networks": [HOSTILE], "Pod": HOSTILE,
                "PodName": HOSTILE, "Namespaces": {"Ipc": HOSTILE},
                "Ports": [{"host_ip": "::1", "host_port": 1, "container_port": 2, "range": 1, "protocol": "tcp"}]
            }]),
        ),
        (
            "/containers/x/json",
            json!({"Id": id, "Name": HOSTILE, "Image": HOSTILE, "Config": {"Labels": {HOSTILE: HOSTILE}}}),
        ),
        ("/containers/x/top", json!({"Titles": ["USER", HOSTILE], "Processes": [[HOSTILE, "1"]]})),
        (
            "/images/json",
            json!([{"Id": id, "RepoTags": [HOSTILE, format!("a/{HOSTILE}:1")], "Created": ago(60), "History": [HOSTILE], "Digest": HOSTILE}]),
        ),
        (
            "/images/x/history",
            json!([{"Id": id, "Created": ago(60), "CreatedBy": HOSTILE, "Tags": [HOSTILE], "Comment": HOSTILE}]),
        ),
        ("/images/x/json", json!({"Id": id, "RepoTags": [HOSTILE], "Author": HOSTILE})),
        (
            "/volumes/json",
            json!([{"Name": HOSTILE, "Driver": HOSTILE, "Mountpoint": HOSTILE, "Labels": {HOSTILE: HOSTILE}}]),
        ),
        ("/volumes/x/json", json!({"Name": HOSTILE, "Mountpoint": HOSTILE})),
        (
            "/networks/json",
            json!([{"name": HOSTILE, "id": id, "driver": HOSTILE, "labels": {HOSTILE: HOSTILE}}]),
        ),
        ("/networks/x/json", json!({"name": HOSTILE, "id": id})),
        ("/info", json!({"host": {"hostname": HOSTILE}, "store": {HOSTILE: HOSTILE}})),
        (
            "/version",
            json!({"Version": HOSTILE, "Components": [{"Name": HOSTILE, "Version": HOSTILE, "Details": {"APIVersion": HOSTILE}}]}),
        ),
    ])
}
