//! Tables, templates and documents.

use crate::answers::{ago, time, usual};
use crate::command::{cove, on_terminal, transcript};
use crate::service::Service;

/// Compares a transcript with the one that is kept.
macro_rules! kept {
    ($name:literal, $lines:expr) => {
        kept!($name, $lines, &Service::start(usual()))
    };
    ($name:literal, $lines:expr, $service:expr) => {
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false, filters => [
            // What differs from build to build.
            (r"(Version|GoVersion|BuiltTime|Built|OsArch|Os|GitCommit): .+", "$1: …"),
        ]}, {
            insta::assert_snapshot!($name, transcript($service, &$lines));
        });
    };
}
pub(crate) use kept;

#[test]
fn containers() {
    kept!(
        "ps",
        [
            "ps",
            "ps -a --size",
            "ps -a --no-trunc",
            "ps --ns",
            "ps -q",
            "ps --noheading",
            "ps -a --format '{{.ID}} {{.Names}} {{.Status}}'",
            "ps --format 'table {{.Names}} {{.Ports}}'",
            "ps --format '{{.Labels}}|{{.Networks}}|{{.RunningFor}}'",
            "ps --format '{{.NoSuch}}'",
            "ps --format '{{.ID'",
            "top web",
            "port web",
            "port web 80",
            "port web 81",
            "port -a",
        ]
    );
}

#[test]
fn pods() {
    kept!(
        "pods",
        [
            "pod ps",
            "pod ps --no-trunc --ns",
            "pod ps --ctr-ids --ctr-names --ctr-status",
            "pod ps -q",
            "pod ps -n",
            "pod ps --format '{{.Name}} {{.Labels}} {{.Networks}} {{.Restarts}}'",
            "pod ps --sort size",
            "pod stats --no-stream",
            "pod stats --no-stream --format json",
        ]
    );
}

#[test]
fn images() {
    kept!(
        "images",
        [
            "images",
            "images --digests",
            "images -q",
            "images --no-trunc",
            "images --noheading",
            "images --sort size",
            "images --format '{{.Repository}}:{{.Tag}} {{.Size}} {{.CreatedSince}}'",
            "images --format 'table {{.ID}}'",
            "history web",
            "history --no-trunc web",
            "history -q web",
            "history --human=false --format '{{.Size}}' web",
        ]
    );
}

#[test]
fn artifacts() {
    kept!(
        "artifacts",
        [
            "artifact ls",
            "artifact inspect --format '{{len .Manifest.Layers}} {{(index .Manifest.Layers 1).Size}}' quay.io/org/files:1",
            "artifact ls --no-trunc --noheading",
            "artifact ls --format '{{.Repository}} {{.VirtualSize}}'",
            "artifact rm",
            "artifact rm --all a",
            "artifact add --append --replace quay.io/a/b:1 /etc/hostname",
        ]
    );
}

#[test]
fn search() {
    kept!(
        "search",
        [
            "search nginx",
            "search --compatible nginx",
            "search --no-trunc nginx",
            "search --list-tags docker.io/nginx",
            "search --list-tags --format json docker.io/nginx",
            "search --format json --limit 1 nginx",
            "search --format 'table {{.Index}} {{.Name}} {{.Tag}}' nginx",
            "search --list-tags --filter is-official nginx",
            "image explain nginx",
            "image explain --format '{{.Platform}}' nginx",
            "search",
        ]
    );
}

#[test]
fn volumes_and_networks() {
    kept!(
        "volumes-networks",
        [
            "volume ls",
            "volume ls -q",
            "volume ls --format '{{.Name}} {{.Mountpoint}}'",
            "volume inspect data",
            "network ls",
            "network ls -q",
            "network ls --format json",
            "network ls --format '{{.Name}} {{.Subnets}}'",
            "network inspect front",
        ]
    );
}

#[test]
fn disk_usage() {
    kept!(
        "disk-usage",
        [
            "system df",
            "system df -v",
            "system df --format json",
            "system df --format '{{.Type}}:{{.Total}}:{{.Active}}:{{.RawSize}}'",
            "system df --format '{{json .}}'",
            "system df -v --format json",
            "system prune",
            "system prune --all --volumes",
            "system prune --force --volumes",
        ]
    );
}

#[test]
fn documents() {
    kept!(
        "documents",
        [
            "info",
            "info --format '{{.Host.Arch}} {{.Store.GraphDriverName}}'",
            "version --format '{{.Server.Version}}'",
            "inspect --format '{{.State.Status}} {{.Name}} {{len .NetworkSettings.Ports}}' web",
            "inspect --type container --format '{{json .NetworkSettings.Ports}}' web",
            "inspect --format '{{range $p, $c := .NetworkSettings.Ports}}{{$p}};{{end}}' web",
        ]
    );
}

#[test]
fn machines() {
    kept!(
        "machines",
        [
            "machine ls",
            "machine ls --format json",
            "machine ls -q",
            "machine inspect none",
            "machine stop none",
            "machine default",
            "machine default none",
            "machine logs none",
            "machine rm none",
            "machine rm -f none",
            "machine cp a b",
            "machine cp one:a two:b",
            "machine cp ./a none:b",
            "machine init --update-connection none"
        ]
    );
    let service = Service::start(usual());
    machine(&service, "dev", (7200, None), (2, 2048, 20));
    machine(&service, "big", (86_400 * 40, Some(86_400 * 3)), (8, 12_800, 100));
    let broken = service.folder().join(".local/share/containers/cove/machine/qemu/broken");
    cove_sys::fs::create_dir_all(&broken).unwrap();
    cove_sys::fs::write(broken.join("machine.json"), "{").unwrap();
    kept!(
        "machines-made",
        [
            "machine ls",
            "machine ls --noheading",
            "machine ls -q",
            "machine ls --format '{{.Name}}|{{.VMType}}|{{.CPUs}}|{{.Memory}}|{{.DiskSize}}|{{.Running}}|{{.Port}}'",
            "machine inspect dev --format '{{.Name}} {{.State}} {{.Resources.CPUs}} {{.Resources.Memory}}'",
            "machine inspect broken",
            "machine snapshot ls dev",
            "machine snapshot ls dev --format json",
            "machine snapshot ls nobody",
            "machine snapshot create dev ../up",
            "machine snapshot restore dev none",
            "machine resize dev --disk-size 10",
            "machine export dev",
            "machine import missing.cove",
            "machine import .local/share/containers/cove/machine/qemu/dev/machine.json",
            "machine cp dev:a ./b",
            "machine logs dev",
            "machine default dev",
            "machine default",
            "machine rm --save-ignition dev",
            "machine rm big",
            "machine rm -f big",
            "machine reset",
            "machine reset -f",
            "machine ls",
            "machine default",
        ],
        &service
    );
}

/// A machine that is off: seconds since it was made and since it was seen running; processors, MiB and GiB.
fn machine(
    service: &Service,
    name: &str,
    (made, up): (i64, Option<i64>),
    (cpus, memory, disk): (u32, u64, u64),
) {
    let folder = service.folder().join(".local/share/containers/cove/machine/qemu").join(name);
    cove_sys::fs::create_dir_all(&folder).unwrap();
    let record = serde_json::json!({
        "version": 1, "name": name, "provider": "qemu", "created": time(ago(made)),
        "last_up": up.map(|seconds| time(ago(seconds))),
        "cpus": cpus, "memory_mib": memory, "disk_gib": disk, "ssh_port": 40_022, "host_key": "ssh-ed25519 AAAA",
        "image": {
            "arch": "amd64", "variant": "init", "kernel_version": "6.1", "cove_version": "0.1.0",
            "disk_sha256": "00",
        },
    });
    cove_sys::fs::write(folder.join("machine.json"), record.to_string()).unwrap();
}

#[test]
fn terminals() {
    let service = Service::start(usual());
    let wide = on_terminal(cove(&service, &["ps", "-a"]), 200);
    let narrow = on_terminal(cove(&service, &["ps", "-a"]), 20);
    assert_eq!(wide, narrow, "a table is cut by the terminal, not by us");
    let mut colourless = cove(&service, &["inspect", "nobody"]);
    colourless.env("NO_COLOR", "1");
    let text = on_terminal(colourless, 20);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn files() {
    kept!(
        "files",
        [
            "diff web",
            "diff --format json web",
            "diff --format x web",
            "diff",
            "diff -l web",
            "image diff",
            "commit -q web image:1",
            "commit --format x web",
            "cp web:/nothing .",
            "cp web:/dangling .",
            "cp none web:/",
            "cp a b",
            "cp web: .",
        ]
    );
}
